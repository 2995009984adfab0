"""Adapters stay thin: how many lines each has, and what two of them have in common.

check.py [ROOT]: exits 1 when an adapter has more than 150 lines, or when six lines in a row, blank ones
left out, stand in two of them. A file that is a feature of its own (`#![cfg(feature = ..)]` at its
head) is not counted. Their examples are the contrary: the same programs but for the lines that name
the adapter, or changing the runtime would be more than changing a `use`; those of a feature that one
adapter has are left out.
"""

import itertools
import pathlib
import sys
import tomllib

LINES_MAX = 150
BLOCK = 6


def sources(adapter):
    for path in sorted((adapter / "src").rglob("*.rs")):
        lines = path.read_text().splitlines()
        if not any(line.startswith("#![cfg(feature") for line in lines):
            yield path, lines


def blocks(adapter):
    """Every BLOCK of lines in a row, and where it begins."""
    found = {}
    for path, lines in sources(adapter):
        full = [(number, line.strip()) for number, line in enumerate(lines, 1) if line.strip()]
        for start in range(len(full) - BLOCK + 1):
            block = tuple(line for _, line in full[start : start + BLOCK])
            found.setdefault(block, f"{path}:{full[start][0]}")
    return found


def program(path):
    """An example without its head and without what it takes from the adapter."""
    return [line for line in path.read_text().splitlines() if not line.startswith(("//!", "use adapter_"))]


def examples(adapter):
    targets = tomllib.loads((adapter / "Cargo.toml").read_text()).get("example", [])
    of_feature = {target["name"] for target in targets if "required-features" in target}
    return [path for path in sorted((adapter / "examples").glob("*.rs")) if path.stem not in of_feature]


def main(root):
    adapters = [path.parent for path in sorted(root.glob("adapter-*/Cargo.toml")) if path.parent.name != "adapter-core"]
    wrong = len(adapters) < 3
    for adapter in adapters:
        count = sum(len(lines) for _, lines in sources(adapter))
        wrong |= count > LINES_MAX or count == 0
        print(f"{adapter.name}: {count} lines of {LINES_MAX}")
    for one, other in itertools.combinations(adapters, 2):
        first, second = blocks(one), blocks(other)
        for block in first.keys() & second.keys():
            wrong = True
            print(f"the same {BLOCK} lines at {first[block]} and {second[block]}:", *block, sep="\n    ")
        for path in examples(one):
            twin = other / "examples" / path.name
            if not twin.exists() or program(path) != program(twin):
                wrong = True
                print(f"{path} and {twin} are not the same program")
    return wrong


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()))
