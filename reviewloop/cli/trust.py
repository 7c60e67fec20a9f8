"""`reviewloop trust`: agree, once per content, to the commands a repository's settings name."""

import sys
from typing import TYPE_CHECKING

import click

from reviewloop.cli.help import Command
from reviewloop.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from reviewloop.settings import Loaded


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@click.option("--revoke", is_flag=True, help="Forget what was agreed to for this repository.")
def trust(yes: bool, revoke: bool) -> ExitCode:
    """Agree to the commands that the settings name.

    Only commands of the repository's own settings file need it.

    The consent holds for exactly these commands; when the file changes them, you are asked again.
    """
    from reviewloop.cli.consoles import say
    from reviewloop.runs.project import read_settings, repository
    from reviewloop.store.places import state_root
    from reviewloop.store.trust import TrustStore

    repo = repository()
    store = TrustStore(state_root())
    if revoke:
        count = store.revoke(repo.key)
        say(f"forgot {count} consents for {repo.root}")
        return ExitCode.CLEAN
    loaded = read_settings(repo.root, project=repo.project)
    if not loaded.repository_commands:
        say("the settings of this repository name no commands; there is nothing to agree to")
        return ExitCode.CLEAN
    _show(loaded)
    if store.is_trusted(repo.key, loaded.commands_digest):
        say("you have agreed to these commands already")
        return ExitCode.CLEAN
    if not yes and not _asked():
        say("nothing was agreed to; these commands will not run")
        return ExitCode.SKIPPED
    store.trust(repo.key, loaded.commands_digest, loaded.repository_commands)
    say("agreed; `reviewloop trust --revoke` takes it back")
    return ExitCode.CLEAN


def _show(loaded: "Loaded") -> None:
    import shlex

    from reviewloop.output.untrusted import one_line

    for key, argv in loaded.repository_commands.items():
        origin = loaded.origins[key]
        click.echo(f"{key} ({origin}): {one_line(shlex.join(argv))}")


def _asked() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on; look at the commands, then add --yes")
    return click.confirm("Run these commands in this repository?", default=False, err=True)
