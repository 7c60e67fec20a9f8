"""Tasks of a spec for other trackers: drafts of GitHub issues, and CSV."""

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from reviewloop.render.audit import csv_of
from reviewloop.render.untrusted import one_line

Task = Mapping[str, Any]
LABEL = "reviewloop-task"
_LONGEST_LABEL = 50  # of GitHub
_COLUMNS = ("id", "title", "state", "phase", "parent", "depends", "requirements", "scope")
_LISTS = {"depends", "requirements", "scope"}


class Draft(TypedDict):
    """An issue in the form of GitHub's API."""

    title: str
    body: str
    labels: list[str]
    state: str  # open | closed


def issue_drafts(report: Mapping[str, Any]) -> list[Draft]:
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


def tasks_csv(report: Mapping[str, Any]) -> str:
    """Return a row for each task."""
    return csv_of(
        ("spec", *_COLUMNS, "estimated"),
        [
            [report["spec"]["path"], *(_cell(task, name) for name in _COLUMNS), task["estimated"]]
            for task in report["tasks"]
        ],
    )


def _cell(task: Task, name: str) -> str:
    return " ".join(task[name]) if name in _LISTS else str(task[name] or "")


def _body(spec: str, task: Task) -> str:
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
