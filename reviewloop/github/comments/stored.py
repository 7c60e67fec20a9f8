"""The state of a pull request as JSON: small when it is written, distrusted when it is read."""

import re
from collections.abc import Mapping
from typing import Any

from reviewloop.domain.finding import Severity
from reviewloop.github.api.model import PullRequest, State

Entry = Mapping[str, object]
"""What is remembered of a finding.

status: open, reported (only in the summary), fixed or dismissed; severity; path; comment_id: of
its comment, or None; reason: who dismissed it and why; code: see `earlier.codeprints`; by: the
rule, or the reviewers separated by commas.
"""

MOST_KEPT = 600  # findings
STATUSES = ("fixed", "reported", "open", "dismissed")  # what is let go of first stands first
_SEVERITIES = tuple(Severity)
_MOST_TEXT = 160  # characters of a reason
_MOST_PATH = 1000
_MOST_REFUSED = 50  # people
_SHA = re.compile(r"(?:[0-9a-f]{40}|[0-9a-f]{64})?")
_FINGERPRINT = re.compile(r"[0-9a-f]{12}")
_CODE = re.compile(r"(?:[0-9]{1,3}:[0-9a-f]{8}|file|none)?")


class Damaged(Exception):  # noqa: N818 - no error of ours: it ends in a note
    """What was read is nothing that we wrote for this pull request; the text says why."""


def kept(findings: Mapping[str, Entry], most: int) -> dict[str, Entry]:
    """Return at most so many of the findings, in their order; the newest of the most worth."""
    if len(findings) <= most:
        return dict(findings)
    ranks = {status: rank for rank, status in enumerate(STATUSES)}
    order = sorted(
        enumerate(findings),
        key=lambda item: (ranks.get(str(findings[item[1]].get("status")), 0), item[0]),
    )
    stay = {name for _, name in order[len(order) - max(most, 0) :]}
    return {name: entry for name, entry in findings.items() if name in stay}


def packed(state: State, pull: PullRequest) -> dict[str, Any]:
    """Return the state as JSON-plain values, bound to the pull request; paths are told once."""
    paths: dict[str, int] = {}
    sources: dict[str, int] = {}
    rows = []
    for name, entry in state.findings.items():
        path = str(entry.get("path", ""))[:_MOST_PATH].encode("utf-8", "replace").decode()
        by = str(entry.get("by", ""))[:_MOST_TEXT]
        row: list[object] = [
            name,
            STATUSES.index(str(entry["status"])),
            _SEVERITIES.index(Severity(str(entry["severity"]))),
            paths.setdefault(path, len(paths)),
            entry.get("comment_id") or 0,
            str(entry.get("code", "")),
            sources.setdefault(by, len(sources)),
        ]
        reason = str(entry.get("reason", ""))[:_MOST_TEXT].encode("utf-8", "replace").decode()
        rows.append([*row, reason] if reason else row)
    return {
        **{"repo": pull.repo.full.lower(), "pull": pull.number},
        **{"head": state.reviewed_sha, "base": state.base_sha, "paused": state.paused},
        **{"usd": round(state.spent_usd, 6), "tokens": state.spent_tokens},
        **({"refused": list(state.refused[-_MOST_REFUSED:])} if state.refused else {}),
        **{"paths": list(paths), "by": list(sources), "findings": rows},
    }


def unpacked(data: object, pull: PullRequest) -> State:
    """Return the state that was packed for this pull request; raise Damaged for all else."""
    if not isinstance(data, dict):
        raise Damaged("it is damaged")
    if data.get("repo") != pull.repo.full.lower() or data.get("pull") != pull.number:
        raise Damaged("it belongs to another pull request")
    try:
        return State(
            reviewed_sha=_fitting(_SHA, data["head"]),
            base_sha=_fitting(_SHA, data["base"]),
            findings=_entries(data),
            paused=_flag(data["paused"]),
            spent_usd=_amount(data["usd"]),
            spent_tokens=_number(data["tokens"]),
            refused=_logins(data.get("refused", [])),
        )
    except (KeyError, IndexError, TypeError, ValueError):
        raise Damaged("it is damaged") from None


def _entries(data: Mapping[str, Any]) -> dict[str, Entry]:
    rows = data["findings"]
    if not isinstance(rows, list) or len(rows) > MOST_KEPT:
        raise ValueError
    paths = [_text(path, _MOST_PATH) for path in data["paths"]]
    sources = [_text(by, _MOST_TEXT) for by in data["by"]]
    found: dict[str, Entry] = {}
    for row in rows:
        name, status, severity, path, comment, code, by, *reason = row
        found[_fitting(_FINGERPRINT, name)] = {
            "status": STATUSES[_number(status)],
            "severity": str(_SEVERITIES[_number(severity)]),
            "path": paths[_number(path)],
            "comment_id": _number(comment) or None,
            "reason": _text(reason[0], _MOST_TEXT) if reason else "",
            "code": _fitting(_CODE, code),
            "by": sources[_number(by)],
        }
    return found


def _logins(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or len(value) > _MOST_REFUSED:
        raise ValueError
    return tuple(_text(each, _MOST_TEXT) for each in value)


def _fitting(pattern: re.Pattern[str], value: object) -> str:
    if not isinstance(value, str) or not pattern.fullmatch(value):
        raise ValueError
    return value


def _text(value: object, most: int) -> str:
    if not isinstance(value, str) or len(value) > most or "\0" in value:
        raise ValueError
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**63:
        raise ValueError
    return value


def _amount(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError
    if not 0 <= value < 1e9:  # neither is it for what is no number
        raise ValueError
    return float(value)
