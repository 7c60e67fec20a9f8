"""GitHub's own description of its REST interface, used to validate requests and answers."""

import functools
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from jsonschema import Draft7Validator, FormatChecker

DATA = Path(__file__).parent.parent / "data/github"
_FORMATS = FormatChecker(["date-time"])
_CHANCE = re.compile(r"\b[0-9a-f]{40}\b|(?<=127\.0\.0\.1:)[0-9]+")


def _pattern(path: str) -> re.Pattern[str]:
    """Return what finds the parts of a path; only a file's own path has several segments."""
    whole = path.replace("{path}", "(?P<path>.+)")
    return re.compile("^" + re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", whole) + "$")


def _plain(value: Any, *, closed: bool) -> Any:
    """Return JSON Schema for a schema of OpenAPI 3.0; `closed` allows no unknown member."""
    if isinstance(value, list):
        return [_plain(item, closed=closed) for item in value]
    if not isinstance(value, dict):
        return value
    if "$ref" in value:
        name = value["$ref"].rpartition("/")[2]
        return {"$ref": f"#/definitions/{name}"}
    changed = {
        key: {name: _plain(schema, closed=closed) for name, schema in item.items()}
        if key == "properties"
        else _plain(item, closed=closed)
        for key, item in value.items()
    }
    if closed and "properties" in changed:
        changed.setdefault("additionalProperties", False)
        changed["properties"].pop("position", None)  # closing down: `line` is meant
    if changed.pop("nullable", False):
        if "enum" in changed:
            changed["enum"] = [*changed["enum"], None]
        changed = {"anyOf": [{"type": "null"}, changed]}
    return changed


@dataclass(frozen=True)
class Operation:
    """One method of one path; `values` are the parts of the path that stand for something."""

    ident: str  # operationId, such as pulls/create-review
    method: str
    description: dict[str, Any]
    values: dict[str, str]


class Spec:
    """The extract in tests/data/github; validators are built when they are needed."""

    def __init__(self) -> None:
        self.whole: dict[str, Any] = json.loads((DATA / "openapi.json").read_text("utf-8"))
        self._components = self.whole["components"]
        self._validators: dict[tuple[str, str], Draft7Validator] = {}
        self._judged: dict[tuple[str, int, str], list[str]] = {}
        self._paths = [(_pattern(path), methods) for path, methods in self.whole["paths"].items()]

    @functools.cached_property
    def _definitions(self) -> dict[str, Any]:
        schemas = self._components["schemas"]
        return {name: _plain(schema, closed=False) for name, schema in schemas.items()}

    def find(self, method: str, path: str) -> Operation | None:
        """Return what a request asks for, if reviewloop is known to ask for such a thing."""
        for pattern, methods in self._paths:
            match = pattern.match(path)
            if match and method.lower() in methods:
                found = methods[method.lower()]
                values = {name: unquote(value) for name, value in match.groupdict().items()}
                return Operation(found["operationId"], method, found, values)
        return None

    def wrong_request(self, operation: Operation, query: dict[str, str], body: Any) -> list[str]:
        """Return all that a request has against the description."""
        problems = []
        parameters = [self._resolved(each) for each in operation.description["parameters"]]
        for place, given in (("path", operation.values), ("query", query)):
            known = {each["name"]: each for each in parameters if each["in"] == place}
            problems += [f"{place} has an unknown {name}" for name in given.keys() - known.keys()]
            for name, value in given.items():
                if name in known:
                    problems += self._wrong_parameter(known[name], place, value)
            problems += [
                f"{place} lacks {name}"
                for name, each in known.items()
                if each.get("required") and name not in given
            ]
        described = operation.description.get("requestBody")
        if described is None:
            return problems + (["a body where none belongs"] if body is not None else [])
        if body is None:
            return problems + (["no body"] if described.get("required") else [])
        validator = self._validators.get((operation.ident, "request"))
        if validator is None:
            schema = described["content"]["application/json"]["schema"]
            validator = self._validator(_plain(schema, closed=True))
            self._validators[operation.ident, "request"] = validator
        return problems + [_said("body", error) for error in validator.iter_errors(body)]

    def _wrong_parameter(self, parameter: dict[str, Any], place: str, value: str) -> list[str]:
        schema = _plain(parameter["schema"], closed=False)
        typed: Any = value
        if schema.get("type") == "integer":
            typed = int(value) if re.fullmatch(r"\d+", value) else value
            if parameter["name"] == "per_page" and not 1 <= int(typed) <= 100:
                return ["query: per_page is not in 1 to 100"]
        elif schema.get("type") == "boolean":
            typed = {"true": True, "false": False}.get(value, value)
        errors = Draft7Validator(schema).iter_errors(typed)
        return [_said(f"{place} {parameter['name']}", error) for error in errors]

    def wrong_answer(self, operation: Operation, status: int, body: Any) -> list[str]:
        """Return what an answer has against the description; of a list the ends are looked at.

        Answers that differ in commits and ports only are looked at once.
        """
        if isinstance(body, list) and len(body) > 2:
            body = [body[0], body[-1]]
        key = (operation.ident, status, _CHANCE.sub("", json.dumps(body)))
        if key not in self._judged:
            self._judged[key] = self._judge(operation, status, body)
        return self._judged[key]

    def _judge(self, operation: Operation, status: int, body: Any) -> list[str]:
        described = operation.description["responses"].get(str(status))
        if described is None:
            return []  # GitHub refuses in more ways than it describes
        content = self._resolved(described).get("content", {}).get("application/json")
        if content is None:
            return ["a body where none belongs"] if body is not None and status < 400 else []
        validator = self._validators.get((operation.ident, str(status)))
        if validator is None:
            validator = self._validator(_plain(content["schema"], closed=False))
            self._validators[operation.ident, str(status)] = validator
        # A comment whose line is no longer in the diff has null there, which is not described.
        return [
            _said("answer", error)
            for error in validator.iter_errors(body)
            if error.instance is not None or "line" not in str(list(error.absolute_path)[-1:])
        ]

    def example(self, ident: str, status: int) -> Any:
        """Return a copy of the published answer of an operation."""
        return json.loads(self._example(ident, status))

    @functools.cache  # noqa: B019 - there is one description
    def _example(self, ident: str, status: int) -> str:
        for methods in self.whole["paths"].values():
            for operation in methods.values():
                if operation["operationId"] == ident:
                    described = operation["responses"][str(status)]
                    [example] = described["content"]["application/json"]["examples"].values()
                    return json.dumps(self._resolved(example)["value"])
        raise KeyError(ident)

    def _resolved(self, value: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in value:
            return value
        _, _, kind, name = value["$ref"].split("/")
        found: dict[str, Any] = self._components[kind][name]
        return found

    def _validator(self, schema: dict[str, Any]) -> Draft7Validator:
        whole = {"allOf": [schema], "definitions": self._definitions}
        return Draft7Validator(whole, format_checker=_FORMATS)


def _said(what: str, error: Any) -> str:
    where = ".".join(str(part) for part in error.absolute_path)
    return f"{what} {where}: {error.message[:200]}".replace(" : ", ": ")


@functools.cache
def spec() -> Spec:
    """Return the one description that all servers of a process share."""
    return Spec()


def event(name: str) -> dict[str, Any]:
    """Return a published webhook payload: a file of tests/data/github/events without its ending."""
    found: dict[str, Any] = json.loads((DATA / "events" / f"{name}.json").read_text("utf-8"))
    return found
