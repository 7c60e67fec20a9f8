"""The settings of `reviewloop review`."""

from typing import Literal

from pydantic import Field

from reviewloop.settings.section import FilePatterns, Section

RuleLevel = Literal["off", "must", "should", "nit"]


class Review(Section):
    """How `reviewloop review` reads a change."""

    base: str = Field(
        default="",
        description="Branch that changes are compared with; empty means found by itself.",
    )
    fail_on: Literal["must", "should", "nit", "never"] = Field(
        default="must", description="Severity from which on the exit code is 1."
    )
    min_severity: Literal["must", "should", "nit"] = Field(
        default="nit", description="Least severity that is listed."
    )
    ignore: FilePatterns = Field(default=(), description="Files that are not reviewed.")
    skip_new: bool = Field(
        default=False,
        description="Leave out what only the change itself calls generated, vendored, binary ...",
    )
    analysers_off: tuple[str, ...] = Field(
        default=(), description='Analysers that do not run, by name or pattern; all with "*".'
    )
    analyser_seconds: float = Field(
        default=60, gt=0, description="Longest time of one analyser program."
    )
    repository_configuration: bool = Field(
        default=False, description="Let analysers read the repository's own configuration files."
    )
    required_tags: tuple[str, ...] = Field(
        default=(), description="Tags that every cloud resource must carry."
    )
    advisories: str = Field(
        default="",
        description="Folder or zip with OSV records of vulnerable packages; empty: not checked.",
    )
