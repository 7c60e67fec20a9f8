"""Fences around untrusted text: code, diffs, logs and task text are data, not instructions."""

import secrets
from dataclasses import dataclass

from reviewloop.workspace.hygiene import show_hidden

PLACEHOLDER = "0" * 32
"""Stands for the nonce in journal keys, so that equal requests of two runs are equal."""


def new_nonce() -> str:
    """Return 128 random bits as hex; one per run, kept in the run's record."""
    return secrets.token_hex(16)


@dataclass(frozen=True)
class Fence:
    """Wraps text so that what stands inside cannot pretend to stand outside."""

    nonce: str

    def wrap(self, label: str, text: str) -> str:
        """Return the text between two lines that carry the nonce, hidden characters shown.

        The nonce is unknown to whoever wrote the text; should it occur all the same (a model's
        own words quoted back), its occurrences inside are broken up.
        """
        inside = show_hidden(text).replace(self.nonce, self.nonce[:8] + "-" + self.nonce[8:])
        if not inside.endswith("\n"):
            inside += "\n"
        return f"<<<{label} {self.nonce}\n{inside}>>>{self.nonce}\n"

    def canonical(self, text: str) -> str:
        """Return the text with the nonce replaced, for the keys of the journal."""
        return text.replace(self.nonce, PLACEHOLDER)
