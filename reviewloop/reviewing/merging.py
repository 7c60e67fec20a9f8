"""One finding for one problem: what several reviewers or tools say of one place is said once."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence

from reviewloop.findings import Finding, Placement, Status, by_severity
from reviewloop.reviewing.topics import category_of, is_narrow, topic_of, topic_of_words

_SHORTEST_WORD = 4  # letters; shorter ones ("the", "is", "may") say nothing about meaning
_LONG = 50  # lines from which on a finding is looked for by its file instead of its lines
_MOST_COMPARED = 200  # findings at one place, the most severe: a line may hold a whole file
_ANALYSER = "analyser"


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings, duplicates joined, most severe first.

    Two findings are the same when their fingerprints are equal, or when they stand on overlapping
    lines of one file, come from different reviewers (or one from an analyser and one from a
    reviewer's own reading) and mean the same: same rule, or, within one category, same topic, or
    mostly the same words (fewer are enough within one category). The joined one carries every
    reviewer's name, the higher severity and all evidence.
    """
    listed = by_severity(list(findings))
    groups = _groups(listed, _same_problem, by_id=True)
    return by_severity([_all_joined([listed[i] for i in group]) for group in groups])


def said_by_several(findings: Sequence[Finding]) -> list[list[int]]:
    """Return positions in groups: what different analysers say of one problem is one group.

    The findings are given most severe first, and so are the groups and what is in them. One
    problem is the same topic, or the same narrow category from the same line on, at one place.
    What one analyser reports as two things is two things.
    """
    return _groups(findings, _same_for_analysers, by_id=False)


def joined(kept: Finding, other: Finding) -> Finding:
    """Return `kept`, which must be at least as severe, with the names and evidence of `other`."""
    updates: dict[str, object] = {
        "agents": tuple(dict.fromkeys(kept.agents + other.agents)),
        "evidence": tuple(dict.fromkeys(kept.evidence + other.evidence)),
        "why": kept.why or other.why,
        "suggestion": kept.suggestion or other.suggestion,
        "rule": kept.rule or other.rule,
        "url": kept.url or (other.url if not kept.rule else ""),
    }
    if other.rule and not kept.rule:  # an analyser's id is the same in every review
        updates["id"] = other.id
    # New lines fit only the lines that they are for.
    if kept.replacement is None and (kept.line, kept.end_line) == (other.line, other.end_line):
        updates |= {"replacement": other.replacement, "fix_safe": other.fix_safe}
    return kept.model_copy(update=updates)


def repeated(early: Sequence[Finding], late: Iterable[Finding]) -> list[int | None]:
    """Return for each late finding the position of the early one that says the same, or None."""
    places = _ByPlace()
    ids = {}
    for position, finding in enumerate(early):
        places.add(finding, position)
        ids[finding.id] = position
    found: list[int | None] = []
    for finding in late:
        near = (n for n in places.near(finding) if _same_for_analysers(early[n], finding))
        found.append(ids[finding.id] if finding.id in ids else next(near, None))
    return found


def with_late(early: Sequence[Finding], late: Sequence[Finding]) -> list[Finding]:
    """Return what early analysers found and what late ones add, most severe first.

    What both say of one problem is one finding: it keeps the id and the reviewers' word of the
    early one, and the higher severity. A rejected finding takes nothing in.
    """
    open_ = [finding for finding in early if finding.status is Status.OPEN]
    result = [*open_, *(finding for finding in early if finding.status is not Status.OPEN)]
    for finding, position in zip(late, repeated(open_, late), strict=True):
        if position is None:
            result.append(finding)
        elif finding.status is Status.OPEN:
            result[position] = with_later(result[position], finding)
    return by_severity(result)


def with_later(early: Finding, late: Finding) -> Finding:
    """Return what an early and a late analyser say of one problem as the early one's finding."""
    graver = late.severity.rank < early.severity.rank
    both = joined(late, early) if graver else joined(early, late)
    return both.model_copy(update={"id": early.id, "note": early.note})


Same = Callable[[Finding, Finding], bool]


def _groups(findings: Sequence[Finding], same: Same, *, by_id: bool) -> list[list[int]]:
    """Put each finding to the first group whose joined finding is the same as it."""
    found = _ByPlace()
    ids: dict[str, int] = {}
    groups: list[list[int]] = []
    whole: list[Finding] = []
    for position, finding in enumerate(findings):
        known = ids.get(finding.id) if by_id else None
        near = found.near(finding) if known is None else iter((known,))
        number = next((n for n in near if n == known or same(finding, whole[n])), None)
        if number is None:
            number = len(groups)
            groups.append([position])
            whole.append(finding)
            found.add(finding, number)
        else:
            groups[number].append(position)
            whole[number] = joined(whole[number], finding)
        ids.setdefault(finding.id, number)
    return groups


def _all_joined(findings: Sequence[Finding]) -> Finding:
    first, *others = findings
    for other in others:
        first = joined(first, other)
    return first


class _ByPlace:
    """Numbers of findings by where they stand, so that not every pair has to be compared."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], list[int]] = {}
        self._long: dict[str, list[int]] = {}
        self._all: dict[str, list[int]] = {}

    def add(self, finding: Finding, number: int) -> None:
        """Remember where a finding stands."""
        self._all.setdefault(finding.path, []).append(number)
        lines = _lines(finding)
        if len(lines) > _LONG:
            self._long.setdefault(finding.path, []).append(number)
        else:
            for line in lines:
                self._lines.setdefault((finding.path, line), []).append(number)

    def near(self, finding: Finding) -> Iterator[int]:
        """Yield in order the numbers of all that may stand at the same place."""
        lines = _lines(finding)
        if len(lines) > _LONG:
            yield from self._all.get(finding.path, ())[:_MOST_COMPARED]
            return
        numbers = set(self._long.get(finding.path, ()))
        for line in lines:
            numbers.update(self._lines.get((finding.path, line), ()))
        yield from sorted(numbers)[:_MOST_COMPARED]


def _lines(finding: Finding) -> range:
    first = finding.line or 0
    return range(first, max(finding.end_line or first, first) + 1)


def _same_problem(one: Finding, two: Finding) -> bool:
    # What one reviewer reports as two things is two things, unless one only repeats its evidence.
    by_others = not set(one.agents) & set(two.agents) or bool(one.rule) != bool(two.rule)
    return by_others and _same_place(one, two) and _same_meaning(one, two)


def _same_for_analysers(one: Finding, two: Finding) -> bool:
    if _sources(one) & _sources(two) or not _same_place(one, two) or one.line is None:
        return False
    if _apart(one, two):
        return False
    about, other = topic_of(one.rule), topic_of(two.rule)
    if about or other:
        return about == other
    category = category_of(one.category)
    same = category == category_of(two.category) and is_narrow(category)
    return same and one.line == two.line


def _sources(finding: Finding) -> set[str]:
    return {piece.source for piece in finding.evidence if piece.kind == _ANALYSER}


def _apart(one: Finding, two: Finding) -> bool:
    """Whether both stand on one line, in different columns of it."""
    if not (one.end_column and two.end_column) or one.end_line or two.end_line:
        return False
    return one.end_column <= two.column or two.end_column <= one.column


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
    same_field = one.category and category_of(one.category) == category_of(two.category)
    about = _topic(one)
    if same_field and about and about == _topic(two):
        return True
    ours, theirs = _words(one.title), _words(two.title)
    if not ours or not theirs:
        return False
    wanted = 0.3 if same_field else 0.6
    return len(ours & theirs) / min(len(ours), len(theirs)) >= wanted


def _topic(finding: Finding) -> str:
    return topic_of(finding.rule) if finding.rule else topic_of_words(finding.title)


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) >= _SHORTEST_WORD}
