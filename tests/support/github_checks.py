"""Check runs on the stand-in for GitHub."""

from typing import Any

from support.github_routes import Asked, Reply, route
from support.github_rules import Refusal
from support.github_state import State


@route("checks/create")
def _create(state: State, asked: Asked) -> Reply:
    check: dict[str, Any] = {"id": state.next_id(), "status": "queued", "annotations": []}
    state.checks.append(check)
    _merge(check, asked.body)
    return Reply(201, state.check_body(check))


@route("checks/update")
def _update(state: State, asked: Asked) -> Reply:
    for check in state.checks:
        if check["id"] == int(asked.values["check_run_id"]):
            _merge(check, asked.body)
            return Reply(200, state.check_body(check))
    raise Refusal(404, "Not Found")


@route("checks/list-for-ref")
def _list(state: State, asked: Asked) -> Reply:
    sha = state.diffs.sha(asked.values["ref"])
    wanted = asked.query.get("check_name")
    rows = [c for c in state.checks if c["head_sha"] == sha and wanted in {None, c["name"]}]
    return Reply(200, [state.check_body(check) for check in rows], pages=True, member="check_runs")


def _merge(check: dict[str, Any], body: dict[str, Any]) -> None:
    """Take over what is given; annotations are added to those that are there."""
    given = {name: value for name, value in body.items() if name != "output"}
    output = dict(body.get("output", {}))
    check["annotations"] += output.pop("annotations", [])
    check |= given
    if output:
        check["output"] = {**check.get("output", {}), **output}
    if "conclusion" in given:
        check["status"] = "completed"
