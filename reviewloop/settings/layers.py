"""Read what each place says about the settings, as {dotted name: value}."""

import json
import re
import tomllib
import typing
from collections.abc import Mapping
from typing import Any

from pydantic.fields import FieldInfo

from reviewloop.errors import UsageError
from reviewloop.settings.keys import all_fields, flatten, is_open_table, shown, unknown_key

ENV_PREFIX = "REVIEWLOOP_"
_DELIMITER = "__"


def from_toml(data: bytes, name: str, *, inside: tuple[str, ...] = ()) -> dict[str, Any]:
    """Return the settings in a TOML file; `inside` names the tables around them.

    Raises `UsageError` naming `file:line` for broken TOML and the key for an unknown setting.
    """
    try:
        table: Any = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(_toml_problem(name, data, str(error))) from error
    for part in inside:
        table = table.get(part, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{name}: {'.'.join(inside)} is {shown(table)}, expected a table")
    place = f"{name} [{'.'.join(inside)}]" if inside else name
    return flatten(table, place)


def _toml_problem(name: str, data: bytes, problem: str) -> str:
    found = re.search(r"\s*\(at (?:line (\d+), column \d+|end of document)\)", problem)
    if found is None:
        return f"{name}: not valid TOML: {problem}"
    line = found[1] or str(len(data.splitlines()) or 1)
    return f"{name}:{line}: not valid TOML: {problem[: found.start()]}"


def from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings in `REVIEWLOOP_<SECTION>__<KEY>` variables and each one's variable.

    Lists and tables are JSON. Variables without a double underscore are not settings
    (`REVIEWLOOP_STATE_DIR`), unless one was forgotten (`REVIEWLOOP_LIMITS_USD`).
    """
    names = {variable_of(dotted): dotted for dotted in all_fields()}
    forgotten = {name.replace(_DELIMITER, "_"): name for name in names}
    values: dict[str, Any] = {}
    variables: dict[str, str] = {}
    for variable, text in environ.items():
        upper = variable.upper()
        if not upper.startswith(ENV_PREFIX):
            continue
        if upper in names:
            dotted = names[upper]
            for key, value in _parsed(dotted, all_fields()[dotted], text, variable).items():
                values[key], variables[key] = value, variable
        elif upper in forgotten:
            raise UsageError(
                f"environment: {variable} is no setting; did you mean {forgotten[upper]}?"
            )
        elif _DELIMITER in upper:
            raise _unknown_variable(variable)
    return values, variables


def variable_of(dotted: str) -> str:
    """Return the environment variable of a setting."""
    return ENV_PREFIX + dotted.replace(".", _DELIMITER).upper()


def _unknown_variable(variable: str) -> UsageError:
    dotted = variable[len(ENV_PREFIX) :].lower().replace(_DELIMITER, ".")
    error = str(unknown_key(dotted, "environment"))
    near = re.search(r"did you mean (.+)\?$", error)
    if near and near[1] in all_fields():
        return UsageError(
            f"environment: {variable} is no setting; did you mean {variable_of(near[1])}?"
        )
    return UsageError(
        f"environment: {variable} is no setting; `reviewloop config show` lists all settings"
    )


def _parsed(dotted: str, field: FieldInfo, text: str, variable: str) -> dict[str, Any]:
    if is_open_table(field):
        table = _json(text, variable, "a JSON object", dict)
        return {f"{dotted}.{key}": value for key, value in table.items()}
    if typing.get_origin(field.annotation) is tuple:
        return {dotted: _json(text, variable, "a JSON list", list)}
    return {dotted: text}


def _json(text: str, variable: str, expected: str, kind: type) -> Any:
    try:
        value = json.loads(text)
    except json.JSONDecodeError:
        value = None
    if not isinstance(value, kind):
        example = '\'["pytest", "-q"]\'' if kind is list else '\'{"fix": "generation"}\''
        raise UsageError(
            f"environment: {variable} is {shown(text)}, expected {expected} such as {example}"
        )
    return value


def from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that command-line flags named; None means the flag was not given."""
    known = all_fields()
    given = {dotted: value for dotted, value in flags.items() if value is not None}
    for dotted in given:
        if dotted not in known and not any(
            dotted.startswith(f"{name}.") for name, field in known.items() if is_open_table(field)
        ):
            raise unknown_key(dotted, "command line")
    return given
