"""What `stats` tells of the checkout as it stands: documentation, reuse of specs, architecture."""

import ast
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypedDict

from reviewloop.analysis.outline import outline
from reviewloop.app.arch.project import architecture_at, project_in
from reviewloop.architecture.checks import file_hits
from reviewloop.git.comparison import Compared, CompareSpec, compared
from reviewloop.git.repository import UserRepo
from reviewloop.guards.base import is_test_file
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import DiskFiles

_MOST_FILES = 3000
_LARGEST = 400_000  # bytes; what is larger was generated
# Which declarations are for others, by the ending of the file.
_PUBLIC = {
    **dict.fromkeys(("js", "mjs", "cjs", "jsx", "ts", "mts", "cts", "tsx"), r"\bexport\b"),
    "rs": r"\bpub\b",
    **dict.fromkeys(("java", "cs"), r"\bpublic\b"),
    "kt": r"^(?!.*\b(?:private|internal|protected)\b)",
    "php": r"^(?!.*\b(?:private|protected)\b)",
    "go": r"",
}
_KINDS = frozenset(["function", "method", "class", "interface", "struct", "enum", "trait", "type"])
_COMMENT = re.compile(r"\s*(?://|/\*|\*|#(?!\[|include))")
_MARK = re.compile(r"\s*(?:@\w|#\[|\[\w)")  # decorators and attributes, between comment and name


class Share(TypedDict):
    """A part of a whole; `rate` is None where there is nothing to divide."""

    rate: float | None
    count: int
    of: int


class RepositoryFigures(TypedDict):
    """Each as a share; `architecture` is None where the repository has no rules."""

    documentation: Share  # public names of the product with a description, of all
    spec_reuse: Share  # specs that another spec or a steering file refers to, of all
    architecture: Share | None  # files that keep the architecture, of all it speaks about


def repository_figures(user: UserRepo) -> RepositoryFigures:
    """Return the figures of a checkout, what is not committed included.

    Raises `UsageError` where its architecture says what cannot be.
    """
    start = user.root / user.project
    with compared(start, CompareSpec(whole=True)) as two:
        return {
            "documentation": _documentation(two, user.project),
            "spec_reuse": _spec_reuse(user.root, user.project),
            "architecture": _architecture(two, user.root, user.project),
        }


def _share(count: int, of: int) -> Share:
    return {"rate": count / of if of else None, "count": count, "of": of}


def _documentation(two: Compared, project: str) -> Share:
    start = f"{project}/" if project else ""
    paths = [
        entry.path
        for entry in two.private.entries(two.new)
        if entry.mode.startswith("100")
        and entry.path.startswith(start)
        and not is_test_file(entry.path)
        and _ending(entry.path) in {"py", *_PUBLIC}
    ]
    found: list[bool] = []
    for path in paths[:_MOST_FILES]:
        data = two.private.read(two.new, path) or b""
        if len(data) <= _LARGEST:
            text = data.decode("utf-8", "replace")
            found += _python(text) if path.endswith(".py") else _others(path, text)
    return _share(sum(found), len(found))


def _ending(path: str) -> str:
    return path.rpartition(".")[2]


def _python(text: str) -> Iterator[bool]:
    """Yield for each public class and function whether it has a docstring."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        for child in ast.iter_child_nodes(node):
            if not isinstance(child, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            if not child.name.startswith("_"):
                yield ast.get_docstring(child, clean=False) is not None
                todo += [child] if isinstance(child, ast.ClassDef) else []


def _others(path: str, text: str) -> Iterator[bool]:
    """Yield for each public declaration whether a comment stands above it."""
    public, lines = re.compile(_PUBLIC[_ending(path)]), text.split("\n")
    for one in outline(path, text):
        name = one.name.rpartition(".")[2]
        if one.kind not in _KINDS or name.startswith("_"):
            continue
        at = one.line - 1
        shown = one.signature + lines[at] if at < len(lines) else one.signature
        is_public = name[:1].isupper() if path.endswith(".go") else bool(public.search(shown))
        if is_public:
            yield _is_described(lines, at)


def _is_described(lines: Sequence[str], at: int) -> bool:
    above = at - 1
    while above >= 0 and _MARK.match(lines[above]):
        above -= 1
    return above >= 0 and (
        _COMMENT.match(lines[above]) is not None or lines[above].rstrip().endswith("*/")
    )


def _spec_reuse(root: Path, project: str) -> Share:
    files = DiskFiles(root)
    specs = find_specs(files, project)
    paths = [*files.paths()]
    texts = {
        path: (files.read(path) or b"").decode("utf-8", "replace")
        for path in paths
        if path.endswith(".md")
        and (any(_is_of(path, ref.path) for ref in specs) or "/steering/" in f"/{path}")
    }
    reused = 0
    for ref in specs:
        name = ref.path.removesuffix(".md").rpartition("/")[2]
        pattern = re.compile(
            rf"(?<![\w-]){re.escape(ref.path)}|(?<![\w-]){re.escape(name)}(?![\w-])"
        )
        is_plain = "-" not in name and "_" not in name  # a word that anybody may use
        looked = re.compile(rf"(?<![\w-]){re.escape(ref.path)}") if is_plain else pattern
        others = (text for path, text in texts.items() if not _is_of(path, ref.path))
        reused += any(looked.search(text) for text in others)
    return _share(reused, len(specs))


def _is_of(path: str, spec: str) -> bool:
    return path == spec or path.startswith(f"{spec}/")


def _architecture(two: Compared, root: Path, folder: str) -> Share | None:
    given = architecture_at(root, folder)
    if given is None or not given.text:
        return None
    project = project_in(two.private, two.new, given.architecture, given.folder)
    paths = [path for path in project.files() if project.layer_of(path)]
    kept = 0
    for path in paths:
        text = project.modules.read(path)
        kept += text is not None and not any(True for _ in file_hits(project, path, text))
    return _share(kept, len(paths))
