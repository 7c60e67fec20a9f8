"""`reviewloop hooks init`: writes a shipped hook into the project, after showing it."""

import difflib

import click

from reviewloop.app.project import repository
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.cli.consoles import confirm, is_interactive, print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.git.repository import UserRepo, path_in_repository
from reviewloop.hooks.reading import read_hooks
from reviewloop.hooks.shipped_hooks import ShippedHook, shipped_hooks
from reviewloop.render.untrusted import one_line, safe
from reviewloop.specs.files import DiskFiles, in_folder


@click.command(cls=Command)
@click.argument("name", required=False, default="", metavar="[BUILTIN]")
@click.option("--yes", is_flag=True, help="Write it without being asked.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def init_hook(name: str, yes: bool, as_json: bool) -> ExitCode:
    """Write a hook that comes with us into `.reviewloop/hooks`.

    Without a name, list them. It is shown before it is written; what is there stays as it is.
    """
    if not name:
        return _list(as_json)
    hook = _named(name)
    repo = repository()
    path = path_in_repository(repo.project, hook.path)
    state = _state(repo, hook, path)
    if not as_json:
        click.echo(f"=== {one_line(path)}\n{safe(hook.text)}", nl=False)
    if state == "new" and (yes or (is_interactive() and confirm("Write this file?"))):
        Disk(repo.root).write(path, Content(Kind.FILE, hook.text.encode()), ".reviewloop-hook.new")
        state = "written"
    if as_json:
        facts = [{"name": hook.name, "summary": hook.summary}]
        print_json("hooks-init", {"hooks": facts, "path": path, "text": hook.text, "state": state})
    else:
        print_lines(_SENTENCES[state].format(path=one_line(path)))
    if state == "new":
        return ExitCode.SKIPPED if is_interactive() else ExitCode.WAITING
    return ExitCode.CLEAN


_SENTENCES = {
    "new": "{path} was not written; --yes writes it",
    "written": "wrote {path}; commit it, then `reviewloop trust`, and runs fire it",
    "same": "{path} is there already; nothing changed",
    "edited": "{path} is there with edits of yours; it stays as it is",
}


def _list(as_json: bool) -> ExitCode:
    hooks = shipped_hooks()
    if as_json:
        facts = [{"name": hook.name, "summary": hook.summary} for hook in hooks]
        print_json("hooks-init", {"hooks": facts, "path": "", "text": "", "state": ""})
        return ExitCode.CLEAN
    for hook in hooks:
        click.echo(f"{hook.name:<18} {hook.summary}")
    print_lines("none is in force; `reviewloop hooks init NAME` writes one into the project")
    return ExitCode.CLEAN


def _named(name: str) -> ShippedHook:
    known = {hook.name: hook for hook in shipped_hooks()}
    if name in known:
        return known[name]
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    more = f"did you mean {near[0]}?" if near else f"there are: {', '.join(known)}"
    raise UsageError(f"no hook called {one_line(name)} comes with reviewloop; {more}")


def _state(repo: UserRepo, hook: ShippedHook, path: str) -> str:
    """Return whether the file is new, the same or edited; raise where it cannot be written."""
    there = Disk(repo.root).read(path)
    if there.kind is Kind.FILE:
        return "same" if there.data == hook.text.encode() else "edited"
    if there.blocker or there.kind is not Kind.ABSENT:
        in_way = there.blocker or path
        raise UsageError(f"{one_line(path)} cannot be written: {one_line(in_way)} is in its way")
    read = read_hooks(in_folder(DiskFiles(repo.root), repo.project))
    if other := next((one for one in read.hooks if one.name == hook.name), None):
        raise UsageError(
            f"{one_line(other.source)} has a hook called {hook.name} already; nothing was written"
        )
    return "new"
