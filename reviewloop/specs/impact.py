"""Finds the files affected by a change to a spec, from names and imports, without a model."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from posixpath import basename, splitext

from reviewloop.analysis.contract import PathClass
from reviewloop.analysis.languages import path_class
from reviewloop.analysis.outline import language_of
from reviewloop.architecture.imports import FAMILY, Modules, read_imports
from reviewloop.domain.globs import matcher
from reviewloop.domain.impact import FileKind, Impact, ImpactedFile
from reviewloop.domain.spec_delta import SpecDelta
from reviewloop.domain.task import Spec
from reviewloop.regex import regex
from reviewloop.specs.drift.code import Code
from reviewloop.specs.files import Files, decode, is_below
from reviewloop.specs.repomap import NOT_MAPPED
from reviewloop.specs.words import find_paths, fits, named_paths, spellings_in, terms

_LARGEST = 400_000  # most bytes of a file to search
_COMMON = 40  # files that mention a name; a more frequent name says little
_SHOWN = 4  # names, imports, endpoints of a file
_PLAIN_WORDS = """
    support offer everything need change allow enable show list give want please also remove delete
    replace another system service application app number string boolean date object array type
    value field null true false int float text json http api rest shall when then answer store
    read write send call sql called named first last several many much each one two three
"""
_PLAIN = frozenset(terms(_PLAIN_WORDS)) | frozenset(_PLAIN_WORDS.split())
_SCHEMAS = (".sql", ".prisma", ".graphql", ".gql", ".proto", ".avsc", ".xsd")
_SCHEMA = regex(r"(?:^|[/._-])(?:schemas?|openapi|swagger|migrations?)(?:[/._-]|$)", re.I)
_DIAGRAMS = (".mmd", ".mermaid", ".puml", ".plantuml", ".drawio", ".dot")
_DOCUMENTS = (".md", ".mdx", ".rst", ".adoc", ".txt")
_SETTINGS = (".toml", ".yaml", ".yml", ".ini", ".cfg", ".env", ".json", ".properties")
_DRAWN = "graph|flowchart|sequenceDiagram|classDiagram|erDiagram|stateDiagram|C4|architecture|block"
_MERMAID = regex(
    rf"^\s*```\s*(?:plantuml\b|mermaid\s*\n(?:\s*%%.*\n)*\s*(?:{_DRAWN}))", re.MULTILINE
)
_ENDPOINT = regex(r"\b(?:GET|POST|PUT|PATCH|DELETE) /[\w/:{}<>.*-]*")
_SIGNS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")


def names_of(text: str) -> dict[str, int]:
    """Return the key words of a text with their counts, and formulas such as CO₂ as in code."""
    found = terms(text.translate(_SIGNS))
    return {word: count for word, count in found.items() if word not in _PLAIN}


def subjects(sentence: str, spec: Spec) -> tuple[str, ...]:
    """Return the names of a sentence that occur in a spec, () for none."""
    parts = (spec.name, spec.introduction, spec.general, spec.design, *spec.requirements.values())
    known = names_of(" ".join(parts))
    return tuple(name for name in names_of(sentence) if fits(name, known))


def names_of_delta(delta: SpecDelta, sentence: str, spec: Spec) -> tuple[str, ...]:
    """Return the names that a delta concerns: from the sentence, and from code in its quotes."""
    quoted = " ".join(
        part
        for edit in delta.edits
        if edit.path != spec.tasks_path
        for part in (*re.findall(r"`([^`]+)`", edit.quote), *_pairs(edit.quote))
    )
    return tuple(dict.fromkeys((*names_of(sentence), *names_of(quoted))))


def _pairs(quote: str) -> list[str]:
    """Return the names of fields in a quote: `temperature: number`, `Reading {`."""
    return re.findall(r"([A-Za-z_]\w+)\??\s*[:{]", quote)


def kind_of(path: str, text: str = "") -> FileKind:
    """Return the kind of a file for the impact of a change."""
    lower = path.lower()
    if path_class(path) in {PathClass.TEST, PathClass.FIXTURE}:
        return "test"
    if lower.endswith(_DIAGRAMS) or (lower.endswith(_DOCUMENTS) and _MERMAID.search(text)):
        return "diagram"
    if lower.endswith(_DOCUMENTS):
        return "document"
    if lower.endswith(_SCHEMAS) or _SCHEMA.search(lower):
        return "schema"
    if lower.endswith(_SETTINGS) or basename(lower).startswith(("dockerfile", "makefile", ".")):
        return "settings"
    return "code"


def find_impact(
    files: Files, names: Sequence[str], spec: Spec, never: Sequence[str] = (), under: str = ""
) -> Impact:
    """Return the files that mention one of these names, without documents of the spec.

    Files that mention only very frequent names are counted, not listed, if others mention more.
    Only files below the folder `under` are searched, and none that match `never`.
    """
    skipped = matcher((*NOT_MAPPED, ".reviewloop/**", *never))
    found: list[ImpactedFile] = []
    texts: dict[str, str] = {}
    left_out = 0
    for path in files.paths(under):
        if path in spec.files or is_below(path, spec.path) or skipped(path):
            continue
        data = files.read(path) or b""
        if len(data) > _LARGEST or b"\0" in data[:8000]:
            left_out += 1
            continue
        text = decode(data)
        if hit := _mention(path, text, names):
            found.append(hit)
            texts[path] = text
    counts = Counter(name for one in found for name in one.names)
    common = {name for name, count in counts.items() if count > _COMMON}
    rows = (
        [one for one in found if not common.issuperset(one.names)]
        or [one for one in found if len(one.names) == len(counts) > 1]
        or found
    )
    offered = _endpoints({one.path: texts[one.path] for one in rows}, names)
    return Impact(
        tuple(names),
        tuple(replace(one, endpoints=offered.get(one.path, ())) for one in rows),
        left_out,
        tuple(_shown(name, found) for name in names if name in common),
        len(found) - len(rows),
    )


def _shown(name: str, files: Sequence[ImpactedFile]) -> str:
    """Return the spelling of a name in most files."""
    words = Counter(
        word
        for one in files
        if len(one.words) == len(one.names)
        for known, word in zip(one.names, one.words, strict=True)
        if known == name
    )
    return max(words, key=lambda word: (words[word], word), default=name)


def _endpoints(texts: Mapping[str, str], names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the endpoints with one of the names, in code and in documents."""
    found: dict[str, list[str]] = {}
    for one in Code.of(texts, texts.get).names.names:
        if one.kind == "endpoint":
            found.setdefault(one.path, []).append(one.text)
    for path, text in texts.items():
        if path not in found and kind_of(path, text) in {"document", "schema", "diagram"}:
            found[path] = _ENDPOINT.findall(text)
    return {
        path: tuple(
            one for one in dict.fromkeys(listed) if any(fits(name, names_of(one)) for name in names)
        )[:_SHOWN]
        for path, listed in found.items()
    }


def _mention(path: str, text: str, names: Sequence[str]) -> ImpactedFile | None:
    plain_text = text.translate(_SIGNS).casefold()
    near = [name for name in names if name[: min(5, len(name) - 1)] in plain_text]
    if not near:  # most files: comparing each word costs a hundred times as much
        return None
    known = names_of(text)
    there = tuple(name for name in near if fits(name, known))
    if not there:
        return None
    lines = enumerate(text.split("\n"), 1)
    first = next((n for n, line in lines if any(fits(one, names_of(line)) for one in there)), 0)
    words = spellings_in(text.translate(_SIGNS), there)
    shown = tuple(dict.fromkeys(words.get(name, name) for name in there))
    return ImpactedFile(path, kind_of(path, text), first, there, shown)


def with_tasks(
    impact: Impact, files: Files, spec: Spec, tasks: Sequence[str], stays: Mapping[str, str]
) -> Impact:
    """Return an impact with the files that the delta's tasks change, their importers, and what
    stays.

    `spec` is the spec with its delta; `stays` is path -> reason. Files that a task creates are
    listed, too.
    """
    existing = [path for path in files.paths() if not is_below(path, spec.path)]
    by_path: dict[str, str] = {}
    for ident in tasks:
        task = spec.by_id[ident]
        for name in named_paths(f"{task.title}\n{task.body}"):
            is_new = "/" in name and "." in basename(name)
            for path in find_paths([name], dict.fromkeys(existing)) or [name] * is_new:
                by_path.setdefault(path, ident)
    known = {one.path: one for one in impact.files}
    for path in by_path:
        known.setdefault(path, ImpactedFile(path, kind_of(path)))
    for path, targets in _importing(files, existing, by_path).items():
        one = known.get(path, ImpactedFile(path, kind_of(path)))
        known[path] = replace(one, imports=targets)
    listed = [
        replace(
            one,
            task=by_path.get(path, ""),
            stays="" if path in by_path else stays.get(path, ""),
        )
        for path, one in sorted(known.items())
    ]
    return replace(impact, files=tuple(listed))


def _importing(
    files: Files, existing: Sequence[str], changed: Iterable[str]
) -> dict[str, tuple[str, ...]]:
    """Return the files that import a changed one, with the names they import."""
    targets = {path for path in changed if FAMILY.get(language_of(path) or "")}
    stems = {splitext(basename(path))[0] for path in targets} - {"index", "__init__"}

    def read(path: str) -> str | None:
        data = files.read(path)
        return None if data is None or b"\0" in data[:8000] else decode(data)

    modules = Modules.of(existing, read)
    found: dict[str, tuple[str, ...]] = {}
    for path in existing if targets else ():
        if not FAMILY.get(language_of(path) or ""):
            continue
        text = read(path) or ""
        if len(text) > _LARGEST or not any(stem in text for stem in stems):
            continue
        of_it = {one.target for one in read_imports(path, text, modules)} & targets
        if of_it - {path}:
            found[path] = tuple(sorted(of_it - {path}))[:_SHOWN]
    return found


_WORDS = r"(?P<{}>[\w.+#-]+(?:\s+[\w.+#-]+)??)"
_REPLACED = tuple(
    regex(pattern, re.IGNORECASE)
    for pattern in (
        rf"\b(?:replace|swap|substitute|exchange)\s+(?:out\s+)?(?:the\s+)?{_WORDS.format('old')}"
        rf"\s+(?:with|by|for|through)\s+{_WORDS.format('new')}(?:[\s.,;]|$)",
        rf"\b(?:migrate|move|switch|change|port|go)\b.*?\bfrom\s+{_WORDS.format('old')}"
        rf"\s+to\s+{_WORDS.format('new')}(?:[\s.,;]|$)",
        rf"\buse\s+{_WORDS.format('new')}\s+instead\s+of\s+{_WORDS.format('old')}(?:[\s.,;]|$)",
        rf"\b(?:migrate|move|switch)\s+to\s+{_WORDS.format('new')}(?:[\s.,;]|$)",
    )
)
_ANOTHER = regex(
    r"\b(?:another|a different|a new|other)\s+(?P<old>database|broker|framework|language|runtime|"
    r"cloud|queue|cache|orm|library|storage|provider)\b",
    re.IGNORECASE,
)


def replacement_in(sentence: str) -> tuple[str, str] | None:
    """Return what a sentence replaces and by what, "" for an unnamed part; or None."""
    for pattern in _REPLACED:
        if found := pattern.search(sentence):
            named = found.groupdict()
            return named.get("old", "") or "", named["new"].rstrip(".")
    another = _ANOTHER.search(sentence)
    return (another["old"], "") if another else None


def reasons_to_ask(sentence: str, impact: Impact, most: int) -> tuple[str, ...]:
    """Return why a user has to see an impact before a model is paid, () for no reason.

    `most` is how many files governance lets a change touch; files that mention all names of the
    sentence count.
    """
    reasons = []
    if found := replacement_in(sentence):
        old, new = found
        by = f" by {new}" if new else ""
        reasons.append(f"replaces {old or 'what there is'}{by}")
    count = sum(
        one.kind in {"code", "schema", "settings"} and one.names == impact.names
        for one in impact.files
    )
    if count > most:
        files = "1 file is" if count == 1 else f"{count} files are"
        reasons.append(f"{files} about it (governance.files is {most})")
    return tuple(reasons)
