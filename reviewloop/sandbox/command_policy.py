"""Decides which commands agents may run: no denied one, and, if any are trusted, only those."""

import shlex
from collections.abc import Sequence
from fnmatch import fnmatchcase

from reviewloop.dataclass import dataclass
from reviewloop.sandbox.command_lines import COMPUTED, Started, started_by
from reviewloop.settings import Settings

_LONGEST = 120
_MOST_LETTERS = 4  # of a cluster of one-letter options
_SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash")
# One-letter options -> long options with the same meaning in programs that have both.
_LONG = {
    "r": "--recursive",
    "R": "--recursive",
    "f": "--force",
    "d": "--delete",
    "D": "--delete",
    "a": "--all",
    "y": "--yes",
    "i": "--in-place",
    "v": "--verbose",
    "n": "--dry-run",
    "p": "--parents",
}
_SAME = {"r": "rR", "R": "rR"}


@dataclass(frozen=True)
class CommandPolicy:
    """`denied` has priority over `trusted`; where nothing is trusted, everything else may run."""

    trusted: tuple[str, ...] = ()
    denied: tuple[str, ...] = ()

    @classmethod
    def of(cls, settings: Settings) -> "CommandPolicy":
        """Return the policy of the settings."""
        return cls(settings.tools.trusted_commands, settings.tools.denied_commands)

    def refusal(self, command: str | Sequence[str]) -> str:
        """Return why agents may not run this, or ""; a string is read as by a shell."""
        if not self.trusted and not self.denied:
            return ""
        text = command if isinstance(command, str) else shlex.join(command)
        shown = " ".join(text.split())[:_LONGEST]
        try:
            found = [*started_by(command)]
        except (RecursionError, ValueError):  # nested too deeply, or not text
            found = [Started(unknown="it cannot be read as a command line")]
        pattern = next((p for p in self.denied if any(_denies(p, one) for one in found)), None)
        if pattern is not None:
            return (
                f"`{shown}` is denied ({pattern!r} in tools.denied_commands); leave it, and "
                "mention in your summary what it was for"
            )
        unknown = next((one.unknown for one in found if one.unknown), "")
        if unknown:
            return (
                f"`{shown}` cannot be checked against tools.denied_commands and "
                f"tools.trusted_commands: {unknown}; write out what is to run"
            )
        if self.trusted and not all(self._trusts(one) for one in found):
            return f"`{shown}` is not among tools.trusted_commands: {', '.join(self.trusted)}"
        return ""

    def _trusts(self, one: Started) -> bool:
        if one.changes or any(COMPUTED in word for word in one.words):
            return False
        return one.hands_on or any(_fits_exactly(pattern, one.words) for pattern in self.trusted)


def _fits_exactly(pattern: str, words: Sequence[str]) -> bool:
    """Return whether the words match the pattern; a final `*` matches any number of them."""
    required = shlex.split(pattern)
    if required[-1] == "*":
        required, words = required[:-1], words[: len(required) - 1]
    return len(required) == len(words) and all(map(fnmatchcase, words, required))


def _denies(pattern: str, one: Started) -> bool:
    *earlier, last = (part.strip() for part in pattern.split("|"))
    if any(shlex.split(part)[:1] and not _came(shlex.split(part)[0], one) for part in earlier):
        return False
    name, *required = shlex.split(last)
    if not one.words or one.unknown:
        return False
    programs = _SHELLS if earlier and name in _SHELLS else (name,)
    if not any(_is_program(program, one) for program in programs):
        return False
    options = [word for word in required if word.startswith("-") and word != "-"]
    operands = [word for word in required if word not in options]
    given = _Given.of(one.words[1:])
    return all(map(given.has_option, options)) and given.has_operands(operands)


def _came(program: str, one: Started) -> bool:
    return any(fnmatchcase(name, program.lower()) for name in one.upstream)


def _is_program(pattern: str, one: Started) -> bool:
    if "/" in pattern:
        return fnmatchcase(one.words[0], pattern)
    return fnmatchcase(one.program, pattern.lower())


@dataclass(frozen=True)
class _Given:
    """The words after a program's name."""

    options: tuple[str, ...]
    operands: tuple[tuple[str, bool], ...]  # with whether it may be the value of an option

    @classmethod
    def of(cls, words: Sequence[str]) -> "_Given":
        options, operands = [], []
        only_operands = behind_option = False
        for word in words:
            if word == "--" and not only_operands:
                only_operands, behind_option = True, False
            elif not only_operands and (word.startswith("-") or word == COMPUTED) and word != "-":
                options.append(word)
                behind_option = True
                if word == COMPUTED:
                    operands.append((word, True))
            else:
                operands.append((word, behind_option))
                behind_option = False
        return cls(tuple(options), tuple(operands))

    def has_option(self, required: str) -> bool:
        """Return whether an option may be given: alone, in a cluster, or by its long name."""
        if any(COMPUTED in option for option in self.options):
            return True
        if required.startswith("--"):
            name = required.partition("=")[0]
            letters = [letter for letter, long in _LONG.items() if long == name]
            return any(map(self._has_letter, letters)) or any(
                fnmatchcase(one, required) or _abbreviates(one, name) for one in self.options
            )
        if any(fnmatchcase(one, required) for one in self.options):
            return True
        letters = [*required[1:]]
        return len(letters) <= _MOST_LETTERS and all(map(self._has_letter, letters))

    def _has_letter(self, letter: str) -> bool:
        for option in self.options:
            if option.startswith("--"):
                if letter in _LONG and _abbreviates(option, _LONG[letter]):
                    return True
            elif any(same in option[1:] for same in _SAME.get(letter, letter)):
                return True
        return False

    def has_operands(self, required: Sequence[str]) -> bool:
        """Return whether the first operands are these; values of options before them do not
        count.
        """
        rest = [*required]
        for word, may_be_value in self.operands:
            if not rest:
                return True
            if COMPUTED in word or fnmatchcase(word, rest[0]):
                rest = rest[1:]
            elif not may_be_value:
                return False
        return not rest


def _abbreviates(option: str, long: str) -> bool:
    """Return whether an option is a long one or an abbreviation of it, as GNU's programs accept."""
    name = option.partition("=")[0]
    return len(name) > 3 and long.startswith(name)
