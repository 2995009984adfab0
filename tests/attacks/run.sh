#!/usr/bin/env bash
# Attacks a running server over loopback while a hundred good clients count what they lose.
#
#   run.sh [slow|cap|resets|abandoned|stopped|panics]...
#
# The server is a release build of sockjs-server, or $SOCKJS_SERVER. README.md says what each attack is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=${CARGO_TARGET_DIR:-target}
if [[ -z ${SOCKJS_SERVER:-} ]]; then
  cargo build --release --quiet --package server --bin sockjs-server
  SOCKJS_SERVER=$target/release/sockjs-server
fi
cargo build --release --quiet --package tests --bin attack
exec "$target/release/attack" "$SOCKJS_SERVER" "$@"
