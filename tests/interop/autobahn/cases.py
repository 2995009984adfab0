"""Names the Autobahn cases of a run: the whole suite, or what the patterns leave of it."""

import argparse
import fnmatch
import pathlib
import sys

HERE = pathlib.Path(__file__).parent
COMPRESSION = ["12.*", "13.*"]


def read(name):
    return (HERE / name).read_text().split()


WHOLE = read("cases.txt")
SAMPLE = read("sample.txt")  # one case or more for each data set of 12 and each parameter set of 13


def matches(case, patterns):
    return any(fnmatch.fnmatchcase(case, pattern) for pattern in patterns)


def select(include, exclude, sample):
    for pattern in include + exclude:
        if not fnmatch.filter(WHOLE, pattern):
            raise SystemExit(f"no case matches {pattern}")
    return [
        case
        for case in WHOLE
        if (not include or matches(case, include))
        and not matches(case, exclude)
        and not (sample and matches(case, COMPRESSION) and case not in SAMPLE)
    ]


def main():
    patterns = argparse.ArgumentParser(description=__doc__)
    patterns.add_argument("--cases", default="", help="patterns such as 5.*,7.1.*; all by default")
    patterns.add_argument("--exclude", default="", help="patterns of cases to leave out")
    patterns.add_argument("--sample", action="store_true", help="of 12 and 13 only the cases of sample.txt")
    args = patterns.parse_args()
    chosen = select(args.cases.split(",") if args.cases else [], args.exclude.split(",") if args.exclude else [], args.sample)
    if not chosen:
        raise SystemExit("the patterns leave no case")
    sys.stdout.write("".join(case + "\n" for case in chosen))


if __name__ == "__main__":
    main()
