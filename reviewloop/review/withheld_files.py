"""Finds the files withheld from models, and replaces their content by a sentence."""

import re
from collections.abc import Callable, Mapping

from reviewloop.git.attributes import has_kiroignore, kiroignored
from reviewloop.git.objects import FileEntry
from reviewloop.git.private import PrivateRepo
from reviewloop.regex import regex
from reviewloop.secrets import withheld_by_name

_WITH_LOGIN = regex(r"(?:^|/)(?:\.npmrc|\.pypirc|\.docker/config\.json)$", re.IGNORECASE)
_LOGIN = regex(rb"_auth|_password|^\s*password\s*[=:]|\"auth\"", re.IGNORECASE | re.MULTILINE)
_MAY_HOLD_SECRETS = "may hold secrets"
_READ_AT_MOST = 64 * 1024
_MODES = {"100644", "100755", "120000"}


def withheld_in(
    private: PrivateRepo, tree: str, base: str, *, withholds_more: bool = True
) -> dict[str, str]:
    """Return path -> reason of the files of a tree that are withheld from models.

    `.kiroignore` is read from `base`, so that a change cannot reveal files. With `withholds_more`
    that of the tree counts too: not for a foreign change, which could use it to escape review.
    """
    entries = private.entries(tree)
    found = {
        entry.path: _MAY_HOLD_SECRETS
        for entry in entries
        if entry.mode in _MODES and _is_withheld(entry, lambda e: _start(private, e))
    }
    paths = [entry.path for entry in entries if entry.mode in _MODES]
    for version in dict.fromkeys((base, tree) if withholds_more else (base,)):
        if has_kiroignore(private, version):
            found = {**kiroignored(private, version, paths), **found}
    found.pop(".kiroignore", None)
    return found


def shown_tree(
    private: PrivateRepo, tree: str, hidden: Mapping[str, str], number: Callable[[str], str]
) -> str:
    """Return the tree with a sentence in place of each hidden file.

    Two versions of a file give two sentences, so that a diff shows that it changed; `number` makes
    a short mark from a blob id that reveals nothing about the content.
    """
    if not hidden:
        return tree
    reader = private.reader(tree)
    contents: dict[str, bytes | None] = {}
    for path, reason in hidden.items():
        entry = reader.entry(path)
        if entry:
            mark = number(entry.oid)
            contents[path] = f"withheld by reviewloop: {reason} (version {mark})\n".encode()
    return private.edit(tree, contents, dict.fromkeys(contents, "100644"))


def _is_withheld(entry: FileEntry, read: Callable[[FileEntry], bytes]) -> bool:
    if _WITH_LOGIN.search(entry.path):
        return _LOGIN.search(read(entry)) is not None
    return withheld_by_name(entry.path)


def _start(private: PrivateRepo, entry: FileEntry) -> bytes:
    return private.pool.read(entry.oid, _READ_AT_MOST) or b""
