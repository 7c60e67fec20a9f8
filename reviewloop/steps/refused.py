"""Edits that agents tried and were refused: a person reads of them with the change."""

from reviewloop.output.untrusted import one_line
from reviewloop.store.journal import Journal

_MOST = 10
_LONGEST = 200


def refused_edits(journal: Journal) -> list[str]:
    """Return one sentence for each refused edit of a run, at most ten and how many more."""
    told = dict.fromkeys(
        f"{call.key.agent} tried an edit that was refused: "
        f"{one_line(str(call.reply['refused']))[:_LONGEST]}"
        for call in journal.calls("tool")
        if call.reply.get("refused")
    )
    shown = list(told)[:_MOST]
    return shown + ([f"and {len(told) - _MOST} more refused edits"] if len(told) > _MOST else [])
