#!/usr/bin/env python3
"""The lint finds what it promises to find: each test breaks one rule in a small tree and asks for exactly that finding."""

import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
sys.dont_write_bytecode = True

import layers  # noqa: E402
import pages  # noqa: E402
import words  # noqa: E402
from tree import Tree, strip  # noqa: E402

TABLE = """# A

## Layers

| folder | target | holds | may include | machine |
| --- | --- | --- | --- | --- |
| `include/settle` | `sdk_headers` | everybody may include it | – | – |
| `src/base` | `base` | x | – | `log.cpp` |
| `src/engine` | `engine` | x | `base` | – |
| `src/net` | `net` | x | `base` | yes |
| `sim` | `sim` | x | `engine`, `base` | – |

## Other

| `src/engine` | `engine` | x | `net` | yes |
"""

CLEAN = {
    "ARCHITECTURE.md": TABLE,
    "include/settle/result.h": "#pragma once\n",
    "src/base/log.h": '#pragma once\n#include "settle/result.h"\n',
    "src/base/log.cpp": '#include "base/log.h"\nauto t = std::chrono::system_clock::now();\n',
    "src/base/planted.h": "inline void plant(Bug bug) {}\n",
    "src/engine/worker.h": '#pragma once\n#include <vector>\n#include "base/log.h"\n',
    "src/engine/worker_test.cpp": '#include "net/loop.h"\n#include "engine/worker.h"\nstd::thread t;\n',
    "src/net/loop.h": "#include <sys/epoll.h>\nstd::thread t;\n",
    "sim/world.cpp": '#include "engine/worker.h"\nvoid f() { plant(Bug::kNone); }\n',
    "src/base/CMakeLists.txt": "settle_layer(base SOURCES log.cpp)\n",
    "src/engine/CMakeLists.txt": "settle_layer(engine SOURCES worker.cpp MAY_INCLUDE base sdk_headers)\n"
    "settle_test(engine_test SOURCES worker_test.cpp USES engine net)\n",
    "src/base/README.md": "base",
    "src/engine/README.md": "[log](../base/log.h)",
    "src/net/README.md": "net",
}


def lint(changes: dict[str, str | None]) -> list[str]:
    """Findings in the clean tree after `changes`; None removes a file."""
    with tempfile.TemporaryDirectory() as root:
        for path, text in {**CLEAN, **changes}.items():
            if text is not None:
                file = Path(root) / path
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text(text, encoding="utf-8")
        tree = Tree(Path(root))
        return sorted(str(f) for f in layers.check(tree) + words.check(tree) + pages.check(tree))


class Lint(unittest.TestCase):
    def finds(self, changes: dict[str, str | None], *wanted: str) -> None:
        found = lint(changes)
        self.assertEqual(len(found), len(wanted), found)
        for line, part in zip(found, wanted):
            self.assertIn(part, line)

    def test_a_clean_tree_has_no_findings(self):
        self.finds({})

    # Layers

    def test_an_include_against_the_table(self):
        self.finds({"src/base/log.h": '#include "engine/worker.h"\n'}, "src/base/log.h:1: base may not include engine")
        self.finds({"src/engine/a.cpp": '\n#  include "net/loop.h"\n'}, "src/engine/a.cpp:2: engine may not include net")
        self.finds({"src/engine/a.cpp": "#include <net/loop.h>\n"}, "src/engine/a.cpp:1: engine may not include net")
        self.finds({"src/engine/a.cpp": '#include "../net/loop.h"\n'}, "is no file of this tree")

    def test_an_include_in_a_comment_is_none(self):
        self.finds({"src/base/log.h": '// #include "engine/worker.h"\n/*\n#include "net/loop.h"\n*/\n'})

    def test_a_program_may_include_from_its_own_top(self):
        self.finds({"sim/store/a.h": "", "sim/net/b.cpp": '#include "store/a.h"\n'})
        self.finds({"sim/store/a.h": "", "src/net/b.cpp": '#include "store/a.h"\n'}, "is no file of this tree")

    def test_an_include_of_nothing(self):
        self.finds({"sim/world.cpp": '#include "sqlite3.h"\n'}, 'sim/world.cpp:1: "sqlite3.h" is no file')

    def test_a_test_helper_in_the_product(self):
        self.finds(
            {"src/base/store_contract.h": "", "src/base/log.h": '#include "base/store_contract.h"\n'},
            "src/base/log.h:1: src/base/store_contract.h is for tests",
        )
        self.finds(
            {"src/base/contract/threads.h": "std::thread t;", "src/base/log.h": '#include "base/contract/threads.h"\n'},
            "src/base/log.h:1: src/base/contract/threads.h is for tests",
        )

    def test_a_folder_without_a_row(self):
        self.finds({"src/odd/a.h": "", "src/odd/README.md": ""}, "src/odd/a.h: belongs to no layer")

    def test_only_the_table_under_its_heading_counts(self):
        self.finds({"ARCHITECTURE.md": TABLE.replace("## Layers", "## Tables")}, "has no layer table")
        self.finds({"ARCHITECTURE.md": None}, "ARCHITECTURE.md: is missing")

    def test_a_table_that_goes_in_a_circle(self):
        circle = TABLE.replace("| `src/base` | `base` | x | – |", "| `src/base` | `base` | x | `engine` |")
        self.finds({"ARCHITECTURE.md": circle}, "go in a circle: base -> engine -> base")

    def test_a_table_that_names_what_is_not_there(self):
        self.finds({"ARCHITECTURE.md": TABLE.replace("| `engine`, `base` |", "| `engine`, `bass` |"),
                    "sim/world.cpp": ""}, "sim may include bass, which has no row")
        row = "| `src/gone` | `gone` | x | – | – |\n\n## Other"
        self.finds({"ARCHITECTURE.md": TABLE.replace("\n## Other", row)}, "there is no folder src/gone")

    def test_cmake_against_the_table(self):
        self.finds({"src/base/CMakeLists.txt": "settle_layer(base\n  SOURCES log.cpp\n  MAY_INCLUDE engine)\n"},
                   "src/base/CMakeLists.txt:1: base may not link engine")
        self.finds({"src/base/CMakeLists.txt": "\nsettle_layer(bass SOURCES log.cpp)\n"},
                   "src/base/CMakeLists.txt:2: the layer bass has no row")
        self.finds({"src/net/CMakeLists.txt": "settle_layer(engine SOURCES a.cpp)\n"}, "puts engine into src/engine")
        self.finds({"sim/CMakeLists.txt": "settle_binary(settle-sim SOURCES main.cpp USES engine net)\n"},
                   "sim/CMakeLists.txt:1: settle-sim may not link net")

    # The machine

    def test_the_machine_is_touched_only_where_the_table_says(self):
        for code, what in (
            ("auto t = std::chrono::steady_clock::now();", "a clock"),
            ("clock_gettime(CLOCK_REALTIME, &ts);", "a clock"),
            ("auto t = time(nullptr);", "a clock"),
            ("std::jthread t;", "a thread"),
            ("std::this_thread::yield();", "a thread"),
            ("usleep(5);", "a thread"),
            ("std::mutex m;", "a thread"),
            ("#include <sys/socket.h>", "a socket"),
            ("int fd = epoll_create1(0);", "a socket"),
            ("std::random_device d;", "outside randomness"),
            ("int x = rand();", "outside randomness"),
            ("auto v = getenv(\"X\");", "the environment"),
            ("co_await x;", "a coroutine"),
            ("std::uniform_int_distribution<int> d;", "a draw that differs"),
        ):
            with self.subTest(code):
                self.finds({"src/engine/a.cpp": f"\n{code}\n"}, f"src/engine/a.cpp:2: uses {what}")
                self.finds({"src/net/a.cpp": code})
                self.finds({"src/engine/a_test.cpp": code})

    def test_what_only_looks_like_the_machine(self):
        self.finds({"src/engine/a.cpp": 'auto x = world.random(); // std::thread\nlog("std::thread sleep(1)");\n'
                                        "auto big = 1'000'000; char c = '\"'; auto due = state.time(0);\n"})

    # Words

    def test_planting_outside_the_simulator(self):
        self.finds({"src/engine/a.cpp": "plant(Bug::kNone);\n"}, "src/engine/a.cpp:1: plants a bug")
        self.finds({"src/engine/a_test.cpp": "  settle::plant(Bug::kNone);\n"}, "src/engine/a_test.cpp:1: plants a bug")

    def test_open_ends(self):
        for word in ("TO" "DO: later", "FIX" "ME", "X" "XX", "this is not" " implemented", "Not" " implemented"):
            with self.subTest(word):
                self.finds({"src/engine/a.h": f"// {word}\n"}, "src/engine/a.h:1: '")
                self.finds({"docs/a.md": f"{word}\n"}, "docs/a.md:1: '")
        self.finds({"src/engine/a.h": '// 501: "Not Implemented"\n'})

    def test_tests_that_can_be_skipped(self):
        self.finds({"src/engine/a_test.cpp": "GTEST" "_SKIP();\n"}, "a test that can be skipped")
        self.finds({"src/engine/a_test.cpp": "TEST(A, DISABLED" "_B) {}\n"}, "a test that can be skipped")

    def test_long_files(self):
        self.finds({"src/engine/a.cpp": "\n" * 800})
        self.finds({"src/engine/a.cpp": "\n" * 801}, "src/engine/a.cpp: has 801 lines")

    def test_paths_of_a_machine(self):
        self.finds({"docs/a.md": "see /ho" "me/somebody/x\n"}, "docs/a.md:1: names a path of one machine")
        with tempfile.TemporaryDirectory() as root:
            (Path(root) / "a.md").write_text(f"cd {root}/build\n", encoding="utf-8")
            found = words.check(Tree(Path(root)))
            self.assertEqual([f.text for f in found], ["names a path of one machine"])
        self.finds({"docs/a.md": "curl http://127.0.0.1:36789/v1/transactions; ls /tmp/x /usr/bin ./home/x\n"})

    def test_registries(self):
        self.finds({"tools/a.sh": "wget http://deb.deb" "ian.org/x\n"}, "tools/a.sh:1: names a package registry")

    # Pages

    def test_an_error_without_its_page_and_a_page_without_its_error(self):
        use = 'auto type = "/errors/too-large";\n'
        self.finds({"src/net/a.cpp": use}, "docs/errors/too-large.md is missing")
        self.finds({"src/net/a.cpp": use, "docs/errors/too-large.md": "x", "docs/errors/README.md": "x"})
        self.finds({"src/net/a.cpp": 'x("too-large");\n', "docs/errors/too-large.md": "x"})
        self.finds({"docs/errors/too-large.md": "x"}, "docs/errors/too-large.md: no source uses")
        self.finds({"docs/errors/too-large.md": "x", "src/net/a.cpp": "// \"too-large\"\n"}, "no source uses")

    def test_links(self):
        self.finds({"docs/a.md": "\n[x](b.md)\n"}, "docs/a.md:2: the link b.md leads nowhere")
        self.finds({"docs/a.md": "[x](../ARCHITECTURE.md) [y](../ARCHITECTURE.md#layers) [z](#own)\n# Own\n"})
        self.finds({"docs/a.md": "[y](../ARCHITECTURE.md#lairs)\n"}, "has no heading for #lairs")
        self.finds({"docs/a.md": "[y](../../x)\n"}, "leads nowhere")
        self.finds({"docs/a.md": "[y](https://example.org/x) `[a](b)`\n```\n[a](b)\n```\n"})

    def test_a_folder_that_does_not_say_what_it_is(self):
        self.finds({"src/net/README.md": None}, "src/net/README.md: is missing")

    # Reading C++

    def test_comments_and_literals(self):
        self.assertEqual(strip('a "b//c" // d\ne', keep_strings=False), 'a ""  \ne')
        self.assertEqual(strip('a "b//c" /* d\n */ e', keep_strings=True), 'a "b//c" \n e')
        self.assertEqual(strip('R"x(a "//)x" b', keep_strings=False), '"" b')
        self.assertEqual(strip("'\\'' // x", keep_strings=False), "''  ")
        self.assertEqual(strip("1'000'000 // x", keep_strings=False), "1'000'000  ")


if __name__ == "__main__":
    unittest.main()
