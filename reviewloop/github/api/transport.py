"""Sends one request to GitHub: pacing, retries, paging and GraphQL."""

import functools
import json
import random
import ssl
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import urljoin, urlsplit

from reviewloop import __version__
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.github.api.answers import Fields, Thread, thread, thumbs_down
from reviewloop.github.api.errors import (
    AnswerLost,
    GitHubError,
    GitHubUnavailable,
    NotFound,
    RateLimited,
    Refusal,
    Unprocessable,
    forbidden,
    single_line,
)
from reviewloop.github.api.model import Repo

if TYPE_CHECKING:
    import httpx2 as httpx

MOST = 80  # requests that create content, in `SECONDS`
SECONDS = 60.0
LEAST = 10  # the slowest pace


class Pace:
    """Counts the requests of one run that create content; `sleep` and `now` are the clock."""

    def __init__(
        self,
        sleep: Callable[[float], None] = time.sleep,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.sleep, self.now = sleep, now
        self._most = MOST
        self._made: deque[float] = deque(maxlen=MOST)

    def wait(self) -> None:
        """Wait until one more such request is due, and count it."""
        if len(self._made) >= self._most:
            left = self._made[-self._most] + SECONDS - self.now()
            if left > 0:
                self.sleep(left)
        self._made.append(self.now())

    def slow_down(self) -> None:
        """Halve the pace: GitHub reported that requests come too fast."""
        self._most = max(LEAST, self._most // 2)


API_VERSION = "2022-11-28"
_TRIES = 4  # of a request that may be repeated
_FIRST_PAUSE = 1.0  # seconds; doubles with each try
_NO_HINT = 60.0  # seconds; GitHub asks for a minute where it names no time
_REDIRECTS = 3

_LOOPBACK = {"127.0.0.1", "::1", "localhost"}


@dataclass(frozen=True)
class Response:
    """A success; header names are in lower case, `data` is parsed JSON (None when empty)."""

    status: int
    headers: Mapping[str, str]
    data: Any


class Transport:
    """Sends requests to one host, which alone gets the token; not thread-safe.

    `patience` is the most seconds in all spent waiting for limits; `sleep` and `now` (seconds since
    1970) are the clock. `limited` is called for every limit on the rate of requests.
    """

    def __init__(
        self,
        token: str,
        *,
        sleep: Callable[[float], None],
        now: Callable[[], float],
        patience: float = 180.0,
        timeout: float = 30.0,
        limited: Callable[[], None] = lambda: None,
    ) -> None:
        # The import takes a tenth of a second; only runs that use GitHub pay for it.
        import httpx2 as httpx

        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise UsageError("the token for GitHub is empty or has characters that no token has")
        self._errors = (httpx.HTTPError, httpx.InvalidURL)
        self._unsent = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
        self._token, self._sleep, self._now, self._patience = token, sleep, now, patience
        self._limited, self._no_hint = limited, _NO_HINT
        self._client = httpx.Client(
            timeout=httpx.Timeout(timeout, connect=10.0),
            follow_redirects=False,
            verify=_trusted_authorities(),
            headers={
                "accept": "application/vnd.github+json",
                "authorization": f"Bearer {token}",
                "user-agent": f"reviewloop/{__version__}",
                "x-github-api-version": API_VERSION,
            },
        )

    def __repr__(self) -> str:
        return "Transport(token=…)"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def send(
        self,
        method: str,
        url: str,
        *,
        query: Mapping[str, str | int] | None = None,
        body: object = None,
        repeat: bool | None = None,
        name: str = "",
    ) -> Response:
        """Send a request and return the success; raise a GitHubError for anything else.

        `repeat` means that repeating has no further effect (by default: all but POST). Other
        requests are repeated only where GitHub cannot have acted on them; else `AnswerLost` is
        raised. `name` names the request in messages.
        """
        repeat = method != "POST" if repeat is None else repeat
        name = name or f"{method} {urlsplit(url).path}"
        pause, tries, redirects = _FIRST_PAUSE, 1, 0
        while True:
            response, problem = self._once(method, url, query, body, repeat, name)
            if response is not None and response.is_success:
                return self._answer(response, name)
            if response is not None and response.is_redirect:
                redirects += 1
                url = self._redirected(name, response, method, redirects)
                query = None if urlsplit(url).query else query
                continue
            if response is not None and response.status_code < 500:
                self._refused(name, response)  # returns after waiting for a limit
                continue
            if tries == _TRIES:
                raise GitHubUnavailable(
                    f"GitHub does not answer {name}: {problem}, {tries} times; run again later",
                    status=0 if response is None else response.status_code,
                )
            tries += 1
            if response is not None and "retry-after" in response.headers:
                self.wait_for_limit(name, _lower(response), response.status_code)
            else:
                self._sleep(pause + random.uniform(0, pause / 4))  # noqa: S311 - spreads the load
                pause *= 2

    def pages(
        self, url: str, *, query: Mapping[str, str | int] | None = None, member: str = ""
    ) -> Iterator[Any]:
        """Yield the items of all pages; `member` names the list where the page is an object."""
        start = urlsplit(url)
        parameters: Mapping[str, str | int] | None = {"per_page": 100, **(query or {})}
        for _ in range(_PAGES):
            answer = self.send("GET", url, query=parameters)
            items = answer.data.get(member) if member else answer.data
            if not isinstance(items, list):
                raise GitHubUnavailable(f"GitHub answers GET {start.path} with something else")
            yield from items
            following = _next(answer.headers.get("link", ""))
            if not following:
                return
            url, parameters = urljoin(url, following), None
            if _origin(url) != _origin(start.geturl()):
                raise GitHubUnavailable(f"the next page of {start.path} lies on another host")
        raise GitHubUnavailable(f"GET {start.path} has more than {_PAGES} pages of 100")

    def _once(
        self,
        method: str,
        url: str,
        query: Mapping[str, str | int] | None,
        body: object,
        repeat: bool,
        name: str,
    ) -> "tuple[httpx.Response | None, str]":
        """Return the response, or the problem; raise AnswerLost if the request must not be
        repeated.
        """
        content, kind = None, {}
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
            kind = {"content-type": "application/json"}
        try:
            response = self._client.request(
                method, url, params=query, content=content, headers=kind
            )
        except self._unsent as error:
            return None, type(error).__name__
        except self._errors as error:
            # The message of such an error may quote a header: only its type is reported.
            if not repeat:
                raise _lost(name, type(error).__name__) from None
            return None, type(error).__name__
        problem = f"status {response.status_code}"
        if response.status_code >= 500 and not repeat:
            raise _lost(name, problem, response.status_code)
        return response, problem

    def _answer(self, response: "httpx.Response", name: str) -> Response:
        if not response.content.strip():
            return Response(response.status_code, _lower(response), None)
        try:
            return Response(response.status_code, _lower(response), response.json())
        except ValueError:
            # A success status: the request had its effect.
            kind = AnswerLost if response.request.method == "POST" else GitHubUnavailable
            raise kind(f"GitHub answers {name} with something that is not JSON") from None

    def _redirected(self, name: str, response: "httpx.Response", method: str, count: int) -> str:
        """Return the target of a redirect: only on the same host, which may see the token."""
        url = str(response.url)
        target = urljoin(url, str(response.headers.get("location", "")))
        kept = method == "GET" or response.status_code in {307, 308}
        if _origin(target) != _origin(url) or not kept or count > _REDIRECTS:
            raise GitHubUnavailable(
                f"GitHub sends {name} elsewhere ({response.status_code}), where the token does not"
                " follow; was the repository renamed?",
                status=response.status_code,
            )
        return target

    def _refused(self, name: str, response: "httpx.Response") -> None:
        """Wait and return if it is about a limit and patience lasts, else raise."""
        headers = _lower(response)
        text = response.text.replace(self._token, "***")
        refusal = Refusal(name, response.status_code, headers, text)
        if not refusal.limits:
            raise refusal.error()
        self.wait_for_limit(name, headers, response.status_code)

    def wait_for_limit(self, name: str, headers: Mapping[str, str], status: int = 200) -> None:
        """Wait until the limit resets; raise RateLimited if that takes longer than our patience."""
        if headers.get("x-ratelimit-remaining") != "0":  # that one limits the number, not the rate
            self._limited()
        seconds = max(1.0, self._seconds(headers))
        if seconds > self._patience:
            raise RateLimited(
                f"GitHub's rate limit stops {name}: it opens in {seconds:.0f} s, longer than we"
                f" wait ({self._patience:.0f} s left); run again then",
                seconds=seconds,
                status=status,
            )
        self._patience -= seconds
        self._sleep(seconds)

    def _seconds(self, headers: Mapping[str, str]) -> float:
        try:
            if "retry-after" in headers:
                return float(headers["retry-after"])
            if headers.get("x-ratelimit-remaining") == "0":
                return float(headers["x-ratelimit-reset"]) - self._now()
        except (KeyError, ValueError):
            pass  # an unreadable header counts as none
        # GitHub asks for a minute at least, and for more each time.
        seconds, self._no_hint = self._no_hint, self._no_hint * 2
        return seconds


def checked_url(url: str, variable: str) -> str:
    """Return the base address without a trailing slash; raise UsageError if it is unsafe."""
    parts = urlsplit(url)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    if not safe or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise UsageError(f"{variable} must be a plain https:// address, as the token goes there")
    return url.rstrip("/")


@functools.cache
def _trusted_authorities() -> ssl.SSLContext:
    """Return httpx's default trust store (SSL_CERT_FILE counts), read once."""
    import httpx2 as httpx

    return httpx.create_ssl_context()


def _lost(name: str, problem: str, status: int = 0) -> AnswerLost:
    return AnswerLost(
        f"the answer to {name} got lost ({problem}): it may have happened", status=status
    )


def _lower(response: "httpx.Response") -> dict[str, str]:
    return {key.lower(): value for key, value in response.headers.items()}


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port


def _next(link: str) -> str:
    """Return the address marked as next in a Link header."""
    for part in link.split(","):
        address, _, attributes = part.strip().partition(">")
        if 'rel="next"' in attributes and address.startswith("<"):
            return address[1:]
    return ""


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

THUMBS_DOWN = """\
query thumbsDown($owner: String!, $name: String!, $number: Int!, $after: String) {
  repository(owner: $owner, name: $name) {
    pullRequest(number: $number) {
      reviewThreads(first: 50, after: $after) {
        pageInfo { hasNextPage endCursor }
        nodes {
          comments(first: 1) {
            nodes {
              databaseId
              reactions(content: THUMBS_DOWN, first: 100) { nodes { user { id login } } }
            }
          }
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
    """Sends GraphQL queries over a transport; raises the same errors as REST."""

    def __init__(self, transport: Transport, url: str) -> None:
        self._transport, self._url = transport, url

    def viewer(self) -> str:
        """Return the login of the token's owner; for a workflow's own, github-actions[bot]."""
        return self._ask("viewer", VIEWER, {}).inside("viewer").text("login")

    def threads(self, repo: Repo, number: int) -> Iterator[Thread]:
        """Yield the review threads of a pull request."""
        yield from map(thread, self._nodes("reviewThreads", THREADS, repo, number))

    def thumbs_down(self, repo: Repo, number: int) -> Iterator[tuple[int, str]]:
        """Yield (comment, login) for each thumb down on a comment that began a thread."""
        for node in self._nodes("thumbsDown", THUMBS_DOWN, repo, number):
            yield from thumbs_down(node)

    def _nodes(self, name: str, query: str, repo: Repo, number: int) -> Iterator[Fields]:
        """Yield the threads of a pull request with the fields of the query."""
        after: str | None = None
        for _ in range(_PAGES):
            variables = {
                **{"owner": repo.owner, "name": repo.name},
                **{"number": number, "after": after},
            }
            data = self._ask(name, query, variables)
            found = data.inside("repository").inside("pullRequest").inside("reviewThreads")
            yield from found.objects("nodes")
            page = found.inside("pageInfo")
            if not page.flag("hasNextPage"):
                return
            after = page.text("endCursor")
        raise GitHubUnavailable(f"pull request {number} has more than {_PAGES} pages of threads")

    def resolve(self, thread_id: str) -> None:
        """Resolve a thread; repeating is no error. Also needs `contents: write`."""
        self._ask("resolveReviewThread", RESOLVE, {"thread": thread_id})

    def _ask(self, name: str, query: str, variables: Mapping[str, object]) -> Fields:
        while True:
            # None of the queries above has a further effect when repeated.
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
    message = single_line(message)
    if kind in {"FORBIDDEN", "INSUFFICIENT_SCOPES"}:
        return forbidden(name, message, headers)
    if kind == "NOT_FOUND":
        return NotFound(f"GitHub does not find what {name} is about: {message}", status=404)
    if kind == "UNPROCESSABLE":
        return Unprocessable(f"GitHub refuses {name}: {message}", (message,))
    return GitHubUnavailable(f"GitHub answers {name} with an error: {message}", status=200)
