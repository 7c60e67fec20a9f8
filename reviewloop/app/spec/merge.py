"""Merges a change of specs into its specs, against the base that it was written for."""

from collections.abc import Mapping

from reviewloop.app.project import Repository
from reviewloop.app.spec.approval import approvals_of
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import Overlap
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.task import SpecRef
from reviewloop.git.tree_files import contents, editions_of
from reviewloop.specs.dialect import MergedSpec, dialect_named, dialects, overlaps
from reviewloop.specs.discover import find_specs, spec_named
from reviewloop.specs.files import DiskFiles

_ID = 10  # digits of a commit that are shown


@dataclass(frozen=True)
class SpecMerge:
    """What merging a change did, or would do; with a conflict nothing is written."""

    change: str
    base: str  # the revision that the change was written for, "" without commits
    specs: tuple[MergedSpec, ...]
    overlaps: tuple[Overlap, ...]
    written: bool

    @property
    def conflicts(self) -> tuple[str, ...]:
        """Return all conflicts, each with its locations."""
        return tuple(one for spec in self.specs for one in spec.conflicts)

    @property
    def exit_code(self) -> ExitCode:
        """`GUARD_FAILED` where there is a conflict."""
        return ExitCode.GUARD_FAILED if self.conflicts else ExitCode.CLEAN


def merge_change(repository: Repository, name: str, *, check: bool) -> SpecMerge:
    """Merge the deltas of a change into the specs on disk; with `check`, write nothing.

    Raises `UsageError` for anything but a change of specs with a delta.
    """
    user = repository.user
    files = DiskFiles(user.root)
    ref = spec_named(files, name, user.project, user.here)
    merging = dialect_named(ref.dialect).merging
    if merging is None:
        known = " and ".join(one.name for one in dialects().values() if one.merging)
        raise UsageError(
            f"{ref.path} is a spec of {ref.dialect}, not a change of specs; only those of {known} "
            "are merged"
        )
    deltas = merging.deltas(files, ref.path)
    if not deltas:
        raise UsageError(f"{ref.path} has no deltas; they are written below {ref.path}/specs/")
    base = _base_of(repository, ref)
    before = contents(user, [f"{base}:{living}" for living in deltas.values()]) if base else {}
    merged = tuple(
        merging.merge(
            living,
            files.read(living),
            before.get(f"{base}:{living}"),
            path,
            files.read(path) or b"",
        )
        for path, living in sorted(deltas.items())
    )
    every = find_specs(files, user.project)
    beside = [one for one in overlaps(files, every) if any(ref.path in p for p in one.locations)]
    writes = not check and not any(one.conflicts for one in merged)
    if writes:
        disk = Disk(user.root)
        for one in merged:
            there = disk.read(one.path)
            if there.kind not in (Kind.ABSENT, Kind.FILE) or there.blocker:
                raise UsageError(f"{one.path} is no regular file of this repository; move it away")
        for one in merged:
            if one.data is not None and one.data != files.read(one.path):
                disk.write(one.path, Content(Kind.FILE, one.data), ".spec-merge.new")
    return SpecMerge(ref.path, base, merged, tuple(beside), writes)


def _base_of(repository: Repository, ref: SpecRef) -> str:
    """Return the base revision of a change: its last approval's, else its first commit's."""
    for approval in reversed(approvals_of(repository, ref.path)):
        if approval.revision:
            return approval.revision
    editions = editions_of(repository.user, ref.path) if repository.user.head else ()
    return editions[-1].commit.id if editions else repository.user.head or ""


def plain(merge: SpecMerge) -> Mapping[str, object]:
    """Return it as `--json` prints it."""
    return {
        "change": merge.change,
        "base": merge.base,
        "written": merge.written,
        "specs": [
            {"path": one.path, "steps": list(one.steps), "conflicts": list(one.conflicts)}
            for one in merge.specs
        ],
        "overlaps": [plain_overlap(one) for one in merge.overlaps],
        "exit_code": int(merge.exit_code),
    }


def plain_overlap(one: Overlap) -> dict[str, object]:
    """Return an overlap as JSON-plain values."""
    return {"spec": one.spec, "requirement": one.requirement, "locations": list(one.locations)}


def shown_base(merge: SpecMerge) -> str:
    """Return the base as it is shown."""
    return merge.base[:_ID] or "no commit"
