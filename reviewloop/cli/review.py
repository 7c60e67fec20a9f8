"""`reviewloop review`: reviews any diff, with a model or without."""

import sys
from pathlib import Path
from typing import Any

import click

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.project import model_flags, repository_if_any
from reviewloop.app.review.review import NO_MODEL, ReviewRequest, ReviewResult
from reviewloop.app.review.review import review as run_review
from reviewloop.checkout.files import refuse_links
from reviewloop.cli import completion
from reviewloop.cli.consoles import print_lines, results, written_to
from reviewloop.cli.help import Command
from reviewloop.cli.review_progress import progress
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, UsageError
from reviewloop.git.comparison import CompareSpec, require_one_of
from reviewloop.git.repository import dirty_files
from reviewloop.git.revisions import is_revision
from reviewloop.regex import regex
from reviewloop.render.formats import NAMES, TERMINAL, added_names, renderer
from reviewloop.render.review_words import WITH_AN_ID, left_out_files, outcome_sentence, tally
from reviewloop.sandbox import Acceptance

SEVERITIES = ("must", "should", "nit")
_EXPRESSION = regex(r"\.\.|[\^~]|@\{|^:/")  # syntax only of revisions: HEAD~2, A..B
_ABOVE = regex(r"(?:^|/)\.\.(?:/|$)")
_LARGEST_PATCH = 256 * 1024 * 1024


class Format(click.Choice[str]):
    """Our formats, and those of other distributions, which are looked up only when needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name of a format; raise for an unknown one."""
        if value in self.choices:
            return super().convert(value, param, ctx)
        return click.Choice((*self.choices, *added_names())).convert(value, param, ctx)


@click.command(cls=Command)
@click.argument(
    "what",
    nargs=-1,
    metavar="[RANGE | -] [PATH]...",
    shell_complete=completion.revisions_and_files,
)
@click.option("--staged", is_flag=True, help="Only what is staged for the next commit.")
@click.option(
    "--commit",
    metavar="REV",
    default="",
    shell_complete=completion.revisions,
    help="Only what this commit changed.",
)
@click.option("--files", is_flag=True, help="Review whole files: every line counts.")
@click.option(
    "--base",
    metavar="REV",
    default="",
    shell_complete=completion.revisions,
    help="Branch to compare with.",
)
@click.option(
    "--agents",
    metavar="NAMES",
    default="",
    shell_complete=completion.reviewers,
    help="Only these reviewers (comma list).",
)
@click.option(
    "--spec",
    metavar="NAME",
    default="",
    help="Judge the change by this spec, too.",
)
@click.option(
    "--rules-from",
    type=click.Choice(("base", "change")),
    help="Whose settings, agents and baseline count (base, where one is named).",
)
@click.option("--min-severity", type=click.Choice(SEVERITIES), help="Lowest severity to list.")
@click.option(
    "--fail-on",
    type=click.Choice((*SEVERITIES, "never")),
    help="Lowest severity that makes the exit code 1 (must).",
)
@click.option("--model", metavar="PROVIDER:MODEL|none", default="", help="Model to ask, or none.")
@click.option("--format", "format_", type=Format(NAMES), default="text")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    default="",
    shell_complete=completion.files,
    help="Write the report to FILE.",
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option("--apply-fixes", is_flag=True, help="Apply fixes that are safe and verified.")
@click.option("--no-sandbox", is_flag=True, help="Test fixes, let agents work, without one.")
@click.option("--again", is_flag=True, help="Ask the models again about the same change.")
@click.option("--budget-usd", type=float, metavar="USD", help="Cost limit for this review.")
@click.option("-v", "--verbose", is_flag=True, help="List everything, nits and skipped files too.")
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def review(
    what: tuple[str, ...],
    staged: bool,
    commit: str,
    files: bool,
    base: str,
    agents: str,
    spec: str,
    rules_from: str | None,
    min_severity: str | None,
    fail_on: str | None,
    model: str,
    format_: str,
    output: str,
    as_json: bool,
    apply_fixes: bool,
    no_sandbox: bool,
    again: bool,
    budget_usd: float | None,
    verbose: bool,
    quiet: bool,
) -> ExitCode:
    """Review any diff.

    By default that is everything that is not yet on the base branch.

    RANGE is A..B, A...B, or a branch to compare with; `-` reads a patch from standard input.
    Uncommitted and untracked files are part of the default. PATHs restrict what is reviewed.
    """

    flags: dict[str, Any] = {"review.min_severity": min_severity, "review.fail_on": fail_on}
    flags["limits.usd"] = budget_usd
    flags |= model_flags(None if model in {"", NO_MODEL} else model)
    request = ReviewRequest(
        compare=_request_of(what, staged=staged, commit=commit, files=files, base=base),
        agents=tuple(name.strip() for name in agents.split(",") if name.strip()),
        spec=spec,
        model=model,
        rules_side=rules_from or "",
        flags={name: value for name, value in flags.items() if value is not None},
        again=again,
        acceptance="accepted" if no_sandbox else "",
        require_usable_model=True,
    )
    if apply_fixes and (staged or commit or ".." in request.compare.range):
        raise UsageError("--apply-fixes needs a review of the files as they are on disk")
    format_ = "json" if as_json else format_
    try:
        fixes = _fixes(apply_fixes, no_sandbox)
        return _review(request, format_, output, fixes=fixes, verbose=verbose, quiet=quiet)
    except KeyboardInterrupt as error:
        raise InterruptedByUserError("interrupted; no file was changed") from error


def _request_of(
    what: tuple[str, ...], *, staged: bool, commit: str, files: bool, base: str
) -> CompareSpec:
    """Return what the arguments mean, as in git: a range, then paths."""

    words = list(what)
    range_, patch = "", None
    if words[:1] == ["-"]:
        words.pop(0)
        patch = sys.stdin.buffer.read(_LARGEST_PATCH + 1)
        if len(patch) > _LARGEST_PATCH:
            raise UsageError("the patch on standard input is larger than 256 MB")
    elif words and not files and _means_commits(words[0]):
        range_ = words.pop(0)
    given = {
        "a range": range_,
        "-": patch is not None,
        "--staged": staged,
        "--commit": commit,
        "--files": files,
    }
    require_one_of(given)
    if files and not words:
        raise UsageError("--files needs the files or folders to review, `.` for all")
    return CompareSpec(
        range=range_,
        base=base,
        staged=staged,
        commit=commit,
        whole=files,
        patch=patch,
        paths=tuple(words),
    )


def _means_commits(word: str) -> bool:
    """Return whether a word names commits; raise for one that is also a path."""

    if _ABOVE.search(word) or word == ".":
        return False
    if not Path(word).exists():
        return bool(_EXPRESSION.search(word)) or is_revision(Path.cwd(), word)
    if "/" not in word and is_revision(Path.cwd(), word):
        raise UsageError(
            f"{word!r} is a revision and a path; write ./{word} for the path, --base {word} for "
            "the revision"
        )
    return False


def _fixes(apply: bool, no_sandbox: bool) -> Acceptance | None:
    """Return how the tests of the fixes may run, None when no fix is requested."""
    if not apply:
        return None
    return "accepted" if no_sandbox else ""


def _review(
    request: ReviewRequest,
    format_: str,
    output: str,
    *,
    fixes: Acceptance | None,
    verbose: bool,
    quiet: bool,
) -> ExitCode:

    if output and not Path(output).parent.is_dir():
        raise UsageError(f"--output {output}: its folder does not exist; make it first")
    if output and Path(output).is_dir():
        raise UsageError(f"--output {output} is a folder; name a file")
    if output:
        refuse_links(output)
    show = not quiet and sys.stderr.isatty()
    with (
        progress(show) as shown,
        run_review(request, Path.cwd(), on_progress=shown.notify, listener=shown.listener) as done,
    ):
        shown.notify("")
        _print(done, format_, output, verbose=verbose)
        if done.rules_version and (
            output or format_ != "text"
        ):  # not all formats have a place for it
            print_lines(done.rules_version)
        if format_ == "concise" and (unread := left_out_files(done.report)):
            print_lines(unread)  # editors parse stdout
        if output and not quiet:
            _print_written(done, output)
            _print_read_again(output)
        if (
            format_ == "concise"
            and request.compare.staged
            and done.report.exit_code == ExitCode.FINDINGS
        ):
            print_lines(WITH_AN_ID)  # a hook blocks, and its user sees only the lines above
        if fixes is not None:
            from reviewloop.app.review.apply_fixes import apply_safe_fixes  # it runs the gates

            outcome = apply_safe_fixes(done, fixes)
            for sentence in outcome.sentences:
                print_lines(sentence)
            return outcome.exit_code(done.report)
        return ExitCode(done.report.exit_code)


def _print(done: ReviewResult, format_: str, output: str, *, verbose: bool) -> None:

    if format_ != TERMINAL:
        shown = done.shown
        text = shown.rendered(renderer(format_)(done.report, shown, rule_of))
        if output:
            Path(output).write_text(text, encoding="utf-8", errors="replace")
        else:
            click.echo(text, nl=bool(text) and not text.endswith("\n"))
        return

    from reviewloop.render.terminal.review import print_review  # draws: no other format needs it

    if not output:
        print_review(results(), done.report, done.shown, verbose=verbose)
        return
    with written_to(Path(output)) as console:
        print_review(console, done.report, done.shown, verbose=verbose)


def _print_read_again(output: str) -> None:
    """Warn about a report in the checkout that git does not ignore: it counts as a change."""

    target, repo = Path(output).resolve(), repository_if_any()
    if repo is None or not target.is_relative_to(repo.root.resolve()):
        return
    if dirty_files(repo, target.relative_to(repo.root.resolve()).as_posix()):
        print_lines(
            f"git does not ignore {output}, so the next review reads it: put it elsewhere or "
            "into .gitignore"
        )


def _print_written(done: ReviewResult, output: str) -> None:

    report = done.report
    counts = tally(report.findings)
    if report.outcome in ("incomplete", "nothing_to_review"):
        counts = outcome_sentence(report)
    print_lines(f"{output}: written; {counts}")
