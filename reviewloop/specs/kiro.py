"""Reads a Kiro spec folder: requirements.md or bugfix.md, design.md, tasks.md with its waves."""

from collections.abc import Iterable, Mapping

from reviewloop.errors import UsageError
from reviewloop.specs.documents import Documents
from reviewloop.specs.files import Files
from reviewloop.specs.general import general_parts
from reviewloop.specs.lines import outermost, read_document, sections
from reviewloop.specs.model import Spec, SpecRef, Task
from reviewloop.specs.requirements import read_requirements, resolve, unnamed
from reviewloop.specs.sectionnames import is_named, kind_of
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.waves import read_waves

_BESIDE = ("requirements.md", "bugfix.md", "design.md")


def read_kiro(files: Files, ref: SpecRef) -> Spec:
    """Read a spec folder; requirements and design may be missing, the task list may not."""
    documents = Documents(files)
    data = documents.read(ref.tasks_path) if ref.tasks_path else None
    if data is None:
        raise UsageError(
            f"the spec {ref.path} has no tasks.md yet; write its tasks there as '- [ ] 1. Title'"
        )
    bodies = {name: documents.read(f"{ref.path}/{name}") for name in _BESIDE}
    # cc-sdd keeps its specs in the same folder, and knows no mark for work in progress.
    listed = read_tasks(data, ref.tasks_path, ref.dialect, in_work_mark=ref.dialect == "kiro")
    lines = read_document(data).lines
    waves, wave_notice = read_waves(lines, listed.tasks, ref.tasks_path)
    required = bodies["requirements.md"] or bodies["bugfix.md"] or b""
    requirements = read_requirements(read_document(required).lines)
    notices = (
        *listed.notices,
        wave_notice,
        *unresolved(listed.tasks, requirements),
        unnamed(listed.tasks, requirements),
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
        general=general_parts(read_document(required).lines),
        introduction=introduction(required) or introduction(data),
        waves=waves,
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notice for notice in notices if notice),
    )


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


def unresolved(tasks: Iterable[Task], requirements: Mapping[str, str]) -> list[str]:
    """Return a notice for every task that names a requirement nobody wrote."""
    notices = []
    for task in tasks:
        missing = resolve(task.requirements, requirements)[1]
        if missing:
            named = ", ".join(missing)
            notices.append(f"{task.where}: task {task.id} names {named}, which no requirement has")
    return notices
