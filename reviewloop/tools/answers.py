"""What a tool gives back: a note of ours, and data from the repository that may be fenced."""

from dataclasses import dataclass

from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.hidden_characters import show_hidden


@dataclass(frozen=True)
class Output:
    """`note` is said by us; `data` is quoted from files, logs or names and trusted by nobody."""

    note: str
    data: str = ""
    label: str = "data"
    refused: str = ""  # why an edit was not allowed, for the person
    lines: tuple[int, int] = (0, 0)  # that an edit added and removed


class CallRefusedError(ReviewLoopError):
    """The call cannot be answered as it was made; the note says what would be right."""

    def __init__(self, note: str, data: str = "", *, refused: str = "") -> None:
        super().__init__(note)
        self.output = Output(note, data, refused=refused)


class BadCallError(CallRefusedError):
    """The call itself is malformed: unknown tool, wrong arguments, not allowed."""


def shown_name(path: str) -> str:
    """Return a path for a note: one line, whatever stands in it."""
    return show_hidden(path).replace("\n", "⟦U+000A⟧")
