"""Patterns of environment variable reads in common languages."""

from reviewloop.regex import regex

_NAME = r"(?P<name>[A-Za-z_]\w*)"
READS = (
    regex(rf"\benviron(?:\.get\(|\.setdefault\(|\.pop\(|\[)\s*['\"]{_NAME}['\"]"),
    regex(rf"\bgetenv\(\s*['\"]{_NAME}['\"]"),
    regex(rf"\bprocess\.env\.{_NAME}"),
    regex(rf"\bprocess\.env\[['\"]{_NAME}['\"]\]"),
    regex(rf"\bimport\.meta\.env\.{_NAME}"),
    regex(rf"\bos\.(?:Getenv|LookupEnv|Setenv)\(\"{_NAME}\""),
    regex(rf"\bENV(?:\.fetch\(|\[)['\"]{_NAME}['\"]"),
    regex(rf"\benv::var(?:_os)?\(\"{_NAME}\""),
    regex(rf"\bDeno\.env\.get\(['\"]{_NAME}['\"]"),
)
"""Each matches the variable as group `name`."""

OF_EVERY_SYSTEM = frozenset(
    ("PATH", "HOME", "USER", "SHELL", "PWD", "TMPDIR", "LANG", "TERM", "TZ", "CI", "NODE_ENV")
)


def may_read(text: str) -> bool:
    """Whether a text can contain such a read at all."""
    return "env" in text or "ENV" in text or "Env" in text
