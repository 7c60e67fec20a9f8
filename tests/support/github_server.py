"""A stand-in for GitHub on this machine: it judges every request and keeps what was done.

Requests are held against GitHub's published descriptions (tests/data/github); one that breaks them
is answered with 400 and fails the test when the server closes. What a comment may point at comes
from a real git repository.

    with GitHubServer(repository, roles={"ada": "write"}) as github:
        pull = github.open_pull(head="feature")
        client = GitHub(github.token, Repo.of(github.full), **github.addresses)
"""

import json
import re
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import support.github_checks
import support.github_publish  # noqa: F401 - their routes
from support import github_graphql
from support.github_http import GitHubHttp, Gone
from support.github_ledger import Fault, Received
from support.github_reviews import reply
from support.github_routes import ROUTES, Asked, Reply, say
from support.github_rules import Refusal, check_permission
from support.github_spec import Operation, spec
from support.github_state import BOT, Identity, IssueComment, Pull, ReviewComment, State

REVIEW = {"contents": "read", "pull-requests": "write"}  # what our workflow asks for
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes."


class GitHubServer:
    """One repository on GitHub; a context manager that raises if a request broke the rules."""

    def __init__(
        self,
        repository: Path,
        *,
        full: str = "octo/demo",
        permissions: dict[str, str] | None = None,
        roles: dict[str, str] | None = None,
        enterprise: bool = False,
        strict: bool = True,
    ) -> None:
        self.full, self.strict = full, strict
        self.token = "stand-in-" + "token"
        self.identities = {self.token: Identity(BOT, dict(permissions or REVIEW))}
        self.violations: list[str] = []
        self.received: list[Received] = []
        self.faults: list[Fault] = []
        self.most_comments: int | None = None  # in one review, before a secondary limit
        self._lock = threading.Lock()
        self._http = GitHubHttp(self)
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        self._prefix = "/api/v3" if enterprise else ""
        self._graphql = "/api/graphql" if enterprise else "/graphql"
        self.state = State(full, repository, self.url + self._prefix)
        self.state.roles |= roles or {}

    @property
    def addresses(self) -> dict[str, str]:
        """The base addresses, as keywords of the client."""
        return {
            "api_url": self.url + self._prefix,
            "graphql_url": self.url + self._graphql,
        }

    @property
    def environ(self) -> dict[str, str]:
        """The variables that a runner would set."""
        return {
            **{"GITHUB_API_URL": self.url + self._prefix, "GITHUB_REPOSITORY": self.full},
            **{"GITHUB_GRAPHQL_URL": self.url + self._graphql, "GITHUB_TOKEN": self.token},
            **{"GITHUB_SERVER_URL": "https://github.com", "GITHUB_RUN_ID": "77"},
        }

    def __enter__(self) -> Self:
        # A short poll: closing waits for one.
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._http.shutdown()
        self._http.server_close()
        if self.strict and kind is None:
            assert self.violations == [], self.violations

    # What people and other programs do

    def identity(self, token: str, login: str, permissions: dict[str, str]) -> None:
        """Accept one more token."""
        self.identities[token] = Identity(login, permissions)

    def grant(self, **permissions: str) -> None:
        """Give the first token other permissions, with _ for -; `none` takes one away."""
        given = {name.replace("_", "-"): level for name, level in permissions.items()}
        self.identities[self.token].permissions |= given

    def open_pull(
        self,
        *,
        head: str,
        base: str = "main",
        author: str = "ada",
        head_repo: str | None = "",
        **fields: Any,
    ) -> Pull:
        """Open a pull request from a revision; `head_repo` names a fork (None: deleted)."""
        number = fields.pop("number", max(self.state.pulls, default=6) + 1)
        texts: dict[str, Any] = {"title": "A change", "body": "What it is for."} | fields
        place = self.full if head_repo == "" else head_repo
        pull = Pull(
            number=number,
            author=author,
            base_ref=base,
            base_sha=self.state.diffs.sha(base),
            head_ref=head,
            head_sha=self.state.diffs.sha(head),
            head_repo=place,
            **texts,
        )
        self.state.pulls[number] = pull
        return pull

    def push(self, number: int, revision: str = "") -> Pull:
        """Move the head to a revision, by default to where its branch is now; force or not."""
        pull = self.state.pulls[number]
        pull.heads.append(pull.head_sha)
        pull.head_sha = self.state.diffs.sha(revision or pull.head_ref)
        self.state.relocate(pull)
        return pull

    def say(self, number: int, login: str, body: str) -> IssueComment:
        """Add a comment of somebody to the conversation."""
        return say(self.state, self.state.pulls[number], login, body)

    def reply(self, comment: int, login: str, body: str) -> ReviewComment:
        """Let somebody answer in a thread."""
        parent = next(c for c in self.state.review_comments if c.id == comment)
        return reply(self.state, self.state.pulls[parent.pull], parent, login, body)

    def resolve(self, comment: int, login: str) -> None:
        """Let somebody resolve the thread that a comment began; "" opens it again."""
        thread = next(t for t in self.state.threads if t.root.id == comment)
        thread.resolved_by = login

    # What goes wrong

    def fail(self, operation: str, status: int, **more: Any) -> None:
        """Answer the next request of an operation with this status."""
        self.faults.append(Fault(operation, status, **more))

    def reset(self, operation: str, when: Literal["before", "after"], **more: Any) -> None:
        """Break the next connection before or after the operation was carried out."""
        self.faults.append(Fault(operation, after=when == "after", **more))

    def when(self, operation: str, act: Callable[[], object], **more: Any) -> None:
        """Let something happen just before the next request of an operation is looked at."""
        self.faults.append(Fault(operation, act=act, **more))

    def limit(self, operation: str, seconds: int | None = 1, *, status: int = 403) -> None:
        """Answer with a secondary rate limit; None gives no Retry-After."""
        headers = {} if seconds is None else {"retry-after": str(seconds)}
        self.fail(operation, status, message=SECONDARY, headers=headers)

    def asked(self, operation: str) -> list[Received]:
        """Return the requests whose operation fits a pattern."""
        return [r for r in self.received if re.fullmatch(operation, r.operation)]

    # Answering

    def answer(self, method: str, target: str, headers: dict[str, str], data: bytes) -> Reply:
        """Return what GitHub would answer; raise Gone for a broken connection."""
        with self._lock:
            return self._answer(method, target, headers, data)

    def _answer(self, method: str, target: str, headers: dict[str, str], data: bytes) -> Reply:
        parts = urlsplit(target)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        body = json.loads(data) if data else None
        path = parts.path.removeprefix(self._prefix)
        graphql = parts.path == self._graphql and method == "POST"
        operation = None if graphql else spec().find(method, path)
        name = "graphql" if graphql else operation.ident if operation else ""
        identity = self.identities.get(headers.get("authorization", "").removeprefix("Bearer "))
        login = identity.login if identity else ""

        def receive(status: int, happened: bool) -> None:
            asked = (name, method, parts.path, query, body, login, status, happened)
            self.received.append(Received(*asked, headers.get("accept", "")))

        problems = self._problems(operation, headers, query, body, graphql, f"{method} {path}")
        fault = self._fault(name)
        if problems:
            self.violations += [f"{method} {path}: {problem}" for problem in problems]
            refused = Reply(400, {"message": "Problems: " + "; ".join(problems)[:2000]})
        elif fault and not fault.after:
            refused = _of_fault(fault)
        elif identity is None:
            refused = Reply(401, {"message": "Bad credentials", "status": "401"})
        else:
            asked = Asked(
                *(identity, operation.values if operation else {}, query, body or {}),
                headers.get("accept", ""),
            )
            reply = self._carry_out(operation, asked, target)
            receive(fault.status if fault else reply.status, reply.status < 400)
            return _sent(_of_fault(fault) if fault else reply)
        receive(refused.status, False)
        return _sent(refused)

    def _problems(
        self,
        operation: Operation | None,
        headers: dict[str, str],
        query: dict[str, str],
        body: Any,
        graphql: bool,
        name: str,
    ) -> list[str]:
        problems = []
        if not headers.get("user-agent", "").startswith("reviewloop/"):
            problems.append("no user agent of ours")
        if graphql:
            return problems + github_graphql.wrong_query(body)
        if headers.get("x-github-api-version") != "2022-11-28":
            problems.append("no version of the API")
        if operation is None:
            return [*problems, f"{name} is no operation that we are known to use"]
        if body is not None and not headers.get("content-type", "").startswith("application/json"):
            problems.append("the body is not declared as JSON")
        return problems + spec().wrong_request(operation, query, body)

    def _fault(self, name: str) -> Fault | None:
        for fault in self.faults:
            if re.fullmatch(fault.operation, name) and fault.times > 0:
                if fault.skip > 0:
                    fault.skip -= 1
                    if fault.act is None:
                        return None
                    continue
                fault.times -= 1
                if fault.act is None:
                    return fault
                fault.act()
        return None

    def _carry_out(self, operation: Operation | None, asked: Asked, target: str) -> Reply:
        if operation is None:
            return Reply(200, github_graphql.answer(self.state, asked.identity, asked.body))
        try:
            check_permission(asked.identity, operation.ident)
            names = asked.values.get("owner"), asked.values.get("repo")
            if names not in {tuple(self.full.split("/")), (None, None)}:
                raise Refusal(404, "Not Found")
            most = self.most_comments
            if most is not None and len(asked.body.get("comments", ())) > most:
                raise Refusal(403, SECONDARY, headers={"retry-after": "60"})
            reply = ROUTES[operation.ident](self.state, asked)
        except Refusal as refusal:
            reply = Reply(refusal.status, refusal.body, refusal.headers)
        if reply.pages:
            self._paginate(reply, asked.query, target)
        if not isinstance(reply.data, str):
            wrong = spec().wrong_answer(operation, reply.status, reply.data)
            # For a fork that is gone GitHub says null, whatever its description promises.
            told = [each for each in wrong if not each.startswith("answer head.repo: None")]
            self.violations += [f"our own answer to {operation.ident}: {each}" for each in told]
        return reply

    def _paginate(self, reply: Reply, query: dict[str, str], target: str) -> None:
        size, page = int(query.get("per_page", 30)), int(query.get("page", 1))
        rows = reply.data
        last = max(1, -(-len(rows) // size))
        links = []
        for relation, number in (("next", page + 1), ("last", last)):
            if page < last:
                more = urlencode({**query, "page": number})
                links.append(f'<{self.url}{urlsplit(target).path}?{more}>; rel="{relation}"')
        if links:
            reply.headers["link"] = ", ".join(links)
        reply.data = rows[(page - 1) * size : page * size]
        if reply.member:
            reply.data = {"total_count": len(rows), reply.member: reply.data}


def _of_fault(fault: Fault) -> Reply:
    said = {"message": fault.message, "status": str(fault.status)} if fault.status else None
    return Reply(fault.status, said if fault.data is None else fault.data, dict(fault.headers))


def _sent(reply: Reply) -> Reply:
    if reply.status == 0:
        raise Gone
    return reply
