"""`reviewloop demo --review`: a review of a change whose problems we planted."""

import shutil
import tempfile
from contextlib import chdir
from pathlib import Path
from shlex import quote

import click

from reviewloop.cli.review import review
from reviewloop.demo.planting import NAME, make_planted
from reviewloop.demo.project import apart
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, UsageError

_INTRODUCTION = """\
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
_NEXT = """\
  reviewloop review                                 all that is not yet on the base branch
  reviewloop review --format html -o review.html    a page with the diff and its findings
  reviewloop explain sh/removes-root                why it is said, how to fix or silence it
  reviewloop review --model PROVIDER:MODEL          have a model judge and look further
"""


def demo_review(directory: str, *, keep: bool) -> ExitCode:
    """Make the planted repository, in `directory` if one is named, and review it as a user would.

    A named directory is always kept. Returns 0 whatever the review found, and 5 when a part of it
    failed: this shows whether the installation works.
    """
    named = _new_folder(directory)
    folder = Path(tempfile.mkdtemp(prefix="reviewloop-demo-")).resolve()
    kept = False
    try:
        code, root = _reviewed(folder, named)
        kept = keep and named is None
        _tell_end(code, root, kept=keep or named is not None)
    except (KeyboardInterrupt, InterruptedByUserError) as error:
        if isinstance(error, KeyboardInterrupt):
            click.echo(err=True)  # the terminal shows ^C where the progress stood
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

    root = named or folder / NAME
    with apart(folder):
        make_planted(root)
        click.echo(_INTRODUCTION, err=True)
        with chdir(root), review.make_context("reviewloop review", []) as context:
            code = review.invoke(context)
    return ExitCode(code), root


def _tell_end(code: ExitCode, root: Path, *, kept: bool) -> None:
    reason = _ENDS.get(code, "it could not end")
    click.echo(f"\nThe exit code of this review would be {int(code)}: {reason}.")
    click.echo(_KEPT.format(quote(str(root))) if kept else _DELETED, nl=False)
    click.echo(_NEXT, nl=False)


def _remove(*folders: Path) -> None:
    for folder in folders:
        shutil.rmtree(folder, ignore_errors=True)
