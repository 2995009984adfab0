#!/usr/bin/env bash
# Memory of 10 000 idle sessions of each kind, and of the plain connection under them.
#
#   run.sh [--count N] [--limit BYTES] [--rounds N]
#
# For each kind a fresh sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --heartbeat-delay 600s
# --disconnect-delay 600s --ping-interval off`; measure.py opens the sessions and reads the server's
# resident memory. A websocket counts over the idle WebSocket on /ws/echo, an attached stream and a waiting
# poll over an idle HTTP connection; a session between two polls has no connection, so all of it counts.
#
# What else a heap keeps, a busy machine for instance makes bursts of it longer, only adds: each kind counts
# with the least of all rounds. Another round follows while a kind costs too much, up to --rounds (3).
# Exit status 0 only when in the end none costs more than --limit (1024) over its connection.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

count=10000 limit=1024 rounds=3
usage='usage: run.sh [--count N] [--limit BYTES] [--rounds N]'
while (($#)); do
  [[ ${2:-} =~ ^[0-9]+$ ]] || die "$usage"
  case $1 in
    --count) count=$2 ;;
    --limit) limit=$2 ;;
    --rounds) rounds=$2 ;;
    *) die "$usage" ;;
  esac
  shift 2
done

LIMIT=180 # seconds for one kind; it takes about 5, and on a busy machine several times that
# The server inherits it. Root may have more than the hard limit.
ulimit -n "$(ulimit -Hn)"
enough=$((count + 1000))
allowed() { [[ $(ulimit -n) == unlimited ]] || (($(ulimit -n) >= enough)); }
allowed || ulimit -n "$enough" 2>/dev/null || missing "only $(ulimit -n) open files are allowed, not $enough"
work=$CACHE/sockjs-memory
rm -rf "$work"
mkdir -p "$work"

declare -A COST=([none]=0)
measure() { # measure KIND: leaves its least cost so far in COST
  local log=$work/$1-$round.log own
  start_server "$log" --heartbeat-delay 600s --disconnect-delay 600s --ping-interval off
  own=$(timeout --kill-after=5 "$LIMIT" python3 -B "$here/measure.py" "$URL" "$SERVER" "$1" "$count") ||
    die "$1 could not be measured; logs: $work"
  stop_server || die "the server failed; logs: $work"
  ((own < ${COST[$1]:-own + 1})) && COST[$1]=$own
  return 0
}

over() { echo $((COST[$1] - COST[$2])); } # over KIND CONNECTION

report() { # report KIND CONNECTION WHAT
  local over status=ok
  over=$(over "$1" "$2")
  ((over <= limit)) || status=FAILED
  printf '%-7s %-10s %6d B, %s %6d B, over it %6d B (at most %d)\n' \
    "$status" "$1" "${COST[$1]}" "$3" "${COST[$2]}" "$over" "$limit"
}

small() { # whether none costs too much
  local pair
  for pair in 'websocket ws' 'streaming http' 'pending http' 'between none'; do
    # shellcheck disable=SC2086  # two words
    (($(over $pair) <= limit)) || return 1
  done
}

failed=1
for ((round = 1; round <= rounds && failed; round++)); do
  for kind in http ws websocket streaming between pending; do measure "$kind"; done
  if small; then failed=0; fi
done
say "$count of each kind, resident bytes for one, least of $((round - 1)) rounds:"
report websocket ws 'an idle WebSocket'
report streaming http 'an idle connection'
report pending http 'an idle connection'
report between none 'no connection    '
exit "$failed"
