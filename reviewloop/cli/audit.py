"""`audit`: approvals with their grounds, and whether the trail was changed."""

import time

import click

from reviewloop.app.attestations import NOTES_REF, broken_statements, statement_line, write_notes
from reviewloop.app.audit import catch_up, missing_commits, rows_of
from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.regex import regex
from reviewloop.render.audit import audit_csv, audit_html, audit_markdown, audit_text
from reviewloop.render.text import counted
from reviewloop.render.untrusted import safe
from reviewloop.store.audit import AuditFile

_FORMATS = ("text", "json", "csv", "markdown", "html", "in-toto")
_RENDER = {"csv": audit_csv, "html": audit_html, "markdown": audit_markdown, "text": audit_text}
_SPAN = regex(r"(\d+)([dhw])")
_SECONDS = {"h": 3600, "d": 86_400, "w": 604_800}


@click.command(cls=Command)
@click.argument("run", required=False, metavar="[RUN]")
@click.option("--since", metavar="90d|DATE", default="", help="Only what was approved since.")
@click.option("--spec", metavar="NAME", default="", help="Only tasks of this spec.")
@click.option("--format", "format_", type=click.Choice(_FORMATS), default="text")
@click.option("--verify", is_flag=True, help="Say whether the trail was changed.")
@click.option("--notes", is_flag=True, help="Write the chosen rows as git notes of their commits.")
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
def audit(
    run: str | None, since: str, spec: str, format_: str, verify: bool, notes: bool, as_json: bool
) -> ExitCode:
    """Show who approved what, and on what grounds.

    The trail is kept apart from the runs: `clean` leaves it.
    """
    repository = open_repository(for_reading=True)
    print_lines(*catch_up(repository))
    if verify:
        broken = AuditFile(repository.folder).verify()
        if broken is not None:
            click.echo(f"line {broken.line} of the trail: {broken.why}")
            return ExitCode.FINDINGS
        rows = rows_of(repository)
        gone = missing_commits(repository, rows)
        for commit in gone:
            click.echo(f"commit {commit[:10]} is in the trail and not in git any more")
        wrong = [*broken_statements(repository, rows)]
        print_lines(*wrong)
        if not gone and not wrong:
            print_lines(f"the trail holds: {counted(len(rows), 'row')}")
        return ExitCode.FINDINGS if gone or wrong else ExitCode.CLEAN
    found = rows_of(repository, run, _time_of(since) if since else 0.0, spec)
    if notes:
        written = write_notes(repository, found)
        print_lines(f"{counted(written, 'note')} written under {NOTES_REF}")
        return ExitCode.CLEAN
    show = redactor_of(repository.user).for_people
    plain = [{**row.body, "number": row.number, "hash": row.hash} for row in found]
    if as_json or format_ == "json":
        print_json("audit", {"rows": plain})
    elif format_ == "in-toto":
        for row in found:
            if row.body["kind"] == "commit":
                click.echo(statement_line(repository, row))
    else:
        text = show(_RENDER[format_](plain))
        click.echo(safe(text) if format_ == "text" else text, nl=False)
        if not plain:
            print_lines("nothing was approved yet, as far as asked")
    return ExitCode.CLEAN


def _time_of(since: str) -> float:
    """Return the time of a span or a date, in seconds since 1970."""
    if found := _SPAN.fullmatch(since):
        return time.time() - int(found[1]) * _SECONDS[found[2]]
    try:
        return time.mktime(time.strptime(since, "%Y-%m-%d"))
    except (ValueError, OverflowError):
        raise UsageError(
            f"--since {since!r}: give a span such as 90d, 12h, 4w, or a date such as 2026-01-31"
        ) from None
