#!/usr/bin/env bash
# Counts the processor's instructions for hostile input that comes byte by byte: half of the longest
# input, then all of it. Fails when the whole costs more than 2.3 times as much as the half.
#
#   bash tests/linearity.sh [CASE...]
#
# Needs valgrind. Cases are those of tests/src/linearity.rs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
command -v valgrind >/dev/null || { echo 'valgrind is not installed' >&2; exit 1; }

program=$(cargo test --package tests --test linearity --no-run --message-format=json 2>/dev/null |
  sed -n 's/.*"name":"linearity".*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
[[ -x $program ]] || { echo 'the test linearity does not build' >&2; exit 1; }

# instructions CASE LEN
instructions() {
  CASE=$1 LEN=$2 valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null \
    "$program" --exact one_case --ignored --test-threads=1 2>&1 >/dev/null |
    sed -n 's/.*I *refs: *//p' | tr -d ,
}

failed=0
printf '%-28s %8s %14s %14s %7s\n' case bytes half whole ratio
while read -r name longest; do
  (($# == 0)) || [[ " $* " == *" $name "* ]] || continue
  nothing=$(instructions "$name" 0)
  half=$(($(instructions "$name" $((longest / 2))) - nothing))
  whole=$(($(instructions "$name" "$longest") - nothing))
  verdict=
  if ((whole * 10 > half * 23)); then
    verdict=' NOT LINEAR'
    failed=1
  fi
  printf '%-28s %8d %14d %14d %7s%s\n' "$name" "$longest" "$half" "$whole" \
    "$(awk "BEGIN { printf \"%.2f\", $whole / $half }")" "$verdict"
done < <("$program" --exact one_case --ignored --nocapture | sed -n 's/^case //p')
exit "$failed"
