"""Who may include whom, and who may touch the machine: the table of ARCHITECTURE.md held against the code.

The table has the columns folder, target, holds, may include, machine; its heading is "Layers". A row covers its folder and
what lies below it, unless a longer row does. `machine` says who may use clocks, threads, sockets, randomness and the
environment: `yes`, `–`, or the files that may.
"""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

from tree import TEST_STEMS, File, Finding, Tree

TABLE = "ARCHITECTURE.md"
TOPS = ("src", "include", "sim", "bench", "examples")
FOR_EVERYBODY = "everybody may include it"

MACHINE = {
    "a clock": r"\b(?:system_clock|steady_clock|high_resolution_clock)\b"
    r"|\b(?:clock_gettime|gettimeofday|timerfd_create)\s*\(|(?<![\w.>])time\s*\(\s*(?:nullptr|NULL|0)\s*\)",
    "a thread": r"\bstd::(?:thread|jthread|async|this_thread|mutex|shared_mutex|condition_variable)\b"
    r"|\bpthread_\w+\s*\(|(?<![\w.>])(?:usleep|nanosleep|sleep)\s*\(",
    "a socket": r"#\s*include\s*<(?:sys/socket|sys/epoll|sys/un|netinet/\w+|arpa/inet|netdb|poll)\.h>|\bepoll_\w+\s*\(",
    "outside randomness": r"\bstd::(?:random_device|mt19937(?:_64)?|default_random_engine|minstd_rand0?)\b"
    r"|(?<![\w.>:])(?:rand|srand|random|drand48|getrandom|getentropy|arc4random\w*)\s*\(",
    "the environment": r"\b(?:secure_)?getenv\s*\(|\b(?:un)?setenv\s*\(",
    "a coroutine": r"\bco_(?:await|yield|return)\b",
    "a draw that differs between standard libraries": r"\bstd::(?:\w+_distribution|shuffle|sample)\b",
}
MACHINE = {what: re.compile(pattern) for what, pattern in MACHINE.items()}


@dataclass
class Layer:
    target: str
    folder: str
    may_include: set[str]
    machine: set[str]  # {"yes"}, or names of files, or nothing
    line: int


class Table:
    def __init__(self, tree: Tree):
        self.layers: dict[str, Layer] = {}
        self.everybody: set[str] = set()
        self.findings: list[Finding] = []
        page = tree.by_path.get(TABLE)
        if page is None:
            self.findings.append(Finding(TABLE, 0, "is missing; it holds the layer table"))
            return
        self._read(page)
        if not self.layers:
            self.findings.append(Finding(TABLE, 0, "has no layer table under a heading 'Layers'"))
        self._check(tree)

    def _read(self, page: File) -> None:
        here = False
        for number, line in enumerate(page.lines, 1):
            if line.startswith("#"):
                here = line.lstrip("# ").strip().lower() == "layers"
            if not here or not line.startswith("|"):
                continue
            cells = [c.strip() for c in line.strip().strip("|").split("|")]
            if cells[0] == "folder" or set(cells[0]) <= set("- :"):
                continue
            if len(cells) != 5:
                self.findings.append(Finding(TABLE, number, f"a row of the layer table has {len(cells)} cells, not 5"))
                continue
            folder, target, holds, may, machine = cells
            names = re.findall(r"`([\w./-]+)`", machine)
            layer = Layer(
                target.strip("`"),
                folder.strip("`").rstrip("/"),
                set(re.findall(r"`([\w-]+)`", may)),
                {"yes"} if machine == "yes" else set(names),
                number,
            )
            if layer.target in self.layers:
                self.findings.append(Finding(TABLE, number, f"the target {layer.target} stands twice in the table"))
            self.layers[layer.target] = layer
            if FOR_EVERYBODY in holds:
                self.everybody.add(layer.target)

    def _check(self, tree: Tree) -> None:
        for layer in self.layers.values():
            if not (tree.root / layer.folder).is_dir():
                self.findings.append(Finding(TABLE, layer.line, f"there is no folder {layer.folder}"))
            for other in sorted(layer.may_include - self.layers.keys()):
                self.findings.append(Finding(TABLE, layer.line, f"{layer.target} may include {other}, which has no row"))
        done: set[str] = set()

        def visit(target: str, way: list[str]) -> None:
            if target in way:
                cycle = " -> ".join(way[way.index(target) :] + [target])
                self.findings.append(Finding(TABLE, self.layers[target].line, f"the layers go in a circle: {cycle}"))
            elif target not in done and target in self.layers:
                for other in sorted(self.layers[target].may_include):
                    visit(other, way + [target])
                done.add(target)

        for target in self.layers:
            visit(target, [])

    def layer_of(self, path: str) -> Layer | None:
        fits = [l for l in self.layers.values() if path == l.folder or path.startswith(l.folder + "/")]
        return max(fits, key=lambda l: len(l.folder), default=None)

    def allowed(self, layer: Layer) -> set[str]:
        return layer.may_include | self.everybody | {layer.target}


def check(tree: Tree) -> list[Finding]:
    table = Table(tree)
    findings = list(table.findings)
    if table.layers:
        for file in tree.under(*TOPS):
            if file.is_code:
                findings += _includes(tree, table, file)
                findings += _machine(table, file)
            elif file.full.name == "CMakeLists.txt":
                findings += _cmake(table, file)
    return findings


def _resolve(tree: Tree, file: File, name: str) -> str | None:
    beside = (PurePosixPath(file.path).parent / name).as_posix()
    top = file.path.split("/")[0]  # sim, bench and examples are include folders for themselves
    for candidate in (beside, f"src/{name}", f"include/{name}", f"{top}/{name}", f"tests/{name}"):
        if candidate in tree.by_path:
            return candidate
    return None


def _includes(tree: Tree, table: Table, file: File) -> list[Finding]:
    found = []
    layer = table.layer_of(file.path)
    if layer is None and not file.is_test:
        return [Finding(file.path, 0, f"belongs to no layer; give its folder a row in {TABLE}")]
    for number, line in enumerate(file.code, 1):
        match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
        if not match:
            continue
        quote, name = match.groups()
        target = _resolve(tree, file, name)
        if target is None:
            if quote == '"':
                found.append(Finding(file.path, number, f'"{name}" is no file of this tree; a library is named in <>'))
            continue
        if file.is_test:
            continue
        other = table.layer_of(target)
        if tree.by_path[target].is_test:
            found.append(Finding(file.path, number, f"{target} is for tests"))
        elif other is None or other.target not in table.allowed(layer):
            to = other.target if other else target
            found.append(Finding(file.path, number, f"{layer.target} may not include {to} ({name}); see {TABLE}"))
    return found


def _machine(table: Table, file: File) -> list[Finding]:
    layer = table.layer_of(file.path)
    if file.is_test or layer is None or "yes" in layer.machine or file.full.name in layer.machine:
        return []
    return [
        Finding(file.path, number, f"uses {what} ({match.group(0).strip()}); {layer.target} may not touch the machine")
        for number, line in enumerate(file.bare, 1)
        for what, pattern in MACHINE.items()
        if (match := pattern.search(line))
    ]


_CALL = re.compile(r"^\s*(settle_layer|settle_binary)\s*\(([^)]*)\)", re.MULTILINE)
_KEYWORDS = {"SOURCES", "MAY_INCLUDE", "LIBRARIES", "USES"}


def _cmake(table: Table, file: File) -> list[Finding]:
    found = []
    folder = PurePosixPath(file.path).parent.as_posix()
    text = re.sub(r"#[^\n]*", "", file.text)
    for match in _CALL.finditer(text):
        kind, words = match.group(1), match.group(2).split()
        line = text.count("\n", 0, match.start(1)) + 1
        name, key, lists = words[0], "", {k: [] for k in _KEYWORDS}
        for word in words[1:]:
            if word in _KEYWORDS:
                key = word
            elif key:
                lists[key].append(word)
        if kind == "settle_layer":
            layer = table.layers.get(name)
            if layer is None:
                found.append(Finding(file.path, line, f"the layer {name} has no row in {TABLE}"))
                continue
            if not (layer.folder + "/").startswith(folder + "/"):
                found.append(Finding(file.path, line, f"{TABLE} puts {name} into {layer.folder}"))
            used = lists["MAY_INCLUDE"]
        else:
            layer = table.layer_of(folder)
            if layer is None or all(PurePosixPath(s).stem.endswith(TEST_STEMS) for s in lists["SOURCES"]):
                continue
            used = lists["USES"]
        for other in used:
            if other not in table.allowed(layer):
                found.append(Finding(file.path, line, f"{name} may not link {other}; see {TABLE}"))
    return found
