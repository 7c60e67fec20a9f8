"""Migrates a project to new layers: writes rules and a spec with a task a module,
then does them.
"""

import difflib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from reviewloop.app.arch.check import check_architecture
from reviewloop.app.arch.project import architecture_at, files_on_disk, project_in
from reviewloop.architecture.infer import infer_architecture
from reviewloop.architecture.migration import Migration, migrate
from reviewloop.architecture.model import ARCHITECTURE_FILE, Architecture
from reviewloop.architecture.writing import as_toml, keep_comments
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, GuardRailError, UsageError
from reviewloop.domain.task import Task
from reviewloop.faults import fault
from reviewloop.git.repository import path_in_repository
from reviewloop.regex import regex
from reviewloop.specs.discover import find_specs, open_spec
from reviewloop.specs.files import DiskFiles

_PREFIX = "arch-"
_TASKS = "tasks.md"
_TEMPORARY = ".arch-migrate.new"
_MODULE = regex(r"Keep the layers in `([^`]+)`")
_LISTED = 20  # imports listed in a task


@dataclass(frozen=True)
class Proposed:
    """The rules and the spec that a migration would write; nothing is written yet."""

    migration: Migration
    rules_path: str
    rules: str
    before: str
    folder: str  # of the spec
    documents: dict[str, str]

    @property
    def diff(self) -> str:
        """Return the diff from the current rules to the new ones."""
        lines = difflib.unified_diff(
            self.before.splitlines(), self.rules.splitlines(), "before", "after", lineterm="", n=2
        )
        return "\n".join(lines)


def propose_migration(start: Path, sentence: str) -> Proposed:
    """Return the migration that a sentence describes; raise `UsageError` where it names
    no layers.
    """
    with files_on_disk(start) as comparison:
        user = comparison.user
        given = architecture_at(user.root, user.project)
        folder = given.folder if given else user.project
        project = project_in(comparison.private, comparison.new, Architecture(), folder)
        rules = given.architecture if given else infer_architecture(project)
        if not rules.layers:
            known = infer_architecture(project)
            rules = replace(rules, layers=known.layers, levels=known.levels)
        found = migrate(replace(project, architecture=rules), sentence)
        path = path_in_repository(folder, ARCHITECTURE_FILE)
        target = user.root / path
        before = target.read_text("utf-8") if target.is_file() else ""
    name = f"{_PREFIX}{'-'.join(found.chain)}"
    spec = path_in_repository(user.project, f".kiro/specs/{name}")
    if found.modules and (user.root / spec / _TASKS).exists():
        raise UsageError(f"{spec} is there already; `reviewloop arch migrate` goes on with it")
    text = keep_comments(as_toml(found.architecture), before)
    return Proposed(found, path, text, before, spec, _documents(found))


def _documents(found: Migration) -> dict[str, str]:
    if not found.modules:
        return {}
    chain = " -> ".join(found.chain)
    tasks = ["# Tasks\n"]
    for number, module in enumerate(found.modules, 1):
        tasks.append(f"- [ ] {number}. Keep the layers in `{module.path}`")
        for hit in module.hits[:_LISTED]:
            line = hit.span.line if hit.span else 1
            tasks.append(f"  - {hit.path}:{line} {hit.message}")
        if more := len(module.hits) - _LISTED:
            tasks += [f"  - and {more} more"] * (more > 0)
        tasks.append("  - Behaviour and tests stay as they are; what callers import stays there")
        tasks.append("  - _Requirements: 1.1_")
    requirements = (
        f"# Requirements\n\n### Requirement 1: Layers {chain}\n\n"
        "**User Story:** As a developer, I want each layer to import only the next, so that each "
        "can be changed alone.\n\n#### Acceptance Criteria\n\n"
        "1. WHEN `reviewloop arch check --all` reads the code THEN it SHALL find nothing\n"
    )
    return {"requirements.md": requirements, _TASKS: "\n".join(tasks) + "\n"}


def write_migration(root: Path, proposed: Proposed) -> None:
    """Write the approved rules and spec; can be repeated after an interruption.

    The tasks are written last: without them the same sentence proposes the same migration.
    """
    disk = Disk(root)
    written = {proposed.rules_path: proposed.rules}
    written |= {f"{proposed.folder}/{name}": text for name, text in proposed.documents.items()}
    for path, text in written.items():
        disk.write(path, Content(Kind.FILE, text.encode()), _TEMPORARY)
        fault("arch.written")


def open_migration(root: Path, project: str = "") -> str:
    """Return the folder of the spec of the unfinished migration.

    Raises `UsageError` where there is none, or several.
    """
    files = DiskFiles(root)
    found = [ref.path for ref in find_specs(files, project) if ref.name.startswith(_PREFIX)]
    left = [path for path in found if _left(root, project, path)]
    if len(left) == 1:
        return left[0]
    if left:
        raise UsageError(f"several migrations are not done: {', '.join(left)}; finish one by batch")
    raise UsageError('no migration is open; say the layers: -m "controllers -> services -> ..."')


def _left(root: Path, project: str, path: str) -> list[Task]:
    spec = open_spec(DiskFiles(root), path, project=project)
    return [task for task in spec.tasks if task.state != "done" and _MODULE.search(task.title)]


def go_on(
    start: Path, root: Path, project: str, folder: str, do: Callable[[str, str], ExitCode]
) -> ExitCode:
    """Do the tasks of a migration in order, until one cannot be done.

    `do` runs a task of the spec. Raises `GuardRailError` where a task is done and its module still
    breaks the rules.
    """
    while left := _left(root, project, folder):
        task = left[0]
        fault("arch.task")
        code = do(folder, task.id)
        if any(one.id == task.id for one in _left(root, project, folder)):
            return code if code is not ExitCode.CLEAN else ExitCode.WAITING
        _require_clean(start, root, task)
    report = check_architecture(start, whole=True)
    return report.exit_code


def _require_clean(start: Path, root: Path, task: Task) -> None:
    found = _MODULE.search(task.title)
    if found is None or not (root / found[1]).exists():
        return
    report = check_architecture(root, (str(root / found[1]),), whole=True)
    broken = [one for one in report.findings if one.rule.startswith("arch/")]
    if broken:
        raise GuardRailError(
            f"task {task.id} is done, but {found[1]} still breaks the rules: {broken[0].where} "
            f"{broken[0].title}; mend it, then `reviewloop arch migrate` goes on"
        )
