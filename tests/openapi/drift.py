"""What the code has and the contract does not, or the other way round: routes, methods, fields, parameters, errors."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from client import Client
from contract import Broken, Contract, fields_named_in
from daemon import Participants

ROUTES = {"client": "src/api/http/route.cpp", "admin": "src/api/admin"}
# The list of incidents reads the parameters of the list of transactions, and offers this one although it has none.
OFFERED_ONLY = {("incidents", "transaction")}


def _literals(text: str) -> set[str]:
    return set(re.findall(r'"((?:[^"\\\n]|\\.)*)"', re.sub(r"#include.*|//.*", "", text)))


def _body_of(function: str, text: str) -> str:
    """From the name of a function to the end of its block."""
    start = re.search(rf"\b{function}\([^;{{]*\{{", text)
    if not start:
        raise Broken(f"there is no function {function} any more; teach {__name__} where routes are now")
    return text[start.start() : text.index("\n}\n", start.start())]


def words_of_code(source: Path) -> dict[str, set[str]]:
    """Every word that the code compares a path with."""
    route = (source / ROUTES["client"]).read_text()
    named = _literals(_body_of("name_of", route)) - {"?", "other"}
    client = {w for w in _literals(route.replace(_body_of("name_of", route), "")) if re.fullmatch(r"[a-z0-9/_-]+", w)}
    admin: set[str] = set()
    verbs: set[str] = set()
    for file in sorted((source / ROUTES["admin"]).glob("*.cpp")):
        if file.name.endswith("_test.cpp"):
            continue
        text = file.read_text()
        admin |= {w for w in _literals(text) if re.fullmatch(r"/[a-z0-9/_-]*", w)}
        if re.search(r"\bverb_place_of\([^;{]*\{", text):
            verbs |= {w for w in _literals(_body_of("verb_place_of", text)) if re.fullmatch(r"[a-z0-9/_-]+", w)}
    if not verbs:
        raise Broken(f"no file of {ROUTES['admin']} has verb_place_of any more; teach {__name__} where verbs are now")
    return {"client": client, "admin": admin | verbs, "named": named}


def routes(contract: Contract, client: Client, source: Path) -> None:
    words = words_of_code(source)
    paths = {tag: [o.path for o in contract.operations.values() if o.tag == tag] for tag in ("client", "admin")}
    for tag in ("client", "admin"):
        segments = {s for path in paths[tag] for s in path.split("/")}
        for word in words[tag]:
            if not set(word.strip("/").split("/")) <= segments:
                raise Broken(f"{ROUTES[tag]} knows \"{word}\", which no path of the {tag} listener in the contract has")
    ids = {o.name for o in contract.operations.values() if o.tag == "client"}
    if ids != words["named"]:
        raise Broken(f"routes of the code and operations of the contract differ: {ids ^ words['named']}")
    _methods(contract, client)


def _methods(contract: Contract, client: Client) -> None:
    """A path tells its methods to who comes with another one."""
    allowed: dict[tuple[str, str, bool], set[str]] = {}
    for operation in contract.operations.values():
        allowed.setdefault((operation.tag, operation.path, False), set()).add(operation.method)
        if "transaction" in operation.parameters and "{gid}/" in operation.path:
            allowed.setdefault((operation.tag, operation.path.replace("/{gid}", ""), True), set()).add(operation.method)
    for (tag, path, by_tid), methods in allowed.items():
        target = path.replace("{gid}", "x").replace("{branch}", "b").replace("{name}", "c")
        target += "?transaction=" + "0" * 26 if by_tid else ""
        status, headers, body = client.daemon.send(tag, "PATCH", target)
        client.any_path("method-not-allowed", (status, headers, body))
        if set(headers["allow"].split(", ")) != methods:
            raise Broken(f"{target} takes {headers['allow']}, in the contract {methods}")
    for tag in ("client", "admin"):
        for target in ("/", "/v1", "/v1/transactions/a/b/c", "/v1/transactions//submit", "/v1/nobody"):
            client.any_path("unknown-route", client.daemon.send(tag, "GET", target))


def fields(client: Client, participants: Participants) -> None:
    """The daemon refuses an unknown field and names those that it has."""
    url = participants.url("/never")
    step: dict[str, Any] = {"id": "a", "action": url}
    zz = {"zz": 1}
    cases: list[tuple[list[str], str, dict[str, Any]]] = [
        (["BeginSaga", "BeginMessage", "BeginTcc", "BeginTwoPhase"], "begin",
         {"pattern": "saga", "steps": [step], **zz}),
        (["Step"], "begin", {"pattern": "saga", "steps": [{**step, **zz}]}),
        (["Retry"], "begin", {"pattern": "saga", "steps": [step], "retry": zz}),
        (["Bind"], "begin", {"pattern": "saga", "steps": [{**step, "bind": [zz]}]}),
        (["Bind"], "begin", {"pattern": "saga", "steps": [{**step, "compensate_bind": [zz]}]}),
        (["FollowUp"], "begin", {"pattern": "saga", "steps": [{**step, "degrade": zz}]}),
        (["FollowUp"], "begin", {"pattern": "saga", "steps": [step], "on_commit": [zz]}),
        (["FollowUp"], "begin", {"pattern": "saga", "steps": [step], "on_abort": [zz]}),
        (["Target"], "begin", {"pattern": "message", "targets": [zz]}),
        (["TccBranch", "TwoPhaseBranch"], "begin", {"pattern": "tcc", "branches": [zz]}),
        (["Enlist"], "enlist", zz), (["Submit"], "submit", zz), (["Abort"], "abort", zz), (["Report"], "report", zz),
        (["Reason"], "retry", zz), (["Reason"], "stop", zz), (["Reason"], "pause", zz), (["Reason"], "resume", zz),
        (["Resolve"], "resolve", zz),
    ]
    contract = client.contract
    for schemas, operation, body in cases:
        if not contract.refuses(contract.operations[operation], body):
            raise Broken(f"the contract takes an unknown field of {operation}: {body}")
        detail = client.call(operation, "invalid", body, gid="x", branch="b")["detail"]
        declared = set().union(*(contract.schema_properties(s) for s in schemas))
        if fields_named_in(detail) != declared:
            raise Broken(f"{schemas} differ from the daemon's fields: {sorted(fields_named_in(detail) ^ declared)}")
    for operation in contract.operations.values():
        if operation.name == "begin":
            client.call("begin", "invalid", raw=b"{}", zz=1)
            continue
        body = b"{}" if operation.method == "POST" else None
        detail = client.call(operation.name, "invalid", raw=body, gid="x", branch="b", zz=1)["detail"]
        named = {n for n in fields_named_in(detail) if (operation.name, n) not in OFFERED_ONLY}
        if named != set(operation.parameters):
            raise Broken(f"parameters of {operation.name} differ: {sorted(named ^ set(operation.parameters))}")


def errors(contract: Contract, source: Path) -> list[str]:
    """Pages, names in the code, and the contract; a reserved one is used nowhere."""
    wrong = []
    pages = {p.stem for p in (source / "docs/errors").glob("*.md")} - {"README"}
    used = contract.declared_errors()
    for name in sorted(pages ^ (used | contract.reserved)):
        wrong.append(f"the error {name} has no page in docs/errors" if name not in pages else
                     f"the error {name} has a page in docs/errors and no place in the contract")
    wrong += [f"the error {name} is reserved in the contract and used there" for name in used & contract.reserved]
    statuses: dict[str, set[int]] = {}
    for _, status, name in contract.declared_answers():
        statuses.setdefault(name, set()).add(int(status))
    for page in sorted((source / "docs/errors").glob("*.md")):
        for block in re.findall(r"```json\n(.*?)```", page.read_text(), re.DOTALL):
            shown = json.loads(block)
            if why := contract.why_not({"$ref": "#/components/schemas/Problem"}, shown):
                wrong.append(f"{page.name} shows what no answer can be: {why}")
            elif page.stem not in contract.reserved | {"README"} and (
                    shown["type"] != f"/errors/{page.stem}" or shown["status"] not in statuses.get(page.stem, set())):
                wrong.append(f"{page.name} shows {shown['type']} with {shown['status']}: not in the contract")
    code = ""
    for file in sorted((source / "src/api").rglob("*.cpp")):
        if not file.name.endswith("_test.cpp") and file.name != "problem.cpp":
            code += file.read_text()
    kinds = dict(re.findall(r'ErrorName::(k\w+), \d+, "/errors/([a-z-]+)"',
                            (source / "src/api/http/problem.cpp").read_text()))
    for enumerator, name in kinds.items():
        if name in contract.reserved and re.search(rf"ErrorName::{enumerator}\b", code):
            wrong.append(f"the error {name} is reserved in the contract, but the code answers with it now")
    return wrong


def examples(client: Client, participants: Participants, source: Path) -> None:
    """What the guide shows can be sent as it stands, and commits; only where the participants are is changed."""
    text = (source / "docs/guide.md").read_text()
    patterns = set()
    for block in re.findall(r"```json\n(.*?)```", text, re.DOTALL):
        shown = json.loads(block)
        plan = json.loads(re.sub(r"http://127\.0\.0\.1:\d+", participants.url("/guide"), block))
        gid = client.call("begin", 201, plan)["gid"]
        if "check" in shown:
            client.call("submit", 200, gid=gid)
        document = client.await_document(gid, lambda d: d["phase"] == "ended", "the guide's example ends")
        if document["outcome"] != "committed":
            raise Broken(f"the guide's example of {shown['pattern']} does not commit: {document}")
        patterns.add(shown["pattern"])
    known = set(client.contract.spec["components"]["schemas"]["PatternName"]["enum"])
    if patterns != known:
        raise Broken(f"docs/guide.md has an example of {sorted(patterns)}, there are {sorted(known)}")
