"""Reads a cc-sdd spec: Kiro's folder, with the approvals and the phase that spec.json keeps.

The format: https://github.com/gotalab/cc-sdd, folder `templates/shared/settings`.
"""

import json
import re
from dataclasses import replace
from typing import Any

from reviewloop.domain.task import Problem, Spec, SpecRef
from reviewloop.specs.files import Documents, Files, decode
from reviewloop.specs.kiro import read_kiro
from reviewloop.specs.lines import read_document, sections

STATE = "spec.json"
_NOTES = "implementation notes"
_TASKS_APPROVED = re.compile(r'"tasks"\s*:\s*\{[^{}]*?"approved"\s*:\s*false')


def read_cc_sdd(files: Files, ref: SpecRef) -> Spec:
    """Read a spec; tasks that nobody approved are a problem that stops them all.

    Its numbers give the order, `(P)` loosens it, and `_Depends:_` adds to it.
    """
    spec = read_kiro(files, ref)
    documents = Documents(files)
    path = f"{ref.path}/{STATE}"
    data = documents.read(path) or b""
    state = _state(data)
    notices = list(spec.notices)
    if state is None:
        notices.append(f"{path}: this file cannot be read as JSON and is not used")
    tasks = tuple(replace(task, declares_depends=False) for task in spec.tasks)
    parts = [spec.design, documents.text(f"{ref.path}/research.md"), _notes(documents, ref)]
    return replace(
        spec,
        tasks=tasks,
        fully_declared=False,
        design="\n\n".join(part for part in parts if part),
        problems=(*spec.problems, *_unapproved(state, data, path, spec)),
        notices=tuple(notices),
        stage=str((state or {}).get("phase") or ""),
        files={**spec.files, **documents.digests},
    )


def _state(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(decode(data), strict=False) if data.strip() else {}
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unapproved(state: dict[str, Any] | None, data: bytes, path: str, spec: Spec) -> list[Problem]:
    """Return the problem where a person has still to approve the tasks: cc-sdd starts none then."""
    approvals = (state or {}).get("approvals")
    tasks = approvals.get("tasks") if isinstance(approvals, dict) else None
    if not isinstance(tasks, dict) or tasks.get("approved") is not False:
        return []
    text = decode(data)
    found = _TASKS_APPROVED.search(text)
    line = 1 + text.count("\n", 0, found.end()) if found else 1
    message = (
        "the tasks of this spec are not approved yet; read them, then set approvals.tasks.approved "
        "to true here"
    )
    return [Problem("unapproved", path, line, message, tuple(task.id for task in spec.tasks))]


def _notes(documents: Documents, ref: SpecRef) -> str:
    """Return what earlier tasks left for later ones at the end of tasks.md."""
    lines = read_document(documents.read(ref.tasks_path) or b"").lines
    found = [part.text for part in sections(lines) if part.title.strip().casefold() == _NOTES]
    return found[0] if found else ""
