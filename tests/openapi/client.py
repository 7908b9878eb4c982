"""Requests by the names of the contract; each exchange is held against it."""

from __future__ import annotations

import json
import time
import urllib.parse
from typing import Any, Callable

from contract import Broken, Contract, Operation
from daemon import PATIENCE_S, Answer, Daemon


class Client:
    def __init__(self, contract: Contract, daemon: Daemon):
        self.contract, self.daemon = contract, daemon
        self.gids = 0

    def path_of(self, operation: Operation, gid: str = "", branch: str = "", tid: str = "", destination: str = "",
                **query: Any) -> str:
        path = operation.path.replace("/{gid}", "" if tid else f"/{gid}").replace("{branch}", branch)
        path = path.replace("{name}", urllib.parse.quote(destination, safe=""))
        if tid:
            query["transaction"] = tid
        return path + ("?" + urllib.parse.urlencode(query) if query else "")

    def call(self, name: str, expected: int | str, body: Any = None, *, gid: str = "", branch: str = "", tid: str = "",
             destination: str = "http://127.0.0.1:1", raw: bytes | None = None, **query: Any) -> Any:
        """`expected` is a status, or the name of an error. What is to succeed must keep to the contract before."""
        operation = self.contract.operations[name]
        if body is not None and (isinstance(expected, int) or expected not in ("invalid", "too-large", "too-many")):
            self.contract.check_request(operation, body)
        for parameter in query:
            if isinstance(expected, int) and parameter not in operation.parameters:
                raise Broken(f"{name}: the contract has no parameter {parameter}")
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        path = self.path_of(operation, gid, branch, tid, destination, **query)
        status, headers, answer = self.daemon.send(operation.tag, operation.method, path, data)
        return self._judge(operation.name, operation.spec["responses"], expected, status, headers, answer)

    def any_path(self, expected: str, answer: Answer) -> Any:
        return self._judge("any path", self.contract.any_path, expected, *answer)

    def _judge(self, name: str, responses: Any, expected: int | str, status: int, headers: dict[str, str],
               answer: bytes) -> Any:
        is_text = headers.get("content-type", "").startswith("text/")
        value = answer.decode() if is_text else json.loads(answer)
        self.contract.check_answer(name, responses, status, headers, value)
        if isinstance(expected, int):
            met = status == expected
        else:
            met = status >= 400 and value.get("type", "").rsplit("/", 1)[-1] == expected
        if not met:
            raise Broken(f"{name} answered {status}, {expected} was expected: {value}")
        return value

    # ------------------------------------------------------------------------------------------------- short forms

    def fresh(self) -> str:
        self.gids += 1
        return f"t{self.gids}"

    def begin(self, expected: int | str = 201, **plan: Any) -> Any:
        return self.call("begin", expected, {"gid": self.fresh(), **plan})

    def await_document(self, gid: str, holds: Callable[[Any], Any], what: str) -> Any:
        """Asks until the document is as described; every answer on the way is held against the contract."""
        document: Any = None

        def asked() -> Any:
            nonlocal document
            document = self.call("query", 200, gid=gid, timeline=1)
            return holds(document)

        self.await_true(asked, lambda: f"{gid} does not come to this: {what}\n{document}")
        return document

    def await_true(self, holds: Callable[[], Any], what: str | Callable[[], str]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not holds():
            if time.monotonic() > end:
                raise Broken(what if isinstance(what, str) else what())
            time.sleep(0.01)
