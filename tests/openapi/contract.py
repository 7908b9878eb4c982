"""docs/openapi.yaml as something that can be asked: which operations there are, whether an exchange keeps to them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import yaml

METHODS = ("get", "put", "post", "delete", "patch", "head", "options", "trace")


class Broken(Exception):
    """Daemon and contract do not agree; the text says where."""


@dataclass
class Operation:
    name: str  # operationId
    tag: str  # the listener: client or admin
    method: str
    path: str  # as in the contract, with {gid} and {branch}
    spec: dict[str, Any]
    parameters: dict[str, dict[str, Any]]  # of the query


@dataclass
class Seen:
    answers: set[tuple[str, str, str]] = field(default_factory=set)  # operation, status, error (or "")
    properties: set[tuple[str, str]] = field(default_factory=set)  # schema, property


class Contract:
    def __init__(self, file: Path):
        self.spec = yaml.safe_load(file.read_text())
        jsonschema.Draft202012Validator.check_schema(self.spec["components"]["schemas"])
        self.operations: dict[str, Operation] = {}
        for path, item in self.spec["paths"].items():
            shared = item.get("parameters", [])
            for method in METHODS:
                if method in item:
                    self._add(path, method, item[method], shared)
        self.any_path = {s: self.resolved(r) for s, r in self.spec["x-any-path"].items()}
        self.reserved = set(self.spec["x-reserved-errors"])
        self.seen = Seen()

    def _add(self, path: str, method: str, spec: dict[str, Any], shared: list[Any]) -> None:
        parameters = [self.resolved(p) for p in shared + spec.get("parameters", [])]
        query = {p["name"]: p["schema"] for p in parameters if p["in"] == "query"}
        name = spec["operationId"]
        if name in self.operations:
            raise Broken(f"two operations are called {name}")
        self.operations[name] = Operation(name, spec["tags"][0], method.upper(), path, spec, query)

    # ------------------------------------------------------------------------------------------------- references

    def resolved(self, node: dict[str, Any]) -> dict[str, Any]:
        """What a $ref stands for. One with siblings, as JSON Schema allows it, stays."""
        while "$ref" in node and len(node) == 1:
            node = self._at(node["$ref"])
        return node

    def _at(self, reference: str) -> dict[str, Any]:
        node = self.spec
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]
        return node

    def schema_properties(self, name: str) -> set[str]:
        return set(self.spec["components"]["schemas"][name]["properties"])

    def why_not(self, schema: dict[str, Any], value: Any) -> str | None:
        """What is wrong with `value`; None: it keeps to the schema."""
        whole = {"allOf": [schema], "components": self.spec["components"]}
        checker = jsonschema.Draft202012Validator(whole)
        errors = sorted(checker.iter_errors(value), key=lambda e: list(map(str, e.absolute_path)))
        if not errors:
            return None
        error = errors[0]
        while error.context:
            error = max(error.context, key=lambda e: len(e.absolute_path))
        return f"/{'/'.join(map(str, error.absolute_path))}: {error.message[:300]}"

    # --------------------------------------------------------------------------------------------------- exchanges

    def check_request(self, operation: Operation, body: Any) -> None:
        media = operation.spec["requestBody"]["content"]["application/json"]
        if wrong := self.why_not(media["schema"], body):
            raise Broken(f"{operation.name}: the request {body} does not fit the contract: {wrong}")
        self.mark(media["schema"], body)

    def refuses(self, operation: Operation, body: Any) -> bool:
        media = operation.spec["requestBody"]["content"]["application/json"]
        return self.why_not(media["schema"], body) is not None

    def check_answer(self, name: str, responses: dict[str, Any], status: int, headers: dict[str, str],
                     value: Any) -> None:
        """`value` is the parsed body, or its text where the contract has no JSON."""
        where = f"{name} answered {status}"
        if str(status) not in responses:
            raise Broken(f"{where}, which the contract does not have: {value}")
        response = self.resolved(responses[str(status)])
        for header, rule in response.get("headers", {}).items():
            if rule.get("required") and header not in headers:
                raise Broken(f"{where} without the header {header}")
        media_type = headers.get("content-type", "").split(";")[0]
        if media_type not in response["content"]:
            raise Broken(f"{where} with content-type {media_type!r}; the contract has {list(response['content'])}")
        schema = response["content"][media_type]["schema"]
        if wrong := self.why_not(schema, value):
            raise Broken(f"{where}: {wrong}\n  {value}")
        self.mark(schema, value)
        error = value["type"].rsplit("/", 1)[-1] if status >= 400 and "type" in value else ""
        self.seen.answers.add((name, str(status), error))

    # ---------------------------------------------------------------------------------------------------- coverage

    def mark(self, schema: Any, value: Any, owner: str = "") -> None:
        """Notes which properties of which schemas `value` has."""
        if not isinstance(schema, dict):
            return
        if "$ref" in schema:
            self.mark(self._at(schema["$ref"]), value, schema["$ref"].rsplit("/", 1)[-1])
        for choice in schema.get("oneOf", []):
            if self.why_not(choice, value) is None:
                self.mark(choice, value)
        if isinstance(value, dict):
            for name, below in schema.get("properties", {}).items():
                if name in value:
                    self.seen.properties.add((owner, name))
                    self.mark(below, value[name], f"{owner}.{name}")
        if isinstance(value, list):
            for element in value:
                self.mark(schema.get("items"), element, f"{owner}[]")

    def declared_answers(self) -> set[tuple[str, str, str]]:
        """Every answer that the contract has, but for those whose reason not to be provoked stands beside them."""
        out = set()
        for operation in self.operations.values():
            for status, response in operation.spec["responses"].items():
                out |= {(operation.name, status, e) for e in self._errors_of(response)}
        for status, response in self.any_path.items():
            out |= {("any path", status, e) for e in self._errors_of(response)}
        return out

    def _errors_of(self, response: dict[str, Any]) -> list[str]:
        response = self.resolved(response)
        if "x-unprovoked" in response:
            return []
        schema = next(iter(response["content"].values()))["schema"]
        types = schema.get("properties", {}).get("type", {}).get("enum", [])
        return [t.rsplit("/", 1)[-1] for t in types] or [""]

    def declared_errors(self) -> set[str]:
        return {error for _, _, error in self.declared_answers() if error and error != "about:blank"}

    def declared_properties(self) -> set[tuple[str, str]]:
        out = set()
        for name, schema in self.spec["components"]["schemas"].items():
            out |= self._properties_of(schema, name)
        return out

    def _properties_of(self, schema: Any, owner: str) -> set[tuple[str, str]]:
        out = set()
        if isinstance(schema, dict):
            for name, below in schema.get("properties", {}).items():
                out.add((owner, name))
                out |= self._properties_of(below, f"{owner}.{name}")
        return out


def fields_named_in(detail: str) -> set[str]:
    """The names that a refusal of an unknown field or parameter offers instead."""
    found = re.search(r'(?:unknown field "[^"]*"; .* has|is unknown; this path takes) ([a-z_, ]+?)$', detail)
    if not found:
        raise Broken(f"this refusal names no fields: {detail}")
    return set(re.split(r", | and ", found.group(1))) - {"none"}
