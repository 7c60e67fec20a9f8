"""Changes what our own comment remembers, although other runs write it at the same moment.

GitHub has no locks for comments. So it is read right before it is written, and read again to see
whether the change stands; and a review takes over what people ordered while it was running.
"""

from collections.abc import Callable
from dataclasses import replace

from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, GitHubError, NotFound
from reviewloop.github.api.model import PullRequest, State
from reviewloop.github.api.pace import Pace
from reviewloop.github.comments.bodies import LONGEST, clipped
from reviewloop.github.comments.marker import found_state, with_state
from reviewloop.github.comments.stored import packed
from reviewloop.github.posting.since_then import with_news

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
    """Change the state and return it as it stands; `change` gives the same when done twice.

    `news` is a line of Markdown for the summary about it.

    Raises a GitHubError when it cannot be kept, also because other runs keep overwriting it.
    """
    for attempt in range(_TRIES):
        if attempt > 1:
            pace.sleep(2.0 * attempt)
        state, place = found_state(client.issue_comments(pull.number), client.me(), pull)
        wanted = change(state)
        if packed(wanted, pull) == packed(state, pull):  # long texts are cut there
            return state
        body = with_state(place.body if place else _EMPTY, wanted, pull)
        body = clipped(with_news(body, news, state, wanted) if news else body, LONGEST)
        pace.wait()
        try:
            if place:
                client.update_issue_comment(place.id, body)
            else:
                client.create_issue_comment(pull.number, body)
        except (AnswerLost, NotFound):
            continue  # what stands there is read again
    raise GitHubError(
        f"other runs keep writing what is remembered of #{pull.number}: give the command again"
    )


def with_orders(state: State, before: State, now: State) -> State:
    """Return the state that a review keeps, with what people ordered while it was running.

    `before` is what stood there when it began, `now` what stands there at its end.
    """
    entries = dict(state.findings)
    for name, entry in now.findings.items():
        was = before.findings.get(name, {}).get("status") == "dismissed"
        is_now = entry.get("status") == "dismissed"
        if name not in entries or was == is_now:
            continue
        if is_now or entries[name]["status"] == "dismissed":  # not what is fixed meanwhile
            order = {"status": entry["status"], "reason": entry["reason"]}
            entries[name] = {**entries[name], **order}
    paused = now.paused if now.paused != before.paused else state.paused
    return replace(state, findings=entries, paused=paused)
