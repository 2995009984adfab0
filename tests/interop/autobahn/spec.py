"""Writes the specification file of wstest for one run."""

import argparse
import json
import pathlib
import sys

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("role", choices=["server", "client"])
parser.add_argument("url")
parser.add_argument("report", help="folder for the report")
parser.add_argument("cases", help="file with the case ids, one per line")
parser.add_argument("--key", help="private key of the fuzzing server, for wss")
parser.add_argument("--cert", help="certificate of the fuzzing server, for wss")
args = parser.parse_args()

spec = {
    "outdir": args.report,
    "cases": pathlib.Path(args.cases).read_text().split(),
    "exclude-cases": [],
    "exclude-agent-cases": {},
}
if args.role == "server":
    spec["servers"] = [{"agent": "sockjs-server", "url": args.url, "options": {"version": 18}}]
else:
    spec["url"] = args.url
    if args.key:
        spec |= {"key": args.key, "cert": args.cert}
json.dump(spec, sys.stdout, indent=1)
