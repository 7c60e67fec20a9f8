"""The named actions of hooks: names, options, and events at which they can fire."""

import difflib
from collections.abc import Mapping
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from reviewloop.hooks.hook import DESCRIPTION, EDITS_COUNT, Event, Option

NAMES = {
    "runLinter": "lint",
    "lint_and_fix": "lint",
    "regenerateTests": "regenerate-tests",
    "regenerate_unit_tests": "regenerate-tests",
    "securityScan": "security-scan",
    "security_scan": "security-scan",
    "syncSpecDesign": "sync-spec-design",
    "sync_spec_design": "sync-spec-design",
    "generateDescription": DESCRIPTION,
    "generate_description": DESCRIPTION,
}
"""Other names of the actions -> ours."""

IMPLIED: Mapping[str, Mapping[str, Option]] = {"lint_and_fix": {"fix_on_save": True}}
"""Options implied by a name."""


class _Options(BaseModel):
    model_config = ConfigDict(
        defer_build=True,  # building takes 11 ms at each start, and most runs have no action
        frozen=True,
        extra="forbid",
        alias_generator=to_camel,
        populate_by_name=True,
    )


class Lint(_Options):
    """The linter of the repository, and its formatter where files are to be fixed."""

    fix_on_save: bool = False
    strict_mode: bool = False  # any message on a changed line is red


class RegenerateTests(_Options):
    """Tests that an agent writes until they cover enough of the new lines of a file."""

    coverage_threshold: float = Field(default=0.8, ge=0, le=1)
    framework: str = Field(default="", pattern=r"^[\w .@/-]{0,40}$")


class SecurityScan(_Options):
    """A scanner; the repository's default where none is named."""

    tool: Literal["", "trivy", "grype"] = ""
    fail_on: Literal["", "critical", "high", "medium", "low", "never"] = ""
    fail_on_critical: bool = False

    @property
    def limit(self) -> Literal["critical", "high", "medium", "low", "never"]:
        """The lowest severity that is red."""
        return self.fail_on or ("critical" if self.fail_on_critical else "never")


class SyncSpecDesign(_Options):
    """The comparison of specs with the changed code."""

    diff_threshold: float = Field(default=0.0, ge=0, le=1)
    auto_update: bool = False


class GenerateDescription(_Options):
    """The text of a pull request."""

    source: str = ""  # a file of the spec, or of the repository, whose criteria are listed
    template: str = "standard"  # or a file of the repository


Options = Lint | RegenerateTests | SecurityScan | SyncSpecDesign | GenerateDescription

_EVALUATING = (*EDITS_COUNT, Event.BUILD, Event.TESTS_RUN, Event.PRE_COMMIT)
_KNOWN: Mapping[str, tuple[type[Options], tuple[Event, ...]]] = {
    "lint": (Lint, _EVALUATING),
    "regenerate-tests": (RegenerateTests, EDITS_COUNT),
    "security-scan": (SecurityScan, _EVALUATING),
    "sync-spec-design": (SyncSpecDesign, _EVALUATING),
    DESCRIPTION: (GenerateDescription, (Event.PR_CREATED,)),
}


class ActionError(ValueError):
    """Invalid options of an action; `near` is the wrong word."""

    def __init__(self, text: str, near: str) -> None:
        super().__init__(text)
        self.near = near


def options_of(action: str, options: Mapping[str, Option]) -> Options:
    """Return the options of an action as `Options`; raise `ActionError` for invalid ones."""
    model, _ = _KNOWN[action]
    try:
        return model.model_validate(dict(options))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        name = str(first["loc"][0])
        if first["type"] != "extra_forbidden":
            raise ActionError(f"{name} of {action}: {first['msg']}", name) from None
        known = [*model.model_fields, *map(to_camel, model.model_fields)]
        near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
        there = ", ".join(map(to_camel, model.model_fields))
        more = f"did you mean {near[0]}?" if near else f"there are: {there}"
        raise ActionError(f"{action} has no option {name!r}, {more}", name) from None


def require_moment(action: str, event: Event) -> None:
    """Raise `ActionError` for an event at which the action cannot do anything."""
    _, events = _KNOWN[action]
    if event not in events:
        raise ActionError(f"{action} works at {', '.join(events)}, not at {event}", str(event))


def stops(options: Options) -> bool:
    """Return whether the action stops the change where it is red."""
    if isinstance(options, SecurityScan):
        return options.limit != "never"
    return isinstance(options, Lint) and options.strict_mode
