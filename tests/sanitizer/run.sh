#!/usr/bin/env bash
# The tests of the modules with `unsafe` code under AddressSanitizer, and the corpora of the fuzz
# targets through every machine, which takes the dependencies in too.
#
# The sanitizer is unstable in name only: a stable compiler has it, with the standard library as it is
# shipped. Where the compiler's host has none the script says so and ends with status 0.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

host=$(rustc --print host-tuple)
case $host in
  x86_64-unknown-linux-gnu | aarch64-unknown-linux-gnu | aarch64-apple-darwin | x86_64-apple-darwin) ;;
  *) echo "skipped: no AddressSanitizer for $host"; exit 0 ;;
esac

target=${CARGO_TARGET_DIR:-$PWD/target}/sanitizer
mkdir -p "$target"
export RUSTC_BOOTSTRAP=1 RUSTFLAGS=-Zsanitizer=address CARGO_INCREMENTAL=0

# A test that finds nothing shows nothing: it must find a read behind the end first.
cat >"$target/bad.rs" <<'BAD'
fn main() {
    let bytes = std::hint::black_box(vec![1_u8; 8]);
    println!("{}", unsafe { *bytes.as_ptr().add(std::hint::black_box(8)) });
}
BAD
rustc -O "$RUSTFLAGS" --target "$host" -o "$target/bad" "$target/bad.rs"
if "$target/bad" >"$target/bad.log" 2>&1 || ! grep -q heap-buffer-overflow "$target/bad.log"; then
  echo 'the sanitizer does not notice a read behind the end'
  exit 1
fi

export CARGO_TARGET_DIR=$target
cargo test --target "$host" --package websocket-proto --package sockjs-proto --package checks --all-features \
  --lib --test replay
