#!/usr/bin/env python3
"""A black-box probe of a SockJS server, byte for byte over its socket.

    probe.py URL DIALECT [--suite main|delays|origins] [--known FILE] [--only ID]... [--verbose] [--list]

URL is the server's, without a prefix; it must have /echo (response_limit 4096), /close (3000 "Go away!"),
/disabled_websocket_echo and /cookie_needed_echo, and allow every origin; for `delays` heartbeats are due each
second and sessions end after 1 s without a receiver; for `origins` only its own origin is allowed. DIALECT names the protocol version to demand. Each check
has an id: the section of the specification it is from and what it is about. Prints a line for each failed
check and the counts; status 0 only when all passed. With --known FILE the failed ones must be exactly
those that FILE names (one id in a line, `#` comments).
"""
import argparse
import concurrent.futures
import sys
import traceback
import urllib.parse

import checks_cors
import checks_delays
import checks_frames
import checks_hixie
import checks_origins
import checks_pages
import checks_routes
import checks_senders
import checks_sessions
import checks_websocket
from dialect import NAMES, Dialect
from session import Target
from wire import Wrong

SUITES = {
    "main": (checks_pages, checks_routes, checks_cors, checks_frames, checks_senders, checks_sessions, checks_websocket,
             checks_hixie),
    "delays": (checks_delays,),
    "origins": (checks_origins,),
}
AT_ONCE = 8  # some checks mostly wait


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("dialect", choices=NAMES)
    parser.add_argument("--suite", choices=SUITES, default="main")
    parser.add_argument("--known")
    parser.add_argument("--only", action="append", default=[])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--list", action="store_true")
    options = parser.parse_args()
    parts = urllib.parse.urlsplit(options.url)
    target = Target((parts.hostname, parts.port), Dialect(options.dialect))

    checks = [check for module in SUITES[options.suite] for check in module.CHECKS.of(target.dialect)]
    names = [name for name, _ in checks]
    assert len(names) == len(set(names)), sorted(name for name in names if names.count(name) > 1)
    if options.only:
        checks = [(name, run) for name, run in checks if name in options.only]
    if options.list:
        print("\n".join(name for name, _ in checks))
        return 0

    failed = {}
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        for name, why in pool.map(lambda check: (check[0], outcome(check[1], target)), checks):
            if why:
                failed[name] = why
            if options.verbose and not why:
                print(f"ok      {options.dialect:7} {name}")
    known = read_known(options.known) if options.known else set()
    for name, why in failed.items():
        print(f"{'known ' if name in known else 'FAILED'}  {options.dialect:7} {name}: {why}")
    strangers = set(failed) - known
    healed = (known & {name for name, _ in checks}) - set(failed)
    for name in sorted(healed):
        print(f"FAILED  {options.dialect:7} {name}: passes, but {options.known} says that it fails")
    suite = "" if options.suite == "main" else f" {options.suite}"
    print(f"{options.dialect}{suite}: {len(checks) - len(failed)} passed, {len(failed)} failed"
          + (f", {len(failed) - len(strangers)} of them known" if known else ""))
    return 1 if strangers or healed or not checks else 0


def outcome(run, target):
    """None when it passed, else why not."""
    try:
        run(target)
        return None
    except Wrong as wrong:
        return str(wrong)
    except Exception as error:  # a server may break anything; the check is then failed, not the probe
        where = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error} ({where.name}, line {where.lineno})"


def read_known(file):
    with open(file, encoding="utf-8") as lines:
        return {name for line in lines if (name := line.split("#")[0].strip())}


if __name__ == "__main__":
    sys.exit(main())
