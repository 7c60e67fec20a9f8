"""Make a conversation shorter that a model no longer takes, always in the same way."""

from collections.abc import Iterator, Sequence

from reviewloop.models.messages import Block, Message

_LEFT_OUT = "[left out, because the conversation became long; call again if needed]"


def shorter(messages: Sequence[Message]) -> Iterator[list[Message]]:
    """Yield shorter versions, the longest first: old tool results go, then the latest ones.

    Nothing is yielded when no tool result can go: what was said first is too long by itself.
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
    """Return a message whose long tool results are left out."""
    if message["role"] != "tool":
        return message
    return {**message, "content": [_emptied(block) for block in message["content"]]}


def is_left_out(block: Block) -> bool:
    """Whether a tool result was left out."""
    return str(block["text"]) == _LEFT_OUT


def _emptied(block: Block) -> Block:
    is_long = block["type"] == "tool_result" and len(block["text"]) > len(_LEFT_OUT)
    return {**block, "text": _LEFT_OUT} if is_long else block
