"""Finds drift between specs and code: lost names, lost tests of criteria, text edited after a tick.

No model is asked, and the same files and history give the same report.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from shlex import quote

from reviewloop.analysis.contract import Tree
from reviewloop.app.project import Repository
from reviewloop.app.spec.approval import approvals_of, approved_spec
from reviewloop.app.spec.merge import plain_overlap
from reviewloop.app.spec.trace import test_texts
from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import Drift, NotCompared, SpecDrift
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.git.directory import shallow_commits
from reviewloop.git.repository import UserRepo
from reviewloop.git.tree_files import Edition, contents, editions_of, listed_at
from reviewloop.specs.checks import SpecView, read_view
from reviewloop.specs.dialect import is_living_spec, overlaps
from reviewloop.specs.discover import find_specs, read_spec, spec_named
from reviewloop.specs.drift.code import Code
from reviewloop.specs.drift.compare import compare_names, named
from reviewloop.specs.drift.criteria import is_test_text, lost_tests, without_tests
from reviewloop.specs.drift.wording import (
    Meanings,
    changed_words,
    meanings_of,
    same_meaning,
)
from reviewloop.specs.files import DiskFiles, MemoryFiles, digest
from reviewloop.specs.requirements import resolve
from reviewloop.specs.select import is_done, leaves
from reviewloop.specs.tasks import read_tasks
from reviewloop.store.runs import RunStatus

_LATEST = 8  # versions of a spec whose tests are compared with the current ones
_MOST_ROWS = 30  # of drift in the sentence for a model
_MOST_IDS = 3  # of tasks in one row
_ID = 10  # digits of a commit that are shown


@dataclass(frozen=True)
class SyncReport:
    """The result of a comparison, and its exit code."""

    drift: SpecDrift
    check: bool
    threshold: float = 0.0
    reopened: tuple[str, ...] = ()  # specs that were fully built, with names to build again

    @property
    def drifted(self) -> tuple[str, ...]:
        """Return the specs with drift; if only names drifted, their share must reach the
        threshold.
        """
        shares = self.drift.drift_shares or {}
        found = []
        for spec in self.drift.specs:
            own = [one for one in self.drift.drifts if one.spec == spec]
            beside = any(one.kind in {"criterion", "task"} for one in own)
            if beside or (own and shares.get(spec, 0.0) >= self.threshold):
                found.append(spec)
        return tuple(found)

    @property
    def exit_code(self) -> ExitCode:
        """`FINDINGS` where `check` is set and a spec drifted, or is not built again yet."""
        unbuilt = self.reopened and not self.threshold
        return ExitCode.FINDINGS if self.check and (self.drifted or unbuilt) else ExitCode.CLEAN


def sync_specs(
    user: UserRepo,
    names: Sequence[str],
    *,
    check: bool,
    known: Repository | None = None,
    threshold: float = 0.0,
) -> SyncReport:
    """Compare the named specs, or all of the project, with code, tests and history on disk.

    `known` is the repository with its runs and approvals, whose revisions count too. Raises
    `UsageError` for an unknown name, or where there are no specs.
    """
    files = DiskFiles(user.root)
    every = find_specs(files, user.project)
    chosen = [spec_named(files, name, user.project, user.here) for name in dict.fromkeys(names)]
    chosen = list({ref.path: ref for ref in chosen or every}.values())
    if not chosen:
        raise UsageError(
            "there is no spec here; name one by its path, or write .kiro/specs/NAME/requirements.md"
        )
    paths = list(files.paths())
    tree = Tree(read=lambda path: _text(files, path), paths=lambda: paths)
    views = {ref.path: read_view(files, ref, tree) for ref in [*chosen, *_others(every, chosen)]}
    own = {path for view in views.values() for path in view.spec.files}
    code = Code.of(_of_project(paths, user.project), tree.read, apart_from=own)
    specs = [named(views[ref.path], code) for ref in chosen]
    others = [named(views[ref.path], code) for ref in _others(every, chosen)]
    found = compare_names(specs, others, _living_specs(files, paths), code)
    tests = dict(test_texts(files))
    drifts = list(found.drifts)
    not_compared = list(found.not_compared)
    count = found.count
    reopened: list[str] = []
    if user.head:
        trees = _Trees(user)
        for spec in specs:
            past = _Past(trees, spec.view, known, alone=len(every) == 1)
            drifts += [*past.criteria_without_test(tests), *past.tasks_of_other_words()]
            count += past.count
            path = spec.view.spec.path
            if any(one.spec == path for one in found.waiting) and past.was_whole():
                reopened.append(path)
        if shallow_commits(user.common_dir / "shallow"):
            reason = "the history is cut off: tests and words of before are not known"
            not_compared.append(NotCompared("criterion", reason, ()))
    drift = SpecDrift(
        tuple(ref.path for ref in chosen),
        tuple(drifts),
        found.waiting,
        tuple(not_compared),
        count,
        tuple(overlaps(files, every)),
        found.drift_shares,
    )
    return SyncReport(drift, check, threshold, tuple(reopened))


def _others(every: Iterable[SpecRef], chosen: Iterable[SpecRef]) -> list[SpecRef]:
    known = {ref.path for ref in chosen}
    return [ref for ref in every if ref.path not in known]


def _of_project(paths: Iterable[str], project: str) -> Iterator[str]:
    return (path for path in paths if not project or path.startswith(f"{project}/"))


def _living_specs(files: DiskFiles, paths: Iterable[str]) -> Iterator[str]:
    """Yield the texts of living specs; a name in them counts as present."""
    for path in paths:
        if is_living_spec(path):
            yield _text(files, path) or ""


def _text(files: DiskFiles, path: str) -> str | None:
    data = files.read(path)
    return None if data is None else data.decode("utf-8", "replace")


class _Trees:
    """The test files of earlier commits and on disk; each commit is read once for all specs."""

    def __init__(self, user: UserRepo) -> None:
        self.user = user
        self._on_disk: dict[tuple[str, str], bool] = {}
        self._changed: dict[str, Mapping[str, str]] = {}

    def changed_tests(self, commit: str) -> Mapping[str, str]:
        """Return the test files of a commit that are deleted now or have other content."""
        if commit not in self._changed:
            listed = {
                path: oid
                for path, oid in listed_at(self.user, commit).items()
                if is_test_text(path) and not self._is_there(path, oid)
            }
            read = contents(self.user, listed.values())
            self._changed[commit] = {
                path: read[oid].decode("utf-8", "replace")
                for path, oid in listed.items()
                if oid in read
            }
        return self._changed[commit]

    def _is_there(self, path: str, oid: str) -> bool:
        if (path, oid) not in self._on_disk:
            self._on_disk[path, oid] = _is_same(self.user.root / path, oid)
        return self._on_disk[path, oid]


class _Past:
    """One spec, and its versions in the history of HEAD."""

    def __init__(
        self, trees: _Trees, view: SpecView, known: Repository | None, *, alone: bool
    ) -> None:
        self.trees, self.view, self.known, self.alone = trees, view, known, alone
        self.user = user = trees.user
        self.spec = view.spec
        self.editions = editions_of(user, self.spec.path)
        self.approvals = approvals_of(known, self.spec.path) if known else ()
        self.count = 0
        self._specs: dict[str, Spec | None] = {}  # by commit
        self._before: dict[str, tuple[Task, ...]] = {}  # by requirement

    @cached_property
    def _meanings(self) -> Meanings:
        return meanings_of(self.spec.requirements.values())

    def _latest(self) -> list[str]:
        return [one.commit.id for one in self.editions[:_LATEST]]

    def _recorded(self) -> list[str]:
        """Return the stored revisions at which tasks of the spec were approved."""
        found = [one for approval in self.approvals for one in approval.tasks.values()]
        for run in self.known.runs.all() if self.known else ():
            if run.spec_path == self.spec.path and run.status is RunStatus.COMMITTED:
                found.append(run.commit)
        there = contents(self.user, [f"{one}:{self.spec.tasks_path}" for one in found if one])
        return [one for one in dict.fromkeys(found) if f"{one}:{self.spec.tasks_path}" in there]

    def criteria_without_test(self, tests: Mapping[str, str]) -> Iterator[Drift]:
        """Yield the criteria and requirements that a test named once and none names now."""
        self.count += len(self.spec.requirements)
        missing = without_tests(self.view, tests, alone=self.alone)
        for commit in dict.fromkeys([str(self.user.head), *self._recorded(), *self._latest()]):
            before = self.trees.changed_tests(commit) if missing else {}
            lost = list(
                lost_tests(self.view, missing, before, f"at {commit[:_ID]}", alone=self.alone)
            )
            yield from lost
            over = {one.name for one in lost}
            over |= {name.rpartition(".")[0] for name in over}
            missing = tuple(ident for ident in missing if ident not in over)

    def tasks_of_other_words(self) -> Iterator[Drift]:
        """Yield the texts of ticked tasks that changed since the tick."""
        done = [task for task in leaves(self.spec) if is_done(self.spec, task)]
        self.count += len(done)
        found: dict[tuple[str, str], tuple[Drift, list[str]]] = {}
        ticked = list(self._then(done))
        for task, was, then, note in ticked:
            for ident, before, now, where in self._differences(task, was, then):
                if ident and self._is_answered(ident, ticked):
                    continue
                what = f"requirement {ident}" if ident else ""
                key = (what, before)
                drift = Drift("task", "", self.spec.path, where, task.where, note, before, now)
                found.setdefault(key, (drift, []))[1].append(task.id)
        for (what, _), (drift, ids) in found.items():
            more = f" and {len(ids) - _MOST_IDS} more" if len(ids) > _MOST_IDS else ""
            listed = f"task{'s' * (len(ids) > 1)} {', '.join(ids[:_MOST_IDS])}{more}"
            name = f"{listed}: {what}" if what else listed
            yield Drift(
                "task", name, drift.spec, drift.in_spec, drift.in_code, drift.note, drift.before,
                drift.now,
            )  # fmt: skip

    def _then(self, done: Sequence[Task]) -> Iterator[tuple[Task, Task, Spec, str]]:
        """Yield ticked tasks as they are and were, with the spec and the date of the tick."""
        of_history = set()
        for task, edition, was in self._ticked(done):
            of_history.add(task.id)
            if then := self._spec_at(edition):
                yield task, was, then, f"ticked at {edition.commit.id[:_ID]}: {task.where}"
        last = self.approvals[-1] if self.approvals else None
        approved = approved_spec(self.known, last) if self.known and last else None
        if last is None or approved is None:
            return
        for task in done:
            earlier = _same_task(task, approved.tasks)
            if earlier is not None and task.id not in of_history:
                at = last.tasks.get(task.id, "")[:_ID] or "no commit"
                yield task, earlier, approved, f"approved by {last.by} at {at}: {task.where}"

    def _differences(
        self, task: Task, was: Task, then: Spec
    ) -> Iterator[tuple[str, str, str, str]]:
        """Yield (requirement or "" for the task, text at the tick, text now, location now)."""
        before, now = _words(was), _words(task)
        if not same_meaning(before, now):
            yield "", before, now, task.where
        for key, text in changed_words(_served(was, then), self._meanings).items():
            path, line = self.view.requirement_at.get(key) or self.view.first_of("requirements")
            current = self.spec.requirements.get(key, "")
            yield key, text, current, f"{path}:{line}"

    def _is_answered(self, key: str, ticked: Iterable[tuple[Task, Task, Spec, str]]) -> bool:
        """Return whether a task was ticked for the current text and was added with or after it.

        A task that is older than the text was planned for another one, so its tick does not cover
        it.
        """
        today = self.spec.requirements.get(key, "")
        serving = [
            task
            for task, was, then, _ in ticked
            if same_meaning(_served(was, then).get(key, ""), today)
        ]
        if not today or not serving:
            return False
        if key not in self._before:
            self._before[key] = self._last_without(today)
        listed = self._before[key]
        return any(
            not any(same_meaning(one.title, task.title) for one in listed) for task in serving
        )

    def _last_without(self, words: str) -> tuple[Task, ...]:
        """Return the tasks of the last version in which no requirement had this text."""
        for edition in self.editions:
            then = self._spec_at(edition)
            if then and changed_words({"": words}, meanings_of(then.requirements.values())):
                return then.tasks
        return ()

    def was_whole(self) -> bool:
        """Return whether all tasks were done in one of the latest versions."""
        for edition in self.editions[:_LATEST]:
            path = self._then_at(self.spec.tasks_path, edition)
            [data] = contents(self.user, [f"{edition.commit.id}:{path}"]).values() or [b""]
            listed = read_tasks(data, path, self.spec.dialect).tasks
            if listed and all(task.state == "done" for task in listed if not task.optional):
                return True
        return False

    def _ticked(self, done: Sequence[Task]) -> Iterator[tuple[Task, Edition, Task]]:
        """Yield ticked tasks with the commit that ticked them, and the task in that commit."""
        path = self.spec.tasks_path
        names = [f"{one.commit.id}:{self._then_at(path, one)}" for one in self.editions]
        versions = contents(self.user, names)
        following = {task.id: (task, task) for task in done}  # id now -> now, at the last version
        ticked: dict[str, tuple[Edition, Task]] = {}
        for edition, name in zip(self.editions, names, strict=True):
            if name not in versions or not following:
                break
            listed = read_tasks(versions[name], path, self.spec.dialect).tasks
            for ident, (now, last) in list(following.items()):
                was = _same_task(last, listed)
                if was is None or was.state != "done":
                    following.pop(ident)  # the commit after this one ticked it
                    continue
                following[ident] = (now, was)
                ticked[ident] = (edition, was)
        for task in done:
            if task.id in ticked:
                yield task, *ticked[task.id]

    def _spec_at(self, edition: Edition) -> Spec | None:
        """Return the spec in a commit, under its current paths."""
        commit = edition.commit.id
        if commit not in self._specs:
            self._specs[commit] = self._read_at(edition)
        return self._specs[commit]

    def _read_at(self, edition: Edition) -> Spec | None:
        own = [path for path in self.spec.files if path.startswith(self.spec.path)]
        names = {f"{edition.commit.id}:{self._then_at(path, edition)}": path for path in own}
        read = contents(self.user, names)
        memory = MemoryFiles({names[name]: data for name, data in read.items()})
        words = [path for path in own if path != self.spec.tasks_path]
        if words and all(_is_digest(memory.read(path), self.spec.files[path]) for path in words):
            return self.spec  # only ticks and tasks differ
        try:
            return read_spec(memory, spec_named(memory, self.spec.path))
        except UsageError:
            return None

    def _then_at(self, path: str, edition: Edition) -> str:
        """Return the path of a spec file in a commit."""
        return edition.path + path.removeprefix(self.spec.path)


def _is_same(file: Path, oid: str) -> bool:
    """Return whether a file on disk is the blob with this git id."""
    try:
        data = file.read_bytes()
    except OSError:
        return False
    kind = hashlib.sha1 if len(oid) == 40 else hashlib.sha256
    return kind(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest() == oid


def _is_digest(data: bytes | None, expected: str) -> bool:
    return data is not None and digest(data) == expected


def _same_task(task: Task, listed: Sequence[Task]) -> Task | None:
    """Return a task in another version of its list: by its title, else by its id."""
    titles = [one for one in listed if one.title == task.title]
    if len(titles) == 1:
        return titles[0]
    alike = [one for one in listed if same_meaning(one.title, task.title)]
    if len(alike) == 1:
        return alike[0]
    return next((one for one in listed if one.id == task.id), None)


def _served(task: Task, spec: Spec) -> dict[str, str]:
    """Return what a task serves, down to single criteria."""
    return {
        key: text
        for one in resolve(task.requirements, spec.requirements)[0]
        for key, text in spec.requirements.items()
        if (key == one or key.startswith(f"{one}.")) and not _has_parts(key, spec)
    }


def _words(task: Task) -> str:
    """Return the text of a task without its reference lines."""
    lines = [line for line in task.body.splitlines() if not line.strip(" -*_").startswith(_POINTS)]
    return "\n".join([task.title, *lines]).strip()


_POINTS = ("Requirements:", "Requirement:", "Validates", "Depends", "Blocked")


def _has_parts(key: str, spec: Spec) -> bool:
    return any(one.startswith(f"{key}.") for one in spec.requirements)


def sentence_of(report: SyncReport, spec: str) -> str:
    """Return the sentence for a change that brings a spec in step again."""
    rows = [_row_for(one) for one in report.drift.drifts if one.spec == spec]
    more = f"; and {len(rows) - _MOST_ROWS} more like these" if len(rows) > _MOST_ROWS else ""
    return (
        f"Bring this spec in step with the code, which is right about names: "
        f"{'; '.join(rows[:_MOST_ROWS])}{more}"
    )


def _row_for(one: Drift) -> str:
    if one.kind == "criterion":
        return f"{one.name} ({one.in_spec}) has no test any more: add a task that tests it"
    if one.kind == "task":
        return f"{one.name} was ticked for other words: add a task for what they say now"
    if one.in_spec:
        return f"{one.kind} {one.name} ({one.in_spec}) is in no code"
    return f"{one.kind} {one.name} ({one.in_code}) is in the code and not in the spec"


def proposal_for(repository: Repository, spec: str, threshold: float) -> str:
    """Return the sentence that proposes to change a spec, "" below the threshold or if that is 0.

    The threshold is a share of the spec's names that are missing in the code on disk.
    """
    if not threshold or not spec:
        return ""
    try:
        report = sync_specs(repository.user, (spec,), check=False)
    except UsageError:
        return ""  # it is deleted
    share = (report.drift.drift_shares or {}).get(spec, 0.0)
    if share < threshold:
        return ""
    return (
        f"{share:.0%} of the names in {spec} part from the code; `reviewloop spec sync "
        f"{quote(spec)}` shows them, with --propose a model proposes to change the spec"
    )


def plain(report: SyncReport) -> Mapping[str, object]:
    """Return the report as JSON-plain values."""

    def row(one: Drift) -> dict[str, str]:
        return {
            "kind": one.kind,
            "name": one.name,
            "spec": one.spec,
            "in_spec": one.in_spec,
            "in_code": one.in_code,
            "note": one.note,
            "before": one.before,
            "now": one.now,
        }

    drift = report.drift
    return {
        "specs": [
            {"path": path, "parted": round((drift.drift_shares or {}).get(path, 0.0), 4)}
            for path in drift.specs
        ],
        "in_step": not drift.drifts and not report.reopened,
        "compared": drift.compared,
        "drift": [row(one) for one in drift.drifts],
        "waiting": [row(one) for one in drift.waiting],
        "reopened": list(report.reopened),
        "not_compared": [
            {"kind": one.kind, "reason": one.reason, "locations": list(one.locations)}
            for one in drift.not_compared
        ],
        "overlaps": [plain_overlap(one) for one in drift.overlaps],
        "exit_code": int(report.exit_code),
    }
