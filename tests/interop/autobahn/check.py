"""Judges an Autobahn report: every expected case is there, fresh, and good in behaviour and close."""

import argparse
import collections
import json
import pathlib

# The suite has no opinion on these three: a close after a large message, and close codes 5000 and 65535.
INFORMATIONAL_CASES = {"7.1.6", "7.13.1", "7.13.2"}
SUITE_SIZE = 517
VERDICTS = ["OK", "INFORMATIONAL", "FAILED", "NON-STRICT", "UNIMPLEMENTED"]


class Unusable(Exception):
    """The report does not show what happened in this run."""


def read_json(path, since):
    try:
        if path.stat().st_mtime < since:
            raise Unusable(f"{path} is older than this run")
        return json.loads(path.read_text(encoding="utf-8", errors="replace"))
    except FileNotFoundError as error:
        raise Unusable(f"{path} does not exist") from error
    except ValueError as error:
        raise Unusable(f"{path} is cut or broken: {error}") from error


def good(case, verdict):
    return verdict == "OK" or (verdict == "INFORMATIONAL" and case in INFORMATIONAL_CASES)


def load(report, expected, since):
    """The entries of the index by case id, each confirmed by its own report file."""
    index = read_json(report / "index.json", since)
    if len(index) != 1:
        raise Unusable(f"the index has {len(index)} agents instead of one: {sorted(index)}")
    (entries,) = index.values()
    lost, extra = set(expected) - set(entries), set(entries) - set(expected)
    if lost or extra:
        raise Unusable(
            f"the index has {len(entries)} cases instead of {len(expected)}: "
            f"lost {in_order(lost) or 'none'}, not asked for {in_order(extra) or 'none'}"
        )
    for case, entry in entries.items():
        detail = read_json(report / entry["reportfile"], since)
        for key in ("behavior", "behaviorClose"):
            if (detail["id"], detail[key]) != (case, entry[key]):
                raise Unusable(f"{entry['reportfile']} does not agree with the index")
        entry["detail"] = detail
    return entries


def in_order(cases):
    return " ".join(sorted(cases, key=lambda case: [int(part) for part in case.split(".")]))


def judge(role, report, entries):
    """The summary line and one line for each offending case."""
    counts = collections.Counter(entry["behavior"] for entry in entries.values())
    unclean, offending = 0, []
    for case in in_order(entries).split():
        entry = entries[case]
        behaviour, close = entry["behavior"], entry["behaviorClose"]
        unclean += not good(case, close)
        if not (good(case, behaviour) and good(case, close)):
            offending.append(
                f"  {case}: behaviour {behaviour}, close {close} (code {entry['remoteCloseCode']}): "
                f"{entry['detail']['result']} {entry['detail']['resultClose']} {report / entry['reportfile']}"
            )
    verdicts = VERDICTS + sorted(set(counts) - set(VERDICTS))
    numbers = ", ".join(f"{counts[verdict]} {verdict}" for verdict in verdicts)
    return f"{role}: {len(entries)} cases: {numbers}, {unclean} unclean", offending


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("role", choices=["server", "client"])
    parser.add_argument("report", type=pathlib.Path, help="folder of the report")
    parser.add_argument("expected", type=pathlib.Path, help="file with the case ids that must be there")
    parser.add_argument("--since", type=float, required=True, help="start of the run, seconds since 1970")
    args = parser.parse_args()
    expected = args.expected.read_text().split()
    if args.expected.name == "cases.txt" and len(expected) != SUITE_SIZE:
        raise SystemExit(f"cases.txt lists {len(expected)} cases instead of {SUITE_SIZE}")
    try:
        entries = load(args.report, expected, args.since)
    except Unusable as why:
        raise SystemExit(f"{args.role}: {why}") from None
    summary, offending = judge(args.role, args.report, entries)
    print(summary)
    for line in offending:
        print(line)
    raise SystemExit(1 if offending else 0)


if __name__ == "__main__":
    main()
