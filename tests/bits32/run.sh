#!/usr/bin/env bash
# Runs the machines where a word has 32 bits, so that lengths which a peer announces do not fit in it:
# the crates' own tests, and those of the workshop that need no sockets. Then lets clippy look for
# casts that lose bits there.
#
#   bash tests/bits32/run.sh [ARGUMENTS OF cargo test...]
#
# Needs an x86 processor with a kernel that runs programs of 32 bits, and the target, which it adds;
# no C compiler.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

target=i686-unknown-linux-musl
if [[ "$(uname -sm)" != 'Linux x86_64' ]]; then
  echo "bits32: the target $target is for Linux on x86, this is $(uname -sm)" >&2
  exit 1
fi
rustup target list --installed | grep -qx "$target" || rustup target add "$target"
# Rust's own linker and the target's own libc: nothing of the system's.
export CARGO_TARGET_I686_UNKNOWN_LINUX_MUSL_LINKER=rust-lld
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/../../target}/bits32

cargo test --target "$target" --locked --no-fail-fast "$@"
cd ../..
cargo test --target "$target" --locked --package websocket-proto --package sockjs-proto --lib
cargo clippy --target "$target" --locked --package websocket-proto --package sockjs-proto --all-features -- -D warnings
