"""Values that stand where a secret will be: what documentation prints and templates hold."""

import re

# Values that vendors print in their documentation: they open nothing.
_DOCUMENTED = (
    "IOSFODNN7EXAMPLE",
    "I44QH8DHBEXAMPLE",
    "wJalrXUtnFEMI/K7MDENG",
    "je7MtGbClwBF/2Zp9Utk/",
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq",  # the storage emulator's
    "C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw",
    ".eyJzdWIiOiIxMjM0NTY3ODkwIiwi",  # jwt.io's
)
_SHORTEST = min(map(len, _DOCUMENTED))
_PLACEHOLDER = re.compile(
    r"example|placeholder|change_?-?me|your[_\-]|dummy|redacted|xxxxx|\*\*\*|\.\.\.|0123456789abcdef"
    r"|abcdefghij|1234567890|…",
    re.IGNORECASE,
)


def is_documented(value: str) -> bool:
    """Whether a vendor prints this very value for everyone to read."""
    return len(value) >= _SHORTEST and any(known in value for known in _DOCUMENTED)


def is_placeholder(value: str) -> bool:
    """Whether a token-like value says of itself that it is none."""
    return _PLACEHOLDER.search(value) is not None
