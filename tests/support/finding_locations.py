"""Locations of findings on a pull request of the stand-in for GitHub: each once."""

import re
from collections import Counter
from collections.abc import Iterable

from support.github_server import GitHubServer
from support.github_state import BOT, IssueComment, ReviewComment

from reviewloop.github.comments.marker import findings_in, parse_reply

_SUMMARY = "<!-- reviewloop:summary "
_NAMED = re.compile(r"`([0-9a-f]{12})`")
_SILENCED = re.compile(r"<details><summary>Silenced or dismissed.*?</details>", re.DOTALL)


def on_diff(github: GitHubServer, number: int = 7, who: str = BOT) -> list[ReviewComment]:
    """Return what we said on lines and files, without answers."""
    rows = github.state.visible(number)
    return [c for c in rows if c.author == who and c.in_reply_to is None]


def summaries(github: GitHubServer, number: int = 7, who: str = BOT) -> list[IssueComment]:
    """Return the comments of our summary in their order."""
    rows = [c for c in github.state.issue_comments if (c.pull, c.author) == (number, who)]
    return [c for c in rows if _SUMMARY in "\n".join(c.body.splitlines()[:2])]


def standing(github: GitHubServer, number: int = 7, who: str = BOT) -> Counter[str]:
    """Return how often each finding is told as open on a pull request."""
    seen = Counter(name for c in on_diff(github, number, who) for name in findings_in(c.body))
    for comment in summaries(github, number, who):
        seen.update(set(_NAMED.findall(_SILENCED.sub("", comment.body))))
    return seen


def check_standing(
    github: GitHubServer, findings: Iterable[str], number: int = 7, who: str = BOT
) -> None:
    """Fail unless each of the findings is told exactly once, and none of ours is told twice.

    The summary is one: no part of it is there twice. No thread has the same answer of ours twice.
    """
    seen = standing(github, number, who)
    assert {name: times for name, times in seen.items() if times > 1} == {}
    assert set(findings) <= set(seen), "a finding stands nowhere"
    parts = [c.body.partition(_SUMMARY)[2].split(" ")[0] for c in summaries(github, number, who)]
    assert parts == [str(part) for part in range(1, len(parts) + 1)]
    answers = Counter(
        (c.in_reply_to, parse_reply(c.body))
        for c in github.state.visible(number)
        if c.author == who and c.in_reply_to
    )
    assert [each for each, times in answers.items() if times > 1] == []
