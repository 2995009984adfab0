#!/bin/sh
# Compares decoding, encoding and the handshake in memory with other crates: benches/run.sh [WORD ...]
#
# Prints Markdown tables; with words, those whose titles contain one. The crate is no member of the
# workspace, so that nothing else has to build what we compare with.
set -eu
cd "$(dirname "$0")/peers"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../../target/peers}"
exec cargo run --release --locked --quiet -- "$@"
