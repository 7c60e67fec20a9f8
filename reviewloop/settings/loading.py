"""Builds a run's settings from defaults, files, environment and options; see `narrow`."""

import hashlib
import json
import re
import tomllib
import typing
from collections.abc import Collection, Mapping, Sequence
from dataclasses import field
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.settings.keys import (
    all_fields,
    flatten,
    is_open_table,
    nearest,
    nest,
    printable,
    shorten_value,
    unknown_key,
)
from reviewloop.settings.schema import WIDER, Settings

ENV_PREFIX = "REVIEWLOOP_"
_DELIMITER = "__"


HOOKS = "hooks"
"""The table of hooks in a repository's settings file; it is no setting, but read with them."""


def from_toml(
    data: bytes, name: str, *, inside: tuple[str, ...] = (), leave_out: str = ""
) -> dict[str, Any]:
    """Return the settings in a TOML file; `inside` names the tables around them.

    The table `leave_out` is skipped.

    Raise `UsageError` naming `file:line` for broken TOML and the key for an unknown setting.
    """
    try:
        table: Any = tomllib.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise UsageError(f"{name}:{line}: not UTF-8; save the file as UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(toml_problem(name, data, str(error))) from error
    for part in inside:
        table = table.get(part, {}) if isinstance(table, dict) else {}
    if not isinstance(table, dict):
        raise UsageError(f"{name}: {'.'.join(inside)} is {shorten_value(table)}, expected a table")
    if HOOKS in table and leave_out != HOOKS:
        raise UsageError(
            f"{name}: hooks belong to a repository; write them into its reviewloop.toml or "
            ".reviewloop/hooks"
        )
    location = f"{name} [{'.'.join(inside)}]" if inside else name
    return flatten({key: table[key] for key in table if key != leave_out}, location)


def toml_problem(name: str, data: bytes, problem: str) -> str:
    """Return the message for an invalid TOML file, with `file:line`."""
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
    near = nearest(dotted)
    if near and near in all_fields():
        return UsageError(
            f"environment: {variable} is no setting; did you mean {variable_of(near)}?"
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
            f"environment: {variable} is {shorten_value(text)}, expected {expected} such as "
            f"{example}"
        )
    return value


def from_flags(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings given as command-line flags; None means the flag was not given."""
    known = all_fields()
    given = {dotted: value for dotted, value in flags.items() if value is not None}
    for dotted in given:
        if dotted not in known and not any(
            dotted.startswith(f"{name}.") for name, field in known.items() if is_open_table(field)
        ):
            raise unknown_key(dotted, "command line")
    return given


_SPENDING = (
    "limits.usd",
    "limits.tokens",
    "limits.minutes",
    "limits.turns",
    "sandbox.processes",
    "sandbox.memory_mb",
    "sandbox.file_mb",
)
_LOWER_ONLY_SECTIONS = ("limits.", "governance.")
_ADD_ONLY = (
    "guard.protected_branches",
    "guard.secret_files",
    "governance.patterns",
    "governance.change_types",
    "tools.denied_commands",
)
_FEWER_ONLY = ("tools.trusted_commands",)  # lists that users may set; empty means all
_RAISE_ONLY = "governance.approvers"  # and names with this prefix: more users are the safer choice
_NOWHERE: Mapping[str, str] = {}
USERS_OWN = (
    "models.profile",
    "models.role_arn",
    "models.endpoint_url",
    "models.base_url",
    "models.requests_per_minute",
    "models.tokens_per_minute",
    "sandbox.level",
    "sandbox.read",
    "notify.webhook",
)
_USERS_TABLES = ("acp.", "mcp.")  # programs to start, or hosts to allow
USERS_TO_SWITCH_ON = (
    "models.tracing",
    "tools.execute_bash",
    "review.repository_configuration",
    "sandbox.external",
    "notify.bell",
    "notify.desktop",
)
USERS_FILE = "your own settings file (~/.config/reviewloop/config.toml)"


def narrow(
    repository: Mapping[str, Any],
    name: str,
    user: Mapping[str, Any],
    defaults: Mapping[str, Any],
    outer: Mapping[str, str] = _NOWHERE,
) -> dict[str, Any]:
    """Return the effective values of the repository; all values are validated.

    Lists of protected things are added to the user's. Raise `UsageError` for a value that would
    widen what the user allows: more money, another account, switches that only a user may set.
    `user` also has the values of files in outer folders: `outer` names the file of each such value.
    """
    counted: dict[str, Any] = {}
    for dotted, value in repository.items():
        _refuse_users_own(dotted, value, name)
        if dotted.startswith(_RAISE_ONLY):
            _refuse_fewer(dotted, value, name, user, defaults)
        else:
            _refuse_higher(dotted, value, name, user, defaults, outer)
        _refuse_wider(dotted, value, name, user, defaults)
        _refuse_more(dotted, value, name, user)
        if dotted in _ADD_ONLY:
            base = user.get(dotted, defaults[dotted])
            counted[dotted] = (*base, *(item for item in value if item not in base))
        else:
            counted[dotted] = value
    return counted


def _refuse_users_own(dotted: str, value: Any, name: str) -> None:
    programs = dotted.startswith(_USERS_TABLES)
    if programs or dotted in USERS_OWN or (dotted in USERS_TO_SWITCH_ON and value):
        raise UsageError(
            f"{name}: {dotted} is {shorten_value(value)}, but a repository may not decide this; "
            f"set it in {USERS_FILE}"
        )


def _refuse_wider(
    dotted: str, value: Any, name: str, user: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    order = WIDER.get(dotted, ())
    allowed = user.get(dotted, defaults[dotted]) if order else value
    if order and order.index(value) > order.index(allowed):
        raise UsageError(
            f"{name}: {dotted} is {shorten_value(value)}, more than {shorten_value(allowed)}, and "
            f"a repository may only narrow it; set it in {USERS_FILE} or with {variable_of(dotted)}"
        )


def _refuse_more(dotted: str, value: Any, name: str, user: Mapping[str, Any]) -> None:
    mine = user.get(dotted, ()) if dotted in _FEWER_ONLY else ()
    more = [item for item in value if item not in mine] if mine else []
    if more or (mine and not value):
        raise UsageError(
            f"{name}: {dotted} is {shorten_value(value)}, more than your own settings trust, and a "
            f"repository may only narrow it; add to it in {USERS_FILE}"
        )


def _refuse_fewer(
    dotted: str, value: Any, name: str, user: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    least = user.get(dotted, defaults.get(dotted, 1))
    if isinstance(least, int) and value < least:
        raise UsageError(
            f"{name}: {dotted} is {value}, fewer than {least} (your own settings), and a "
            f"repository may only ask for more; lower it in {USERS_FILE} or with "
            f"{variable_of(dotted)}"
        )


def _refuse_higher(
    dotted: str,
    value: Any,
    name: str,
    user: Mapping[str, Any],
    defaults: Mapping[str, Any],
    outer: Mapping[str, str],
) -> None:
    if dotted in _SPENDING:
        ceiling, whose = user.get(dotted, defaults[dotted]), "the default"
    elif dotted.startswith(_LOWER_ONLY_SECTIONS) and dotted in user:
        ceiling, whose = user[dotted], ""
    else:
        return
    whose = outer.get(dotted) or ("your own file" if dotted in user else whose)
    if isinstance(ceiling, int | float) and value > ceiling:
        raise UsageError(
            f"{name}: {dotted} is {value:g}, above {ceiling:g} ({whose}), and a repository may "
            f"only lower it; raise it in {USERS_FILE} or with {variable_of(dotted)}"
        )


USER_FILE = "user file"
FLAG = "flag"
DEFAULT = "default"
FOUND = "found: "  # and the reason: it was detected, not chosen
_PYPROJECT = "pyproject.toml"


@dataclass(frozen=True)
class Loaded:
    """The settings, the origin of each value, and the commands of a repository's file."""

    settings: Settings
    origins: dict[str, str]  # dotted name -> default | user file | file name | variable | flag
    repository_commands: dict[str, tuple[str, ...]] = field(default_factory=dict)
    commands_digest: str = ""  # sha256 of the repository's commands; "" without any

    def is_set(self, name: str) -> bool:
        """Whether a value was set explicitly; detected ones were not."""
        origin = self.origins.get(name, DEFAULT)
        return origin != DEFAULT and not origin.startswith(FOUND)


def load_settings(
    *,
    user: bytes | None,
    repository: bytes | None,
    repository_name: str,
    environ: Mapping[str, str],
    flags: Mapping[str, object],
    nearer: Sequence[tuple[str, bytes]] = (),
    project: str = "",
    user_name: str = "~/.config/reviewloop/config.toml",
) -> Loaded:
    """Return the effective settings.

    `repository_name` appears in messages; a name ending in pyproject.toml is read from its
    `[tool.reviewloop]` table. `nearer` are name and content of the files in folders nearer to the
    user's, the nearest last: it wins, key by key. `project` is the project's folder. `flags` maps
    dotted names to values, None for one not given. Raise `UsageError` naming file and key for the
    first error.
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


def is_from_user(origin: str) -> bool:
    """Whether a value comes from the user, not from a file of the repository or by detection."""
    return origin in {USER_FILE, FLAG} or origin.startswith(ENV_PREFIX)


def _of_repository(
    files: Sequence[tuple[str, bytes]], of_user: Mapping[str, Any], defaults: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the settings in the repository's files, and the file of each value.

    Each file may only narrow those before it.
    """
    values: dict[str, Any] = {}
    named: dict[str, str] = {}
    for name, data in files:
        inside = ("tool", "reviewloop") if name.endswith(_PYPROJECT) else ()
        own = _checked(from_toml(data, name, inside=inside, leave_out=HOOKS), name)
        values.update(narrow(own, name, {**of_user, **values}, defaults, named))
        named.update(dict.fromkeys(own, name))
    return values, named


def commands_digest(commands: Mapping[str, tuple[str, ...]], project: str = "") -> str:
    """Return the digest to which a user's consent to these commands is bound; "" for none.

    A relative name is another program in another folder, so the project's folder is included.
    """
    if not commands:
        return ""
    listed = {key: list(argv) for key, argv in sorted(commands.items())}
    canonical = json.dumps([project, listed] if project else listed)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _commands(
    values: Mapping[str, Any], origins: Mapping[str, str], files: Collection[str]
) -> dict[str, tuple[str, ...]]:
    """Return the commands that the repository's file runs, as far as they are effective."""
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
    values: Mapping[str, Any], location: str, variables: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Validate one layer by itself, so that an error names its own location."""
    fields = all_fields()
    for dotted, value in values.items():
        declared = fields.get(dotted)
        if isinstance(value, bool) and declared and declared.annotation in (int, float):
            raise UsageError(f"{location}: {dotted} is {str(value).lower()}, expected a number")
    try:
        flat = flatten(Settings.model_validate(nest(values)).model_dump(), location)
    except ValidationError as error:
        raise _wrong_value(error, location, variables or {}) from error
    return {dotted: flat[dotted] for dotted in values}


def _wrong_value(error: ValidationError, location: str, variables: Mapping[str, str]) -> UsageError:
    first = error.errors(include_url=False)[0]
    dotted = _dotted(tuple(map(str, first["loc"])))
    name = variables.get(dotted, dotted)
    return UsageError(
        f"{location}: {printable(name)} is {_quoted(first['input'])}, expected {_expected(first)}"
    )


def _dotted(loc: tuple[str, ...]) -> str:
    """Return the name of the setting in an error, without positions inside a list."""
    for length in range(len(loc), 0, -1):
        name = ".".join(loc[:length])
        field_ = all_fields().get(name)
        if field_ is not None:
            return ".".join(loc) if is_open_table(field_) else name
    return ".".join(loc)


def _quoted(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else shorten_value(value)


def _one_of(choices: str, given: object) -> str:
    """Return the choices, with the one that was probably meant."""
    near = get_close_matches(str(given), re.findall(r"'([^']*)'", choices), n=1)
    return f"{choices}; did you mean {near[0]!r}?" if near else choices


def _expected(problem: Any) -> str:
    """Return the type that pydantic expected, in words."""
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
        return _one_of(str(context.get("expected", problem["msg"])), problem["input"])
    if kind == "value_error":
        return str(context.get("error", problem["msg"]))
    for start, words in kinds.items():
        if kind.startswith(start):
            return words
    return str(problem["msg"])
