#!/usr/bin/env python3
"""tally.py CTEST_JUNIT CASES_DIR CTEST_STATUS: prints `passed failed` for one run of ctest.

A GoogleTest program counts with its cases, any other test as one. When a program failed though its cases did not (a crash
at the end, a leak, a time-out), that is one failure more. When ctest failed and nothing explains it, that is one as well.
"""

import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path


def cases_of(report: Path) -> tuple[int, int]:
    """(passed, failed) of one GoogleTest report; a case that was skipped or did not run has not passed."""
    passed = failed = 0
    for case in ElementTree.parse(report).getroot().iter("testcase"):
        if case.find("failure") is not None:
            failed += 1
        elif case.get("status") == "run" and case.get("result") == "completed":
            passed += 1
    return passed, failed


def tally(junit: Path, cases: Path, ctest_status: int) -> tuple[int, int]:
    passed = failed = 0
    for entry in ElementTree.parse(junit).getroot().iter("testcase"):
        went_well = entry.get("status") == "run" and entry.find("failure") is None
        report = cases / f"{entry.get('name')}.xml"
        if not report.is_file():
            passed, failed = passed + went_well, failed + (not went_well)
            continue
        case_passed, case_failed = cases_of(report)
        if not went_well and case_failed == 0:
            case_failed = 1
        passed, failed = passed + case_passed, failed + case_failed
    if ctest_status != 0 and failed == 0:
        failed = 1
    return passed, failed


if __name__ == "__main__":
    print(*tally(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])))
