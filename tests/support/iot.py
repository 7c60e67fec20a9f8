"""The IoT backend of a worked example, in step with its spec, and a model that changes both.

A story is a sentence that changes it: the edits of the spec, why files stay, and for each task of
the change the files as it leaves them.
"""

import tomllib
from functools import cache
from pathlib import Path
from typing import Any

from support.spec_script import task_done

FOLDER = Path(__file__).parents[1] / "data/iot"
SPEC = ".kiro/specs/iot"
_OWN = "spec"  # where the data keeps the spec


@cache
def files() -> dict[str, str]:
    """Return the project: path -> text."""
    root = FOLDER / "project"
    paths = sorted(path for path in root.rglob("*") if path.is_file())
    named = {path: path.relative_to(root).as_posix() for path in paths}
    return {
        name.replace(f"{_OWN}/", f"{SPEC}/", 1) if name.startswith(f"{_OWN}/") else name: (
            path.read_text("utf-8")
        )
        for path, name in named.items()
    }


@cache
def story(name: str) -> dict[str, Any]:
    """Return a story: `sentence`, `edits`, `stays`, `tasks` (`id: title` -> files)."""
    found = tomllib.loads((FOLDER / f"{name}.toml").read_text("utf-8"))
    edits = [
        edit(one["path"], one["quote"], one["text"].rstrip("\n"), below=one.get("below", False))
        for one in found["edits"]
    ]
    return {"stays": {}, **found, "edits": edits}


def edit(document: str, quote: str, text: str, *, below: bool = False) -> dict[str, Any]:
    """Return an edit as a model proposes it."""
    return {"path": f"{SPEC}/{document}.md", "quote": quote, "text": text, "below": below}


def proposed(edits: list[dict[str, Any]], stays: dict[str, str], **about: Any) -> dict[str, Any]:
    """Return the reply that proposes a delta."""
    rows = [{"path": path, "reason": reason} for path, reason in stays.items()]
    call = {"name": "propose_delta", "args": {"edits": edits, "stays": rows}}
    return {"agent": "spec-change", "step": "delta", "tool_calls": [call], **about}


def tasks_done(tasks: dict[str, dict[str, str]]) -> list[dict[str, Any]]:
    """Return the replies of the runs that do these tasks: `id: title` -> files they leave."""
    found = []
    for task, changed in tasks.items():
        implement, review = task_done(changed, task.partition(": ")[2])
        found += [{**implement, "when": f"## Task {task}"}, review]
    return found


def replies(*names: str) -> list[dict[str, Any]]:
    """Return what the model answers to these stories, their tasks included."""
    found = []
    for one in map(story, names):
        found.append(proposed(one["edits"], one["stays"], when=one["sentence"]))
        found += tasks_done(one["tasks"])
    return found


def make_iot(root: Path, git: Any) -> None:
    """Write and commit the project into a repository, on a branch that may be committed to."""
    for path, text in files().items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, "utf-8")
    git(root, "switch", "-q", "-c", "work")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "IoT backend")
