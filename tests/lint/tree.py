"""The files of the tree, and C++ text without what is only for people."""

import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

# Written by programs, not by us.
OUTSIDE = {".git", "build", "settle-data", "__pycache__", ".cache"}
CODE = {".cpp", ".h", ".def"}
# Code that proves other code: no layer, may know every folder.
TEST_STEMS = ("_test", "_fuzz", "_contract", "_testing")
TEST_FOLDERS = {"contract"}  # of an interface: the suite that every implementation passes


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}" if self.line else f"{self.path}: {self.text}"


class File:
    def __init__(self, root: Path, path: Path):
        self.full = path
        self.path = path.relative_to(root).as_posix()

    @cached_property
    def text(self) -> str:
        return self.full.read_text(encoding="utf-8", errors="replace")

    @cached_property
    def lines(self) -> list[str]:
        return self.text.split("\n")

    @cached_property
    def code(self) -> list[str]:
        """The lines without comments; what stands in string literals stays."""
        return strip(self.text, keep_strings=True).split("\n")

    @cached_property
    def bare(self) -> list[str]:
        """The lines without comments and without what stands in literals."""
        return strip(self.text, keep_strings=False).split("\n")

    @property
    def is_code(self) -> bool:
        return self.full.suffix in CODE

    @property
    def is_test(self) -> bool:
        folders = self.path.split("/")[:-1]
        return folders[0:1] in (["tests"], ["fuzz"]) or self.full.stem.endswith(TEST_STEMS) or bool(TEST_FOLDERS & set(folders))


class Tree:
    def __init__(self, root: Path):
        self.root = root.resolve()
        self.files = sorted((File(self.root, p) for p in self._walk(self.root)), key=lambda f: f.path)
        self.by_path = {f.path: f for f in self.files}

    def _walk(self, folder: Path):
        for entry in folder.iterdir():
            if entry.is_symlink() or entry.name in OUTSIDE:
                continue
            if entry.is_dir():
                yield from self._walk(entry)
            elif entry.is_file():
                yield entry

    def under(self, *tops: str) -> list[File]:
        return [f for f in self.files if f.path.startswith(tuple(t.rstrip("/") + "/" for t in tops))]


_TOKEN = re.compile(
    r"""(?P<comment>//(?:[^\n\\]|\\.|\\\n)*|/\*.*?\*/)"""
    r"""|(?P<raw>(?:u8|[uUL])?R"(?P<tag>[^()\s\\]{0,16})\(.*?\)(?P=tag)")"""
    r"""|(?P<string>"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<number>\b\d[\w']*)"""  # 1'000'000 opens no character literal
    r"""|(?P<char>'(?:[^'\\\n]|\\.)+')""",
    re.DOTALL,
)


def strip(text: str, keep_strings: bool) -> str:
    """Blanks comments and, if asked, literals; line numbers stay. The names in `#include "x"` always stay."""

    def blank(match: re.Match) -> str:
        whole = match.group(0)
        if match.group("number"):
            return whole
        if match.group("comment"):
            return "\n" * whole.count("\n") if "\n" in whole else " "
        line_start = text.rfind("\n", 0, match.start()) + 1
        if keep_strings or re.match(r"\s*#\s*include\b", text[line_start : match.start()]):
            return whole
        quote = "'" if match.group("char") else '"'
        return quote + "\n" * whole.count("\n") + quote

    return _TOKEN.sub(blank, text)
