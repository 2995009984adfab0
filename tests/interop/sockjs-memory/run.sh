#!/usr/bin/env bash
# Memory of 10 000 idle sessions of each kind, and of the plain connection under them.
#
#   run.sh [--count N] [--limit BYTES]
#
# For each kind a fresh sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --heartbeat-delay 600s
# --disconnect-delay 600s --ping-interval off`; measure.py opens the sessions and reads the server's
# resident memory. A websocket counts over the idle WebSocket on /ws/echo, an attached stream and a waiting
# poll over an idle HTTP connection; a session between two polls has no connection, so all of it counts.
# Exit status 0 only when none costs more than --limit (1024) over that.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

count=10000 limit=1024
while (($#)); do
  [[ ${2:-} =~ ^[0-9]+$ ]] || die 'usage: run.sh [--count N] [--limit BYTES]'
  case $1 in
    --count) count=$2 ;;
    --limit) limit=$2 ;;
    *) die 'usage: run.sh [--count N] [--limit BYTES]' ;;
  esac
  shift 2
done

LIMIT=120 # seconds for one kind; it takes about 10
ulimit -n "$(ulimit -Hn)"
files=$(ulimit -n)
[[ $files == unlimited ]] || ((files > count + 1000)) || missing "only $files open files are allowed, not $((count + 1000))"
work=$CACHE/sockjs-memory
rm -rf "$work"
mkdir -p "$work"
failed=0

declare -A COST=()
measure() { # measure KIND: leaves its cost in COST
  local log=$work/$1.log
  start_server "$log" --heartbeat-delay 600s --disconnect-delay 600s --ping-interval off
  COST[$1]=$(timeout --kill-after=5 "$LIMIT" python3 -B "$here/measure.py" "$URL" "$SERVER" "$1" "$count") ||
    { say "FAILED  $1 could not be measured"; failed=1; COST[$1]=; }
  stop_server || failed=1
}

report() { # report KIND OVER WHAT
  local own=${COST[$1]} plain=${COST[$2]:-0} over status=ok
  [[ -n $own && -n $plain ]] || return 0
  over=$((own - plain))
  ((over <= limit)) || { status=FAILED failed=1; }
  printf '%-7s %-10s %6d B, %s %6d B, over it %6d B (at most %d)\n' "$status" "$1" "$own" "$3" "$plain" "$over" "$limit"
}

for kind in http ws websocket streaming between pending; do measure "$kind"; done
say "$count of each kind, resident bytes for one:"
report websocket ws 'an idle WebSocket'
report streaming http 'an idle connection'
report pending http 'an idle connection'
report between none 'no connection    '
((failed == 0)) || say "logs: $work"
exit "$failed"
