"""Reads what a file of the person's history held before lines of it were rewritten."""

import re
from collections.abc import Iterator

from reviewloop.workspace.git import Git
from reviewloop.workspace.userrepo import UserRepo

_MOST = 20  # commits: a line of a task list is not rewritten more often


def versions_with(user: UserRepo, path: str, text: str) -> Iterator[bytes]:
    """Yield a file as it is in the commit that is checked out, then as it was before others.

    These are the ones that wrote or rewrote a line with this text, the newest first; only what
    holds the text is given.
    """
    git = Git(user.git_dir, cwd=user.root)
    if user.head is None or not text:
        return
    yield from _file(git, user.head, path, text)
    lines = re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", text)
    plain = ("--no-textconv", "--no-ext-diff", f"--max-count={_MOST}", "--format=%H")
    found = git.result("log", *plain, f"-G{lines}", user.head, "--", path)
    for commit in found.stdout.decode().split():
        yield from _file(git, f"{commit}^", path, text)


def _file(git: Git, commit: str, path: str, text: str) -> Iterator[bytes]:
    found = git.result("cat-file", "blob", f"{commit}:{path}")
    if found.exit_code == 0 and text.encode("utf-8", "surrogateescape") in found.stdout:
        yield found.stdout
