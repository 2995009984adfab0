#!/usr/bin/env bash
# Tries the interop scripts with third parties in our place, where the right verdicts are known: a
# script that accepts everything, or fails for a reason of its own, is found here and not in ours.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/lib.sh"
need_npm || missing 'no node or no npm'

failed=0

# expect STATUS PATTERN COMMAND...: COMMAND ends with STATUS and prints PATTERN (grep -E).
expect() {
  local wanted=$1 pattern=$2 status=0 out
  shift 2
  out=$(timeout --kill-after=5 300 "$@" 2>&1) || status=$?
  if ((status == wanted)) && grep -Eq "$pattern" <<<"$out"; then
    say "ok     ${*#"$here"/}"
  else
    say "FAILED ${*#"$here"/}: status $status instead of $wanted, or no '$pattern' in:" "$out"
    failed=1
  fi
}

expect 0 '^OK$' python3 -B "$here/autobahn/check_test.py"

# ws finds bad UTF-8 only at the end of a frame: NON-STRICT in the four fail-fast cases, as is known of it.
fail_fast='40 cases: 36 OK, 0 INFORMATIONAL, 0 FAILED, 4 NON-STRICT, 0 UNIMPLEMENTED, 0 unclean'
SOCKJS_SERVER=$here/stand-in/ws-server.js expect 1 "server: $fail_fast" \
  "$here/autobahn/run.sh" server --cases '1.*,5.*,6.4.*'
AUTOBAHN_CLIENT="node $here/stand-in/autobahn-client.js" expect 1 "client: $fail_fast" \
  "$here/autobahn/run.sh" client --cases '1.*,5.*,6.4.*'
SOCKJS_SERVER=/bin/true expect 1 'did not print' "$here/autobahn/run.sh" server --cases '1.*'
AUTOBAHN_CLIENT=/bin/true expect 1 'does not exist' "$here/autobahn/run.sh" client --cases '1.*'

# websocket-driver takes the nonce for a body when there is a Content-Length, so Perl's kit fails on it.
SOCKJS_SERVER=$here/old-drafts/server.js expect 1 '^hixie-76 +FAILED' "$here/old-drafts/run.sh" server
DRAFT_CLIENT="ruby $here/old-drafts/client.rb" expect 0 '^RFC 6455 +ok' "$here/old-drafts/run.sh" client
# A client that only says ok is not believed.
DRAFT_CLIENT='echo ok' expect 1 'the server saw: $' "$here/old-drafts/run.sh" client

SOCKJS_SERVER=$here/stand-in/ws-server.js expect 0 '^Autobahn 5.* 20 OK' "$here/tls/run.sh"

# --- SockJS: sockjs-node 0.3.24 in our place ------------------------------------------------------------

# shellcheck source=tests/interop/sockjs-client/install.sh
source "$here/sockjs-client/install.sh"
need_clients
export SOCKJS_SERVER=$here/sockjs-client/server.js
REPAIRED=1 expect 0 '^1.6.1: 21 ok, 12 absent as known, 0 failed' "$here/sockjs-client/run.sh" --client 1.6.1
REPAIRED=1 expect 0 '^0.3.4: 14 ok, 8 absent as known, 0 failed' "$here/sockjs-client/run.sh" --client 0.3.4
expect 0 '^ok .* Node .* xhr-streaming ' "$here/sockjs-client/run.sh" --client 0.1.3
# A message of `</script>` ends the script that should carry it.
expect 1 '^FAILED .* own origin .* htmlfile .*</script>' \
  "$here/sockjs-client/run.sh" --client 1.6.1 --transport htmlfile --browser-only
PROBE_SUITES=main PROBE_OPTIONS="--known $here/sockjs-probe/sockjs-node.txt" expect 0 '^newest: 332 passed, 45 failed, 45 of them known' \
  "$here/sockjs-probe/run.sh" newest
PROBE_SUITES=delays expect 0 '^newest delays: 8 passed, 0 failed' "$here/sockjs-probe/run.sh" newest
PROBE_SUITES=origins expect 1 '^FAILED  newest  6.4-refused-xhr-foreign' "$here/sockjs-probe/run.sh" newest
PROBE_SUITES=main expect 1 '^FAILED  0.0.4 .*1.18-unknown-session-body' "$here/sockjs-probe/run.sh" 0.0.4
expect 0 '^ok .* haproxy: X-Forwarded-For, proxy not trusted' "$here/proxies/run.sh" --proxy haproxy --node-only
# Without X-Accel-Buffering nginx holds the ends of streams back.
expect 1 '^FAILED .* xhr-streaming .*nothing came' "$here/proxies/run.sh" --proxy nginx --node-only
expect 1 '^FAILED +websocket ' "$here/sockjs-memory/run.sh" --count 1000
exit "$failed"
