"""What REST cannot say: who we are, which threads are resolved, and to resolve one."""

from collections.abc import Iterator, Mapping

from reviewloop.github.api.answers import Fields, Thread, thread
from reviewloop.github.api.errors import GitHubError, GitHubUnavailable, NotFound, Unprocessable
from reviewloop.github.api.model import Repo
from reviewloop.github.api.refusals import forbidden, shown
from reviewloop.github.api.transport import Transport

_PAGES = 100

VIEWER = "query viewer { viewer { login } }"

THREADS = """\
query reviewThreads($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          id isResolved isOutdated path line
          resolvedBy { __typename id login }
          comments(first: 100) { nodes { databaseId } }
        }
      }
    }
  }
}"""

RESOLVE = """\
mutation resolveReviewThread($thread: ID!) {
  resolveReviewThread(input: {threadId: $thread}) { thread { id isResolved } }
}"""


class GraphQL:
    """Asks GraphQL over a transport; raises the same errors as REST."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport, self._url = transport, url

    def viewer(self) -> str:
        """Return the login of the token's owner; for a workflow's own, github-actions[bot]."""
        return self._ask("viewer", VIEWER, {}).inside("viewer").text("login")

    def threads(self, repo: Repo, number: int) -> Iterator[Thread]:
        """Yield the review threads of a pull request."""
        after: str | None = None
        for _ in range(_PAGES):
            variables = {
                **{"owner": repo.owner, "name": repo.name},
                **{"number": number, "after": after},
            }
            data = self._ask("reviewThreads", THREADS, variables)
            found = data.inside("repository").inside("pullRequest").inside("reviewThreads")
            yield from map(thread, found.objects("nodes"))
            page = found.inside("pageInfo")
            if not page.flag("hasNextPage"):
                return
            after = page.text("endCursor")
        raise GitHubUnavailable(f"pull request {number} has more than {_PAGES} pages of threads")

    def resolve(self, thread_id: str) -> None:
        """Resolve a thread; doing so twice is no error. Needs `contents: write` as well."""
        self._ask("resolveReviewThread", RESOLVE, {"thread": thread_id})

    def _ask(self, name: str, query: str, variables: Mapping[str, object]) -> Fields:
        while True:
            # None of the queries above does more when it is repeated.
            answer = self._transport.send(
                "POST",
                self._url,
                body={"query": query, "variables": dict(variables)},
                repeat=True,
                name=name,
            )
            whole = Fields(answer.data, "answer")
            errors = whole.objects("errors")
            if not errors:
                return whole.inside("data")
            first = errors[0]
            if first.text("type", "") == "RATE_LIMITED":
                self._transport.wait_for_limit(name, answer.headers)
                continue
            raise _error(name, first.text("type", ""), first.text("message", ""), answer.headers)


def _error(name: str, kind: str, message: str, headers: Mapping[str, str]) -> GitHubError:
    message = shown(message)
    if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        return forbidden(name, message, headers)
    if kind == "NOT_FOUND":
        return NotFound(f"GitHub does not find what {name} is about: {message}", status=404)
    if kind == "UNPROCESSABLE":
        return Unprocessable(f"GitHub refuses {name}: {message}", (message,))
    return GitHubUnavailable(f"GitHub answers {name} with an error: {message}", status=200)
