"""One finding for one problem: what several reviewers say of the same place is said once."""

import re
from collections.abc import Iterable

from reviewloop.findings import Finding, Placement, by_severity

_SHORTEST_WORD = 4  # letters; shorter ones ("the", "is", "may") say nothing about meaning


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, duplicates joined, most severe first.

    Two findings are the same when their fingerprints are equal, or when they stand on overlapping
    lines of one file, come from different reviewers and mean the same: same rule,
    or mostly the same words (fewer are enough within one category). The joined one carries every
    reviewer's name, the higher severity and all evidence.
    """
    merged: list[Finding] = []
    for finding in by_severity(list(findings)):
        for index, other in enumerate(merged):
            if finding.id == other.id or _same_problem(finding, other):
                merged[index] = _joined(other, finding)
                break
        else:
            merged.append(finding)
    return by_severity(merged)


def _same_problem(one: Finding, two: Finding) -> bool:
    # What one reviewer reports as two things is two things.
    by_others = not set(one.agents) & set(two.agents)
    return by_others and _same_place(one, two) and _same_meaning(one, two)


def _same_place(one: Finding, two: Finding) -> bool:
    if one.path != two.path or Placement.UNANCHORED in (one.placement, two.placement):
        return False
    if one.line is None or two.line is None:
        return one.line is two.line
    return one.line <= (two.end_line or two.line) and two.line <= (one.end_line or one.line)


def _same_meaning(one: Finding, two: Finding) -> bool:
    if one.rule and one.rule == two.rule:
        return True
    if one.rule and two.rule:
        return False
    ours, theirs = _words(one.title), _words(two.title)
    if not ours or not theirs:
        return False
    same_field = one.category and one.category.casefold() == two.category.casefold()
    wanted = 0.3 if same_field else 0.6
    return len(ours & theirs) / min(len(ours), len(theirs)) >= wanted


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) >= _SHORTEST_WORD}


def _joined(kept: Finding, other: Finding) -> Finding:
    """`kept` is at least as severe as `other`, because the input is sorted."""
    agents = tuple(dict.fromkeys(kept.agents + other.agents))
    evidence = tuple(dict.fromkeys(kept.evidence + other.evidence))
    return kept.model_copy(
        update={
            "agents": agents,
            "evidence": evidence,
            "why": kept.why or other.why,
            "suggestion": kept.suggestion or other.suggestion,
            "replacement": kept.replacement or other.replacement,
            "rule": kept.rule or other.rule,
        }
    )
