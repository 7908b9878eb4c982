"""What may not stand in a file: open ends, tests that can be skipped, paths of one machine, planted bugs outside the simulator."""

import re
from pathlib import Path

from tree import Finding, Tree

LINES_MAX = 800
TEXT = {".cpp", ".h", ".def", ".py", ".sh", ".md", ".txt", ".cmake", ".json", ".toml", ".yaml", ".sql", ""}

# The brackets keep this file, and searches for the same words, from finding themselves. HTTP's phrase has a capital I.
OPEN_ENDS = re.compile(r"\b(?:T[O]DO|F[I]XME|X[X]X|H[A]CK)\b|\b[Nn]ot[ ]implemented\b")
CAN_BE_SKIPPED = re.compile(r"\bGTEST[_]SKIP\b|\bDISABLED[_]|\bpytest\.mark\.skip|\bunittest\.skip|\bskipTest\b")
PLANTS = re.compile(r"(?<!void )\bplant\s*\(")
HOMES = re.compile(r"(?:^|[^\w.])/(?:home|Users)/[a-z]|(?:^|[^\w.])/r[o]ot/")
# Where packages come from is the business of the machine that builds.
REGISTRIES = re.compile(r"\b(?:deb|snapshot|security|ftp)\.debian\.|\bregistry\.npmjs|\bfiles\.pythonhosted|\bproxy\.golang|\.pkg\.dev\b")
COMMON_TOPS = {"usr", "tmp", "opt", "srv", "var", "home", "root", "src", "mnt", "build", "etc"}


def check(tree: Tree) -> list[Finding]:
    return [finding for file in tree.files if file.full.suffix in TEXT and file.path != "LICENSE"
            for finding in _one(tree, file)]


def _one(tree: Tree, file) -> list[Finding]:
    found = []
    here = _this_checkout(tree.root)
    for number, line in enumerate(file.lines, 1):
        if match := OPEN_ENDS.search(line):
            found.append(Finding(file.path, number, f"'{match.group(0)}': finish it, or write an issue"))
        if HOMES.search(line) or (here and here.search(line)):
            found.append(Finding(file.path, number, "names a path of one machine"))
        if REGISTRIES.search(line):
            found.append(Finding(file.path, number, "names a package registry"))
    if file.full.suffix in {".cpp", ".h", ".py"}:
        for number, line in enumerate(file.lines, 1):
            if match := CAN_BE_SKIPPED.search(line):
                found.append(Finding(file.path, number, f"'{match.group(0)}': a test that can be skipped proves nothing"))
        if len(file.lines) - 1 > LINES_MAX:
            found.append(Finding(file.path, 0, f"has {len(file.lines) - 1} lines, more than {LINES_MAX}: two ideas?"))
    if file.is_code and not file.path.startswith("sim/"):
        for number, line in enumerate(file.bare, 1):
            if PLANTS.search(line):
                found.append(Finding(file.path, number, "plants a bug; only the simulator may (sim/)"))
    return found


def _this_checkout(root: Path) -> re.Pattern | None:
    """The folder that this checkout lies in must not be named in it. Common names say nothing about a machine."""
    parts = root.parts[1:]
    if not parts:
        return None
    prefix = "/" + (parts[0] if parts[0] not in COMMON_TOPS else "/".join(parts))
    return re.compile(r"(?:^|[^\w.])" + re.escape(prefix) + r"/")
