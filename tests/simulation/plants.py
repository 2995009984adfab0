#!/usr/bin/env python3
"""Breaks a copy of the libraries, one plant of the file `plants` at a time.

plants.py list            their names
plants.py break NAME DIR  breaks the copy in DIR
"""

import pathlib
import re
import sys


def plants():
    text = (pathlib.Path(__file__).parent / "plants").read_text()
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if not line.startswith("#")]
        if not lines:
            continue
        value = lambda mark: [line[len(mark):] for line in lines if line.startswith(mark)]
        (name,), (file,) = value("name "), value("file ")
        yield name, file, value("- "), value("+ ")


def plant(name, root):
    _, file, old, new = next(found for found in plants() if found[0] == name)
    path = pathlib.Path(root) / file
    text = path.read_text()
    # Indentation is the file's own.
    pattern = r"\s*".join(re.escape(line.strip()) for line in old)
    found = re.findall(pattern, text)
    if len(found) != 1:
        sys.exit(f"{name}: {len(found)} times in {file}")
    path.write_text(re.sub(pattern, lambda _: "\n".join(line.strip() for line in new), text))


if sys.argv[1] == "list":
    print("\n".join(name for name, *_ in plants()))
else:
    plant(sys.argv[2], sys.argv[3])
