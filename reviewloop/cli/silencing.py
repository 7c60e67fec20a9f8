"""`reviewloop baseline` and `reviewloop dismiss`: what shall not be said again."""

from pathlib import Path

import click

from reviewloop.errors import ExitCode, UsageError

_BAD = ("failed", "partial")


@click.command()
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--show", is_flag=True, help="List what the baseline holds; nothing is written.")
def baseline(paths: tuple[str, ...], show: bool) -> ExitCode:
    """Accept what is there today.

    Later reviews only tell what is new.

    Writes .reviewloop/baseline.json; commit it. Without PATHs everything is looked at; with them
    what is accepted elsewhere stays so.
    """
    from reviewloop.output.untrusted import one_line
    from reviewloop.reviewing.silencing import BASELINE_FILE, baseline_entries, write_baseline
    from reviewloop.runs.project import repository
    from reviewloop.runs.review import Wish, review
    from reviewloop.workspace.compared import Asked

    target = repository().root / BASELINE_FILE
    data = target.read_bytes() if target.is_file() and (show or paths) else None
    known = baseline_entries(data)
    if show:
        for entry in known:
            click.echo(one_line(f"{entry['path']}  {entry['rule']}  {entry['title']}"))
        click.echo(f"{_findings(len(known))} accepted in {BASELINE_FILE}")
        return ExitCode.CLEAN
    wish = Wish(
        Asked(whole=True, paths=paths),
        model="none",
        flags={"review.min_severity": "nit"},
        remembered=False,
    )
    with review(wish, Path.cwd()) as done:
        report = done.report
        if report.outcome == "incomplete":
            failed = ", ".join(a.name for a in report.analysers if a.status in _BAD)
            raise UsageError(f"no baseline was written, because the review is incomplete: {failed}")
        target.parent.mkdir(exist_ok=True)
        looked_at = {file.path for file in report.reviewed}
        kept = [entry for entry in known if entry["path"] not in looked_at]
        target.write_bytes(write_baseline(report.findings, kept))
    more = f", {len(kept)} of other files stay" if kept else ""
    click.echo(
        f"{_findings(len(report.findings))} accepted in {BASELINE_FILE}{more}; commit that file"
    )
    return ExitCode.CLEAN


def _findings(number: int) -> str:
    return f"{number} finding" if number == 1 else f"{number} findings"


@click.command()
@click.argument("finding", required=False, metavar="[FINDING]")
@click.option("-m", "--message", "reason", metavar="TEXT", default="", help="Why it is none.")
@click.option("--list", "list_", is_flag=True, help="Show what was dismissed.")
@click.option("--undo", is_flag=True, help="Take a dismissal back.")
def dismiss(finding: str | None, reason: str, list_: bool, undo: bool) -> ExitCode:
    """Dismiss a finding for good.

    FINDING is the id of one of the last review's findings, or its beginning.
    """
    from reviewloop.output.untrusted import one_line
    from reviewloop.runs import remembered
    from reviewloop.runs.project import repository

    key = repository().key
    if list_:
        for entry in remembered.dismissals(key):
            click.echo(one_line(f"{entry.id}  {entry.path}  {entry.title}: {entry.reason}"))
        return ExitCode.CLEAN
    if not finding:
        raise UsageError("name the finding to dismiss; `reviewloop review` shows the ids")
    if undo:
        entry = remembered.take_back(key, finding)
        click.echo(one_line(f"{entry.id} will be told again: {entry.title}"))
        return ExitCode.CLEAN
    if not reason.strip():
        raise UsageError("a dismissal needs a reason: -m TEXT")
    found = remembered.find_finding(key, finding)
    remembered.dismiss(key, found, reason.strip())
    click.echo(one_line(f"{found.id} is dismissed: {found.title}"))
    return ExitCode.CLEAN
