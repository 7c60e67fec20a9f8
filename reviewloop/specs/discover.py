"""Finds the specs of a repository, and opens the one that a user names."""

import difflib
import re
import shlex
from collections.abc import Sequence
from dataclasses import replace

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Spec, SpecRef
from reviewloop.git.repository import projects_below
from reviewloop.specs.dialect import dialect_named, dialects
from reviewloop.specs.files import DiskFiles, Files, decode, digest, in_folder, inside
from reviewloop.specs.kiro import CC_SDD, KIRO
from reviewloop.specs.lines import read_document
from reviewloop.specs.openspec_merge import OPENSPEC
from reviewloop.specs.plan_file import additions_in, plan_path
from reviewloop.specs.single_file import SINGLE_FILE
from reviewloop.specs.spec_kit import SPEC_KIT
from reviewloop.specs.task_lines import read_task_line

_SHOWN = 8  # most candidates in a message


def find_specs(files: Files, project: str = "") -> list[SpecRef]:
    """Return every spec of a project: Kiro and cc-sdd, Spec Kit, OpenSpec, single files, others.

    Paths, and the project's folder ("" for the root), are relative to `files`.
    """
    inner = in_folder(files, project)
    found = [ref for dialect in dialects().values() for ref in dialect.find(inner)]
    return [_below(project, ref) for ref in found] if project else found


def _below(project: str, ref: SpecRef) -> SpecRef:
    tasks = ref.tasks_path and f"{project}/{ref.tasks_path}"
    return replace(ref, path=f"{project}/{ref.path}", tasks_path=tasks)


DIALECTS = (KIRO, CC_SDD, SPEC_KIT, OPENSPEC, SINGLE_FILE)
"""The built-in dialects; other distributions add theirs to the entry point group
reviewloop.dialects.

The last one that recognises the files of a folder reads it: other dialects reuse Kiro's names.
"""


def open_spec(files: Files, path: str | None = None, *, project: str = "", here: str = "") -> Spec:
    """Read the named spec (folder, file, or feature name), or the only one with open tasks.

    A path is relative to `here`, the user's working folder, else to the project's folder, else to
    the root; all paths of the spec are relative to the root. Raise UsageError if none or several
    match.
    """
    if path:
        return read_spec(files, spec_named(files, path, project, here))
    found = find_specs(files, project)
    usable = [ref for ref in found if ref.tasks_path]
    if len(usable) > 1:
        usable = [ref for ref in usable if _has_open_tasks(files, ref)] or usable
    if len(usable) == 1:
        return read_spec(files, usable[0])
    if len(usable) > 1:
        raise UsageError(
            f"ambiguous: {_where(project)} has {len(usable)} specs ({_listed(usable)}); "
            f"choose one with --spec {usable[0].path}, or set spec.path in the settings"
        )
    if found:
        return read_spec(files, found[0])
    within = f" in {project}/" if project else ""
    patterns = [dialect.looked_for for dialect in dialects().values() if dialect.looked_for]
    if not project and (below := _in_projects_below(files)):
        raise UsageError(below)
    raise UsageError(
        f"no spec was found{within}: looked for {', '.join(patterns[:-1])} and {patterns[-1]} with "
        "task lines ('- [ ] 1. Title'); write one, name one with "
        '--spec PATH, or run without a spec: reviewloop run -m "what to change"'
    )


def _in_projects_below(files: Files) -> str:
    """Return which projects below the root have specs, and how to select them; "" for none."""
    if not isinstance(files, DiskFiles):
        return ""
    found = {folder: find_specs(files, folder) for folder in projects_below(files.root)}
    found = {folder: refs for folder, refs in found.items() if refs}
    if not found:
        return ""
    first, every = next(iter(found)), [ref for refs in found.values() for ref in refs]
    return (
        "no spec was found at the root; projects below it have their own "
        f"({_listed(every)}): `cd {shlex.quote(first)}`, then the same command"
    )


def _where(project: str) -> str:
    return f"the project {project}/" if project else "this repository"


def spec_named(files: Files, given: str, project: str = "", here: str = "") -> SpecRef:
    """Return the spec that a path or a name refers to; see `open_spec` for `project` and `here`.

    Raise `UsageError` if none or several match.
    """
    name = given.rstrip("/")
    candidates = [inside(name, base) for base in dict.fromkeys((here, project, ""))]
    possible = [candidate for candidate in dict.fromkeys(candidates) if candidate is not None]
    for clean in possible[:-1]:
        if ref := _at(files, clean, find_specs(files, project)):
            return ref
    if not possible:
        raise UsageError(f"the spec path '{given}' leads out of the repository; name one inside it")
    clean, found = possible[-1], find_specs(files, project)
    if ref := _listed_at(clean, found):
        return ref
    name = inside(name) or name
    meant = specs_named(name, found)
    if len(meant) > 1:
        raise UsageError(
            f"ambiguous: '{given}' could mean {len(meant)} specs ({_listed(meant)}); "
            f"name one by its path, as in --spec {meant[0].path}"
        )
    if meant:
        return meant[0]
    if folder := _archived(in_folder(files, project), clean.removeprefix(f"{project}/")):
        raise UsageError(
            f"the change '{given}' is archived in {folder}, so its work is done; "
            f"specs of this repository: {_listed(found)}"
        )
    return _unlisted(files, clean) or _unknown(found, given, clean)


def _archived(files: Files, named: str) -> str:
    merging = (one.merging for one in dialects().values())
    return next((folder for one in merging if one and (folder := one.archived(files, named))), "")


def specs_named(name: str, found: Sequence[SpecRef]) -> list[SpecRef]:
    """Return the specs with a name, else those with it as a short name."""
    same = [ref for ref in found if name == ref.name]
    return same or [ref for ref in found if name in _short_names(ref)]


def _at(files: Files, path: str, found: Sequence[SpecRef]) -> SpecRef | None:
    return _listed_at(path, found) or _unlisted(files, path)


def _listed_at(path: str, found: Sequence[SpecRef]) -> SpecRef | None:
    for ref in found:
        if path in (ref.path, ref.tasks_path):
            return ref
        if path.rpartition("/")[0] == ref.path and not dialect_named(ref.dialect).one_file:
            return ref
    return None


def _unlisted(files: Files, path: str) -> SpecRef | None:
    """Return the spec at a path that discovery does not cover; its files decide the dialect."""
    folder, _, name = path.rpartition("/")
    data = files.read(path)
    if data is not None and not (name == "tasks.md" and folder):
        return _known_at(path, frozenset())
    folder = folder if data is not None else path
    depth = folder.count("/") + 1
    names = {one.rpartition("/")[2] for one in files.paths(folder) if one.count("/") == depth}
    return _known_at(folder, frozenset(names)) if names else None


def _known_at(path: str, names: frozenset[str]) -> SpecRef | None:
    known = (dialect.at(path, names) for dialect in reversed([*dialects().values()]))
    return next((ref for ref in known if ref is not None), None)


def _unknown(found: Sequence[SpecRef], given: str, clean: str) -> SpecRef:
    near = difflib.get_close_matches(clean, [n for ref in found for n in (ref.path, ref.name)], 1)
    hint = f"did you mean {near[0]}?" if near else f"specs of this repository: {_listed(found)}"
    raise UsageError(f"there is no spec '{given}'; {hint}")


def _short_names(ref: SpecRef) -> set[str]:
    """Return the short names of a numbered feature: 003, 3, photo-albums."""
    number = re.match(r"(?:\d{8}-)?(?P<number>\d+)-(?P<rest>.+)$", ref.name)
    if not dialect_named(ref.dialect).numbered or number is None:
        return set()
    return {number["number"], number["number"].lstrip("0"), number["rest"]}


def _listed(refs: Sequence[SpecRef]) -> str:
    shown = ", ".join(ref.path for ref in refs[:_SHOWN]) or "none"
    return shown + (f" and {len(refs) - _SHOWN} more" if len(refs) > _SHOWN else "")


def read_spec(files: Files, ref: SpecRef) -> Spec:
    """Read a spec with its dialect, and add the text of its plan that holds for every task."""
    spec = dialect_named(ref.dialect).read(files, ref)
    path = plan_path(spec.path)
    data = files.read(path)
    added = additions_in(decode(data)) if data else ""
    if not added or data is None:
        return spec
    general = "\n\n".join(filter(None, (spec.general, added)))
    return replace(spec, general=general, files={**spec.files, path: digest(data)})


def _has_open_tasks(files: Files, ref: SpecRef) -> bool:
    lines = read_document(files.read(ref.tasks_path) or b"").lines
    heads = [head for line in lines if (head := read_task_line(line))]
    if ids := dialect_named(ref.dialect).tasks.ids:
        heads = [head for head in heads if re.fullmatch(ids, head.id)] or heads
    return any(head.state != "done" and not head.optional for head in heads)
