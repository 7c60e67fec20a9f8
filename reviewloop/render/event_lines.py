"""One event of a run as a line of text (`store/events.py` defines the events)."""

from collections.abc import Callable, Mapping

from reviewloop.domain.event import RunEvent
from reviewloop.domain.gate import GateStatus
from reviewloop.render.text import counted, duration
from reviewloop.render.untrusted import one_line

_VERBS = {
    "fs_read": "reads",
    "code": "looks up",
    "grep": "searches for",
    "glob": "looks for files",
    "run_gate": "runs gate",
    "execute_bash": "runs",
}
_EDITS = {"create": "writes", "delete": "deletes"}
LASTING = {"run_gate", "execute_bash"}
"""Tools whose start is shown too, as they may take minutes."""


def describe(event: RunEvent) -> str:
    """Return the line of an event; "" for kinds that only feed figures, or unknown ones."""
    line = _LINES.get(str(event.get("kind", "")))
    return line(event) if line else ""


def outcome(event: RunEvent) -> str:
    """Return how a step, gate or reviewer ended: `failed, 2 findings, timed out`."""
    status = _text(event, "status").replace("_", " ")
    findings = int(event.get("findings") or 0)
    why = _text(event, "summary") or _text(event, "note") or _text(event, "reason")
    explained = event.get("status") == GateStatus.NOT_DETECTED and why  # why says so itself
    parts = [
        "" if explained or status in {"done", "ok", "passed"} else status,
        counted(findings, "finding") if findings else "",
        why,
    ]
    return ", ".join(filter(None, parts))


def action(event: RunEvent) -> str:
    """Return what an agent does with a tool: `reads app/db.py`, `edits app/search.py +12 -3`."""
    name, about = _text(event, "name"), _text(event, "about")
    how = _text(event, "how")
    verb = _EDITS.get(how, "edits") if name == "fs_write" else _VERBS.get(name, f"calls {name}")
    done = f"{verb} {about}".strip()
    if event.get("error"):
        return f"{done}: it failed" if how or name not in LASTING else done
    added, removed = int(event.get("added") or 0), int(event.get("removed") or 0)
    return f"{done} +{added} -{removed}" if name == "fs_write" and (added or removed) else done


def _text(event: RunEvent, key: str) -> str:
    value = event.get(key)
    return "" if value is None else one_line(str(value))


def _name(event: RunEvent) -> str:
    for key in ("agent", "gate", "name", "step"):
        if event.get(key):
            return _text(event, key)
    return "?"


def _started(event: RunEvent) -> str:
    return f"{_name(event)}: started"


def _ended(event: RunEvent) -> str:
    took = event.get("seconds")
    seconds = f" ({duration(float(took))})" if took is not None else ""
    return f"{_name(event)}: {outcome(event) or 'done'}{seconds}"


def _step(describe: Callable[[RunEvent], str]) -> Callable[[RunEvent], str]:
    """Return a line for long steps; others are over before they are read."""
    return lambda event: describe(event) if _name(event) in {"implement", "repair", "fix"} else ""


def _gate_started(event: RunEvent) -> str:
    return _started(event) if _name(event) in {"build", "test", "lint", "security"} else ""


def _finding(event: RunEvent) -> str:
    where = f"{_text(event, 'path')}:{_text(event, 'line')}".strip(":")
    ident = f"id {_text(event, 'id')[:8]}" if event.get("id") else ""
    by = ", ".join(filter(None, (where, _text(event, "agent"), ident)))
    severity = _text(event, "severity").replace("_", " ")
    return f"finding: {severity}: {_text(event, 'title')}" + (f" ({by})" if by else "")


def _fix(event: RunEvent) -> str:
    words = {
        "fixed": "fixed, its tests pass",
        "red": "a fix made tests fail; it is tried again",
        "unresolved": f"left to you: {_text(event, 'reason')}",
    }
    result = _text(event, "result")
    return f"fix: {_text(event, 'title')}: {words.get(result, result)}"


def _steering(event: RunEvent) -> str:
    files = [one_line(str(file)) for file in event.get("files") or ()]
    return f"steering for {_text(event, 'agent')}: {'; '.join(files) or 'none'}"


def _failed(event: RunEvent) -> str:
    wait = event.get("wait")
    again = f"; asking again in {duration(float(wait))}" if wait else ""
    return (
        f"{_name(event)}: {_text(event, 'model')} did not answer: {_text(event, 'trouble')}{again}"
    )


def _waiting(event: RunEvent) -> str:
    seconds = duration(float(event.get("seconds") or 0))
    return f"{_name(event)}: waiting for the rate limit of {_text(event, 'model')} ({seconds})"


def _fallback(event: RunEvent) -> str:
    return f"{_name(event)}: {_text(event, 'to')} is asked instead of {_text(event, 'model')}"


def _round(event: RunEvent) -> str:
    number = _text(event, "number")
    why = "; ".join(one_line(str(reason)) for reason in event.get("why") or ())
    because = f", because {why}" if why else ""
    return f"fix round {number}: {counted(int(event.get('findings') or 0), 'finding')}{because}"


def _proposed(event: RunEvent) -> str:
    blocked = _text(event, "blocked")
    return f"blocked: {blocked}" if blocked else "ready for your decision"


_CHOSEN = {
    "approve": "approved",
    "edit": "edited",
    "modify": "modification requested",
    "skip": "skipped",
    "reject": "rejected",
}


def _answer(event: RunEvent) -> str:
    text = _text(event, "text")
    if event.get("choice") == "rebase":
        return f"the change was rebased {text}"
    choice = _text(event, "choice")
    return f"{_CHOSEN.get(choice, choice)} by {_text(event, 'by')}" + (f": {text}" if text else "")


def _end(event: RunEvent) -> str:
    status = _text(event, "status")
    # The event "refused" of a waiting run has just shown the reason.
    reason = "" if status == "waiting" else _text(event, "reason")
    return f"run: {status}" + (f": {reason}" if reason else "")


_LINES: Mapping[str, Callable[[RunEvent], str]] = {
    "step.start": _step(_started),
    "step.end": _step(_ended),
    "reviewer.start": _started,
    "reviewer.end": _ended,
    "gate.start": _gate_started,
    "gate": _ended,
    "finding": _finding,
    "fix": _fix,
    "round": _round,
    "begun": lambda event: (
        f"begun: {_text(event, 'task')} {_text(event, 'title')}, on {_text(event, 'base')[:10]}"
    ),
    "steering": _steering,
    "model.failed": _failed,
    "model.fallback": _fallback,
    "model.waiting": _waiting,
    "collected": lambda event: (
        f"all reviewers are done: {counted(int(event.get('findings') or 0), 'finding')}"
    ),
    "proposed": _proposed,
    "answer": _answer,
    "committed": lambda event: (
        f"committed {_text(event, 'commit')[:10]} on {_text(event, 'branch')}"
    ),
    "run.end": _end,
    "refused": lambda event: f"not committed: {_text(event, 'reason')}",
    "note": lambda event: _text(event, "text"),
    "secret.hidden": lambda event: (
        f"{_name(event)}: wrote a secret of this machine, hidden: "
        + ", ".join(one_line(str(name)) for name in event.get("names") or ())
    ),
}
