"""Answers in the threads of findings: once each, and resolved where the token may."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from reviewloop.github.api.client import GitHub
from reviewloop.github.api.errors import AnswerLost, Forbidden, GitHubError, NotFound
from reviewloop.github.api.model import PullRequest
from reviewloop.github.api.pace import Pace
from reviewloop.github.comments.marker import answer_marker, answered, is_ours

# None of it is written by a model.
_TEXTS = {
    "gone": "Looks fixed: the code that this is about is no longer there.",
    "file": "Looks fixed: the file that this is about is no longer there.",
    "confirmed": "Looks fixed: a reviewer read the new changes and finds it resolved.",
    "back": "This is back: the latest review finds the same again.",
}


@dataclass(frozen=True)
class Answer:
    """One thing to do in a thread."""

    finding: str  # fingerprint
    comment: int  # the one that began the thread
    text: str  # "": it was said, only to be resolved
    thread: str = ""  # GraphQL's id, "" where it is not known or not to be resolved

    @property
    def resolve(self) -> bool:
        """Whether the thread is to be resolved."""
        return bool(self.thread)


def answer_to(finding: str, comment: int, reason: str, thread: str = "") -> Answer:
    """Return the answer for a reason (a key of the texts above, "" for none)."""
    if not reason:
        return Answer(finding, comment, "", thread)
    mark = answer_marker(finding, "back" if reason == "back" else "fixed")
    text = _TEXTS.get(reason, _TEXTS["gone"])
    return Answer(finding, comment, f"{text}\n\n{mark}", thread)


def give_all(
    client: GitHub,
    pull: PullRequest,
    answers: Iterable[Answer],
    *,
    told: Callable[[str], None] = lambda _: None,
    failing: Callable[[GitHubError], None] = lambda _: None,
    pace: Pace | None = None,
) -> tuple[str, ...]:
    """Give the answers and return a sentence for each that failed; the next run repeats those.

    A token that may not resolve threads is no failure: the answer stands. A finding whose comment
    is gone needs none. `told` hears such things, `failing` the error behind each sentence.
    """
    problems = []
    may_resolve = True
    pace = pace or Pace()
    for answer in answers:
        try:
            if answer.text:
                _reply(client, pull.number, answer, pace)
            if answer.resolve and may_resolve:
                client.resolve_thread(answer.thread)
        except Forbidden as error:
            if "resolveReviewThread" in str(error):
                may_resolve = False  # as it should be: that right lets the token push, too
            else:
                failing(error)
                problems.append(_sentence(answer, error))
        except NotFound as error:
            told(_sentence(answer, error))
        except GitHubError as error:
            failing(error)
            problems.append(_sentence(answer, error))
    return tuple(problems)


def _reply(client: GitHub, number: int, answer: Answer, pace: Pace) -> None:
    for last in (False, True):
        pace.wait()
        try:
            client.reply(number, answer.comment, answer.text)
            return
        except AnswerLost:
            if _stands(client, number, answer):
                return
            if last:
                raise


def _stands(client: GitHub, number: int, answer: Answer) -> bool:
    """Whether the answer arrived although we did not hear so."""
    wanted = answered(answer.text)
    mine = [
        comment
        for comment in client.review_comments(number)
        if comment.reply_to == answer.comment and is_ours(comment, client.me())
    ]
    said = [answered(comment.body) for comment in sorted(mine, key=lambda each: each.id)]
    return [each for each in said if each[0] == answer.finding][-1:] == [wanted]


def _sentence(answer: Answer, error: GitHubError) -> str:
    return f"the thread of finding {answer.finding} got no answer: {error}"
