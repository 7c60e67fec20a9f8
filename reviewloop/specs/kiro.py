"""Reads the spec folders of Kiro and cc-sdd, and lists Kiro files that are not used."""

import json
from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

from reviewloop.domain.errors import NoTasksError
from reviewloop.domain.task import Problem, Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.dialect import Dialect, TaskSyntax, Writing
from reviewloop.specs.files import Documents, Files, decode
from reviewloop.specs.general import constraints_in, general_parts, is_named, kind_of
from reviewloop.specs.lines import outermost, read_document, sections
from reviewloop.specs.phases import read_waves
from reviewloop.specs.requirements import read_requirements, resolve, unnamed_notice
from reviewloop.specs.tasks import read_tasks

_NAMES_SHOWN = 3
_UNASKED = "asked only where an agent's tools name it, as @NAME"


def unused_kiro_files(files: Files) -> tuple[str, ...]:
    """Return one sentence for each kind of Kiro file that exists and is enabled, but not used."""
    skills = [
        path.split("/")[2]
        for path in files.paths(".kiro/skills")
        if path.count("/") == 3 and path.rpartition("/")[2].lower() == "skill.md"
    ]
    servers = _table(_json(files, ".kiro/settings/mcp.json")).get("mcpServers")
    on = [name for name, one in _table(servers).items() if not _table(one).get("disabled")]
    return (
        *_sentence(skills, "Kiro skill is", "Kiro skills are", "not used"),
        *_sentence(
            on,
            "MCP server of Kiro is",
            "MCP servers of Kiro are",
            _UNASKED,
        ),
    )


def _sentence(names: list[str], one: str, many: str, what: str) -> Iterator[str]:
    if not names:
        return
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    listed = ", ".join(names[:_NAMES_SHOWN]) + more
    yield f"{len(names)} {one if len(names) == 1 else many} {what}: {listed}"


def _table(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _json(files: Files, path: str) -> Any:
    try:
        return json.loads(decode(files.read(path) or b""))
    except (ValueError, RecursionError):
        return None


_BESIDE = ("requirements.md", "bugfix.md", "design.md")


def read_kiro(files: Files, ref: SpecRef) -> Spec:
    """Read a spec folder; requirements and design may be missing, the task list may not."""
    documents = Documents(files)
    data = documents.read(ref.tasks_path) if ref.tasks_path else None
    if data is None:
        raise NoTasksError(
            ref.path,
            f"the spec {ref.path} has no tasks.md yet",
            "write its tasks there as '- [ ] 1. Title'",
        )
    bodies = {name: documents.read(f"{ref.path}/{name}") for name in _BESIDE}
    listed = read_tasks(data, ref.tasks_path, ref.dialect)
    lines = read_document(data).lines
    waves, wave_notice = read_waves(lines, listed.tasks, ref.tasks_path)
    required = bodies["requirements.md"] or bodies["bugfix.md"] or b""
    document = read_document(required)
    requirements = read_requirements(document.lines)
    constraints = constraints_in(read_document(bodies["design.md"] or b"").lines)
    notices = (
        *listed.notices,
        wave_notice,
        *unresolved_notices(listed.tasks, requirements),
        unnamed_notice(listed.tasks, requirements),
    )
    return Spec(
        name=ref.name,
        dialect=ref.dialect,
        path=ref.path,
        tasks_path=ref.tasks_path,
        files=documents.digests,
        tasks=listed.tasks,
        requirements=requirements,
        design=documents.text(f"{ref.path}/design.md"),
        general="\n\n".join(filter(None, (general_parts(document.lines), constraints))),
        introduction=introduction(required) or introduction(data),
        is_bugfix=bodies["bugfix.md"] is not None,
        waves=waves,
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notice for notice in notices if notice),
    )


def introduction(data: bytes) -> str:
    """Return the first introductory section without its heading."""
    lines = read_document(data).lines
    found = outermost(sections(lines), is_named("introduction", lines))
    if not found:
        return ""
    body = []
    for line in found[0].lines[1:]:
        if line.level and kind_of(line.title) not in (None, "introduction"):
            break
        body.append(line.text)
    return "\n".join(body).strip()


def unresolved_notices(tasks: Iterable[Task], requirements: Mapping[str, str]) -> list[str]:
    """Return a notice for every task that names a requirement which the spec lacks."""
    notices = []
    for task in tasks:
        missing = resolve(task.requirements, requirements)[1]
        if missing:
            named = ", ".join(missing)
            notices.append(f"{task.where}: task {task.id} names {named}, which no requirement has")
    return notices


STATE = "spec.json"
_NOTES = "implementation notes"
_TASKS_APPROVED = regex(r'"tasks"\s*:\s*\{[^{}]*?"approved"\s*:\s*false')


def read_cc_sdd(files: Files, ref: SpecRef) -> Spec:
    """Read a spec; tasks without approval are a problem that blocks them all.

    Its numbers give the order, `(P)` relaxes it, and `_Depends:_` adds to it.
    """
    spec = read_kiro(files, ref)
    documents = Documents(files)
    path = f"{ref.path}/{STATE}"
    data = documents.read(path) or b""
    state = _state(data)
    notices = list(spec.notices)
    if state is None:
        notices.append(f"{path}: this file cannot be read as JSON and is not used")
    tasks = tuple(replace(task, declares_depends=False) for task in spec.tasks)
    parts = [spec.design, documents.text(f"{ref.path}/research.md"), _notes(documents, ref)]
    return replace(
        spec,
        tasks=tasks,
        fully_declared=False,
        design="\n\n".join(part for part in parts if part),
        problems=(*spec.problems, *_unapproved(state, data, path, spec)),
        notices=tuple(notices),
        stage=str((state or {}).get("phase") or ""),
        files={**spec.files, **documents.digests},
    )


def _state(data: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(decode(data), strict=False) if data.strip() else {}
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _unapproved(state: dict[str, Any] | None, data: bytes, path: str, spec: Spec) -> list[Problem]:
    """Return the problem of tasks that wait for a user's approval: cc-sdd starts none before."""
    approvals = (state or {}).get("approvals")
    tasks = approvals.get("tasks") if isinstance(approvals, dict) else None
    if not isinstance(tasks, dict) or tasks.get("approved") is not False:
        return []
    text = decode(data)
    found = _TASKS_APPROVED.search(text)
    line = 1 + text.count("\n", 0, found.end()) if found else 1
    message = (
        "the tasks of this spec are not approved yet; read them, then set approvals.tasks.approved "
        "to true here"
    )
    return [Problem("unapproved", path, line, message, tuple(task.id for task in spec.tasks))]


def _notes(documents: Documents, ref: SpecRef) -> str:
    """Return the notes of earlier tasks for later ones at the end of tasks.md."""
    lines = read_document(documents.read(ref.tasks_path) or b"").lines
    found = [part.text for part in sections(lines) if part.title.strip().casefold() == _NOTES]
    return found[0] if found else ""


FOLDER = ".kiro/specs"
_FILES = frozenset({"requirements.md", "bugfix.md", "design.md", "tasks.md"})


def _find(files: Files) -> list[SpecRef]:
    """Return the specs of Kiro and of cc-sdd, which lie beside each other."""
    folders: dict[str, set[str]] = {}
    for path in files.paths(FOLDER):
        parts = path.split("/")
        if len(parts) == 4 and parts[3] in {*_FILES, STATE}:
            folders.setdefault("/".join(parts[:3]), set()).add(parts[3])
    return [_ref(folder, names) for folder, names in sorted(folders.items()) if names & _FILES]


def _ref(folder: str, names: Set[str]) -> SpecRef:
    tasks = f"{folder}/tasks.md" if "tasks.md" in names else ""
    name = PurePosixPath(folder).name
    return SpecRef(name, "cc-sdd" if STATE in names else "kiro", folder, tasks)


def _requirements_file(files: Files, path: str) -> str:
    """Return bugfix.md where it is there and requirements.md is not."""
    names = ("requirements.md", "bugfix.md")
    found = [files.read(f"{path}/{name}") is not None for name in names]
    return names[1] if found == [False, True] else ""


KIRO = Dialect(
    "kiro",
    _find,
    read_kiro,
    f"{FOLDER}/<feature>/tasks.md",
    at=lambda path, names: _ref(path, names) if names & _FILES else None,
    tasks=TaskSyntax(has_in_work_mark=True),
    writing=Writing(
        lambda files, name: f"{FOLDER}/{name}",
        ("requirements.md", "design.md", "design.md", "tasks.md"),
        set_up=".kiro",
        adopts_plans=True,
        requirements_file=_requirements_file,
    ),
)
# Kiro's `find` tells the two apart.
CC_SDD = Dialect("cc-sdd", lambda files: [], read_cc_sdd, written_as="kiro")
