"""`skills capture`, `skills improve` and their gates: the user decides what is written."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

import click

from reviewloop.app.project import Repository, open_repository
from reviewloop.app.redactors import redactor_of
from reviewloop.app.skills import capture as capturing
from reviewloop.app.skills import improve as improving
from reviewloop.app.skills.evidence import evidence_of
from reviewloop.app.skills.running import open_runs
from reviewloop.app.skills.session import (
    CAPTURE,
    IMPROVE,
    SkillRequest,
    before_of,
    begin,
    draft_of,
    end,
    find,
    move,
    next_step,
    plain,
    sessions_of,
    spent,
)
from reviewloop.app.skills.stored import Draft, Material, SkillAnswer
from reviewloop.cli import completion
from reviewloop.cli.consoles import is_interactive, print_json, print_lines, read_line
from reviewloop.cli.help import Command
from reviewloop.cli.skill_proof import prove_session
from reviewloop.cli.skill_run import approve_phase, reject_run, show_phase
from reviewloop.cli.skills import skill_name, target_folder
from reviewloop.cli.spec_session import json_option
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.event import RunEvent
from reviewloop.render.event_lines import action
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line, safe
from reviewloop.skills import FILE, nearest_name
from reviewloop.skills.edits import Edit, Gap
from reviewloop.store.runs import RunRecord, RunStatus

_LARGEST = 1_000_000  # bytes of a file with material
_CALLED = {".kiro": "in Kiro: /{}", ".claude": "in Claude Code: /{}"}
_UNCLEAR = (
    "which skill needs improvement, and what went wrong? reviewloop skills improve NAME --from RUN,"
    " or -m TEXT"
)


def model_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options for the model and its cost."""
    for option in (
        click.option("--budget-usd", type=float, metavar="USD", help="Cost limit."),
        click.option("--model", metavar="PROVIDER:MODEL", help="The model that writes."),
    ):
        command = option(command)
    return command


@click.command("capture", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", default="", metavar="TEXT", help="What the skill is to do.")
@click.option(
    "--from", "source", metavar="FILE|RUN", default="",
    help="A file (- for pasted text), or runs, separated by commas.",
)  # fmt: skip
@click.option("--to", "folder", metavar="FOLDER", default="", help="Where it goes.")
@model_options
@json_option
def capture(
    name: str | None,
    message: str,
    source: str,
    folder: str,
    model: str | None,
    budget_usd: float | None,
    as_json: bool,
) -> ExitCode:
    """Turn a workflow that you explain again and again into a skill.

    A draft is shown; nothing is on disk before you save it. Without a terminal it ends with 4, and
    `skills approve|modify|reject` go on.
    """
    if bool(message) == bool(source):
        raise UsageError("say what the skill is made of: -m TEXT, or --from FILE|RUN, one of them")
    repo = open_repository()
    text = message if message else _material_text(repo, source)
    if not text.strip():
        raise UsageError("there is nothing to make a skill of: the material is empty")
    if not name:
        if not is_interactive():
            raise UsageError("name the skill: reviewloop skills capture NAME")
        name = _read_name("name of the skill > ")
    name = skill_name(name)
    target = target_folder(folder)
    capturing.require_free(repo.user.root, f"{target}/{name}/{FILE}")
    models, own = capturing.models_of(repo.user.root, Path.home())
    redact = redactor_of(repo.user).for_models
    material: Material = {"source": redact(text), "name": name, "folder": target}
    material |= {"models": [*models], "own": own}
    flags = {} if budget_usd is None else {"limits.usd": budget_usd}
    request = SkillRequest(CAPTURE, name, name, material, model, flags)
    return go_on(repo, begin(repo, request).run_id, as_json=as_json)


@click.command("improve", cls=Command)
@click.argument("names", nargs=-1, metavar="[NAME]...", shell_complete=completion.skills)
@click.option("-m", "--message", default="", metavar="TEXT", help="What went wrong.")
@click.option(
    "--from", "source", metavar="RUN|FILE", default="",
    help="Runs, separated by commas, or a file such as an article (- for stdin).",
)  # fmt: skip
@click.option(
    "--text", "new_text", metavar="FILE", default="", help="The new text; no model proposes then."
)
@click.option(
    "--prove", default="", metavar="RUN,...",
    help="Do these runs anew with the old and the new text; a text that is no better is refused.",
)  # fmt: skip
@click.option("--times", type=click.IntRange(1, 20), default=1, help="Each that often (1).")
@click.option("--yes", is_flag=True, help="Pay for it without asking.")
@click.option("--budget-tokens", type=int, metavar="N", help="Token limit.")
@model_options
@json_option
def improve(
    names: tuple[str, ...],
    message: str,
    source: str,
    new_text: str,
    prove: str,
    times: int,
    yes: bool,
    model: str | None,
    budget_usd: float | None,
    budget_tokens: int | None,
    as_json: bool,
) -> ExitCode:
    """Mend skills by what went wrong: guards first, then targeted edits.

    Each edit quotes what it replaces and names its evidence; more than 40 % of a file is refused.
    """
    repo = open_repository()
    caps = {"limits.usd": budget_usd, "limits.tokens": budget_tokens}
    flags = {name: value for name, value in caps.items() if value is not None}
    begun = _own_text(repo, names, new_text) if new_text else None
    if begun and not (prove and draft_of(repo, begun)["texts"]):
        return go_on(repo, begun.run_id, as_json=as_json)
    if prove:
        record = begun or _waiting_for(repo, names)
        return prove_session(repo, record, prove, times, model, flags, yes=yes, as_json=as_json)
    if not message and not source and not names and is_interactive():
        names = (read_line("which skill needs improvement? > ").strip(),)
        message = read_line("what went wrong? > ").strip()
    if not message and not source:
        raise UsageError(_UNCLEAR)
    skills = improving.skills_to_improve(repo.user.root, Path.home(), names)
    if not skills:
        raise UsageError("this project has no skills of its own; `reviewloop skills install all`")
    texts = [("what the user says", message)] if message else []
    runs = []
    if source and (source == "-" or Path(source).exists()):
        texts.append((source, _file_text(source)))
    elif source:
        runs = [repo.runs.find(one) for one in source.split(",") if one]
    redact = redactor_of(repo.user).for_models
    lines = [redact(one.line) for one in evidence_of(repo, runs, texts)]
    material: Material = {"skills": skills, "evidence": lines}
    name = _improvement_name(names or tuple(skills))
    request = SkillRequest(IMPROVE, name, f"improve {', '.join(skills)}", material, model, flags)
    return go_on(repo, begin(repo, request).run_id, as_json=as_json)


@click.command("approve", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--as", "new_name", metavar="NAME", default="", help="Save it under another name.")
@click.option("--only", multiple=True, metavar="SKILL", help="Of several skills; repeatable.")
@click.option(
    "--run", "numbers", type=int, multiple=True, metavar="N",
    help="Of a phase of `skills run`: run its command N; repeatable.",
)  # fmt: skip
@click.option("--set", "values", multiple=True, metavar="NAME=TEXT", help="What that leaves open.")
@click.option("--stay", is_flag=True, help="With --run: stay at this phase.")
@json_option
def approve(
    name: str | None,
    new_name: str,
    only: tuple[str, ...],
    numbers: tuple[int, ...],
    values: tuple[str, ...],
    stay: bool,
    as_json: bool,
) -> ExitCode:
    """Save the draft, apply the edits, or go on with the phase that waits."""
    repo = open_repository()
    if followed := _followed(repo, name):
        if stay and not numbers:
            raise UsageError("--stay goes with --run N; without it nothing would be done")
        return approve_phase(repo, followed, numbers, values, as_json=as_json, stay=stay)
    record = find(repo, name)
    answer: SkillAnswer = {"choice": "approve", "only": [*only]}
    if new_name:
        if record.options["kind"] != CAPTURE:
            raise UsageError("--as names a draft of `skills capture`; leave it out")
        answer["name"] = skill_name(new_name)
    return _moved(repo, record.run_id, answer, as_json=as_json)


@click.command("modify", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@click.option("-m", "--message", required=True, help="What is to be changed.")
@json_option
def modify(name: str | None, message: str, as_json: bool) -> ExitCode:
    """Have the proposal changed; you see what changed and are asked again."""
    if not message.strip():
        raise UsageError("say what is to be changed: -m TEXT")
    repo = open_repository()
    answer: SkillAnswer = {"choice": "modify", "text": message}
    return _moved(repo, find(repo, name).run_id, answer, as_json=as_json)


@click.command("reject", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def reject(name: str | None, as_json: bool) -> ExitCode:
    """Give up a draft, edits or a started skill; nothing is written."""
    repo = open_repository()
    if followed := _followed(repo, name):
        return reject_run(repo, followed, as_json=as_json)
    return _moved(repo, find(repo, name).run_id, {"choice": "reject"}, as_json=as_json)


@click.command("resume", cls=Command)
@click.argument("name", metavar="[NAME]", required=False)
@json_option
def resume(name: str | None, as_json: bool) -> ExitCode:
    """Go on with a skill in work, or show what waits."""
    repo = open_repository()
    if followed := _followed(repo, name):
        return show_phase(repo, followed, as_json=as_json)
    return go_on(repo, find(repo, name).run_id, as_json=as_json)


def _followed(repo: Repository, name: str | None) -> str:
    """Return the skill of `skills run` with this name, "" where it is a session."""
    sessions = [one.run_id for one in sessions_of(repo).runs.all() if not one.status.over]
    names = open_runs(repo)
    if name is not None:
        return name if name in names and name not in sessions else ""
    return names[0] if len(names) == 1 and not sessions else ""


def go_on(repo: Repository, name: str, *, as_json: bool) -> ExitCode:
    """Advance a session, show its proposal, and ask at a terminal until it is over."""
    code = _moved(repo, name, None, as_json=as_json)
    while code is ExitCode.WAITING and is_interactive() and not as_json:
        record = find(repo, name)
        answer = _ask(record)
        if answer is None:
            print_lines(next_step(record))
            return code
        code = _moved(repo, name, answer, as_json=False)
    return code


def _moved(repo: Repository, name: str, answer: SkillAnswer | None, *, as_json: bool) -> ExitCode:
    record = move(repo, name, answer, _watch if is_interactive() else None)
    draft = draft_of(repo, record)
    if record.status is RunStatus.WAITING and record.options["kind"] == IMPROVE:
        record = _assessed(repo, record, draft)
    if as_json:
        print_json("skill-session", plain(repo, record))
        return ExitCode(record.exit_code)
    if record.status is RunStatus.WAITING or record.exit_code == ExitCode.FINDINGS:
        _print_draft(repo, record, draft)
    if record.status is RunStatus.COMMITTED:
        _print_saved(repo, record)
    elif not is_interactive() or record.status.over:
        print_lines(f"{record.run_id}: {next_step(record)}")
    return ExitCode(record.exit_code)


def _assessed(repo: Repository, record: RunRecord, draft: Draft) -> RunRecord:
    """End a session without an edit to approve: all were refused, or there is no gap."""
    if draft["texts"]:
        return record
    if draft["refused"]:
        reasons = "; ".join(f"{name}: {why}" for name, why in draft["refused"].items())
        return end(repo, record.run_id, f"refused, {reasons}")
    return end(repo, record.run_id, "the evidence shows no gap that words would close")


def _print_draft(repo: Repository, record: RunRecord, draft: Draft) -> None:
    show = redactor_of(repo.user).for_people
    if record.options["kind"] == CAPTURE:
        before = before_of(repo, record)
        click.echo(safe(show(capturing.diff(before, draft))))
    else:
        click.echo(safe(show(improving.shown(draft))))


def _print_saved(repo: Repository, record: RunRecord) -> None:
    saved: list[str] = record.options.get("saved") or [record.options["summary"]]
    if record.options["kind"] == CAPTURE:
        path = PurePosixPath(saved[0])
        name = path.parent.name
        known = _CALLED.get(path.parts[0], "assistants that read this folder find it")
        click.echo(one_line(f"{path} is written; {known.format(name)}"))
        print_lines(f"or here: reviewloop skills run {name}")
    else:
        for row in saved:
            click.echo(one_line(row))
    used = spent(repo, record)
    print_lines(f"spent: {used.cost}, {counted(used.calls, 'call')}")


def _ask(record: RunRecord) -> SkillAnswer | None:
    """Return the user's answer at the terminal, None when they leave."""
    names = "[n]ame " if record.options["kind"] == CAPTURE else ""
    while True:
        choice = read_line(f"[s]ave [c]hange {names}[q]uit > ").strip().casefold()[:1]
        if choice == "s":
            return {"choice": "approve"}
        if choice == "q":
            return None
        if choice == "c" and (text := read_line("what is to be changed > ").strip()):
            return {"choice": "modify", "text": text}
        if choice == "n" and names:
            return {"choice": "approve", "name": _read_name("name > ")}


def _watch(event: RunEvent) -> None:
    if event.get("kind") == "tool":
        print_lines(f"  {action(event)}")


def _read_name(prompt: str) -> str:
    """Ask for a name until it is valid for a skill, and return it normalised."""
    while True:
        try:
            return skill_name(read_line(prompt).strip())
        except UsageError as error:
            print_lines(str(error))


def _waiting_for(repo: Repository, names: Sequence[str]) -> RunRecord:
    """Return the session whose edits wait for these skills, or the only one."""
    record = find(repo, _improvement_name(names) if names else None)
    if record.status is not RunStatus.WAITING or record.options["kind"] != IMPROVE:
        raise UsageError(
            f"no edit waits to be proved ({next_step(record)}); propose one, or give --text FILE"
        )
    return record


def _improvement_name(names: Sequence[str]) -> str:
    more = f"-and-{len(names) - 1}" if len(names) > 1 else ""
    return nearest_name(f"improve-{names[0]}"[:40]) + more


def _own_text(repo: Repository, names: Sequence[str], file: str) -> RunRecord:
    """Start a session with a user's own text, as one edit of the whole."""
    if len(names) != 1:
        raise UsageError("--text is the new text of one skill; name that")
    skills = improving.skills_to_improve(repo.user.root, Path.home(), names)
    before, after = skills[names[0]]["text"], _file_text(file)
    material: Material = {"skills": skills, "evidence": [f"E1 ({file}): the user's own text"]}
    if before == after:
        raise UsageError(f"{file} is byte-equal to the skill {names[0]}; there is nothing to do")
    edit = Edit(names[0], before, after, Gap.OUTPUT, "E1", "as the user wrote it")
    draft = improving.draft_from(material, [edit], no_guard="the user chose words")
    name = _improvement_name(names)
    request = SkillRequest(IMPROVE, name, f"improve {names[0]}", material, "none", {}, draft)
    return begin(repo, request)


def _material_text(repo: Repository, source: str) -> str:
    if source == "-" or Path(source).exists():
        return _file_text(source)
    runs = [repo.runs.find(one) for one in source.split(",") if one]
    return "\n".join(one.line for one in evidence_of(repo, runs))


def _file_text(source: str) -> str:
    try:
        if source != "-" and Path(source).stat().st_size > _LARGEST:
            raise UsageError(f"--from {source}: at most {_LARGEST:,} bytes are read")
        data = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"--from {source}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise UsageError(f"--from {source}: this is no UTF-8 text") from None
