"""Writes the coverage configuration of a gate: ours, plus what the project excludes on purpose."""

import configparser
from functools import partial
from pathlib import Path
from typing import Any

from reviewloop.guards.base import GuardInput
from reviewloop.guards.surroundings import Surroundings, table
from reviewloop.workspace.projects import below

_COPIED = (
    ("run", "omit"),
    ("run", "concurrency"),
    ("run", "patch"),
    ("run", "sigterm"),
    ("report", "omit"),
    ("report", "exclude_lines"),
    ("report", "exclude_also"),
)
_FILES = (
    (".coveragerc", ""),
    ("setup.cfg", "coverage:"),
    ("tox.ini", "coverage:"),
)
_NEVER_MEASURED = ("*/node_modules/*", "*/site-packages/*")


def write_config(change: GuardInput, target: Path, data: Path) -> None:
    """Write a coverage configuration file that measures the whole workspace.

    What the project excludes is taken from the base, so that a change cannot excuse itself.
    """
    kept = _project_values(change)
    reused = [f"*/{name.strip('/')}/*" for name in change.settings.gates.reuse]
    omit = [*_NEVER_MEASURED, *reused, *kept.pop(("run", "omit"), "").splitlines()]
    values: dict[tuple[str, str], str] = {
        **kept,
        ("run", "data_file"): str(data),
        ("run", "parallel"): "true",
        ("run", "relative_files"): "true",
        ("run", "source"): str(change.folder()),
        ("run", "omit"): "\n".join(line.strip() for line in omit if line.strip()),
        ("run", "disable_warnings"): "no-data-collected\nmodule-not-measured\ncouldnt-parse",
        ("report", "include_namespace_packages"): "true",
        ("report", "ignore_errors"): "true",
    }
    parser = configparser.RawConfigParser(delimiters=("=",))
    for (section, key), value in values.items():
        if not parser.has_section(section):
            parser.add_section(section)
        parser.set(section, key, value)
    with target.open("w", encoding="utf-8") as file:
        parser.write(file)


def _of_project(change: GuardInput, name: str) -> bytes | None:
    return change.read_base(below(change.env.project, name))


def _project_values(change: GuardInput) -> dict[tuple[str, str], str]:
    names = frozenset((*(name for name, _ in _FILES), "pyproject.toml"))
    files = Surroundings(partial(_of_project, change), names, Path(), (), "")
    for name, prefix in _FILES:
        values = _from_ini(files.text(name), prefix)
        if values:
            return values
    tool = table(files.toml("pyproject.toml"), "tool", "coverage")
    found: dict[tuple[str, str], str] = {}
    for section, key in _COPIED:
        value = _as_text(table(tool, section).get(key))
        if value:
            found[section, key] = value
    return found


def _from_ini(text: str, prefix: str) -> dict[tuple[str, str], str]:
    parser = configparser.RawConfigParser(strict=False, allow_no_value=True)
    try:
        parser.read_string(text)
    except configparser.Error:
        return {}
    found = {}
    for section, key in _COPIED:
        value = parser.get(prefix + section, key, fallback=None)
        if value:
            found[section, key] = value
    return found


def _as_text(value: Any) -> str:
    if isinstance(value, list):
        return "\n".join(str(item) for item in value)
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(value)
