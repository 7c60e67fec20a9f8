"""Finds the entry of an earlier review that a finding is, also when a model words it differently.

A title is part of a fingerprint where there is no rule, and a path always is: so what the same
reviewer says of the very same code counts as the same, once for each entry and if it is no worse.
What an analyser found and a person dismissed is also the same in the words of its reviewer.
"""

from collections.abc import Collection, Mapping

from reviewloop.analysis.book import rule_of
from reviewloop.domain.finding import Finding, Severity
from reviewloop.github.earlier.codeprints import NO_FILE, WHOLE_FILE
from reviewloop.github.earlier.facts import Facts
from reviewloop.review.merging import category_of, is_narrow, topic_of, topic_of_words


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
        # Dismissed; the analyser finds the same again, which a model may only repeat.
        self._aside: dict[tuple[str, str], list[tuple[str, Mapping[str, object]]]] = {}
        for name, entry in entries.items():
            place = str(entry["path"]), str(entry["code"])
            if place[1] in {"", NO_FILE, WHOLE_FILE}:
                continue
            if name not in present:
                self._free.setdefault(place, []).append((name, entry))
            if entry["status"] == "dismissed":
                self._aside.setdefault(place, []).append((name, entry))

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
        aside = self._aside.get((finding.path, self._facts.of(finding)), [])
        for number, (name, entry) in enumerate(aside):
            no_worse = finding.severity.rank >= Severity(str(entry["severity"])).rank
            if no_worse and _repeats(finding, str(entry["by"])):
                del aside[number]
                return name
        return ""


def _repeats(finding: Finding, by: str) -> bool:
    """Whether a model's finding says what a rule found: on its evidence, or of its narrow kind."""
    rule = rule_of(by)
    if rule is None or finding.rule or rule.reviewer not in finding.agents:
        return False
    fact = f"{rule.id}:"
    if any(e.kind == "analyser" and e.text.startswith(fact) for e in finding.evidence):
        return True
    category, topic = category_of(finding.category), topic_of(rule.id)
    if category != category_of(rule.category):
        return False
    return is_narrow(category) or (bool(topic) and topic == topic_of_words(finding.title))


def _same_source(finding: Finding, by: str) -> bool:
    if finding.rule:
        return finding.rule == by
    return not set(finding.agents).isdisjoint(by.split(","))
