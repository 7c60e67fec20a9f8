"""Requests for tests of the models door."""

from typing import Any

from reviewloop.llm.messages import ModelRequest, ToolSpec, text_block, user_message

CLAUDE = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
NOVA = "bedrock_converse:amazon.nova-pro-v1:0"
REPORT = ToolSpec("report", "Report.", {"type": "object", "properties": {"a_b": {}}})


def asking(*texts: str, model: str = CLAUDE, **options: Any) -> ModelRequest:
    """Return a request whose one message has these texts."""
    message = user_message(*(text_block(text) for text in texts or ("Review this.",)))
    options.setdefault("tools", (REPORT,))
    return ModelRequest(model, "You review code.", (message,), **options)
