"""`reviewloop explain`: the reason of a rule or finding, its source, and how to silence it."""

import click

from reviewloop.analysis.contract import Rule
from reviewloop.analysis.rule_book import own_rules, rule_of, successor_of
from reviewloop.analysis.rule_packs import read_examples
from reviewloop.app.project import repository
from reviewloop.app.review.review_history import find_finding
from reviewloop.cli.completion import rules
from reviewloop.cli.consoles import echo
from reviewloop.cli.help import Command
from reviewloop.cli.silencing import found_by_runs
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.finding import Finding
from reviewloop.regex import regex
from reviewloop.render.rules import laid_out
from reviewloop.render.untrusted import one_line, safe

_IDENT = regex(r"[0-9a-f]{4,12}")  # prefix of a finding's id
_CODE = regex(r"[A-Z]{1,8}[0-9]{2,5}")  # as linters number their rules
_NUMBERING = ("ruff", "shellcheck", "hadolint", "bandit", "cfn-lint")


@click.command(cls=Command)
@click.argument("what", metavar="RULE|FINDING", required=False, shell_complete=rules)
@click.option("--list", "list_", is_flag=True, help="List all built-in rules.")
def explain(what: str | None, list_: bool) -> ExitCode:
    """Explain a rule or a finding.

    A finding is named by its id, or the beginning of it, from the last review or a run that is not
    over.
    """

    if list_ or not what:
        for rule in own_rules():
            click.echo(f"{rule.severity.mark} {rule.id:<40} {rule.title}")
        return ExitCode.CLEAN
    rule_ = rule_of(what) or _by_last_part(what)
    if rule_ is not None:
        _explain_rule(rule_)
        return ExitCode.CLEAN
    if instead := successor_of(what):
        echo(f"{what} went: {instead} says the same. The extra `linters` installs its program")
        return ExitCode.CLEAN
    if "/" in what:
        raise UsageError(f"there is no rule {what!r}{_near(what)}")
    _explain_finding(_finding(what))
    return ExitCode.CLEAN


def _by_last_part(what: str) -> Rule | None:
    """Return the rule whose id ends so: S608 for ruff/S608; raise when several of ours do."""

    if "/" in what or _IDENT.fullmatch(what):
        return None
    found = [rule for rule in own_rules() if rule.id.endswith(f"/{what}")]
    if len(found) > 1:
        raise UsageError(f"{what} may be any of {', '.join(rule.id for rule in found)}")
    if not found and _CODE.fullmatch(what):
        theirs = (rule_of(f"{tool}/{what}") for tool in _NUMBERING)
        found = [rule for rule in theirs if rule is not None]
    return found[0] if found else None


def _near(what: str) -> str:
    import difflib

    near = difflib.get_close_matches(what, [rule.id for rule in own_rules()], n=1)
    return f"; did you mean {near[0]}?" if near else "; `reviewloop explain --list` shows ours"


def _finding(ident: str) -> Finding:

    return find_finding(repository().key, ident, found_by_runs())


def _explain_finding(finding: Finding) -> None:

    echo(one_line(f"{finding.severity.mark} {finding.where}: {finding.title}"))
    by = ", ".join(finding.agents)
    echo(f"   {one_line(f'{finding.status} · found by {by}')}")
    if finding.note:
        echo(f"   {one_line(finding.note)}", indent=3)
    if finding.quote:
        click.echo("\n" + "\n".join(f"    {safe(line)}" for line in finding.quote.split("\n")))
    if finding.evidence:
        click.echo()
    for piece in finding.evidence:
        echo(one_line(f"{piece.kind} ({piece.source}): {piece.text}"))
    rule = rule_of(finding.rule) if finding.rule else None
    if rule is not None:
        click.echo("")
        _explain_rule(rule, finding)
    else:
        for label, text in (("Why", finding.why), ("What to do", finding.suggestion)):
            if text:
                echo(f"\n{label}: {safe(text)}")
    click.echo(f"\nNot a problem here?  reviewloop dismiss {finding.id} -m REASON")


def _explain_rule(rule: Rule, finding: Finding | None = None) -> None:

    # A finding is shown with its own severity above; a different one of the rule would confuse.
    mark = f"{rule.severity.mark} " if finding is None else ""
    label = rule.severity.label
    if finding is not None and finding.severity is not rule.severity:
        label = f"{finding.severity.label} here ({label} by default)"
    echo(f"{mark}{rule.id}: {rule.title}", indent=3)
    click.echo(f"   {label} · {rule.reviewer}")
    for label, text in (("Why", rule.why), ("What to do", rule.fix), ("Source", rule.source)):
        if text:
            echo(f"\n{label}: {text}")
    found, left_alone = read_examples(rule)
    for label, examples in (("Found", found), ("Not found", left_alone)):
        for block in examples[0] if examples else ():
            before = " before the change" if block.base else ""
            click.echo(f"\n{label}, for example in {block.path}{before}:")
            lines = (f"    {safe(line)}".rstrip() for line in laid_out(block.code))
            click.echo("\n".join(lines))
    if rule.hard:
        echo(
            f"\nSilence one: reviewloop dismiss {finding.id if finding else 'ID'} -m REASON\n"
            f'Switch it off: "{rule.id}" = "off" below [rules] in your own settings '
            "(~/.config/reviewloop/config.toml). Neither a comment nor the repository's settings "
            "silence what a change adds of it"
        )
        return
    echo(
        f'\nSwitch it off: "{rule.id}" = "off" below [rules] in reviewloop.toml, '
        f"or a comment `reviewloop: ignore[{rule.id}] REASON` at the line"
    )
