"""Documents: links lead somewhere, every error has its page and every page its error, every folder of src says what it is."""

import re
from pathlib import PurePosixPath

from tree import File, Finding, Tree

ERRORS = "docs/errors"
NAME = r"[a-z]+(?:-[a-z]+)*"


def check(tree: Tree) -> list[Finding]:
    return _links(tree) + _errors(tree) + _readmes(tree)


def slug(heading: str) -> str:
    """The anchor that code hosts give a heading."""
    plain = re.sub(r"`|\*|\[([^\]]*)\]\([^)]*\)", lambda m: m.group(1) or "", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")


def _prose(page: File) -> list[str]:
    """The lines of a page without code blocks and without `code`."""
    lines, fenced = [], False
    for line in page.lines:
        if line.lstrip().startswith("```"):
            fenced = not fenced
            line = ""
        lines.append("" if fenced else re.sub(r"`[^`]*`", "``", line))
    return lines


def _anchors(page: File) -> set[str]:
    return {slug(line.lstrip("#")) for line in page.lines if re.match(r"#{1,6} ", line)}


def _links(tree: Tree) -> list[Finding]:
    found = []
    for page in tree.files:
        if page.full.suffix != ".md":
            continue
        for number, line in enumerate(_prose(page), 1):
            for link in re.findall(r"\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)", line):
                if re.match(r"[a-z][a-z0-9+.-]*:", link):
                    continue
                path, _, anchor = link.partition("#")
                parts: list[str] = []
                for part in (PurePosixPath(page.path).parent / path).parts if path else PurePosixPath(page.path).parts:
                    if part == ".." and parts:
                        parts.pop()
                    else:
                        parts.append(part)
                target = "/".join(parts)
                if link.startswith("/") or ".." in parts or not (tree.root / target).exists():
                    found.append(Finding(page.path, number, f"the link {link} leads nowhere"))
                elif anchor and target in tree.by_path and anchor not in _anchors(tree.by_path[target]):
                    found.append(Finding(page.path, number, f"{target} has no heading for #{anchor}"))
    return found


def _errors(tree: Tree) -> list[Finding]:
    found = []
    pages = {f.full.stem: f.path for f in tree.under(ERRORS) if f.full.suffix == ".md" and f.full.stem != "README"}
    literals: set[str] = set()
    for file in tree.under("src"):
        if not file.is_code or file.is_test:
            continue
        text = "\n".join(file.code)
        literals.update(re.findall(rf'"({NAME})"', text))
        for number, line in enumerate(file.code, 1):
            for name in re.findall(rf"/errors/({NAME})", line):
                literals.add(name)
                if name not in pages:
                    found.append(Finding(file.path, number, f"{ERRORS}/{name}.md is missing"))
    for name, path in pages.items():
        if name not in literals:
            found.append(Finding(path, 0, f"no source uses the error {name}"))
    return found


def _readmes(tree: Tree) -> list[Finding]:
    folders = {"/".join(f.path.split("/")[:2]) for f in tree.under("src") if f.path.count("/") > 1}
    return [Finding(f"{folder}/README.md", 0, "is missing: what belongs here, what does not, what to read first")
            for folder in sorted(folders) if f"{folder}/README.md" not in tree.by_path]
