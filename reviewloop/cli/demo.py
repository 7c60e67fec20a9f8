"""`reviewloop demo`: the whole loop, or a review, on a small project with prepared replies."""

import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import chdir
from pathlib import Path
from shlex import quote
from typing import Any, Protocol

import click

from reviewloop.cli.consoles import is_interactive
from reviewloop.cli.conversation import move
from reviewloop.cli.day import handoff, resume
from reviewloop.cli.help import Command
from reviewloop.cli.review import review
from reviewloop.cli.upkeep import undo
from reviewloop.demo.project import (
    IDEA,
    IDEA_MODEL,
    IDEA_NAME,
    PLANTED_NAME,
    Begun,
    DemoProject,
    begin_run,
    commit_all,
    idea_project,
    isolated_settings,
    make_idea_project,
    make_planted,
    make_project,
)
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, ReviewLoopError, UsageError
from reviewloop.render.terminal.approval import UserAnswer
from reviewloop.store.runs import RunRecord

_REVIEW_INTRODUCTION = """\
A small repository with a change as a coding agent might have written it, on the branch
weekly-report: Python, TypeScript, shell, Docker, CloudFormation, Terraform, a GitHub workflow.
We planted problems in it. No model is asked, nothing is sent anywhere and nothing is paid.

$ reviewloop review
"""
_ENDS = {
    ExitCode.CLEAN: "nothing fails it",
    ExitCode.FINDINGS: "something must be fixed",
    ExitCode.INCOMPLETE: "a part of it failed",
}
_KEPT = "The repository is kept: cd {}\n\nTry more in it, and then in a repository of your own:\n"
_DELETED = """\
The repository is deleted; --keep keeps it, and `reviewloop demo --review DIR` makes it in DIR.

Go on in a repository of your own:
"""
_REVIEW_NEXT = """\
  reviewloop review                                 all that is not yet on the base branch
  reviewloop review --format html -o review.html    a page with the diff and its findings
  reviewloop explain sh/removes-root                why it is said, how to fix or silence it
  reviewloop review --model PROVIDER:MODEL          have a model judge and look further
"""


def demo_review(directory: str, *, keep: bool) -> ExitCode:
    """Create the planted repository, in `directory` if one is named, and review it as a user would.

    A named directory is always kept. Returns 0 whatever the review found, and 5 when a part of it
    failed: this shows whether the installation works.
    """
    named = _new_folder(directory)
    folder = Path(tempfile.mkdtemp(prefix="reviewloop-demo-")).resolve()
    kept = False
    try:
        code, root = _reviewed(folder, named)
        kept = keep and named is None
        _print_review_end(code, root, kept=keep or named is not None)
    except (KeyboardInterrupt, InterruptedByUserError) as error:
        if isinstance(error, KeyboardInterrupt):
            click.echo(err=True)  # the terminal shows ^C in the line of the progress
        left = f"{named} is left as it is" if named else "its folder is deleted"
        raise InterruptedByUserError(f"the demo was stopped; {left}") from error
    finally:
        if kept:
            _remove(folder / "home", folder / "state")
        else:
            _remove(folder)
    return code if code is ExitCode.INCOMPLETE else ExitCode.CLEAN


def _new_folder(directory: str) -> Path | None:
    if not directory:
        return None
    folder = Path(directory).absolute()
    if folder.is_dir() and not any(folder.iterdir()):
        return folder
    if folder.exists() or folder.is_symlink():
        raise UsageError(f"{directory} is in use; name a folder that is new or empty")
    return folder


def _reviewed(folder: Path, named: Path | None) -> tuple[ExitCode, Path]:

    root = named or folder / PLANTED_NAME
    with isolated_settings(folder):
        make_planted(root)
        click.echo(_REVIEW_INTRODUCTION, err=True)
        with chdir(root), review.make_context("reviewloop review", []) as context:
            code = review.invoke(context)
    return ExitCode(code), root


def _print_review_end(code: ExitCode, root: Path, *, kept: bool) -> None:
    reason = _ENDS.get(code, "it could not end")
    click.echo(f"\nThe exit code of this review would be {int(code)}: {reason}.")
    click.echo(_KEPT.format(quote(str(root))) if kept else _DELETED, nl=False)
    click.echo(_REVIEW_NEXT, nl=False)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)


_INTRODUCTION = """\
The whole loop on a small project: one task of its spec, from code to commit.

The model's replies are recorded, not live: we wrote them, mistakes included. Nothing is sent
anywhere and nothing is paid. All the rest is real: git, guard-rails, tests, coverage, approval.
"""
_IDEA_INTRODUCTION = """\
From a sentence to a commit on a small project: a spec, phase by phase, then its first task.

The model's replies are recorded, not live: we wrote them. Nothing is sent anywhere and nothing is
paid. All the rest is real: git, gates, tests, coverage, approval.
"""
_NIGHT = """
At night: the task is taken back, a branch gets a commit, and a file is left half done.
"""
_SPEC_SUBJECT = "Write down what overdue tools need"
_NO_MODIFY = """\
You will be asked at the end. Only "modify" cannot do much here: the replies were written
beforehand.
"""
_NEXT = """\
What next, in a repository of your own:
  reviewloop review    review the diff that you have right now
  reviewloop init      write a settings file in which every setting is explained
  reviewloop doctor    check git, models, agents and tests; nothing is paid
  reviewloop run       do the next task of your spec
"""


@click.command(cls=Command)
@click.argument("directory", required=False, default="", metavar="[DIR]")
@click.option("--review", is_flag=True, help="Review a change with planted problems instead.")
@click.option("--spec", is_flag=True, help="Begin with a sentence: write the spec, then run.")
@click.option("--day", is_flag=True, help="As --spec, then hand over, and begin the next morning.")
@click.option("--yes", is_flag=True, help="Approve by itself instead of asking you.")
@click.option("--keep", is_flag=True, help="Keep the demo's folder and say where it is.")
def demo(directory: str, review: bool, spec: bool, day: bool, yes: bool, keep: bool) -> ExitCode:
    """Watch a whole run on a small project.

    No model is asked and nothing is paid. With --spec, it begins with an idea: its spec, phase by
    phase, then the first task; with --day the handoff of that evening follows, and a morning that
    finds other things than it says. With --review, only a diff is reviewed: of a repository with
    planted problems, made in DIR (new or empty, it is kept) or in a temporary folder.
    """
    if review and (spec or day):
        raise UsageError("--review and --spec or --day are two demos; choose one")
    if review:
        return demo_review(directory, keep=keep)
    if directory:
        raise UsageError("the demo of a run makes a folder of its own; DIR goes with --review")
    play = _play_idea if spec or day else _play
    return _demo_run(play, yes=yes, keep=keep, then=_end_day if day else None)


class Play(Protocol):
    """A demo of a run, in a folder that holds all of it."""

    def __call__(self, folder: Path, *, yes: bool) -> Begun | None:
        """Play it up to the run and return that; None where the user left before."""
        ...


def _demo_run(
    play: Play, *, yes: bool, keep: bool, then: Callable[[DemoProject], None] | None = None
) -> ExitCode:
    folder = Path(tempfile.mkdtemp(prefix="reviewloop-demo-")).resolve()
    kept = keep
    try:
        with isolated_settings(folder):
            begun = play(folder, yes=yes)
            if begun is not None:
                record = move(begun.repository, begun.record, ask=not yes)
                if yes and record.status == "waiting":
                    click.echo("\n--yes: approved for you.", err=True)
                    approval = UserAnswer("approve")
                    record = move(begun.repository, record, answer=approval, ask=False)
                if then is not None and record.status == "committed":
                    then(idea_project(folder))
        project = idea_project(folder) if play is _play_idea else DemoProject(folder)
        kept = keep or begun is None or record.status != "committed"
        if begun is None:
            _print_left(project)
            return ExitCode.WAITING
        if then is not None and record.status == "committed":
            _print_folder(project, kept=kept)
        else:
            _print_end(project, record, kept=kept)
        return ExitCode(record.exit_code)
    except (KeyboardInterrupt, InterruptedByUserError) as error:
        if isinstance(error, KeyboardInterrupt):
            click.echo(err=True)  # the terminal shows ^C in the line of the question
        left = f"its folder is kept: {folder}" if keep else "its folder is deleted"
        raise InterruptedByUserError(f"the demo was stopped; {left}") from error
    except ReviewLoopError:
        kept = keep or DemoProject(folder).state.exists()
        if kept:
            click.echo(f"The demo's folder is kept to look at: {folder}", err=True)
        raise
    finally:
        if not kept:
            shutil.rmtree(folder, ignore_errors=True)


def _play(folder: Path, *, yes: bool) -> Begun:

    project = make_project(folder)
    begun = begin_run(project)
    _print_beginning(project, begun, interactive=not yes and is_interactive())
    return begun


def _play_idea(folder: Path, *, yes: bool) -> Begun | None:
    from reviewloop.app.project import open_repository
    from reviewloop.app.spec.session import SpecRequest, begin
    from reviewloop.cli.spec_session import go_on

    project = make_idea_project(folder)
    repository = open_repository(project.root)
    click.echo(_IDEA_INTRODUCTION, err=True)
    click.echo(f'$ reviewloop spec new {IDEA_NAME} -m "{IDEA}"\n', err=True)
    with chdir(project.root):
        record = begin(repository, SpecRequest(IDEA_NAME, IDEA, model=IDEA_MODEL))
        code = go_on(repository, record.run_id, decide=_agree if yes else None)
    if code is ExitCode.WAITING:
        return None
    if code is not ExitCode.CLEAN:
        raise UsageError("the spec was rejected, so there is nothing to run")
    click.echo(f'\n$ git add {record.spec_path} && git commit -m "{_SPEC_SUBJECT}"', err=True)
    commit_all(project.git(), _SPEC_SUBJECT)
    click.echo(f"$ reviewloop run next --spec {IDEA_NAME}\n", err=True)
    return begin_run(project, IDEA_NAME, IDEA_MODEL)


def _end_day(project: DemoProject) -> None:
    """Write a handoff, change four things behind it, and start the next session."""
    with chdir(project.root):
        _play_command(handoff, ["--offline", "-m", "late fees are out of scope"])
        click.echo(_NIGHT, err=True)
        _play_command(undo, [])
        git = project.git()
        git.run("switch", "-q", "-c", "night")
        git.run("commit", "-q", "--allow-empty", "-m", "Fix at night")
        (project.root / "notes.txt").write_text("half done\n", encoding="utf-8")
        click.echo("\nThe next morning:\n", err=True)
        _play_command(resume, ["--offline"], "session resume")


def _play_command(command: click.Command, arguments: list[str], name: str = "") -> None:
    """Show a command as it is typed, and run it."""
    words = f"reviewloop {name or command.name}"
    click.echo(f"\n$ {words} {' '.join(map(quote, arguments))}".rstrip() + "\n", err=True)
    with command.make_context(words, arguments) as context:
        command.invoke(context)


def _agree(asks: Mapping[str, Any]) -> Mapping[str, Any]:
    """Answer a gate as `--yes` does."""
    if "questions" in asks:
        click.echo("--yes: the default is taken for you.\n", err=True)
        defaults = enumerate((one["default"] for one in asks["questions"]), 1)
        return {"answers": {str(number): default for number, default in defaults}}
    click.echo("--yes: approved for you.\n", err=True)
    return {"choice": "approve"}


def _print_left(project: DemoProject) -> None:
    state = f"REVIEWLOOP_STATE_DIR={quote(str(project.state))}"
    click.echo(
        "\nThe demo ends here without an answer; the spec is not written.\n"
        "  see it to its end:  reviewloop demo --spec --yes\n"
        f"  or go on:           cd {quote(str(project.root))} && {state} reviewloop spec resume\n"
        f"The demo's folder is kept: {project.folder} (delete it when you like)\n"
    )


def _print_beginning(project: DemoProject, begun: Begun, *, interactive: bool) -> None:
    brief = begun.planned.brief
    reviewers = [agent.name.removeprefix("review-") for agent in begun.planned.team.reviewers]
    click.echo(_INTRODUCTION, err=True)
    if interactive:
        click.echo(_NO_MODIFY, err=True)
    click.echo(f"project    {project.root}", err=True)
    click.echo(f"task       {brief.task_id} {brief.title} ({brief.tasks_path})", err=True)
    click.echo(f"branch     {begun.planned.branch}", err=True)
    click.echo(f"reviewers  {', '.join(reviewers)}\n", err=True)


def _print_end(project: DemoProject, record: RunRecord, *, kept: bool) -> None:
    if record.status == "committed":
        click.echo(f"\n{project.last_commit()}\n")
        click.echo(f"The spec's task is ticked in the same commit:\n  {project.ticked()}\n")
    elif record.status == "waiting":
        state = f"REVIEWLOOP_STATE_DIR={quote(str(project.state))}"
        click.echo(
            "\nThe demo ends here without an answer; nothing was committed.\n"
            "  see it to its end:  reviewloop demo --yes\n"
            f"  or answer it:       cd {quote(str(project.root))} && {state} reviewloop approve\n"
        )
    _print_folder(project, kept=kept)


def _print_folder(project: DemoProject, *, kept: bool) -> None:
    if kept:
        click.echo(f"The demo's folder is kept: {project.folder} (delete it when you like)\n")
    else:
        click.echo("The demo's folder is deleted; --keep would keep it.\n")
    click.echo(_NEXT, nl=False)
