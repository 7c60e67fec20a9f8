"""Regular expressions of a module, compiled when they are first used and not when it is imported.

A review imports some 370 of them and uses 70; compiling all takes a tenth of its processor time.
"""

import re
from typing import AnyStr, Generic, cast

_METHODS = ("search", "match", "fullmatch", "finditer", "findall", "sub", "subn", "split")


def regex(pattern: AnyStr, flags: int | re.RegexFlag = 0) -> re.Pattern[AnyStr]:
    """Return what behaves like `re.compile(pattern, flags)` and compiles at the first match.

    A mistake in the pattern shows then, too, as `re.error`; a test compiles all that modules keep.
    It is no instance of `re.Pattern`: functions of `re` take a text, so call the methods instead.
    """
    return cast("re.Pattern[AnyStr]", _Late(pattern, flags))


class _Late(Generic[AnyStr]):
    """A pattern and flags; everything else is asked of the compiled one, whose methods are kept."""

    def __init__(self, pattern: AnyStr, flags: int | re.RegexFlag) -> None:
        self.pattern: AnyStr = pattern
        self._given = flags

    def __getattr__(self, name: str) -> object:
        compiled = re.compile(self.pattern, self._given)
        # Two threads may both come here: they set the same.
        self.__dict__.update({method: getattr(compiled, method) for method in _METHODS})
        return getattr(compiled, name)

    def __repr__(self) -> str:
        return f"regex({self.pattern!r})"
