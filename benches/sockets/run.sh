#!/usr/bin/env bash
# Echo over sockets: what our servers, those of others and bare TCP spend, side by side.
#
#   run.sh [quick|full] [FILTER...] [--write docs/PERFORMANCE.md]
#   run.sh runtimes
#   run.sh load [OPTION...]        one server, one load: `run.sh load --help`
#
# `quick` (the default) takes about twelve minutes, `full` about half an hour. A FILTER is the name of a table
# (echo, runtimes, sockjs-websocket, sockjs-http, broadcast, syscalls, instructions, memory, sessions, growth) or
# a part of a row's name, such as T3. Tables are Markdown on the standard output; --write also puts them into
# the document. `runtimes` fails when a runtime costs more than it may. With `--load sleeps`
# the load waits in epoll_wait for what comes, where it otherwise looks again and again.
#
# The server runs on the first core that the process may use, the load on the last. Only loopback is used;
# ports are the system's choice. The crate is no member of the workspace, so that nothing else has to build
# what is compared with. `ws` and `sockjs-node` take part when node and npm are there; they are installed
# below the target directory.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../../tests/interop/lib.sh"

export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$ROOT/target/sockets}"
case ${1:-} in
  quick | full | runtimes | load) ;;
  *) set -- quick "$@" ;;
esac
if command -v node >/dev/null && command -v npm >/dev/null; then
  need_npm_of "$here" sockets-npm >&2
else
  say 'without node: ws and sockjs-node are left out' >&2
fi
(cd "$here" && cargo build --release --locked --quiet)
exec "$CARGO_TARGET_DIR/release/load" "$@"
