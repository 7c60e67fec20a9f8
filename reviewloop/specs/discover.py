"""Finds the specs of a repository, and opens the one that is meant."""

import difflib
from pathlib import PurePosixPath

from reviewloop.errors import UsageError
from reviewloop.specs.files import Files, inside
from reviewloop.specs.kiro import read_kiro
from reviewloop.specs.lines import read_document
from reviewloop.specs.model import Spec, SpecRef
from reviewloop.specs.single_file import read_single_file
from reviewloop.specs.tasklines import read_task_line

KIRO_FOLDER = ".kiro/specs"
_KIRO_FILES = frozenset({"requirements.md", "bugfix.md", "design.md", "tasks.md"})
_SUFFIX = "-spec.md"


def find_specs(files: Files) -> list[SpecRef]:
    """Return every spec of the repository: Kiro's folders first, then `docs/<feature>-spec.md`."""
    folders: dict[str, set[str]] = {}
    for path in files.paths(KIRO_FOLDER):
        parts = path.split("/")
        if len(parts) == 4 and parts[3] in _KIRO_FILES:
            folders.setdefault("/".join(parts[:3]), set()).add(parts[3])
    found = [_kiro_ref(folder, names) for folder, names in sorted(folders.items())]
    for path in files.paths("docs"):
        if path.count("/") == 1 and path.endswith(_SUFFIX) and _has_tasks(files.read(path)):
            found.append(_file_ref(path))
    return found


def open_spec(files: Files, path: str | None = None) -> Spec:
    """Read the named spec (folder, file, or feature name), or the only one there is.

    Raises UsageError where there is none, where several could be meant, or where the named one
    does not exist.
    """
    if path:
        return _read(files, _named(files, path))
    found = find_specs(files)
    usable = [ref for ref in found if ref.tasks_path]
    if len(usable) == 1:
        return _read(files, usable[0])
    if len(usable) > 1:
        shown = ", ".join(ref.path for ref in usable)
        raise UsageError(
            f"ambiguous: this repository has {len(usable)} specs ({shown}); "
            f"choose one with --spec {usable[0].path}, or set spec.path in the settings"
        )
    if found:
        return _read(files, found[0])
    raise UsageError(
        f"no spec was found: looked for {KIRO_FOLDER}/<feature>/tasks.md and for "
        f"docs/<feature>{_SUFFIX} with task lines ('- [ ] 1. Title'); write one, name one with "
        '--spec PATH, or run without a spec: reviewloop run -m "what to change"'
    )


def _named(files: Files, wanted: str) -> SpecRef:
    clean = inside(wanted.rstrip("/"))
    found = find_specs(files)
    if clean is None:
        raise UsageError(
            f"the spec path '{wanted}' leads out of the repository; name one inside it"
        )
    for ref in found:
        if clean in (ref.path, ref.name, f"{KIRO_FOLDER}/{ref.name}", ref.tasks_path):
            return ref
        if clean.rpartition("/")[0] == ref.path and ref.dialect == "kiro":
            return ref
    if files.read(clean) is not None:
        name = PurePosixPath(clean).name
        if name == "tasks.md":
            folder = clean.rpartition("/")[0]
            return _kiro_ref(folder, {name}) if folder else _file_ref(clean)
        return _file_ref(clean)
    names = {
        file.rpartition("/")[2]
        for file in files.paths(clean)
        if file.count("/") == clean.count("/") + 1
    }
    if names & _KIRO_FILES:
        return _kiro_ref(clean, names)
    near = difflib.get_close_matches(clean, [n for ref in found for n in (ref.path, ref.name)], 1)
    shown = ", ".join(ref.path for ref in found) or "none"
    hint = f"did you mean {near[0]}?" if near else f"specs of this repository: {shown}"
    raise UsageError(f"there is no spec '{wanted}'; {hint}")


def _read(files: Files, ref: SpecRef) -> Spec:
    return read_kiro(files, ref) if ref.dialect == "kiro" else read_single_file(files, ref)


def _kiro_ref(folder: str, names: set[str]) -> SpecRef:
    tasks = f"{folder}/tasks.md" if "tasks.md" in names else ""
    return SpecRef(PurePosixPath(folder).name, "kiro", folder, tasks)


def _file_ref(path: str) -> SpecRef:
    name = PurePosixPath(path).name
    return SpecRef(name.removesuffix(_SUFFIX).removesuffix(".md"), "single-file", path, path)


def _has_tasks(data: bytes | None) -> bool:
    return data is not None and any(map(read_task_line, read_document(data).lines))
