"""Methods of texts and regular expressions: what they return and make harmless."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from reviewloop.rules.taint.assigning import element_of
from reviewloop.rules.taint.frame import Frame
from reviewloop.rules.taint.values import (
    CLEAN,
    PLAIN,
    Value,
    changed,
    concat,
    constant,
    join_taints,
    piece_of,
    series,
    text_of,
)

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site


def _join(frame: Frame, site: Site, owner: Value) -> Value | None:
    held = site.args[0] if site.args else CLEAN
    if owner.path.startswith("os.path") or site.path in {"shlex.join", "pathlib.join"}:
        return None
    if held.seq is not None:
        parts: list[Value] = []
        for member in held.seq:
            parts += [owner, member]
        return concat(parts[1:]) if parts else constant("")
    element = element_of(held)
    shape = piece_of(element)
    return Value(taints=changed(held.taints), shape=f"{shape}{piece_of(owner)}{shape}"[:400])


def _format(frame: Frame, site: Site, owner: Value) -> Value | None:
    text = text_of(owner)
    if text is None:
        return None
    parts: list[Value] = []
    auto = 0
    rest = text
    for _ in range(40):
        before, opening, after = rest.partition("{")
        parts.append(Value(shape=before))
        if not opening:
            break
        if after.startswith("{"):
            rest = after[1:]
            continue
        field, _, rest = after.partition("}")
        name = field.split(":")[0].split("!")[0]
        if not name:
            name, auto = str(auto), auto + 1
        parts.append(_field(site, name))
    made = concat(parts)
    if owner.taints:
        made.taints = join_taints(changed(owner.taints), made.taints)
    return made


def _field(site: Site, name: str) -> Value:
    head = name.split("[")[0].split(".")[0]
    held = site.argument(int(head)) if head.isdigit() else site.keywords.get(head)
    if held is None and site.name == "format_map" and site.args:
        held = (site.args[0].items or {}).get(head, site.args[0])
    if held is None:
        return Value(taints=site.starred, shape=PLAIN)
    key = name.partition("[")[2].rstrip("]")
    if key and held.items is not None:
        return held.items.get(key, CLEAN)
    return held


def _replace_text(frame: Frame, site: Site, owner: Value) -> Value | None:
    if len(site.args) < 2:
        return None
    old, new = site.args[0].const, site.args[1].const
    if isinstance(owner.const, str) and isinstance(old, str) and isinstance(new, str) and old:
        return constant(owner.const.replace(old, new)) if len(owner.const) < 4000 else CLEAN
    taints = changed(join_taints(owner.taints, site.args[1].taints))
    if isinstance(old, str) and taints:
        from reviewloop.rules.taint.characters import forbidding

        cleared = (
            frozenset[str]() if old in {"../", "..\\", "../../", "<script>"} else forbidding(old)
        )
        cleared = cleared - {"command-injection"}
        taints = changed(taints, cleared)
        if isinstance(new, str) and old in new and cleared == frozenset({"path-traversal"}):
            taints = changed(join_taints(owner.taints))
    shape = None
    text = text_of(owner)
    if text is not None and isinstance(old, str) and old and len(text) <= 400:
        shape = text.replace(old, piece_of(site.args[1]))[:400]
    return Value(taints=taints, path=f"{site.path}()", shape=shape)


def _same_text(frame: Frame, site: Site, owner: Value) -> Value | None:
    """Case, padding and coding: the text stays what it is."""
    if isinstance(owner.const, str) and site.name in {"lower", "upper", "strip", "title"}:
        return constant(getattr(owner.const, site.name)()) if not site.args else CLEAN
    if isinstance(owner.const, str) and site.name == "encode":
        return constant(owner.const.encode("utf-8", "replace"))
    if not owner.taints:
        return None
    path = owner.path
    return Value(taints=changed(owner.taints), path=path, shape=owner.shape)


def _split(frame: Frame, site: Site, owner: Value) -> Value | None:
    sep = site.args[0].const if site.args else None
    if isinstance(owner.const, str) and (sep is None or (isinstance(sep, str) and sep)):
        if len(owner.const) < 2000 and len(site.args) < 2:
            return series([constant(part) for part in owner.const.split(sep)])
        return CLEAN
    if not owner.taints:
        return None
    return Value(taints=changed(owner.taints), path=f"{site.path}()")


def _compiled(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.path not in {"re", "regex"} or not site.args:
        return None
    return Value(path="re.compile()", fields={"pattern": site.args[0]})


def _substituted(frame: Frame, site: Site, owner: Value) -> Value | None:
    """`re.sub(pattern, "", text)` takes away what the pattern names."""
    args = site.args
    if owner.path in {"re", "regex"} and len(args) >= 3:
        pattern, new, text = args[0], args[1], args[2]
    elif len(args) >= 2 and owner.path == "re.compile()":
        pattern, new, text = (owner.fields or {}).get("pattern", CLEAN), args[0], args[1]
    else:
        return None
    taints = changed(join_taints(text.taints, new.taints))
    if isinstance(pattern.const, str) and isinstance(new.const, str):
        from reviewloop.rules.taint.characters import excluded

        taints = changed(taints, excluded(pattern.const))
    return Value(taints=taints, path=f"{site.path}()")


_SAME = (
    "lower upper strip lstrip rstrip encode decode title capitalize casefold swapcase expandtabs "
    "zfill ljust rjust center removeprefix removesuffix"
)
TEXT_METHODS: dict[str, Callable[[Frame, Site, Value], Value | None]] = {
    "join": _join,
    "format": _format,
    "format_map": _format,
    "replace": _replace_text,
    "split": _split,
    "rsplit": _split,
    "compile": _compiled,
    "sub": _substituted,
    **dict.fromkeys(_SAME.split(), _same_text),
}
