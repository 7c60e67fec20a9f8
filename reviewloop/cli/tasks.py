"""`reviewloop tasks`: the tasks of a spec, with dependencies, progress and what may start."""

import re
from collections.abc import Mapping
from dataclasses import asdict

import click
from rich.console import Console
from rich.text import Text

from reviewloop.app.fleet.port import Fleet
from reviewloop.app.project import open_repository, read_settings
from reviewloop.app.redactors import redactor_of
from reviewloop.app.spec.unfinished_specs import name_unfinished_session
from reviewloop.cli.consoles import print_json, print_lines, results
from reviewloop.cli.fleet import fleet_option
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.task import Spec, Task
from reviewloop.git.repository import UserRepo
from reviewloop.render.task_export import TaskRow, TasksReport, Wait, issue_drafts, tasks_csv
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import DiskFiles
from reviewloop.specs.order import Outlook, outlook
from reviewloop.specs.scope import estimate_of, scope_of
from reviewloop.specs.select import is_done, optional_progress, progress

_MARKS = {"open": "[ ]", "in_progress": "[-]", "done": "[x]", "queued": "[~]"}
NOWHERE: Mapping[str, str] = {}
_OF_RUNS = {
    "waiting": "waits for you",
    "blocked": "blocked",
    "stopped": "stopped",
    "committed": "committed",  # by a worker
}


@click.command(cls=Command)
@click.option("--spec", "path", metavar="PATH", help="Spec file, folder or feature name.")
@click.option("--export", type=click.Choice(("github", "csv")), help="For another tracker.")
@click.option("--create", is_flag=True, help="With --export github: open or update the issues.")
@click.option("--repo", metavar="OWNER/NAME", default="", help="Their repository (the remote's).")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@fleet_option
def tasks(
    path: str | None, export: str | None, create: bool, repo: str, as_json: bool, fleet: Fleet
) -> ExitCode:
    """List the tasks of a spec and what may start.

    Shows states, dependencies, requirements and progress. [-] is a task whose run is not finished.
    With --store: the runs of workers on the branch that is checked out. --export github prints
    drafts of issues as JSON, csv a table. With --create each is opened once on GitHub, and brought
    up to date the next time.
    """

    if (create and export != "github") or (repo and not create):
        raise UsageError("--create goes with --export github, and --repo with --create")
    around = open_repository(for_reading=True)
    user = around.user
    spec_path = path or read_settings(user.root, project=user.project).settings.spec.path or None
    here = user.here if path else user.project
    with name_unfinished_session(around):
        spec = open_spec(DiskFiles(user.root), spec_path, project=user.project, here=here)
    found = fleet.tasks(user, spec)
    body = tasks_report(spec, found.runs, found.held, found.elsewhere)
    if create:
        _create(user, repo, body, as_json=as_json)
    elif export == "github":
        print_json("tasks-export", {"issues": issue_drafts(body)})
    elif export:
        click.echo(tasks_csv(body), nl=False)
    elif as_json:
        print_json("tasks", body)
    else:
        _print(body, results())
    notes = [f"note: {sentence}" for sentence in body["notices"]]
    print_lines(*notes, *(f"problem: {sentence}" for sentence in body["problems"]))
    return ExitCode.USAGE if body["problems"] else ExitCode.CLEAN


def _create(user: UserRepo, repo: str, body: TasksReport, *, as_json: bool) -> None:
    """Open or update an issue for each task, redacted."""
    from reviewloop.cli.github_client import client_for
    from reviewloop.github.publishing.issues import make_issues

    show = redactor_of(user).for_people
    drafts = issue_drafts(body)
    for draft in drafts:
        draft["title"], draft["body"] = show(draft["title"]), show(draft["body"])
    with client_for(user, repo) as client:
        made = make_issues(client, drafts)
    if as_json:
        print_json("tasks-created", asdict(made))
        return
    print_lines(
        f"{counted(len(made.opened), 'issue')} opened, {len(made.updated)} updated, "
        f"{made.unchanged} as before, in {client.repo.full}"
    )


def tasks_report(
    spec: Spec,
    in_work: Mapping[str, tuple[str, str]],
    held: Mapping[str, str],
    elsewhere: Mapping[str, str] = NOWHERE,
) -> TasksReport:
    """Return the tasks as plain values; for the other arguments see `TasksInWork`."""

    done, total = progress(spec)
    optional_done, optional_total = optional_progress(spec)
    seen = outlook(spec)
    return {
        "spec": {
            "name": spec.name,
            "path": spec.path,
            "dialect": spec.dialect,
            "stage": spec.stage,
        },
        "progress": {
            "done": done,
            "total": total,
            "optional_done": optional_done,
            "optional_total": optional_total,
        },
        "waves": [list(wave) for wave in seen.waves],
        "tasks": [_task(spec, task, in_work, held, elsewhere, seen) for task in spec.tasks],
        "problems": [*map(str, spec.problems), *([seen.refused] if seen.refused else [])],
        "notices": list(spec.notices),
    }


def _task(
    spec: Spec,
    task: Task,
    in_work: Mapping[str, tuple[str, str]],
    held: Mapping[str, str],
    elsewhere: Mapping[str, str],
    seen: Outlook,
) -> TaskRow:

    run, status = in_work.get(task.id, ("", ""))
    state = "done" if is_done(spec, task) else "in_progress" if run else task.state
    waits = seen.waits.get(task.id, ())
    return {
        "id": task.id,
        "title": task.title,
        "state": state,
        "optional": task.optional,
        "parent": task.parent,
        "children": list(task.children),
        "depends": list(task.depends),
        "waits_for": list(dict.fromkeys(one for wait in waits for one in wait.tasks)),
        "waits": [{"kind": w.kind, "name": w.name, "tasks": list(w.tasks)} for w in waits],
        "wave": seen.waves_of_tasks.get(task.id),
        "requirements": list(task.requirements),
        "scope": list(scope_of(task)),
        "estimated": estimate.text if (estimate := estimate_of(task)) else "",
        "phase": task.phase,
        "parallel": task.parallel,
        "checkpoint": task.checkpoint,
        "blocked": task.blocked,
        "eligible": task.id in seen.ready
        and not status
        and task.id not in held
        and task.id not in elsewhere,
        "done_on": elsewhere.get(task.id, ""),
        "held": held.get(task.id, "") if state != "done" else "",
        "run": run,
        "run_status": status,
        "where": task.where,
    }


def _print(body: TasksReport, console: Console) -> None:
    from rich.text import Text

    _print_head(body, console)
    parents = {task["id"]: task["parent"] for task in body["tasks"]}
    width = max((len(one_line(task["id"])) for task in body["tasks"]), default=1)
    phase = ""
    for task in body["tasks"]:
        if task["phase"] != phase:
            phase = task["phase"]
            console.print(Text(one_line(phase), style="bold"), soft_wrap=True)
        indent = "  " * _depth(task["id"], parents)
        left = Text(f"{indent}{_MARKS[task['state']]} {one_line(task['id']):<{width}} ")
        hanging(left, _description(task), console)


def _print_head(body: TasksReport, console: Console) -> None:
    from rich.text import Text

    shares = body["progress"]
    head = Text(f"{one_line(body['spec']['path'])}  ", style="bold")
    head.append(f"{shares['done']}/{shares['total']} tasks done", style="default")
    if shares["optional_total"]:
        head.append(f", {shares['optional_done']}/{shares['optional_total']} optional", style="dim")
    if shares["done"] < shares["total"]:
        ready = sum(task["eligible"] for task in body["tasks"])
        head.append(f", {ready} can start now", style="green" if ready else "yellow")
    console.print(head, soft_wrap=True)


def _depth(task_id: str, parents: Mapping[str, str | None]) -> int:
    depth, parent = 0, parents.get(task_id)
    while parent is not None and depth < len(parents):
        depth, parent = depth + 1, parents.get(parent)
    return depth


def _description(task: TaskRow) -> Text:
    from rich.text import Text

    text = Text(one_line(task["title"]), style="dim" if task["state"] == "done" else "")
    marks = {"optional": task["optional"], "checkpoint": task["checkpoint"]}
    remarks = [(word, "dim") for word, is_set in marks.items() if is_set]
    if task["parallel"]:
        remarks.append(("[P]", "dim"))
    if task["state"] != "done":
        remarks += _outlook(task)
        if task["wave"]:
            remarks.append((f"wave {task['wave']}", "dim"))
    if task["requirements"]:
        names = ", ".join(map(one_line, task["requirements"]))
        remarks.append((f"requirements {names}", "dim"))
    if task["estimated"] and task["state"] != "done":
        remarks.append((f"estimated {one_line(task['estimated'])}", "dim"))
    for words, style in remarks:
        text.append(f"  {words}", style=style)
    return text


def _outlook(task: TaskRow) -> list[tuple[str, str]]:
    """Return whether an open task has a run, may start, or why not."""

    if task["run"]:
        state = _OF_RUNS.get(task["run_status"], "in work")
        pull = "; `git pull` brings it" if task["run_status"] == "committed" else ""
        return [(f"{state}: run {one_line(task['run'])}{pull}", "yellow")]
    if task["done_on"]:
        branch = one_line(task["done_on"])
        return [(f"done on {branch}; `run` goes on there, `git switch {branch}` shows it", "green")]
    if task["run_status"]:
        return [("queued for workers", "yellow")]
    if task["held"]:
        return [(f"cannot begin: {one_line(task['held'])}", "yellow")]
    if task["eligible"]:
        return [("can start", "green")]
    if task["blocked"]:
        return [(f"blocked: {one_line(task['blocked'])}", "red")]
    if not task["waits"]:
        return []
    named = task["waits"]
    words = [] if not task["checkpoint"] else ["all tasks above"]
    if words:
        named = [wait for wait in named if wait["kind"] == "blocked"]
    return [(f"waits for {', '.join([*words, *map(_waited, named)])}", "yellow")]


def _waited(wait: Wait) -> str:

    ids = ", ".join(map(one_line, wait["tasks"]))
    if wait["kind"] == "phase":
        return re.split(r"[:—–]| - ", one_line(wait["name"]))[0].strip().lower() or ids
    if wait["kind"] == "wave":
        return f"wave {wait['name']}"
    if wait["kind"] == "blocked":
        return f"{ids}, which {'is' if len(wait['tasks']) == 1 else 'are'} blocked"
    return f"checkpoint {ids}" if wait["kind"] == "checkpoint" else ids
