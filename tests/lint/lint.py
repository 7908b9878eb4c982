#!/usr/bin/env python3
"""lint.py [ROOT]: holds the tree against its own rules; prints `path:line: what`, and fails when there is anything to print."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import layers  # noqa: E402
import pages  # noqa: E402
import words  # noqa: E402
from tree import Tree  # noqa: E402


def main() -> int:
    root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2]
    tree = Tree(root)
    findings = sorted(set(layers.check(tree) + words.check(tree) + pages.check(tree)))
    for finding in findings:
        print(finding)
    print(f"{len(tree.files)} files, {len(findings)} findings")
    # An empty tree would pass every rule.
    return 1 if findings or not any(f.is_code for f in tree.files) else 0


if __name__ == "__main__":
    sys.exit(main())
