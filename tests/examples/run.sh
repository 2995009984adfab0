#!/usr/bin/env bash
# Builds and runs every example of the workspace, each for a moment.
#
#   run.sh
#
# An example whose name has `client` in it is given the URL of the server example echo_server and a
# line, which it must print when it comes back, and ends with status 0. Any other is a server: it is given 127.0.0.1:0, prints `listening on ws://ADDR`,
# and must echo text and binary to npm's `ws` and close as asked. None has more than 60 lines of code.
# The loop of mio_echo, under 150 lines, must also serve 2000 connections at once; toy_adapter is an
# adapter, under 200.
# One line per example; exit status 0 only when all are good.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../interop/lib.sh"

LINES_MAX=60
MANY=2000 # connections, each with a socket on both sides
ulimit -Sn "$(ulimit -Hn)" || true
LIMIT=20 # seconds for one example; it takes less than one

need_npm || missing 'no node or no npm'
cd "$ROOT"
shopt -s nullglob
files=(*/examples/*.rs)
((${#files[@]})) || die 'there are no examples'
CARGO_TARGET_DIR=$TARGET cargo build --quiet --workspace --examples --all-features || die 'the examples do not build'

work=$CACHE/examples
rm -rf "$work"
mkdir -p "$work"

# target_of FILE: the name of the program; where it is not that of the file, the manifest has it.
target_of() {
  local package=${1%%/*} file=${1#*/} name
  name=$(sed -n "\\|^path = \"$file\"|{x;p};s/^name = \"\(.*\)\"/\1/;h" "$package/Cargo.toml")
  printf '%s\n' "${name:-$(basename "$file" .rs)}"
}

printed_address() { ADDRESS=$(sed -n 's/^listening on \(wss\{0,1\}:\/\/[^ ]*\)$/\1/p' "$1" | head -n 1) && [[ -n $ADDRESS ]]; }

# start NAME: leaves its pid in $SPAWNED and its URL in $ADDRESS.
start() {
  : >"$work/$1.log"
  spawn "$work/$1.log" "$TARGET/debug/examples/$1" 127.0.0.1:0
  wait_for "$SPAWNED" "$LIMIT" printed_address "$work/$1.log" || {
    printf 'it does not print where it listens\n'
    return 1
  }
}

run_server() {
  local status=0
  start "$1" || return 1
  timeout "$LIMIT" node "$here/echo.js" "$ADDRESS/" || status=$?
  [[ $1 != mio_echo ]] || timeout "$LIMIT" node "$here/many.js" "$ADDRESS/" "$MANY" || status=$?
  alive "$SPAWNED" || { ((status == 0)) && status=1 && printf 'it ended by itself\n'; }
  stop "$SPAWNED" 5 || true # an example need not catch signals
  return "$status"
}

run_client() {
  local status=0
  start echo_server || return 1
  # The input stays open until the echo is back.
  { echo hello && sleep 1; } |
    timeout "$LIMIT" "$TARGET/debug/examples/$1" "$ADDRESS/" >"$work/$1.echo" || status=$?
  [[ $(<"$work/$1.echo") == hello ]] || { printf 'no echo\n' && status=1; }
  stop "$SPAWNED" 5 || true
  return "$status"
}

failed=0
for file in "${files[@]}"; do
  name=$(target_of "$file")
  run=run_server
  [[ $name != *client* ]] || run=run_client
  case $name in
    mio_echo) limit=150 ;;
    toy_adapter) limit=200 ;;
    *) limit=$LINES_MAX ;;
  esac
  if (($(grep -vcE '^\s*(//.*)?$' "$file") > limit)); then
    say "FAILED  $file is longer than $limit lines of code"
    failed=1
  elif "$run" "$name" >"$work/$name.out" 2>&1; then
    say "ok      $file"
  else
    say "FAILED  $file"
    show_log "$work/$name.out"
    show_log "$work/$name.log"
    failed=1
  fi
done
exit "$failed"
