"""`handoff` and `session resume`: the end of a session, and the start of the next one."""

import shlex
import time
from collections.abc import Iterator
from functools import partial
from typing import Any

import click

from reviewloop.app.day.document import PREFERENCES
from reviewloop.app.day.handoff import Resumption, resume_session, write_handoff
from reviewloop.app.day.memory import proposals
from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command, Group
from reviewloop.cli.memory import ask_each
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.handoff import Blocker, Obstacle
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line

_MOST_LINES = 25
_NEXT = 5
_LONGEST = 120  # characters of a message of `doctor`


@click.command(cls=Command)
@click.option(
    "-m", "--message", "notes", multiple=True, metavar="NOTE", help="A decision to hand over."
)
@click.option("--model", metavar="PROVIDER:MODEL", help="Model that shortens; by default none.")
@click.option("--budget-usd", type=float, metavar="USD", help="Cost limit.")
@click.option("--offline", is_flag=True, help="Ask no model whether it can be reached.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def handoff(
    notes: tuple[str, ...],
    model: str | None,
    budget_usd: float | None,
    offline: bool,
    as_json: bool,
    fleet: Fleet,
) -> ExitCode:
    """Write what the next session has to know.

    From facts only: git, runs, specs, what people said. A model that you name may leave words out
    of what was done; it adds none. The file is .kiro/context/session-handoff.md, or below
    .reviewloop/context where there is no .kiro.
    """
    if any(not note.strip() for note in notes):
        raise UsageError("-m is empty; say what was decided, or leave it out")
    if budget_usd is not None and model in (None, "none"):
        raise UsageError("--budget-usd is for a model; name one with --model provider:model")
    shorten = None
    if model not in (None, "none"):
        from reviewloop.app.day.shorten import shorten as ask_to_shorten
        from reviewloop.app.question import Question

        flags = {} if budget_usd is None else {"limits.usd": budget_usd}
        question = Question("Shorten what was done in this session.", model, flags)
        shorten = partial(ask_to_shorten, open_repository(), question=question)
    repository = open_repository(for_reading=True)
    written = write_handoff(repository, fleet, [*_broken(online=not offline)], notes, shorten)
    shorter = written.shorter
    body = {
        "path": written.path,
        "kept_as": written.kept_as,
        "blockers": [one.text for one in written.handoff.blockers],
        "next": [{"command": one.command, "why": one.why} for one in written.handoff.steps],
        "shortened": shorter.shortened if shorter else 0,
        "dropped": shorter.dropped if shorter else 0,
    }
    if as_json:
        print_json("session-handoff", body)
        if written.problem is not None:
            raise written.problem
        return ExitCode.CLEAN
    if written.kept_as:
        print_lines(f"it was edited by hand: that is kept as {written.kept_as}")
    blockers = counted(len(written.handoff.blockers), "blocker") if written.handoff.blockers else ""
    click.echo(f"{written.path} is written{f', with {blockers}' if blockers else ''}")
    if shorter:
        print_lines(f"the model shortened {counted(shorter.shortened, 'line')} of what was done")
    if shorter and shorter.dropped:
        added = "with words that were added, or without some that matter"
        print_lines(f"{counted(shorter.dropped, 'line')} of the model dropped: {added}")
    if written.problem is not None:
        print_lines("the model shortened nothing; it is written in full")
        raise written.problem
    found = proposals(repository, fleet)
    if found and is_interactive():
        print_lines(f"{counted(len(found), 'line')} to remember, each in your own words:")
        ask_each(repository, found)
    elif found:
        print_lines(f"{counted(len(found), 'line')} to remember? `reviewloop memory` shows")
    print_lines(
        "next time: `reviewloop session resume`",
        "skills that need refining? `reviewloop skills improve`; `skills suggest` lists repeats",
    )
    return ExitCode.CLEAN


@click.group(cls=Group)
def session() -> None:
    """Begin a working day where the last one ended."""


@session.command("resume", cls=Command)
@click.option("--offline", is_flag=True, help="Ask no model whether it can be reached.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def resume(offline: bool, as_json: bool, fleet: Fleet) -> ExitCode:
    """Show where the last session ended, what is next, and what differs from its handoff."""
    repository = open_repository(for_reading=True)
    found = resume_session(repository, fleet, [*_broken(online=not offline)])
    if as_json:
        print_json("session", _plain(found))
        return ExitCode.CLEAN
    show = redactor_of(repository.user).for_people
    lines = [*_lines(found)]
    for line in lines[:_MOST_LINES]:
        click.echo(one_line(show(line)))
    if is_interactive():
        _ask_what_first(found)
    return ExitCode.CLEAN


def _ask_what_first(found: Resumption) -> None:
    """Ask what comes first, and print the command that starts it."""
    try:
        answer = read_line("go on with 1? Enter, another number, or what comes first instead > ")
    except EOFError:  # the user left
        print_lines("")
        return
    steps = found.now.steps[:_NEXT]
    words = answer.strip()
    if not words or (words.isdecimal() and 0 < int(words) <= len(steps)):
        if steps:
            print_lines(f"it begins with: {steps[int(words or 1) - 1].command}")
        return
    quoted = shlex.quote(words)
    print_lines(
        f"at once: reviewloop run -m {quoted}",
        f"with a spec first: reviewloop spec new -m {quoted}",
        "the handoff stays as it is: `reviewloop session resume` shows it again",
    )


def _broken(*, online: bool) -> Iterator[str]:
    """Yield the problems that `doctor` finds and that stop any run, one sentence each."""
    from reviewloop.cli.doctor import all_checks

    for check in all_checks(online=online):
        if (check.mark == "bad" and check.name != "branch") or check.stops_run:
            yield f"{check.name}: {check.text}"


def _lines(found: Resumption) -> Iterator[str]:
    """Yield at most as many lines as fit on a screen, the most urgent first."""
    git, left = found.now.git, found.left
    if git.unpushed:
        yield f"not pushed: {counted(git.unpushed, 'commit')} of {git.branch} to {git.missing_at}"
    if git.dirty:
        more = f" and {len(git.dirty) - 3} more" if len(git.dirty) > 3 else ""
        yield f"not committed: {', '.join(git.dirty[:3])}{more}"
    blockers = [_short(one) for one in found.now.blockers if one.kind is not Obstacle.UNPUSHED]
    yield from _some("blocked", blockers, 4)
    yield from _some("differs", found.discrepancies, 5)
    at = time.strftime("%Y-%m-%d %H:%M", time.localtime(left.at)) if left.at else "by hand"
    head = left.head[:10] or "its beginning, without a commit"
    there = f", on {left.branch or 'no branch'} at {head}" if left.is_ours else ""
    yield f"left off: {left.path}, {at}{there}"
    for one in found.now.progress[:2]:
        yield f"          {one.name}: {one.done}/{one.total} tasks"
    yield from _some("live", found.now.live, 2)
    yield from _some("prefer", left.sections.get(PREFERENCES, ()), 2)
    context = (
        (len(found.steering), "steering file"),
        (len(found.agents), "agent"),
        (len(found.skills), "skill"),
    )
    yield "context: " + ", ".join(counted(number, name) for number, name in context)
    for number, step in enumerate(found.now.steps[:_NEXT], 1):
        yield f"{number}. {step.command}  # {step.why}"
    if not found.now.steps:
        yield "next: nothing waits; `reviewloop spec new` or `reviewloop run -m` begins something"


def _short(one: Blocker) -> str:
    """Return a blocker, shortened."""
    if one.kind is not Obstacle.MACHINE or len(one.text) <= _LONGEST:
        return one.text
    return f"{one.text[:_LONGEST].rsplit(' ', 1)[0]} ... (`reviewloop doctor` says all of it)"


def _some(label: str, lines: Any, most: int) -> Iterator[str]:
    for line in lines[:most]:
        yield f"{label}: {line}"
    if len(lines) > most:
        yield f"{label}: and {len(lines) - most} more"


def _plain(found: Resumption) -> dict[str, Any]:
    now, git = found.now, found.now.git
    return {
        "handoff": {"path": found.left.path, "at": found.left.at, "edited": found.left.is_edited},
        "branch": git.branch,
        "head": git.head,
        "unpushed": git.unpushed,
        "uncommitted": list(git.dirty),
        "blockers": [one.text for one in now.blockers],
        "discrepancies": list(found.discrepancies),
        "progress": [
            {"spec": one.spec, "name": one.name, "done": one.done, "total": one.total}
            for one in now.progress
        ],
        "live": list(now.live),
        "next": [{"command": one.command, "why": one.why} for one in now.steps],
        "preferences": list(found.left.sections.get(PREFERENCES, ())),
        "context": {
            "steering": list(found.steering),
            "agents": list(found.agents),
            "skills": list(found.skills),
        },
    }
