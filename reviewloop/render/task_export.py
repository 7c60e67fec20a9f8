"""Tasks of a spec for other trackers: drafts of GitHub issues, and CSV."""

from collections.abc import Sequence
from typing import TypedDict

from reviewloop.render.audit import csv_of
from reviewloop.render.untrusted import one_line


class SpecHead(TypedDict):
    """The spec of a list of tasks."""

    name: str
    path: str
    dialect: str
    stage: str


class Progress(TypedDict):
    """How many tasks are done."""

    done: int
    total: int
    optional_done: int
    optional_total: int


class Wait(TypedDict):
    """What a task waits for."""

    kind: str
    name: str
    tasks: list[str]


class TaskRow(TypedDict):
    """A task of the spec, and what is known of its run."""

    id: str
    title: str
    state: str
    optional: bool
    parent: str | None
    children: list[str]
    depends: list[str]
    waits_for: list[str]
    waits: list[Wait]
    wave: int | None
    requirements: list[str]
    scope: list[str]
    estimated: str
    phase: str
    parallel: bool
    checkpoint: bool
    blocked: str
    eligible: bool
    done_on: str
    held: str
    run: str
    run_status: str
    where: str


class TasksReport(TypedDict):
    """All tasks of a spec, as `tasks --json` prints them."""

    spec: SpecHead
    progress: Progress
    waves: list[list[str]]
    tasks: list[TaskRow]
    problems: list[str]
    notices: list[str]


LABEL = "reviewloop-task"
_LONGEST_LABEL = 50  # of GitHub
_COLUMNS = (
    *("spec", "id", "title", "state", "phase", "parent", "depends", "requirements", "scope"),
    "estimated",
)


class Draft(TypedDict):
    """An issue in the form of GitHub's API."""

    title: str
    body: str
    labels: list[str]
    state: str  # open | closed


def issue_drafts(report: TasksReport) -> list[Draft]:
    """Return a draft for each task; a done task's is closed."""
    spec = report["spec"]
    labels = [LABEL, f"spec:{one_line(spec['name'])}"[:_LONGEST_LABEL]]
    return [
        {
            "title": one_line(f"{task['id']} {task['title']}")[:256],
            "body": _body(spec["path"], task),
            "labels": labels + (["optional"] if task["optional"] else []),
            "state": "closed" if task["state"] == "done" else "open",
        }
        for task in report["tasks"]
    ]


def tasks_csv(report: TasksReport) -> str:
    """Return a row for each task."""
    return csv_of(_COLUMNS, [_cells(report["spec"]["path"], task) for task in report["tasks"]])


def _cells(spec: str, task: TaskRow) -> list[str]:
    lists = (task["depends"], task["requirements"], task["scope"])
    return [
        *(spec, task["id"], task["title"], task["state"], task["phase"], task["parent"] or ""),
        *map(" ".join, lists),
        task["estimated"],
    ]


def _body(spec: str, task: TaskRow) -> str:
    """Return the text; its last line identifies the task for programs."""
    lines = [f"Task {one_line(task['id'])} of the spec `{one_line(spec)}`."]
    facts: Sequence[tuple[str, Sequence[str]]] = (
        ("Depends on", task["depends"]),
        ("Requirements", task["requirements"]),
        ("Files", [f"`{one_line(path)}`" for path in task["scope"]]),
        ("Estimated", [task["estimated"]] if task["estimated"] else []),
    )
    lines += [f"- {name}: {', '.join(map(one_line, what))}" for name, what in facts if what]
    command = f"reviewloop run {one_line(task['id'])} --spec {one_line(spec)}"
    marker = f"<!-- reviewloop task: {one_line(spec)} {one_line(task['id'])} -->"
    return "\n\n".join([lines[0], "\n".join(lines[1:]), f"`{command}`", marker]).replace(
        "\n\n\n\n", "\n\n"
    )
