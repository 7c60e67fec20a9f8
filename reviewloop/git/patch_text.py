"""Reads a patch in any form, and applies it to a tree, without touching a file."""

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import field

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.paths import shown
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.regex import regex

_HUNK = regex(rb"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NAMES = regex(rb'(?:---|\+\+\+) "?([^\t\r\n]+)')
_BINARY = regex(rb"Binary files (.+) and (.+) differ\r?$")
_ENCODED = regex(
    rb"^Content-Transfer-Encoding:\s*(?:quoted-printable|base64)\s*$", re.IGNORECASE | re.MULTILINE
)
_INDEX = regex(rb"index ([0-9a-f]{4,64})\.\.([0-9a-f]{4,64})\b")
_COLOUR = regex(rb"\x1b\[[0-9;:]*[mK]")
_COLOURED_HEADER = regex(rb"^diff --git [^\n\x1b]*\x1b", re.MULTILINE)  # git quotes others
_HEADERS = (b"diff --git ", b"--- ", b"@@ -")
_PREFIXES = (b"a/", b"b/", b"c/", b"i/", b"o/", b"w/", b"1/", b"2/")


@dataclass(frozen=True)
class Section:
    """The part of a patch about one file: lines outside of hunks, and all lines."""

    lines: tuple[bytes, ...]  # with their line ends
    in_hunk: tuple[bool, ...]
    names: tuple[bytes, ...]  # as in the header, with their prefixes
    binary: bool  # without the content
    without_context: bool
    ids: tuple[tuple[bytes, bytes], ...] = ()  # abbreviated ids of the file before and after

    @property
    def signs(self) -> frozenset[bytes]:
        """The kinds of lines in the hunks: `+`, `-`, and a blank for context."""
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
    """Return the patch as git understands it: in UTF-8, without mail headers, ended by a
    line feed.
    """
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
    """Remove terminal colours from a patch, where they hide its headers.

    A file may contain such codes itself, so a readable patch stays unchanged.
    """
    if b"\x1b[" not in data:
        return data
    plain = _COLOUR.sub(b"", data)
    coloured = _headers(plain) > _headers(data) or _COLOURED_HEADER.search(data)
    return plain if coloured else data


def _headers(data: bytes) -> set[bytes]:
    """Return the kinds of header lines in a text."""
    lines = b"\n" + data
    return {header for header in _HEADERS if b"\n" + header in lines}


def sections(data: bytes) -> list[Section]:
    """Split a patch into files, by the counts of its hunks; text before and between is dropped."""
    lines = data.split(b"\n")
    kept = [line + b"\n" for line in lines[:-1]]
    return [_section(*found) for found in _cut(kept)]


def strip_counts(parts: list[Section]) -> tuple[int, ...]:
    """Return how many folders to strip from the names, the likely number first.

    Only one is returned where the names are unambiguous: a new file fits anywhere.
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


_REASONS = (
    (regex(r"patch failed: (.+):(\d+)$"), "differs around line {1}"),
    (regex(r"(.+): does not exist in index$"), "does not exist"),
    (regex(r"(.+): already exists in index$"), "exists already"),
    (regex(r"(.+): has type (\d+), expected (\d+)$"), "is of another kind"),
    (regex(r"cannot apply binary patch to '(.+)' without"), "is binary"),
    (regex(r"(.+): patch does not apply$"), "differs"),
    (regex(r"invalid path '(.+)'$"), "is no path that git takes"),
)


# Git's message about a hunk found at another line, as opposed to quoted lines.
_MOVED = regex(rb"^Hunk #\d+ succeeded at \d+ \(offset (-?\d+) lines?\)", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """A tree on which to try a patch."""

    tree: str
    name: str  # for people
    on_disk: bool


@dataclass(frozen=True)
class Applied:
    """The trees before and after a patch."""

    old: str
    new: str
    how: str  # for people: the target of the patch
    in_checkout: bool = False  # the new side is the files on disk
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Fit:
    """A way in which a patch fits a tree, and how certain that is."""

    tree: str  # the result
    reverse: bool
    exact: bool  # every hunk is at the line in the patch
    proven: bool  # the files before and after have the ids in the patch


@dataclass
class _Tries:
    """The ways to read a patch; the first error is the one to report."""

    texts: tuple[bytes, ...]
    options: tuple[tuple[str, ...], ...]
    ids: tuple[tuple[bytes, bytes], ...]  # of its files before and after, if it has them
    signs: frozenset[bytes]  # the kinds of lines it has
    complaint: str = field(default="")

    def all(self) -> Iterator[tuple[bytes, tuple[str, ...]]]:
        return itertools.product(self.texts, self.options)


def apply_patch(
    private: PrivateRepo, targets: Sequence[Target], patch: bytes, prefix: str
) -> Applied:
    """Find the first target that a patch fits, or that has it already.

    `prefix` is a folder that the patch may be relative to. Raises WorkspaceError with the first
    file that does not fit.
    """
    data = plain_patch(patch)
    found = sections(data)
    if data.strip() and not found:
        raise WorkspaceError(
            "There is no patch on standard input: it holds no `diff` and no `---`."
        )
    binary = [part for part in found if part.binary]
    reason = "binary; the patch does not hold its content"
    unreadable = tuple((part.path, reason) for part in binary)
    parts = [part for part in found if not part.binary]
    if not parts:
        tree = targets[0].tree
        return Applied(tree, tree, "which changes no text", unreadable=unreadable)
    tries = _tries(parts, prefix)
    for target in targets:
        fit = _best(private, target.tree, tries)
        if fit is None:
            continue
        if fit.reverse:
            how = f"which {target.name} hold already" if target.on_disk else ""
            how = how or f"which {target.name} holds already"
            return Applied(fit.tree, target.tree, how, target.on_disk, unreadable)
        return Applied(target.tree, fit.tree, f"applied to {target.name}", False, unreadable)
    names = " nor ".join(target.name for target in targets)
    fits = "fits neither" if len(targets) > 1 else "does not fit"
    raise WorkspaceError(f"The patch {fits} {names}: {_why(tries.complaint)}.")


def _tries(parts: list[Section], prefix: str) -> _Tries:
    texts = [
        b"".join(part.text(header_ends=header, all_ends=everything) for part in parts)
        for header, everything in ((False, False), (True, False), (True, True))
    ]
    with_cr = any(part.lines[0].endswith(b"\r\n") for part in parts)
    if with_cr:
        texts.append(texts.pop(0))  # git writes no header with carriage returns
    strips = tuple(f"-p{count}" for count in strip_counts(parts))
    folders: list[tuple[str, ...]] = [()]
    if prefix:
        folders.append((f"--directory={prefix}",))
    loose: list[tuple[str, ...]] = [()]
    if any(part.without_context for part in parts):
        loose.append(("--unidiff-zero",))
    ids = tuple(pair for part in parts for pair in part.ids)
    signs = frozenset(sign for part in parts for sign in part.signs)
    if b" " not in signs:
        loose.reverse()  # else added lines go to the end of the file
    options = tuple(
        (strip, *folder, *flag) for flag in loose for folder in folders for strip in strips
    )
    return _Tries(tuple(dict.fromkeys(texts)), options, ids, signs)


def _best(private: PrivateRepo, tree: str, tries: _Tries) -> _Fit | None:
    """Return the likelier of the two directions that fit, None when neither does.

    Lines that a patch without context adds fit anywhere, so that it applies a second time: lines
    found in place are better evidence than a place to put them.
    """
    likely = b"+" in tries.signs
    found = []
    for reverse in (likely, not likely):
        fit = _try(private, tree, tries, reverse)
        if fit is not None and fit.proven:
            return fit
        found += [fit] if fit is not None else []
    if not found:
        return None
    first, last = found[0], found[-1]
    anchored = tries.signs & {b" ", b"+" if last.reverse else b"-"}
    return last if anchored and last.exact and not first.exact else first


def _try(private: PrivateRepo, tree: str, tries: _Tries, reverse: bool) -> _Fit | None:
    with private.scratch_index() as git:
        git.run("read-tree", tree)
        for text, options in tries.all():
            exact = _fits(git, text, options, tries, reverse)
            if exact is None:
                continue
            made = git.text("write-tree", "--missing-ok")
            sides = (made, tree) if reverse else (tree, made)
            return _Fit(made, reverse, exact, _is_proven(git, sides, tries.ids))
    return None


def _fits(
    git: Git, text: bytes, options: tuple[str, ...], tries: _Tries, reverse: bool
) -> bool | None:
    """Apply a patch to the index; return whether all hunks are in place, None if it fails."""
    command = ("apply", "--cached", "--whitespace=nowarn", *options)
    direction = ("-R",) if reverse else ()
    answer = git.result(*command, *direction, "--verbose", "-", input=text)
    if answer.exit_code == 0:
        moved = {int(number) for number in _MOVED.findall(answer.stderr)}
        # Without context, git expects lines one line above their position.
        above = -1 if reverse else 1
        return moved <= ({above} if "--unidiff-zero" in options else set())
    if not reverse and not tries.complaint:  # the verbose output quotes the patch
        plain = git.result(*command, "--check", "-", input=text)
        tries.complaint = plain.stderr.decode("utf-8", "replace")
    return None


def _is_proven(git: Git, sides: tuple[str, str], ids: tuple[tuple[bytes, bytes], ...]) -> bool:
    """Return whether the files that differ between two trees have the ids in the patch."""
    output = git.run("diff-tree", "-r", "--raw", "-z", "--no-renames", *sides, "--")
    records = [record.split(b" ") for record in output.split(b"\0")[0::2] if record]
    for side in (0, 1):
        known = sorted(record[2 + side] for record in records)
        for pair in ids:
            at = bisect_left(known, pair[side])
            if not any(one.startswith(pair[side]) for one in known[at : at + 1]):
                return False
    return bool(ids)


def _why(complaint: str) -> str:
    lines = [line.removeprefix("error: ").removeprefix("fatal: ") for line in complaint.split("\n")]
    for line in lines:
        for pattern, reason in _REASONS:
            if found := pattern.match(line):
                return f"{shown(found.group(1))} {reason.format(*found.groups())}"
    return (next((line for line in lines if line), "") or "git gave no reason").rstrip(".")
