#!/bin/sh
# Runs the proto crates where there is no std to fall back on, and shows that the proof can fail: with
# std in the program, or in a crate, it must not link.
set -eu
cd "$(dirname "$0")"

if [ "$(uname -sm)" != "Linux x86_64" ]; then
    echo "no_std: the program speaks to the kernel of x86-64 Linux, this is $(uname -sm)" >&2
    exit 1
fi

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-../../target}/no_std"
cargo build --quiet --locked --release
"$CARGO_TARGET_DIR/release/no-std-proof"

for feature in extern-std proto-std sockjs-std; do
    if log=$(cargo build --locked --release --features "$feature" 2>&1); then
        echo "no_std: it links with $feature, so it proves nothing" >&2
        exit 1
    fi
    # Fail for the reason meant, not for some other.
    if ! printf '%s\n' "$log" | grep -E 'duplicate lang item|found duplicate|undefined (symbol|reference)'; then
        printf '%s\n' "$log" >&2
        exit 1
    fi
    echo "no_std: $feature does not link, as it must"
done
