#!/usr/bin/env bash
# https:// and wss:// of our server against Node and OpenSSL, with close_notify both ways.
#
#   run.sh
#
# Our sockjs-server (or $SOCKJS_SERVER) runs with `--listen 127.0.0.1:0 --tls-cert FILE --tls-key FILE`
# and must print `listening on https://...`. One line for each check; exit status 0 only when all are ok.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/interop/certificate.sh
source "$INTEROP_DIR/certificate.sh"

command -v openssl >/dev/null || missing 'no openssl'
need_npm || missing 'no node or no npm'

work=$CACHE/tls
rm -rf "$work"
mkdir -p "$work"
make_certificate "$work"
start_server "$work/server.log" --tls-cert "$CERTIFICATE" --tls-key "$KEY"
[[ $URL == https://127.0.0.1:* ]] || die "the server prints $URL, not https://127.0.0.1:PORT"
port=${URL##*:}
port=${port%/}
wss=wss://localhost:$port
failed=0

# check NAME COMMAND...: the last line that COMMAND prints is the detail.
check() {
  local name=$1 log status=ok
  shift
  log=$work/$(tr -cs 'a-z0-9' '-' <<<"${name,,}").log
  timeout --kill-after=5 60 "$@" >"$log" 2>&1 </dev/null || { status=FAILED failed=1; }
  printf '%-6s %s: %s\n' "$status" "$name" "$(tail -n 1 "$log")"
}

# s_client NAME: what is on stdin goes to the server; everything, and the TLS messages, into $transcript.
# -ign_eof keeps the client there until the server has ended the connection.
s_client() {
  transcript=$work/$1.transcript
  timeout --kill-after=5 20 openssl s_client -connect "127.0.0.1:$port" -servername localhost \
    -CAfile "$CERTIFICATE" -verify_return_error -ign_eof -msg "${@:2}" >"$transcript" 2>&1 ||
    { echo "openssl s_client, status $?: $(grep -ai 'error\|errno' "$transcript" | tail -n 1)"; return 1; }
}

holds() { # holds TEXT WHAT
  grep -aq -- "$1" "$transcript" || { echo "no $2 in $transcript"; return 1; }
}

server_closed_notify() { holds '^<<< TLS.*Alert.*close_notify' "close_notify from the server"; }

openssl_get() { # openssl_get -tls1_2|-tls1_3
  printf '%s\r\n' 'GET / HTTP/1.1' 'Host: localhost' 'Connection: close' '' >"$work/get.bytes"
  s_client "get$1" "$1" <"$work/get.bytes" || return 1
  holds 'Verify return code: 0 (ok)' 'verified certificate' && holds '^HTTP/1.1 200 ' 'status 200' &&
    server_closed_notify || return 1
  echo "200 and close_notify, $(grep -aom 1 'TLSv1\.[23]' "$transcript")"
}

# A whole WebSocket connection in one write: request, masked text `Hello`, masked close 1000.
openssl_websocket() {
  printf '%s\r\n' 'GET /ws/echo HTTP/1.1' 'Host: localhost' 'Upgrade: websocket' 'Connection: Upgrade' \
    'Sec-WebSocket-Version: 13' 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' '' >"$work/websocket.bytes"
  printf '\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x88\x82\x37\xfa\x21\x3d\x34\x12' >>"$work/websocket.bytes"
  s_client websocket <"$work/websocket.bytes" || return 1
  holds 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=' 'Sec-WebSocket-Accept' && holds 'Hello' 'echo' &&
    server_closed_notify || return 1
  echo 'echo, close and close_notify'
}

# A client that ends TCP without close_notify must not disturb the server.
truncated() {
  local attempt
  for attempt in 1 2 3; do
    python3 - "$CERTIFICATE" "$port" <<'PYTHON' || { echo "attempt $attempt: the TLS handshake failed"; return 1; }
import socket, ssl, sys
context = ssl.create_default_context(cafile=sys.argv[1])
tls = context.wrap_socket(socket.create_connection(("127.0.0.1", int(sys.argv[2])), 5), server_hostname="localhost")
tls.sendall(b"GET /ws/echo HTTP/1.1\r\n")
tls.close()
PYTHON
  done
  alive "$SERVER" || { echo 'the server is gone'; return 1; }
  node "$here/client.js" "$CERTIFICATE" https "https://localhost:$port/"
}

# No connection may be left behind, in any state but that of a finished one.
no_connection_left() {
  local deadline=$((SECONDS + 5)) hex left
  hex=$(printf ':%04X' "$port")
  # Field 2 is the local address, 4 the state: 0A listens, 06 is TIME_WAIT.
  while left=$(awk -v port="$hex\$" '$2 ~ port && $4 != "0A" && $4 != "06"' /proc/net/tcp) && [[ -n $left ]]; do
    ((SECONDS < deadline)) || { printf '%s\nconnections are left 5 s after their end\n' "$left"; return 1; }
    sleep 0.1
  done
  echo 'none'
}

refuses_plain_http() {
  local answer
  answer=$(timeout 15 python3 -c '
import socket, sys
tcp = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 10)
tcp.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
data = b""
try:
    while more := tcp.recv(4096): data += more
except ConnectionResetError: pass
print(data[:12])' "$port") || { echo 'the connection hangs'; return 1; }
  [[ $answer != *'HTTP/1.1 200'* ]] || { echo 'plain http was served'; return 1; }
  echo 'not served'
}

# check runs its command under timeout, which needs a program: functions go through this.
export -f holds s_client server_closed_notify openssl_get openssl_websocket alive truncated no_connection_left refuses_plain_http
export work port CERTIFICATE SERVER here

node_check=(node "$here/client.js" "$CERTIFICATE")
check 'Node, https' "${node_check[@]}" https "https://localhost:$port/"
check 'Node, https by address' "${node_check[@]}" https "https://127.0.0.1:$port/"
check 'Node, wss echo' "${node_check[@]}" wss "$wss/ws/echo"
check 'Node, wss closed by the server' "${node_check[@]}" closed "$wss/ws/close?code=1000&reason=bye"
check 'openssl s_client, https, TLS 1.3' bash -c 'openssl_get -tls1_3'
check 'openssl s_client, https, TLS 1.2' bash -c 'openssl_get -tls1_2'
check 'openssl s_client, wss' bash -c openssl_websocket
check 'close_notify from the client, idle http' python3 "$here/close_notify.py" "$CERTIFICATE" "$port" idle
check 'close_notify from the client, open WebSocket' python3 "$here/close_notify.py" "$CERTIFICATE" "$port" websocket
check 'end of TCP without close_notify' bash -c truncated
check 'plain http on the TLS port' bash -c refuses_plain_http
check 'connections left behind' bash -c no_connection_left
stop_server || failed=1

printf 'Autobahn 5.* over wss: '
"$here/../autobahn/run.sh" server --tls --cases '5.*' || failed=1
((failed == 0)) || say "logs: $work"
exit "$failed"
