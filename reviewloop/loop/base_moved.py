"""Finds what reviewers must read again after a change was rebased or edited.

A rebased change was read on the old base. Reviewers read what the new base changed and the change
touches or uses, and how the change differs from its read version; where there is neither, nothing
is paid, and the proposal says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.git.diff import Change
from reviewloop.git.interdiff import interdiff
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import LoopState, ReviewerState
from reviewloop.render.text import counted
from reviewloop.review.related import Connected, relate_changes

PHASE = "rebase"
EDIT = "edit"
"""The phase after a user's own edit of the change, see `user_edits`."""
LOOKED_BACK = (PHASE, EDIT)
_NAMED = 3


@dataclass(frozen=True)
class Moved:
    """A change on its new base, and the version that was read last; plain values."""

    onto: str  # the new base commit
    since: str  # tree of the base at the last reading
    was: str  # tree of the change at the last reading
    tied: Connected  # files changed in the base that the change touches or uses -> its own files
    others: tuple[str, ...]  # files changed in the base that the change does not relate to
    differs: tuple[str, ...]  # files in which the change differs from what was read

    @property
    def to_read(self) -> int:
        """The number of files that reviewers have to read; 0: the earlier reading holds."""
        return len(self.tied) + len(self.differs)

    def below(self, context: RunContext) -> Change:
        """Return the changes of the base since the last reading, as models may read them."""
        return context.shown_change(self.since, context.base_tree)

    def plain(self) -> dict[str, Any]:
        """Return it as JSON-plain values."""
        return {**asdict(self), "tied": {path: list(ours) for path, ours in self.tied.items()}}

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Moved":
        """Rebuild what `plain` wrote."""
        given = dict(values)
        given["tied"] = {path: tuple(ours) for path, ours in given["tied"].items()}
        return cls(**{**given, **{name: tuple(given[name]) for name in ("others", "differs")}})


def last_read(state: LoopState, context: RunContext) -> dict[str, str]:
    """Return the trees (`base`, `tree`) of the change when all its reviewers last read it.

    A rebase without a reading does not count, nor does one where a reviewer failed.
    """
    moved = moved_of(state, context)
    if moved and any(one.get("whole") for one in state.get("reviewers", {}).values()):
        return {"base": moved.since, "tree": moved.was}
    return state.get("read_on") or {"base": state["base"], "tree": state["tree"]}


def compare(read: Mapping[str, str], tree: str, onto: str, context: RunContext) -> Moved:
    """Return the differences since `read` (from `last_read`); `tree` is the change on `onto`.

    The context must have the new base already.
    """
    now = context.shown_change(context.base_tree, tree)
    below = context.shown_change(read["base"], context.base_tree)
    before = partial(context.read_text, below.old)
    tied = relate_changes(now, below, before, partial(context.read_text, now.new))
    return Moved(
        onto=onto,
        since=read["base"],
        was=read["tree"],
        tied=tied,
        others=tuple(path for path in below.paths if path not in tied),
        differs=tuple(interdiff(context.shown_change(read["base"], read["tree"]), now)),
    )


def moved_of(state: LoopState, context: RunContext) -> Moved | None:
    """Return the last move of a change, None without one (or after an implementation since)."""
    ref = state.get("moved", "")
    return Moved.from_plain(context.blobs.get_json(ref)) if ref else None


def to_read_by(agent: str, state: LoopState, context: RunContext) -> Moved | None:
    """Return the move that this reviewer has to read, None when it has to read the whole change.

    The whole change is read by everybody in a first review, and after a move by those that failed
    in that review.
    """
    if not reads_what_moved(state):
        return None
    earlier = state.get("reviewers", {}).get(agent)
    unread = earlier and earlier["status"] == "failed" and not earlier.get("whole")
    return None if unread else moved_of(state, context)


def merge_readings(earlier: ReviewerState, now: ReviewerState) -> ReviewerState:
    """Return the state of a reviewer after reading a move, merged with its earlier state."""
    both: ReviewerState = {
        **now,
        "findings": list(dict.fromkeys([*earlier["findings"], *now["findings"]])),
        "seconds": round(earlier["seconds"] + now["seconds"], 3),
    }
    # Unread parts of the earlier change are still unread.
    missed = earlier["reason"] if earlier["status"] == "done" else earlier.get("missed", "")
    prefix = ""
    if now["status"] == "failed":
        prefix = "read it before, but not what changed below it since: "
        both |= {"whole": True, "missed": missed}

    def joined(reason: str) -> str:
        return "; ".join(dict.fromkeys(filter(None, (f"{prefix}{reason}", missed))))

    both["reason"] = joined(now["reason"])
    if "unnamed" in now:
        both["unnamed"] = joined(now["unnamed"])
    return both


def reads_what_moved(state: LoopState) -> bool:
    """Return whether reviewers are to read what differs since their last reading.

    The change was rebased, or a user edited it.
    """
    looked_back = state.get("phase") in LOOKED_BACK and bool(state.get("moved"))
    return looked_back and bool(state.get("to_read"))


def base_of(state: LoopState) -> str:
    """Return the key of such a reading, unique in a run."""
    edited = state.get("phase") == EDIT
    return f"edit {state['edits']}" if edited else f"onto {state['onto'][:10]}"


def met_by(state: LoopState, context: RunContext) -> list[str]:
    """Return the files in which the new base and the change overlap, or the change differs."""
    moved = moved_of(state, context)
    return [*moved.tied, *moved.differs] if moved else []


def moved_text(state: LoopState, context: RunContext) -> str:
    """Return a sentence on the base of a rebased change, and whether it was read there.

    "" for one that was not rebased, or was stopped by a guard-rail there.
    """
    moved = moved_of(state, context)
    if moved is None or state["verdict"] not in {"ok", "checked"} or state.get("phase") == EDIT:
        return ""
    where = f"builds on {moved.onto[:10]} now"
    if not moved.to_read:
        return (
            f"{where}; nothing that it touches or uses has changed there, so it was not "
            "read again; the guard-rails ran there"
        )
    if state["verdict"] == "checked":  # a checkpoint whose checks are green on the new base
        return f"{where}; nothing of it is left there to be read; the guard-rails ran there"
    sentences = []
    if moved.tied:
        sentences.append(f"what changed below it in what it touches or uses ({_named(moved.tied)})")
    if moved.differs:
        sentences.append(f"what differs in it from what they had read ({_named(moved.differs)})")
    return (
        f"{where}; the guard-rails ran there, and reviewers were asked about "
        f"{' and '.join(sentences)}"
    )


def _named(paths: Sequence[str] | Connected) -> str:
    shown = ", ".join(list(paths)[:_NAMED])
    more = len(paths) - _NAMED
    return f"{shown} and {counted(more, 'more file')}" if more > 0 else shown
