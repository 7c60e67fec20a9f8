"""Write the extracts in this folder anew from three unpacked npm packages.

    python tests/data/github/extract.py OPENAPI GRAPHQL_SCHEMA WEBHOOKS_EXAMPLES

The arguments are the `package` folders of `@octokit/openapi`, `@octokit/graphql-schema` and
`@octokit/webhooks-examples`. Only what reviewloop asks GitHub for is kept: operations with all the
schemas they lead to and one example per answer, without the prose.
"""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from graphql import REMOVE, Visitor, parse, print_ast, visit

HERE = Path(__file__).parent
REPO = "/repos/{owner}/{repo}"
PULL, ISSUE = f"{REPO}/pulls/{{pull_number}}", f"{REPO}/issues/{{issue_number}}"
OPERATIONS = (
    "get /user",
    f"get {REPO}",
    f"get {REPO}/actions/runs/{{run_id}}/approvals",
    f"get {REPO}/branches/{{branch}}",
    f"get {REPO}/commits",
    f"get {REPO}/contents/{{path}}",
    f"get {REPO}/pulls",
    f"post {REPO}/pulls",
    f"get {PULL}",
    f"patch {PULL}",
    f"get {PULL}/reviews",
    f"post {PULL}/reviews",
    f"delete {PULL}/reviews/{{review_id}}",
    f"get {PULL}/comments",
    f"post {PULL}/comments",
    f"post {PULL}/comments/{{comment_id}}/replies",
    f"post {PULL}/requested_reviewers",
    f"patch {REPO}/pulls/comments/{{comment_id}}",
    f"post {REPO}/pulls/comments/{{comment_id}}/reactions",
    f"get {ISSUE}/comments",
    f"post {ISSUE}/comments",
    f"delete {ISSUE}/labels/{{name}}",
    f"patch {REPO}/issues/comments/{{comment_id}}",
    f"delete {REPO}/issues/comments/{{comment_id}}",
    f"post {REPO}/issues/comments/{{comment_id}}/reactions",
    f"get {REPO}/collaborators/{{username}}/permission",
    f"post {REPO}/check-runs",
    f"patch {REPO}/check-runs/{{check_run_id}}",
    f"get {REPO}/commits/{{ref}}/check-runs",
)
PROSE = {"description", "summary", "title", "externalDocs", "tags", "x-github", "x-octokit"}
NOT_OURS = {"headers", "deprecated", "example", "operationId"}  # `example` beside a type is prose

FIELDS = {
    "Query": {"viewer", "repository"},
    "Mutation": {"resolveReviewThread"},
    "Actor": {"login"},
    "User": {"id", "login"},
    "Bot": {"login"},
    "Mannequin": {"login"},
    "Repository": {"pullRequest"},
    "PullRequest": {"reviewThreads"},
    "PullRequestReviewThreadConnection": {"nodes", "pageInfo", "totalCount"},
    "PullRequestReviewThread": {
        *("id", "isResolved", "isOutdated", "path", "line", "originalLine", "subjectType"),
        *("resolvedBy", "comments", "viewerCanResolve"),
    },
    "PullRequestReviewCommentConnection": {"nodes", "pageInfo", "totalCount"},
    "PullRequestReviewComment": {"id", "databaseId", "author", "body"},
    "PageInfo": {"endCursor", "hasNextPage"},
    "ResolveReviewThreadInput": {"clientMutationId", "threadId"},
    "ResolveReviewThreadPayload": {"clientMutationId", "thread"},
    "PullRequestReviewThreadSubjectType": set(),
}

EVENTS = {  # file -> event, action, how many examples of that kind come before it
    "pull_request.opened": ("pull_request", "opened", 1),
    "pull_request.synchronize": ("pull_request", "synchronize", 0),
    "pull_request.closed": ("pull_request", "closed", 0),
    "pull_request.labeled": ("pull_request", "labeled", 0),
    "pull_request.ready_for_review": ("pull_request", "ready_for_review", 0),
    "issue_comment.created": ("issue_comment", "created", 3),
    "pull_request_review_comment.created": ("pull_request_review_comment", "created", 0),
    "workflow_dispatch": ("workflow_dispatch", None, 0),
}


def without_prose(value: Any, *, names: bool = False) -> Any:
    """Return a copy without the keys that only people read; `names` are not keys but names."""
    if isinstance(value, list):
        return [without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: value[key] if key == "value" else without_prose(value[key], names=key == "properties")
        for key in value
        if names or key not in PROSE | NOT_OURS
    }


def references(value: Any) -> Iterator[tuple[str, str]]:
    """Yield (kind, name) of every component that the value refers to."""
    yield from re.findall(r'"#/components/([^/"]+)/([^"]+)"', json.dumps(value))


def openapi(package: Path) -> dict[str, Any]:
    """Return the part of GitHub's description that `OPERATIONS` name."""
    whole = json.loads((package / "generated/api.github.com.json").read_text("utf-8"))
    paths: dict[str, Any] = {}
    for operation in OPERATIONS:
        method, path = operation.split()
        found = without_prose(whole["paths"][path][method])
        found.get("requestBody", {}).get("content", {}).get("application/json", {}).pop(
            "examples", None
        )
        for answer in found["responses"].values():
            for content in answer.get("content", {}).values():
                examples = content.get("examples", {})
                for name in list(examples)[1:]:
                    del examples[name]
        found["operationId"] = whole["paths"][path][method]["operationId"]
        paths.setdefault(path, {})[method] = found
    components: dict[str, dict[str, Any]] = {}
    waiting = list(references(paths))
    while waiting:
        kind, name = waiting.pop()
        if name not in components.setdefault(kind, {}):
            components[kind][name] = without_prose(whole["components"][kind][name])
            waiting += references(components[kind][name])
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    return {"version": version, "paths": paths, "components": components}


def graphql(package: Path) -> str:
    """Return the types and fields of `FIELDS` in GitHub's GraphQL, in GraphQL's own language."""
    document = parse((package / "schema.graphql").read_text("utf-8"), no_location=True)
    version = json.loads((package / "package.json").read_text("utf-8"))["version"]
    kept = print_ast(visit(document, _Keep()))
    return f"# Extract of version {version}\n\n{_DESCRIPTION.sub('', kept)}\n"


_DESCRIPTION = re.compile(r'^ *""".*?"""\n', re.M | re.S)


class _Keep(Visitor):
    """Takes off all that `FIELDS` does not name, and what only people read."""

    def enter(self, node: Any, key: Any, parent: Any, path: Any, ancestors: Any) -> Any:
        name = getattr(getattr(node, "name", None), "value", "")
        if node.kind.endswith("_type_definition") and name not in FIELDS:
            return REMOVE
        if node.kind in {"field_definition", "input_value_definition"}:
            owner = next(n for n in reversed(ancestors) if getattr(n, "kind", "") != "")
            kept = FIELDS.get(owner.name.value) if owner.kind.endswith("_definition") else None
            if kept is not None and name not in kept and owner.kind != "field_definition":
                return REMOVE
        if node.kind == "named_type" and key != "type" and name not in FIELDS:
            return REMOVE  # an interface that we do not ask about
        if node.kind in {"directive", "directive_definition"}:
            return REMOVE
        return None


def events(package: Path) -> dict[str, Any]:
    """Return the published payloads that `EVENTS` name."""
    examples = {
        entry["name"]: entry["examples"]
        for entry in json.loads((package / "api.github.com/index.json").read_text("utf-8"))
    }
    return {
        file: [example for example in examples[event] if example.get("action") == action][number]
        for file, (event, action, number) in EVENTS.items()
    }


def lines(extract: dict[str, Any]) -> str:
    """Return JSON with one operation or component per line, so that a change can be read."""
    rows = [f'{{"version":{json.dumps(extract["version"])},', '"paths":{']
    rows += [",\n".join(row(path, extract["paths"][path]) for path in sorted(extract["paths"]))]
    rows += ["},", '"components":{']
    kinds = [
        f'"{kind}":{{\n' + ",\n".join(row(name, named[name]) for name in sorted(named)) + "}"
        for kind, named in sorted(extract["components"].items())
    ]
    return "\n".join([*rows, ",\n".join(kinds), "}}", ""])


def row(name: str, value: Any) -> str:
    """Return one member of an object."""
    return f"{json.dumps(name)}:{json.dumps(value, separators=(',', ':'), ensure_ascii=False)}"


if __name__ == "__main__":
    first, second, third = map(Path, sys.argv[1:])
    (HERE / "openapi.json").write_text(lines(openapi(first)), "utf-8")
    (HERE / "schema.graphql").write_text(graphql(second), "utf-8")
    (HERE / "events").mkdir(exist_ok=True)
    for name, payload in events(third).items():
        text = json.dumps(payload, indent=1, ensure_ascii=False) + "\n"
        (HERE / "events" / f"{name}.json").write_text(text, "utf-8")
