"""`reviewloop trust`: allows the commands of a repository's settings, once per content."""

import sys
from collections.abc import Sequence

import click

from reviewloop.app.project import read_settings, repository, team_of
from reviewloop.app.review.analysis import Configuration, configurations
from reviewloop.app.servers import servers_here
from reviewloop.cli.consoles import confirm, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.hooks.reading import read_hooks
from reviewloop.render.untrusted import one_line
from reviewloop.settings import Loaded
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore


@click.command(cls=Command)
@click.option("--yes", is_flag=True, help="Agree without being asked.")
@click.option("--revoke", is_flag=True, help="Forget what was agreed to for this repository.")
def trust(yes: bool, revoke: bool) -> ExitCode:
    """Allow the repository's commands and linter settings.

    Hooks, MCP servers and commands of the repository's settings need it. A linter's configuration
    in the repository counts in a review once you agreed to it.

    The consent holds for exactly these commands and files; what changes is asked about again.
    """

    repo = repository()
    store = TrustStore(state_root())
    if revoke:
        count = store.revoke(repo.key)
        print_lines(f"forgot {count} consents for {repo.root}")
        return ExitCode.CLEAN
    loaded = read_settings(repo.root, project=repo.project)
    tools = configurations(repo.root)
    read = read_hooks(in_folder(DiskFiles(repo.root), repo.project))
    known = servers_here(repo, team_of(repo.root, repo.project).members)
    servers = {name: one for name, one in known.items() if not one.is_off}
    if not loaded.repository_commands and not tools and not read.hooks and not servers:
        print_lines(
            "the settings of this repository name no commands; there is nothing to agree to"
        )
        return ExitCode.CLEAN
    _show(loaded, tools)
    for hook in read.hooks:
        line = f"hook {hook.name} ({hook.source}, {hook.event}): {hook.does}"
        click.echo(one_line(line))
    for server in servers.values():
        print_lines(f"MCP server {server.name} ({server.source}): {server.does}")
    strange = [one for one in servers.values() if not store.is_trusted(repo.key, one.digest)]
    hooks = [one for one in read.hooks if not store.is_trusted(repo.key, one.digest)]
    new = [one for one in tools if not store.is_trusted(repo.key, one.digest)]
    if not new and not hooks and not strange and store.is_trusted(repo.key, loaded.commands_digest):
        print_lines("you have agreed to all of this already")
        return ExitCode.CLEAN
    if not yes and not _confirm():
        print_lines("nothing was agreed to; none of this will run")
        return ExitCode.SKIPPED
    if loaded.repository_commands:
        store.trust(repo.key, loaded.commands_digest, loaded.repository_commands)
    for hook in hooks:
        store.trust(repo.key, hook.digest, {f"hook {hook.name}": (hook.does,)})
    for server in strange:
        store.trust(repo.key, server.digest, {f"MCP server {server.name}": (server.does,)})
    for one in new:
        store.trust(repo.key, one.digest, {one.tool: (one.path,)})
    print_lines("agreed; `reviewloop trust --revoke` takes it back")
    return ExitCode.CLEAN


def _show(loaded: Loaded, tools: Sequence[Configuration]) -> None:
    import shlex

    for key, argv in loaded.repository_commands.items():
        origin = loaded.origins[key]
        click.echo(f"{key} ({origin}): {one_line(shlex.join(argv))}")
    for one in tools:
        click.echo(f"{one.tool} ({one_line(one.path)}): {one.meaning}")


def _confirm() -> bool:
    if not sys.stdin.isatty():
        raise UsageError("there is no terminal to ask on; look at all of it, then add --yes")
    return confirm("Allow this in this repository?", default=False)
