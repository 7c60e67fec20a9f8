"""The model part of `init`: what was found, what each costs, and which one is wanted."""

from dataclasses import dataclass

from reviewloop.agents import Team
from reviewloop.app.run.estimate import estimate_run
from reviewloop.cli.consoles import say
from reviewloop.domain.errors import UsageError
from reviewloop.loop.context import Brief
from reviewloop.models.found import Found, found_here, found_locally
from reviewloop.models.prices import estimate
from reviewloop.models.routing import require_provider
from reviewloop.models.settling import nothing_found
from reviewloop.settings import Settings

_MILLION = 1_000_000


@dataclass(frozen=True)
class Chosen:
    """What was chosen: the model that goes into the file, "" for none, and what to say."""

    written: str
    sentences: tuple[str, ...]


def chosen_model(settings: Settings, team: Team, *, ask: bool) -> Chosen:
    """Return the model for this repository; a person is asked, else what was found is taken."""
    import os

    models = settings.models
    found = [*found_here(models, os.environ), *found_locally(models, os.environ)]
    if not found:
        return Chosen("", (f"models: {nothing_found(models, os.environ)}",))
    if not ask:
        others = "; `--model` or models.reasoning chooses another" if len(found) > 1 else ""
        return Chosen("", (f"models: {_row(found[0], settings, team)}{others}",))
    import click

    say("models: which one should runs ask?")
    for number, one in enumerate(found, 1):
        say(f"{number} {_row(one, settings, team)}")
    while True:
        said = click.prompt("A number, or provider:model", default="1", err=True).strip()
        if said.isdecimal() and 0 < int(said) <= len(found):
            wanted = found[int(said) - 1].model
            break
        try:
            require_provider(said)
        except UsageError as error:
            say(str(error))
            continue
        wanted = said
        break
    if wanted == found[0].model:
        taken = f"models: runs take {wanted}, found by {found[0].by}; nothing is written for it"
        return Chosen("", (f"{taken}, so everybody uses what they have",))
    free = "`reviewloop review` asks it, too; --model none does not"
    return Chosen(wanted, (f"models: {wanted} is written as models.reasoning; {free}",))


def _row(found: Found, settings: Settings, team: Team) -> str:
    return f"{found.model} ({found.by}): {price_words(found.model, settings, team)}"


def price_words(model: str, settings: Settings, team: Team) -> str:
    """Return what a model costs per million tokens, and what a usual run does."""

    part = 10_000  # tokens; a million at once would have the price of very long requests
    fresh = estimate(model, input_tokens=part, output_tokens=0)
    output = estimate(model, input_tokens=0, output_tokens=part)
    if fresh is None or output is None:
        return "its price is not known"
    if not fresh and not output:
        return "free, it runs on your machine"
    scale = _MILLION / part
    update = {"reasoning": model}
    with_it = settings.model_copy(update={"models": settings.models.model_copy(update=update)})
    usual = estimate_run(Brief(title="", task="", briefing=""), team, with_it).usual_usd
    run = f"; a run costs about ${usual:.2f}" if usual else ""
    return f"${fresh * scale:.2f} in, ${output * scale:.2f} out per million tokens{run}"
