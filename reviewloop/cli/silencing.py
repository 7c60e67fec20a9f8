"""`reviewloop baseline` and `reviewloop dismiss`: silence known findings."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import click

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.project import Repository, open_repository, repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review import review_history
from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.app.run.changing import (
    concerns,
    count_left,
    dependents_of,
    dismiss_in_run,
    findings_in_runs,
)
from reviewloop.app.run.cleaning import leave_out
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.cli.conversation import waiting_hint
from reviewloop.cli.fleet import address_option
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, ReviewLoopError, UsageError
from reviewloop.domain.finding import Finding, Severity
from reviewloop.git.comparison import CompareSpec
from reviewloop.render.untrusted import one_line
from reviewloop.review.silencing import BASELINE_FILE, baseline_entries, write_baseline
from reviewloop.store.locks import is_held
from reviewloop.store.runs import RunRecord, is_stopped

_BAD = ("failed", "partial")
_STORE = (
    "What workers found cannot be dismissed yet: answer such a run with `reviewloop modify` or "
    "`reject`"
)


@click.command(cls=Command)
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--show", is_flag=True, help="List what the baseline holds; nothing is written.")
def baseline(paths: tuple[str, ...], show: bool) -> ExitCode:
    """Accept what is there today.

    Later reviews report only what is new.

    Writes .reviewloop/baseline.json; commit it. With PATHs, only these
    are updated.
    """
    from secrets import token_hex

    disk = Disk(repository().root)
    data = _held(disk, BASELINE_FILE)
    known = baseline_entries(data) if show or paths else []
    if show:
        for entry in known:
            click.echo(one_line(f"{entry['path']}  {entry['rule']}  {entry['title']}"))
        click.echo(f"{_findings(len(known))} accepted in {BASELINE_FILE}")
        return ExitCode.CLEAN
    request = ReviewRequest(
        CompareSpec(whole=True, paths=paths),
        model="none",
        flags={"review.min_severity": "nit"},
        remembered=False,
    )
    with review(request, Path.cwd()) as done:
        report = done.report
        if report.outcome == "incomplete":
            failed = ", ".join(a.name for a in report.analysers if a.status in _BAD)
            raise UsageError(f"no baseline was written, because the review is incomplete: {failed}")
        looked_at = {file.path for file in report.reviewed}
        kept = [entry for entry in known if entry["path"] not in looked_at]
        _held(disk, BASELINE_FILE)  # the file may have changed during the review
        written = Content(Kind.FILE, write_baseline(report.findings, kept))
        disk.write(BASELINE_FILE, written, f".baseline.{token_hex(4)}")
    more = f", {len(kept)} of other files stay" if kept else ""
    worst = _worst(report.findings)
    click.echo(
        f"{_findings(len(report.findings))} accepted in {BASELINE_FILE}{more}; commit that file"
        + (f"\nAmong them: {worst}; `reviewloop baseline --show` lists them" if worst else "")
    )
    return ExitCode.CLEAN


def _held(disk: Disk, path: str) -> bytes | None:
    """Return the content of a file, None for no file; raise for a link."""

    content = disk.read(path)
    if content.kind is Kind.ABSENT and not content.blocker:
        return None
    if content.kind is not Kind.FILE:
        raise UsageError(
            f"{content.blocker or path} in {disk.root} is no plain file or folder (a link?), and "
            f"{path} is not looked for behind it; remove it, then run again"
        )
    return content.data


def _worst(findings: Sequence[Finding]) -> str:
    """Return how many of the accepted findings must be fixed or are secrets; "" for none."""

    must = sum(finding.severity is Severity.MUST_FIX for finding in findings)
    secrets = sum(finding.rule.startswith("secret/") for finding in findings)
    counts = [f"{must} must fix"] if must else []
    if secrets:
        counts.append("1 secret" if secrets == 1 else f"{secrets} secrets")
    return ", ".join(counts)


def _findings(number: int) -> str:
    return f"{number} finding" if number == 1 else f"{number} findings"


@click.command(cls=Command)
@click.argument("finding", required=False, metavar="[FINDING]")
@click.option("-m", "--message", "reason", metavar="TEXT", default="", help="Why it is no problem.")
@click.option("--list", "list_", is_flag=True, help="Show what was dismissed.")
@click.option("--undo", is_flag=True, help="Take a dismissal back.")
@address_option
def dismiss(finding: str | None, reason: str, list_: bool, undo: bool, store: str) -> ExitCode:
    """Dismiss a finding for good.

    FINDING is an id, or its beginning, from the last review or an open run.
    """

    source = click.get_current_context().get_parameter_source("store")
    if source is click.core.ParameterSource.COMMANDLINE:
        raise UsageError(f"{_STORE}; without --store it dismisses what was found here")
    user = repository()
    key = user.key
    if list_:
        for entry in review_history.dismissals(key):
            click.echo(one_line(f"{entry.id}  {entry.path}  {entry.title}: {entry.reason}"))
        return ExitCode.CLEAN
    if not finding:
        raise UsageError("name the finding; `reviewloop show`, `logs` and `review` show the ids")
    if undo:
        entry = review_history.take_back(key, finding)
        click.echo(one_line(f"{entry.id} will be reported again: {entry.title}"))
        return _dismiss_in_runs(entry.id, "")
    if not reason.strip():
        raise UsageError("a dismissal needs a reason: -m TEXT")
    try:
        found = review_history.find_finding(key, finding, found_by_runs())
    except UsageError as error:
        if switched_off := _switched_off(finding):
            raise UsageError(switched_off) from None
        raise UsageError(f"{error}. {_STORE}") if store else error from None
    reason = redactor_of(user).for_people(reason.strip())
    review_history.dismiss(key, found, reason)
    click.echo(one_line(f"{found.id} is dismissed: {found.title}"))
    if found.rule and sum(one.rule == found.rule for one in review_history.dismissals(key)) > 1:
        click.echo("`reviewloop quiet` proposes to report such findings no more", err=True)
    return _dismiss_in_runs(found.id, reason)


def _switched_off(what: str) -> str:
    """Return how to turn off the rule of this name, "" when there is none."""

    rule = rule_of(what) if "/" in what else None
    if rule is None:
        return ""
    where = "your own settings (~/.config/reviewloop/config.toml)"
    return (
        f"{rule.id} is a rule, and a finding is dismissed by its id; the rule is switched off by "
        f'"{rule.id}" = "off" below [rules] in {where if rule.hard else "reviewloop.toml"}'
    )


def _open() -> Repository:

    repository = open_repository(for_reading=True)
    leave_out(repository)
    return repository


def found_by_runs() -> Iterator[Finding]:
    """Yield the findings of the runs that are not over, the newest run first."""
    for _, finding in _in_runs(_open()):
        yield finding


def _in_runs(repository: Repository) -> list[tuple[RunRecord, Finding]]:

    return list(findings_in_runs(repository))


def _dismiss_in_runs(ident: str, reason: str) -> ExitCode:
    """Apply a dismissal in the runs with this finding, and print what is next for each."""

    seen = _open()
    found = {run.run_id: (run, one) for run, one in _in_runs(seen) if one.id == ident}
    word, code = f"{ident}: {reason or 'taken back'}", ExitCode.CLEAN
    for run, one in found.values():
        if not concerns(one, reason):
            continue
        try:
            sentence = _effect_on(dismiss_in_run(seen, run, word), run, seen, reason)
        except ReviewLoopError as error:
            code = code or error.exit_code
            again = "the same command tries again" if reason else "its next proposal does"
            sentence = f"{run.run_id} does not count it so yet ({error}); {again}"
        click.echo(one_line(sentence))
    return code


def _effect_on(now: RunRecord, before: RunRecord, seen: Repository, reason: str) -> str:
    """Return the effect of a dismissal, or of its end, on a run, and what comes next."""

    run, counts = now.run_id, "dismissed" if reason else "left to you"
    if is_held(seen.run_lock(run)):
        return f"{run} is at work; from its next step on it counts it as {counts}"
    if is_stopped(now):
        again = "leaves it out" if reason else "takes it up again"
        return f"{run} {again} when it goes on: reviewloop resume {run}"
    if now.status == "blocked":
        return f"{run} counts it as {counts}; guard-rails are not dismissed. {waiting_hint(now)}"
    number = count_left(seen, now)
    left = f"{_findings(number)} left" if number else "no red or yellow finding left"
    sentence = f"{run} counts it as {counts}, {left}: reviewloop show {run}, then approve"
    if others := dependents_of(seen, before):
        names = ", ".join(others)
        sentence += (
            f"; its commit is another one now, so what builds on it ({names}) is rebased there"
        )
        sentence += " when it is approved"
    return sentence
