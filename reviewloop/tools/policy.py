"""Decides which files an agent may not write: those that steer tools and machines, or hold
secrets.
"""

import unicodedata
from collections.abc import Callable

from reviewloop.checkout.protected import fold_path, protection_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import first_match
from reviewloop.domain.hidden_characters import find_hidden
from reviewloop.regex import regex
from reviewloop.tools.arguments import shown_name

_PATH_LIKE = regex(r"[\w.@+/-]*[\w]")


@dataclass(frozen=True)
class Refusal:
    """Why a path may not be written, and what to do instead."""

    why: str
    advice: str = ""
    brief: str = ""  # names the responsible setting; "": `why` is short enough

    def __str__(self) -> str:
        return f"{self.why}; {self.advice}" if self.advice else self.why

    @property
    def in_short(self) -> str:
        """A short form for one sentence about several refusals."""
        return self.brief or self.why


def _allow(_path: str) -> Refusal | None:
    return None


@dataclass(frozen=True)
class WritePolicy:
    """The refused paths, and the exceptions.

    `off_limits` are further files that only the engine writes, like the spec whose box it ticks.
    `named` are protected files that the task names, so a user asked for them. `refuse` returns why
    a path is refused in this conversation, or None.
    """

    secret_files: tuple[str, ...] = ()
    secret_files_allowed: tuple[str, ...] = ()
    off_limits: tuple[str, ...] = ()
    named: frozenset[str] = frozenset()
    refuse: Callable[[str], Refusal | None] = _allow

    def refusal(self, path: str) -> Refusal | None:
        """Return why the path may not be written, None if it may."""
        name = shown_name(path)
        if find_hidden(path) or "\n" in path:
            return Refusal(f"{name} holds hidden characters", "use plain names")
        if path.startswith(("/", "~/")) or ".." in path.split("/"):
            return Refusal(
                f"{name} is outside of the repository", "give paths relative to its root"
            )
        if any(part != part.rstrip(". ") for part in path.split("/")):
            return Refusal(
                f"{name} ends in a dot or space, which some disks drop", "use another name"
            )
        same = fold_path(path)
        if any(fold_path(other) == same for other in self.off_limits):
            return Refusal(f"{name} is written by the engine only", "leave it as it is")
        if is_protected(path) and all(fold_path(other) != same for other in self.named):
            return Refusal(
                f"{name} steers tools or people's machines and the task does not name it",
                "leave it, and mention in your summary what should change there",
            )
        if self._holds_secrets(path):
            return Refusal(
                f"{name} may hold secrets and must not be part of a change (guard.secret_files)",
                "read the value from the environment, or write an example file",
                brief=f"{name} (guard.secret_files)",
            )
        return self.refuse(path)

    def _holds_secrets(self, path: str) -> bool:
        plain = _normal(path)
        return bool(
            first_match(plain, self.secret_files)
            and not first_match(plain, self.secret_files_allowed)
        )


def is_protected(path: str) -> bool:
    """Whether a file may change only in a task that names it."""
    protection = protection_of(path)
    return protection is not None and protection.refused


def protected_files_named_in(text: str) -> frozenset[str]:
    """Return the protected files that a task's text names by their path."""
    words = (word.removeprefix("./") for word in _PATH_LIKE.findall(text))
    return frozenset(word for word in words if is_protected(word))


def _normal(path: str) -> str:
    return unicodedata.normalize("NFC", path)
