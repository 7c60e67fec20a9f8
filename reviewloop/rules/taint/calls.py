"""Evaluates calls: functions of libraries, methods of texts and containers."""

# One file: every row of the table of methods works on the same call and the same values.

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from reviewloop.regex import regex
from reviewloop.rules.taint import functions
from reviewloop.rules.taint.access import UPDATED, element_of, replace, source, with_member
from reviewloop.rules.taint.names import (
    CARRIES,
    CODE,
    COMMAND,
    LDAP,
    PATH,
    RESOLVED,
    SELECTS_BY_NAME,
    SQL,
    URL,
    XPATH,
    XSS,
    cleaned_by,
)
from reviewloop.rules.taint.python_sink_tests import check_content, check_sinks, weak_call
from reviewloop.rules.taint.python_table import python_table
from reviewloop.rules.taint.queries import note_call, note_query
from reviewloop.rules.taint.sources import MAKES_ANSWER, READS_REQUEST, SAFE_NAME
from reviewloop.rules.taint.syntax import Attr, Call, Name
from reviewloop.rules.taint.values import (
    CLEAN,
    FLOWS,
    PLAIN,
    RANDOM,
    ClassInfo,
    Frame,
    FunctionInfo,
    Site,
    Taint,
    Value,
    changed,
    concat,
    constant,
    duplicate,
    first_of,
    join_taints,
    known_constant,
    mapping,
    piece_of,
    series,
    text_of,
)

# Characters that a check excludes, and the kinds of harm that need them.
_FORBIDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("..", PATH),
    ("/", PATH | URL),
    ("'", SQL | XPATH | CODE | frozenset({"nosql-code"})),
    ('"', SQL | XPATH | CODE | frozenset({"nosql-code"})),
    (";", SQL | COMMAND),
    ("--", SQL),
    ("(", LDAP | CODE),
    (")", LDAP | CODE),
    ("*", LDAP),
    ("<", XSS),
    ("&", COMMAND),
    ("|", COMMAND),
    ("`", COMMAND),
    ("$", COMMAND),
    ("\n", frozenset({"header-injection"})),
    ("\r", frozenset({"header-injection"})),
    ("{", frozenset({"template-injection"})),
    ("__", CODE | frozenset({"template-injection"})),
    ("<!", frozenset({"xxe"})),
    ("ENTITY", frozenset({"xxe"})),
)


def forbidding(text: str) -> frozenset[str]:
    """Return the kinds of harm that are impossible without a certain text in the data."""
    found: frozenset[str] = frozenset()
    for sign, categories in _FORBIDS:
        if sign in text:
            found |= categories
    return found


_CLASS = regex(r"\[(?:\\.|[^\]\\])+\]|\\[wWdDsS]|(?<!\\)\.")


_NEEDS = (
    (SQL | XPATH | CODE | frozenset({"nosql-code"}), "'\"();"),
    (COMMAND, ";&|`$\n"),
    (PATH, "/\\"),
    (XSS, "<\"'"),
    (LDAP, "()*"),
    (URL, "/:"),
    (frozenset({"header-injection"}), "\r\n"),
    (frozenset({"template-injection"}), "{"),
    (frozenset({"deserialization", "trust-boundary", "xxe", "nosql-injection"}), "!<{\x80"),
)


def matching(pattern: str, whole: bool, at_start: bool) -> frozenset[str]:
    """Return the kinds of harm that are impossible for a text that matches a regular expression."""
    begins = at_start or pattern.startswith(("^", "\\A"))
    ends = whole or pattern.endswith(("$", "\\Z", "\\z"))
    if begins and _OWN_PAGE.match(pattern):
        return URL if not ends else URL | matching_whole(pattern)
    if not (begins and ends) or len(pattern) > 300:
        return frozenset()
    return matching_whole(pattern)


# An address of the same site: no second slash follows the first.
_OWN_PAGE = regex(r"(?:\^|\\A)?\\?/(?:\[(?!\^)[^\]/\\]+\](?![?*])|\w(?![?*]))")


def matching_whole(pattern: str) -> frozenset[str]:
    """Return the same for a text that a regular expression matches as a whole."""
    if len(pattern) > 300:
        return frozenset()
    admitted = _CLASS.sub("", pattern)
    for group in _CLASS.findall(pattern):
        if any(sign in group[1:] for sign in ("[", "--", "&&", "||", "~~")):
            return frozenset()  # a later Python may parse it as a set operation, and warns
        try:
            compiled = re.compile(group)
        except re.error:
            return frozenset()
        admitted += "".join(sign for sign in "'\"();&|`$\n\r/\\<*:{!\x80" if compiled.match(sign))
    plain = re.sub(r"\\[AZzbB]|[\^$?+*(){}|]|\?P<\w+>|\?:", "", admitted.replace("\\\\", "\\"))
    extra = "".join(re.findall(r"\\([^\w\s])", pattern))
    cleared: frozenset[str] = frozenset()
    for categories, signs in _NEEDS:
        if not any(sign in plain + extra for sign in signs):
            cleared |= categories
    return cleared | PATH if _stays_below(pattern) else cleared


def _stays_below(pattern: str) -> bool:
    r"""Whether matches, as of `^(one|two)/[a-z]+\.svg$`, lead neither up nor to the root."""
    if any(group == "." or re.match(group, ".") for group in _CLASS.findall(pattern)):
        return False
    if any(re.match(group, sign) for group in _CLASS.findall(pattern) for sign in "/\\\0"):
        return False
    rest = _CLASS.sub("x", pattern).lstrip("^").removeprefix("\\A").replace("\\/", "/")
    if rest.count("\\.") > 1 or re.search(r"\\\.\)*[+*{]|\\[^.]", rest):
        return False
    return re.search(r"^\(*(?:\?:)?/|[|?*}]\(*/|\((?:\?:)?/", rest) is None


_ALTERNATIVE = regex(r"(?:\[(?:\\.|[^\]\\])+\]|\\.|[^|\\])+")
_SIGNS = regex(r"\[((?:\\.|[^\]\\])+)\][+*]?")
_PLAIN = regex(r"(?:\\\W|[^\\\[\](){}.*+?^$|])+")


def excluded(pattern: str) -> frozenset[str]:
    """Return the kinds of harm that are impossible for a text without a match."""
    if len(pattern) > 300:
        return frozenset()
    found: frozenset[str] = frozenset()
    for alternative in _ALTERNATIVE.findall(pattern):
        signs = _SIGNS.fullmatch(alternative)
        if signs and signs[1].startswith("^"):
            found |= matching(f"[{signs[1][1:]}]*", whole=True, at_start=True)
        elif signs or _PLAIN.fullmatch(alternative):
            found |= forbidding((signs[1] if signs else alternative).replace("\\", ""))
    return found


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
    """Case, padding and coding: the text keeps its taint."""
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
    """`re.sub(pattern, "", text)` removes the matches of the pattern."""
    args = site.args
    if owner.path in {"re", "regex"} and len(args) >= 3:
        pattern, new, text = args[0], args[1], args[2]
    elif len(args) >= 2 and owner.path == "re.compile()":
        pattern, new, text = (owner.fields or {}).get("pattern", CLEAN), args[0], args[1]
    else:
        return None
    taints = changed(join_taints(text.taints, new.taints))
    if isinstance(pattern.const, str) and isinstance(new.const, str):
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


def method_result(frame: Frame, site: Site) -> Value | None:
    """Return the result of a well-known method, None for another one."""
    if site.callee.bound is None or not isinstance(site.expr.callee, Attr):
        return None
    handle = METHODS.get(site.name)
    return handle(frame, site, site.receiver) if handle is not None else None


def _keep(frame: Frame, site: Site, value: Value | None) -> None:
    """Store the new content in the variable whose method was called."""
    if isinstance(site.expr.callee, Attr):
        replace(frame, site.expr.callee.owner, value)


def _append(frame: Frame, site: Site, owner: Value) -> Value | None:
    added = site.args[0] if site.args else CLEAN
    added = frame.env.baked(added)
    if owner.seq is not None and site.name == "append" and frame.passes < 2:
        _keep(frame, site, series([*owner.seq, added], owner.path))
    elif owner.seq is not None and site.name == "extend" and added.seq is not None:
        _keep(frame, site, series([*owner.seq, *added.seq], owner.path))
    elif added.taints and not owner.path.startswith("@"):
        taints = join_taints(owner.taints, added.taints)
        made = Value(taints=taints, path=owner.path or "list()")
        first = first_of(owner)
        made.fields = {"[0]": first} if first is not None else None
        _keep(frame, site, made)
    return CLEAN


def _insert(frame: Frame, site: Site, owner: Value) -> Value | None:
    if len(site.args) != 2:
        return None
    index = site.args[0].const
    if owner.seq is not None and isinstance(index, int):
        members = list(owner.seq)
        members.insert(index, site.args[1])
        _keep(frame, site, series(members, owner.path))
    elif site.args[1].taints:
        _keep(frame, site, Value(taints=join_taints(owner.taints, site.args[1].taints)))
    return CLEAN


def _pop(frame: Frame, site: Site, owner: Value) -> Value | None:
    key = site.args[0] if site.args else constant(-1)
    if owner.seq and isinstance(key.const, int) and -len(owner.seq) <= key.const < len(owner.seq):
        members = list(owner.seq)
        taken = members.pop(key.const)
        _keep(frame, site, series(members, owner.path))
        return taken
    return _get(frame, site, owner)


def _reorder(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.seq is None:
        return None
    _keep(frame, site, CLEAN if site.name == "clear" else Value(taints=owner.taints))
    return CLEAN


def _get(frame: Frame, site: Site, owner: Value) -> Value | None:
    """`mapping.get(key)`; a config parser takes a section first."""
    keys = site.args
    if "ConfigParser()" in owner.path and len(keys) >= 2 and known_constant(keys[1]):
        section = (owner.items or {}).get(keys[0].const)
        return (section.items or {}).get(keys[1].const, CLEAN) if section is not None else CLEAN
    if owner.items is None or not keys:
        return None
    default = site.argument(1, "default") or CLEAN
    if known_constant(keys[0]):
        found = owner.items.get(keys[0].const)
        return found if found is not None else default
    return Value(taints=join_taints(owner.taints, default.taints))


def _set(frame: Frame, site: Site, owner: Value) -> Value | None:
    if "ConfigParser()" not in owner.path or len(site.args) != 3:
        return None
    section, key, value = site.args
    sections = dict(owner.items or {})
    if known_constant(section) and known_constant(key):
        held = sections.get(section.const)
        items = dict(held.items or {}) if held is not None else {}
        sections[section.const] = mapping({**items, key.const: value})
        made = mapping(sections)
        made.path = owner.path
        _keep(frame, site, made)
    return CLEAN


def _update(frame: Frame, site: Site, owner: Value) -> Value | None:
    extra = site.args[0] if site.args else CLEAN
    if owner.path.startswith("@"):
        return None
    if owner.items is not None and (extra.items is not None or not site.args):
        named: dict[Any, Value] = {**owner.items, **(extra.items or {}), **site.keywords}
        _keep(frame, site, mapping(named))
    elif site.all_taints():
        path = owner.path or "dict()"
        made = Value(taints=join_taints(owner.taints, site.all_taints()), path=path)
        made.fields = {**(owner.fields or {}), UPDATED: CLEAN}
        _keep(frame, site, made)
    return CLEAN


def _setdefault(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None or len(site.args) < 2:
        return None
    if known_constant(site.args[0]) and site.args[0].const not in owner.items:
        _keep(frame, site, with_member(owner, site.args[0], site.args[1]))
        return site.args[1]
    return _get(frame, site, owner)


def _views(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None:
        return None
    if site.name == "keys":
        return series([constant(key) for key in owner.items])
    if site.name == "values":
        return series(list(owner.items.values()))
    return series([series([constant(k), v]) for k, v in owner.items.items()])


def _write(frame: Frame, site: Site, owner: Value) -> Value | None:
    """Text buffers keep what is written to them."""
    if not owner.path.endswith(("StringIO()", "BytesIO()")) or not site.args:
        return None
    text = concat([Value(taints=owner.taints, shape=owner.shape or ""), site.args[0]])
    _keep(frame, site, Value(taints=text.taints, shape=text_of(text), path=owner.path))
    return CLEAN


def _getvalue(frame: Frame, site: Site, owner: Value) -> Value | None:
    if not owner.path.endswith(("StringIO()", "BytesIO()")):
        return None
    return Value(taints=changed(owner.taints), shape=owner.shape)


def _copy(frame: Frame, site: Site, owner: Value) -> Value | None:
    if owner.items is None and owner.seq is None:
        return None
    return owner


def _relative_to(frame: Frame, site: Site, owner: Value) -> Value | None:
    """Raises unless the path is inside."""
    if RESOLVED.search(owner.path):
        frame.env.clear(owner, frozenset({"path-traversal"}))
    return None


METHODS: dict[str, Callable[[Frame, Site, Value], Value | None]] = {
    "append": _append,
    "add": _append,
    "extend": _append,
    "appendleft": _append,
    "insert": _insert,
    "pop": _pop,
    "sort": _reorder,
    "reverse": _reorder,
    "clear": _reorder,
    "get": _get,
    "set": _set,
    "update": _update,
    "setdefault": _setdefault,
    "keys": _views,
    "values": _views,
    "items": _views,
    "write": _write,
    "getvalue": _getvalue,
    "relative_to": _relative_to,
    "copy": _copy,
    **TEXT_METHODS,
}


def call(frame: Frame, expr: Call) -> Value:
    """Return the result of a call."""
    site = _site(frame, expr)
    if site.callee.ref is not None and not site.callee.instance:
        value = _local(frame, site)
        note_call(frame, site)
        if frame.machine.dialect is None and not _asks(site.callee.ref):
            check_content(frame, site)
        return value
    note_query(frame, site)
    if frame.machine.dialect is not None:
        return frame.machine.dialect.call(frame, site)
    if site.path:
        if not check_sinks(frame, site):
            check_content(frame, site)
        weak = weak_call(frame, site)
        if weak is not None:
            return weak
    return _result(frame, site)


# Escaped text: functions that turn `Markup` and similar back into plain text.
_PLAIN_AGAIN = frozenset({"unescape", "striptags"})


def _site(frame: Frame, expr: Call) -> Site:
    """Return a call with its parts evaluated."""
    if isinstance(expr.callee, Attr) and expr.callee.name in _PLAIN_AGAIN:
        frame.machine.plain_again.add((expr.callee.owner.start, expr.callee.owner.end))
    callee = frame.value(expr.callee)
    args: list[Value] = []
    keywords: dict[str, Value] = {}
    starred: tuple[Taint, ...] = ()
    for argument in expr.arguments:
        value = frame.value(argument.value)
        if argument.name == "*" and value.seq is not None:
            args += value.seq
        elif argument.name == "**" and value.items is not None:
            keywords.update({str(key): item for key, item in value.items.items()})
        elif argument.name in {"*", "**"}:
            starred = join_taints(starred, value.taints)
        elif argument.name:
            keywords[argument.name] = value
        else:
            args.append(value)
    path = callee.path
    sought = callee.ref is None and path and not callee.taints
    if sought and (frame.repeats or _matters(path, args, keywords)):
        there = frame.machine.imported_value(path)
        if there is not None and there.ref is not None:
            callee = duplicate(there)
            callee.path = path
    return Site(expr, callee, path, path.rpartition(".")[2], args, keywords, starred)


def _matters(path: str, args: list[Value], keywords: dict[str, Value]) -> bool:
    """Whether a call of an imported function can carry, return or create relevant data."""
    given = [*args, *keywords.values()]
    if not given or path.rpartition(".")[2][:1].isupper():
        return True
    return any(value.taints or value.ref or value.path[:1] == "@" for value in given)


def _asks(ref: object) -> bool:
    """Whether a function is known to run a statement, or only builds texts."""
    summary = ref.summary if isinstance(ref, FunctionInfo) else None
    if summary is None:
        return not isinstance(ref, FunctionInfo)
    return bool(summary.reached or summary.returns.shape or summary.returns.taints)


def _local(frame: Frame, site: Site) -> Value:
    ref = site.callee.ref
    if isinstance(ref, ClassInfo):
        return functions.construct(frame, site, ref)
    if isinstance(ref, FunctionInfo):
        value = functions.follow(frame, site, ref)
        if ref.machine is not frame.machine and _is_unknown(value):
            return Value(path=f"{site.path}()"[-160:])
        cleared = cleaned_by(site.name)
        if value.taints and cleared and _works_on_characters(frame, ref):
            return Value(taints=changed(value.taints, cleared))
        return value
    return CLEAN


def _is_unknown(value: Value) -> bool:
    """Whether a value is unknown except that it holds no outside data."""
    held = value.path or value.taints or value.ref or value.fields or value.seq or value.items
    return not held and not value.known() and value.shape is None


_BY_CHARACTER = regex(rb"\bfor\b|translate\(|filter\(|\bsub\(|join\(")


def _works_on_characters(frame: Frame, info: FunctionInfo) -> bool:
    """Whether a cleaning function of this file works in a way that cannot be followed."""
    return bool(_BY_CHARACTER.search(info.machine.source, info.node.start, info.node.end))


def _result(frame: Frame, site: Site) -> Value:
    path = site.path
    made = f"{path}()"[-160:]
    for find in (_cleaner, _door, _same, method_result):
        found = find(frame, site)
        if found is not None:
            return found
    taints = site.all_taints()
    if site.receiver.taints and site.callee.taints:
        return _method_of_data(frame, site, made)
    if not taints:
        return Value(path=made)
    return Value(taints=_unknown(site, taints), path=made)


def _cleaner(frame: Frame, site: Site) -> Value | None:
    path = site.path
    cleared = python_table().cleaners.get(path)
    if cleared is None and site.callee.bound is not None:
        cleared = python_table().cleaning_methods.get(site.name)
        if cleared is not None and not (site.receiver.taints or cleared is not FLOWS):
            return Value(path=f"{path}()")
    if cleared is None:
        return None
    if cleared == FLOWS:
        weak = tuple(t for t in site.all_taints() if t.origin.kind == "random")
        return Value(taints=changed(weak), path=f"{path}()")
    taints = join_taints(site.all_taints(), site.receiver.taints)
    return Value(taints=changed(taints, cleared), path=f"{path}()")


_HELD = regex(r"@request\.\w+")


def _door(frame: Frame, site: Site) -> Value | None:
    """Calls that return outside data."""
    path, receiver = site.path, site.receiver
    if path in python_table().sources:
        return source(frame, site.expr, f"{path}()", "args")
    if path.startswith("@request.") and path.count(".") == 1 and site.callee.taints:
        return source(frame, site.expr, f"{path}()", site.name)
    if _HELD.fullmatch(receiver.path) and receiver.taints and site.name not in METHODS:
        return _read(frame, site)
    if _HELD.fullmatch(receiver.path) and receiver.taints and site.name in {"get", "pop"}:
        return _read(frame, site)
    if receiver.path in {"@environ", "os.environ"} or path in {"os.getenv", "os.environ.get"}:
        from reviewloop.rules.taint.access import environ_value

        key = site.argument(0)
        return environ_value(frame, site.expr, path, key) if key is not None else CLEAN
    if receiver.path == "@event" and site.name == "get":
        return source(frame, site.expr, "@event[]", "json")
    if receiver.path in {"@tornado", "@websocket", "@http"} and site.callee.taints:
        return source(frame, site.expr, f"{path}()", "json" if "json" in site.name else "args")
    return _wrapper(frame, site)


def _read(frame: Frame, site: Site) -> Value:
    """`request.args.get("x", type=int)` and similar calls."""
    kind = site.keywords.get("type")
    if kind is not None and kind.path in python_table().cleaners:
        return Value(path=f"{kind.path}()")
    if site.receiver.path.endswith(".META") and site.args:
        from reviewloop.rules.taint.sources import SERVER_KEYS

        key = site.args[0].const
        if isinstance(key, str) and SERVER_KEYS.match(key):
            return CLEAN
    origin = frame.machine.origin(site.expr)
    if site.name in python_table().cleaning_methods:
        return Value(path=f"{site.path}()")
    taints = tuple(
        taint._replace(origin=origin) if taint.origin.kind == "request" else taint
        for taint in site.receiver.taints
    )
    if site.name == "urlencode":  # of all parameters: no character of it leaves the query
        taints = changed(taints, _IN_A_QUERY)
    return Value(taints=taints, path=f"{site.path}()")


_IN_A_QUERY = frozenset({"open-redirect", "ssrf", "xss", "header-injection", "path-traversal"})


def _wrapper(frame: Frame, site: Site) -> Value | None:
    """Objects and helpers that take the request as an argument."""
    requests = [
        value
        for value in [*site.args, *site.keywords.values()]
        if value.path in {"@request", "@event", "@environ"}
    ]
    if requests:
        last = site.name.rpartition(".")[2]
        if last[:1].isupper() or "wrap" in last.lower() or last.endswith("_class"):
            return Value(path="@wrapper")
        reads = READS_REQUEST.search(last) and not MAKES_ANSWER.match(last)
        if reads and not SAFE_NAME.search(last) and not site.callee.ref:
            found = source(frame, site.expr, f"{site.path}()", "args")
            return Value(taints=changed(found.taints, sure=True), path=found.path)
        return Value(path=f"{site.path}()")
    if site.receiver.path == "@wrapper":
        if READS_REQUEST.search(site.name) and not SAFE_NAME.search(site.name):
            return source(frame, site.expr, f"{site.path}()", "args")
        return Value(path=f"{site.path}()")
    return None


_JOINS_URL = frozenset({"urllib.parse.urlunsplit", "urllib.parse.urlunparse"})


def _same(frame: Frame, site: Site) -> Value | None:
    path = site.path
    first = site.args[0] if site.args else next(iter(site.keywords.values()), None)
    if first is None:
        return None
    table = python_table()
    if path in table.same:
        if path in {"str", "unicode"} and first.taints:
            copy = duplicate(first)
            copy.taints = changed(first.taints, frozenset({"nosql-injection"}))
            copy.seq = copy.items = copy.fields = None
            return copy
        return first
    if path in table.encodes or path in table.decodes:
        layers = 1 if path in table.encodes else -1
        return Value(taints=changed(site.all_taints(), layers=layers), path=f"{path}()")
    if path in table.parses:
        taints = changed(first.taints)
        return Value(
            taints=tuple(t._replace(cleared=t.cleared - {"nosql-injection"}) for t in taints),
            path=f"{path}()",
        )
    if path in table.unquotes:
        return Value(
            taints=tuple(
                taint._replace(cleared=taint.cleared & (RANDOM | {"nosql-injection"}), bare=False)
                for taint in first.taints
            ),
            path=f"{path}()",
        )
    if path in {"list", "tuple", "sorted", "reversed", "set"} and first.seq is not None:
        keeps = path in {"list", "tuple"}
        return series(list(first.seq)) if keeps else Value(taints=first.taints)
    if path in _JOINS_URL and first.seq and len(first.seq) > 1:
        harmless = frozenset({"open-redirect", "ssrf"})
        own = not any(part.taints for part in first.seq[:2])  # scheme and host
        return Value(taints=changed(first.taints, harmless if own else frozenset()))
    if path == "shlex.split":
        return Value(taints=changed(first.taints), path="shlex.split()", shape=text_of(first))
    if path == "dict" and first.items is not None and not site.keywords:
        return first
    if path in {"os.path.join", "posixpath.join", "ntpath.join"}:
        from reviewloop.rules.taint.values import concat, constant

        slashed = [part for arg in site.args for part in (constant("/"), arg)][1:]
        joined = concat(slashed)
        return Value(
            taints=join_taints(joined.taints, site.starred),
            path="os.path.join()",
            shape=text_of(joined),
        )
    return None


def _method_of_data(frame: Frame, site: Site, made: str) -> Value:
    """An unknown method of outside data: most transform it."""
    taints = join_taints(site.receiver.taints, _carried(site))
    if site.name in {"save", "delete", "close", "seek", "connect"}:
        return Value(path=made)
    return Value(taints=changed(taints), path=made)


def _carried(site: Site) -> tuple[Taint, ...]:
    """Return the taints of a method's arguments in its result; a lookup only selects by its key."""
    lookup = SELECTS_BY_NAME.match(site.name.lstrip("_"))
    if lookup and all(taint.origin.kind == "param" for taint in site.receiver.taints):
        return join_taints(*[value.taints for value in site.args[1:]])  # the default value
    return site.all_taints()


def _unknown(site: Site, taints: tuple[Taint, ...]) -> tuple[Taint, ...]:
    """Return the taints of an unknown function's result."""
    if isinstance(site.expr.callee, Name) and not site.path:
        return changed(taints, sure=False)
    if CARRIES.match(site.path):
        return changed(taints)
    cleared = cleaned_by(site.name)
    if cleared:
        return changed(taints, cleared)
    if site.name.lower().endswith(("url", "uri", "link", "href")):
        return changed(taints, frozenset({"open-redirect", "ssrf"}), sure=False)
    if SELECTS_BY_NAME.match(site.name.lstrip("_")):
        return ()
    if site.name[:1].isupper() and site.name.endswith(("Response", "Error", "Exception", "Form")):
        return ()
    return changed(taints, sure=False)
