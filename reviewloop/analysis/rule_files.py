"""Reads rule files: front matter with the facts of a rule, and examples.

A rule is one Markdown file, `<family>/<slug>.md` for the rule `family/slug`, in the folder of a
pack. The build of the wheel compiles a folder into one `rules.json`; without that, as in a
checkout, the files are read and the result is cached until one of them changes. Nothing else of the
package is imported here: a build runs this file where nothing is installed.
"""

import json
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypedDict, cast

COMPILED = "rules.json"
_KEPT = "rules.json.zlib"  # compressed, so that searches of the sources do not match in it
_FORMAT = 4  # of the cache's format; another number makes it stale
_FLAGS = {
    "in_tests": False,
    "in_examples": False,
    "in_fixtures": False,
    "in_product": True,
    "hard": False,
    "caused": False,
    "only_new": True,
}
_WORDS = ("id", "title", "reviewer", "severity", "category", "source")
_PATTERNS = ("receiver", "not_receiver", "file_has", "file_lacks", "not_paths")
_TEXTS = (*_WORDS, *_PATTERNS, "check", "report", "message")
_LISTS = ("languages", "nodes", "calls", "hints")
_KNOWN = frozenset((*_TEXTS, *_LISTS, *_FLAGS, "match", "arguments", "about"))
# In a `regex:`, these mean ASCII: those of Unicode take a forty times longer to compile.
_CLASSES = {
    "w": "[0-9A-Za-z_]",
    "W": "[^0-9A-Za-z_]",
    "d": "[0-9]",
    "D": "[^0-9]",
    "s": r"[ \t\n\r\f\v]",
    "S": r"[^ \t\n\r\f\v]",
    "b": r"(?-u:\b)",
}
_ESCAPED = re.compile(r"\\(.)")
_ARGUMENTS = ("literal", "changing", "none")  # words for an argument, in place of a rule
_ARGUMENT = re.compile(r"argument ([1-9])")
_SUBJECTS = ("code", "spec")
_SEVERITIES = ("must_fix", "should_fix", "nit")
_ID = re.compile(r"[a-z0-9][a-z0-9-]*/[a-z0-9][a-z0-9-]*")
_CHECK = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")
_FENCE = re.compile(r"(`{3,})([^`\n]*)")
_FILLED = re.compile(r"\{(\w*)\}")
_ESCAPE = re.compile(r"\\u\{([0-9A-Fa-f]{1,6})\}")
_SECTIONS = {
    "Why": "why",
    "What to do": "fix",
    "Found": "bad",
    "Not found": "good",
}


class RuleFileError(ValueError):
    """A rule file cannot be used; the message names the file and what to change."""


class RuleRecord(TypedDict):
    """The compiled form of a rule: all but its examples."""

    id: str
    title: str
    reviewer: str
    severity: str
    category: str
    source: str
    message: str  # the sentence on one flow of data, with {source} and {sink}
    why: str
    fix: str
    flags: dict[str, bool]  # flags that differ from the default
    languages: list[str]
    nodes: list[str]
    calls: list[str]
    hints: list[str]
    match: object  # in ast-grep's rule language
    receiver: str  # of a call; this and the next four are regular expressions
    not_receiver: str
    file_has: str
    file_lacks: str
    not_paths: str
    arguments: dict[str, object]  # of a call, by position from "1": a rule, or a word
    report: str  # a variable of `match`, or "argument 1"; "": the whole match or call
    check: str  # "module:function"; "": what is above decides
    about: str  # "code" or "spec"


class CodeBlock(NamedTuple):
    """One fenced block of a rule file: a file of an example."""

    path: str
    code: str
    base: bool = False  # the file before the change


class RulePage(NamedTuple):
    """A parsed rule file: each example is one file, or the files of one change."""

    record: RuleRecord
    bad: tuple[tuple[CodeBlock, ...], ...]
    good: tuple[tuple[CodeBlock, ...], ...]


def rule_paths(folder: Path) -> list[Path]:
    """Return the rule files of a pack's folder, in order; a README is none."""
    found = (path for path in folder.glob("*/*.md") if path.name != "README.md")
    return sorted(found, key=lambda path: (path.parent.name, path.name))


def load_records(folder: Path) -> list[RuleRecord]:
    """Return all rules of a pack's folder, from one file if possible."""
    compiled = folder / COMPILED
    if compiled.is_file():
        rules: list[RuleRecord] = json.loads(compiled.read_bytes())["rules"]
        return rules
    stamp = _stamp(folder)
    kept = folder / "__pycache__" / _KEPT
    try:
        read = read_cache(kept)
        if read["stamp"] == stamp:
            rules = read["rules"]
            return rules
    except (OSError, ValueError, KeyError, zlib.error):
        pass  # no cache yet, or that of another version
    rules = compile_rules(folder)
    write_cache(kept, {"stamp": stamp, "rules": rules})
    return rules


def compile_rules(folder: Path) -> list[RuleRecord]:
    """Return the rules of a folder, read from their files; raise for the first incomplete one."""
    return [read_page(path).record for path in rule_paths(folder)]


def write_compiled(folder: Path, target: Path) -> None:
    """Write the file that `load_records` reads in a wheel: the same input gives the same bytes."""
    text = json.dumps({"rules": compile_rules(folder)}, ensure_ascii=False, sort_keys=True)
    target.write_text(text, encoding="utf-8")


def _stamp(folder: Path) -> list[object]:
    """Return a value that changes when a rule file is added, removed, renamed or written."""
    stamp: list[object] = [_FORMAT]
    with os.scandir(folder) as families:
        names = sorted(family.name for family in families if family.is_dir())
    for name in names:
        with os.scandir(folder / name) as files:
            for file in sorted((f for f in files if f.name.endswith(".md")), key=lambda f: f.name):
                status = file.stat()
                stamp.append([f"{name}/{file.name}", status.st_mtime_ns, status.st_size])
    return stamp


def read_cache(path: Path) -> Any:
    """Return what `write_cache` wrote; raise OSError, ValueError or zlib.error otherwise."""
    return json.loads(zlib.decompress(path.read_bytes()))


def write_cache(path: Path, content: object) -> None:
    """Write plain values to a file that `read_cache` reads; without write permission do nothing."""
    try:
        path.parent.mkdir(exist_ok=True)
        beside = path.with_name(f"{path.name}.{os.getpid()}")
        text = json.dumps(content, ensure_ascii=False)
        beside.write_bytes(zlib.compress(text.encode("utf-8"), 1))
        beside.replace(path)
    except OSError:
        pass  # without write permission the files are read again each time


def read_page(path: Path) -> RulePage:
    """Parse a rule file; raise RuleFileError if a part is missing or cannot be read."""
    name = f"{path.parent.name}/{path.name}"
    try:
        head, body = _split(path.read_text(encoding="utf-8"))
        fields = _fields(head)
        sections = dict(_sections(body))
        examples = {name: tuple(_examples(sections.get(name, []))) for name in ("bad", "good")}
        record = _record(fields, sections)
        _require(record, examples, f"{path.parent.name}/{path.stem}")
    except ValueError as error:
        raise RuleFileError(f"{name}: {error}") from None
    return RulePage(record, examples["bad"], examples["good"])


def _split(text: str) -> tuple[str, list[str]]:
    lines = text.split("\n")
    if lines[0] != "---" or "---" not in lines[1:]:
        raise ValueError("begin with front matter between two lines `---`")
    end = lines.index("---", 1)
    return "\n".join(lines[1:end]), lines[end + 1 :]


def _fields(head: str) -> dict[str, object]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        fields = yaml.load(head, loader)  # noqa: S506 - a safe loader, in C where there is one
    except yaml.YAMLError as error:
        raise ValueError(f"the front matter is no YAML: {' '.join(str(error).split())}") from None
    if not isinstance(fields, dict):
        raise ValueError("the front matter holds no `key: value`")
    if unknown := sorted(set(map(str, fields)) - _KNOWN):
        raise ValueError(f"the front matter does not know {', '.join(unknown)}")
    return fields


def _record(fields: dict[str, object], sections: dict[str, list[str]]) -> RuleRecord:
    for word in _TEXTS:
        if not isinstance(fields.get(word, ""), str):
            raise ValueError(f"write {word} as text")
    for name in _LISTS:
        given = fields.get(name, [])
        if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
            raise ValueError(f"write {name} as a list of texts")
    flags = {name: fields[name] for name in _FLAGS if name in fields}
    if wrong := [name for name, value in flags.items() if not isinstance(value, bool)]:
        raise ValueError(f"write {wrong[0]} as true or false")
    flagged = {name: value for name, value in flags.items() if value is not _FLAGS[name]}
    words = {word: fields.get(word, "") for word in _TEXTS}
    lists = {name: fields.get(name, []) for name in _LISTS}
    prose = {name: _prose(sections.get(name, [])) for name in ("why", "fix")}
    whole = {
        **words,
        **lists,
        **prose,
        "flags": flagged,
        "match": _compiled(fields.get("match")),
        "arguments": _arguments(fields.get("arguments", {})),
        "about": fields.get("about", "code"),
    }
    return cast(RuleRecord, whole)


def _arguments(given: object) -> dict[str, object]:
    if not isinstance(given, dict) or not all(type(at) is int and at > 0 for at in given):
        raise ValueError("arguments is a table by position: the first argument is 1")
    for at, required in given.items():
        if required not in _ARGUMENTS and not (isinstance(required, dict) and required):
            words = ", ".join(_ARGUMENTS)
            raise ValueError(f"argument {at} is a rule of ast-grep, or one of {words}")
    return {str(at): _compiled(required) for at, required in given.items()}


def _compiled(rule: object) -> object:
    """Return a rule in ast-grep's language with the classes of each `regex` as ASCII."""
    if isinstance(rule, list):
        return [_compiled(one) for one in rule]
    if not isinstance(rule, dict):
        return rule
    return {
        name: _ESCAPED.sub(lambda found: _CLASSES.get(found[1], found[0]), given)
        if name == "regex" and isinstance(given, str)
        else _compiled(given)
        for name, given in rule.items()
    }


def _require(record: RuleRecord, examples: Mapping[str, Sequence[object]], ident: str) -> None:
    if record["id"] != ident or not _ID.fullmatch(ident):
        raise ValueError(f"the file's place says that the id is {ident}; write `id: {ident}`")
    for word in ("title", "reviewer", "severity", "category", "source"):
        if not str(record[word]).strip():
            raise ValueError(f"a rule needs a {word}; write `{word}: ...` into the front matter")
    if not record["reviewer"].startswith("review-"):
        raise ValueError("reviewer is the name of an agent, `review-security` for example")
    if record["severity"] not in _SEVERITIES:
        raise ValueError(f"severity is one of {', '.join(_SEVERITIES)}")
    _require_finder(record)
    _require_subject(record)
    for heading, name in _SECTIONS.items():
        if not examples.get(name, record.get(name)):
            raise ValueError(f"a rule needs a section `## {heading}`")


def _require_finder(record: RuleRecord) -> None:
    by_call = bool(record["calls"]) and not record["check"]
    if record["match"] is not None and record["check"]:
        raise ValueError("say with either `match:` or `check:` how it is found")
    if record["match"] is None and not record["check"] and not by_call:
        raise ValueError("say with either `match:` or `check:` how it is found, or with `calls:`")
    _require_call(record, by_call)
    _require_patterns(record)
    if record["check"] and not _CHECK.fullmatch(record["check"]):
        raise ValueError("check is `module:function`")
    if record["match"] is not None and not (isinstance(record["match"], dict) and record["match"]):
        raise ValueError("match is a rule of ast-grep, `pattern: eval($A)` for example")
    if not record["check"] and not record["languages"]:
        needs = "a `match:`" if record["match"] is not None else "a rule with `calls:`"
        raise ValueError(f"{needs} needs `languages:`, [python] for example")
    if unknown := sorted(set(_FILLED.findall(record["message"])) - {"source", "sink"}):
        raise ValueError(f"message knows {{source}} and {{sink}}, not {{{unknown[0]}}}")


def _require_call(record: RuleRecord, by_call: bool) -> None:
    if not by_call and (record["receiver"] or record["not_receiver"] or record["arguments"]):
        raise ValueError("receiver and arguments are those of `calls:`, without `check:`")
    if by_call and record["nodes"]:
        raise ValueError("leave `nodes:` out: without `check:` a rule with `calls:` looks at calls")
    if by_call and record["report"]:
        argument = _ARGUMENT.fullmatch(record["report"])
        if argument is None or record["arguments"].get(argument[1], "none") == "none":
            raise ValueError("report names one of the `arguments:`, `argument 1` for example")


def _require_patterns(record: RuleRecord) -> None:
    fields = cast("Mapping[str, str]", record)
    for name in _PATTERNS:
        try:
            re.compile(fields[name])
        except re.error as error:
            raise ValueError(f"{name} is no regular expression: {error}") from None


def _require_subject(record: RuleRecord) -> None:
    if record["about"] not in _SUBJECTS:
        raise ValueError(f"about is one of {', '.join(_SUBJECTS)}")
    if record["about"] == "spec" and record["match"] is not None:
        raise ValueError("a rule about specs is found by `check:`; `match:` reads code")


def _sections(lines: list[str]) -> Iterator[tuple[str, list[str]]]:
    """Yield each section's name and lines; a heading inside a fence is code."""
    fence = name = ""
    inside: list[str] = []
    for line in lines:
        if fence:
            fence = "" if line.rstrip() == fence else fence
        elif opened := _FENCE.match(line):
            fence = opened[1]
        elif line.startswith("## "):
            if name:
                yield name, inside
            heading, inside = line[3:].strip(), []
            if heading not in _SECTIONS:
                raise ValueError(f"no section is called {heading!r}: {', '.join(_SECTIONS)} are")
            name = _SECTIONS[heading]
            continue
        if name:
            inside.append(line)
        elif line.strip():
            raise ValueError("the text begins with a heading, `## Why`")
    if fence:
        raise ValueError("a code block is not closed")
    if name:
        yield name, inside


def _prose(lines: Iterable[str]) -> str:
    return " ".join(" ".join(lines).split())


def _examples(lines: list[str]) -> Iterator[tuple[CodeBlock, ...]]:
    """Yield each block as an example; below a heading `###` all blocks are one change."""
    change: list[CodeBlock] | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("### "):
            if change:
                yield tuple(change)
            change = []
        elif opened := _FENCE.match(line):
            end = next(n for n in range(at, len(lines)) if lines[n].rstrip() == opened[1])
            block = _block(opened[2].split(), lines[at:end])
            at = end + 1
            if change is None:
                yield (block,)
            else:
                change.append(block)
    if change:
        yield tuple(change)


def _block(info: list[str], lines: list[str]) -> CodeBlock:
    if len(info) < 2:
        raise ValueError("a code block names its language and its file: ```python app.py")
    words = set(info[2:])
    if words - {"base", "escaped"}:
        raise ValueError(f"after {info[1]} a code block says only `base` or `escaped`")
    path, code = info[1], "".join(f"{line}\n" for line in lines)
    if "escaped" in words:
        path, code = (_ESCAPE.sub(_unescaped, text) for text in (path, code))
    return CodeBlock(path, code, "base" in words)


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))
