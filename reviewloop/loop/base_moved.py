"""What came below a change since it was read, and whether anybody has to look at the two of them.

A change that was brought onto another commit was read on the old one. What counts is what it
touches or uses of what changed below it, and how it differs from itself since then; where neither
is the case nothing is paid, and the proposal says so.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from reviewloop.git.diff import Change
from reviewloop.git.interdiff import interdiff
from reviewloop.loop.context import RunContext
from reviewloop.loop.state import LoopState, ReviewerState
from reviewloop.render.text import counted
from reviewloop.review.related import Connected, connected

PHASE = "rebase"
EDIT = "edit"
"""The phase in which a user's own edit of the change is judged, see `steps.edited`."""
LOOKED_BACK = (PHASE, EDIT)
_NAMED = 3


@dataclass(frozen=True)
class Moved:
    """A change on its new commit, beside how it was when it was read last; plain values."""

    onto: str  # the commit it stands on now
    since: str  # tree of the commit that it stood on when it was read
    was: str  # tree of the change then
    tied: Connected  # files that changed below and that it touches or uses -> its own files
    others: tuple[str, ...]  # files that changed below and have nothing to do with it
    differs: tuple[str, ...]  # files of the change in which it is not what was read

    @property
    def to_read(self) -> int:
        """How many files reviewers have to look at; 0: what was read still holds."""
        return len(self.tied) + len(self.differs)

    def below(self, context: RunContext) -> Change:
        """Return all that came below the change since it was read, as models may read it."""
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
    """Return the trees (`base`, `tree`) of the change as all its reviewers read it last.

    A change that was moved without anybody reading it since is as read as it was before that; so
    is one of whose reviewers one failed then.
    """
    moved = moved_of(state, context)
    if moved and any(one.get("whole") for one in state.get("reviewers", {}).values()):
        return {"base": moved.since, "tree": moved.was}
    return state.get("read_on") or {"base": state["base"], "tree": state["tree"]}


def compare(read: Mapping[str, str], tree: str, onto: str, context: RunContext) -> Moved:
    """Return what moved: `read` is what `last_read` said, `tree` is the change on `onto`.

    The context must follow the new commit already.
    """
    now = context.shown_change(context.base_tree, tree)
    below = context.shown_change(read["base"], context.base_tree)
    before = partial(context.read_text, below.old)
    tied = connected(now, below, before, partial(context.read_text, now.new))
    return Moved(
        onto=onto,
        since=read["base"],
        was=read["tree"],
        tied=tied,
        others=tuple(path for path in below.paths if path not in tied),
        differs=tuple(interdiff(context.shown_change(read["base"], read["tree"]), now)),
    )


def moved_of(state: LoopState, context: RunContext) -> Moved | None:
    """Return what a change was moved by, None when it was not (or was done anew since)."""
    ref = state.get("moved", "")
    return Moved.from_plain(context.blobs.get_json(ref)) if ref else None


def to_read_by(agent: str, state: LoopState, context: RunContext) -> Moved | None:
    """Return what this reviewer has to look at, None when it has to read the whole change.

    It is the latter for everybody in a first review, and after a move for those that failed in it:
    they have not read what the others only look back at.
    """
    if not reads_what_moved(state):
        return None
    earlier = state.get("reviewers", {}).get(agent)
    unread = earlier and earlier["status"] == "failed" and not earlier.get("whole")
    return None if unread else moved_of(state, context)


def added_to(earlier: ReviewerState, now: ReviewerState) -> ReviewerState:
    """Return what a reviewer read of a change in all, after it looked at what moved it."""
    both: ReviewerState = {
        **now,
        "findings": list(dict.fromkeys([*earlier["findings"], *now["findings"]])),
        "seconds": round(earlier["seconds"] + now["seconds"], 3),
    }
    # What it did not read of the change before is still true.
    missed = earlier["reason"] if earlier["status"] == "done" else earlier.get("missed", "")
    reason = now["reason"]
    if now["status"] == "failed":
        reason = f"read it before, but not what changed below it since: {reason}"
        both |= {"whole": True, "missed": missed}
    both["reason"] = "; ".join(dict.fromkeys(filter(None, (reason, missed))))
    return both


def reads_what_moved(state: LoopState) -> bool:
    """Return whether reviewers are to look at what differs in a change since they read it.

    It was brought onto another commit, or a user edited it.
    """
    looked_back = state.get("phase") in LOOKED_BACK and bool(state.get("moved"))
    return looked_back and bool(state.get("to_read"))


def base_of(state: LoopState) -> str:
    """Return what tells one such look from all others of a run."""
    edited = state.get("phase") == EDIT
    return f"edit {state['edits']}" if edited else f"onto {state['onto'][:10]}"


def met_by(state: LoopState, context: RunContext) -> list[str]:
    """Return the files in which what came below a moved change meets it, or it differs by that."""
    moved = moved_of(state, context)
    return [*moved.tied, *moved.differs] if moved else []


def moved_text(state: LoopState, context: RunContext) -> str:
    """Return in one sentence where a moved change stands now, and whether it was read there.

    "" for one that was not moved, or whose guard-rails stopped it there.
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
    if state["verdict"] == "checked":  # a checkpoint of which all was done below
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
