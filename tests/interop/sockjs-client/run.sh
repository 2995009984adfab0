#!/usr/bin/env bash
# npm `sockjs-client` of several ages in Node and in headless Chromium, each transport forced in turn.
#
#   run.sh [--client VERSION]... [--transport NAME]... [--runtime NAME] [--node-only|--browser-only]
#
# Three places: Node, a page on another port (another origin), a page of the server's own origin.
# In each of them 1000 numbered messages go each way in order over /echo, then every UTF-16 code unit, the
# strings that embeddings damage and 64 KiB; /close ends with 3000 "Go away!". A transport counts only
# when the client names it as the one in use and the server was asked for its paths and no others. Which
# client has which transport where stands in clients.js; one that a client has not got is tried too and
# must be refused by the client.
#
# The server is our sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 --allow-origin *` and,
# so that the iframe page loads the same client, `--sockjs-client FILE`. $SOCKJS_OPTIONS is added to them.
# With $SOCKJS_URL a server that runs already is used, and the iframe page must hold the client's version.
# $CHROMIUM is the browser instead of Debian's. One line for each client, place and transport.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/interop/sockjs-client/install.sh
source "$here/install.sh"

usage='usage: run.sh [--client VERSION]... [--transport NAME]... [--runtime NAME] [--node-only|--browser-only]'
clients=() transports=() options=() places=node,other,own
while (($#)); do
  case $1 in
    --client) clients+=("${2:?$usage}") && shift ;;
    --transport) transports+=("${2:?$usage}") && shift ;;
    --runtime) options+=(--runtime "${2:?$usage}") && shift ;;
    --node-only) places=node ;;
    --browser-only) places=other,own ;;
    *) die "$usage" ;;
  esac
  shift
done

need_clients || missing 'no node or no npm'
[[ $places == node ]] || need_chromium || missing "no chromium, and Debian's does not install (see $CACHE/apt.log)"

known=$(node -p "Object.keys(require('$here/clients').CLIENTS).join(' ')")
((${#clients[@]})) || read -ra clients <<<"$known"
names=$(node -p "Object.keys(require('$here/clients').REQUESTS).join(' ')")
for transport in "${transports[@]}"; do
  [[ " $names " == *" $transport "* ]] || die "no transport $transport: $names"
done

# SOCKJS_OPTIONS is a list of words.
read -ra more <<<"${SOCKJS_OPTIONS:-}"
options+=("${more[@]}")
work=$CACHE/sockjs-client-logs
rm -rf "$work"
mkdir -p "$work"

# drive VERSION: one client through all places.
drive() {
  timeout --kill-after=5 "$LIMIT" node "$here/drive.js" "$CACHE/sockjs-client" "$1" "$URL" "${BROWSER:-}" "$places" \
    "$(IFS=, && echo "${transports[*]}")"
}

LIMIT=900 # seconds for one client; it takes about 60
failed=0
for version in "${clients[@]}"; do
  [[ " $known " == *" $version "* ]] || die "no client $version: $known"
  if [[ -n ${SOCKJS_URL:-} ]]; then
    URL=$SOCKJS_URL
    drive "$version" || failed=1
    continue
  fi
  script=$(node -p "require('$here/clients').CLIENTS['$version'].script || ''")
  start_server "$work/server-$version.log" --allow-origin '*' ${script:+--sockjs-client "$CACHE/sockjs-client/$script"} \
    "${options[@]}"
  drive "$version" || failed=1
  stop_server || failed=1
done
((failed == 0)) || say "logs: $work"
exit "$failed"
