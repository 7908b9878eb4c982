#!/usr/bin/env python3
"""rows.py [ROOT] [--missing]: which rows of rows.txt have a test, and which tests those are. It fails on a row that has
neither a test nor a word why, on such a word beside a test, and on a name that is no row: a mistyped id proves nothing.

A row counts as covered when its id stands in the name of a test (GoogleTest and Python write FAIL_M8), in the name of a
ctest entry, or in a scenario or case file under sim/ or tests/ (FAIL-M8).
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

from tree import File, Tree  # noqa: E402

ROW = re.compile(r"(?<![A-Za-z0-9])(FAIL|INV|RULE|MSG|FEAT)[-_]([A-Z][0-9]+)(?![0-9])")
NAMES = {
    ".cpp": re.compile(r"\b(?:TYPED_)?TEST(?:_[FP])?\s*\(\s*(\w+\s*,\s*\w+)"),
    ".h": re.compile(r"\b(?:TYPED_)?TEST(?:_[FP])?\s*\(\s*(\w+\s*,\s*\w+)"),
    ".py": re.compile(r"^\s*def (test_\w+)|^class (\w+)", re.MULTILINE),
    ".cmake": re.compile(r"\bNAME\s+(\S+)"),
}
SCENARIOS = {".txt", ".scenario", ".trace", ".json"}


def names_in(file: File) -> list[str]:
    """What in this file can be the name of a claim."""
    if file.full.name == "CMakeLists.txt":
        return NAMES[".cmake"].findall(file.text)
    if file.path.startswith(("sim/", "tests/")) and file.full.suffix in SCENARIOS and file.full.name != "rows.txt":
        return [file.path + " " + line for line in file.lines]
    pattern = NAMES.get(file.full.suffix)
    if pattern is None or not (file.is_test or file.path.startswith(("sim/", "tests/"))):
        return []
    text = "\n".join(file.bare) if file.is_code else file.text
    return [" ".join(m) if isinstance(m, tuple) else m for m in pattern.findall(text)]


def covered(tree: Tree) -> dict[str, set[str]]:
    """row -> files that prove it"""
    rows = defaultdict(set)
    for file in tree.files:
        for name in names_in(file):
            # GoogleTest names join words with _, so that FAIL_M8_OddBodies is row M8.
            for kind, number in ROW.findall(name.replace(",", " ").replace("_", "-").replace("--", "-")):
                rows[f"{kind}-{number}"].add(file.path)
    return rows


def listed(text: str) -> dict[str, str]:
    """row -> why it has no test; empty: it must have one"""
    lines = (line.partition(" ") for line in text.split("\n") if line and not line.startswith("#"))
    return {row: why.strip() for row, _, why in lines}


def complaints(universe: dict[str, str], rows: dict[str, set[str]]) -> list[str]:
    out = [f"{row} is no row: {' '.join(sorted(rows[row]))}" for row in sorted(rows.keys() - universe.keys())]
    for row, why in universe.items():
        if row not in rows and not why:
            out.append(f"{row} has no test, and tests/lint/rows.txt does not say why")
        if row in rows and why:
            out.append(f"{row} has a test, so tests/lint/rows.txt must not say '{why}': {' '.join(sorted(rows[row]))}")
    return out


def main() -> int:
    arguments = [a for a in sys.argv[1:] if not a.startswith("--")]
    root = Path(arguments[0]) if arguments else Path(__file__).resolve().parents[2]
    universe = listed((root / "tests/lint/rows.txt").read_text())
    rows = covered(Tree(root))
    for row in universe:
        if row in rows:
            print(row, *sorted(rows[row]))
        elif "--missing" in sys.argv:
            print(row, "has no test:", universe[row] or "nobody says why")
    by_kind = defaultdict(lambda: [0, 0])
    for row in universe:
        by_kind[row.split("-")[0]][0] += row in rows
        by_kind[row.split("-")[0]][1] += 1
    print(", ".join(f"{kind} {have} of {all_}" for kind, (have, all_) in by_kind.items()))
    wrong = complaints(universe, rows)
    for complaint in wrong:
        print(complaint)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
