"""The command line's group and the one place where errors become a sentence and an exit code."""

import difflib
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from click.exceptions import NoArgsIsHelpError

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
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError

GROUPS: dict[str, tuple[click.Command, ...]] = {
    "Review": (review, explain, dismiss, baseline, github),
    "Run": (tasks, run_task, batch, resume, worker),
    "Decide": (approve, modify, reject, queue, publish, undo, checkout),
    "Look": (status, show, logs, stats),
    "Set up": (demo, init, doctor, config, agents, trust, clean, completion),
}
"""Every command under the heading of the help where it stands, in its order."""

COMMANDS = tuple(command for commands in GROUPS.values() for command in commands)

_GOES_ON = (
    "interrupted; nothing is lost: `reviewloop status` lists the runs, `reviewloop resume` goes on"
)
_ACT_INTERRUPTED = (
    "interrupted; what was posted or pushed stays; started again, it says nothing twice"
)


class Commands(click.Group):
    """All commands: by headings in the help; a mistyped one is told the nearest name."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under the headings of `GROUPS`."""
        width = max(len(command.name or "") for command in COMMANDS)
        for title, commands in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [((c.name or "").ljust(width), c.get_short_help_str(70)) for c in commands]
                )

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
        except click.Abort as error:  # Ctrl-C at a question, whose line has not ended
            click.echo(err=True)
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
    """Review any change, or have a task implemented, reviewed and fixed before you approve it.

    New here? `reviewloop demo` shows both without a model. In a repository: `reviewloop review`,
    or `reviewloop init` and `reviewloop run`.
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
    except NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return ExitCode.USAGE
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
    """Return what to say after Ctrl-C: how to go on is only said where something can go on."""
    if command == "github":
        return _ACT_INTERRUPTED
    from reviewloop.app.project import open_repository
    from reviewloop.app.run.answers import is_stopped, ways_on

    try:
        runs = open_repository(for_reading=True).runs.all()
    except (ReviewLoopError, OSError):
        return _GOES_ON
    still = [run for run in runs if not run.status.over]
    if not still:
        return "interrupted; nothing was begun"
    if any(map(is_stopped, still)):
        return _GOES_ON
    if len(still) == 1:
        return f"interrupted; nothing is lost: {ways_on(still[0])}"
    return "interrupted; nothing is lost: `reviewloop status` lists what waits for you"


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "reviewloop"
    said = error.format_message().strip().rstrip(".")
    return f"{said[:1].lower()}{said[1:]}; see `{command} --help`"


def _fail(sentence: str, code: ExitCode) -> ExitCode:
    from reviewloop.cli.consoles import echo
    from reviewloop.render.untrusted import one_line

    try:
        echo(f"reviewloop: {without_secrets(one_line(sentence))}", err=True)
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
