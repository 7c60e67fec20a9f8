"""The parts of an OSV record (ossf.github.io/osv-schema) that tell whom it concerns."""

from typing import Any

from pydantic import BaseModel, Field


class Event(BaseModel):
    """One turn of a range; exactly one of the fields is set."""

    introduced: str = ""
    fixed: str = ""
    last_affected: str = ""
    limit: str = ""


class AffectedRange(BaseModel):
    """A run of affected versions, or of git commits."""

    type: str = ""
    events: list[Event] = Field(default_factory=list)


class Package(BaseModel):
    """A package by its registry's name."""

    ecosystem: str = ""
    name: str = ""


class Affected(BaseModel):
    """One package and which of its versions are concerned."""

    package: Package = Field(default_factory=Package)
    ranges: list[AffectedRange] | None = None
    versions: list[str] | None = None
    ecosystem_specific: dict[str, Any] | None = None


class Rating(BaseModel):
    """A score as a CVSS vector."""

    type: str = ""
    score: str = ""


class Record(BaseModel):
    """One advisory."""

    id: str
    aliases: list[str] | None = None
    summary: str = ""
    withdrawn: str | None = None
    severity: list[Rating] | None = None
    affected: list[Affected] | None = None
    database_specific: dict[str, Any] | None = None
