#!/usr/bin/env bash
# run.sh, with its options, against our services inside an axum application: adapter-tokio's example
# `axum`. The iframe pages load the client from another port.
#
#   axum.sh [--client VERSION]... [OPTION]...
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"
# shellcheck source=tests/interop/sockjs-client/install.sh
source "$here/install.sh"

clients=() options=()
while (($#)); do
  case $1 in
    --client) clients+=("${2:?axum.sh --client VERSION}") && shift ;;
    *) options+=("$1") ;;
  esac
  shift
done

need_clients || missing 'no node or no npm'
((${#clients[@]})) || read -ra clients <<<"$(node -p "Object.keys(require('$here/clients').CLIENTS).join(' ')")"
(cd "$ROOT" && CARGO_TARGET_DIR=$TARGET cargo build --release --quiet -p adapter-tokio --features axum --example axum) ||
  die 'cargo cannot build the example'

work=$CACHE/sockjs-client-axum
mkdir -p "$work"
files=$(free_port)
spawn "$work/files.log" python3 -m http.server "$files" --bind 127.0.0.1 --directory "$CACHE/sockjs-client"

printed_address() { ADDRESS=$(sed -n 's/^listening on ws:\/\///p' "$1") && [[ -n $ADDRESS ]]; }

failed=0
for version in "${clients[@]}"; do
  script=$(node -p "require('$here/clients').CLIENTS['$version'].script || ''")
  spawn "$work/$version.log" "$TARGET/release/examples/axum" 127.0.0.1:0 ${script:+"http://127.0.0.1:$files/$script"}
  wait_for "$SPAWNED" 20 printed_address "$work/$version.log" || die 'the example does not print where it listens'
  SOCKJS_URL=http://$ADDRESS bash "$here/run.sh" --client "$version" "${options[@]}" || failed=1
  alive "$SPAWNED" || { say 'the server ended before its time' && failed=1; }
  stop "$SPAWNED" 5 || true # an example need not catch signals
done
exit "$failed"
