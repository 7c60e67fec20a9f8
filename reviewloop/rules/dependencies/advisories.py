"""Looks packages up in OSV records that lie on this machine."""

import re
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reviewloop.findings import Severity
from reviewloop.rules.dependencies.cvss import base_score
from reviewloop.rules.dependencies.manifest import Ecosystem, python_name
from reviewloop.rules.dependencies.versions import LOWEST, Span, key

if TYPE_CHECKING:
    from reviewloop.rules.dependencies.osv_records import Affected, AffectedRange, Record

COVERED = (Ecosystem.PYPI, Ecosystem.NPM, Ecosystem.CRATES, Ecosystem.GO)
"""Ecosystems whose versions we can compare."""

_RECORD_BYTES = 4 * 1024 * 1024
_FOLDERS = {str(ecosystem).lower() for ecosystem in Ecosystem}
Name = tuple[Ecosystem, str]


@dataclass(frozen=True)
class Advisory:
    """What one record says about one package."""

    id: str
    aliases: tuple[str, ...]
    summary: str
    severity: Severity
    spans: tuple[Span, ...]
    versions: frozenset[str]  # listed one by one
    fixed: tuple[str, ...]

    def concerns(self, ecosystem: Ecosystem, wanted: Span, version: str = "") -> bool:
        """Whether all versions of a run are affected; `version` is it when there is just one."""
        if version and ecosystem is Ecosystem.PYPI:
            at = key(ecosystem, version)
            if at is not None and any(key(ecosystem, one) == at for one in self.versions):
                return True
        return version in self.versions or any(wanted.within(span) for span in self.spans)


def look_up(source: Path, wanted: Iterable[Name]) -> Mapping[Name, list[Advisory]]:
    """Return the advisories of the wanted packages; records that cannot be read are left out.

    `source` is a folder with records or with the zip files OSV publishes, or one such zip.
    """
    names = set(wanted)
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
    """Match what a record about one of the names must hold, so that few are parsed."""
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
        return  # `advisory_status` says that it cannot be read


def _is_elsewhere(parts: tuple[str, ...], ecosystems: set[str]) -> bool:
    """Whether a folder's or zip's name says that it is about an ecosystem that nobody asked for."""
    stems = {part.lower().removesuffix(".zip") for part in parts}
    about = stems & _FOLDERS
    return bool(about) and not about & ecosystems


def _read(content: bytes) -> Iterator[tuple[Name, Advisory]]:
    from pydantic import ValidationError

    from reviewloop.rules.dependencies.osv_records import Record

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
    """Turn a range's events into runs of versions, as the schema's evaluation does."""
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
    """Return the summary; it says where a severity is not known because its form is not read."""
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
