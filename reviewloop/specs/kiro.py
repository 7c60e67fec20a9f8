"""Reads a Kiro spec folder: requirements.md or bugfix.md, design.md, tasks.md with its waves."""

import hashlib
import json

from reviewloop.errors import UsageError
from reviewloop.specs.files import Files, decode
from reviewloop.specs.lines import outermost, read_document, sections
from reviewloop.specs.model import Spec, SpecRef
from reviewloop.specs.requirements import read_requirements, resolve
from reviewloop.specs.sectionnames import is_named, kind_of
from reviewloop.specs.tasks import TaskList, read_tasks
from reviewloop.specs.waves import read_waves


def read_kiro(files: Files, ref: SpecRef) -> Spec:
    """Read a spec folder; requirements and design may be missing, the task list may not."""
    data = files.read(ref.tasks_path) if ref.tasks_path else None
    if data is None:
        raise UsageError(
            f"the spec {ref.path} has no tasks.md yet; write its tasks there as '- [ ] 1. Title'"
        )
    digests = {ref.tasks_path: digest(data)}
    bodies: dict[str, bytes] = {}
    for name in ("requirements.md", "bugfix.md", "design.md"):
        body = files.read(f"{ref.path}/{name}")
        if body is not None:
            bodies[name] = body
            digests[f"{ref.path}/{name}"] = digest(body)
    state = files.read(f"{ref.path}/spec.json")
    # cc-sdd keeps its specs in the same folder, and knows no mark for work in progress.
    listed = read_tasks(data, ref.tasks_path, "kiro", in_work_mark=state is None)
    lines = read_document(data).lines
    waves, wave_notice = read_waves(lines, listed.tasks, ref.tasks_path)
    required = bodies.get("requirements.md", bodies.get("bugfix.md", b""))
    requirements = read_requirements(read_document(required).lines)
    notices = (
        *listed.notices,
        wave_notice,
        _approval(state, ref),
        *unresolved(listed, requirements),
    )
    return Spec(
        name=ref.name,
        dialect="kiro",
        path=ref.path,
        tasks_path=ref.tasks_path,
        files=digests,
        tasks=listed.tasks,
        requirements=requirements,
        design=decode(bodies.get("design.md", b"")).replace("\r\n", "\n").strip(),
        introduction=introduction(required) or introduction(data),
        waves=waves,
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notice for notice in notices if notice),
    )


def digest(data: bytes) -> str:
    """Return the sha256 of a file's bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def introduction(data: bytes) -> str:
    """Return the first section that introduces the work, without its heading."""
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


def unresolved(listed: TaskList, requirements: dict[str, str]) -> list[str]:
    """Return a notice for every task that names a requirement nobody wrote."""
    notices = []
    for task in listed.tasks:
        missing = resolve(task.requirements, requirements)[1]
        if missing:
            named = ", ".join(missing)
            notices.append(f"{task.where}: task {task.id} names {named}, which no requirement has")
    return notices


def _approval(state: bytes | None, ref: SpecRef) -> str:
    """Return a notice where cc-sdd's state file says that nobody approved the tasks."""
    try:
        found = json.loads(decode(state), strict=False) if state else {}
    except (ValueError, RecursionError):
        return f"{ref.path}/spec.json: this file cannot be read as JSON and is not used"
    approvals = found.get("approvals") if isinstance(found, dict) else None
    tasks = approvals.get("tasks") if isinstance(approvals, dict) else None
    if isinstance(tasks, dict) and tasks.get("approved") is False:
        return f"{ref.path}/spec.json: the tasks of this spec are not approved yet"
    return ""
