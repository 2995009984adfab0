#!/usr/bin/env bash
# The Autobahn testsuite against our server or our client.
#
#   run.sh server|client [--cases PATTERN,..] [--exclude PATTERN,..] [--sample] [--runtime NAME] [--tls]
#
# Without patterns all 517 cases run. --sample keeps of the compression sections 12 and 13 (12 to 15
# minutes) only the cases of sample.txt. --tls runs over wss with a fresh self-signed certificate.
# Exit status 0 only when every case of the run is in the report and good (check.py).
#
# server: our sockjs-server (or $SOCKJS_SERVER) with `--listen 127.0.0.1:0 [--runtime NAME]
#   [--tls-cert FILE --tls-key FILE]`; wstest -m fuzzingclient talks to /ws/echo.
#
# client: $AUTOBAHN_CLIENT, by default the binary `autobahn-client` of the package `tests`, is run as
#     autobahn-client [--runtime NAME] [--ca FILE] URL
#   where URL is ws[s]://127.0.0.1:PORT without a path and FILE the certificate to trust. It opens, one
#   after the other:
#     URL/getCaseCount                  receives one text message, the decimal number N of cases
#     URL/runCase?case=K&agent=NAME     for K = 1..N: echoes every text and binary message as it came
#                                       until the connection has ended; offers permessage-deflate
#     URL/updateReports?agent=NAME      waits for the end of the connection: the report is then written
#   A case that ends badly for the client (most break the protocol) is no reason to stop. NAME is one
#   constant word. It exits 0 when it has been through all of this, whatever the verdicts are, and not
#   0 when it could not (connection refused, no count).
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# shellcheck source=tests/interop/lib.sh
source "$here/../lib.sh"

usage() { die "usage: run.sh server|client [--cases PATTERN,..] [--exclude PATTERN,..] [--sample] [--runtime NAME] [--tls]"; }

role=${1:-}
[[ $role == server || $role == client ]] || usage
shift
selection=() runtime=() tls=''
while (($#)); do
  case $1 in
    --cases | --exclude)
      [[ -n ${2:-} ]] || usage
      selection+=("$1=$2")
      shift
      ;;
    --sample) selection+=("$1") ;;
    --runtime)
      [[ -n ${2:-} ]] || usage
      runtime=(--runtime "$2")
      shift
      ;;
    --tls) tls=1 ;;
    *) usage ;;
  esac
  shift
done

LIMIT=3600 # seconds for the whole suite; a run takes a third of that on a slow machine

need_py27 || missing "no Python 2.7 (looked at \$PY27, pyenv and python2.7 on PATH), which the Autobahn testsuite needs"
same_cases() { "$PY" -W ignore "$here/suite_cases.py" | diff - "$here/cases.txt"; }
once suite-cases "$here/cases.txt" "$INTEROP_DIR/requirements-py27.txt" -- same_cases ||
  die "cases.txt is not the list of the installed suite"

work=$CACHE/autobahn/$role
rm -rf "$work"
mkdir -p "$work/report"
if ((${#selection[@]})); then
  expected=$work/expected.txt
  python3 "$here/cases.py" "${selection[@]}" >"$expected"
else
  expected=$here/cases.txt
fi
if [[ -n $tls ]]; then
  # shellcheck source=tests/interop/certificate.sh
  source "$INTEROP_DIR/certificate.sh"
  make_certificate "$work"
fi
started=$(date +%s)
wstest=("$PY" -W ignore -c 'from autobahntestsuite.wstest import run; run()')

test_server() {
  local certificate=() failed=0
  [[ -z $tls ]] || certificate=(--tls-cert "$CERTIFICATE" --tls-key "$KEY")
  start_server "$work/server.log" "${runtime[@]}" "${certificate[@]}"
  python3 "$here/spec.py" server "ws${URL#http}/ws/echo" "$work/report" "$expected" >"$work/spec.json"
  # wstest says little through its exit status: the report decides.
  spawn "$work/wstest.log" timeout --kill-after=10 "$LIMIT" "${wstest[@]}" -m fuzzingclient -s "$work/spec.json"
  wait "$SPAWNED" || { say "wstest ended with status $?"; failed=1; }
  forget "$SPAWNED"
  stop_server || failed=1
  return "$failed"
}

connects() { python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1).close()' "$1" 2>/dev/null; }

# wstest takes no port 0; when another program was quicker, another port is tried.
start_fuzzing_server() {
  local attempt port certificate=() scheme=ws
  [[ -z $tls ]] || certificate=(--key "$KEY" --cert "$CERTIFICATE") scheme=wss
  for attempt in 1 2 3; do
    port=$(free_port)
    URL=$scheme://127.0.0.1:$port
    python3 "$here/spec.py" client "$URL" "$work/report" "$expected" "${certificate[@]}" >"$work/spec.json"
    spawn "$work/wstest.log" "${wstest[@]}" -m fuzzingserver -u 0 -s "$work/spec.json"
    ! wait_for "$SPAWNED" 30 connects "$port" || return 0
    stop "$SPAWNED" 2 || true
    say "attempt $attempt: wstest does not listen on port $port"
  done
  show_log "$work/wstest.log"
  die "wstest does not start"
}

test_client() {
  local client trust=() fuzzer failed=0
  if [[ -n ${AUTOBAHN_CLIENT:-} ]]; then
    read -ra client <<<"$AUTOBAHN_CLIENT"
  else
    build tests autobahn-client
    client=("$BUILT")
  fi
  [[ -z $tls ]] || trust=(--ca "$CERTIFICATE")
  start_fuzzing_server
  fuzzer=$SPAWNED
  spawn "$work/client.log" timeout --kill-after=10 "$LIMIT" "${client[@]}" "${runtime[@]}" "${trust[@]}" "$URL"
  wait "$SPAWNED" || { say "the client ended with status $?"; failed=1; }
  forget "$SPAWNED"
  ((failed == 0)) || show_log "$work/client.log"
  stop "$fuzzer" 5 || true
  return "$failed"
}

failed=0
if [[ $role == server ]]; then test_server || failed=1; else test_client || failed=1; fi
python3 "$here/check.py" "$role" "$work/report" "$expected" --since "$started" || failed=1
exit "$failed"
