"""The commented settings file that `init` writes, with the settings that users change."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from reviewloop.settings.keys import is_open_table, section_of
from reviewloop.settings.schema import Settings

_HEAD = """\
# Settings of reviewloop for this repository. Every line that is commented out shows the default.
# These are the ones that people change. `reviewloop config show` prints all of them: what each is
# for, its value, and the place that came from.
# Order: defaults < your own file < this file < REVIEWLOOP_<SECTION>__<KEY> < flags.
# What only a person may set (models.profile, sandbox.level ...) stands in your own file.
# Commands named here run only after `reviewloop trust`.
"""
_CHANGED = {
    "models.reasoning",
    "models.fallbacks",
    "limits.usd",
    "limits.rounds",
    "gates.build.command",
    "gates.test.command",
    "gates.lint.command",
    "gates.security.command",
    "spec.path",
    "review.fail_on",
}


def settings_template(notes: Mapping[str, str] | None = None) -> str:
    """Return the text of a settings file; `notes` maps dotted names to comments beside them."""
    return "\n".join([*_HEAD.splitlines(), *_tables(Settings, "", notes or {})]) + "\n"


def with_value(template: str, key: str, value: Any) -> str:
    """Return a template in which the first key of this name is set instead of commented out."""
    lines = template.splitlines()
    index = next(i for i, line in enumerate(lines) if line.startswith(f"# {key} = "))
    lines[index] = f"{key} = {_toml(value)}"
    return "\n".join(lines) + "\n"


def _tables(model: type[BaseModel], prefix: str, notes: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for key, field in model.model_fields.items():
        section = section_of(field)
        if section is None:
            continue
        name = prefix + key
        if entries := _entries(section, f"{name}.", notes):
            lines += ["", f"# {field.description or (section.__doc__ or '').strip()}"]
            lines += [*_note(name, notes), f"[{name}]", *entries]
        lines += _tables(section, f"{name}.", notes)
    return lines


def _entries(section: type[BaseModel], prefix: str, notes: Mapping[str, str]) -> list[str]:
    lines: list[str] = []
    for key, field in section.model_fields.items():
        if section_of(field) is None:
            name = prefix + key
            if name in _CHANGED:
                lines += [f"# {field.description}", *_note(name, notes), _default(key, field)]
    return lines


def _note(name: str, notes: Mapping[str, str]) -> list[str]:
    """Return a note as comments; text of a repository cannot break out of them."""
    text = "".join(char if char.isprintable() else " " for char in notes.get(name, ""))
    return [f"# {text}"] if text else []


def _default(key: str, field: FieldInfo) -> str:
    default = field.get_default(call_default_factory=True)
    return f"# {key} = {'{}' if is_open_table(field) else _toml(default)}"


def _toml(value: Any) -> str:
    """Return a default as TOML; JSON's strings, numbers and booleans are TOML as well."""
    if isinstance(value, tuple):
        return "[" + ", ".join(_toml(item) for item in value) + "]"
    return json.dumps(value, ensure_ascii=False)
