"""`reviewloop arch`: the architecture file, and comparisons of the code with it."""

from pathlib import Path

import click

from reviewloop.analysis.rule_book import rule_of
from reviewloop.app.arch.check import ArchReport, check_architecture, plain
from reviewloop.app.arch.diff import diagram_in, diff_architecture, draw, plain_diff
from reviewloop.app.arch.init import init_architecture, init_from_spec
from reviewloop.app.arch.project import require_architecture
from reviewloop.app.project import repository
from reviewloop.app.redactors import redactor_of
from reviewloop.architecture.infer import PATTERNS
from reviewloop.cli.consoles import print_lines, results
from reviewloop.cli.help import Group
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.render.formats import renderer
from reviewloop.render.json import json_report
from reviewloop.render.terminal.findings import tally
from reviewloop.render.terminal.review import print_finding
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe

_LEVELS = ("must", "should", "nit", "never")
_REVIEW_FORMATS = ("sarif", "markdown")


@click.group(cls=Group, later={"migrate": "reviewloop.cli.arch_migrate:migrate"})
def arch() -> None:
    """Keep an architecture: layers, locations, style."""


@arch.command("init")
@click.option("--pattern", type=click.Choice(tuple(PATTERNS)), help="Rules of a known pattern.")
@click.option("--spec", "spec", metavar="NAME", default="", help="Add what its design decides.")
@click.option("--force", is_flag=True, help="Write it anew where it is there already.")
@click.option("--stdout", "only_shown", is_flag=True, help="Print it and write nothing.")
def init(pattern: str | None, spec: str, force: bool, only_shown: bool) -> ExitCode:
    """Write .reviewloop/architecture.toml from the imports that exist.

    With --pattern the rules of mvc, layered, hexagonal or clean for the folders that bear its
    names; `arch check --all` lists what breaks them today. With --spec the layers and decisions
    of a design are added to what the file says.
    """
    if spec and (pattern or force):
        raise UsageError("--spec adds to what is there; leave out --pattern and --force")
    if spec:
        written = init_from_spec(Path.cwd(), spec, only_shown=only_shown)
    else:
        written = init_architecture(
            Path.cwd(), pattern=pattern or "", force=force, only_shown=only_shown
        )
    if only_shown:
        click.echo(safe(written.text), nl=False)
        return ExitCode.CLEAN
    layers = counted(len(written.architecture.layers), "layer")
    decided = len(written.architecture.decisions)
    more = f", {counted(decided, 'decision')}" if decided else ""
    click.echo(f"wrote {one_line(written.path)}: {layers}{more}, broken today: {written.broken}")
    if written.broken:
        print_lines("`reviewloop arch check --all` lists what breaks it")
    return ExitCode.CLEAN


@arch.command("check")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--all", "whole", is_flag=True, help="Check all files, not what is new.")
@click.option("--base", metavar="REV", default="", help="What is new is new since REV.")
@click.option(
    "--fail-on",
    type=click.Choice(_LEVELS),
    default="nit",
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
def check(
    paths: tuple[str, ...], whole: bool, base: str, fail_on: str, format_: str, as_json: bool
) -> ExitCode:
    """Say where the code breaks its architecture: what your change newly breaks, or --all."""
    if whole and base:
        raise UsageError("--all and --base cannot be combined; give one of them")
    report = check_architecture(Path.cwd(), paths, whole=whole, base=base, fail_on=fail_on)
    show = redactor_of(repository()).for_people
    if as_json or format_ == "json":
        click.echo(show(json_report("arch-check", plain(report))), nl=False)
    elif format_ in _REVIEW_FORMATS:
        click.echo(show(renderer(format_)(report.as_review(), report, rule_of)), nl=False)
    else:
        _print(report)
        print_lines(*(f"note: {one_line(note)}" for note in report.notes))
    return report.exit_code


def _print(report: ArchReport) -> None:
    console = results()
    show = redactor_of(repository()).for_people
    for finding in report.findings:
        print_finding(console, finding, show(report.text(finding.path) or "").split("\n"))
        console.print()
    silenced = f", {len(report.silenced)} silenced" if report.silenced else ""
    click.echo(f"{one_line(report.what)}: {tally(report.findings)}{silenced}")


@arch.command("diff")
@click.argument("one", metavar="[A]", default="HEAD")
@click.argument("other", metavar="[B]", default="")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def diff(one: str, other: str, as_json: bool) -> ExitCode:
    """Say where two revisions differ in their structure; 1 where they do.

    Layers, imports between layers, what the rules allow, and what breaks them. A is HEAD and B the
    files on disk unless named: after an edit of the rules it lists the files that break them.
    """
    found = diff_architecture(Path.cwd(), one, other)
    if as_json:
        click.echo(json_report("arch-diff", plain_diff(found)), nl=False)
        return found.exit_code
    for difference in found.differences:
        side = found.one if difference.side == "A" else found.other
        click.echo(one_line(f"only in {side}: {difference.kind} {difference.text}"))
    if not found.differences:
        click.echo(one_line(f"{found.one} and {found.other} have the same structure"))
    return found.exit_code


@arch.command("diagram")
@click.argument("document", metavar="[DOCUMENT]", default="")
@click.option("--check", "only_checked", is_flag=True, help="Write nothing; 1 where it is old.")
@click.option("--force", is_flag=True, help="Write the block anew though it was edited by hand.")
def diagram(document: str, only_checked: bool, force: bool) -> ExitCode:
    """Draw the layers and their imports as Mermaid, in a marked block of a document.

    Without a document, and without `diagram` in the architecture, it is printed.
    """
    start = Path.cwd()
    if not document and not only_checked and not _names_document():
        click.echo(safe(draw(start)), nl=False)
        return ExitCode.CLEAN
    found = diagram_in(start, document, force=force)
    path = one_line(found.path)
    if found.is_current:
        click.echo(f"{path}: the diagram is current")
        return ExitCode.CLEAN
    if only_checked:
        command = f"reviewloop arch diagram {document}".rstrip()
        click.echo(f"{path}: the diagram is out of date; `{one_line(command)}` draws it anew")
        return ExitCode.FINDINGS
    found.target.parent.mkdir(parents=True, exist_ok=True)
    found.target.write_bytes(found.after.encode("utf-8"))
    click.echo(f"{path}: drawn")
    return ExitCode.CLEAN


def _names_document() -> bool:
    user = repository()
    return bool(require_architecture(user.root, user.project).architecture.diagram)
