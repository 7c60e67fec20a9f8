"""Opens the door to the models for a run or a review: what is counted, hidden and kept."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from reviewloop.models.budget import Budget
from reviewloop.models.door import Models
from reviewloop.reviewing.fences import Fence
from reviewloop.secrets.masking import Masking, canonical
from reviewloop.settings import Settings
from reviewloop.store.events import Events
from reviewloop.store.journal import Journal
from reviewloop.store.rates import Rates
from reviewloop.store.space import require_room


def models_of(
    settings: Settings,
    journal: Journal,
    budget: Budget,
    fence: Fence,
    events: Events,
    masking: Masking,
    folder: Path,
    rates: Rates | None = None,
    earlier: Sequence[str] = (),
) -> Models:
    """Return the models; `folder` is on the disk that must have room before a call is paid.

    `rates` are the limits that runs share, by default those of this machine; `earlier` are models
    that the run asked before it went on with others.
    """
    return Models(
        settings,
        journal,
        budget=budget,
        canonical=lambda text: canonical(fence.canonical(text)),
        mask=masking.held,
        keep=masking.for_models,
        names_in=masking.names_in,
        on_event=events.tell,
        require_room=partial(require_room, folder),
        rates=rates,
        earlier=earlier,
    )
