#!/usr/bin/env bash
# The black-box probe on every dialect; prints what failed and the counts of each.
#
#   run.sh [DIALECT]...     all seven by default
#
# The server is our sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --dialect NAME
# --drafts 75,76,7,8,13 --allow-origin *`, then with short delays (`--heartbeat-delay 1s --disconnect-delay 1s`)
# and then, without --allow-origin, with the default policy. $PROBE_OPTIONS goes to probe.py, which explains
# the ids; $PROBE_SUITES chooses among main, delays and origins.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

DIALECTS=(0.0.4 0.1 0.2 0.2.1 0.3 0.3.3 newest)
LIMIT=120 # seconds for one dialect; it takes about 10
work=$CACHE/sockjs-probe
rm -rf "$work"
mkdir -p "$work"
read -ra options <<<"${PROBE_OPTIONS:-}"
(($#)) || set -- "${DIALECTS[@]}"

read -ra suites <<<"${PROBE_SUITES:-main delays origins}"

declare -A SERVED=(
  [main]="--allow-origin *"
  [delays]="--allow-origin * --heartbeat-delay 1s --disconnect-delay 1s"
  [origins]=""
)
failed=0
for dialect in "$@"; do
  [[ " ${DIALECTS[*]} " == *" $dialect "* ]] || die "no dialect $dialect: ${DIALECTS[*]}"
  for suite in "${suites[@]}"; do
    read -ra served <<<"${SERVED[$suite]}"
    start_server "$work/server-$dialect-$suite.log" --dialect "$dialect" --drafts 75,76,7,8,13 "${served[@]}"
    timeout --kill-after=5 "$LIMIT" python3 -B "$here/probe.py" "$URL" "$dialect" --suite "$suite" "${options[@]}" || failed=1
    stop_server || failed=1
  done
done
((failed == 0)) || say "logs: $work"
exit "$failed"
