"""Patterns of environment variable reads in common languages."""

import re

_NAME = r"(?P<name>[A-Za-z_]\w*)"
READS = (
    re.compile(rf"\benviron(?:\.get\(|\.setdefault\(|\.pop\(|\[)\s*['\"]{_NAME}['\"]"),
    re.compile(rf"\bgetenv\(\s*['\"]{_NAME}['\"]"),
    re.compile(rf"\bprocess\.env\.{_NAME}"),
    re.compile(rf"\bprocess\.env\[['\"]{_NAME}['\"]\]"),
    re.compile(rf"\bimport\.meta\.env\.{_NAME}"),
    re.compile(rf"\bos\.(?:Getenv|LookupEnv|Setenv)\(\"{_NAME}\""),
    re.compile(rf"\bENV(?:\.fetch\(|\[)['\"]{_NAME}['\"]"),
    re.compile(rf"\benv::var(?:_os)?\(\"{_NAME}\""),
    re.compile(rf"\bDeno\.env\.get\(['\"]{_NAME}['\"]"),
)
"""Each matches the variable as group `name`."""

OF_EVERY_SYSTEM = frozenset(
    ("PATH", "HOME", "USER", "SHELL", "PWD", "TMPDIR", "LANG", "TERM", "TZ", "CI", "NODE_ENV")
)


def may_read(text: str) -> bool:
    """Whether a text can contain such a read at all."""
    return "env" in text or "ENV" in text or "Env" in text
