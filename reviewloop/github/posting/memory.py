"""Changes the state in our own comment, which other jobs write at the same time."""

from collections.abc import Callable, Iterable
from dataclasses import replace

from reviewloop.domain.finding import Severity
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, GitHubError, NotFound
from reviewloop.github.api.model import PullRequest, State
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import LONGEST, clip_body
from reviewloop.github.comments.marker import find_state, pack_state, with_state
from reviewloop.github.posting.summary import TITLE, severity_marks

_SINCE = "Since then:"
_MARGIN = 300  # room for other text in a comment that is nearly full


def with_news(body: str, news: str, before: State, now: State) -> str:
    """Return a summary with one more line of Markdown and a heading that counts what is open now.

    A heading that does not count what was open `before` stays unchanged, and so does a comment
    without room, or one that is no summary.
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
    end = at + 3  # after the verdict
    return "\n".join([*lines[:end], "", _SINCE, "", f"- {news}", *lines[end:]])


def _open(state: State) -> Iterable[Severity]:
    for entry in state.findings.values():
        if entry.get("status") in {"open", "reported"}:
            yield Severity(str(entry["severity"]))


_TRIES = 4
_EMPTY = "<!-- reviewloop:summary 1 -->\n## reviewloop: not reviewed yet"


def remember(
    client: GitHub,
    pull: PullRequest,
    change: Callable[[State], State],
    pace: Pace,
    *,
    news: str = "",
) -> State:
    """Change the stored state and return it; `change` must give the same result when repeated.

    `news` is a line of Markdown for the summary about it.
    Raise a GitHubError when it cannot be stored, also if other runs keep overwriting it.
    """
    for attempt in range(_TRIES):
        if attempt > 1:
            pace.sleep(2.0 * attempt)
        state, location = find_state(client.issue_comments(pull.number), client.me(), pull)
        changed = change(state)
        if pack_state(changed, pull) == pack_state(state, pull):  # long texts are cut there
            return state
        body = with_state(location.body if location else _EMPTY, changed, pull)
        body = clip_body(with_news(body, news, state, changed) if news else body, LONGEST)
        pace.wait()
        try:
            if location:
                client.update_issue_comment(location.id, body)
            else:
                client.create_issue_comment(pull.number, body)
        except (AnswerLost, NotFound):
            continue  # read again with the current content
    raise GitHubError(
        f"other runs keep writing what is remembered of #{pull.number}: give the command again"
    )


def with_orders(state: State, before: State, now: State) -> State:
    """Return the state that a review stores, with users' commands given during the review.

    `before` is the stored state at its start, `now` the one at its end.
    """
    entries = dict(state.findings)
    for name, entry in now.findings.items():
        was = before.findings.get(name, {}).get("status") == "dismissed"
        is_now = entry.get("status") == "dismissed"
        if name not in entries or was == is_now:
            continue
        if is_now or entries[name]["status"] == "dismissed":  # not findings fixed meanwhile
            order = {"status": entry["status"], "reason": entry["reason"]}
            entries[name] = {**entries[name], **order}
    paused = now.paused if now.paused != before.paused else state.paused
    return replace(state, findings=entries, paused=paused)
