"""Finds out what a patch from standard input changes, without touching a file."""

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.patch_text import Section, plain_patch, sections, strip_counts
from reviewloop.workspace.paths import shown
from reviewloop.workspace.private import PrivateRepo

_REASONS = (
    (re.compile(r"patch failed: (.+):(\d+)$"), "differs around line {1}"),
    (re.compile(r"(.+): does not exist in index$"), "does not exist"),
    (re.compile(r"(.+): already exists in index$"), "exists already"),
    (re.compile(r"(.+): has type (\d+), expected (\d+)$"), "is of another kind"),
    (re.compile(r"cannot apply binary patch to '(.+)' without"), "is binary"),
    (re.compile(r"(.+): patch does not apply$"), "differs"),
    (re.compile(r"invalid path '(.+)'$"), "is no path that git takes"),
)


# What git says on standard error of a hunk that it found elsewhere, apart from quoted lines.
_MOVED = re.compile(rb"^Hunk #\d+ succeeded at \d+ \(offset (-?\d+) lines?\)", re.MULTILINE)


@dataclass(frozen=True)
class Target:
    """A tree to try a patch on."""

    tree: str
    name: str  # for people
    on_disk: bool


@dataclass(frozen=True)
class Applied:
    """The trees before and after a patch."""

    old: str
    new: str
    how: str  # for people: what it was applied to
    in_checkout: bool = False  # the new side is the files on disk
    unreadable: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class _Fit:
    """A way in which a patch fits a tree, and how sure that is."""

    tree: str  # what comes out
    reverse: bool
    in_place: bool  # every hunk where the patch says
    proven: bool  # the files are, before and after, the ones it was made from


@dataclass
class _Tries:
    """The ways to read a patch; the first complaint is the one to tell people."""

    texts: tuple[bytes, ...]
    options: tuple[tuple[str, ...], ...]
    ids: tuple[tuple[bytes, bytes], ...]  # of its files before and after, where it tells them
    signs: frozenset[bytes]  # the kinds of lines it has
    complaint: str = field(default="")

    def all(self) -> Iterator[tuple[bytes, tuple[str, ...]]]:
        return itertools.product(self.texts, self.options)


def apply_patch(
    private: PrivateRepo, targets: Sequence[Target], patch: bytes, prefix: str
) -> Applied:
    """Find the first target that a patch fits, or that has it already.

    `prefix` is the folder that the patch may be relative to. Raises WorkspaceError with the first
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
        texts.append(texts.pop(0))  # a header with carriage returns is not how git wrote it
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
        loose.reverse()  # else what is added goes to the end of the file
    options = tuple(
        (strip, *folder, *flag) for flag in loose for folder in folders for strip in strips
    )
    return _Tries(tuple(dict.fromkeys(texts)), options, ids, signs)


def _best(private: PrivateRepo, tree: str, tries: _Tries) -> _Fit | None:
    """Return the likelier of the two directions that fit, None when neither does.

    Lines that a patch without context adds fit anywhere, so that it applies a second time: lines
    that are found in place tell more than a place to put them.
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
    return last if anchored and last.in_place and not first.in_place else first


def _try(private: PrivateRepo, tree: str, tries: _Tries, reverse: bool) -> _Fit | None:
    with private.scratch_index() as git:
        git.run("read-tree", tree)
        for text, options in tries.all():
            in_place = _fits(git, text, options, tries, reverse)
            if in_place is None:
                continue
            made = git.text("write-tree", "--missing-ok")
            sides = (made, tree) if reverse else (tree, made)
            return _Fit(made, reverse, in_place, _is_proven(git, sides, tries.ids))
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
        # Git expects lines that go one line above where they are, if there is no context.
        above = -1 if reverse else 1
        return moved <= ({above} if "--unidiff-zero" in options else set())
    if not reverse and not tries.complaint:  # the verbose one quotes the patch
        plain = git.result(*command, "--check", "-", input=text)
        tries.complaint = plain.stderr.decode("utf-8", "replace")
    return None


def _is_proven(git: Git, sides: tuple[str, str], ids: tuple[tuple[bytes, bytes], ...]) -> bool:
    """Whether the files that differ between two trees have the ids that the patch tells."""
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
