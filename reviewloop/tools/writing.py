"""fs_write: one edit of one text makes a new tree, or is clearly refused."""

import difflib
import re
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from typing import NamedTuple

from reviewloop.domain.hidden_characters import find_hidden, placeholders, restore_hidden
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.regex import regex
from reviewloop.secrets import MisplacedSecretError
from reviewloop.tools.arguments import CallRefusedError, Output, Write, shown_name
from reviewloop.tools.policy import WritePolicy
from reviewloop.tools.reading import (
    Redact,
    decode,
    encode,
    is_binary,
    lines_of,
    newline_of,
    numbered,
    plain_path,
    with_newline,
)

_AROUND = 3  # lines shown before and after a location
_SEARCHED = 20_000  # lines; in longer files no similar location is searched
_SHOWN_LOCATIONS = 10
_SHRINKS_FROM = 10  # lines; shorter files may be rewritten freely
_KEEPS = 0.7  # a rewritten file keeps at least this share of its lines
_NUMBERED = regex(r"\s*\d+\t")
_ELLIPSIS = r"(?:\.{3,}|…)"
_COMMENT = r"(?:#|//|/\*|<!--|--|;|%|\{/\*)"
_LEFT_OUT = (
    r"\b(?:rest|remain\w*|existing|unchanged|same as|previous|omitted|other|as before|stays?)\b"
)
_PART = r"(?:file|code|function|class|method|module|content|implementation|test|import|config)\w*"
_ELIDED = regex(
    # "# ... rest unchanged", "... existing code ..."
    rf"\s*(?:{_COMMENT}?\s*[(\[]?{_ELLIPSIS}.{{0,60}}{_LEFT_OUT}"
    # "# existing code ..."
    rf"|{_COMMENT}\s*[(\[]?{_LEFT_OUT}.{{0,60}}{_ELLIPSIS}\W*$"
    # "// remaining methods unchanged"
    rf"|{_COMMENT}\s*(?:the\s+)?(?:rest\s+of|remaining)\s+(?:the\s+|this\s+)?{_PART}\b.{{0,40}}"
    r"\b(?:unchanged|omitted|the same|as before|as is)\b)",
    re.IGNORECASE,
)


def replace_text(old: str, sought: str, new: str, *, everywhere: bool) -> str:
    """Return the text with `sought` replaced; it must occur once, unless `everywhere`."""
    if not sought:
        raise CallRefusedError("old_str is empty; quote the code to replace, or use insert")
    if sought == new:
        raise CallRefusedError("old_str and new_str are equal; nothing would change")
    spans = _spans(old, sought)
    if not spans and placeholders(sought):
        spans = _spans(old, restore_hidden(sought))
    if not spans:
        raise _not_found(old, sought)
    if len(spans) > 1 and not everywhere:
        raise _ambiguous(old, spans)
    parts, position = [], 0
    usual = newline_of(old)
    for start, end in spans:
        matched = old[start:end]
        newline = newline_of(matched) if "\n" in matched else usual
        parts += [old[position:start], with_newline(real_text(new, matched), newline)]
        position = end
    result = "".join((*parts, old[position:]))
    refuse_elision(new, old)
    return result


def insert_lines(old: str, new: str, after_line: int) -> str:
    """Return the text with whole lines inserted after line `after_line` (0: before the first)."""
    lines = old.split("\n")
    count = len(lines_of(old))
    if not 0 <= after_line <= count:
        raise CallRefusedError(f"the file has {count} lines; insert_line must be 0 to {count}")
    if after_line == count:
        return append_lines(old, new)
    before, after = lines[:after_line], lines[after_line:]
    text = with_newline(_ended(real_text(new, "")), newline_of(old))
    refuse_elision(new, old)
    return "".join(f"{line}\n" for line in before) + text + "\n".join(after)


def append_lines(old: str, new: str) -> str:
    """Return the text with lines appended."""
    newline = newline_of(old)
    glue = "" if not old or old.endswith("\n") else newline
    refuse_elision(new, old)
    return old + glue + with_newline(_ended(real_text(new, "")), newline)


def rewrite_file(old: str, new: str) -> str:
    """Return the new text of an existing file, with its line ends; refuse stubs."""
    refuse_elision(new, old)
    had = sum(1 for line in lines_of(old) if line.strip())
    has = sum(1 for line in lines_of(new) if line.strip())
    if had >= _SHRINKS_FROM and has < had * _KEEPS:
        raise CallRefusedError(
            f"this would shrink the file from {had} to {has} lines with code; create needs the "
            "whole file. Remove parts with str_replace, or delete the file first if you mean to "
            "start again"
        )
    text = with_newline(real_text(new, old), newline_of(old))
    return _ended(text) if old.endswith("\n") else text


def new_file_text(new: str) -> str:
    """Return the text of a new file, with a final line end."""
    refuse_elision(new, "")
    return _ended(real_text(new, ""))


def real_text(new: str, there: str) -> str:
    """Return the text to write; hidden characters may stay in place and be nowhere else."""
    for mark in placeholders(new):
        if mark in there:
            continue  # the file really contains these marks
        if restore_hidden(mark) not in there:
            raise CallRefusedError(
                f"the new text holds {mark}, which stands for a hidden character that the old "
                "text does not hold there; leave it out, or write it as an escape of the language"
            )
        new = new.replace(mark, restore_hidden(mark))
    for hidden in find_hidden(f" {new}"):  # a BOM is hidden too: this is no start of a file
        if hidden.char not in there:
            raise CallRefusedError(
                f"the new text holds a hidden character ({hidden.code}, {hidden.name}) in its "
                f"line {hidden.line}; leave it out, or write it as an escape of the language"
            )
    return new


def refuse_elision(new: str, old: str) -> None:
    """Refuse text with "the rest is unchanged" in place of the rest."""
    known = {line.strip() for line in lines_of(old)}
    for number, line in enumerate(lines_of(new), 1):
        if len(line) <= 200 and _ELIDED.match(line) and line.strip() not in known:
            raise CallRefusedError(
                f"line {number} of the new text leaves something out; what you write is what the "
                "file will hold. Write it in full, or change only a part with str_replace",
                line.strip(),
            )


def short_diff(old: str, new: str, limit: int = 60) -> str:
    """Return the changed lines with two around them; short gaps between changes are shown too."""
    before, after = lines_of(old), lines_of(new)
    start = 0
    while start < min(len(before), len(after)) and before[start] == after[start]:
        start += 1
    end = 0
    while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
        end += 1
    removed, added = before[start : len(before) - end], after[start : len(after) - end]
    lead, tail = after[max(0, start - 2) : start], after[len(after) - end :][:2]
    lines = [f"@@ line {max(1, start + 1 - len(lead))} @@"]
    lines += [f" {line}" for line in lead]
    lines += _limited([f"-{line}" for line in removed], limit // 2)
    lines += _limited([f"+{line}" for line in added], limit // 2)
    lines += [f" {line}" for line in tail]
    return "\n".join(lines)


def changed_lines(old: str, new: str) -> tuple[int, int]:
    """Return how many lines an edit adds and removes, without moved lines."""
    before, after = Counter(lines_of(old)), Counter(lines_of(new))
    return (after - before).total(), (before - after).total()


def _limited(lines: Sequence[str], limit: int) -> list[str]:
    if len(lines) <= limit:
        return list(lines)
    return [*lines[:limit], f"{lines[0][0]} … [{len(lines) - limit} more lines]"]


def _ended(text: str) -> str:
    return text if not text or text.endswith("\n") else text + "\n"


def _spans(text: str, sought: str) -> list[tuple[int, int]]:
    """Return the positions of a text; a line feed in `sought` also matches CRLF."""
    parts = sought.replace("\r\n", "\n").split("\n")
    pattern = re.compile(r"\r?\n".join(re.escape(part) for part in parts))
    return [match.span() for match in pattern.finditer(text)]


def _ambiguous(text: str, spans: Sequence[tuple[int, int]]) -> CallRefusedError:
    lines = lines_of(text)
    first = [text.count("\n", 0, start) + 1 for start, _ in spans]
    shown = [
        numbered(lines[max(0, n - 2) : n + 1], max(1, n - 1)) for n in first[:_SHOWN_LOCATIONS]
    ]
    return CallRefusedError(
        f"old_str stands in the file {len(spans)} times, at the lines "
        f"{', '.join(str(n) for n in first[:_SHOWN_LOCATIONS])}; quote more lines around the "
        "one you mean, or set replace_all",
        "\n--\n".join(shown),
    )


def _not_found(text: str, sought: str) -> CallRefusedError:
    lines, quoted = lines_of(text), lines_of(sought)
    if all(_NUMBERED.match(line) for line in quoted if line.strip()):
        return CallRefusedError("old_str is not in the file; quote it without the line numbers")
    position = _loosely(lines, quoted)
    if position is not None:
        return CallRefusedError(
            "old_str is not in the file exactly; this differs in white space only:",
            numbered(lines[position : position + len(quoted)], position + 1),
        )
    near = _nearest(lines, quoted)
    if near is None:
        return CallRefusedError("old_str is not in the file; read it again with fs_read")
    first = max(0, near - _AROUND)
    return CallRefusedError(
        "old_str is not in the file; the most similar place is this:",
        numbered(lines[first : near + max(len(quoted), 1) + _AROUND], first + 1),
    )


def _loosely(lines: list[str], quoted: list[str]) -> int | None:
    sought = ["".join(line.split()) for line in quoted]
    if not any(sought):
        return None
    flat = ["".join(line.split()) for line in lines]
    span = len(sought)
    return next((n for n in range(len(flat) - span + 1) if flat[n : n + span] == sought), None)


def _nearest(lines: list[str], quoted: list[str]) -> int | None:
    if len(lines) > _SEARCHED:
        return None
    stripped = [line.strip() for line in lines]
    for offset, line in enumerate(quoted[:5]):
        if len(line.strip()) >= 4:
            like = difflib.get_close_matches(line.strip(), stripped, n=1, cutoff=0.6)
            if like:
                return max(0, stripped.index(like[0]) - offset)
    return None


_LARGEST = 5_000_000  # bytes; no source file is longer
_BOM = "\ufeff"
_CONTENT = {"create": "the whole text", "insert": "the lines", "append": "the lines"}


Restore = Callable[[str, str], str]
"""(text with its secrets, changed text as it was shown) -> changed text with its secrets."""


class Written(NamedTuple):
    """The tree after the edit, and the texts for the agent."""

    tree: str
    output: Output


def fs_write(
    private: PrivateRepo,
    tree: str,
    args: Write,
    policy: WritePolicy,
    redact: Redact,
    restore: Restore | None = None,
) -> Written:
    """Apply the edit to the tree; raise CallRefusedError if it is not allowed or impossible.

    `redact` replaced the secrets for the agent; `restore` puts back those that stay in place.
    Without it a file with secrets cannot be rewritten.
    """
    path = plain_path(args.path)
    refusal = policy.refusal(path)
    if refusal:
        why = str(refusal)
        raise CallRefusedError(why, refused=why, brief=refusal.in_short)
    old = _current(private, tree, path)
    if restore is None and args.command == "create" and old is not None and redact(old) != old:
        raise CallRefusedError(
            f"{shown_name(path)} holds secrets that you are shown masked, so it cannot be written "
            "anew; change other lines with str_replace, or delete the file and create it"
        )
    bom = _BOM if old is not None and old.startswith(_BOM) else ""
    before = None if old is None else old.removeprefix(bom)
    new = (
        _edited(args, path, before)
        if restore is None
        else _as_shown(args, path, before, redact, restore)
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
    return Written(new_tree, _report(path, old, new))


def _as_shown(
    args: Write, path: str, old: str | None, redact: Redact, restore: Restore
) -> str | None:
    """Edit the text as the agent sees it and return it with its secrets restored."""
    new = _edited(args, path, None if old is None else redact(old))
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
    """Return the text of the file, or None for a missing one."""
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
    """Return the new text, or None for a deleted file."""
    name = shown_name(path)
    if args.command == "create":
        text = _needed(args)
        new = new_file_text(text) if old is None else rewrite_file(old, text)
    elif old is None:
        raise CallRefusedError(f"there is no {name}; use command=create for a new file")
    elif args.command == "delete":
        return None
    elif args.command == "str_replace":
        if args.old_str is None or args.new_text is None:
            raise CallRefusedError("str_replace needs old_str and new_str")
        new = replace_text(old, args.old_str, args.new_text, everywhere=args.replace_all)
    elif args.command == "append":
        new = append_lines(old, _needed(args))
    elif args.insert_line is None:
        raise CallRefusedError("insert needs insert_line, the line after which to insert")
    else:
        new = insert_lines(old, _needed(args), args.insert_line)
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
    """Refuse changes of our settings inside a file that agents may otherwise edit."""
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
        # Invalid syntax: at least the lines about us must be the same.
        return [line for line in lines_of(text) if "reviewloop" in line]
    return tools.get("reviewloop") if isinstance(tools, dict) else None


def _report(path: str, old: str | None, new: str | None) -> Output:
    name = shown_name(path)
    lines = changed_lines(old or "", new or "")
    if new is None:
        return Output(f"deleted {name}", lines=lines)
    if old is None:
        return Output(f"created {name}, {len(lines_of(new))} lines", lines=lines)
    return Output(f"changed {name}", short_diff(old, new), "diff", lines=lines)
