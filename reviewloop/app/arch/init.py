"""Writes `.reviewloop/architecture.toml` from imports, from a known pattern, or from a spec."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

from reviewloop.app.arch.from_spec import nothing_to_add, with_design
from reviewloop.app.arch.project import files_on_disk, project_in
from reviewloop.app.spec.plan import planned_files
from reviewloop.architecture.checks import Project, tree_hits
from reviewloop.architecture.infer import infer_architecture, preset
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture, parse_architecture
from reviewloop.architecture.writing import as_toml, keep_comments
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.repository import path_in_repository
from reviewloop.specs.discover import read_spec, spec_named
from reviewloop.specs.files import DiskFiles


@dataclass(frozen=True)
class Written:
    """The architecture file, and how many times the code breaks it now."""

    path: str
    text: str
    architecture: Architecture
    broken: int


def init_architecture(start: Path, *, pattern: str, force: bool, only_shown: bool) -> Written:
    """Write the architecture file of the project at `start`, or only return it.

    A file that is written again keeps its decisions, which imports cannot show. One that cannot be
    read is kept beside it as `.bak`. Raises `UsageError` where it exists without `force`, or where
    there is no code to infer it from.
    """
    with files_on_disk(start) as comparison:
        user = comparison.user
        path = path_in_repository(user.project, ARCHITECTURE_FILE)
        target = user.root / path
        if target.exists() and not (force or only_shown):
            raise UsageError(f"{path} is there already; --force writes it anew")
        project = project_in(comparison.private, comparison.new, Architecture(), user.project)
        if not project.files():
            raise UsageError("there is no code in Python, JavaScript, TypeScript or Go here")
        found = preset(project, pattern) if pattern else infer_architecture(project)
        head = (f"The pattern: {pattern}.",) if pattern else ()
        before = target.read_text("utf-8-sig", "replace") if target.is_file() else ""
        known = _read(before, path)
        found = replace(found, decisions=known.decisions if known else ())
        text = keep_comments(as_toml(found, head), before)
        broken = Counter(hit.rule for hit in tree_hits(replace_architecture(project, found)))
    if not only_shown:
        target.parent.mkdir(parents=True, exist_ok=True)
        if before and known is None:
            target.with_name(f"{target.name}.bak").write_bytes(target.read_bytes())
        target.write_text(text, encoding="utf-8")
    return Written(path, text, found, sum(broken.values()))


def _read(text: str, path: str) -> Architecture | None:
    """Return the architecture in a file, None for one that cannot be read."""
    try:
        return parse_architecture(text.encode(), path)
    except UsageError:
        return None


def init_from_spec(start: Path, name: str, *, only_shown: bool) -> Written:
    """Add what the design of a spec decides to the architecture file of the project at `start`.

    The rest of the file is kept. Raises `UsageError` where there is no such spec, or where its
    design adds nothing.
    """
    with files_on_disk(start) as comparison:
        user = comparison.user
        files = DiskFiles(user.root)
        spec = read_spec(files, spec_named(files, name, user.project, user.here))
        path = path_in_repository(user.project, ARCHITECTURE_FILE)
        target = user.root / path
        before = target.read_bytes() if target.is_file() else b""
        given = parse_architecture(before, path)
        project = project_in(comparison.private, comparison.new, given, user.project)
        planned = (one.path for one in planned_files(spec, tuple(files.paths())))
        every = (project.inner(one) for one in (*project.files(), *planned))
        found = with_design(given, spec, [one for one in every if one])
        if found == given:
            raise UsageError(nothing_to_add(spec, given, path))
        text = keep_comments(as_toml(found), before.decode("utf-8-sig"))
        broken = sum(1 for _ in tree_hits(replace_architecture(project, found)))
    if not only_shown:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    return Written(path, text, found, broken)


def replace_architecture(project: Project, architecture: Architecture) -> Project:
    """Return the same files under another architecture."""
    return replace(project, architecture=architecture)
