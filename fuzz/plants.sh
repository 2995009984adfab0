#!/usr/bin/env bash
# Shows that the targets find broken rules: each plant of the file `plants` within so many seconds.
#
#   fuzz/plants.sh [seconds]
#
# Every run starts without the seeds that would show the plant at once, from a corpus of two bytes,
# and with them only if that finds nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-30}
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/plants
cargo fuzz build --sanitizer none --features plants 2>&1 | tail -n 1

missed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
bin=$(find "$CARGO_TARGET_DIR" -path '*/release/utf8' -type f)
bin=$(dirname "$bin")
while read -r target plant; do
  # The check itself must hold without the plant, or else the run shows nothing.
  "$bin/$target" -runs=0 "corpus/$target" >"$scratch/log" 2>&1 || { cat "$scratch/log"; exit 1; }
  how=missed
  for seeds in "" "corpus/$target"; do
    rm -rf "$scratch/corpus"
    mkdir "$scratch/corpus"
    printf 'ab' >"$scratch/corpus/two"
    status=0
    PLANT=$plant "$bin/$target" -max_total_time="$seconds" -artifact_prefix="$scratch/" \
      "$scratch/corpus" ${seeds:+"$seeds"} >"$scratch/log" 2>&1 || status=$?
    if ((status != 0)); then
      how="found${seeds:+ with seeds}"
      break
    fi
  done
  [[ $how == missed ]] && missed=$((missed + 1))
  runs=$(sed -n 's/^#\([0-9]*\).*/\1/p' "$scratch/log" | tail -n 1)
  printf '%-14s %-34s %s after %s executions\n' "$target" "$plant" "$how" "${runs:-0}"
done <plants
printf '%d missed\n' "$missed"
((missed == 0))
