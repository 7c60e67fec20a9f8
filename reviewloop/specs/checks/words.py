"""Finds vague words in requirements, and requirements that no test could decide."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView

AMOUNT, TASTE, OPEN = "amount", "taste", "open"
"""Kinds of vague words: a missing number, a matter of taste, an open-ended list."""

_NUMBER = regex(
    r"\d\s?-?(?:%|percent\b|x\b|ms\b|s\b|sec(?:ond)?s?\b|min(?:ute)?s?\b|h(?:our)?s?\b|days?\b"
    r"|[kmgt]?b(?:ytes?)?\b|px\b|fps\b|\w+ per \w+|(?:\w+ )?(?:users?|requests?|members?|items?"
    r"|rows?|records?|files?|messages?|connections?|times|steps?|clicks?|characters?|lines?)\b)"
    r"|[<>≤≥]\s?=?\s?\d|\b(?:at most|at least|up to|within|under|below|over|no more than) \d",
    re.IGNORECASE,
)
_QUOTED = regex(r"`[^`]*`|\"[^\"]*\"|“[^”]*”")

# Words for speed or size: a number in the same statement makes them exact.
_AMOUNT = regex(
    r"\b(?:(?<!fail[ -])fast(?:er|est)?|quick(?:ly|er)?|slow(?:ly)?|speedy|promptly"
    r"|responsive(?:ly)?|performant|scalab(?:le|ility)|efficient(?:ly)?|low[- ]latency"
    r"|high[- ]performance|lightweight|large(?: number| amount)?s? of|many(?!-)|several|various"
    r"|numerous|minimal)\b",
    re.IGNORECASE,
)
# Words of taste: two people may disagree whether they are met.
_TASTE = regex(
    r"\b(?:user[- ]friendly|intuitive(?:ly)?|easy(?:[- ]to[- ](?:use|read|understand))?|easily"
    r"|seamless(?:ly)?|smooth(?:ly)?|modern|nice(?:ly)?|beautiful(?:ly)?|pleasant|elegant(?:ly)?"
    r"|state[- ]of[- ]the[- ]art|best[- ]practices?|world[- ]class|robust(?:ly)?|flexible"
    r"|high[- ]quality|optimal(?:ly)?|professional(?:ly)?|delightful)\b",
    re.IGNORECASE,
)
# Words that leave the end of a list or a condition open.
_OPEN = regex(
    r"\betc\b\.?|\band so (?:on|forth)\b|\bas (?:needed|necessary|appropriate)\b"
    r"|\b(?:if|where|when(?:ever)?) (?:possible|necessary|needed|appropriate|feasible)\b"
    r"|\band/or\b|\bto the extent possible\b",
    re.IGNORECASE,
)
# Common words with little content; alone they are no reason for a hit that blocks.
_SOFT = regex(
    r"\b(?:appropriate(?:ly)?|proper(?:ly)?|adequate(?:ly)?|sufficient(?:ly)?|reasonabl[ey]"
    r"|real[- ]?time|suitabl[ey]|relevant|graceful(?:ly)?|meaningful|clear(?:ly)?"
    r"|consistent(?:ly)?)\b",
    re.IGNORECASE,
)
_UNDECIDABLE = regex(
    r"\b(?:shall|must|should|will)\s+(?:not\s+)?(?:"
    r"(?:work|function|behave|operate|run|perform)s?\s+"
    r"(?:correctly|properly|well|fine|as (?:expected|intended|usual|designed)|reliably|smoothly"
    r"|normally|optimally)"
    r"|(?:be|feel|look|appear)\s+(?:very |more |highly |as )?"
    r"(?:user[- ]friendly|intuitive|easy|simple|good|nice|modern|clean|fast|quick|secure|reliable"
    r"|robust|scalable|flexible|maintainable|performant|stable|responsive|efficient|usable"
    r"|accessible|professional)\b(?!\s+(?:to|by|via|with|from|at|on|in|for|under|against|via|only))"
    r"|handle\s+(?:all\s+|any\s+)?(?:errors?|exceptions?|failures?|edge cases?|everything)\s+"
    r"(?:gracefully|properly|correctly|appropriately|well)"
    r")",
    re.IGNORECASE,
)
_PLACEHOLDER = regex(
    r"\bTBD\b|\bTBC\b|\bTODO\b(?! (?:comments?|markers?|notes?|lists?|items?)\b)|\bFIXME\b"
    r"|\bXXX\b|\?\?\?|\[to be (?:defined|decided|done)[^\]]*\]"
    r"|<(?:fill in|insert|your)[^>]*>|\blorem ipsum\b",
)
_UNCLEAR = regex(r"\[NEEDS CLARIFICATION:?\s*(?P<question>[^\]]*)\]?")
_LEVEL = regex(r"[(,/|]\s*$")  # before one of several names: (Easy, Medium, Hard)


def find_vague(view: SpecView) -> Iterator[Hit]:
    """Yield words of requirements that lack an amount, are a matter of taste, or end in `etc.`."""
    for line, whole_text in _statements(view):
        text = _UNDECIDABLE.sub(_blank, whole_text)  # already reported by another rule
        if found := vague_word(text, whole_text):
            word, kind = found
            problem = "has no number" if kind == AMOUNT else "can mean anything"
            yield view.hit("spec/vague", line, f'"{word}" {problem}', word)


def vague_word(text: str, whole_text: str = "") -> tuple[str, str] | None:
    """Return the first vague word of a statement and its kind: `AMOUNT`, `TASTE` or `OPEN`.

    A number anywhere in the `whole_text` counts as the amount.
    """
    if found := _taste(text):
        return found[0], TASTE
    if found := _OPEN.search(text):
        return found[0], OPEN
    if (found := _AMOUNT.search(text)) and not _NUMBER.search(whole_text or text):
        return found[0], AMOUNT
    return None


def _taste(text: str) -> re.Match[str] | None:
    """Return the first word of taste that is no name of a level."""
    for found in _TASTE.finditer(text):
        if not found[0][0].isupper() or not _LEVEL.search(text[: found.start()]):
            return found
    return None


def find_soft(view: SpecView) -> Iterator[Hit]:
    """Yield common words with little content."""
    for line, text in _statements(view):
        if (found := _SOFT.search(text)) and not _UNDECIDABLE.search(text):
            yield view.hit("spec/soft-word", line, f'"{found[0]}" leaves open what is', found[0])


def find_undecidable(view: SpecView) -> Iterator[Hit]:
    """Yield requirements whose only demand is that something is good."""
    for line, text in _statements(view):
        if found := _UNDECIDABLE.search(text):
            message = f'no test can decide "{found[0]}"'
            yield view.hit("spec/not-testable", line, message, found[0])


def find_placeholders(view: SpecView) -> Iterator[Hit]:
    """Yield placeholders that the author left."""
    for line in view.of_part("requirements", "design", "tasks", "introduction"):
        text = _QUOTED.sub(_blank, line.text)
        if found := _PLACEHOLDER.search(text):
            message = f'"{found[0]}" is still to be written'
            yield view.hit("spec/placeholder", line, message, found[0])


def find_unclear(view: SpecView) -> Iterator[Hit]:
    """Yield the open questions that Spec Kit marks in a spec."""
    for line in view.of_part("requirements", "design"):
        if found := _UNCLEAR.search(_QUOTED.sub(_blank, line.text)):
            question = line.text[slice(*found.span("question"))].strip()
            message = f"this question is open: {question}" if question else "a question is open"
            yield view.hit("spec/needs-clarification", line, message, found[0])


def _statements(view: SpecView) -> Iterator[tuple[SpecLine, str]]:
    """Yield the statements with quotes and code blanked out; none in other languages."""
    if view.is_english:
        for line in view.statements:
            yield line, _QUOTED.sub(_blank, line.text)


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])
