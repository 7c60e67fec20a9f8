"""A run that goes on with another model than it asked before: a wrong one can be replaced."""

from contextlib import closing
from pathlib import Path

from reviewloop.runs.soundness import JOURNAL
from reviewloop.settings import Settings
from reviewloop.store.journal import Journal
from reviewloop.store.runs import RunRecord

EARLIER_MODELS = "earlier_models"
"""Which models a run asked before; a step that was cut off finds their replies under their name."""


def asks_others(record: RunRecord, settings: Settings, folder: Path) -> str:
    """Note in a run's record that it asks other models from here on; return that in words.

    "" when it goes on with those that it has.
    """
    before, now = record.settings["models"], settings.models
    names = [
        (before[kind], getattr(now, kind))
        for kind in ("reasoning", "generation")
        if before[kind] != getattr(now, kind)
    ]
    if not names:
        return ""
    with closing(Journal(folder / JOURNAL)) as journal:
        asked = {str(call.request["model"]) for call in journal.calls("model")}
    record.options[EARLIER_MODELS] = sorted(asked)
    said = dict.fromkeys(f"asks {new} instead of {old} from here on" for old, new in names)
    kept = "; what was answered is not asked again" if asked else ""
    return f"{' and '.join(said)}{kept}"
