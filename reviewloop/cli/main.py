"""The command line's group and the one place where errors become a sentence and an exit code."""

import difflib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click

from reviewloop import __version__
from reviewloop.cli.agents import agents
from reviewloop.cli.answer import approve, modify, reject
from reviewloop.cli.batch import batch
from reviewloop.cli.completion import completion
from reviewloop.cli.config import config
from reviewloop.cli.demo import demo
from reviewloop.cli.doctor import doctor
from reviewloop.cli.explain import explain
from reviewloop.cli.github import github
from reviewloop.cli.init import init
from reviewloop.cli.publish import publish
from reviewloop.cli.queue import queue
from reviewloop.cli.resume import resume
from reviewloop.cli.review import review
from reviewloop.cli.run import run as run_task
from reviewloop.cli.silencing import baseline, dismiss
from reviewloop.cli.stats import stats
from reviewloop.cli.status import logs, show, status
from reviewloop.cli.tasks import tasks
from reviewloop.cli.trouble import bug_report, expected, without_secrets
from reviewloop.cli.trust import trust
from reviewloop.cli.upkeep import checkout, clean, undo
from reviewloop.cli.worker import worker
from reviewloop.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError

COMMANDS: tuple[click.Command, ...] = (
    demo,
    init,
    doctor,
    review,
    explain,
    dismiss,
    baseline,
    github,
    tasks,
    run_task,
    batch,
    worker,
    queue,
    status,
    show,
    logs,
    stats,
    approve,
    modify,
    reject,
    resume,
    publish,
    undo,
    checkout,
    clean,
    config,
    agents,
    trust,
    completion,
)
"""Every command, in the order the help shows them."""

_INTERRUPTED = (
    "interrupted; nothing is lost: `reviewloop status` lists the runs, `reviewloop resume` goes on"
)
_ACT_INTERRUPTED = (
    "interrupted; what was posted or pushed stays; started again, it says nothing twice"
)


class Commands(click.Group):
    """A group that keeps its order in the help and guesses what a mistyped command meant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of `COMMANDS`."""
        return list(self.commands)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command; raise `UsageError` with the nearest name otherwise."""
        name = args[0]
        if name not in self.commands and not name.startswith("-"):
            near = difflib.get_close_matches(name, self.commands, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else "`reviewloop --help` lists all commands"
            raise UsageError(f"there is no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would end these without a reason."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedByUserError(_interrupted(ctx.invoked_subcommand)) from error
        except EOFError as error:
            raise UsageError("the input ended before the question was answered") from error
        except BrokenPipeError:  # whoever read our output has seen enough
            _close_output()
            return ExitCode.CLEAN


@click.group(
    cls=Commands,
    commands=list(COMMANDS),
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="reviewloop", message="%(prog)s %(version)s")
@click.pass_context
def cli(context: click.Context) -> None:
    """Implement a spec task, guard it, have it reviewed in parallel, fix it, and ask you.

    Start with `reviewloop init` in a repository, then `reviewloop doctor`.
    """
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command line and end the process with its exit code."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):  # a terminal that cannot show a sign must not end a run
            stream.reconfigure(errors="replace")
    code = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    sys.exit(int(code))


def run(arguments: Sequence[str] | None = None) -> ExitCode:
    """Run the command line and return its exit code; every failure is said on stderr."""
    try:
        if sys.platform == "win32":
            raise UsageError("Windows itself is not supported yet; use it inside WSL")
        result = cli.main(arguments, prog_name="reviewloop", standalone_mode=False)
        return ExitCode(result or 0)
    except ReviewLoopError as error:
        return _fail(str(error), error.exit_code)
    except click.ClickException as error:
        return _fail(_usage(error), ExitCode.USAGE)
    except (click.Abort, KeyboardInterrupt):
        given = sys.argv[1:] if arguments is None else arguments
        return _fail(_interrupted(next(iter(given), None)), ExitCode.INTERRUPTED)
    except Exception as error:  # noqa: BLE001  # the one error boundary: see the docstring
        sentence = expected(error)
        if sentence:
            return _fail(sentence, ExitCode.USAGE)
        return _fail(bug_report(error, arguments), ExitCode.BUG)


def _interrupted(command: str | None) -> str:
    """Return what to say after Ctrl-C; on GitHub nothing goes on that was interrupted."""
    return _ACT_INTERRUPTED if command == "github" else _INTERRUPTED


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "reviewloop"
    said = error.format_message().strip().rstrip(".")
    return f"{said[:1].lower()}{said[1:]}; see `{command} --help`"


def _fail(sentence: str, code: ExitCode) -> ExitCode:
    from reviewloop.output.untrusted import one_line

    try:
        click.echo(f"reviewloop: {without_secrets(one_line(sentence))}", err=True)
    except BrokenPipeError:
        _close_output()
    return code


def _close_output() -> None:
    """Let the interpreter flush its streams at exit without a second complaint."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
