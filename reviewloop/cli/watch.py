"""`reviewloop watch`: fires the repository's hooks on your own edits, in the foreground."""

import difflib
from collections.abc import Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import click

from reviewloop.app.project import repository
from reviewloop.app.redactors import redactor_here
from reviewloop.app.watch import (
    Edit,
    Ended,
    Proposal,
    Watch,
    hooks_for_edits,
    quiet_moments,
    watching,
)
from reviewloop.cli.consoles import confirm, is_interactive, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import (
    ExitCode,
    InterruptedByUserError,
    ReviewLoopError,
    UsageError,
    WorkspaceError,
)
from reviewloop.installed import how_to_install
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe

_QUIET = 400  # milliseconds without a change
_SHOWN = 20
_NOT_LOOKED_AT = frozenset((".git", "node_modules", ".venv", "__pycache__"))
_WORDS = {"file.save": "saved", "file.create": "created", "file.delete": "deleted"}


@click.command(cls=Command)
@click.option("--files", "only_files", is_flag=True, help="List the files it would watch, and end.")
@click.option("--model", metavar="MODEL", help="The model that hooks with a prompt ask.")
def watch(only_files: bool, model: str | None) -> ExitCode:
    """Fire hooks on your own edits.

    In the foreground; Ctrl-C ends it. Trusted hooks of the last commit on file.save, file.create
    and file.delete run in the sandbox once your editor was quiet. What they write is shown, and
    written after your yes only. Writes of reviewloop and git fire nothing. Those with a prompt are
    paid, within the caps of one run.
    """
    from reviewloop.app.hook_session import has_model, hook_session

    user = repository(for_reading=False)
    choose = partial(hooks_for_edits, model=has_model(user, model))
    with watching(user, choose) as watched, ExitStack() as stack:
        files = watched.files()
        if only_files:
            for path in files:
                click.echo(one_line(path))
            return ExitCode.CLEAN
        events = _events(user.root)
        if in_session := [hook for hook in watched.chosen.hooks if hook.needs_run]:
            watched.in_session = stack.enter_context(hook_session(in_session, model=model)).run
        _report_begin(watched, files)
        try:
            for moment in quiet_moments(events, watched):
                if isinstance(moment, str):
                    print_lines(f"what changed cannot be told: {moment}")
                    continue
                for edit in moment:
                    _fire(edit, watched)
        except (KeyboardInterrupt, InterruptedByUserError):
            print_lines("no longer watching")
    return ExitCode.CLEAN


def _fire(edit: Edit, watched: Watch) -> None:
    try:
        for ended in watched.fire(edit):
            _report_end(ended, watched)
    except InterruptedByUserError:
        raise
    except ReviewLoopError as error:  # a cap, a model without an answer: watching continues
        print_lines(f"{one_line(edit.path)}: {error}")


def _events(root: Path) -> Iterator[list[str]]:
    """Yield the paths that changed, and nothing after each quiet interval."""
    try:
        from watchfiles import Change
        from watchfiles import watch as changes_of
    except ImportError:
        raise UsageError(f"watching needs watchfiles; {how_to_install('watch')}") from None

    def is_looked_at(_: Change, path: str) -> bool:
        return not _NOT_LOOKED_AT & set(Path(path).parts[len(root.parts) :])

    def batches() -> Iterator[list[str]]:
        looked = changes_of(
            root,
            watch_filter=is_looked_at,
            debounce=_QUIET,
            rust_timeout=_QUIET,
            yield_on_timeout=True,
        )
        try:
            for batch in looked:
                yield [path for _, path in batch]
        except (OSError, RuntimeError) as error:
            reason = " ".join(str(error).split())[:200]
            raise UsageError(
                f"{root} cannot be watched ({reason}); where that is a limit, raise "
                "fs.inotify.max_user_watches"
            ) from None

    return batches()


def _report_begin(watched: Watch, files: list[str]) -> None:
    hooks = watched.chosen.hooks
    print_lines(*(f"note: {note}" for note in watched.chosen.notes))
    print_lines(
        f"watching {counted(len(files), 'file')} for {counted(len(hooks), 'hook')}; Ctrl-C ends it"
    )
    print_lines(
        *(f"  {hook.name} ({hook.event}: {', '.join(hook.filters) or 'all'})" for hook in hooks)
    )
    print_lines(*(f"  {path}" for path in files[:_SHOWN]))
    if len(files) > _SHOWN:
        print_lines(f"  and {len(files) - _SHOWN} more; --files lists all")


def _report_end(ended: Ended, watched: Watch) -> None:
    code, show = ended.exit_code, redactor_here().for_people
    how = "could not run, or was too slow" if code is None else f"exit code {code}"
    how += f"; {ended.cost}" if ended.cost else ""
    print_lines(f"{ended.edit.path} {_WORDS[ended.edit.event]}: hook {ended.hook.name}: {how}")
    if ended.output and code != 0:
        click.echo(safe(show(ended.output)), err=True)
    if not ended.proposal.files:
        return
    click.echo(safe(show(_diff(ended.proposal))), err=True)
    if not is_interactive():
        print_lines("not written: nobody can be asked here")
        return
    if not confirm(f"write what {one_line(ended.hook.name)} proposes?"):
        print_lines("not written")
        return
    try:
        watched.write(ended.proposal)
    except (WorkspaceError, OSError) as error:
        print_lines(f"not written: {error}")


def _diff(proposal: Proposal) -> str:
    parts: list[str] = []
    for path, (old, new) in proposal.files.items():
        if b"\0" in (old or b"") + (new or b""):
            parts.append(f"{path}: a binary file")
            continue
        texts = [(data or b"").decode("utf-8", "replace").splitlines() for data in (old, new)]
        names = ("/dev/null" if old is None else path, "/dev/null" if new is None else path)
        parts += difflib.unified_diff(texts[0], texts[1], names[0], names[1], lineterm="")
    return "\n".join(parts)
