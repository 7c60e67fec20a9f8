"""Reports as one JSON object for programs: versioned, plain, always valid UTF-8."""

import base64
import json
import os
from collections.abc import Callable, Mapping
from functools import lru_cache
from json.encoder import encode_basestring_ascii
from typing import Any

from reviewloop import __version__
from reviewloop.analysis.contract import AnalyserReport
from reviewloop.domain.finding import Evidence, Finding
from reviewloop.regex import regex
from reviewloop.render.report import (
    Readership,
    ReviewedFile,
    ReviewerReport,
    ReviewReport,
    SkippedFile,
    Source,
    plain,
)
from reviewloop.render.review_words import Rules, counts_of, no_rules, outcome_sentence
from reviewloop.render.text import with_cache
from reviewloop.store.redaction import Redact, unchanged

VERSION = 1
"""Raise it when a key is removed or changes its meaning; new keys do not raise it."""


def json_report(kind: str, body: Mapping[str, object], redact: Redact = unchanged) -> str:
    """Return the text of the object; `kind` names its content: tasks, doctor, config, run, ...

    `redact` changes each string that is a value. Raises `TypeError` when `body` holds what JSON
    cannot.
    """
    record = {"version": VERSION, "kind": kind, **body}
    if redact is unchanged:
        return indented(record)
    return indented(record, encode=lambda text: encode_basestring_ascii(redact(text)))


def indented(
    value: Any, margin: str = "\n", encode: Callable[[str], str] = encode_basestring_ascii
) -> str:
    """Return the output of `json.dumps` with an indent of 2, in a quarter of its time.

    ASCII keeps control characters of a repository out of the reader's terminal. `margin` is the
    line break with the current indentation, `encode` makes the literal of a string that is a value.
    Raises `TypeError` or `ValueError` as it does.
    """
    if isinstance(value, str):
        return encode(value)
    if value is None or type(value) in (bool, int):
        return "null" if value is None else repr(value).lower()
    inner = f"{margin}  "
    if isinstance(value, dict | Mapping) and value:
        # Most values are strings, and a call for each is half of the cost of a long list.
        items = [
            f"{_key(key)}: {encode(item)}"
            if isinstance(item, str)
            else f"{_key(key)}: {indented(item, inner, encode)}"
            for key, item in value.items()
        ]
        return f"{{{inner}{f',{inner}'.join(items)}{margin}}}"
    if isinstance(value, list | tuple) and value:
        items = [indented(item, inner, encode) for item in value]
        return f"[{inner}{f',{inner}'.join(items)}{margin}]"
    return _PLAIN({**value} if isinstance(value, Mapping) else value)


_PLAIN = json.JSONEncoder(allow_nan=False).encode


@lru_cache(maxsize=1024, typed=True)  # 1 and True are equal, and other keys
def _key(key: object) -> str:
    return encode_basestring_ascii(key) if isinstance(key, str) else _PLAIN({key: 0})[1:-4]


SCHEMA = "reviewloop.review/1"
"""Its number is raised when a key is removed or changes its meaning; new keys do not raise it."""

_LONE = regex("[\ud800-\udfff]")


def render(report: ReviewReport, source: Source, rules: Rules = no_rules) -> str:
    """Return the text of the object `docs/outputs.md` describes field by field."""
    return indented(strict(review_object(report)))


def review_object(report: ReviewReport) -> dict[str, Any]:
    """Return the object; its strings may still hold lone surrogates."""
    return {
        "schema": SCHEMA,
        "version": __version__,
        "outcome": report.outcome,
        "exit_code": report.exit_code,
        "summary": outcome_sentence(report),
        "what": report.what,
        "base": report.base,
        "head": report.head,
        "findings": [_finding(finding) for finding in report.findings],
        "silenced": [_finding(finding) for finding in report.silenced],
        "reviewed": [_reviewed(file) for file in report.reviewed],
        "skipped": [_skipped(file) for file in report.skipped],
        "agents": [_agent(agent) for agent in report.agents],
        "analysers": [_analyser(analyser) for analyser in report.analysers],
        "counts": _counts(report),
        "notes": list(report.notes),
        "seconds": round(report.seconds, 3),
        "model": report.model,
        "fail_on": report.fail_on,
        "usage": with_cache(report.usage),
        "readership": _readership(report.readership),
    }


def path_bytes(path: str) -> str:
    """Return the Base64 of a name that is not UTF-8, "" for all others."""
    if not _LONE.search(path):
        return ""
    try:
        return base64.b64encode(os.fsencode(path)).decode("ascii")
    except UnicodeEncodeError:  # no file can have such a name
        return ""


def _named(path: str) -> dict[str, Any]:
    raw = path_bytes(path)
    return {"path": path, "path_b64": raw} if raw else {"path": path}


def _finding(finding: Finding) -> dict[str, Any]:
    record = finding.model_dump(mode="python")
    record["agents"] = list(finding.agents)
    record["evidence"] = [_evidence(item) for item in finding.evidence]
    record["note_from"] = _evidence(finding.note_from) if finding.note_from else None
    return {**record, **_named(finding.path)}


def _evidence(item: Evidence) -> dict[str, Any]:
    return item.model_dump(mode="python", exclude=None if item.path else {"path", "line"})


def _reviewed(file: ReviewedFile) -> dict[str, Any]:
    old = file.old_path if file.old_path != file.path else ""
    record = {**_named(file.path), "old_path": old or None}
    if raw := path_bytes(old):
        record["old_path_b64"] = raw
    added = [list(span) for span in file.added]
    return {**record, "status": file.status, "added": added, "removed": file.removed}


def _skipped(file: SkippedFile) -> dict[str, Any]:
    own = {"status": file.status, "reason": file.reason, "chosen_by_change": file.chosen}
    return {**_named(file.path), **own}


def _readership(read: Readership | None) -> dict[str, Any] | None:
    if read is None:
        return None
    record = plain(read)
    return {**record, "files": [{**file, **_named(file["path"])} for file in record["files"]]}


def _agent(agent: ReviewerReport) -> dict[str, Any]:
    return {
        "name": agent.name,
        "status": agent.status,
        "seconds": round(agent.seconds, 3),
        "tokens": dict(agent.tokens),
        "findings": agent.findings,
        "reason": agent.reason,
        "model": agent.model,
        "cost_usd": agent.cost_usd,
    }


def _analyser(analyser: AnalyserReport) -> dict[str, Any]:
    return {
        "name": analyser.name,
        "status": str(analyser.status),
        "version": analyser.version,
        "seconds": round(analyser.seconds, 3),
        "files": analyser.files,
        "reason": analyser.reason,
    }


def _counts(report: ReviewReport) -> dict[str, int]:
    counts = {str(severity): n for severity, n in counts_of(report).items()}
    return {
        **counts,
        "silenced": len(report.silenced),
        "below_min_severity": report.below,
        "not_reviewed": len(report.skipped),
    }


def strict(value: Any) -> Any:
    """Return plain JSON data; lone surrogates become U+FFFD, infinities and NaN null."""
    if isinstance(value, str):
        return _LONE.sub("\ufffd", str(value))
    if isinstance(value, Mapping):
        return {strict(str(key)): strict(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict(item) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
