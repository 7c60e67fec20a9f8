"""Build the settings of a run from defaults, user file, repository file, environment and flags."""

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from reviewloop.errors import UsageError
from reviewloop.settings.keys import all_fields, flatten, is_open_table, nest, printable, shown
from reviewloop.settings.layers import from_environment, from_flags, from_toml
from reviewloop.settings.narrowing import narrowed
from reviewloop.settings.schema import Settings

USER_FILE = "user file"
FLAG = "flag"
DEFAULT = "default"
FOUND = "found: "  # and by what: nobody chose it
_PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Loaded:
    """The settings, where each value came from, and the commands a repository file asks to run."""

    settings: Settings
    origins: dict[str, str]  # dotted name -> default | user file | file name | variable | flag
    repository_commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    commands_digest: str = ""  # sha256 of the repository's commands; "" when it asks for none

    def is_set(self, name: str) -> bool:
        """Whether somebody set this; what was found in the environment nobody did."""
        origin = self.origins.get(name, DEFAULT)
        return origin != DEFAULT and not origin.startswith(FOUND)


def load_settings(
    *,
    user: bytes | None,
    repository: bytes | None,
    repository_name: str,
    environ: Mapping[str, str],
    flags: Mapping[str, Any],
    nearer: Sequence[tuple[str, bytes]] = (),
    project: str = "",
    user_name: str = "~/.config/reviewloop/config.toml",
) -> Loaded:
    """Return the settings in force.

    `repository_name` is shown to people; a name ending in pyproject.toml is read from its
    `[tool.reviewloop]` table. `nearer` are name and content of the files of folders nearer to the
    person, the nearest last: it wins, key by key. `project` is the folder that all of it is for.
    `flags` maps dotted names to values, None for one not given.
    Raises `UsageError` naming file and key for the first thing that is wrong.
    """
    defaults = _plain(Settings(), all_fields())
    of_user = _checked(from_toml(user, user_name) if user else {}, user_name)
    files = [(repository_name, repository), *nearer] if repository else [*nearer]
    of_repository, named_in = _of_repository(files, of_user, defaults)
    of_environment, variables = from_environment(environ)
    _refuse_bash(of_environment, variables)
    of_flags = _checked(from_flags(flags), "command line")

    values: dict[str, Any] = {}
    origins = dict.fromkeys(defaults, DEFAULT)
    layers = [
        (of_user, dict.fromkeys(of_user, USER_FILE)),
        (of_repository, named_in),
        (_checked(of_environment, "environment", variables), variables),
        (of_flags, dict.fromkeys(of_flags, FLAG)),
    ]
    for layer, named in layers:
        values.update(layer)
        origins.update(named)
    settings = Settings.model_validate(nest(values))
    commands = _commands(values, origins, {name for name, _ in files})
    return Loaded(settings, origins, commands, commands_digest(commands, project))


def _of_repository(
    files: Sequence[tuple[str, bytes]], of_user: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return what the repository's files set, and the file of each value.

    Each file may only narrow what the ones before it leave.
    """
    values: dict[str, Any] = {}
    named: dict[str, str] = {}
    for name, data in files:
        inside = ("tool", "reviewloop") if name.endswith(_PYPROJECT) else ()
        own = _checked(from_toml(data, name, inside=inside), name)
        values.update(narrowed(own, name, {**of_user, **values}, defaults, named))
        named.update(dict.fromkeys(own, name))
    return values, named


def commands_digest(commands: Mapping[str, tuple[str, ...]], project: str = "") -> str:
    """Return what a person's consent to these commands is bound to; "" for none.

    A relative name is another program in another folder, so the project's folder is part of it.
    """
    if not commands:
        return ""
    listed = {key: list(argv) for key, argv in sorted(commands.items())}
    canonical = json.dumps([project, listed] if project else listed)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _commands(
    values: Mapping[str, Any], origins: Mapping[str, str], files: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return what the repository's file would have us execute, as far as it is in force."""
    commands: dict[str, tuple[str, ...]] = {}
    for dotted, value in values.items():
        if origins[dotted] not in files or not value or value is True:
            continue
        if dotted.startswith("follow_ups.") or dotted.endswith(".command"):
            commands[dotted] = tuple(value)
        elif dotted == "gates.python":
            commands[dotted] = (value,)
        elif dotted == "gates.reuse" and not set(value) <= set(Settings().gates.reuse):
            # Folders of the checkout that commands may read although git does not hold them.
            commands[dotted] = tuple(value)
    return commands


def _refuse_bash(values: Mapping[str, Any], variables: Mapping[str, str]) -> None:
    name = "tools.execute_bash"
    if str(values.get(name, "false")).lower() not in {"false", "0", "no", "off"}:
        raise UsageError(
            f"environment: {variables[name]} cannot switch {name} on; "
            "set it in your own settings file or give the flag"
        )


def _plain(settings: Settings, names: Mapping[str, Any]) -> dict[str, Any]:
    flat = flatten(settings.model_dump(), "defaults")
    return {name: flat[name] for name in names if name in flat}


def _checked(
    values: Mapping[str, Any], place: str, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Validate one layer by itself, so that a wrong value is named where it stands."""
    fields = all_fields()
    for dotted, value in values.items():
        declared = fields.get(dotted)
        if isinstance(value, bool) and declared and declared.annotation in (int, float):
            raise UsageError(f"{place}: {dotted} is {str(value).lower()}, expected a number")
    try:
        flat = flatten(Settings.model_validate(nest(values)).model_dump(), place)
    except ValidationError as error:
        raise _wrong_value(error, place, variables or {}) from error
    return {dotted: flat[dotted] for dotted in values}


def _wrong_value(error: ValidationError, place: str, variables: Mapping[str, str]) -> UsageError:
    first = error.errors(include_url=False)[0]
    dotted = _dotted(tuple(map(str, first["loc"])))
    name = variables.get(dotted, dotted)
    return UsageError(
        f"{place}: {printable(name)} is {_quoted(first['input'])}, expected {_expected(first)}"
    )


def _dotted(loc: tuple[str, ...]) -> str:
    """Return the name of the setting an error is about, without positions inside a list."""
    for length in range(len(loc), 0, -1):
        name = ".".join(loc[:length])
        field_ = all_fields().get(name)
        if field_ is not None:
            return ".".join(loc) if is_open_table(field_) else name
    return ".".join(loc)


def _quoted(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else shown(value)


def _expected(problem: Any) -> str:
    """Return what pydantic missed, in words."""
    context = problem.get("ctx") or {}
    bounds = {
        "greater_than_equal": "at least {ge}",
        "greater_than": "more than {gt}",
        "less_than_equal": "at most {le}",
        "less_than": "less than {lt}",
    }
    kinds = {
        "int": "a whole number",
        "float": "a number",
        "string": "a string",
        "bool": "true or false",
        "tuple": "a list of strings",
        "dict": "a table",
        "finite_number": "a finite number",
    }
    kind = str(problem["type"])
    if kind in bounds:
        return bounds[kind].format(**context)
    if kind == "string_too_short":
        return "a string that is not empty"
    if kind == "literal_error":
        return str(context.get("expected", problem["msg"]))
    if kind == "value_error":
        return str(context.get("error", problem["msg"]))
    for start, words in kinds.items():
        if kind.startswith(start):
            return words
    return str(problem["msg"])
