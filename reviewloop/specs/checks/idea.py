"""Finds what the description of an idea leaves open: what is built, for whom, and why.

A vague description makes a vague spec, so users are asked before a spec is written.
"""

from collections.abc import Iterator
from typing import NamedTuple

from reviewloop.regex import regex
from reviewloop.specs.checks.words import AMOUNT, OPEN, vague_word

SUBJECT, USER, OUTCOME = "subject", "user", "outcome"
PARTS = (SUBJECT, USER, OUTCOME)
_QUESTIONS = {
    SUBJECT: "What is to be built? Name the thing, and what it holds or does.",
    USER: "Who uses it, and what may each of them do?",
    OUTCOME: "What can they do with it that they cannot do now: what goes in, what comes out?",
}
_OF_WORDS = {
    AMOUNT: 'How much is "{}"? Give a number.',
    OPEN: 'What exactly does "{}" stand for? Name it all.',
}
_OF_TASTE = 'What is "{}" here, said so that a test can decide it?'

_ENOUGH = 3  # words with a meaning: "email and in-app notifications" names the result
_MOST_WORDS = 2  # vague words to ask about
_FOREIGN = 0.15  # share of letters outside ASCII above which the language is not assessed
_EMPTY_WORDS = """
    a an the this that these those it its is are be been am was were do does did have has had
    and or but nor so if as of to for with in on by from at into about over than then when where
    we i you he she they us me my our your their his her one ones there here not no yes
    please want wants need needs would could should shall must can may might will let lets like
    build built create creates make makes made add adds write writes do develop implement
    implements set get give put use using used have having work works working change changes
    improve improves improved better best good great nice cool awesome clean simple easy new old
    fast faster quick modern user-friendly friendly robust scalable intuitive powerful proper
    some something anything everything thing things stuff etc more less very really just all any
    app apps application applications system systems software tool tools program website site web
    page feature features functionality project product solution platform service code thing way
    fix fixes update updates handle handles support supports small big little
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_PEOPLE_WORDS = """
    user users member members customer customers client clients admin admins administrator
    administrators visitor visitors guest guests reader readers author authors editor editors
    writer writers subscriber subscribers buyer buyers seller sellers shopper shoppers people
    person everyone everybody anyone anybody someone somebody team teams staff employee employees
    manager managers operator operators developer developers engineer engineers student students
    teacher teachers patient patients doctor doctors nurse nurses parent parents child children
    owner owners player players driver drivers clerk clerks agent agents tenant tenants citizen
    citizens volunteer volunteers support-staff company companies household households analyst
    analysts accountant accountants supplier suppliers partner partners host hosts reviewer
    reviewers moderator moderators i we me us my our
"""
_PEOPLE = frozenset(_PEOPLE_WORDS.split())
_WORD = regex(r"[^\W_][\w.+#/-]*[\w+#]|[^\W_]")
_SENTENCE = regex(r"(?<=[.!?;])\s+|\n+")


class OpenPoint(NamedTuple):
    """A point that a description leaves open, one of `PARTS` or a word, with the question
    about it.
    """

    about: str
    question: str


def open_points(idea: str) -> tuple[OpenPoint, ...]:
    """Return the open points of a description, most important first.

    A short one that names its users, or its result, is left to the agent's questions.
    """
    letters = [letter for letter in idea if letter.isalpha()]
    if sum(not letter.isascii() for letter in letters) > _FOREIGN * len(letters):
        return ()
    return (*(OpenPoint(one, _QUESTIONS[one]) for one in _missing(idea)), *_vague(idea))


def _missing(idea: str) -> list[str]:
    words = [word.casefold() for word in _WORD.findall(idea)]
    people = any(word in _PEOPLE for word in words)
    known = {word for word in words if word not in _EMPTY and word not in _PEOPLE and len(word) > 1}
    if not known:
        return [part for part in PARTS if part != USER or not people]
    return [] if people or len(known) >= _ENOUGH else [USER, OUTCOME]


def _vague(idea: str) -> Iterator[OpenPoint]:
    seen: dict[str, OpenPoint] = {}
    for sentence in _SENTENCE.split(idea):
        if found := vague_word(sentence):
            word, kind = found
            text = _OF_WORDS.get(kind, _OF_TASTE).format(word)
            seen.setdefault(word.casefold(), OpenPoint(word.casefold(), text))
    yield from list(seen.values())[:_MOST_WORDS]
