"""The second question of an approval: whether to commit with must-fix findings left."""

import click


def is_sure(run_id: str, red: int, *, agreed: bool, ask: bool) -> bool | None:
    """Return whether a run is to be committed with `red` must-fix findings left.

    `agreed`: the person said so already. None where nobody can be asked.
    """
    from reviewloop.cli.conversation import somebody_is_there

    if not red or agreed:
        return True
    if not (ask and somebody_is_there()):
        return None
    return click.confirm(f"commit {run_id} with {red} must fix left?", default=False, err=True)


def needs_word(run_id: str, red: int) -> str:
    """Return the sentence about a run that is committed only with a word that nobody said."""
    return (
        f"run {run_id} has {red} must fix left (`reviewloop show {run_id}`), so nothing was "
        f"committed; `reviewloop approve {run_id} --with-must-fix` commits it all the same"
    )
