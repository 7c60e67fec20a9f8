"""Finds the bracket of an HCL text that nothing closes, or that closes nothing."""

from reviewloop.rules.infra.hcl_tokens import Tokens

_OPENS = {")": "(", "]": "[", "}": "{"}


def unclosed_bracket(text: str) -> int:
    """Return the line of the first bracket that has no other, 0 when all have."""
    tokens = Tokens(text)
    opened: list[tuple[str, int]] = []
    while tokens.token.kind != "end":
        token = tokens.advance()
        if token.kind in _OPENS.values():
            opened.append((token.kind, token.line))
        elif token.kind in _OPENS and (not opened or opened.pop()[0] != _OPENS[token.kind]):
            return token.line
    return opened[-1][1] if opened else 0
