"""What a repository's own file may say: less than the user allows, never more."""

from collections.abc import Mapping
from typing import Any

from reviewloop.errors import UsageError
from reviewloop.settings.files import WIDER
from reviewloop.settings.keys import shown
from reviewloop.settings.layers import variable_of

_SPENDING = (
    "limits.usd",
    "limits.tokens",
    "limits.minutes",
    "sandbox.processes",
    "sandbox.memory_mb",
    "sandbox.file_mb",
)
_LOWER_ONLY_SECTIONS = ("limits.", "governance.")
_ADD_ONLY = ("guard.protected_branches", "guard.secret_files", "governance.patterns")
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
USERS_TO_SWITCH_ON = (
    "models.tracing",
    "tools.execute_bash",
    "review.repository_configuration",
    "sandbox.external",
    "notify.bell",
    "notify.desktop",
)
_USER_FILE = "your own settings file (~/.config/reviewloop/config.toml)"


def narrowed(
    repository: Mapping[str, Any],
    name: str,
    user: Mapping[str, Any],
    defaults: Mapping[str, Any],
    outer: Mapping[str, str] = _NOWHERE,
) -> dict[str, Any]:
    """Return the repository's values as they count; values are validated ones.

    Lists of what is protected are added to the user's. Raises `UsageError` for a value that would
    widen what the user allows: more money, another account, switches that only a person may set.
    `user` also has what files of outer folders say: `outer` is the file of each such value.
    """
    counted: dict[str, Any] = {}
    for dotted, value in repository.items():
        _refuse_users_own(dotted, value, name)
        _refuse_higher(dotted, value, name, user, defaults, outer)
        _refuse_wider(dotted, value, name, user, defaults)
        if dotted in _ADD_ONLY:
            base = user.get(dotted, defaults[dotted])
            counted[dotted] = (*base, *(item for item in value if item not in base))
        else:
            counted[dotted] = value
    return counted


def _refuse_users_own(dotted: str, value: Any, name: str) -> None:
    if dotted in USERS_OWN or (dotted in USERS_TO_SWITCH_ON and value):
        raise UsageError(
            f"{name}: {dotted} is {shown(value)}, but a repository may not decide this; "
            f"set it in {_USER_FILE}"
        )


def _refuse_wider(
    dotted: str, value: Any, name: str, user: Mapping[str, Any], defaults: Mapping[str, Any]
) -> None:
    order = WIDER.get(dotted, ())
    allowed = user.get(dotted, defaults[dotted]) if order else value
    if order and order.index(value) > order.index(allowed):
        raise UsageError(
            f"{name}: {dotted} is {shown(value)}, more than {shown(allowed)}, and a repository may "
            f"only narrow it; set it in {_USER_FILE} or with {variable_of(dotted)}"
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
            f"only lower it; raise it in {_USER_FILE} or with {variable_of(dotted)}"
        )
