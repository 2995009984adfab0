#!/usr/bin/env bash
# Runs every target, or those named, for so many seconds each.
#
#   fuzz/run.sh [seconds] [target...]
#
# Prints the rows of the table in README.md: how often each ran, how many edges of the code its seeds
# reached and how many were reached in the end, and the entries that the work corpus has grown by. That
# is under fuzz/target; the seeds are not touched. What fails is kept in fuzz/artifacts. SANITIZER=address
# makes it slower and looks at the few `unsafe` blocks too.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

seconds=${1:-20}
targets=("${@:2}")
((${#targets[@]})) || mapfile -t targets < <(basename -s .rs fuzz_targets/*.rs)

# The instrumentation is unstable in name only; a stable compiler has it.
export RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}
command -v cargo-fuzz >/dev/null || cargo install cargo-fuzz --locked
if ((${#targets[@]} == 1)); then build=("${targets[@]}"); else build=(); fi
cargo fuzz build --sanitizer "${SANITIZER:-none}" "${build[@]}" 2>&1 | tail -n 1

failed=0
printf '| target | executions | edges by the seeds | edges | new entries |\n|---|---:|---:|---:|---:|\n'
for target in "${targets[@]}"; do
  work=$CARGO_TARGET_DIR/corpora/$target log=$CARGO_TARGET_DIR/$target.log
  mkdir -p "$work" "artifacts/$target"
  before=$(find "$work" -type f | wc -l)
  if ! cargo fuzz run --sanitizer "${SANITIZER:-none}" "$target" "$work" "corpus/$target" -- \
    -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 >"$log" 2>&1; then
    failed=1
    printf '| %s | FAILED |\n' "$target"
    grep -A 6 -E 'panicked|ERROR|Test unit' "$log" || tail -n 20 "$log"
    continue
  fi
  runs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
  seeds=$(sed -n 's/.*INITED cov: \([0-9]*\).*/\1/p' "$log")
  edges=$(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' "$log")
  after=$(find "$work" -type f | wc -l)
  printf '| %s | %s | %s | %s | %d |\n' "$target" "$runs" "$seeds" "$edges" $((after - before))
done
exit "$failed"
