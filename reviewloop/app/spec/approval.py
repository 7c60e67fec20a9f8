"""Who approved which content of a spec, and what has changed since."""

import difflib
import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.domain.errors import GuardRailError, UsageError
from reviewloop.domain.task import Spec
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.files import DiskFiles, Files
from reviewloop.store.audit import AuditFile
from reviewloop.store.blobs import Blobs
from reviewloop.store.places import private_folder

_FOLDER = "spec-approvals"
_VERSION = 1
_MOST_LINES = 6  # that are shown of what changed


@dataclass(frozen=True)
class SpecApproval:
    """An approval of a spec as it was then; `files` is path -> hash of its text without ticks."""

    path: str
    by: str
    at: float  # seconds since 1970
    files: Mapping[str, str]
    texts: Mapping[str, str]  # path -> blob of that text

    @property
    def digest(self) -> str:
        """One hash of all files."""
        listed = json.dumps(sorted(self.files.items()))
        return hashlib.sha256(listed.encode()).hexdigest()


def spec_on_disk(repository: Repository, name: str) -> Spec | None:
    """Return the spec that a name means, None where there is none."""
    user = repository.user
    files = DiskFiles(user.root)
    try:
        ref = spec_named(files, name, user.project, user.here)
    except UsageError:
        return None
    return read_spec(files, ref)


def approve_spec(repository: Repository, spec: Spec, by: str, act: str) -> SpecApproval:
    """Remember that somebody approved what a spec says now; tasks may be ticked later."""
    if spec.problems:
        raise UsageError(f"{spec.problems[0]}; a spec with problems cannot be approved")
    texts = unticked(DiskFiles(repository.user.root), spec)
    folder = private_folder(repository.folder / _FOLDER)
    blobs = Blobs(folder / "blobs")
    approval = SpecApproval(
        spec.path,
        by,
        time.time(),
        {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()},
        {path: blobs.put_json(text) for path, text in texts.items()},
    )
    history = [*_stored(repository, spec.path), _plain(approval)]
    body = json.dumps({"version": _VERSION, "path": spec.path, "approvals": history}, indent=1)
    file = folder / _file_name(spec.path)
    beside = file.with_suffix(".new")
    beside.write_text(body, "utf-8")
    beside.replace(file)
    AuditFile(repository.folder).append(
        {
            "kind": "spec",
            "at": approval.at,
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(approval.at)),
            "run": "",
            "commit": repository.user.head or "",
            "title": spec.name,
            "approved_by": by,
            "act": {"how": act},
            "spec": {
                "path": spec.path,
                "files": [{"path": p, "blob": d} for p, d in sorted(approval.files.items())],
                "criteria": [],
            },
        }
    )
    return approval


def approvals_of(repository: Repository, path: str) -> tuple[SpecApproval, ...]:
    """Return the approvals of a spec, oldest first."""
    return tuple(
        SpecApproval(path, one["by"], one["at"], one["files"], one["texts"])
        for one in _stored(repository, path)
    )


def texts_of(repository: Repository, approval: SpecApproval) -> dict[str, str]:
    """Return {path: text} of what was approved, with no task ticked."""
    blobs = Blobs(repository.folder / _FOLDER / "blobs")
    return {path: str(blobs.get_json(blob)) for path, blob in approval.texts.items()}


def changes_since(repository: Repository, spec: Spec) -> tuple[str, ...] | None:
    """Return the lines that changed since the last approval; None where there is none.

    A line is shown as `path:line: + text`, or `-` for one that is gone. Ticks are no change.
    """
    found = approvals_of(repository, spec.path)
    if not found:
        return None
    last = texts_of(repository, found[-1])
    now = unticked(DiskFiles(repository.user.root), spec)
    changed: list[str] = []
    for path in sorted({*last, *now}):
        before, after = last.get(path, ""), now.get(path, "")
        if before != after:
            changed += _changed_lines(path, before.splitlines(), after.splitlines())
    return tuple(changed)


def require_approval(repository: Repository, spec: Spec) -> None:
    """Raise `GuardRailError` unless somebody approved the spec as it is now."""
    changed = changes_since(repository, spec)
    how = f"`reviewloop spec approve {spec.name}` approves it as it is"
    if changed is None:
        raise GuardRailError(f"spec.require_approval is on and nobody approved {spec.path}; {how}")
    if changed:
        last = approvals_of(repository, spec.path)[-1]
        day = time.strftime("%Y-%m-%d", time.localtime(last.at))
        more = f"; and {len(changed) - _MOST_LINES} more lines" if changed[_MOST_LINES:] else ""
        shown = "; ".join(changed[:_MOST_LINES])
        raise GuardRailError(
            f"{spec.path} changed since {last.by} approved it on {day}: {shown}{more}; {how}"
        )


def _changed_lines(path: str, before: list[str], after: list[str]) -> list[str]:
    lines = []
    matcher = difflib.SequenceMatcher(None, before, after, autojunk=False)
    for kind, old, old_end, new, new_end in matcher.get_opcodes():
        if kind == "equal":
            continue
        lines += [f"{path}:{new + 1}: - {line.strip()}" for line in before[old:old_end]]
        lines += [
            f"{path}:{number}: + {line.strip()}"
            for number, line in enumerate(after[new:new_end], new + 1)
        ]
    return [line for line in lines if not line.endswith((": - ", ": + "))]


def unticked(files: Files, spec: Spec) -> dict[str, str]:
    """Return the texts of a spec's files, with no task ticked."""
    marks: dict[str, list[tuple[int, int]]] = {}
    for task in spec.tasks:
        size = len(task.mark.encode())
        marks.setdefault(task.path, []).append((task.mark_offset, size))
    texts = {}
    for path in spec.files:
        data = files.read(path) or b""
        for offset, size in sorted(marks.get(path, ()), reverse=True):
            data = data[:offset] + b" " + data[offset + size :]
        texts[path] = data.decode("utf-8", "replace").replace("\r\n", "\n")
    return texts


def _file_name(path: str) -> str:
    return f"{hashlib.sha256(path.encode()).hexdigest()[:16]}.json"


def _stored(repository: Repository, path: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    with suppress(FileNotFoundError):
        text = (repository.folder / _FOLDER / _file_name(path)).read_text("utf-8")
        body = json.loads(text)
        if body["version"] > _VERSION:
            raise UsageError(
                f"the approvals of {path} were written by a newer release of reviewloop; use that "
                "one here, too"
            )
        found = body["approvals"]
    return found


def _plain(approval: SpecApproval) -> dict[str, Any]:
    return {
        "by": approval.by,
        "at": approval.at,
        "files": dict(approval.files),
        "texts": dict(approval.texts),
    }
