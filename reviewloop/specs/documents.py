"""The files of a spec while it is read: each once, with the digests of all that were used."""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from reviewloop.specs.files import Files, decode
from reviewloop.specs.lines import Line

_LARGEST = 200_000  # bytes of a file that is shown to an implementer
_ORDERED = re.compile(r"^\s*(?P<number>\d+)[.)]\s+(?P<text>\S.*)$")


@dataclass
class Documents:
    """Reads files and remembers what was in them."""

    files: Files
    digests: dict[str, str] = field(default_factory=dict)  # path -> sha256
    _read: dict[str, bytes | None] = field(default_factory=dict)

    def read(self, path: str) -> bytes | None:
        """Return the bytes of a file, or None where there is none."""
        if path not in self._read:
            self._read[path] = data = self.files.read(path)
            if data is not None:
                self.digests[path] = digest(data)
        return self._read[path]

    def text(self, path: str) -> str:
        """Return the text of a file, "" where there is none or where it is no text to be shown."""
        data = self.read(path) or b""
        if b"\0" in data[:8000] or len(data) > _LARGEST:
            return ""
        return decode(data).replace("\r\n", "\n").strip()

    def below(self, folder: str) -> list[str]:
        """Return the paths of the files below a folder, sorted."""
        return list(self.files.paths(folder))


def digest(data: bytes) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def fenced(path: str, text: str) -> str:
    """Return a file under a heading of its own; what is no markdown stands in a code fence."""
    if not text or path.endswith(".md"):
        return text
    fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", text)), default=0))
    return f"# {path}\n\n{fence}\n{text}\n{fence}"


def numbered_scenarios(lines: Iterable[Line]) -> list[tuple[str, str]]:
    """Return the items of the first numbered list with their numbers; their lines are joined."""
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        item = None if line.code else _ORDERED.match(line.text)
        if item:
            found.append((item["number"], [item["text"]]))
        elif line.level or (found and not line.text.strip() and not found[-1][1][-1]):
            if found:
                break
        elif found and (not line.text.strip() or line.text[0] in " \t"):
            found[-1][1].append(line.text.strip())
        elif found:
            break
    return [(number, " ".join(filter(None, parts))) for number, parts in found]
