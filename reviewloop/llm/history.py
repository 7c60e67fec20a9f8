"""Selects what of a conversation is sent again: cache points, and shorter versions."""

from collections.abc import Iterator, Sequence

from reviewloop.llm.messages import Block, Message, cache_point

_LEFT_OUT = "[left out, because the conversation became long; call again if needed]"


def shorter(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield shorter versions, the longest first: without old tool results, then without the latest.

    Yields nothing when no tool result can go: then the opening messages are too long by themselves.
    """
    before = list(messages)
    for version in (
        [*(without_results(message) for message in before[:-1]), *before[-1:]],
        [without_results(message) for message in before],
    ):
        if version != before:
            yield version
            before = version


def without_results(message: Message) -> Message:
    """Return a message without its long tool results."""
    if message["role"] != "tool":
        return message
    return {**message, "content": [_emptied(block) for block in message["content"]]}


def _emptied(block: Block) -> Block:
    is_long = block["type"] == "tool_result" and len(block["text"]) > len(_LEFT_OUT)
    return {**block, "text": _LEFT_OUT} if is_long else block


_SAME = "[the same, word for word, as an earlier result in this conversation]"
_WORTH_IT = 400  # characters; shorter results may be the same by chance, or were left out
_RECENT = 2  # messages with results that are never shortened


def with_cache_points(
    messages: Sequence[Message], opening: int, *, writes: bool, more: bool
) -> tuple[Message, ...]:
    """Return the history with its cache points after the first `opening` messages.

    One is at the end, one stays where the last request had it: not every model searches for a
    cached prefix before a point. The opening messages of an agent that `writes` are cached for its
    many turns; if no `more` turns follow, nothing would read the last write.
    """
    spoken = [n for n in range(opening, len(messages)) if messages[n]["role"] != "assistant"]
    at = set(spoken[-2:] if more else spoken[-2:-1])
    if writes:
        at.add(opening - 1)
    return tuple(
        {**message, "content": [*message["content"], cache_point()]} if n in at else message
        for n, message in enumerate(messages)
    )


def trim_results(messages: Sequence[Message], most: int) -> list[Message]:
    """Return the history; beyond `most` characters of tool results, the oldest are left out.

    It is cut to half of that at once: each cut makes the rest uncached.
    """
    total = sum(_size(message) for message in messages)
    kept = list(messages)
    if total <= most:
        return kept
    results = [n for n, message in enumerate(kept) if message["role"] == "tool"]
    for n in results[:-_RECENT]:
        if total <= most // 2:
            break
        total -= _size(kept[n])
        kept[n] = without_results(kept[n])
        total += _size(kept[n])
    return kept


def without_repeats(messages: Sequence[Message], results: Sequence[Block]) -> list[Block]:
    """Return new tool results, without repeating in full what the history still contains."""
    held = [
        block["text"]
        for message in messages
        if message["role"] == "tool"
        for block in message["content"]
        if block["type"] == "tool_result" and len(block["text"]) >= _WORTH_IT
    ]
    return [{**block, "text": _shortened(block["text"], held)} for block in results]


def _shortened(text: str, held: Sequence[str]) -> str:
    for before in held:
        if text == before or text.endswith(f"\n{before}"):
            return text[: len(text) - len(before)] + _SAME
    return text


def _size(message: Message) -> int:
    return sum(len(b["text"]) for b in message["content"] if b["type"] == "tool_result")
