"""GraphQL of the stand-in for GitHub: queries against the published types, run by graphql-core."""

import functools
from collections.abc import Callable
from typing import Any

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    build_schema,
    execute_sync,
    parse,
    validate,
)
from support.github_spec import DATA
from support.github_state import Identity, Pull, ReviewComment, State, Thread


class _Refused(Exception):
    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


@functools.cache
def _schema() -> GraphQLSchema:
    return build_schema((DATA / "schema.graphql").read_text("utf-8"))


def wrong_query(body: Any) -> list[str]:
    """Return what a request has against the published types."""
    if not isinstance(body, dict) or not isinstance(body.get("query"), str):
        return ["body is no GraphQL request"]
    return _wrong(body["query"])


@functools.cache
def _parsed(query: str) -> DocumentNode:
    return parse(query)


@functools.cache
def _wrong(query: str) -> list[str]:
    try:
        errors = validate(_schema(), _parsed(query))
    except GraphQLError as error:
        return [error.message]
    return [error.message for error in errors]


def answer(state: State, identity: Identity, body: dict[str, Any]) -> dict[str, Any]:
    """Run a query and return what GitHub answers, always with status 200."""
    result = execute_sync(
        _schema(),
        _parsed(body["query"]),
        root_value=_Root(state, identity),
        variable_values=body.get("variables"),
    )
    found: dict[str, Any] = {"data": result.data}
    if result.errors:
        found["errors"] = [_error(error) for error in result.errors]
    return found


def _error(error: GraphQLError) -> dict[str, Any]:
    kind = getattr(error.original_error, "kind", "")
    typed = {"type": kind} if kind else {}
    return {**typed, "path": error.path, "message": error.message}


class _Root:
    """The fields of Query and Mutation."""

    def __init__(self, state: State, identity: Identity) -> None:
        self._state, self._identity = state, identity

    def viewer(self, info: Any) -> dict[str, Any]:
        return {"login": self._identity.login}  # here a bot has its [bot]

    def repository(self, info: Any, owner: str, name: str, **_: Any) -> dict[str, Any]:
        if f"{owner}/{name}".lower() != self._state.full.lower():
            said = f"Could not resolve to a Repository with the name '{owner}/{name}'."
            raise _Refused("NOT_FOUND", said)
        return {"pullRequest": self._pull}

    def _pull(self, info: Any, number: int) -> dict[str, Any]:
        if not self._identity.may("pull-requests", "read"):
            raise _Refused("FORBIDDEN", "Resource not accessible by integration")
        if number not in self._state.pulls:
            said = f"Could not resolve to a PullRequest with the number of {number}."
            raise _Refused("NOT_FOUND", said)
        return {"reviewThreads": self._threads(self._state.pulls[number])}

    def _threads(self, pull: Pull) -> Callable[..., dict[str, Any]]:
        rows = [
            thread
            for thread in self._state.threads
            if thread.root.pull == pull.number and not thread.root.pending
        ]
        return _connection([self._thread(thread) for thread in rows])

    def _thread(self, thread: Thread) -> dict[str, Any]:
        root = thread.root
        rows = [c for c in self._state.review_comments if root.id in {c.id, c.in_reply_to}]
        by = thread.resolved_by
        return {
            **{"id": thread.id, "isResolved": thread.resolved, "isOutdated": thread.outdated},
            **{"path": root.path, "line": root.line, "originalLine": root.original_line},
            **{"subjectType": root.subject_type.upper()},
            "viewerCanResolve": self._identity.may("contents", "write"),
            "resolvedBy": _user(by) if by else None,
            "comments": _connection([_comment(row) for row in rows]),
        }

    def resolveReviewThread(self, info: Any, input: dict[str, Any]) -> dict[str, Any]:
        rights = (("contents", "write"), ("pull-requests", "write"))
        if not all(self._identity.may(*right) for right in rights):
            raise _Refused("FORBIDDEN", "Resource not accessible by integration")
        for thread in self._state.threads:
            if thread.id == input["threadId"]:
                thread.resolved_by = thread.resolved_by or self._identity.login
                return {"thread": self._thread(thread)}
        said = f"Could not resolve to a node with the global id of '{input['threadId']}'"
        raise _Refused("NOT_FOUND", said)


def _user(login: str) -> dict[str, Any]:
    """Return a bot as GitHub does where the field is declared as a User: only its id tells."""
    kind = "BOT" if login.endswith("[bot]") else "U"
    return {"id": f"{kind}_{sum(map(ord, login))}", "login": login.removesuffix("[bot]")}


def _comment(row: ReviewComment) -> dict[str, Any]:
    kind = "Bot" if row.author.endswith("[bot]") else "User"
    author = {"__typename": kind, "login": row.author.removesuffix("[bot]")}
    found = {"id": f"PRRC_{row.id}", "databaseId": row.id, "author": author, "body": row.body}
    return {**found, "reactions": _reactions(row)}


_CONTENT = {"+1": "THUMBS_UP", "-1": "THUMBS_DOWN"}


def _reactions(row: ReviewComment) -> Callable[..., Any]:
    def resolve(info: Any, content: str | None = None, **page: Any) -> Any:
        named = [(login, _CONTENT.get(kind, kind.upper())) for login, kind in row.reactions]
        rows = [
            {"content": kind, "user": _user(login)}
            for login, kind in named
            if content in (None, kind)
        ]
        return _connection(rows)(info, **page)

    return resolve


def _connection(rows: list[dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return the resolver of a list that is handed out in pages of at most a hundred."""

    def resolve(info: Any, first: int | None = None, after: str | None = None, **_: Any) -> Any:
        if first is None:
            said = "You must provide a `first` or `last` value to properly paginate."
            raise _Refused("MISSING_PAGINATION_BOUNDARIES", said)
        if not 1 <= first <= 100:
            said = f"Requesting {first} records exceeds the `first` limit of 100 records."
            raise _Refused("EXCESSIVE_PAGINATION", said)
        start = int(after or 0)
        end = min(start + first, len(rows))
        page = {"hasNextPage": end < len(rows), "endCursor": str(end) if rows else None}
        return {"nodes": rows[start:end], "pageInfo": page, "totalCount": len(rows)}

    return resolve
