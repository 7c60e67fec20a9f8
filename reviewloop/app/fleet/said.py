"""What is to be said of a run that asks: the latest word on it, not all that ever was."""

from collections.abc import Collection

from reviewloop.store.runs import CONFLICT, RunRecord

NO_MERGE = "does not merge: "
"""How the note on a run begins that changed the same lines as what is below it now."""

_NEXT = "; next: "


def latest(run: RunRecord, note: str, told: str, over: Collection[str]) -> str:
    """Return why a run stands where it does, by the `note` on its latest answer, "" for none.

    `told` is what a worker told of it; `over` are runs: what names one of these holds no more.
    """
    if not note or note == run.reason or any(other in note for other in over):
        return told
    if run.reason or note.startswith(NO_MERGE):  # which an earlier answer came to
        return note
    return "; ".join(dict.fromkeys(filter(None, (note, told))))


def with_next(said: str) -> tuple[str, str]:
    """Return what is said of a run, and apart from it what can be done next, "" for not said."""
    why, _, following = said.partition(_NEXT) if NO_MERGE in said else (said, "", "")
    return why, following


def conflict_of(run: RunRecord, note: str) -> tuple[str, str]:
    """Return why a run is known not to merge, and the command that helps; "" where it may."""
    proposal, _, why = run.options.get(CONFLICT, ("", "", ""))
    if not why or proposal != run.proposal:
        return "", ""
    said = note if note.startswith(NO_MERGE) else f"{NO_MERGE}{why}{_NEXT}`reviewloop batch`"
    why, following = with_next(said)
    return why, following.split("`")[1]
