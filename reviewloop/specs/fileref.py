"""Resolves `#[[file:path]]` references to files of the repository, and to nothing outside it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from reviewloop.patterns import matcher
from reviewloop.specs.files import Files, decode, inside

_REFERENCE = re.compile(
    r"#\[\[(?P<kind>file|folder):(?P<path>[^\]:]+)(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?\]\]"
)
_FILE_LIMIT = 24_000  # characters of one file
_TOTAL_LIMIT = 80_000  # characters of all files one text refers to
_FOLDER_LIMIT = 200  # names
NEVER_READ = (
    "**/.env*", "**/*secret*", "**/*credentials*", "**/*.pem", "**/*.key", "**/id_rsa*",
    "**/.git/**",
)  # fmt: skip
"""References to such files stay unresolved: what they hold must not reach a model."""


@dataclass(frozen=True)
class Resolved:
    """A text with the files it refers to below it, and the references that led nowhere."""

    text: str
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def resolve_references(
    text: str, files: Files, base: str = "", never: Sequence[str] = NEVER_READ
) -> Resolved:
    """Append each referenced file once; paths are relative to `base`, and never leave `files`.

    References inside referenced files are not followed.
    """
    parts: dict[str, str] = {}
    missing: list[str] = []
    room = _TOTAL_LIMIT
    for found in _REFERENCE.finditer(text):
        path = inside(found["path"].strip(), base)
        shown = found[0]
        if shown in parts or shown in missing:
            continue
        content = None
        if path is not None and not matcher(never)(path):
            content = _content(files, path, found)
        if content is None:
            missing.append(shown)
            continue
        limit = min(_FILE_LIMIT, room)
        cut = len(content) > limit
        kept = content[:limit] + ("\n[... cut ...]" if cut else "")
        room -= min(len(content), limit)
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", kept)), default=0))
        parts[shown] = f"{path} (referred to above):\n{fence}\n{kept.rstrip()}\n{fence}"
    files_read = tuple(part.split(" (referred", 1)[0] for part in parts.values())
    return Resolved("\n\n".join([text.rstrip(), *parts.values()]), files_read, tuple(missing))


def _content(files: Files, path: str, found: re.Match[str]) -> str | None:
    if found["kind"] == "folder":
        names = list(files.paths(path))
        more = f"\n[... {len(names) - _FOLDER_LIMIT} more]" if len(names) > _FOLDER_LIMIT else ""
        return "\n".join(names[:_FOLDER_LIMIT]) + more if names else None
    data = files.read(path)
    if data is None or b"\0" in data[:8000]:
        return None
    lines = decode(data).replace("\r\n", "\n").split("\n")
    if found["low"]:
        low = int(found["low"])
        lines = lines[max(low - 1, 0) : int(found["high"] or low)]
    return "\n".join(lines)
