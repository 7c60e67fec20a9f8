"""The command line's group, and the one place that turns errors into a sentence and
an exit code.
"""

import difflib
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple, NoReturn

import click
from click.exceptions import NoArgsIsHelpError
from click.shell_completion import CompletionItem

from reviewloop import __version__
from reviewloop.cli.unexpected_errors import bug_report, expected_failure, without_secrets
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError


class Entry(NamedTuple):
    """A command that is imported on use: its module, and its line in the help."""

    name: str
    module: str  # in reviewloop.cli
    help: str

    def load(self) -> click.Command:
        """Import the module and return the command."""
        module = importlib.import_module(f"reviewloop.cli.{self.module}")
        command: click.Command = getattr(module, self.name)
        return command


GROUPS = {
    "Review": (
        Entry("review", "review", "Review any diff."),
        Entry("explain", "explain", "Explain a rule or a finding."),
        Entry("dismiss", "silencing", "Dismiss a finding for good."),
        Entry("baseline", "silencing", "Accept what is there today."),
        Entry("ask", "ask", "Ask about the repository; the answer quotes its files."),
        Entry("quiet", "quiet", "Stop reporting what people keep dismissing."),
        Entry("github", "github", "Review pull requests on GitHub."),
    ),
    "Specify": (
        Entry("spec", "spec", "Write a spec from an idea, check one, or trace its requirements."),
        Entry("change", "change", "Change the spec by a sentence, and all that has to follow."),
        Entry("tasks", "tasks", "List the tasks of a spec and what may start."),
        Entry("arch", "arch", "Keep an architecture: layers, locations, style."),
        Entry("steering", "steering", "Show and check the steering of this repository."),
    ),
    "Run": (
        Entry("run", "run", "Implement a task, have it reviewed, ask you."),
        Entry("batch", "batch", "Implement all open tasks of a spec."),
        Entry("resume", "resume", "Go on with a run that stopped on its way."),
        Entry("worker", "worker", "Work on what `batch --store` queued."),
        Entry("watch", "watch", "Fire hooks on your own edits."),
    ),
    "Decide": (
        Entry("approve", "answer", "Commit what a waiting run proposes."),
        Entry("modify", "answer", "Ask a waiting run to change something."),
        Entry("reject", "answer", "Skip what a waiting run proposes."),
        Entry("queue", "queue", "List, approve or reject what waits for you."),
        Entry("publish", "publish", "Push the commit of a run and open its pull request."),
        Entry("ship", "ship", "Build and deploy, after your yes."),
        Entry("undo", "upkeep", "Take back the commit of a run."),
        Entry("checkout", "upkeep", "Export the work of a run as the branch NAME."),
    ),
    "Look": (
        Entry("status", "status", "List the runs of this repository."),
        Entry("show", "status", "Show what a run proposes."),
        Entry("logs", "status", "Print what a run did."),
        Entry("audit", "audit", "Show who approved what, and on what grounds."),
        Entry("stats", "stats", "Show quality, time and money of all runs."),
    ),
    "Days": (
        Entry("handoff", "day", "Write what the next session has to know."),
        Entry("session", "day", "Begin a working day where the last one ended."),
        Entry("memory", "memory", "Say what every run is told."),
        Entry("skills", "skills", "Install, write and check skills for assistants."),
        Entry("mcp", "mcp", "Let an assistant use reviewloop, and see MCP servers."),
    ),
    "Set up": (
        Entry("demo", "demo", "Watch a whole run on a small project."),
        Entry("init", "init", "Write a commented settings file."),
        Entry("doctor", "doctor", "Check what a run needs here."),
        Entry("config", "config", "Show the settings in force."),
        Entry("agents", "agents", "Show the agents of this repository."),
        Entry("hooks", "hooks", "List and check the hooks of this repository."),
        Entry("trust", "trust", "Allow the repository's commands and linter settings."),
        Entry("clean", "upkeep", "Delete old finished runs and sessions."),
        Entry("completion", "completion", "Print a shell's completion script."),
    ),
}
"""Every command by its heading in the help, in order."""

COMMANDS = {entry.name: entry for entries in GROUPS.values() for entry in entries}

_GOES_ON = (
    "interrupted; nothing is lost: `reviewloop status` lists the runs, `reviewloop resume` goes on"
)
_ACT_INTERRUPTED = (
    "interrupted; what was posted or pushed stays; started again, it says nothing twice"
)


class Commands(click.Group):
    """All commands, each imported on use; an unknown name gets the nearest one as a hint."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands under the headings of `GROUPS`."""
        width = max(map(len, COMMANDS))
        for title, entries in GROUPS.items():
            with formatter.section(title):
                formatter.write_dl([(e.name.ljust(width), e.help) for e in entries])

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name; imports only its module."""
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = COMMANDS[cmd_name].load()
        return super().get_command(ctx, cmd_name)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """Return the names that complete a word, without importing a command."""
        named = [e for e in COMMANDS.values() if e.name.startswith(incomplete)]
        items = [CompletionItem(entry.name, help=entry.help) for entry in named]
        return [*items, *click.Command.shell_complete(self, ctx, incomplete)]

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the named command; raise `UsageError` with the nearest name otherwise."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else "`reviewloop --help` lists all commands"
            raise UsageError(f"there is no command {name!r}; {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; click would end these errors without a reason."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as error:
            raise InterruptedByUserError(_interrupted(ctx.invoked_subcommand)) from error
        except click.Abort as error:  # Ctrl-C at a question, whose line has not ended
            click.echo(err=True)
            raise InterruptedByUserError(_interrupted(ctx.invoked_subcommand)) from error
        except EOFError as error:
            raise UsageError("the input ended before the question was answered") from error
        except BrokenPipeError:  # the reader of our output closed it
            _close_output()
            return ExitCode.CLEAN


@click.group(
    cls=Commands,
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
        if hasattr(stream, "reconfigure"):  # a terminal that lacks a character must not end a run
            stream.reconfigure(errors="replace")
    code = run(arguments)
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
    sys.exit(int(code))


def run(arguments: Sequence[str] | None = None) -> ExitCode:
    """Run the command line and return its exit code; every failure is printed on stderr."""
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
        sentence = expected_failure(error)
        if sentence:
            return _fail(sentence, ExitCode.USAGE)
        return _fail(bug_report(error, arguments), ExitCode.BUG)


def _interrupted(command: str | None) -> str:
    """Return the message after Ctrl-C, with the command that continues if there is one."""
    if command == "github":
        return _ACT_INTERRUPTED
    from reviewloop.app.project import open_repository
    from reviewloop.app.run.answers import next_commands
    from reviewloop.store.runs import is_stopped

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
        return f"interrupted; nothing is lost: {next_commands(still[0])}"
    return "interrupted; nothing is lost: `reviewloop status` lists what waits for you"


def _usage(error: click.ClickException) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context else "reviewloop"
    message = error.format_message().strip().rstrip(".")
    return f"{message[:1].lower()}{message[1:]}; see `{command} --help`"


def _fail(sentence: str, code: ExitCode) -> ExitCode:
    from reviewloop.cli.consoles import echo
    from reviewloop.render.untrusted import one_line

    try:
        echo(f"reviewloop: {without_secrets(one_line(sentence))}", err=True)
    except BrokenPipeError:
        _close_output()
    return code


def _close_output() -> None:
    """Flush the streams, so that the interpreter does not report a closed one at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            os.dup2(nowhere, stream.fileno())
    os.close(nowhere)
