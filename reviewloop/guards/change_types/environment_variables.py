"""Kind of change: the environment variables that the code reads or sets."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.analysis.environment import OF_EVERY_SYSTEM, READS, may_read
from reviewloop.guards.change_types.changed import CODE, ChangedFile, Evidence
from reviewloop.regex import regex

_NAME = r"(?P<name>[A-Za-z_]\w*)"
_GIVEN = regex(rf"^\s*(?:export\s+)?{_NAME}\s*=")
_IN_COMPOSE = regex(r"^\s*-?\s*(?P<name>[A-Z][A-Z0-9_]{2,})\s*[:=]")
_IN_DOCKERFILE = regex(r"^\s*ENV\s+(?P<name>[A-Za-z_]\w*)")
_ENV_FILE = regex(r"(?:^|/)(?:\.env(?:\.[\w.-]+)?|[\w-]+\.env)$")
_COMPOSE = regex(r"(?:^|/)(?:docker-)?compose[\w.-]*\.ya?ml$")
_DOCKERFILE = regex(r"(?:^|/)(?:Dockerfile|Containerfile)[\w.-]*$")


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield each variable that the change starts or stops to read or to set.

    One that is read elsewhere in the changed files before and after was only moved.
    """
    before = {name for file in files for name in _names(file, file.before)}
    after = {name for file in files for name in _names(file, file.after)}
    seen = set(OF_EVERY_SYSTEM)
    for file in files:
        changed = (file.code_added(), before, "new"), (file.code_removed(), after, "gone")
        for lines, other, verb in changed:
            for number, text in lines:
                for name in _names(file, text):
                    if name not in other and name not in seen:
                        seen.add(name)
                        yield Evidence(file.path, number, f"{verb} {name}")


def _names(file: ChangedFile, text: str) -> Iterator[str]:
    patterns = _patterns(file)
    if patterns is READS and not may_read(text):
        return
    for line in text.split("\n"):
        if not line.lstrip().startswith(("#", "//", "*")):
            for pattern in patterns:
                yield from (found["name"] for found in pattern.finditer(line))


def _patterns(file: ChangedFile) -> Sequence[re.Pattern[str]]:
    if _ENV_FILE.search(file.path):
        return (_GIVEN,)
    if _COMPOSE.search(file.path):
        return (_IN_COMPOSE,)
    if _DOCKERFILE.search(file.path):
        return (_IN_DOCKERFILE,)
    return READS if file.ending in CODE else ()
