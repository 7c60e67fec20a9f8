"""Reads a patch as people send them: from a mail, with other line ends, with or without prefix."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_HUNK = re.compile(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NAMES = re.compile(rb'(?:---|\+\+\+) "?([^\t\r\n]+)')
_BINARY = re.compile(rb"Binary files (.+) and (.+) differ\r?$")
_ENCODED = re.compile(
    rb"^Content-Transfer-Encoding:\s*(?:quoted-printable|base64)\s*$", re.IGNORECASE | re.MULTILINE
)
_INDEX = re.compile(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})\b")
_COLOUR = re.compile(rb"\x1b\[[0-9;:]*[mK]")
_COLOURED_HEADER = re.compile(rb"^diff --git [^\n\x1b]*\x1b", re.MULTILINE)  # git quotes others
_HEADERS = (b"diff --git ", b"--- ", b"@@ -")
_PREFIXES = (b"a/", b"b/", b"c/", b"i/", b"o/", b"w/", b"1/", b"2/")


@dataclass(frozen=True)
class Section:
    """What a patch says about one file: lines outside of hunks, and all lines."""

    lines: tuple[bytes, ...]  # with their line ends
    in_hunk: tuple[bool, ...]
    names: tuple[bytes, ...]  # as in the header, with their prefixes
    binary: bool  # and the content is not in the patch
    without_context: bool
    ids: tuple[tuple[bytes, bytes], ...] = ()  # abbreviated, of the file before and after

    @property
    def signs(self) -> frozenset[bytes]:
        """Which kinds of lines the hunks have: `+`, `-`, and a blank for context."""
        hidden = zip(self.lines, self.in_hunk, strict=True)
        return frozenset(line[:1].strip() or b" " for line, inside in hidden if inside)

    @property
    def path(self) -> str:
        """The name for people, without prefix."""
        name = self.names[-1] if self.names else b"?"
        plain = name[2:] if name.startswith(_PREFIXES) else name
        return plain.strip(b'"\r\n').decode("utf-8", "surrogateescape")

    def text(self, *, header_ends: bool, all_ends: bool) -> bytes:
        """Return the section, with plain line ends in its header or everywhere."""
        return b"".join(
            line[:-2] + b"\n"
            if line.endswith(b"\r\n") and (all_ends or (header_ends and not inside))
            else line
            for line, inside in zip(self.lines, self.in_hunk, strict=True)
        )


def plain_patch(data: bytes) -> bytes:
    """Return the patch as git understands it: in UTF-8, out of its mail, ended by a line feed."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = data.decode("utf-16", "replace").encode("utf-8", "replace")
    data = data.removeprefix(b"\xef\xbb\xbf")
    head = re.split(rb"\r?\n\r?\n", data, maxsplit=1)[0]
    if _ENCODED.search(head):
        from email import message_from_bytes

        payload = message_from_bytes(data).get_payload(decode=True)
        data = payload if isinstance(payload, bytes) else data
    data = _without_colours(data)
    return data if data.endswith(b"\n") or not data else data + b"\n"


def _without_colours(data: bytes) -> bytes:
    """Take the colours of a terminal out of a patch, where they hide its headers.

    A file may hold such codes itself, so a patch that can be read as it is stays as it is.
    """
    if b"\x1b[" not in data:
        return data
    plain = _COLOUR.sub(b"", data)
    coloured = _headers(plain) > _headers(data) or _COLOURED_HEADER.search(data)
    return plain if coloured else data


def _headers(data: bytes) -> set[bytes]:
    """Return the kinds of header lines that a text has."""
    lines = b"\n" + data
    return {header for header in _HEADERS if b"\n" + header in lines}


def sections(data: bytes) -> list[Section]:
    """Cut a patch into files, by the counts of its hunks; text before and between is left out."""
    lines = data.split(b"\n")
    kept = [line + b"\n" for line in lines[:-1]]
    return [_section(*found) for found in _cut(kept)]


def strip_counts(parts: list[Section]) -> tuple[int, ...]:
    """Return how many folders of the names may have to go, the likely number first.

    Only one is returned where the names leave no doubt: a file that is new fits anywhere.
    """
    for part in parts:
        pair = _header_pair(part.lines[0]) or part.names
        if len(pair) == 2 and pair[0] == pair[1]:
            return (0,)
        if len(pair) == 2 and _is_prefixed(*pair):
            return (1,)
    names = [name for part in parts for name in part.names]
    return (1, 0) if all(name.startswith(_PREFIXES) for name in names) else (0, 1)


def _header_pair(line: bytes) -> tuple[bytes, ...]:
    """Return both names of a `diff --git` line, none when they are quoted or of two lengths."""
    names = line.removeprefix(b"diff --git ").rstrip(b"\r\n")
    middle = len(names) // 2
    if not line.startswith(b"diff --git ") or names[middle : middle + 1] != b" ":
        return ()
    return names[:middle], names[middle + 1 :]


def _is_prefixed(old: bytes, new: bytes) -> bool:
    old, new = old.strip(b'"'), new.strip(b'"')
    both = old.startswith(_PREFIXES) and new.startswith(_PREFIXES)
    return both and old[:2] != new[:2] and old[2:] == new[2:]


def _cut(lines: list[bytes]) -> Iterator[tuple[list[bytes], list[bool]]]:
    current: list[bytes] = []
    inside: list[bool] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        traditional = line.startswith(b"--- ") and lines[at + 1 : at + 2] != []
        traditional = traditional and lines[at + 1].startswith(b"+++ ")
        again = traditional and any(one.startswith(b"+++ ") for one in current[:8])
        if line.startswith(b"diff --git ") or (traditional and (not current or again)):
            if current:
                yield current, inside
            current, inside = [], []
        elif not current:
            at += 1
            continue
        end = _end_of_hunk(lines, at)
        current += lines[at:end]
        inside += [False] + [True] * (end - at - 1)
        at = end
    if current:
        yield current, inside


def _end_of_hunk(lines: list[bytes], at: int) -> int:
    found = _HUNK.match(lines[at])
    if not found:
        return at + 1
    old, new = (int(number) if number is not None else 1 for number in found.groups())
    end = at + 1
    while end < len(lines) and (old > 0 or new > 0 or lines[end].startswith(b"\\")):
        sign = lines[end][:1]
        old -= sign not in b"+\\"
        new -= sign not in b"-\\"
        end += 1
    return end


def _section(lines: list[bytes], inside: list[bool]) -> Section:
    names: list[bytes] = []
    ids: list[tuple[bytes, bytes]] = []
    binary = without_context = False
    for at, (line, hidden) in enumerate(zip(lines, inside, strict=True)):
        if hidden:
            continue
        if found := _NAMES.match(line):
            names.append(found.group(1))
        elif found := _BINARY.match(line):
            binary = True
            names += [name.strip(b'"') for name in found.groups() if name != b"/dev/null"]
        elif line.startswith((b"rename from ", b"rename to ")):
            names.append(b"a/" + line.split(b" ", 2)[2].strip())
        elif found := _INDEX.match(line):
            ids.append((found.group(1), found.group(2)))
        elif _HUNK.match(line):
            body = lines[at + 1 : at + 2]
            without_context |= bool(body) and body[0][:1] in b"+-"
    if not names:
        words = lines[0].removeprefix(b"diff --git ").strip().split(b" ")
        names = [b" ".join(words[: len(words) // 2]), b" ".join(words[len(words) // 2 :])]
    names = [name for name in names if name != b"/dev/null"]
    return Section(tuple(lines), tuple(inside), tuple(names), binary, without_context, tuple(ids))
