#!/usr/bin/env bash
# Shows that the simulator finds broken rules: each plant of the file `plants`, in a copy of the
# project, in how many of so many worlds.
#
#   tests/simulation/plants.sh [seeds] [plant...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

seeds=${1:-2000}
plants=("${@:2}")
((${#plants[@]})) || mapfile -t plants < <(tests/simulation/plants.py list)

export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$PWD/target}/plants CARGO_INCREMENTAL=0
copy=$(mktemp -d)
trap 'rm -rf "$copy"' EXIT
fresh() { git ls-files -z | xargs -0 cp --parents --no-dereference -t "$copy"; }
simulate() {
  cargo build --quiet --manifest-path "$copy/Cargo.toml" --package tests --bin simulate
  "$CARGO_TARGET_DIR/debug/simulate" --count --seeds "$seeds"
}

# Without a plant all worlds must hold, or else the rest shows nothing.
fresh
simulate | tail -n 1
missed=0
for plant in "${plants[@]}"; do
  fresh
  tests/simulation/plants.py break "$plant" "$copy"
  broken=$(simulate | sed -n 's/ worlds do not hold//p') || true
  printf '%-62s %6d of %d worlds\n' "$plant" "$broken" "$seeds"
  ((broken > 0)) || missed=$((missed + 1))
done
printf '%d missed\n' "$missed"
((missed == 0))
