"""Kind of change: public names that the change removes or alters."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence

from reviewloop.analysis.outline import outline
from reviewloop.guards.change_types import contracts
from reviewloop.guards.change_types.changed import ChangedFile, Evidence
from reviewloop.regex import regex

_ROUTE = regex(
    r"@\w+\.(?P<m1>get|post|put|delete|patch|route)\(\s*[rf]?['\"](?P<p1>[^'\"]*)"
    r"|\b(?:app|router|api|server|r|e|g|mux|group)\.(?P<m2>get|post|put|delete|patch|GET|POST|PUT|DELETE"
    r"|PATCH|HandleFunc|Handle)\(\s*['\"`](?P<p2>/[^'\"`]*)"
    r"|@(?P<m3>Get|Post|Put|Delete|Patch)\(\s*['\"](?P<p3>[^'\"]*)"
    r"|\b(?P<m4>re_)?path\(\s*r?['\"](?P<p4>[^'\"]*)['\"]\s*,"
)
_ENTRIES = ("main", "module", "types", "exports", "bin")
_ALL = regex(r"__all__\s*[:=][^\[(]*[\[(](?P<names>[^\])]*)", re.DOTALL)
_WORD = regex(r"['\"](\w+)['\"]")
_EXPORT = regex(
    r"^\s*export\s+(?:default\s+)?(?:async\s+)?(?:function|class|const|interface|type|enum)\s+(\w+)"
    r"|^\s*export\s*(?:type\s*)?\{(?P<listed>[^}]*)\}",
    re.MULTILINE,
)
_INDEX = regex(r"(?:^|/)(?:src/)?index\.(?:ts|js|mjs)$")
_PRIVATE_GO = regex(r"(?:^|/)(?:internal|cmd)/")


def find(files: Sequence[ChangedFile]) -> Iterator[Evidence]:
    """Yield the public names that the change removes or alters; additions break no caller."""
    after = {route for file in files for route in _routes(file.after)}
    for file in files:
        for number, text in file.code_removed() if _ROUTE.search(file.before) else ():
            gone = [route for route in _routes(text) if route not in after]
            if gone:
                yield Evidence(file.path, number, f"route {' '.join(gone[0]).strip()} is gone")
                break
        yield from _of_file(file)


def _routes(text: str) -> Iterator[tuple[str, str]]:
    for found in _ROUTE.finditer(text):
        method = next((found[f"m{n}"] for n in (1, 2, 3, 4) if found[f"m{n}"]), "")
        path = next((found[f"p{n}"] for n in (1, 2, 3, 4) if found[f"p{n}"] is not None), "")
        yield method.lower(), path


def _of_file(file: ChangedFile) -> Iterator[Evidence]:
    if contracts.FILES.search(file.path):
        yield from contracts.broken(file)
    elif file.name == "package.json" and file.before and file.after:
        before, after = _json(file.before), _json(file.after)
        changed = [one for one in _ENTRIES if one in before and before[one] != after.get(one)]
        if changed and not after.get("private"):
            yield Evidence(file.path, _line(file, f'"{changed[0]}"'), f"{changed[0]} changes")
    else:
        gone = sorted(_exported(file, file.before) - _exported(file, file.after))
        if gone:
            yield Evidence(file.path, _line(file, gone[0]), f"{gone[0]} is gone")
        elif file.ending == "go":
            yield from _go(file)


def _exported(file: ChangedFile, text: str) -> set[str]:
    if file.name == "__init__.py":
        return {name for found in _ALL.finditer(text) for name in _WORD.findall(found["names"])}
    if not _INDEX.search(file.path):
        return set()
    found = set()
    for one in _EXPORT.finditer(text):
        listed = (one["listed"] or one[1] or "").split(",")
        found |= {name.split()[-1] for name in listed if name.split()}
    return found


def _go(file: ChangedFile) -> Iterator[Evidence]:
    """Yield the first exported name of a package that is gone or has another signature."""
    if _PRIVATE_GO.search(file.path) or re.search(r"^package main\b", file.after, re.MULTILINE):
        return
    before, after = _signatures(file.path, file.before), _signatures(file.path, file.after)
    for name, (line, signature) in before.items():
        if name not in after:
            yield Evidence(file.path, line, f"{name} is gone")
            return
        if after[name][1] != signature:
            yield Evidence(file.path, after[name][0], f"{name} has another signature")
            return


def _signatures(path: str, text: str) -> Mapping[str, tuple[int, str]]:
    return {
        one.name: (one.line, one.signature)
        for one in outline(path, text)
        if all(part[:1].isupper() for part in one.name.split(".")) and one.kind != "variable"
    }


def _json(text: str) -> Mapping[str, object]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _line(file: ChangedFile, word: str) -> int:
    lines = [*file.added.items(), *file.removed.items()]
    return next((number for number, text in lines if word in text), lines[0][0] if lines else 1)
