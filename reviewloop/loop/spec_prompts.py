"""The headings that spec agents must write, by dialect.

The agents' own prompts describe Kiro's form; a single file consists of the same documents.
"""

from reviewloop.llm.messages import ToolSpec
from reviewloop.specs.dialect import dialect_named

MOST_QUESTIONS = 5  # in a round
MOST_ROUNDS = 3

OWN_HEADINGS = """\
# The form

This file has headings of its own, in the place of those that you know. Keep them with their levels
and their order; a new section has `## ` and stands among them.
"""
ENDING = ToolSpec(
    name="write_document",
    description="Hand in the whole document. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["document"],
        "properties": {"document": {"type": "string", "description": "the document, in Markdown"}},
    },
)
ASKING = ToolSpec(
    name="ask_questions",
    description="Hand in your questions, or an empty list when nothing has to be asked.",
    schema={
        "type": "object",
        "required": ["questions"],
        "properties": {
            "questions": {
                "type": "array",
                "maxItems": MOST_QUESTIONS,
                "items": {
                    "type": "object",
                    "required": ["question"],
                    "properties": {
                        "question": {"type": "string"},
                        "about": {
                            "type": "string",
                            "description": "what was left open: subject, user, outcome, or a word",
                        },
                        "choices": {"type": "array", "items": {"type": "string"}},
                        "default": {"type": "string", "description": "what you would take"},
                    },
                },
            },
            "again": {
                "type": "boolean",
                "description": "whether you can ask what else is open only when these are answered",
            },
        },
    },
)


def form_of(dialect: str, phase: str) -> str:
    """Return the instruction on the form of a phase, "" where the agent's prompt has it."""
    writing = dialect_named(dialect).writing
    text = writing.forms.get(phase, "") if writing else ""
    return f"# The form\n\n{text}" if text else ""
