"""`reviewloop spec`: writes a spec from an idea, checks one, traces its requirements."""

import click

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.project import open_repository, repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.review.review_history import remember
from reviewloop.app.spec.check import SpecReport, check_specs, plain
from reviewloop.app.spec.trace import Trace, trace_spec
from reviewloop.app.spec.trace import plain as plain_trace
from reviewloop.app.spec.unfinished_specs import unfinished_session
from reviewloop.cli.consoles import print_lines, results
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode
from reviewloop.domain.finding import Severity
from reviewloop.render.formats import renderer
from reviewloop.render.json import json_report
from reviewloop.render.terminal.findings import hanging, tally
from reviewloop.render.terminal.review import print_finding, print_short
from reviewloop.render.untrusted import one_line

SEVERITIES = ("must", "should", "nit", "never")
_SHOWN = 6  # names of one cell on the screen
_REVIEW_FORMATS = ("sarif", "markdown")


_SESSION = "reviewloop.cli.spec_session"


@click.group(
    cls=Group,
    later={
        "new": f"{_SESSION}:new",
        "approve": f"{_SESSION}:approve",
        "modify": f"{_SESSION}:modify",
        "edit": f"{_SESSION}:edit",
        "answer": f"{_SESSION}:answer",
        "reject": f"{_SESSION}:reject",
        "resume": f"{_SESSION}:resume",
        "show": f"{_SESSION}:show",
        "list": f"{_SESSION}:list_sessions",
        "plan": "reviewloop.cli.spec_versions:plan",
        "diff": "reviewloop.cli.spec_versions:diff",
        "history": "reviewloop.cli.spec_versions:history_",
        "publish": "reviewloop.cli.spec_publish:publish",
        "sync": "reviewloop.cli.spec_sync:sync",
        "merge": "reviewloop.cli.spec_merge:merge",
    },
)
def spec() -> None:
    """Write a spec from an idea, check one, or trace its requirements."""


@spec.command("check")
@click.argument("names", nargs=-1, metavar="[NAME|PATH]...")
@click.option(
    "--fail-on",
    type=click.Choice(SEVERITIES),
    default="must",
    show_default=True,
    help="Least severity that ends with exit code 1.",
)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json", *_REVIEW_FORMATS)),
    default="text",
    help="How to print the findings.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("-v", "--verbose", is_flag=True, help="Show nits with their line, too.")
def check(
    names: tuple[str, ...], fail_on: str, format_: str, as_json: bool, verbose: bool
) -> ExitCode:
    """Say what is wrong with specs: vague words, missing parts, broken links, numbers that differ.

    Without a name: all specs of the project. `reviewloop explain spec/vague` tells of a rule.
    """
    user = repository()
    report = check_specs(user, names, fail_on)
    show = redactor_of(user).for_people
    review = report.as_review()
    remember(user.key, review)
    if as_json or format_ == "json":
        click.echo(show(json_report("spec-check", plain(report))), nl=False)
    elif format_ in _REVIEW_FORMATS:
        click.echo(show(renderer(format_)(review, report, rule_of)), nl=False)
    else:
        _print(report, verbose=verbose)
    if format_ == "text" and not as_json:
        print_lines(
            *(f"note: {one_line(note)}" for note in report.notes),
            *(f"unverified: {one_line(show(entry))}" for entry in report.unverified),
        )
    return report.exit_code


def _print(report: SpecReport, *, verbose: bool) -> None:
    from rich.text import Text

    console = results()
    show = redactor_of(repository()).for_people
    for one in report.specs:
        head = Text(one_line(one.path), style="bold")
        head.append(f"  {tally(one.findings)}", style="dim")
        hanging(Text(), head, console)
        short = [f for f in one.findings if f.severity is Severity.NIT and not verbose]
        for finding in one.findings:
            if finding not in short:
                lines = show(report.text(finding.path) or "").split("\n")
                print_finding(console, finding, lines)
        if short and len(short) < len(one.findings):
            console.print()
        for finding in short:
            print_short(console, finding)
        if one.findings:
            console.print()


@spec.command("trace")
@click.argument("name", metavar="[NAME|PATH]", required=False)
@click.option(
    "--format",
    "format_",
    type=click.Choice(("text", "json", "markdown")),
    default="text",
    help="How to print the table.",
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def trace(name: str | None, format_: str, as_json: bool) -> ExitCode:
    """Show for each requirement its design, its tasks and its tests; 1 where something is untraced.

    A test counts where it names the requirement by its id, or where a task of it names the file.
    """
    repo = open_repository(for_reading=True)
    found = trace_spec(repo.user, name)
    if as_json or format_ == "json":
        click.echo(json_report("spec-trace", plain_trace(found)), nl=False)
    elif format_ == "markdown":
        click.echo(found.markdown(), nl=False)
    else:
        _print_trace(found)
    if waits := unfinished_session(repo, found.path):
        print_lines(f"{found.path} is in work: {waits}")
    return found.exit_code


def _print_trace(found: Trace) -> None:
    from rich.text import Text

    console = results()
    hanging(Text(), Text(one_line(found.path), style="bold"), console)
    for row in found.rows:
        mark = Text("  " if row.is_traced else "✗ ", style="" if row.is_traced else "red")
        label = Text.assemble(mark, (f"{one_line(row.ident)} ", "bold"))
        served = [
            ("design", row.design),
            ("tasks", [f"{task.id}{' ✓' if task.done else ''}" for task in row.tasks]),
            ("tests", row.tests),
        ]
        body = Text(one_line(row.title))
        for kind, names in served:
            body.append(f"  {kind} ", style="dim")
            more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
            shown = ", ".join(map(one_line, names[:_SHOWN])) + more
            body.append(shown or "none", style="" if names else "yellow")
        hanging(label, body, console)
    for problem in found.untraced:
        hanging(Text("✗ ", style="red"), Text(one_line(str(problem))), console)
    console.print(Text(found.summary, style="dim"), soft_wrap=True)
