#!/usr/bin/env bash
# The console page of our server (or of $SOCKJS_SERVER) in headless Chromium.
#
#   run.sh
#
# One line per check; exit status 0 only when all are good. CHROMIUM names another browser.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

make_playwright() {
  say "installing playwright-core into $CACHE/console"
  rm -rf "$CACHE/console"
  mkdir -p "$CACHE/console"
  cp "$here/package.json" "$here/package-lock.json" "$CACHE/console/"
  (cd "$CACHE/console" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

command -v npm >/dev/null || missing "no Node with npm, which drives the browser"
once console "$here/package.json" "$here/package-lock.json" -- make_playwright ||
  die "playwright-core does not install"
export NODE_PATH=$CACHE/console/node_modules

browser=${CHROMIUM:-$(command -v chromium || true)}
if [[ -z $browser ]]; then
  need_debian chromium || missing "no chromium, and Debian's does not install (see $CACHE/apt.log)"
  browser=$(command -v chromium)
fi

LIMIT=180 # seconds for the whole check; it takes about 25
work=$CACHE/console-check
rm -rf "$work"
mkdir -p "$work"
# Under a list of origins there is no jsonp and no htmlfile.
start_server "$work/server.log" --allow-origin '*'
status=0
timeout "$LIMIT" node "$here/check.js" "$URL" "$browser" || status=$?
stop_server || status=1
((status == 0)) || show_log "$work/server.log"
exit "$status"
