"""fs_write: one edit of one file becomes a new tree, or a clear refusal."""

import tomllib
from collections.abc import Callable
from typing import NamedTuple

from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.secrets import MisplacedSecretError
from reviewloop.tools.answers import CallRefusedError, Output, shown_name
from reviewloop.tools.arguments import Write
from reviewloop.tools.edits import (
    appended,
    changed_lines,
    created,
    inserted,
    replaced,
    rewritten,
    short_diff,
)
from reviewloop.tools.filetext import decode, encode, is_binary, lines_of
from reviewloop.tools.places import plain_path
from reviewloop.tools.policy import WritePolicy
from reviewloop.tools.reading import Mask

_LARGEST = 5_000_000  # bytes; nobody writes a longer source file
_BOM = "\ufeff"
_CONTENT = {"create": "the whole text", "insert": "the lines", "append": "the lines"}


Restore = Callable[[str, str], str]
"""(text with its secrets, changed text as it was shown) -> changed text with its secrets."""


class Written(NamedTuple):
    """The tree after the edit, and what the agent is told."""

    tree: str
    output: Output


def fs_write(
    private: PrivateRepo,
    tree: str,
    args: Write,
    policy: WritePolicy,
    mask: Mask,
    restore: Restore | None = None,
) -> Written:
    """Apply the edit to the tree; raise CallRefusedError when it may not or cannot be done.

    `mask` is what hid secrets from the agent; `restore` puts back those that stay where they
    stood. Without it a file with secrets cannot be written anew.
    """
    path = plain_path(args.path)
    refusal = policy.refusal(path)
    if refusal:
        raise CallRefusedError(refusal, refused=refusal)
    old = _current(private, tree, path)
    if restore is None and args.command == "create" and old is not None and mask(old) != old:
        raise CallRefusedError(
            f"{shown_name(path)} holds secrets that you are shown masked, so it cannot be written "
            "anew; change other lines with str_replace, or delete the file and create it"
        )
    bom = _BOM if old is not None and old.startswith(_BOM) else ""
    before = None if old is None else old.removeprefix(bom)
    new = (
        _edited(args, path, before)
        if restore is None
        else _as_shown(args, path, before, mask, restore)
    )
    new = None if new is None else bom + new.removeprefix(bom)
    if new is not None and old is not None and new == old:
        raise CallRefusedError(f"{shown_name(path)} already holds exactly this; nothing changed")
    refuse_settings(path, old, new)
    data = None if new is None else encode(new)
    if data is not None and len(data) > _LARGEST:
        raise CallRefusedError(f"{len(data):,} bytes are too much for one file ({_LARGEST:,})")
    try:
        new_tree = private.edit(tree, {path: data})
    except UnsafePathError as error:
        raise CallRefusedError(f"refused: {error}", refused=str(error)) from None
    return Written(new_tree, _told(path, old, new))


def _as_shown(args: Write, path: str, old: str | None, mask: Mask, restore: Restore) -> str | None:
    """Edit the text as the agent sees it and return it with its secrets in their places."""
    new = _edited(args, path, None if old is None else mask(old))
    if new is None:
        return None
    try:
        return restore(old or "", new)
    except MisplacedSecretError as error:
        refusal = (
            f"the new text holds {error.placeholder}, which stands for a secret, in a line that "
            "the file does not hold; leave such lines as they are, and read secrets from the "
            "environment"
        )
        raise CallRefusedError(refusal, refused=f"{shown_name(path)}: {refusal}") from None


def _current(private: PrivateRepo, tree: str, path: str) -> str | None:
    """Return the text of the file, or None when there is none."""
    reader = private.reader(tree)
    entry = reader.entry(path)
    if entry is None:
        folded = path.casefold()
        for other in reader.entries():
            if other.path.casefold() == folded:
                raise CallRefusedError(
                    f"{shown_name(other.path)} differs from this path by case only; use its name"
                )
        return None
    if entry.kind in ("symlink", "submodule"):
        raise CallRefusedError(f"{shown_name(path)} is a {entry.kind}; it cannot be edited")
    data = reader.read(path) or b""
    if is_binary(data):
        raise CallRefusedError(f"{shown_name(path)} is a binary file; it cannot be edited")
    return decode(data)


def _edited(args: Write, path: str, old: str | None) -> str | None:
    """Return the new text, or None for a removed file."""
    name = shown_name(path)
    if args.command == "create":
        text = _needed(args)
        new = created(text) if old is None else rewritten(old, text)
    elif old is None:
        raise CallRefusedError(f"there is no {name}; use command=create for a new file")
    elif args.command == "delete":
        return None
    elif args.command == "str_replace":
        if args.old_str is None or args.new_text is None:
            raise CallRefusedError("str_replace needs old_str and new_str")
        new = replaced(old, args.old_str, args.new_text, everywhere=args.replace_all)
    elif args.command == "append":
        new = appended(old, _needed(args))
    elif args.insert_line is None:
        raise CallRefusedError("insert needs insert_line, the line after which to insert")
    else:
        new = inserted(old, _needed(args), args.insert_line)
    _refuse_mixed_encoding(name, old, new)
    return new


def _needed(args: Write) -> str:
    if args.new_text is None:
        raise CallRefusedError(f"{args.command} needs content: {_CONTENT[args.command]}")
    return args.new_text


def _refuse_mixed_encoding(name: str, old: str | None, new: str) -> None:
    if old is None or not any("\udc80" <= char <= "\udcff" for char in old):
        return
    known = set(old)
    if any(not char.isascii() and char not in known for char in new):
        raise CallRefusedError(
            f"{name} is not UTF-8, so only ASCII text can be added to it; use escapes"
        )


def refuse_settings(path: str, old: str | None, new: str | None) -> None:
    """Keep agents from changing their own settings inside a file they may otherwise edit."""
    if path.casefold().rpartition("/")[2] == "pyproject.toml" and _own_table(old) != _own_table(
        new
    ):
        refusal = "this would change [tool.reviewloop] in pyproject.toml, which only a person does"
        raise CallRefusedError(refusal, refused=refusal)


def _own_table(text: str | None) -> object:
    if text is None or "reviewloop" not in text:
        return None
    try:
        tools = tomllib.loads(text.removeprefix("\ufeff")).get("tool", {})
    except (tomllib.TOMLDecodeError, RecursionError):
        # Not readable as it stands: the lines about us must at least be the same.
        return [line for line in lines_of(text) if "reviewloop" in line]
    return tools.get("reviewloop") if isinstance(tools, dict) else None


def _told(path: str, old: str | None, new: str | None) -> Output:
    name = shown_name(path)
    lines = changed_lines(old or "", new or "")
    if new is None:
        return Output(f"deleted {name}", lines=lines)
    if old is None:
        return Output(f"created {name}, {len(lines_of(new))} lines", lines=lines)
    return Output(f"changed {name}", short_diff(old, new), "diff", lines=lines)
