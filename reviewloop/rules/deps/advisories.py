"""Looks packages up in OSV records on this machine: versions, ranges and scores."""

import math
import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, Field

from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.deps.manifest import Ecosystem, python_name


class Event(BaseModel):
    """One boundary of a range; exactly one of the fields is set."""

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
    """One package and its affected versions."""

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


_WEIGHTS: dict[str, dict[str, float]] = {
    "AV": {"N": 0.85, "A": 0.62, "L": 0.55, "P": 0.2},
    "AC": {"L": 0.77, "H": 0.44},
    "UI": {"N": 0.85, "R": 0.62},
    "C": {"H": 0.56, "L": 0.22, "N": 0.0},
    "I": {"H": 0.56, "L": 0.22, "N": 0.0},
    "A": {"H": 0.56, "L": 0.22, "N": 0.0},
}
_PRIVILEGES = {"U": {"N": 0.85, "L": 0.62, "H": 0.27}, "C": {"N": 0.85, "L": 0.68, "H": 0.5}}


def base_score(vector: str) -> float | None:
    """Return the base score (0 to 10) of a CVSS 3.0 or 3.1 vector, None for anything else."""
    if not vector.startswith("CVSS:3."):
        return None
    metrics = dict(part.split(":", 1) for part in vector.split("/")[1:] if ":" in part)
    try:
        weight = {name: values[metrics[name]] for name, values in _WEIGHTS.items()}
        changed = metrics["S"] == "C"
        privileges = _PRIVILEGES[metrics["S"]][metrics["PR"]]
    except KeyError:
        return None
    lost = 1 - (1 - weight["C"]) * (1 - weight["I"]) * (1 - weight["A"])
    impact = 7.52 * (lost - 0.029) - 3.25 * (lost - 0.02) ** 15 if changed else 6.42 * lost
    if impact <= 0:
        return 0.0
    ease = 8.22 * weight["AV"] * weight["AC"] * privileges * weight["UI"]
    total = min((impact + ease) * (1.08 if changed else 1.0), 10.0)
    return math.ceil(round(total * 10, 5)) / 10


Key = tuple[Any, ...]
"""The key that orders versions of one ecosystem; the empty one is less than all."""

LOWEST: Key = ()
_SEMVER = regex(
    r"v?(\d{1,18})(?:\.(\d{1,18}))?(?:\.(\d{1,18}))?(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?"
)
_CLAUSE = regex(r"(===|==|~=|!=|>=|<=|=|>|<|\^|~>|~)?\s*v?([0-9xX*][^\s,|]*)")
_PARTS = regex(r"\d{1,18}")


@dataclass(frozen=True)
class Span:
    """A run of versions: from `low` up to `high`; None is open-ended."""

    low: Key = LOWEST
    high: Key | None = None
    high_included: bool = False

    def within(self, other: "Span") -> bool:
        """Whether every version of this run is in the other one."""
        if self.low < other.low:
            return False
        if other.high is None:
            return True
        if self.high is None or self.high > other.high:
            return False
        return self.high < other.high or other.high_included or not self.high_included


def key(ecosystem: Ecosystem, version: str) -> Key | None:
    """Return the sort key of a version, None for an invalid one."""
    if version == "0":
        return LOWEST
    if ecosystem is Ecosystem.PYPI:
        from packaging.version import InvalidVersion, Version

        try:
            return (Version(version),)
        except InvalidVersion:
            return None
    found = _SEMVER.fullmatch(version.strip())
    if found is None:
        return None
    major, minor, patch, pre = found.groups()
    return (int(major), int(minor or 0), int(patch or 0), *_prerelease(pre))


def _prerelease(text: str | None) -> Key:
    if text is None:
        return (1,)
    parts = (
        (0, int(part), "") if part.isdecimal() and len(part) < 19 else (1, 0, part)
        for part in text.split(".")
    )
    return (0, tuple(parts))


def allowed(ecosystem: Ecosystem, requirement: str) -> Span | None:
    """Return the run of versions that a requirement allows, None if that cannot be decided."""
    text = requirement.strip()
    if not text or text in {"*", "latest", "x"}:
        return Span()
    if "||" in text or " - " in text:
        return None
    low, high, included = LOWEST, None, False
    found = False
    for clause in _CLAUSE.finditer(text):
        span = _clause(ecosystem, clause.group(1) or "", clause.group(2))
        found = True
        if span is None:
            return None
        low = max(low, span.low)
        if span.high is not None and (high is None or span.high < high):
            high, included = span.high, span.high_included
    return Span(low, high, included) if found else None


def _clause(ecosystem: Ecosystem, sign: str, version: str) -> Span | None:
    version = version.rstrip(")")
    if sign == "!=":
        return Span()
    if "*" in version or version[-1:] in {"x", "X"}:
        return _wildcard(ecosystem, version)
    at = key(ecosystem, version)
    if at is None:
        return None
    if sign in {">=", ">"}:
        return Span(at)
    if sign in {"<", "<="}:
        return Span(LOWEST, at, sign == "<=")
    numbers = [int(part) for part in _PARTS.findall(version.partition("-")[0])]
    if sign == "^" or (not sign and ecosystem is Ecosystem.CRATES):
        return Span(at, key(ecosystem, _after_caret(numbers)))
    if sign in {"~=", "~>"}:
        return Span(at, key(ecosystem, _next(numbers[:-1] or numbers)))
    if sign == "~":
        return Span(at, key(ecosystem, _next(numbers[:2])))
    if not sign and ecosystem is Ecosystem.NPM and len(numbers) < 3:
        return Span(at, key(ecosystem, _next(numbers)))
    return Span(at, at, high_included=True)


def _wildcard(ecosystem: Ecosystem, version: str) -> Span:
    numbers = [int(part) for part in _PARTS.findall(version)]
    if not numbers:
        return Span()
    low = key(ecosystem, ".".join(map(str, numbers)))
    return Span(low or LOWEST, key(ecosystem, _next(numbers)))


def _next(numbers: list[int]) -> str:
    """Return the first version after all that begin with these numbers."""
    return ".".join(map(str, [*numbers[:-1], numbers[-1] + 1]))


def _after_caret(numbers: list[int]) -> str:
    """Return the first version that ^ excludes: the leftmost non-zero number may not change."""
    for index, number in enumerate(numbers):
        if number:
            return _next(numbers[: index + 1])
    return _next(numbers)


COVERED = (Ecosystem.PYPI, Ecosystem.NPM, Ecosystem.CRATES, Ecosystem.GO)
"""Ecosystems with comparable versions."""

_RECORD_BYTES = 4 * 1024 * 1024
_FOLDERS = {str(ecosystem).lower() for ecosystem in Ecosystem}
Name = tuple[Ecosystem, str]


@dataclass(frozen=True)
class Advisory:
    """The part of a record about one package."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    spans: tuple[Span, ...]
    versions: frozenset[str]  # listed one by one
    fixed: tuple[str, ...]

    def concerns(self, ecosystem: Ecosystem, named: Span, version: str = "") -> bool:
        """Whether all versions of a run are affected; `version` is the only one, if there is
        just one.
        """
        if version and ecosystem is Ecosystem.PYPI:
            at = key(ecosystem, version)
            if at is not None and any(key(ecosystem, one) == at for one in self.versions):
                return True
        return version in self.versions or any(named.within(span) for span in self.spans)


def look_up(source: Path, named: Iterable[Name]) -> Mapping[Name, list[Advisory]]:
    """Return the advisories of the named packages; records that cannot be read are left out.

    `source` is a folder with records or with the zip files OSV publishes, or one such zip.
    """
    names = set(named)
    found: dict[Name, list[Advisory]] = {}
    if not names:
        return found
    mention = _mention(name for _, name in names)
    for content in _contents(source, {str(ecosystem).lower() for ecosystem, _ in names}):
        if mention.search(content.lower()):
            for name, advisory in _read(content):
                if name in names:
                    found.setdefault(name, []).append(advisory)
    return found


def _mention(names: Iterable[str]) -> re.Pattern[bytes]:
    """Return a pattern that every record about one of the names matches, so that few are parsed."""
    # Records write Python names as their authors do.
    ways = {"[-_.]+".join(map(re.escape, re.split("[-_.]+", name.lower()))) for name in names}
    return re.compile('"(?:{})"'.format("|".join(sorted(ways))).encode())


def _contents(source: Path, ecosystems: set[str]) -> Iterator[bytes]:
    if source.is_file():
        yield from _zipped(source, ecosystems)
        return
    for path in sorted(source.rglob("*")):
        if _is_elsewhere(path.relative_to(source).parts, ecosystems) or not path.is_file():
            continue
        if path.suffix == ".zip":
            yield from _zipped(path, ecosystems)
        elif path.suffix == ".json" and path.stat().st_size <= _RECORD_BYTES:
            yield path.read_bytes()


def _zipped(path: Path, ecosystems: set[str]) -> Iterator[bytes]:
    try:
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                parts = tuple(info.filename.split("/"))
                usable = parts[-1].endswith(".json") and info.file_size <= _RECORD_BYTES
                if usable and not _is_elsewhere(parts, ecosystems):
                    yield archive.read(info)
    except (OSError, zipfile.BadZipFile, NotImplementedError, RuntimeError):
        return  # `advisory_status` reports that it cannot be read


def _is_elsewhere(parts: tuple[str, ...], ecosystems: set[str]) -> bool:
    """Whether the name of a folder or zip is that of another ecosystem."""
    stems = {part.lower().removesuffix(".zip") for part in parts}
    about = stems & _FOLDERS
    return bool(about) and not about & ecosystems


def _read(content: bytes) -> Iterator[tuple[Name, Advisory]]:
    from pydantic import ValidationError

    try:
        record = Record.model_validate_json(content)
    except ValidationError:
        return
    if record.withdrawn:
        return
    for affected in record.affected or ():
        base = affected.package.ecosystem.partition(":")[0]
        if base not in set(COVERED):
            continue
        ecosystem = Ecosystem(base)
        name = affected.package.name
        if ecosystem is Ecosystem.PYPI:
            name = python_name(name)
        yield (ecosystem, name), _advisory(record, affected, ecosystem)


def _advisory(record: "Record", affected: "Affected", ecosystem: Ecosystem) -> Advisory:
    ranges = [known for known in affected.ranges or () if known.type in {"SEMVER", "ECOSYSTEM"}]
    return Advisory(
        record.id,
        tuple(record.aliases or ()),
        _summary(record, affected),
        _severity(record, affected),
        tuple(span for known in ranges for span in _spans(known, ecosystem)),
        frozenset(affected.versions or ()),
        tuple(event.fixed for known in ranges for event in known.events if event.fixed),
    )


def _spans(known: "AffectedRange", ecosystem: Ecosystem) -> Iterator[Span]:
    """Convert a range's events into runs of versions, by the evaluation of the schema."""
    turns = []
    for event in known.events:
        for version, kind in (
            (event.introduced, "introduced"),
            (event.fixed or event.limit, "fixed"),
            (event.last_affected, "last"),
        ):
            at = key(ecosystem, version) if version and version != "*" else None
            if at is not None:
                turns.append((at, kind))
    low = None
    for at, kind in sorted(turns, key=lambda turn: (turn[0], turn[1] == "introduced")):
        if kind == "introduced":
            low = at if low is None else low
        elif low is not None:
            yield Span(low, at, kind == "last")
            low = None
    if low is not None:
        yield Span(low or LOWEST)


_BY_WORD = {
    "critical": Severity.MUST_FIX,
    "high": Severity.MUST_FIX,
    "moderate": Severity.SHOULD_FIX,
    "medium": Severity.SHOULD_FIX,
    "low": Severity.NIT,
}


def _summary(record: "Record", affected: "Affected") -> str:
    """Return the summary, with a note if the severity is in an unknown form."""
    newer = any(str(r.score).startswith("CVSS:4") for r in record.severity or ())
    if not newer or _rated(record, affected) is not None:
        return record.summary
    return f"{record.summary}; how bad it is says only a CVSS 4 vector, which is not read".lstrip(
        "; "
    )


def _severity(record: "Record", affected: "Affected") -> Severity:
    if record.id.startswith("MAL-"):
        return Severity.MUST_FIX
    return _rated(record, affected) or Severity.SHOULD_FIX


def _rated(record: "Record", affected: "Affected") -> Severity | None:
    for specific in (record.database_specific, affected.ecosystem_specific):
        word = str((specific or {}).get("severity", "")).lower()
        if word in _BY_WORD:
            return _BY_WORD[word]
    scores = [score for r in record.severity or () if (score := base_score(r.score)) is not None]
    if not scores:
        return None
    worst = max(scores)
    if worst >= 7:
        return Severity.MUST_FIX
    return Severity.SHOULD_FIX if worst >= 4 else Severity.NIT
