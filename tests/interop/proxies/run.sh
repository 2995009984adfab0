#!/usr/bin/env bash
# The server behind Debian's nginx and HAProxy with the lines that everyone uses.
#
#   run.sh [--proxy nginx|haproxy]... [--node-only]
#
# Every transport of sockjs-client 1.6.1 works through each proxy, in Node and in Chromium, with both
# origins; so do the raw WebSocket and closes, and the hixie drafts where the proxy lets them through;
# and what is written to a stream arrives at once. Then
# X-Forwarded-For: with `--trusted-proxy 127.0.0.1` the server believes the address that the proxy adds
# (127.0.0.2) and never the one that the client claims (203.0.113.9); without the option it believes
# neither.
#
# The server is our sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --allow-origin *
# --drafts 75,76,7,8,13 --log debug --sockjs-client FILE [--trusted-proxy 127.0.0.1]`. At that level its
# log must have, for each session, a line with the address that it takes for the client's.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/interop/sockjs-client/install.sh
source "$INTEROP_DIR/sockjs-client/install.sh"

usage='usage: run.sh [--proxy nginx|haproxy]... [--node-only]'
proxies=() scope=()
while (($#)); do
  case $1 in
    --proxy) [[ ${2:-} == nginx || ${2:-} == haproxy ]] || die "$usage"; proxies+=("$2"); shift ;;
    --node-only) scope=(--node-only) ;;
    *) die "$usage" ;;
  esac
  shift
done
((${#proxies[@]})) || proxies=(nginx haproxy)

need_debian nginx-light haproxy || missing "Debian's nginx-light and haproxy cannot be installed here (see $CACHE/apt.log)"
PATH=$PATH:/usr/sbin
work=$CACHE/proxies
rm -rf "$work"
mkdir -p "$work"
failed=0

nginx_conf() { # nginx_conf PORT SERVER
  cat <<CONF
user $(id -un) $(id -gn);
daemon off;
worker_processes 1;
pid $work/nginx.pid;
error_log stderr;
events {}
http {
  access_log off;
  client_body_temp_path $work/nginx-body;
  proxy_temp_path $work/nginx-proxy;
  fastcgi_temp_path $work/nginx-fastcgi;
  uwsgi_temp_path $work/nginx-uwsgi;
  scgi_temp_path $work/nginx-scgi;
  server {
    listen 127.0.0.1:$1;
    location / {
      proxy_pass http://127.0.0.1:$2;
      proxy_http_version 1.1;
      proxy_set_header Upgrade \$http_upgrade;
      proxy_set_header Connection "upgrade";
      proxy_set_header Host \$http_host;
      proxy_set_header X-Real-IP \$remote_addr;
      proxy_set_header X-Forwarded-For \$proxy_add_x_forwarded_for;
      proxy_set_header X-Forwarded-Proto \$scheme;
    }
  }
}
CONF
}

# The defaults are those of Debian's /etc/haproxy/haproxy.cfg. Since 2.4, in mode http, it answers 400 by
# itself to an upgrade to WebSocket without Sec-WebSocket-Key, so the hixie drafts go through mode tcp.
haproxy_conf() { # haproxy_conf PORT SERVER TCP_PORT
  cat <<CONF
defaults
  mode http
  timeout connect 5000
  timeout client 50000
  timeout server 50000
  option forwardfor
frontend in
  bind 127.0.0.1:$1
  default_backend out
backend out
  server one 127.0.0.1:$2
listen tcp
  mode tcp
  bind 127.0.0.1:$3
  server one 127.0.0.1:$2
CONF
}

connects() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# start_proxy NAME: in front of $URL; leaves $PROXY (pid), $PORT and $TCP_PORT.
start_proxy() {
  local server=${URL##*:}
  PORT=$(free_port)
  TCP_PORT=$(free_port)
  "$1_conf" "$PORT" "${server%/}" "$TCP_PORT" >"$work/$1.conf"
  case $1 in
    nginx) spawn "$work/nginx.log" nginx -e stderr -c "$work/nginx.conf" ;;
    haproxy) spawn "$work/haproxy.log" haproxy -db -f "$work/haproxy.conf" ;;
  esac
  PROXY=$SPAWNED
  wait_for "$PROXY" 10 connects "$PORT" || { show_log "$work/$1.log"; die "$1 does not start"; }
}

WEBSOCKETS=(2.11-handshake-13 2.11-close 2.11-raw-echo 2.11-raw-close 2.11-large)
STREAMS=(1.15-prompt-xhr_streaming 1.15-prompt-eventsource 1.15-prompt-htmlfile)
HIXIE=(2.12-late-nonce 2.12-nonce-with-the-head 2.12-hixie-75)

# checks PORT ID...: those of the probe, on the newest dialect.
checks() {
  local port=$1 name only=()
  shift
  for name in "$@"; do only+=(--only "$name"); done
  timeout --kill-after=5 120 python3 -B "$INTEROP_DIR/sockjs-probe/probe.py" "http://127.0.0.1:$port" newest --verbose \
    "${only[@]}" || failed=1
}

transports() { # transports NAME
  say "-- sockjs-client 1.6.1 through $1"
  SOCKJS_URL=http://127.0.0.1:$PORT "$INTEROP_DIR/sockjs-client/run.sh" --client 1.6.1 "${scope[@]}" || failed=1
  say "-- WebSockets and streams through $1"
  checks "$PORT" "${WEBSOCKETS[@]}" "${STREAMS[@]}"
  if [[ $1 == nginx ]]; then
    checks "$PORT" "${HIXIE[@]}"
  else
    say "-- hixie-75 and hixie-76 through $1 in mode tcp"
    checks "$TCP_PORT" "${HIXIE[@]}"
  fi
}

# believed ADDRESS: the server's log names ADDRESS.
believed() { grep -Eqs "(^|[^0-9.])${1//./\\.}([^0-9.]|$)" "$log" "$log.err"; }

addresses() { # addresses NAME TRUSTED
  local detail=ok
  detail=$(timeout 30 python3 -B "$here/address.py" "$PORT") || true
  sleep 0.3
  if [[ $detail == ok ]]; then
    if believed 203.0.113.9; then detail='the address that the client claims is believed'
    elif [[ $2 == trusted ]] && ! believed 127.0.0.2; then detail='the address that the proxy adds is not in the log'
    elif [[ $2 != trusted ]] && believed 127.0.0.2; then detail='the header is believed'
    elif [[ $2 != trusted ]] && ! believed 127.0.0.1; then detail="the log has no addresses: $log"
    fi
  fi
  if [[ $detail == ok ]]; then say "ok      $1: X-Forwarded-For, proxy $2"
  else
    say "FAILED  $1: X-Forwarded-For, proxy $2: $detail"
    failed=1
  fi
}

need_clients || missing 'no node or no npm'
script=$(node -p "require('$INTEROP_DIR/sockjs-client/clients').CLIENTS['1.6.1'].script")
for proxy in "${proxies[@]}"; do
  for trust in trusted 'not trusted'; do
    log=$work/$proxy-${trust// /-}.log
    options=(--trusted-proxy 127.0.0.1)
    [[ $trust == trusted ]] || options=()
    start_server "$log" --allow-origin '*' --drafts 75,76,7,8,13 --log debug \
      --sockjs-client "$CACHE/sockjs-client/$script" "${options[@]}"
    start_proxy "$proxy"
    addresses "$proxy" "$trust"
    [[ $trust == trusted ]] || transports "$proxy"
    stop "$PROXY" 5 || true
    stop_server || failed=1
  done
done
((failed == 0)) || say "logs: $work"
exit "$failed"
