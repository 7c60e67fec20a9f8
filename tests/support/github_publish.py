"""Data of the stand-in for GitHub for publishing: approvals, branches, files, authors."""

import subprocess
from base64 import encodebytes
from typing import Any

from support.github_routes import Asked, Reply, route
from support.github_rules import Refusal
from support.github_spec import spec
from support.github_state import State


@route("actions/get-reviews-for-run")
def _approvals(state: State, asked: Asked) -> Reply:
    """Return who let a run into which environment: (login, state, environment)."""
    [example] = spec().example("actions/get-reviews-for-run", 200)
    rows = []
    for login, decision, environment in state.approvals:
        named = [{**example["environments"][0], "name": environment}]
        row = {"state": decision, "environments": named, "user": state.user(login)}
        rows.append({**example, **row})
    return Reply(200, rows)


@route("repos/get-branch")
def _branch(state: State, asked: Asked) -> Reply:
    name = asked.values["branch"]
    try:
        sha = state.diffs.sha(f"refs/heads/{name}")
    except subprocess.CalledProcessError:
        raise Refusal(404, "Branch not found") from None
    found = spec().example("repos/get-branch", 200)
    found["commit"]["sha"] = sha
    return Reply(200, {**found, "name": name, "protected": name in state.protected})


@route("repos/get-content")
def _content(state: State, asked: Asked) -> Reply:
    path = asked.values["path"]
    try:
        data = state.diffs.content(asked.query.get("ref", "main"), path)
    except subprocess.CalledProcessError:
        raise Refusal(404, "Not Found") from None
    found = spec().example("repos/get-content", 200)
    name = path.rpartition("/")[2]
    # GitHub breaks the lines of what it encodes.
    told = {"path": path, "name": name, "size": len(data), "content": encodebytes(data).decode()}
    return Reply(200, {**found, **told})


@route("repos/list-commits")
def _commits(state: State, asked: Asked) -> Reply:
    """Return a commit for each login that is known for the path; "" has no account."""
    [example] = spec().example("repos/list-commits", 200)
    rows: list[dict[str, Any]] = []
    for login in state.authors.get(asked.query.get("path", ""), []):
        rows.append({**example, "author": state.user(login) if login else None})
    return Reply(200, rows, pages=True)
