"""`Act`: how a user gave an approval, and how a commit records it."""

from collections.abc import Mapping
from typing import Literal, cast, get_args

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.commits import is_signed, message_of, reword_commit
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.render.untrusted import one_line

Kind = Literal["comment", "environment", "terminal"]
Here = Literal["terminal", "command", "program", "autopilot"]
"""An approval at a terminal, by a command, through the library, or by autopilot."""

_KINDS: tuple[str, ...] = (*get_args(Kind), *get_args(Here))
_PREFIX = "act_"  # of its keys in an answer
_BY, _HOW = "Approved-by: ", "Approval: "


@dataclass(frozen=True)
class Act:
    """One approval, whose fact and rights were already checked.

    `ident` is the id of a comment, or `NAME, run ID` of an environment's approval.
    """

    kind: Kind | Here
    actor: str  # login, or the account name at a terminal
    ident: str = ""
    url: str = ""

    @property
    def trailers(self) -> tuple[str, ...]:
        """The trailers for the commit; none for an act on this machine, where the commit stays as
        shown.
        """
        if self.kind in get_args(Here):
            return ()
        how = " ".join(one_line(word) for word in (self.kind, self.ident, self.url) if word)
        return f"{_BY}{one_line(self.actor)}", f"{_HOW}{how}"

    def plain(self) -> dict[str, str]:
        """Return it as keys of an answer to the approval question."""
        values = {"kind": self.kind, "actor": self.actor, "id": self.ident, "url": self.url}
        return {_PREFIX + name: value for name, value in values.items()}

    @classmethod
    def of(cls, answer: Mapping[str, str]) -> "Act | None":
        """Return the act in an answer, if any; raise `UsageError` for an unknown kind."""
        kind = answer.get(_PREFIX + "kind", "")
        if not kind:
            return None
        if kind not in _KINDS:
            raise UsageError(f"{kind!r} is no kind of approval")
        values = (answer.get(_PREFIX + name, "") for name in ("actor", "id", "url"))
        return cls(cast(Kind | Here, kind), *values)


def record_act(git: Git, commit: str, act: Act) -> str:
    """Return a commit that records the act: same tree and parents, with trailers added.

    `git` works on a directory of ours. A signature is dropped.
    """
    if not act.trailers:
        return commit
    message = message_of(git, commit).rstrip("\n")
    return reword_commit(git, commit, "\n".join([message, "", *act.trailers]))


def record_act_signed(private: PrivateRepo, commit: str, act: Act) -> str:
    """Do the same in a run's own repository; a signed commit is signed again."""
    made = record_act(private.git, commit, act)
    if made == commit or not is_signed(private.git, commit):
        return made
    shown = private.git.text(
        "show", "-s", "--no-show-signature", "--date=raw", "--format=%T%n%P%n%an%n%ae%n%ad", commit
    )
    tree, parents, name, email, date = shown.split("\n")
    who = (name, email)
    text = message_of(private.git, made)
    return private.commit(tree, parents.split(), text, who, who, sign=True, date=date)


def approval_lines(message: str) -> tuple[str, ...]:
    """Return the lines of a message that look like the record of an approval."""
    lines = (line.strip() for line in message.split("\n"))
    return tuple(line for line in lines if line.lower().startswith((_BY.lower(), _HOW.lower())))
