#!/usr/bin/env bash
# What adapters may not be: long, copies of each other (check.py), or below the crates that know no
# runtime. Exit status 0 only when nothing of it is so.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
cd "$root"
failed=0
python3 "$here/check.py" "$root" || failed=1

# No feature of these brings a runtime with it, on any system.
RUNTIMES='tokio|mio|async-std|async-io|async-executor|async-global-executor|smol|polling'
for package in websocket-proto sockjs-proto adapter-core; do
  tree=$(cargo tree --locked --package "$package" --all-features --edges normal,build --target all --prefix none)
  if grep -E "^($RUNTIMES) " <<<"$tree" | sort -u; then
    printf 'these are below %s\n' "$package"
    failed=1
  else
    printf '%s: no runtime\n' "$package"
  fi
done
exit "$failed"
