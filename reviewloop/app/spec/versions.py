"""Compares versions of a spec, lists the tasks a difference requires, and who approved."""

import hashlib
import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence

from reviewloop.app.project import Repository
from reviewloop.app.spec.approval import approvals_of, texts_of, untick_tasks
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, Task
from reviewloop.git.tree_files import commit_named, editions_of, files_at
from reviewloop.render.word_diff import word_diff
from reviewloop.specs.briefing import split_design
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.drift.wording import same_meaning
from reviewloop.specs.files import DiskFiles, Files, MemoryFiles
from reviewloop.specs.requirements import resolve, whole_requirements
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.words import named_paths

ON_DISK = "disk"
"""The name of the spec in the checkout, uncommitted edits included."""


@dataclass(frozen=True)
class Changed:
    """A requirement, or another part of the spec, that differs in the newer version."""

    what: str  # an id, "general", "design"
    how: str  # added | removed | changed
    words: str  # the difference word by word


@dataclass(frozen=True)
class RequiredTask:
    """A task that a difference requires to do again, or a requirement without one."""

    task: str  # "" where none serves it
    title: str
    requirement: str
    why: str  # changed | added | removed
    done: bool


@dataclass(frozen=True)
class SpecDifference:
    """The differences between two versions of a spec, without ticks and layout."""

    spec: str
    old: str
    new: str
    changed: tuple[Changed, ...]
    tasks: tuple[Changed, ...]  # task lines that were added, removed or changed
    asks: tuple[RequiredTask, ...]


@dataclass(frozen=True)
class Version:
    """A version of a spec in the history of HEAD, or an approval of an uncommitted one."""

    name: str  # as `spec diff` takes it: a commit prefix, or vN of an approval
    at: float  # seconds since 1970
    subject: str
    digest: str
    approved_by: tuple[str, ...]


def difference(repository: Repository, name: str, versions: str) -> SpecDifference:
    """Return the difference OLD..NEW: revisions, `vN` of approvals, or `disk`.

    Without NEW it is the spec on disk. Raises `UsageError` where a version has no such spec.
    """
    user = repository.user
    old_name, dots, new_name = versions.partition("..")
    if not old_name or (dots and not new_name):
        raise UsageError(
            f"{versions!r} names no two versions; write OLD..NEW, such as HEAD~1..HEAD"
        )
    ref = spec_named(DiskFiles(user.root), name, user.project, user.here)
    old, new = (_spec_at(repository, ref.path, one) for one in (old_name, new_name or ON_DISK))
    changed = tuple(_changed(_parts(old), _parts(new)))
    tasks = tuple(_changed(_task_texts(old), _task_texts(new)))
    asks = (*_required(old, new, changed), *_required_by_design(old, new))
    return SpecDifference(ref.path, old_name, new_name or ON_DISK, changed, tasks, asks)


def history(repository: Repository, name: str) -> tuple[Version, ...]:
    """Return the versions of a spec, newest first; ticks alone make no version."""
    user = repository.user
    ref = spec_named(DiskFiles(user.root), name, user.project, user.here)
    approvals = approvals_of(repository, ref.path)
    by_digest: dict[str, list[str]] = {}
    for one in approvals:
        by_digest.setdefault(one.digest, []).append(one.by)
    found: list[Version] = []
    known = set()
    later: Spec | None = None
    for edition in editions_of(user, ref.path):
        commit = edition.commit
        try:
            spec, files = _read_at(repository, edition.path, commit.id)
        except UsageError:
            continue  # it was not a spec there
        digest = _digest(files, spec)
        approved = by_digest.get(digest, [])
        if later is not None and _same(spec, later):  # the older commit wrote it
            approved = [*approved, *found.pop().approved_by]
        by = tuple(dict.fromkeys(approved))
        known.add(digest)
        found.append(Version(commit.id[:10], commit.at, commit.subject, digest, by))
        later = spec
    found += [
        Version(f"v{number}", one.at, "approved, not committed as it was", one.digest, (one.by,))
        for number, one in enumerate(approvals, 1)
        if one.digest not in known
    ]
    return tuple(sorted(found, key=lambda version: -version.at))


def _spec_at(repository: Repository, path: str, version: str) -> Spec:
    return _read_at(repository, path, version)[0]


def _same(one: Spec, other: Spec) -> bool:
    """Return whether two versions are the same apart from ticks, layout and punctuation."""
    pairs = ((_parts(one), _parts(other)), (_task_texts(one), _task_texts(other)))
    return not any(next(_changed(before, after), None) for before, after in pairs)


def _read_at(repository: Repository, path: str, version: str) -> tuple[Spec, Files]:
    files: Files
    if version == ON_DISK:
        files = DiskFiles(repository.user.root)
    elif version[:1] == "v" and version[1:].isdigit():
        files = _approved(repository, path, int(version[1:]))
    else:
        commit = commit_named(repository.user, version)
        path, files = _files_of_commit(repository, path, commit)
    try:
        return read_spec(files, spec_named(files, path)), files
    except UsageError as error:
        raise UsageError(f"{version} has no spec {path}: {error}") from None


def _files_of_commit(repository: Repository, path: str, commit: str) -> tuple[str, Files]:
    """Return the files of a spec in a commit, and its path there, which may differ."""
    found = files_at(repository.user, commit, path)
    if not found:
        for before in dict.fromkeys(one.path for one in editions_of(repository.user, path)):
            if found := files_at(repository.user, commit, before):
                return before, MemoryFiles(found)
    return path, MemoryFiles(found)


def _approved(repository: Repository, path: str, number: int) -> Files:
    found = approvals_of(repository, path)
    if not 1 <= number <= len(found):
        count = len(found) or "none"
        raise UsageError(f"there is no approval v{number} of {path}; there are {count}")
    return MemoryFiles(
        {file: text.encode() for file, text in texts_of(repository, found[number - 1]).items()}
    )


def _digest(files: Files, spec: Spec) -> str:
    listed = sorted(
        (path, hashlib.sha256(text.encode()).hexdigest())
        for path, text in untick_tasks(files, spec).items()
    )
    return hashlib.sha256(json.dumps([list(one) for one in listed]).encode()).hexdigest()


def _parts(spec: Spec) -> dict[str, str]:
    """Return the requirements by id, without those made of criteria, and the other parts."""
    parts = {key: text for key, text in spec.requirements.items() if key not in _owners(spec)}
    for name, text in (
        ("introduction", spec.introduction),
        ("general", spec.general),
        ("design", spec.design),
    ):
        if text.strip():
            parts[name] = text
    return parts


def _owners(spec: Spec) -> set[str]:
    """Return the requirements made of criteria, which are compared one by one."""
    whole_ones = set(whole_requirements(spec.requirements))
    return {key.rpartition(".")[0] for key in spec.requirements} & whole_ones


def _task_texts(spec: Spec) -> dict[str, str]:
    return {f"task {one.id}": f"{one.title}\n{one.body}".strip() for one in spec.tasks}


def _changed(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[Changed]:
    for key in dict.fromkeys([*before, *after]):
        old, new = before.get(key, ""), after.get(key, "")
        if same_meaning(old, new):
            continue
        how = "added" if not old else "removed" if not new else "changed"
        yield Changed(key, how, word_diff(old, new))


def _required(old: Spec, new: Spec, changed: Sequence[Changed]) -> Iterator[RequiredTask]:
    """Yield a task for each requirement that changed, and those that nothing serves.

    Where the change added an open task for it, that one.
    """
    known = leaves(old)
    serves: dict[str, list[Task]] = {}
    for task in leaves(new):
        for key in resolve(task.requirements, new.requirements)[0]:
            for one in (key, *(name for name in new.requirements if name.startswith(f"{key}."))):
                serves.setdefault(one, []).append(task)
    for part in changed:
        if part.what in {"introduction", "general", "design"}:
            continue
        tasks = serves.get(part.what, [])
        if not tasks and part.how != "removed":
            yield RequiredTask("", "", part.what, part.how, done=False)
        came = [
            one
            for one in tasks
            if not any(one.id == was.id or same_meaning(one.title, was.title) for was in known)
        ]
        for task in [one for one in came if not is_done(new, one)] if came else tasks:
            yield RequiredTask(task.id, task.title, part.what, part.how, is_done(new, task))


def _required_by_design(old: Spec, new: Spec) -> Iterator[RequiredTask]:
    """Yield the tasks that a new or changed part of the design requires.

    These serve a requirement that the part names, or name a file or component of it.
    """
    for what, how, text in _changed_sections(old, new):
        idents = set(re.findall(r"(?<![\w.])(?:\d+(?:\.\d+)+|[A-Z]{1,6}-\d+)(?![\w.])", text))
        names = {*named_paths(text), *re.findall(r"\b[A-Z][a-z0-9]+(?:[A-Z][a-z0-9]+)+\b", text)}
        tasks = [
            task
            for task in leaves(new)
            if idents & {*resolve(task.requirements, new.requirements)[0]}
            or any(name in f"{task.title}\n{task.body}" for name in names)
        ]
        for task in tasks:
            yield RequiredTask(task.id, task.title, f"design: {what}", how, is_done(new, task))
        if not tasks:
            yield RequiredTask("", "", f"design: {what}", how, done=False)


def _changed_sections(old: Spec, new: Spec) -> Iterator[tuple[str, str, str]]:
    """Yield heading, kind and text of the parts of the design that are new or changed."""
    before, after = _sections(old), _sections(new)
    texts = list(before.values())
    for name, text in after.items():
        if not any(same_meaning(text, one) for one in texts):
            yield name, "changed" if name in before else "added", text


def _sections(spec: Spec) -> dict[str, str]:
    found: dict[str, str] = {}
    for part in split_design(spec.design):
        name = part.trail[-1] if part.trail else "design"
        found[name] = f"{found[name]}\n{part.text}" if name in found else part.text
    return found


def plain_difference(found: SpecDifference) -> dict[str, object]:
    """Return it as `--json` prints it."""

    def rows(parts: Sequence[Changed]) -> list[dict[str, str]]:
        return [{"what": one.what, "how": one.how, "words": one.words} for one in parts]

    return {
        "spec": found.spec,
        "old": found.old,
        "new": found.new,
        "changed": rows(found.changed),
        "tasks": rows(found.tasks),
        "asks": [
            {
                "task": one.task,
                "title": one.title,
                "requirement": one.requirement,
                "why": one.why,
                "done": one.done,
            }
            for one in found.asks
        ],
    }


def plain_history(path: str, versions: Sequence[Version]) -> dict[str, object]:
    """Return it as `--json` prints it."""
    return {
        "spec": path,
        "versions": [
            {
                "name": one.name,
                "at": one.at,
                "day": time.strftime("%Y-%m-%d", time.localtime(one.at)),
                "subject": one.subject,
                "digest": one.digest,
                "approved_by": list(one.approved_by),
            }
            for one in versions
        ],
    }
