#!/usr/bin/env bash
# Every draft in both roles against third parties; prints a 5 x 2 matrix.
#
#   run.sh [server|client]     one role only; both by default
#
# Each third party of a cell sends or gets an empty text, one of 70 KB and one that is not ASCII, and
# the connection is closed once from each side. Exit status 0 only when every cell is full and good.
#
# server: our sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --drafts 75,76,7,8,13
#   --allow-origin *` (the third parties claim foreign origins, one without a scheme). /ws/echo echoes;
#   /ws/close?code=1000&reason=bye closes at once after the handshake, and so does /ws/close alone, as
#   one client drops the query.
#
# client: $DRAFT_CLIENT, by default the binary `draft-client` of the package `tests`, is run as
#     draft-client --draft 75|76|7|8|13 --close ours|theirs URL
#   where URL is ws://127.0.0.1:PORT/ws/echo. It opens with that draft and an Origin, and sends three
#   texts, each after the echo of the one before is there and equal to the byte: the empty one; one of
#   at least 70 000 bytes; one with characters of two, three and four bytes. Then with
#     --close ours     it closes (hybi: 1000) and demands the answer (hybi: close 1000; hixie-76: FF 00;
#                      hixie-75: nothing) and then the end of TCP;
#     --close theirs   it sends the text `please close` and demands that the server closes (hybi: 1000
#                      `bye`; hixie-76: FF 00; hixie-75: the end of TCP), answers, and sees the end.
#   It prints one line, `ok DETAIL` and exits 0, or a reason and exits 1, after 30 s at most.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

roles=(server client)
case ${1:-} in
  '') ;;
  server | client) roles=("$1") ;;
  *) die "usage: run.sh [server|client]" ;;
esac

DRAFTS=(75 76 7 8 13)
declare -A NAME=([75]=hixie-75 [76]=hixie-76 [7]=hybi-07 [8]=hybi-08 [13]='RFC 6455')
declare -A CELL=()         # "role draft" -> what the third parties of that cell did
declare -A HOLE=()         # "role draft" -> why no third party exists; none today
problems=()                # failures, and third parties that could not be had

work=$CACHE/old-drafts
rm -rf "$work"
mkdir -p "$work"

# --- the third parties ----------------------------------------------------------------------------

declare -A PARTY=() # what can be had -> its name and version
unavailable() { # unavailable ROLE PARTY WHY
  [[ " ${roles[*]} " != *" $1 "* ]] || problems+=("missing: $2: $3")
}
if need_debian ruby ruby-websocket ruby-em-websocket; then
  PARTY[ruby-websocket]="ruby-websocket $(debian_version ruby-websocket)"
  PARTY[em-websocket]="em-websocket $(debian_version ruby-em-websocket)"
else
  unavailable server ruby-websocket "Debian's package ruby-websocket cannot be installed here"
  unavailable client em-websocket "Debian's package ruby-em-websocket cannot be installed here"
fi
if need_debian libprotocol-websocket-perl; then
  PARTY[perl]="Protocol::WebSocket $(debian_version libprotocol-websocket-perl)"
else
  unavailable server Protocol::WebSocket "Debian's package libprotocol-websocket-perl cannot be installed here"
fi
if need_py27; then
  PARTY[websocket-client]="websocket-client $("$PY" -W ignore -c 'import pkg_resources as p; print(p.get_distribution("websocket-client").version)')"
else
  unavailable server websocket-client 'no Python 2.7'
fi
if need_npm; then
  PARTY[websocket-driver]="websocket-driver $(node -p 'require("websocket-driver/package.json").version')"
else
  unavailable client websocket-driver 'no node or no npm'
fi

# --- one cell -------------------------------------------------------------------------------------

# record ROLE DRAFT PARTY STATUS: adds a third party to its cell.
record() { CELL["$1 $2"]+="${CELL["$1 $2"]:+, }${PARTY[$3]} $4"; }

# talk LOG COMMAND...: runs one client; 0 when it says ok.
talk() {
  local log=$1
  shift
  timeout --kill-after=5 60 "$@" >"$log" 2>&1 </dev/null && [[ $(tail -n 1 "$log") == ok* ]]
}

failure() { problems+=("FAILED: ${NAME[$2]}, our $1, ${PARTY[$3]}, close $4: $5"); }

# A third-party client against our server: closes itself, then is closed by us.
test_server() {
  local party=$1 drafts=$2 draft way path log status
  shift 2
  [[ -n ${PARTY[$party]:-} ]] || return 0
  for draft in $drafts; do
    status=ok
    for way in ours at-once; do
      path=/ws/echo
      [[ $way == ours ]] || path='/ws/close?code=1000&reason=bye'
      log=$work/server-$draft-$party-$way.log
      if ! talk "$log" "$@" --draft "$draft" --close "$way" "ws${URL#http}$path"; then
        status=FAILED
        failure server "$draft" "$party" "$way" "$(tail -n 1 "$log")"
      fi
    done
    record server "$draft" "$party" "$status"
  done
}

# What the third party must have printed since LINE: the draft, the three texts, and the end, with
# code 1000 where there are codes.
seen() { # seen LOG LINE DRAFT
  awk -v line="$2" -v draft="$3" '
    NR <= line || $2 != draft { next }
    $1 == "open" { opened = 1 }
    $1 == "text" && $3 == 0 { empty = 1 }
    $1 == "text" && $3 >= 70000 { large = 1 }
    $1 == "text" && $3 > $4 { wide = 1 }
    $1 == "closed" && (draft > 70 || $3 == 1000) { closed = 1 }
    END { exit !(opened && empty && large && wide && closed) }' "$1"
}

# Our client against a third-party server.
test_client() {
  local party=$1 plan=$2 item draft way log server_log=$work/client-$1-server.log status lines server
  declare -A statuses=()
  shift 2
  [[ -n ${PARTY[$party]:-} ]] || return 0
  spawn "$server_log" "$@" --listen 127.0.0.1:0
  server=$SPAWNED
  wait_for "$server" 20 printed_url "$server_log" || { show_log "$server_log"; die "$party does not start"; }
  for item in $plan; do
    draft=${item%:*} way=${item#*:}
    log=$work/client-$draft-$party-$way.log
    lines=$(wc -l <"$server_log")
    status=ok
    if ! talk "$log" "${client[@]}" --draft "$draft" --close "$way" "ws${URL#http}/ws/echo"; then
      status=FAILED
      failure client "$draft" "$party" "$way" "$(tail -n 1 "$log")"
    elif ! wait_for "$server" 3 seen "$server_log" "$lines" "$draft"; then
      status=FAILED
      failure client "$draft" "$party" "$way" "the server saw: $(tail -n "+$((lines + 1))" "$server_log" | tr '\n' ';')"
    fi
    [[ ${statuses[$draft]:-ok} == FAILED ]] || statuses[$draft]=$status
  done
  for draft in "${DRAFTS[@]}"; do
    [[ -z ${statuses[$draft]:-} ]] || record client "$draft" "$party" "${statuses[$draft]}"
  done
  stop "$server" 5 || true
}

for role in "${roles[@]}"; do
  if [[ $role == server ]]; then
    start_server "$work/server.log" --drafts 75,76,7,8,13 --allow-origin '*'
    test_server ruby-websocket '75 76 7 8 13' ruby "$here/client.rb"
    test_server perl '75 76 8 13' perl "$here/client.pl"
    test_server websocket-client 76 "${PY:-}" -W ignore "$here/client.py"
    stop_server || problems+=('FAILED: our server did not live to a clean end')
  else
    if [[ -n ${DRAFT_CLIENT:-} ]]; then
      read -ra client <<<"$DRAFT_CLIENT"
    else
      build tests draft-client
      client=("$BUILT")
    fi
    test_client websocket-driver '75:ours 75:theirs 76:ours 76:theirs 7:ours 7:theirs 8:ours 8:theirs 13:ours 13:theirs' \
      node "$here/server.js"
    # It ends hixie-76 without the closing bytes, so that one is left out.
    test_client em-websocket '75:ours 75:theirs 76:ours 7:ours 7:theirs 8:ours 8:theirs 13:ours 13:theirs' \
      ruby "$here/server.rb"
  fi
done

# --- the matrix -----------------------------------------------------------------------------------

# verdict ROLE DRAFT: the cell in one word.
verdict() {
  case ${CELL["$1 $2"]:-} in
    '') echo HOLE ;;
    *FAILED*) echo FAILED ;;
    *) echo ok ;;
  esac
}

printf '%-10s' ''
printf '%-12s' "${roles[@]/#/our }"
for draft in "${DRAFTS[@]}"; do
  printf '\n%-10s' "${NAME[$draft]}"
  for role in "${roles[@]}"; do printf '%-12s' "$(verdict "$role" "$draft")"; done
done
say
for role in "${roles[@]}"; do
  for draft in "${DRAFTS[@]}"; do
    why=${HOLE["$role $draft"]:-}
    say "our $role, ${NAME[$draft]}: ${CELL["$role $draft"]:-${why:-no third party could be had}}"
    [[ -n ${CELL["$role $draft"]:-}$why ]] || problems+=("missing: a third party for our $role, ${NAME[$draft]}")
  done
done

failed=0
for problem in "${problems[@]}"; do
  say "$problem"
  [[ $problem == missing:* && ${INTEROP_SKIP_MISSING:-} == 1 ]] || failed=1
done
((failed == 0)) || say "logs: $work"
exit "$failed"
