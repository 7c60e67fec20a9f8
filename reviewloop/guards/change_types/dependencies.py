"""Kind of change: external packages, and their versions."""

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from reviewloop.guards.change_types.changed import ChangedFile, Evidence
from reviewloop.regex import regex

_SECTIONS = (
    *("dependencies", "devDependencies", "peerDependencies", "optionalDependencies"),
    *("overrides", "resolutions", "require", "require-dev"),
)
LOCKS = frozenset(
    ("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock", "poetry.lock", "uv.lock")
) | {"pdm.lock", "Pipfile.lock", "Cargo.lock", "composer.lock", "Gemfile.lock"}
_REQUIREMENTS = regex(r"(?:^|/)(?:[\w.-]*requirements[\w.-]*|requirements/[\w.-]+)\.(?:txt|in)$")
_PACKAGE = regex(r"^\s*(?P<name>[A-Za-z0-9][\w.-]*(?:\[[^\]]*\])?)\s*(?:[=<>!~;@]|$)")
_GO = regex(r"^\s*(?:require\s+|replace\s+)?(?P<name>[\w.-]+\.[\w-]+/\S+)\s+(?:v\d|=>)")
_GEM = regex(r"^\s*gem\s+['\"](?P<name>[^'\"]+)")
_GRADLE = regex(
    r"^\s*\w*(?:[iI]mplementation|api|[cC]ompileOnly|[rR]untimeOnly)"
    r"[\s(]+['\"](?P<name>[^'\"]+)"
)
_MAVEN = regex(r"<(?:artifactId|version)>(?P<name>[^<]+)<")
_BY_LINE: Mapping[str, re.Pattern[str]] = {
    "go.mod": _GO,
    "Gemfile": _GEM,
    "build.gradle": _GRADLE,
    "build.gradle.kts": _GRADLE,
    "pom.xml": _MAVEN,
}

Versions = Mapping[str, str]
_LOCKED = ("version", "resolved", "integrity", "link")  # by npm; the rest says where it runs
_OWN_SOURCES = {"editable", "virtual", "directory"}  # of uv.lock: the project's own packages


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield the first package of each manifest that is added, removed or changes its version.

    A lock file counts if no manifest beside it changed.
    """
    named = [one for file in files for one in _of_manifest(file)]
    yield from named
    folders = {one.path.rpartition("/")[0] for one in named}
    for file in files:
        if file.name in LOCKS and file.path.rpartition("/")[0] not in folders:
            before = _locked(file.name, file.before)
            if before is not None and before == _locked(file.name, file.after):
                continue  # the project's own version
            line = next(iter([*file.added, *file.removed]), 1)
            yield Evidence(file.path, line, "other versions are locked")


def _locked(name: str, text: str) -> list[str] | None:
    """Return the external packages in a lock file; None if it cannot be parsed."""
    try:
        if name in ("uv.lock", "Cargo.lock"):
            packages = tomllib.loads(text)["package"]
            return [json.dumps(one, sort_keys=True) for one in packages if not _is_own(name, one)]
        if name == "package-lock.json":
            packages = json.loads(text)["packages"]
            return [
                json.dumps([key, *(packages[key].get(name) for name in _LOCKED)])
                for key in packages
                if "node_modules/" in key  # the others are folders of the project
            ]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return None


def _is_own(name: str, package: Mapping[str, object]) -> bool:
    source = package.get("source")
    if name == "Cargo.lock":
        return source is None
    return isinstance(source, dict) and bool(_OWN_SOURCES & source.keys())


def _of_manifest(file: ChangedFile) -> Iterator[Evidence]:
    reader = _reader(file)
    if reader is not None:
        before, after = reader(file.before), reader(file.after)
        for name in sorted(before.keys() | after.keys()):
            if before.get(name) != after.get(name):
                yield Evidence(file.path, _line_of(file, name), _how(name, before, after))
                return
        return
    pattern = _PACKAGE if _REQUIREMENTS.search(file.path) else _BY_LINE.get(file.name)
    if pattern and (hit := file.first(pattern)):
        yield Evidence(file.path, hit[0], hit[1]["name"])


def _how(name: str, before: Versions, after: Versions) -> str:
    if name not in before:
        return f"adds {name}"
    if name not in after:
        return f"removes {name}"
    old, new = (one[name].partition(" {")[0] for one in (before, after))
    return f"{name} {old} -> {new}" if old != new else f"{name} with other options"


def _line_of(file: ChangedFile, name: str) -> int:
    lines = [*file.added.items(), *file.removed.items()]
    return next((number for number, text in lines if name in text), lines[0][0] if lines else 1)


def _reader(file: ChangedFile) -> Callable[[str], Versions] | None:
    if file.name in {"package.json", "composer.json"}:
        return _from_json
    return _from_toml if file.name in {"pyproject.toml", "Cargo.toml", "Pipfile"} else None


def _from_json(text: str) -> Versions:
    try:
        table = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return _of_sections(table if isinstance(table, dict) else {}, _SECTIONS)


def _of_sections(table: Mapping[str, Any], names: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for section in names:
        inner = table.get(section)
        if isinstance(inner, dict):
            found |= {str(name): _stated(version) for name, version in inner.items()}
    return found


def _stated(version: object) -> str:
    """Return a manifest's entry for a package in a fixed order: the version, then the options."""
    if not isinstance(version, dict):
        return str(version)
    options = {
        name: sorted(map(str, value)) if isinstance(value, list) else value
        for name, value in version.items()
        if name != "version"
    }
    return f"{version.get('version', '')} {json.dumps(options, sort_keys=True)}".strip()


def _from_toml(text: str) -> Versions:
    try:
        table = tomllib.loads(text)
    except (ValueError, RecursionError):
        return {}
    found = _of_sections(table, ("dependencies", "dev-dependencies", "build-dependencies"))
    found |= _of_sections(table, ("packages", "dev-packages"))
    project, build = _table(table, "project"), _table(table, "build-system")
    lists = [project.get("dependencies"), build.get("requires")]
    lists += _table(project, "optional-dependencies").values()
    lists += _table(table, "dependency-groups").values()
    for listed in lists:
        for one in listed if isinstance(listed, list) else []:
            name = re.split(r"[\s\[<>=!~;@(]", str(one), maxsplit=1)[0]
            found[name] = str(one)
    poetry = _table(_table(table, "tool"), "poetry")
    found |= _of_sections(poetry, ("dependencies", "dev-dependencies"))
    for group in _table(poetry, "group").values():
        found |= _of_sections(group if isinstance(group, dict) else {}, ("dependencies",))
    return found


def _table(table: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    inner = table.get(name)
    return inner if isinstance(inner, dict) else {}
