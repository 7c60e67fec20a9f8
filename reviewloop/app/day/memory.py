"""The memory of a project: lessons proposed from users' own texts, kept when they agree."""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import Repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review.review_history import dismissals
from reviewloop.app.run.answers import user_name
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Status
from reviewloop.git.repository import UserRepo
from reviewloop.specs.architecture import STEERING_FOLDERS
from reviewloop.specs.memory import (
    NAME,
    Lesson,
    lesson,
    read_lessons,
    with_lessons,
    without_lessons,
)

_MOST = 10  # proposals at a time
_REPEATS = 3  # runs in which findings of the same rule were fixed
_LOOKED_AT = 50  # runs, the newest first
_DECLINED = "memory-declined.json"
_WORDED = {"modify": "modify", "skip": "reject"}


@dataclass(frozen=True)
class Memory:
    """The memory file of a project now."""

    path: str
    lessons: tuple[Lesson, ...]


def memory_of(user: UserRepo) -> Memory:
    """Return the lessons of the memory file, none where it is missing."""
    path = _path(user)
    return Memory(path, tuple(read_lessons(_text(user, path))))


def proposals(repository: Repository, fleet: Fleet) -> list[Lesson]:
    """Return at most ten lessons that could be remembered, the newest first.

    They come from what users of this machine wrote when they modified, rejected or dismissed, and
    from our rules whose findings were fixed repeatedly. No text of a model, of a change or of
    another author is among them.
    """
    known = {one.id for one in memory_of(repository.user).lessons} | _declined(repository)
    found: dict[str, Lesson] = {}
    for one in (*_words(repository, fleet), *_repeated(fleet)):
        if one.text and one.id not in known:
            found.setdefault(one.id, one)
    return list(found.values())[:_MOST]


def remember(user: UserRepo, lessons: Sequence[Lesson]) -> str:
    """Add lessons to the memory file and return its path."""
    path, show = _path(user), redactor_of(user).for_people
    redacted = [Lesson(show(one.text), one.source) for one in lessons]
    _write(user, path, with_lessons(_text(user, path), redacted, path))
    return path


def decline(repository: Repository, lessons: Sequence[Lesson]) -> None:
    """Record lessons so that they are not proposed again."""
    kept = sorted(_declined(repository) | {one.id for one in lessons})
    (repository.folder / _DECLINED).write_text(json.dumps(kept), "utf-8")


def forget(user: UserRepo, idents: Sequence[str]) -> list[Lesson]:
    """Delete lessons from the memory file; raise `UsageError` for an unknown id."""
    memory = memory_of(user)
    for ident in idents:
        if ident not in {one.id for one in memory.lessons}:
            raise UsageError(
                f"nothing that is remembered has the id {ident!r}; `reviewloop memory list` shows "
                "them"
            )
    chosen = {*idents}
    _write(user, memory.path, without_lessons(_text(user, memory.path), chosen))
    return [one for one in memory.lessons if one.id in chosen]


def _words(repository: Repository, fleet: Fleet) -> Iterator[Lesson]:
    here = user_name()
    for one in fleet.overview().runs[:_LOOKED_AT]:
        for event in fleet.events(one.run, follow=False):
            choice = _WORDED.get(str(event.get("choice", "")))
            if event.get("kind") == "answer" and choice and event.get("by") == here:
                yield lesson(str(event.get("text", "")), f"{choice}, run {one.run.run_id}")
    for entry in reversed(dismissals(repository.user.key)):
        about = f"{entry.rule}: " if entry.rule else ""
        yield lesson(f"{about}{entry.reason}", f"dismiss, {entry.path}")


def _repeated(fleet: Fleet) -> Iterator[Lesson]:
    """Yield a lesson for each rule whose findings were fixed in several runs, in the
    rule's words.
    """
    runs: dict[str, list[str]] = defaultdict(list)
    for one in fleet.overview().runs[:_LOOKED_AT]:
        records = (fleet.proposal(one.run) or {}).get("findings", ())
        fixed = {record.get("rule", "") for record in records if record["status"] == Status.FIXED}
        for rule in fixed - {""}:
            runs[rule].append(one.run.run_id)
    for ident, names in sorted(runs.items(), key=lambda pair: (-len(pair[1]), pair[0])):
        rule = rule_of(ident)
        if rule is not None and len(names) >= _REPEATS:
            listed = ", ".join(names[:_REPEATS])
            yield lesson(f"{rule.title} ({ident})", f"repaired in {len(names)} runs: {listed}")


def _declined(repository: Repository) -> set[str]:
    try:
        return {*map(str, json.loads((repository.folder / _DECLINED).read_text("utf-8")))}
    except (OSError, ValueError, TypeError):
        return set()


def _path(user: UserRepo) -> str:
    prefix = f"{user.project}/" if user.project else ""
    ours, kiro = STEERING_FOLDERS
    folder = kiro if Path(user.root, prefix, ".kiro").is_dir() else ours
    return f"{prefix}{folder}/{NAME}"


def _text(user: UserRepo, path: str) -> str:
    content = Disk(user.root).read(path)
    if content.kind not in (Kind.ABSENT, Kind.FILE) or content.blocker:
        raise UsageError(f"{path} is no regular file of this repository; move it away first")
    return content.data.decode("utf-8", "replace")


def _write(user: UserRepo, path: str, text: str) -> None:
    Disk(user.root).write(path, Content(Kind.FILE, text.encode()), f".{NAME}.new")
