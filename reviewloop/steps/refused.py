"""Edits that agents tried and were refused: a person reads of them with the change."""

import re

from reviewloop.output.untrusted import one_line
from reviewloop.store.journal import CallRecord, Journal

_MOST = 10
_MOST_NAMED = 3  # in the one sentence that says why a change is empty
_LONGEST = 200
_SETTING = re.compile(r"\(guard\.\w+\)")  # as `tools.policy` names it


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


def why_nothing(journal: Journal, cycle: int) -> str:
    """Return why the implementer changed nothing in a cycle: perhaps it was not allowed to."""
    calls = [call for call in journal.calls("tool") if call.key.cycle == cycle]
    files = list(dict.fromkeys(_refused(call) for call in calls if call.reply.get("refused")))
    if not files:
        return "the implementer changed nothing"
    took_effect = any(call.reply.get("tree") != call.request.get("tree") for call in calls)
    said = "edits were refused" if took_effect else "all its edits were refused"
    more = len(files) - _MOST_NAMED
    return f"{said}: {', '.join(files[:_MOST_NAMED])}" + (f" and {more} more" if more > 0 else "")


def _refused(call: CallRecord) -> str:
    """Return the file of a refused edit and the setting that refused it, else the reason."""
    reason, path = str(call.reply["refused"]), call.request["args"].get("path")
    setting = _SETTING.search(reason)
    words = f"{path} {setting[0]}" if path and setting else reason.partition(";")[0]
    return one_line(words)[:_LONGEST]
