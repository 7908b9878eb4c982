#!/usr/bin/env python3
"""The commands count and choose rightly: the sum of test cases, the list of packages, the rows that tests prove."""

import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "tools"), str(ROOT / "tests/lint")]
sys.dont_write_bytecode = True

import rows  # noqa: E402
import tally  # noqa: E402
from tree import Tree  # noqa: E402

GOOD = '<testcase name="{}" status="run"/>'
BAD = '<testcase name="{}" status="fail"><failure message="x"/></testcase>'
LOST = '<testcase name="{}" status="notrun"/>'
CASE_GOOD = '<testcase name="a" status="run" result="completed"/>'
CASE_BAD = '<testcase name="b" status="run" result="completed"><failure message="x"/></testcase>'
CASE_SKIPPED = '<testcase name="c" status="run" result="skipped"><skipped/></testcase>'


class Tally(unittest.TestCase):
    def count(self, entries: str, reports: dict[str, str], status: int = 0) -> tuple[int, int]:
        with tempfile.TemporaryDirectory() as folder:
            junit = Path(folder) / "ctest.xml"
            junit.write_text(f"<testsuite>{entries}</testsuite>")
            for name, cases in reports.items():
                (Path(folder) / f"{name}.xml").write_text(
                    f"<testsuites><testsuite>{cases}</testsuite></testsuites>")
            return tally.tally(junit, Path(folder), status)

    def test_a_program_counts_with_its_cases_and_anything_else_as_one(self):
        self.assertEqual(self.count(GOOD.format("p") + GOOD.format("lint"), {"p": CASE_GOOD * 3}), (4, 0))

    def test_failed_cases(self):
        self.assertEqual(self.count(BAD.format("p"), {"p": CASE_GOOD * 2 + CASE_BAD}, 8), (2, 1))

    def test_a_program_that_crashed_after_its_last_case_failed(self):
        self.assertEqual(self.count(BAD.format("p"), {"p": CASE_GOOD * 2}, 8), (2, 1))

    def test_a_program_that_left_no_report_failed_once(self):
        self.assertEqual(self.count(BAD.format("p"), {}, 8), (0, 1))

    def test_a_program_that_was_not_run_failed(self):
        self.assertEqual(self.count(LOST.format("p"), {}, 8), (0, 1))

    def test_a_skipped_case_has_not_passed(self):
        self.assertEqual(self.count(GOOD.format("p"), {"p": CASE_GOOD + CASE_SKIPPED}), (1, 0))

    def test_a_failure_of_ctest_itself_is_one(self):
        self.assertEqual(self.count(GOOD.format("p"), {}, 1), (1, 1))


class Packages(unittest.TestCase):
    def of(self, *sections: str) -> list[str]:
        script = 'source tools/build.sh; packages_of "$@"'
        return subprocess.run(["bash", "-c", script, "bash", *sections], cwd=ROOT, check=True, text=True,
                              stdout=subprocess.PIPE).stdout.split()

    def test_sections_are_kept_apart(self):
        build, test = self.of("build"), self.of("test")
        self.assertIn("clang-19", build)
        self.assertIn("g++-12", test)
        self.assertEqual(set(build) & set(test), set())
        self.assertEqual(self.of("build", "test"), build + test)
        self.assertEqual(self.of("nothing"), [])

    def test_every_line_is_a_package_or_a_remark(self):
        for name in self.of("build", "run", "test", "matrix"):
            self.assertRegex(name, r"^[a-z0-9][a-z0-9+.-]+$")

    def test_missing_are_those_that_dpkg_does_not_know(self):
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "tools").mkdir()
            (Path(folder) / "tools/packages.txt").write_text("[build]\ndpkg # there\nno-such-package-a\n")
            (Path(folder) / "tools/build.sh").write_text((ROOT / "tools/build.sh").read_text())
            (Path(folder) / "bin").mkdir()
            # A dpkg-query of our own: the test must say the same on every machine.
            query = Path(folder) / "bin/dpkg-query"
            query.write_text("#!/bin/sh\necho dpkg installed\necho left config-files\nexit 1\n")
            query.chmod(0o755)
            out = subprocess.run(["bash", "-euc", "set -o pipefail; source tools/build.sh; PATH=$PWD/bin:$PATH; missing_packages build"],
                                 cwd=folder, check=True, text=True, stdout=subprocess.PIPE).stdout
            self.assertEqual(out.split(), ["no-such-package-a"])


FAKES = {
    "dpkg-query": 'for name in "$@"; do echo "$name installed"; done',
    "apt-get": "exit 1",
    "cmake": 'while [ "$1" != -B ]; do shift; done; mkdir -p "$2"; touch "$2/build.ninja"',
    "ninja": '[ "$2" != "$BROKEN_BUILD" ]',
    "ctest": """while [ $# -gt 0 ]; do
  [ "$1" != --output-junit ] || echo "<testsuite>$ENTRIES</testsuite>" >"$2"; shift
done; exit "$CTEST_STATUS" """,
}


class LastLine(unittest.TestCase):
    """`./run test` in a tree whose tools are fakes: what it prints last, and how it exits."""

    def run_test(self, entries: str = GOOD.format("a"), status: int = 0, broken: str = "-", gcc: str = "hash 1") -> tuple[str, int]:
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for name in ("run", "tools/test", "tools/build.sh", "tools/tally.py", "tools/packages.txt"):
                (root / name).parent.mkdir(exist_ok=True)
                (root / name).write_text((ROOT / name).read_text())
                (root / name).chmod(0o755)
            programs = {f"bin/{name}": body for name, body in FAKES.items()}
            programs |= {"build/bin/settle-sim": "echo hash 1", "build/gcc-sim/bin/settle-sim": f"echo {gcc}"}
            for name, body in programs.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(f"#!/bin/sh\n{body}\n")
                (root / name).chmod(0o755)
            done = subprocess.run(
                ["./run", "test"], cwd=root, text=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, env={"PATH": f"{root}/bin:/usr/bin:/bin", "ENTRIES": entries,
                                               "CTEST_STATUS": str(status), "BROKEN_BUILD": broken})
            return done.stdout.rstrip("\n").split("\n")[-1], done.returncode

    def test_all_is_well(self):
        # One test in each of two builds, and 20 seeds.
        self.assertEqual(self.run_test(), ("22 passed, 0 failed", 0))

    def test_a_failed_test(self):
        self.assertEqual(self.run_test(GOOD.format("a") + BAD.format("b"), 8), ("22 passed, 2 failed", 1))

    def test_ctest_that_fails_without_a_failed_test(self):
        self.assertEqual(self.run_test(status=3), ("22 passed, 2 failed", 1))

    def test_a_build_that_fails(self):
        self.assertEqual(self.run_test(broken="build/debug"), ("21 passed, 1 failed", 1))
        self.assertEqual(self.run_test(broken="build/gcc-sim"), ("2 passed, 1 failed", 1))

    def test_compilers_that_disagree(self):
        self.assertEqual(self.run_test(gcc="hash 2"), ("2 passed, 20 failed", 1))

    def test_a_simulator_that_prints_nothing_proves_nothing(self):
        self.assertEqual(self.run_test(gcc="hash 1; exit 1"), ("2 passed, 20 failed", 1))

    def test_a_report_that_cannot_be_read(self):
        self.assertEqual(self.run_test("<"), ("20 passed, 2 failed", 1))


class Rows(unittest.TestCase):
    def test_names_count_and_remarks_do_not(self):
        files = {
            "src/a/a_test.cpp": "// FAIL-A1\nTEST(Saga, RULE_R1_LateAction) {}\nTEST_F(INV_I3, X) {}\nTEST(Http, BodyFAIL_M1) {}\n",
            "src/a/a.cpp": "TEST(Saga, FAIL_A2) {}\n",
            "sim/scenarios/x.txt": "# MSG-T4, FAIL-A10\nbegin\n",
            "tests/kill/CMakeLists.txt": "add_test(NAME FAIL-H1-sync COMMAND x)\n",
            "tests/kill/x.py": "class A:\n    def test_FAIL_J1_lost(self):\n        pass  # FAIL_J2\n",
            "tests/lint/rows.txt": "FEAT-M7\n",
        }
        with tempfile.TemporaryDirectory() as folder:
            for path, text in files.items():
                (Path(folder) / path).parent.mkdir(parents=True, exist_ok=True)
                (Path(folder) / path).write_text(text)
            self.assertEqual(set(rows.covered(Tree(Path(folder)))),
                             {"RULE-R1", "INV-I3", "MSG-T4", "FAIL-A10", "FAIL-H1", "FAIL-J1"})

    def test_a_row_has_a_test_or_says_why_not(self):
        universe = rows.listed("# words\nFAIL-A1\nFAIL-A2\nFAIL-A3  XA is not built\nFAIL-A4  XA is not built\n")
        found = rows.complaints(universe, {"FAIL-A1": {"a.cpp"}, "FAIL-A4": {"b.cpp"}, "FAIL-A5": {"c.cpp"}})
        self.assertEqual([complaint.split(",")[0] for complaint in found],
                         ["FAIL-A5 is no row: c.cpp", "FAIL-A2 has no test", "FAIL-A4 has a test"])


if __name__ == "__main__":
    unittest.main()
