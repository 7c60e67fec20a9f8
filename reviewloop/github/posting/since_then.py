"""What people ordered since the last review, in the summary that the review left."""

from collections.abc import Iterable

from reviewloop.domain.finding import Severity
from reviewloop.github.api.model import State
from reviewloop.github.comments.bodies import LONGEST
from reviewloop.github.posting.summary import TITLE, severity_marks

_SINCE = "Since then:"
_MARGIN = 300  # what else is added to a comment that is nearly full


def with_news(body: str, news: str, before: State, now: State) -> str:
    """Return a summary whose heading counts what is open now, with a line of Markdown more.

    A heading that does not count what was open `before` stays, and so does all of a comment that
    has no room, or that is no summary.
    """
    lines = body.split("\n")
    at = next((n for n, line in enumerate(lines) if line.startswith(TITLE)), -1)
    if at < 0 or len(body) + len(news) > LONGEST - _MARGIN:
        return body
    counted, counts = (severity_marks(_open(state)) for state in (before, now))
    if counted and lines[at].endswith(f" {counted}"):
        lines[at] = f"{lines[at].removesuffix(counted)}{counts or 'no open findings'}"
    if _SINCE in lines:
        end = lines.index(_SINCE) + 2
        while end < len(lines) and lines[end].startswith("- "):
            end += 1
        return "\n".join([*lines[:end], f"- {news}", *lines[end:]])
    end = at + 3  # behind the verdict
    return "\n".join([*lines[:end], "", _SINCE, "", f"- {news}", *lines[end:]])


def _open(state: State) -> Iterable[Severity]:
    for entry in state.findings.values():
        if entry.get("status") in {"open", "reported"}:
            yield Severity(str(entry["severity"]))
