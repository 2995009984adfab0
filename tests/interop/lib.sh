# Shared by the interop scripts: where things live, third parties, our server, children.
# shellcheck shell=bash disable=SC2034  # the variables left behind are used by the scripts
#
# Settings read from the environment:
#   CARGO_TARGET_DIR       where cargo builds (target); everything installed goes into its interop/
#   SOCKJS_SERVER          the server to test instead of a fresh release build
#   PY27                   a Python 2.7 to use
#   INTEROP_SKIP_MISSING   1: a third party that cannot be had is a skip, not a failure

INTEROP_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$INTEROP_DIR/../.." && pwd)
TARGET=$(realpath -m "${CARGO_TARGET_DIR:-$ROOT/target}")
CACHE=$TARGET/interop
mkdir -p "$CACHE"

CHILDREN=() # every process that this script started and has not yet seen end

say() { printf '%s\n' "$*"; }

die() {
  printf 'interop: %s\n' "$*" >&2
  exit 1
}

# Ends the script because a third party cannot be had.
missing() {
  if [[ ${INTEROP_SKIP_MISSING:-} == 1 ]]; then
    say "skipped: $*"
    exit 0
  fi
  die "$* (INTEROP_SKIP_MISSING=1 skips)"
}

# spawn LOG COMMAND...: starts COMMAND in the background; its pid is left in $SPAWNED.
spawn() {
  local log=$1
  shift
  "$@" >"$log" 2>"$log.err" </dev/null &
  SPAWNED=$!
  CHILDREN+=("$SPAWNED")
}

alive() { kill -0 "$1" 2>/dev/null; }

forget() {
  local pid kept=()
  for pid in "${CHILDREN[@]}"; do
    [[ $pid == "$1" ]] || kept+=("$pid")
  done
  CHILDREN=("${kept[@]}")
}

# stop PID SECONDS: SIGTERM, then SIGKILL after SECONDS. Returns the exit status of PID.
stop() {
  local pid=$1 deadline=$((SECONDS + $2)) status=0
  kill -TERM "$pid" 2>/dev/null || true
  while alive "$pid" && ((SECONDS < deadline)); do sleep 0.05; done
  kill -KILL "$pid" 2>/dev/null || true
  wait "$pid" 2>/dev/null || status=$?
  forget "$pid"
  return "$status"
}

stop_children() {
  local pid
  for pid in "${CHILDREN[@]}"; do stop "$pid" 2 || true; done
}
trap stop_children EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# wait_for PID SECONDS COMMAND...: until COMMAND succeeds, PID ends or SECONDS have passed.
wait_for() {
  local pid=$1 deadline=$((SECONDS + $2))
  shift 2
  until "$@"; do
    alive "$pid" || return 1
    ((SECONDS < deadline)) || return 1
    sleep 0.05
  done
}

show_log() {
  say "--- end of $1"
  tail -n 20 "$1" "$1.err" 2>/dev/null || true
}

free_port() {
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# once NAME FILE... -- COMMAND...: runs COMMAND unless it succeeded before with the same FILEs.
# The stamp is written last, so an installation that was cut is made again.
once() {
  local name=$1 files=() stamp key
  shift
  while [[ $1 != -- ]]; do
    files+=("$1")
    shift
  done
  shift
  stamp=$CACHE/$name.installed
  key=$(cat "${files[@]}" | sha256sum)
  exec 9>"$CACHE/$name.lock"
  flock 9
  if [[ $(cat "$stamp" 2>/dev/null) != "$key" ]]; then
    rm -f "$stamp"
    "$@" 9>&- || {
      exec 9>&-
      return 1
    }
    printf '%s\n' "$key" >"$stamp"
  fi
  exec 9>&-
}

# --- Python 2.7 -----------------------------------------------------------------------------------

find_python27() {
  local candidate
  for candidate in "${PY27:-}" "${PYENV_ROOT:-$HOME/.pyenv}"/versions/2.7*/bin/python2.7 python2.7; do
    [[ -n $candidate ]] || continue
    if "$candidate" -c 'import sys; assert sys.version_info[:2] == (2, 7)' 2>/dev/null; then
      PYTHON27=$candidate
      return
    fi
  done
  return 1
}

make_py27() {
  say "installing the Python 2.7 third parties into $CACHE/py27"
  rm -rf "$CACHE/py27" "$CACHE/virtualenv"
  python3 -m pip install -q --disable-pip-version-check --root-user-action=ignore --no-deps \
    --target "$CACHE/virtualenv" -r "$INTEROP_DIR/requirements-py3.txt" || return 1
  PYTHONPATH=$CACHE/virtualenv python3 -m virtualenv -q -p "$PYTHON27" "$CACHE/py27" || return 1
  "$CACHE/py27/bin/python" -W ignore -m pip install -q --disable-pip-version-check --no-python-version-warning \
    --no-deps -r "$INTEROP_DIR/requirements-py27.txt"
}

# Leaves the interpreter with all Python 2.7 third parties in $PY.
need_py27() {
  find_python27 || return 1
  once py27 "$INTEROP_DIR/requirements-py27.txt" "$INTEROP_DIR/requirements-py3.txt" -- make_py27 ||
    die "the Python 2.7 third parties do not install (Python: $PYTHON27)"
  PY=$CACHE/py27/bin/python
}

# --- Node -----------------------------------------------------------------------------------------

make_npm_of() { # make_npm_of DIRECTORY NAME
  say "installing the npm third parties into $CACHE/$2"
  rm -rf "${CACHE:?}/$2"
  mkdir -p "$CACHE/$2"
  cp "$1/package.json" "$1/package-lock.json" "$CACHE/$2/"
  (cd "$CACHE/$2" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
}

# need_npm_of DIRECTORY NAME [COMMAND]: makes the packages of DIRECTORY/package.json visible to node, in
# $CACHE/NAME; COMMAND installs them instead of make_npm_of.
need_npm_of() {
  command -v node >/dev/null && command -v npm >/dev/null || return 1
  once "$2" "$1/package.json" "$1/package-lock.json" -- "${3:-make_npm_of}" "$1" "$2" ||
    die "the npm third parties do not install"
  export NODE_PATH=$CACHE/$2/node_modules
}

# Makes the packages of package.json visible to node.
need_npm() { need_npm_of "$INTEROP_DIR" npm; }

# --- Debian ---------------------------------------------------------------------------------------

# need_debian PACKAGE...: installs what is not there. Debian pins one version per release.
need_debian() {
  command -v dpkg-query >/dev/null || return 1
  local package absent=()
  for package in "$@"; do
    [[ $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) == installed ]] || absent+=("$package")
  done
  ((${#absent[@]})) || return 0
  [[ $(id -u) == 0 ]] || return 1
  say "installing Debian's ${absent[*]}"
  local apt=(apt-get -qq -o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=120)
  { DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${absent[@]}" ||
    { "${apt[@]}" update && DEBIAN_FRONTEND=noninteractive "${apt[@]}" install -y --no-install-recommends "${absent[@]}"; }
  } >"$CACHE/apt.log" 2>&1 </dev/null
}

debian_version() { dpkg-query -W -f '${Version}' "$1" 2>/dev/null; }

# --- our programs ---------------------------------------------------------------------------------

# build PACKAGE BINARY: leaves the path of a release build in $BUILT.
build() {
  (cd "$ROOT" && CARGO_TARGET_DIR=$TARGET cargo build --release --quiet -p "$1" --bin "$2") ||
    die "cargo cannot build $2"
  BUILT=$TARGET/release/$2
}

printed_url() { URL=$(sed -n 's/^listening on \(https\{0,1\}:\/\/.*\)$/\1/p' "$1" 2>/dev/null | head -n 1) && [[ -n $URL ]]; }

# start_server LOG OPTION...: our server on a free port; leaves $SERVER (pid) and $URL (http[s]://...).
start_server() {
  local log=$1 program=${SOCKJS_SERVER:-}
  shift
  if [[ -z $program ]]; then
    build server sockjs-server
    program=$BUILT
  fi
  spawn "$log" "$program" --listen 127.0.0.1:0 "$@"
  SERVER=$SPAWNED
  if ! wait_for "$SERVER" 20 printed_url "$log"; then
    show_log "$log"
    die "$program --listen 127.0.0.1:0 $* did not print 'listening on http://...' within 20 s"
  fi
}

# The server must have lived through everything, and end by itself with status 0 when asked to.
stop_server() {
  local status=0
  if ! alive "$SERVER"; then
    wait "$SERVER" || status=$?
    forget "$SERVER"
    say "the server ended before its time, status $status"
    return 1
  fi
  stop "$SERVER" 15 || status=$?
  if ((status != 0)); then
    say "the server did not end with status 0 on SIGTERM, but $status"
    return 1
  fi
}
