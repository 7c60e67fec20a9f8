"""`reviewloop change`: changes the spec by one sentence, then does the tasks of the change."""

from collections.abc import Mapping
from typing import Any

import click

from reviewloop.app.batch.report import exit_code
from reviewloop.app.batch.run_batch import MODES
from reviewloop.app.batch.session import BatchOptions
from reviewloop.app.batch.start import BatchRequest
from reviewloop.app.change.account import account_of, plain, plain_list
from reviewloop.app.change.session import (
    KIND,
    ChangeRequest,
    WhichSpecError,
    begin,
    delta_of,
    find,
    move,
    next_step,
    open_tasks,
    sessions_of,
    shown,
)
from reviewloop.app.project import Repository, model_flags, open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.run.start import RunRequest
from reviewloop.cli.batch import done_here, propose_sync_of
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line, results
from reviewloop.cli.help import Command, Group
from reviewloop.cli.spec_session import cap_options, caps_of, json_option
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.render.change import account_lines, gate_lines
from reviewloop.render.event_lines import action
from reviewloop.render.terminal.batch import render_account
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe
from reviewloop.store.runs import RunRecord, RunStatus


@click.group(cls=Group, invoke_without_command=True)
@click.option("-m", "--message", default="", help="What is to change, in a sentence.")
@click.option("--spec", metavar="NAME|PATH", default="", help="The spec that it belongs to.")
@click.option("--plan-only", is_flag=True, help="Change the spec only; its tasks wait.")
@click.option("--mode", type=click.Choice(MODES), help="How tasks are approved; see `batch`.")
@click.option("--model", metavar="PROVIDER:MODEL", help="The model that writes, and does tasks.")
@click.option("--no-hooks", is_flag=True, help="Fire none of the repository's hooks.")
@click.option("--store", metavar="URL", hidden=True)
@cap_options
@json_option
@click.pass_context
def change(
    context: click.Context,
    message: str,
    spec: str,
    plan_only: bool,
    mode: str | None,
    model: str | None,
    no_hooks: bool,
    store: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    as_json: bool,
) -> ExitCode | None:
    """Change the spec by a sentence, and all that has to follow.

    You see the edits and all that they reach, and approve, modify or reject; nothing is written
    before. Then the delta is committed, and each of its tasks, as in `batch`.
    """
    if store is not None:
        raise UsageError(
            "a spec is changed in this checkout, not in a store; `change --plan-only`, push, then "
            "`batch --store URL` has workers do the tasks"
        )
    if context.invoked_subcommand is not None:
        if message or spec or plan_only or mode or model or no_hooks:
            raise UsageError(f"-m begins a change; leave it out with {context.invoked_subcommand}")
        return None
    if not message.strip():
        raise UsageError('say what is to change: reviewloop change -m "Add support for ..."')
    repo = open_repository()
    request = ChangeRequest(
        sentence=message,
        spec=spec,
        mode=mode or ("each" if is_interactive() else "queue"),
        plan_only=plan_only,
        model=model,
        flags=caps_of(budget_usd, budget_tokens, minutes, turns),
        no_hooks=no_hooks,
    )
    return begin_and_go_on(repo, request, as_json=as_json)


def begin_and_go_on(repo: Repository, request: ChangeRequest, *, as_json: bool) -> ExitCode:
    """Start a change, and advance it until it asks a user or is over."""
    return _go_on(repo, _begun(repo, request).run_id, as_json=as_json)


def _begun(repo: Repository, request: ChangeRequest) -> RunRecord:
    """Start a change; at a terminal ask for the spec where several fit."""
    from dataclasses import replace

    try:
        return begin(repo, request)
    except WhichSpecError as error:
        if not is_interactive():
            raise
        print_lines(str(error))
        print_lines(*(f"{number}. {path}" for number, path in enumerate(error.specs, 1)))
        chosen = read_line("which one > ").strip()
        if not chosen.isdigit() or not 1 <= int(chosen) <= len(error.specs):
            raise
        return begin(repo, replace(request, spec=error.specs[int(chosen) - 1]))


@change.command("approve", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def approve(name: str | None, as_json: bool) -> ExitCode:
    """Approve what waits: the impact before anything is paid, or the delta, which is committed."""
    return _answered(name, {"choice": "approve"}, as_json=as_json)


@change.command("modify", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", required=True, help="What the delta is to say otherwise.")
@json_option
def modify(name: str | None, message: str, as_json: bool) -> ExitCode:
    """Have the delta revised."""
    if not message.strip():
        raise UsageError("say what is to be otherwise: -m TEXT")
    return _answered(name, {"choice": "modify", "text": message}, as_json=as_json)


@change.command("reject", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def reject(name: str | None, as_json: bool) -> ExitCode:
    """Give a change up; the repository stays unchanged."""
    return _answered(name, {"choice": "reject"}, as_json=as_json)


@change.command("resume", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--mode", type=click.Choice(MODES), help="How tasks are approved; see `batch`.")
@cap_options
@json_option
def resume(
    name: str | None,
    mode: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    minutes: float | None,
    turns: int | None,
    as_json: bool,
) -> ExitCode:
    """Go on with a change from where it stands; of one that was planned only, do its tasks."""
    repo = open_repository()
    caps = caps_of(budget_usd, budget_tokens, minutes, turns)
    record = find(repo, name)
    committed = record.status is RunStatus.COMMITTED
    return _go_on(repo, record.run_id, caps, mode, as_json=as_json, tasks=committed)


@change.command("show", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def show(name: str | None, as_json: bool) -> ExitCode:
    """Show what a change asks you, or its result."""
    repo = open_repository(for_reading=True)
    record = find(repo, name)
    if as_json:
        print_json("change", plain(repo, record))
        return ExitCode(record.exit_code)
    _echo_gate(repo, record)
    _echo_account(repo, record)
    print_lines(f"{record.run_id}: {next_step(repo, record)}")
    return ExitCode(record.exit_code)


@change.command("list", cls=Command)
@json_option
def list_changes(as_json: bool) -> ExitCode:
    """List the changes of this repository."""
    repo = open_repository(for_reading=True)
    if as_json:
        print_json("changes", {"changes": plain_list(repo)})
        return ExitCode.CLEAN
    for record in sessions_of(repo).runs.all():
        click.echo(f"{one_line(record.run_id)}  {one_line(next_step(repo, record))}")
    return ExitCode.CLEAN


def _answered(name: str | None, answer: Mapping[str, Any], *, as_json: bool) -> ExitCode:
    repo = open_repository()
    record = move(repo, find(repo, name).run_id, answer, _listener(), notify=print_lines)
    return _settled(repo, record, None, as_json=as_json)


def _go_on(
    repo: Repository,
    name: str,
    caps: Mapping[str, Any] | None = None,
    mode: str | None = None,
    *,
    as_json: bool,
    tasks: bool = False,
) -> ExitCode:
    """Advance a change, and ask at a terminal until it is over or the user leaves."""
    record = move(repo, name, None, _listener(), caps, print_lines)
    while record.status is RunStatus.WAITING and is_interactive() and not as_json:
        _echo_gate(repo, record)
        answer = _ask()
        if answer is None:
            print_lines(next_step(repo, record))
            return ExitCode(record.exit_code)
        record = move(repo, name, answer, _listener(), notify=print_lines)
    return _settled(repo, record, mode, as_json=as_json, tasks=tasks)


def _ask() -> Mapping[str, Any] | None:
    while True:
        choice = read_line("[a]pprove [m]odify [r]eject [l]eave > ").strip().casefold()[:1]
        if choice in ("a", "r"):
            return {"choice": "approve" if choice == "a" else "reject"}
        if choice == "l":
            return None
        if choice == "m" and (text := read_line("what is to be otherwise > ").strip()):
            return {"choice": "modify", "text": text}


def _settled(
    repo: Repository,
    record: RunRecord,
    mode: str | None,
    *,
    as_json: bool,
    tasks: bool = False,
) -> ExitCode:
    """Do the tasks of a committed delta, and print the status of the change."""
    code, error = ExitCode(record.exit_code), None
    if record.status is RunStatus.COMMITTED:
        repo = open_repository()  # its branch has moved
        todo = open_tasks(repo, record)
        if todo and (tasks or not record.options["plan_only"]):
            request = _batch_of(repo, record, todo, mode)
            report, error = done_here(repo, request)
            if report.tasks and not as_json:
                render_account(report, results())
                propose_sync_of(report)
            code = exit_code(report) if error is None else exit_code(report, error.exit_code)
    if as_json:
        print_json("change", {**plain(repo, record), "exit_code": int(code)})
    else:
        if record.status is RunStatus.WAITING and not is_interactive():
            _echo_gate(repo, record)
        _echo_account(repo, record)
        print_lines(f"{record.run_id}: {next_step(repo, record)}")
    if error is not None:
        error.exit_code = code
        raise error
    return code


def _batch_of(
    repo: Repository, record: RunRecord, todo: tuple[str, ...], mode: str | None
) -> BatchRequest:
    delta, usd = delta_of(repo, record), record.options["budget_usd"]
    left = None if usd is None else max(0.01, usd - KIND.spent(repo, record).usd)
    run = RunRequest(
        flags=model_flags(record.options["model"] or None),
        changes=delta.changes if delta else (),
        no_hooks=bool(record.options.get("no_hooks")),
    )
    return BatchRequest(
        spec=record.spec_path,
        tasks=todo,
        mode=mode or str(record.options["mode"]),
        budget_usd=left,
        options=BatchOptions(request=run),
    )


def _echo_gate(repo: Repository, record: RunRecord) -> None:
    asks = shown(repo, record)
    if asks and record.status is not RunStatus.COMMITTED:
        show_ = redactor_of(repo.user).for_people
        for line in gate_lines(asks):
            click.echo(safe(show_(line)))


def _echo_account(repo: Repository, record: RunRecord) -> None:
    if record.status is not RunStatus.COMMITTED:
        return
    account = account_of(repo, record)
    show_ = redactor_of(repo.user).for_people
    commits = [(one.commit, one.subject) for one in account.commits]
    for line in account_lines(commits, account.touched, account.open):
        click.echo(safe(show_(line)))
    used = KIND.spent(repo, record)
    calls = counted(used.calls, "call") if used.calls else "from the journal"
    print_lines(f"the delta: {used.cost}, {calls}")


def _listener() -> Any:
    return _watch if is_interactive() else None


def _watch(event: RunEvent) -> None:
    if event.get("kind") == "agent.start":
        print_lines(f"{event['agent']} works on: {event['step']}")
    elif event.get("kind") == "tool":
        print_lines(f"  {action(event)}")
