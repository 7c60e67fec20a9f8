"""The figures on the approval screen: what was measured, by whom, and where it ran."""

from rich.console import Console
from rich.text import Text

from reviewloop.output.failures import by_reason
from reviewloop.output.figures import counted, share
from reviewloop.output.proposal import Proposal
from reviewloop.output.terminal import hanging
from reviewloop.output.untrusted import one_line

_LABEL_WIDTH = 11


def render_figures(proposal: Proposal, console: Console) -> None:
    """Print tests, coverage, rounds, reviewers and the sandbox, a row each."""
    tests = proposal.get("tests")
    if tests:
        total = tests.get("passed", 0) + tests.get("failed", 0)
        failed = f", {tests['failed']} failed" if tests.get("failed") else ""
        skipped = f", {tests['skipped']} skipped" if tests.get("skipped") else ""
        style = "red" if failed else "green"
        row("tests", f"{tests.get('passed', 0)}/{total} passing{failed}{skipped}", console, style)
    else:
        row("tests", "not counted", console, "yellow")
    _coverage(proposal, console)
    rounds = proposal.get("rounds", {})
    if rounds:
        parts = [f"{rounds.get('used', 0)} of {rounds.get('limit', 0)} fix rounds"]
        if rounds.get("repairs"):
            parts.append(counted(rounds["repairs"], "repair"))
        if rounds.get("cycle"):
            parts.append(f"modified {counted(rounds['cycle'], 'time')} by a person")
        row("rounds", ", ".join(parts), console)
    reviewers = proposal.get("reviewers", [])
    if reviewers:
        done = sum(r.get("status") == "done" for r in reviewers)
        style = "" if done == len(reviewers) else "red"
        row("reviewers", f"{done} of {len(reviewers)} finished", console, style)
    lost = [
        (one_line(r.get("name", "")), one_line(r.get("reason", "")) or "no reason given")
        for r in reviewers
        if r.get("status") != "done"
    ]
    for names, why in by_reason(lost):
        row("", f"{names} failed: {why}", console, "red")
    _sandbox(proposal, console)


def _sandbox(proposal: Proposal, console: Console) -> None:
    levels = proposal.get("sandbox", [])
    if not levels:
        return
    said = ", then ".join(one_line(level) for level in levels)
    if "none" in levels:
        row("sandbox", f"{said}: commands ran with the rights of whoever began it", console, "red")
    elif "external" in levels:
        row("sandbox", f"{said}: declared, not proven", console, "yellow")
    else:
        row("sandbox", said, console)


def _coverage(proposal: Proposal, console: Console) -> None:
    coverage = proposal.get("coverage")
    if not coverage:
        return
    covered, threshold = coverage.get("covered"), coverage.get("threshold")
    if covered is None:
        reason = one_line(coverage.get("reason", "")).removeprefix("not measured: ")
        row("coverage", f"not measured{f': {reason}' if reason else ''}", console, "yellow")
        return
    wanted = "" if threshold is None else f" (wanted: {share(threshold)})"
    style = "green" if threshold is None or covered >= threshold else "yellow"
    row("coverage", f"{share(covered)} of the new lines{wanted}", console, style)


def row(label: str, text: str, console: Console, style: str = "") -> None:
    """Print a labelled row; nothing for an empty text."""
    if text:
        hanging(Text(f"{label:<{_LABEL_WIDTH}}", style="bold"), Text(text, style=style), console)
