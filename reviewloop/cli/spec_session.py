"""`reviewloop spec new` and its gates, at which a user decides."""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from reviewloop.app.hook_moments import CommandMoment, fire
from reviewloop.app.project import Repository, open_repository, settings_of
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.answers import user_name
from reviewloop.app.run.branches import branch_step
from reviewloop.app.sessions import name_from
from reviewloop.app.spec.approval import approve_spec, spec_on_disk
from reviewloop.app.spec.session import (
    SpecExistsError,
    SpecRequest,
    approved_line,
    begin,
    find,
    move,
    next_step,
    numbered_answers,
    phase_number,
    plain,
    questions_to_answer,
    sessions_of,
    shown,
    spent,
    title_of,
)
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line
from reviewloop.cli.help import Command
from reviewloop.cli.user_programs import edit_files
from reviewloop.domain.errors import ExitCode, InterruptedByUserError, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.hooks.hook import Event
from reviewloop.loop.spec_steps import FRESH, REVISE, SpecGate
from reviewloop.render.event_lines import action
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe
from reviewloop.render.word_diff import word_diff
from reviewloop.specs.discover import DIALECTS
from reviewloop.specs.writing import formats
from reviewloop.store.runs import RunRecord, RunStatus

Caps = Mapping[str, Any]


def json_option(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the option that prints one object instead of sentences."""
    option = click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON object on stdout."
    )
    return option(command)


def cap_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options that cap the usage of a session."""
    for option in reversed(
        (
            click.option("--budget-usd", type=float, metavar="USD", help="Cost limit."),
            click.option("--budget-tokens", type=int, metavar="N", help="Token limit."),
            click.option("--minutes", type=float, metavar="MIN", help="Time limit."),
            click.option("--turns", type=int, metavar="N", help="Limit on coding agents' turns."),
        )
    ):
        command = option(command)
    return command


def caps_of(
    usd: float | None, tokens: int | None, minutes: float | None, turns: int | None
) -> Caps:
    """Return the settings of the options of `cap_options`."""
    given = {"limits.usd": usd, "limits.tokens": tokens}
    given |= {"limits.minutes": minutes, "limits.turns": turns}
    return {name: value for name, value in given.items() if value is not None}


class _Format(click.Choice[str]):
    """Our dialects that are written, and those of others, which are looked for only when needed."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name of a dialect; refuse one that nobody writes."""
        if value in self.choices:
            return super().convert(value, param, ctx)
        return click.Choice(formats()).convert(value, param, ctx)


@click.command("new", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", default="", help="What is to be built, in your words.")
@click.option(
    "--from", "source", metavar="FILE", default="", help="The same from a file, - for stdin."
)
@click.option(
    "--format",
    "format_",
    type=_Format([one.name for one in DIALECTS if one.writing]),
    help="Which form the spec is written in; the one that the repository uses by default.",
)
@click.option("--quick", is_flag=True, help="Write all phases, then ask once.")
@click.option("--revise", is_flag=True, help="Change the spec of this name that exists.")
@click.option("--fresh", is_flag=True, help="Write it anew; the old one goes to archive/.")
@click.option(
    "--tools", multiple=True, metavar="@SERVER", help="MCP server that research asks; repeatable."
)
@click.option("--model", metavar="PROVIDER:MODEL", help="The model that writes.")
@cap_options
@json_option
def new(
    name: str | None,
    message: str,
    source: str,
    format_: str | None,
    quick: bool,
    revise: bool,
    fresh: bool,
    tools: tuple[str, ...],
    model: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    as_json: bool,
) -> ExitCode:
    """Write a spec from an idea: questions, requirements, design, tasks.

    Each phase stops for you: nothing is written before you approve it, and nothing goes on without
    you. Without a terminal it ends with 4, and `spec approve|modify|edit|answer|reject` go on.
    """
    if message and source:
        raise UsageError("-m and --from both say what is to be built; give one")
    if revise and fresh:
        raise UsageError("--revise changes the spec and --fresh writes it anew; give one")
    idea = _read_idea(source) if source else message
    repo = open_repository()
    if idea.strip() and not name:
        name = name_from(redactor_of(repo.user).for_people(idea))
        if not name:
            raise UsageError("give the spec a name: reviewloop spec new NAME -m TEXT")
    request = SpecRequest(
        name=name or "",
        idea=idea,
        format=format_ or "",
        model=model,
        existing=REVISE if revise else FRESH if fresh else "",
        quick=quick,
        tools=tools,
        flags=caps_of(budget_usd, budget_tokens, minutes, turns),
    )
    return go_on(repo, _begun(repo, request).run_id, as_json=as_json)


def _begun(repo: Repository, request: SpecRequest) -> RunRecord:
    """Start a session; at a terminal ask what to do with an existing spec."""
    from dataclasses import replace

    try:
        return begin(repo, request)
    except SpecExistsError as error:
        if not is_interactive():
            raise
        print_lines(str(error))
        choice = read_line("[r]evise [f]resh [l]eave > ").strip().casefold()[:1]
        chosen = {"r": REVISE, "f": FRESH}.get(choice)
        if chosen is None:
            raise
        return begin(repo, replace(request, existing=chosen))


@click.command("resume", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@cap_options
@json_option
def resume(
    name: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    as_json: bool,
) -> ExitCode:
    """Continue a spec in work from its last step."""
    repo = open_repository()
    if name is None and all(one.status.over for one in sessions_of(repo).runs.all()):
        raise UsageError(
            "no spec is in work; `reviewloop spec new NAME -m TEXT` begins one, `reviewloop "
            "resume` goes on with a run, `reviewloop session resume` with a handoff"
        )
    caps = caps_of(budget_usd, budget_tokens, minutes, turns)
    return go_on(repo, find(repo, name).run_id, caps, as_json=as_json)


@click.command("show", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--whole", is_flag=True, help="Print the phase whole, not what is different.")
@json_option
def show(name: str | None, whole: bool, as_json: bool) -> ExitCode:
    """Show what a spec in work asks you: its questions, or the phase that waits.

    Of a phase that was changed, it is what is different.
    """
    repo = open_repository(for_reading=True)
    record = find(repo, name)
    if as_json:
        print_json("spec-session", plain(repo, record))
        return ExitCode(record.exit_code)
    _print_gate(repo, shown(repo, record), whole=whole)
    if record.status is RunStatus.PAUSED and record.reason:
        print_lines(record.reason)
    print_lines(f"{record.run_id}: {next_step(record)}")
    return ExitCode(record.exit_code)


@click.command("list", cls=Command)
@json_option
def list_sessions(as_json: bool) -> ExitCode:
    """List the specs in work, and those that were written or rejected."""
    repo = open_repository(for_reading=True)
    if as_json:
        rows = [plain(repo, record) for record in sessions_of(repo).runs.all()]
        print_json("spec-sessions", {"specs": rows})
        return ExitCode.CLEAN
    records = sessions_of(repo).runs.all()
    for record in records:
        click.echo(f"{one_line(record.run_id)}  {one_line(next_step(record))}")
    if not records:
        print_lines("no spec is in work; `reviewloop spec new NAME -m TEXT` begins one")
    return ExitCode.CLEAN


@click.command("approve", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def approve(name: str | None, as_json: bool) -> ExitCode:
    """Approve the phase that waits; of a spec that is written, what it says now.

    A phase is written then, and the next one begins. Who approved what is kept: see
    spec.require_approval.
    """
    repo = open_repository()
    in_work = {one.run_id for one in sessions_of(repo).runs.all() if not one.status.over}
    written = spec_on_disk(repo, name) if name and name not in in_work else None
    if written is not None:
        done = approve_spec(repo, written, user_name(), "spec approve")
        facts = {"spec": done.path, "phase": ""}
        moment = CommandMoment(Event.SPEC_APPROVED, facts, written.name, paths=[*done.files])
        fire(repo, moment, print_lines)
        body = {"path": done.path, "by": done.by, "at": done.at, "digest": done.digest}
        body |= {"revision": done.revision, "tasks": dict(done.tasks)}
        if as_json:
            print_json("spec-approval", body)
        else:
            files = counted(len(done.files), "file")
            click.echo(one_line(f"{done.path} is approved as it is: {files}, {done.digest[:12]}"))
        return ExitCode.CLEAN
    return _answered(name, {"choice": "approve"}, as_json=as_json)


@click.command("modify", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", required=True, help="What is to be changed in this phase.")
@json_option
def modify(name: str | None, message: str, as_json: bool) -> ExitCode:
    """Have the phase that waits changed; you see what changed and are asked again."""
    if not message.strip():
        raise UsageError("say what is to be changed: -m TEXT")
    return _answered(name, {"choice": "modify", "text": message}, as_json=as_json)


@click.command("edit", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--from", "source", metavar="FILE", default="", help="Take the phase from a file, - for stdin."
)
@json_option
def edit(name: str | None, source: str, as_json: bool) -> ExitCode:
    """Edit the phase that waits in $EDITOR; you see what changed and are asked again."""
    repo = open_repository()
    record = find(repo, name)
    if source:
        text = _read_idea(source)
    else:
        asks = shown(repo, record)
        if "document" not in asks:
            raise UsageError(f"{record.run_id} shows no phase now: {next_step(record)}")
        text = _edited(asks)
    given = {"choice": "edit", "document": text}
    if as_json or not is_interactive():
        return _moved(repo, record.run_id, given, as_json=as_json)
    _moved(repo, record.run_id, given, as_json=False, shows=False)
    return go_on(repo, record.run_id)


@click.command("reject", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def reject(name: str | None, as_json: bool) -> ExitCode:
    """Give a spec up; what was approved stays on disk."""
    return _answered(name, {"choice": "reject"}, as_json=as_json)


@click.command("answer", cls=Command)
@click.argument("name", metavar="NAME")
@click.argument("answers", nargs=-1, metavar="N=TEXT...")
@json_option
def answer(name: str, answers: tuple[str, ...], as_json: bool) -> ExitCode:
    """Answer the questions; `N` alone takes its default, none is an assumption."""
    repo = open_repository()
    record = find(repo, name)
    questions = questions_to_answer(repo, record)
    if questions is None:
        raise UsageError(f"{name} asks no questions now: {next_step(record)}")
    given = {"answers": numbered_answers(answers, questions)}
    return _moved(repo, name, given, as_json=as_json)


def _read_idea(source: str) -> str:
    try:
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"--from {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--from {source}: this is no UTF-8 text") from None


def _answered(name: str | None, answer_: Mapping[str, Any], *, as_json: bool) -> ExitCode:
    repo = open_repository()
    return _moved(repo, find(repo, name).run_id, answer_, as_json=as_json)


def _moved(
    repo: Repository,
    name: str,
    answer_: Mapping[str, Any] | None,
    caps: Caps | None = None,
    *,
    as_json: bool,
    shows: bool = True,
) -> ExitCode:
    """Advance a session and print its status; `shows` is False where the caller prints its
    question.
    """
    listener = None if as_json else _watch
    record = move(repo, name, answer_, listener, caps, notify=print_lines)
    if as_json:
        print_json("spec-session", plain(repo, record))
    elif record.status is RunStatus.COMMITTED:
        click.echo(f"{one_line(record.spec_path)}: {one_line(str(record.options['summary']))}")
        used = spent(repo, record)
        calls = counted(used.calls, "call") if used.calls else "from the journal"
        print_lines(
            f"spent: {used.cost}, {calls}",
            f"next: {_ways_on(repo, record)} (reviewloop tasks --spec {name} lists its tasks)",
        )
    elif record.status is RunStatus.SKIPPED:
        print_lines(f"{record.run_id}: {next_step(record)}; what was approved stays")
    elif record.status is RunStatus.WAITING and shows:
        _print_waiting(repo, record, changed=(answer_ or {}).get("choice") in _CHANGES)
    return ExitCode(record.exit_code)


def _ways_on(repo: Repository, record: RunRecord) -> str:
    """Return what can follow a written spec, with commands that work now."""
    name = record.run_id
    switch = branch_step(repo.user, settings_of(record), name)
    commit = f"commit {record.spec_path}, then reviewloop run next --spec {name}"
    return f"{switch} (a run needs a branch that is not protected), {commit}" if switch else commit


_CHANGES = ("modify", "edit")


def _print_waiting(repo: Repository, record: RunRecord, *, changed: bool) -> None:
    """Print what a session asks, and how to continue; a whole phase is shown at a terminal only."""
    asks = shown(repo, record)
    short = changed or "questions" in asks
    if short or is_interactive():
        _print_gate(repo, asks)
    print_lines(next_step(record))
    if not short and not is_interactive():
        print_lines(f"to read it: reviewloop spec show {record.run_id}")


def _watch(event: RunEvent) -> None:
    """Print which phases are written; at a terminal also the agents' progress, as it
    takes minutes.
    """
    if event.get("kind") == "approved":
        print_lines(approved_line(event["phases"]))
    if not is_interactive():
        return
    if event.get("kind") == "agent.start":
        print_lines(f"{event['agent']} works on: {str(event['step']).replace('_', '-')}")
    elif event.get("kind") == "tool":
        print_lines(f"  {action(event)}")


def go_on(
    repo: Repository,
    name: str,
    caps: Caps | None = None,
    *,
    as_json: bool = False,
    decide: Callable[[Mapping[str, Any]], Mapping[str, Any] | None] | None = None,
) -> ExitCode:
    """Advance a session, and ask at a terminal until it is over or the user leaves.

    `decide` answers for the user.
    """
    here = decide is not None or (is_interactive() and not as_json)
    code = _moved(repo, name, None, caps, as_json=as_json, shows=not here)
    while code is ExitCode.WAITING and here:
        record = find(repo, name)
        asks = shown(repo, record)
        if decide:
            _print_gate(repo, asks)
            reply = decide(asks)
        else:
            reply = _decided(repo, record, asks)
        if reply is None:
            print_lines(next_step(record))
            return code
        code = _moved(repo, name, reply, as_json=False, shows=False)
    return code


def _decided(repo: Repository, record: RunRecord, asks: SpecGate) -> Mapping[str, Any] | None:
    """Return the user's answer at the terminal, None when they leave."""
    try:
        return _ask(repo, asks)
    except EOFError:
        click.echo(err=True)
        return None
    except KeyboardInterrupt as error:
        click.echo(err=True)  # the next message starts on a new line
        raise InterruptedByUserError(f"nothing was decided; {next_step(record)}") from error


def _ask(repo: Repository, asks: SpecGate) -> Mapping[str, Any] | None:
    if "questions" in asks:
        print_lines("Enter takes what stands in brackets; - leaves a question open.")
        return {"answers": dict(_answers(repo, asks["questions"]))}
    _print_gate(repo, asks)
    while True:
        typed = read_line(_PROMPT).strip().casefold()
        choice = next((word[0] for word in _CHOICES if typed and word.startswith(typed)), "")
        if not choice:
            print_lines(f"please answer with one of: {', '.join(_CHOICES)}")
        if choice == "a":
            return {"choice": "approve"}
        if choice == "r":
            return {"choice": "reject"}
        if choice == "l":
            return None
        if choice == "m" and (text := read_line("what is to be changed > ").strip()):
            return {"choice": "modify", "text": text}
        if choice == "w":
            _print_gate(repo, asks, whole=True)
        if choice == "e" and (edited := _edited_here(asks)):
            return {"choice": "edit", "document": edited}


_CHOICES = ("approve", "modify", "edit", "whole", "reject", "leave")
_PROMPT = "[a]pprove [m]odify [e]dit [w]hole [r]eject [l]eave > "


def _answers(repo: Repository, questions: Sequence[Mapping[str, Any]]) -> Iterator[tuple[str, str]]:
    """Ask the questions in order; yield each number with the typed text, or its default."""
    show_ = redactor_of(repo.user).for_people
    for number, one in enumerate(questions, 1):
        click.echo(safe(show_(_question_line(number, one))))
        text = read_line(f"{number}. answer > ").strip()
        yield str(number), "" if text == "-" else text or one["default"]


def _edited_here(asks: SpecGate) -> str:
    """Return the phase as edited in the user's editor, "" where that failed."""
    try:
        return _edited(asks)
    except UsageError as error:
        print_lines(str(error))
        return ""


def _edited(asks: SpecGate) -> str:
    name = f"{asks['phase']}.md"
    data = edit_files({name: asks["document"].encode("utf-8", "surrogateescape")})[name]
    return (data or b"").decode("utf-8", "surrogateescape")


def _print_gate(repo: Repository, asks: SpecGate, *, whole: bool = False) -> None:
    """Print the questions, or the phase: what changed since it was seen, or the `whole`."""
    if not asks:
        return
    show_ = redactor_of(repo.user).for_people
    if "questions" in asks:
        for number, one in enumerate(asks["questions"], 1):
            click.echo(safe(show_(_question_line(number, one))))
        return
    click.echo(f"== {title_of(asks['phase'])} ({phase_number(asks['phase'])}) ==")
    text = asks["document"]
    if asks["before"] and not whole:
        text = word_diff(asks["before"], text) or "nothing changed"
    click.echo(safe(show_(text)))
    print_lines(*asks.get("notes", ()))
    if asks.get("problem"):
        print_lines(f"note: {asks['problem']}")


def _question_line(number: int, one: Mapping[str, Any]) -> str:
    choices = f" ({', '.join(one['choices'])})" if one["choices"] else ""
    default = f" [{one['default']}]" if one["default"] else ""
    return f"{number}. {one['question']}{choices}{default}"
