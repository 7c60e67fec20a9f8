"""Finds the entry of an earlier review that a finding is, also when a model words it differently.

A title is part of a fingerprint where there is no rule, and a path always is: so what the same
reviewer says of the very same code counts as the same, once for each entry and if it is no worse.
"""

from collections.abc import Collection, Mapping

from reviewloop.findings import Finding, Severity
from reviewloop.github.codeprints import WHOLE_FILE
from reviewloop.github.facts import Facts


class Sameness:
    """The entries of earlier reviews; `present` are the fingerprints of this one."""

    def __init__(
        self,
        entries: Mapping[str, Mapping[str, object]],
        facts: Facts,
        present: Collection[str],
    ) -> None:
        self._names = frozenset(entries)
        self._facts = facts
        self._free: dict[tuple[str, str], list[tuple[str, Mapping[str, object]]]] = {}
        for name, entry in entries.items():
            place = str(entry["path"]), str(entry["code"])
            if name not in present and place[1] not in {"", WHOLE_FILE}:
                self._free.setdefault(place, []).append((name, entry))

    def entry_of(self, finding: Finding) -> str:
        """Return the name of the entry, "" for a finding that is new."""
        if finding.id in self._names:
            return finding.id
        free = self._free.get((finding.path, self._facts.of(finding)), [])
        for number, (name, entry) in enumerate(free):
            no_worse = finding.severity.rank >= Severity(str(entry["severity"])).rank
            if no_worse and _same_source(finding, str(entry["by"])):
                del free[number]
                return name
        return ""


def _same_source(finding: Finding, by: str) -> bool:
    if finding.rule:
        return finding.rule == by
    return not set(finding.agents).isdisjoint(by.split(","))
