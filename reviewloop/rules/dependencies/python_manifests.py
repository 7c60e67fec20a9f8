"""Reads the files that name Python dependencies: requirements, pyproject, setup.cfg, Pipfile."""

import re
from collections.abc import Iterator
from dataclasses import replace

from reviewloop.rules.dependencies.located import LineIndex, Located, toml_values
from reviewloop.rules.dependencies.manifest import (
    Ecosystem,
    Entry,
    Index,
    Manifest,
    Origin,
    git_revision,
    python_name,
)

_NAMED = re.compile(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_EGG = re.compile(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_COMMENT = re.compile(r"(?:^|\s)#.*$")
_OPTION = re.compile(r"\s--[a-z][a-z-]*[= ].*$", re.DOTALL)
_INDEX = re.compile(r"(?:-i|--index-url|--extra-index-url|-f|--find-links)[= ]\s*(\S+)")
_GIT = ("git+", "hg+", "bzr+", "svn+")
_STRING = re.compile(r"\"([^\"\n]*)\"|'([^'\n]*)'|(\])")
_SETUP = re.compile(r"\b(install_requires|tests_require)\s*=\s*\[")


def requirement(text: str, line: int, end_line: int, *, development: bool) -> Entry | None:
    """Return the dependency a requirement names, None for what is none (a local folder)."""
    hashed = "--hash" in text
    text = _OPTION.sub("", f" {text}").strip()
    if text.startswith((*_GIT, "http://", "https://", "file:")):
        egg = _EGG.search(text)
        return _from_address(egg.group(1) if egg else "", text, line, end_line, development, hashed)
    named = _NAMED.fullmatch(text)
    if named is None or "/" in named.group(2).split("@")[0].split(";")[0]:
        return None
    name, rest = named.groups()
    if rest.startswith("@"):
        address = rest[1:].split(" ;")[0].strip()
        return _from_address(name, address, line, end_line, development, hashed)
    version = rest.split(";")[0].strip().strip("()").strip()
    if version and version[0] not in "<>=!~":
        return None
    return Entry(
        Ecosystem.PYPI, python_name(name), version, line, end_line,
        development=development, hashed=hashed,
    )  # fmt: skip


def _from_address(
    name: str, address: str, line: int, end_line: int, development: bool, hashed: bool
) -> Entry | None:
    if address.startswith("file:"):
        return None
    origin, revision = Origin.URL, ""
    hashed = hashed or "sha256=" in address
    if address.startswith(_GIT):
        address, revision = git_revision(address.partition("+")[2])
        origin = Origin.GIT
    return Entry(
        Ecosystem.PYPI, python_name(name), "", line, end_line, origin, address, revision,
        development, hashed=hashed,
    )  # fmt: skip


def read_requirements(text: str) -> Manifest:
    """Read a requirements file of pip."""
    entries, indexes, constrained = [], [], False
    for line, end_line, logical in _logical_lines(text):
        if logical.startswith("-"):
            constrained = constrained or logical.startswith(("-c", "--constraint"))
            found = _INDEX.match(logical)
            if found:
                extra = logical.startswith("--extra-index-url")
                indexes.append(Index(found.group(1), line, extra))
            editable = re.match(r"(?:-e|--editable)[= ]\s*(.+)", logical, re.DOTALL)
            if editable is None:
                continue
            logical = editable.group(1)
            if logical.startswith((".", "/")):
                continue
        entry = requirement(logical, line, end_line, development=False)
        if entry is not None:
            entries.append(entry)
    return Manifest(tuple(entries), tuple(indexes), constrained=constrained)


def read_development_requirements(text: str) -> Manifest:
    """Read a requirements file whose name says that only developers need it."""
    manifest = read_requirements(text)
    return replace(
        manifest, entries=tuple(replace(entry, development=True) for entry in manifest.entries)
    )


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield first line, last line and text, backslash continuations joined, comments removed."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not parts:
            first = number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1].strip())
            continue
        parts.append(_COMMENT.sub("", line).strip())
        joined = " ".join(part for part in parts if part)
        parts = []
        if joined:
            yield first, number, joined


_POETRY = re.compile(r"tool\.poetry(?:\.group\.[^.]+)?\.(?:dev-)?dependencies\.([^.]+)(?:\.(.+))?")
_LISTS = re.compile(r"(project\.dependencies|tool\.uv\.dev-dependencies)|"
                    r"(?:project\.optional-dependencies|dependency-groups"
                    r"|tool\.pdm\.dev-dependencies)\.[^.]+")  # fmt: skip


def read_pyproject(text: str) -> Manifest:
    """Read a pyproject.toml of any of the common tools."""
    values = list(toml_values(text))
    entries = [*_listed(values), *_poetry(values, _POETRY)]
    pinned = _uv_sources(values)
    entries = [_with_source(entry, pinned.get(entry.name, {})) for entry in entries]
    indexes = [
        Index(value.value, value.line)
        for value in values
        if value.path in {("tool", "poetry", "source", "url"), ("tool", "uv", "index", "url")}
    ]
    library = any(value.path[0] == "build-system" for value in values if value.path)
    return Manifest(tuple(entries), tuple(indexes), library=library)


def _listed(values: list[Located]) -> Iterator[Entry]:
    for value in values:
        found = _LISTS.fullmatch(".".join(value.path))
        if found:
            development = found.group(1) != "project.dependencies"
            entry = requirement(value.value, value.line, value.line, development=development)
            if entry is not None:
                yield entry


def _poetry(values: list[Located], pattern: re.Pattern[str]) -> Iterator[Entry]:
    """Yield entries that stand as `name = requirement` or `name = {key = value}`."""
    tables: dict[tuple[str, ...], list[Located]] = {}
    for value in values:
        found = pattern.fullmatch(".".join(value.path))
        if found:
            depth = len(value.path) - (1 if found.group(2) else 0)
            tables.setdefault(value.path[:depth], []).append(value)
    for path, parts in tables.items():
        name = path[-1]
        if name == "python":
            continue
        keys = {part.path[-1] if len(part.path) > len(path) else "version": part for part in parts}
        lines = [line for part in parts for line in (part.key_line, part.line)]
        texts = {key: part.value for key, part in keys.items()}
        development = "group" in path or "dev" in path[-2]
        entry = Entry(
            Ecosystem.PYPI, python_name(name), texts.get("version", ""), min(lines), max(lines),
            development=development,
        )  # fmt: skip
        yield _with_source(entry, texts)


def _with_source(entry: Entry, source: dict[str, str]) -> Entry:
    if source.keys() & {"path", "workspace"}:
        return replace(entry, origin=Origin.LOCAL)
    if "git" in source:
        revision = source.get("rev") or source.get("tag") or source.get("ref") or ""
        return replace(entry, origin=Origin.GIT, address=source["git"], revision=revision)
    if "url" in source:
        return replace(entry, origin=Origin.URL, address=source["url"])
    return entry


def _uv_sources(values: list[Located]) -> dict[str, dict[str, str]]:
    sources: dict[str, dict[str, str]] = {}
    for value in values:
        if value.path[:3] == ("tool", "uv", "sources") and len(value.path) > 4:
            sources.setdefault(python_name(value.path[3]), {})[value.path[4]] = value.value
    return sources


_PIPFILE = re.compile(r"(?:dev-)?packages\.([^.]+)(?:\.(.+))?")


def read_pipfile(text: str) -> Manifest:
    """Read a Pipfile."""
    values = list(toml_values(text))
    indexes = [Index(v.value, v.line) for v in values if v.path == ("source", "url")]
    return Manifest(tuple(_poetry(values, _PIPFILE)), tuple(indexes))


def read_setup_cfg(text: str) -> Manifest:
    """Read the requirements of a setup.cfg."""
    entries, section, key = [], "", ""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = _COMMENT.sub("", line).strip()
        if line.startswith("["):
            section, key = line.strip().strip("[]"), ""
        elif line[:1].strip() and "=" in line:
            key, _, stripped = (part.strip() for part in line.partition("="))
        wanted = (section == "options" and key == "install_requires") or (
            section == "options.extras_require" and key
        )
        if wanted and stripped and not line.startswith("["):
            development = section != "options"
            entry = requirement(stripped, number, number, development=development)
            if entry is not None:
                entries.append(entry)
    return Manifest(tuple(entries), library=True)


def read_setup_py(text: str) -> Manifest:
    """Read the literal lists of requirements of a setup.py."""
    entries, lines, read_to = [], LineIndex(text), 0
    for call in _SETUP.finditer(text):
        if call.start() < read_to:
            continue
        for found in _STRING.finditer(text, call.end()):
            number, read_to = lines.at(found.start()), found.end()
            if found.group(3):
                break
            entry = requirement(
                found.group(1) or found.group(2) or "", number, number,
                development=call.group(1) != "install_requires",
            )  # fmt: skip
            if entry is not None:
                entries.append(entry)
        else:
            break  # the list is never closed, and so is none behind it
    return Manifest(tuple(entries), library=True)
