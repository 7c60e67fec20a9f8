"""`skills suggest`: lists what repeats: the same request in several runs, the same red gate.

Two sentences are the same request where most of their words are the same; no model is asked, and
only texts by the user of this machine count.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from reviewloop.app.project import Repository
from reviewloop.app.sessions import name_from
from reviewloop.app.skills.evidence import failed_gates, words_of
from reviewloop.dataclass import dataclass

_REPEATS = 3  # runs
_ALIKE = 0.5  # of the words of both
_SMALL = "a an and as at be by do for in is it not of on or the this to"
_SMALL_WORDS = frozenset(_SMALL.split())
_LOOKED_AT = 200  # runs, the newest first


@dataclass(frozen=True)
class Suggestion:
    """Something that repeats, the runs, and a command that turns it into a skill."""

    what: str  # asked | rejected | gate
    text: str  # the newest text, or the gate
    runs: tuple[str, ...]

    @property
    def command(self) -> str:
        """Return the suggested command."""
        if self.what == "gate":
            return f"reviewloop skills improve --from {','.join(self.runs[:5])}"
        name = name_from(self.text) or "my-skill"
        return f"reviewloop skills capture {name} --from {','.join(self.runs[:5])}"


def suggestions(repository: Repository, since: float = 0.0) -> list[Suggestion]:
    """Return what was repeated in three runs or more since a time, the most frequent first."""
    runs = [run for run in repository.runs.all() if run.created_at >= since][:_LOOKED_AT]
    answers: dict[str, list[tuple[str, str]]] = defaultdict(list)
    gates: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        for choice, text in words_of(repository, run):
            answers["rejected" if choice == "skip" else "asked"].append((run.run_id, text))
        for gate in failed_gates(repository, run):
            gates[gate].append(run.run_id)
    found = [*_repeated(answers)]
    found += [Suggestion("gate", name, _once(ids)) for name, ids in gates.items()]
    often = [one for one in found if len(one.runs) >= _REPEATS]
    return sorted(often, key=lambda one: (-len(one.runs), one.what, one.text))


def _repeated(answers: "dict[str, list[tuple[str, str]]]") -> Iterator[Suggestion]:
    for what, pairs in answers.items():
        groups: list[list[tuple[str, str]]] = []
        for run, text in pairs:  # the newest first
            alike = (group for group in groups if _is_alike(text, group[0][1]))
            group = next(alike, None)
            if group is None:
                groups.append([(run, text)])
            else:
                group.append((run, text))
        for group in groups:
            yield Suggestion(what, group[0][1], _once(run for run, _ in group))


def _once(runs: "Iterable[str] | Sequence[str]") -> tuple[str, ...]:
    return tuple(dict.fromkeys(runs))


def _is_alike(one: str, other: str) -> bool:
    first, second = _words(one), _words(other)
    both = first | second
    return bool(both) and len(first & second) / len(both) >= _ALIKE


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w+", text.casefold())) - _SMALL_WORDS
