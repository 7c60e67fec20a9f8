"""Reads a spec that is one markdown file: requirements, high- and low-level design, task plan."""

from dataclasses import replace

from reviewloop.errors import UsageError
from reviewloop.specs.dependencyprose import with_said
from reviewloop.specs.documents import digest
from reviewloop.specs.files import Files
from reviewloop.specs.general import general_parts
from reviewloop.specs.kiro import introduction, unresolved
from reviewloop.specs.lines import outermost, read_document, sections
from reviewloop.specs.model import Spec, SpecRef
from reviewloop.specs.requirements import read_requirements, unnamed, with_named
from reviewloop.specs.sectionnames import is_named
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.waves import read_waves


def read_single_file(files: Files, ref: SpecRef) -> Spec:
    """Read a single-file spec; headings are matched by what they mean, not to the letter."""
    data = files.read(ref.path)
    if data is None:
        raise UsageError(f"the spec file {ref.path} does not exist; name one with --spec PATH")
    lines = read_document(data).lines
    headed = sections(lines)
    listed = read_tasks(data, ref.path, "single-file")
    design = outermost(headed, is_named("design", lines))
    required = outermost(headed, is_named("requirements", lines))
    # The heading of each part ends what stood open above it; its number is no requirement's.
    heads = (replace(part.lines[0], text="", title="") for part in required)
    parts = zip(heads, required, strict=True)
    requirements = read_requirements([line for head, p in parts for line in (head, *p.lines[1:])])
    tasks, rings, said = with_said(listed.tasks, lines, ref.path)
    if not any(problem.kind == "cycle" for problem in listed.problems):
        listed = replace(listed, tasks=tasks, problems=(*listed.problems, *rings))
    listed = replace(listed, tasks=tuple(with_named(task, requirements) for task in listed.tasks))
    waves, wave_notice = read_waves(lines, listed.tasks, ref.path)
    notices = (
        *listed.notices,
        wave_notice,
        *said,
        *unresolved(listed.tasks, requirements),
        unnamed(listed.tasks, requirements),
    )
    return Spec(
        name=ref.name,
        dialect="single-file",
        path=ref.path,
        tasks_path=ref.path,
        files={ref.path: digest(data)},
        tasks=listed.tasks,
        requirements=requirements,
        design="\n\n".join(section.text for section in design),
        general=general_parts(lines),
        introduction=introduction(data),
        waves=waves,
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notice for notice in notices if notice),
    )
