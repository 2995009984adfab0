#!/bin/sh
# Compares decoding, unmasking, encoding, handshakes and SockJS's JSON in memory with other crates:
#
#   benches/run.sh [WORD ...]         times as Markdown tables, and which targets they meet
#   benches/run.sh counts [WORD ...]  instructions by callgrind, which no other load on the machine
#                                     changes; on a processor without AVX-512 and SHA, which it knows
#                                     nothing of
#
# With words, only tables whose titles contain one. The crate is no member of the workspace, so that
# nothing else has to build what we compare with.
set -eu
cd "$(dirname "$0")/peers"
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../../target/peers}"
if [ "${1-}" != counts ]; then
    exec cargo run --release --locked --quiet -- "$@"
fi
shift
cargo build --release --locked --quiet
peers="$CARGO_TARGET_DIR/release/peers"
out=$(mktemp)
trap 'rm -f "$out"' EXIT

# Instructions of the whole program, and how often it did the thing.
count() {
    done=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null \
        "$peers" repeat "$1" "$2" "$3" "$4" 2>"$out")
    echo "$(sed -n 's/.*Collected : //p' "$out") $done"
}

printf '| table | size | | instructions |\n|---|---|---|---:|\n'
tab=$(printf '\t')
"$peers" list "$@" | while IFS="$tab" read -r title size name; do
    # Two runs, so that what happens once cancels out; what cannot be done once shows in the first.
    few=$(count "$title" "$size" "$name" 1)
    many=$(count "$title" "$size" "$name" $((${few#* } * 3 + 100)))
    # shellcheck disable=SC2086 # two numbers each
    each=$(set -- $few $many && echo $((($3 - $1) / ($4 - $2))))
    printf '| %s | %s | %s | %s |\n' "$title" "$size" "$name" "$each"
done
