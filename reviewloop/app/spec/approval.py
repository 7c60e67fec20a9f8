"""Stores who approved which content of a spec, and finds what changed since."""

import difflib
import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, field
from typing import Any

from reviewloop.app.audit import UNNAMED
from reviewloop.app.project import Repository, read_settings
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import GuardRailError, UsageError
from reviewloop.domain.task import Spec
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.files import DiskFiles, Files, MemoryFiles
from reviewloop.store.audit import AuditFile
from reviewloop.store.blobs import Blobs
from reviewloop.store.folders import private_folder

_FOLDER = "spec-approvals"
_VERSION = 1
_MOST_LINES = 6  # shown of the changes


@dataclass(frozen=True)
class SpecApproval:
    """An approval of a spec at one time; `files` is path -> hash of its text without ticks.

    `tasks` is task id -> the git revision at which its text was first approved.
    """

    path: str
    by: str
    at: float  # seconds since 1970
    files: Mapping[str, str]
    texts: Mapping[str, str]  # path -> blob of that text
    revision: str = ""  # HEAD then, "" where there was no commit
    tasks: Mapping[str, str] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """Return one hash of all files."""
        listed = json.dumps(sorted(self.files.items()))
        return hashlib.sha256(listed.encode()).hexdigest()


def spec_on_disk(repository: Repository, name: str) -> Spec | None:
    """Return the spec with this name, None where there is none."""
    user = repository.user
    files = DiskFiles(user.root)
    try:
        ref = spec_named(files, name, user.project, user.here)
    except UsageError:
        return None
    return read_spec(files, ref)


def approve_spec(repository: Repository, spec: Spec, by: str, act: str) -> SpecApproval:
    """Record an approval of a spec as it is now; tasks may be ticked later."""
    if spec.problems:
        raise UsageError(f"{spec.problems[0]}; a spec with problems cannot be approved")
    return record_approval(
        repository,
        spec.path,
        spec.name,
        untick_tasks(DiskFiles(repository.user.root), spec),
        by,
        act,
    )


def record_approval(
    repository: Repository, path: str, name: str, texts: Mapping[str, str], by: str, act: str
) -> SpecApproval:
    """Record an approval of these texts of a spec, in which no task is ticked."""
    blobs = Blobs(private_folder(repository.folder / _FOLDER) / "blobs")
    approval = SpecApproval(
        path,
        by,
        time.time(),
        {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()},
        {path: blobs.put_json(text) for path, text in texts.items()},
        repository.user.head or "",
        _revisions(repository, path, texts),
    )
    kept = _stored(repository, path)
    _write(repository, path, {**kept, "approvals": [*kept["approvals"], _plain(approval)]})
    by_name = read_settings(
        repository.user.root, project=repository.user.project
    ).settings.audit.names
    AuditFile(repository.folder).append(
        {
            "kind": "spec",
            "at": approval.at,
            "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(approval.at)),
            "run": "",
            "commit": repository.user.head or "",
            "title": name,
            "approved_by": by if by_name else UNNAMED,
            "act": {"kind": act},
            "spec": {
                "path": path,
                "files": [{"path": p, "blob": d} for p, d in sorted(approval.files.items())],
                "criteria": [],
            },
        }
    )
    return approval


def approved_spec(repository: Repository, approval: SpecApproval) -> Spec | None:
    """Return a spec as it was approved, None where that cannot be read any more."""
    return _spec_in(approval.path, texts_of(repository, approval))


def _spec_in(path: str, texts: Mapping[str, str]) -> Spec | None:
    files = MemoryFiles({name: text.encode() for name, text in texts.items()})
    try:
        return read_spec(files, spec_named(files, path))
    except UsageError:
        return None


def _revisions(repository: Repository, path: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return task id -> HEAD, or the revision at which the same text was approved."""
    found = approvals_of(repository, path)
    before = approved_spec(repository, found[-1]) if found else None
    now = _spec_in(path, texts)
    head = repository.user.head or ""
    revisions = {}
    for task in now.tasks if now else ():
        was = before.by_id.get(task.id) if before else None
        same = was is not None and (was.title, was.body) == (task.title, task.body)
        revisions[task.id] = (found[-1].tasks.get(task.id) if same else "") or head
    return revisions


def approvals_of(repository: Repository, path: str) -> tuple[SpecApproval, ...]:
    """Return the approvals of a spec, oldest first."""
    return tuple(
        SpecApproval(
            path,
            one["by"],
            one["at"],
            one["files"],
            one["texts"],
            one.get("revision", ""),
            one.get("tasks", {}),
        )
        for one in _stored(repository, path)["approvals"]
    )


def texts_of(repository: Repository, approval: "SpecApproval | PublishedSpec") -> dict[str, str]:
    """Return path -> text of what was approved or published, with no task ticked."""
    blobs = Blobs(repository.folder / _FOLDER / "blobs")
    return {path: str(blobs.get_json(blob)) for path, blob in approval.texts.items()}


@dataclass(frozen=True)
class PublishedSpec:
    """A commit of a spec on GitHub; `texts` is path -> blob, with no task ticked."""

    repo: str
    pull: int
    commit: str
    texts: Mapping[str, str]


def published_of(repository: Repository, path: str) -> tuple[PublishedSpec, ...]:
    """Return the commits of a spec that were published, oldest first."""
    return tuple(PublishedSpec(**one) for one in _stored(repository, path)["published"])


def remember_published(
    repository: Repository, path: str, repo: str, pull: int, commit: str, texts: Mapping[str, str]
) -> None:
    """Record which commit of a pull request holds which texts of a spec."""
    kept = _stored(repository, path)
    if commit in {one["commit"] for one in kept["published"]}:
        return
    blobs = Blobs(private_folder(repository.folder / _FOLDER) / "blobs")
    stored = {path: blobs.put_json(text) for path, text in texts.items()}
    one = asdict(PublishedSpec(repo, pull, commit, stored))
    _write(repository, path, {**kept, "published": [*kept["published"], one]})


def changes_since(repository: Repository, spec: Spec) -> tuple[str, ...] | None:
    """Return the lines that changed since the last approval; None where there is none.

    A line is shown as `path:line: + text`, or `-` for a removed one. Ticks are no change.
    """
    found = approvals_of(repository, spec.path)
    if not found:
        return None
    last = texts_of(repository, found[-1])
    now = untick_tasks(DiskFiles(repository.user.root), spec)
    changed: list[str] = []
    for path in sorted({*last, *now}):
        before, after = last.get(path, ""), now.get(path, "")
        if before != after:
            changed += _changed_lines(path, before.splitlines(), after.splitlines())
    return tuple(changed)


def require_approval(repository: Repository, spec: Spec) -> None:
    """Raise `GuardRailError` unless the current text of the spec is approved."""
    changed = changes_since(repository, spec)
    how = f"`reviewloop spec approve {spec.name}` approves it as it is"
    if found := published_of(repository, spec.path):
        how += f"; `reviewloop spec publish {spec.name}` reads who approved pull request "
        how += str(found[-1].pull)
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


def untick_tasks(files: Files, spec: Spec) -> dict[str, str]:
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


def _stored(repository: Repository, path: str) -> dict[str, Any]:
    """Return the stored approvals of a spec, and its published commits."""
    body: dict[str, Any] = {}
    with suppress(FileNotFoundError):
        text = (repository.folder / _FOLDER / _file_name(path)).read_text("utf-8")
        body = json.loads(text)
        if body["version"] > _VERSION:
            raise UsageError(
                f"the approvals of {path} were written by a newer release of reviewloop; use that "
                "one here, too"
            )
    return {"version": _VERSION, "path": path, "approvals": [], "published": [], **body}


def _write(repository: Repository, path: str, body: Mapping[str, Any]) -> None:
    file = private_folder(repository.folder / _FOLDER) / _file_name(path)
    beside = file.with_suffix(".new")
    beside.write_text(json.dumps(body, indent=1), "utf-8")
    beside.replace(file)


def _plain(approval: SpecApproval) -> dict[str, Any]:
    return {
        "by": approval.by,
        "at": approval.at,
        "files": dict(approval.files),
        "texts": dict(approval.texts),
        "revision": approval.revision,
        "tasks": dict(approval.tasks),
    }
