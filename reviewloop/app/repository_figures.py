"""The figures of `stats` about the checkout: documentation, reuse of specs, architecture."""

import re
from contextlib import suppress
from pathlib import Path

from reviewloop.analysis.described import can_be_described, public_names
from reviewloop.app.arch.project import architecture_at, project_in
from reviewloop.app.stats import share_of
from reviewloop.architecture.checks import file_hits
from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.comparison import CompareSpec, Comparison, open_comparison
from reviewloop.git.repository import UserRepo
from reviewloop.guards.base import is_test_file
from reviewloop.render.stats_figures import RepositoryFigures, Share
from reviewloop.specs.discover import find_specs, open_spec
from reviewloop.specs.files import DiskFiles

_MOST_FILES = 3000
_MOST_REQUIREMENTS = 2000
_ALIKE = 0.8  # of their words, shared


def repository_figures(user: UserRepo) -> RepositoryFigures:
    """Return the figures of a checkout, uncommitted files included.

    Raises `UsageError` where its architecture is invalid.
    """
    start = user.root / user.project
    with open_comparison(start, CompareSpec(whole=True)) as comparison:
        return {
            "documentation": _documentation(comparison, user.project),
            "spec_reuse": _spec_reuse(user.root, user.project),
            "requirement_reuse": _requirement_reuse(user.root, user.project),
            "architecture": _architecture(comparison, user.root, user.project),
        }


def _documentation(comparison: Comparison, project: str) -> Share:
    start = f"{project}/" if project else ""
    paths = [
        entry.path
        for entry in comparison.private.entries(comparison.new)
        if entry.mode.startswith("100")
        and entry.path.startswith(start)
        and not is_test_file(entry.path)
        and can_be_described(entry.path)
    ]
    found: list[bool] = []
    for path in paths[:_MOST_FILES]:
        text = (comparison.private.read(comparison.new, path) or b"").decode("utf-8", "replace")
        found += [is_described for _, is_described in public_names(path, text)]
    return share_of(sum(found), len(found))


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
        is_plain = "-" not in name and "_" not in name  # an ordinary word
        looked = re.compile(rf"(?<![\w-]){re.escape(ref.path)}") if is_plain else pattern
        others = (text for path, text in texts.items() if not _is_of(path, ref.path))
        reused += any(looked.search(text) for text in others)
    return share_of(reused, len(specs))


def _requirement_reuse(root: Path, project: str) -> Share:
    files = DiskFiles(root)
    found: list[tuple[str, frozenset[str]]] = []
    for ref in find_specs(files, project):
        with suppress(ReviewLoopError):  # `spec check` reports what is wrong with it
            known = open_spec(files, ref.path).requirements
            whole = {ident.rpartition(".")[0] for ident in known}  # those with parts
            texts = [text for ident, text in known.items() if ident not in whole]
            found += [(ref.path, words) for text in texts if len(words := _words(text)) > 3]
    found = found[:_MOST_REQUIREMENTS]
    alike = sum(
        any(spec != other and _alike(words, theirs) for other, theirs in found)
        for spec, words in found
    )
    return share_of(alike, len(found))


def _words(text: str) -> frozenset[str]:
    return frozenset(re.findall(r"\w{3,}", text.lower()))


def _alike(one: frozenset[str], other: frozenset[str]) -> bool:
    return len(one & other) >= _ALIKE * len(one | other)


def _is_of(path: str, spec: str) -> bool:
    return path == spec or path.startswith(f"{spec}/")


def _architecture(comparison: Comparison, root: Path, folder: str) -> Share | None:
    given = architecture_at(root, folder)
    if given is None or not given.text:
        return None
    project = project_in(comparison.private, comparison.new, given.architecture, given.folder)
    paths = [path for path in project.files() if project.layer_of(path)]
    kept = 0
    for path in paths:
        text = project.modules.read(path)
        kept += text is not None and not any(True for _ in file_hits(project, path, text))
    return share_of(kept, len(paths))
