"""Finds out what a patch from standard input changes, without touching a file."""

import itertools
import re
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


@dataclass
class _Tries:
    """The ways to read a patch; the first complaint is the one to tell people."""

    texts: tuple[bytes, ...]
    options: tuple[tuple[str, ...], ...]
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
        for reverse in (False, True):
            result = _try(private, target.tree, tries, reverse)
            if result is None:
                continue
            if reverse:
                how = f"which {target.name} hold already" if target.on_disk else ""
                how = how or f"which {target.name} holds already"
                return Applied(result, target.tree, how, target.on_disk, unreadable)
            return Applied(target.tree, result, f"applied to {target.name}", False, unreadable)
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
    options = tuple(
        (strip, *folder, *flag) for flag in loose for folder in folders for strip in strips
    )
    return _Tries(tuple(dict.fromkeys(texts)), options)


def _try(private: PrivateRepo, tree: str, tries: _Tries, reverse: bool) -> str | None:
    with private.scratch_index() as git:
        git.run("read-tree", tree)
        for text, options in tries.all():
            if _fits(git, text, (*options, *(("-R",) if reverse else ())), tries):
                return git.text("write-tree", "--missing-ok")
    return None


def _fits(git: Git, text: bytes, options: tuple[str, ...], tries: _Tries) -> bool:
    answer = git.result("apply", "--cached", "--whitespace=nowarn", *options, "-", input=text)
    if answer.exit_code and not tries.complaint:
        tries.complaint = answer.stderr.decode("utf-8", "replace")
    return answer.exit_code == 0


def _why(complaint: str) -> str:
    lines = [line.removeprefix("error: ").removeprefix("fatal: ") for line in complaint.split("\n")]
    for line in lines:
        for pattern, reason in _REASONS:
            if found := pattern.match(line):
                return f"{shown(found.group(1))} {reason.format(*found.groups())}"
    return (next((line for line in lines if line), "") or "git gave no reason").rstrip(".")
