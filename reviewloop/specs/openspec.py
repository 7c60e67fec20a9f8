"""Reads an OpenSpec change: tasks.md, proposal.md, design.md, and its spec deltas.

The format: https://github.com/Fission-AI/OpenSpec, folder `schemas/spec-driven`.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import replace

from reviewloop.domain.errors import NoTasksError
from reviewloop.domain.task import Spec, SpecRef, Task
from reviewloop.regex import regex
from reviewloop.specs.files import Documents, Files
from reviewloop.specs.lines import Section, read_document, sections
from reviewloop.specs.phases import read_phases, texts_of, with_phases
from reviewloop.specs.requirements import whole_requirements
from reviewloop.specs.tasks import read_tasks
from reviewloop.specs.words import estimate_tokens, terms

FOLDER = "openspec/changes"
ARCHIVE = f"{FOLDER}/archive"
FILES = frozenset({"proposal.md", "tasks.md", "design.md"})
_SMALL = 2_000  # tokens: in a change up to this size every task gets all requirements
KIND = regex(r"^(?P<kind>ADDED|MODIFIED|REMOVED|RENAMED) Requirements$", re.IGNORECASE)
REQUIREMENT = regex(r"^Requirement:\s*(?P<name>.+?)\s*$", re.IGNORECASE)
_SCENARIO = regex(r"^Scenario:\s*(?P<name>.+?)\s*$", re.IGNORECASE)
RENAMED = regex(
    r"FROM:\s*`?#*\s*Requirement:\s*(?P<old>[^`\n]+?)`?\s*\n\s*[-*]?\s*"
    r"TO:\s*`?#*\s*Requirement:\s*(?P<new>[^`\n]+?)`?\s*(?:\n|$)"
)


def find_openspec(files: Files) -> list[SpecRef]:
    """Return the changes that are not archived."""
    folders: dict[str, set[str]] = {}
    for path in files.paths(FOLDER):
        parts = path.split("/")
        if len(parts) == 4 and parts[2] != "archive" and parts[3] in FILES:
            folders.setdefault("/".join(parts[:3]), set()).add(parts[3])
    return [openspec_ref(folder, names) for folder, names in sorted(folders.items())]


def openspec_ref(folder: str, names: Iterable[str]) -> SpecRef:
    """Return the reference of a change's folder with these files."""
    tasks = f"{folder}/tasks.md" if "tasks.md" in set(names) else ""
    return SpecRef(folder.rpartition("/")[2], "openspec", folder, tasks)


def find_archived(files: Files, change: str) -> str:
    """Return the folder of the archived change that a name or a path refers to, "" for none."""
    folders = {"/".join(path.split("/")[:4]) for path in files.paths(ARCHIVE)}
    for folder in sorted(folders, reverse=True):
        name = folder.rpartition("/")[2]
        undated = re.sub(r"^\d{4}-\d{2}-\d{2}-", "", name)
        if change in (name, undated, f"{FOLDER}/{undated}") or f"{change}/".startswith(
            folder + "/"
        ):
            return folder
    return ""


def read_openspec(files: Files, ref: SpecRef) -> Spec:
    """Read a change; files missing beside tasks.md become notices."""
    documents = Documents(files)
    data = documents.read(ref.tasks_path) if ref.tasks_path else None
    if data is None:
        raise NoTasksError(
            ref.path,
            f"the change {ref.path} has no tasks.md yet",
            "write its tasks there as '- [ ] 1.1 Title'",
        )
    lines = read_document(data).lines
    listed = read_tasks(data, ref.tasks_path, "openspec")
    phases = read_phases(lines, listed.tasks)
    twice: list[str] = []
    capabilities = _deltas(documents, ref, twice)
    requirements = {key: text for delta in capabilities.values() for key, text in delta.items()}
    tasks = with_phases(listed.tasks, phases)
    small = estimate_tokens("\n".join(whole_requirements(requirements).values())) <= _SMALL
    notices = [*listed.notices, *twice]
    if documents.read(f"{ref.path}/proposal.md") is None:
        notices.append(f"{ref.path}/proposal.md does not exist: nobody is told why this is done")
    proposal = documents.text(f"{ref.path}/proposal.md")
    parts = [_without(proposal, "Why"), documents.text(f"{ref.path}/design.md")]
    return Spec(
        name=ref.name,
        dialect="openspec",
        path=ref.path,
        tasks_path=ref.tasks_path,
        tasks=tuple(_required(task, capabilities, small=small) for task in tasks),
        requirements=requirements,
        design="\n\n".join(part for part in parts if part),
        introduction=_section(proposal, "Why"),
        fully_declared=listed.fully_declared,
        problems=listed.problems,
        notices=tuple(notices),
        phases=texts_of(phases),
        files=documents.digests,
    )


def _deltas(documents: Documents, ref: SpecRef, notices: list[str]) -> dict[str, dict[str, str]]:
    """Return the requirements that the change adds or modifies, by capability and name."""
    found: dict[str, dict[str, str]] = {}
    root = f"{ref.path}/specs/"
    for path in documents.below(root.rstrip("/")):
        if path.endswith(".md"):
            name = path.removeprefix(root).removesuffix(".md").removesuffix("/spec")
            taken = {key for delta in found.values() for key in delta}
            delta, repeated = _requirements(documents.text(path), name)
            notices += [
                f"{path} names the requirement '{one}' more than once: all its texts count"
                for one in repeated
            ]
            twice = {key for key in whole_requirements(delta) if key in taken}
            found[name] = {_unique(key, name, twice): text for key, text in delta.items()}
    return found


def _unique(key: str, capability: str, twice: Collection[str]) -> str:
    """Return a key that includes the capability if another one has a requirement of that name."""
    stem, dot, number = key.rpartition(".")
    if stem in twice:
        return f"{stem} ({capability}){dot}{number}"
    return f"{key} ({capability})" if key in twice else key


def _requirements(text: str, capability: str) -> tuple[dict[str, str], list[str]]:
    """Return requirements by name, their scenarios as `name.number`, and duplicate names."""
    found: dict[str, str] = {}
    changed: set[str] = set()
    repeated: list[str] = []
    for part in sections(read_document(text.encode("utf-8", "surrogateescape")).lines):
        kind = KIND.match(part.title)
        if kind and kind["kind"].upper() == "RENAMED":
            for one in RENAMED.finditer(part.text):
                notice = f"(RENAMED in {capability}, its name was '{one['old']}')"
                _add(found, one["new"], f"### Requirement: {one['new']}\n\n{notice}")
        elif kind:
            for inner in sections(part.lines):
                if head := REQUIREMENT.match(inner.title):
                    name = head["name"]
                    notice = f"({kind['kind'].upper()} in {capability})"
                    first, _, rest = inner.text.partition("\n")
                    _add(found, name, f"{first}\n\n{notice}\n{rest}".rstrip())
                    known = sum(key.rpartition(".")[0] == name for key in found)
                    found |= _scenarios(name, inner, known + 1)
                    if name in changed and name not in repeated:
                        repeated.append(name)
                    changed.add(name)
    return found, repeated


def _add(found: dict[str, str], name: str, text: str) -> None:
    """Add the text of a requirement to earlier text of the same name."""
    found[name] = f"{found[name]}\n\n{text}" if name in found else text


def _scenarios(name: str, requirement: Section, first: int) -> dict[str, str]:
    found = [part for part in sections(requirement.lines) if _SCENARIO.match(part.title)]
    return {
        f"{name}.{number}": re.sub(r"\s*\n\s*", " ", part.text.lstrip("# ")).replace("**", "")
        for number, part in enumerate(found, start=first)
    }


def _required(task: Task, capabilities: Mapping[str, dict[str, str]], *, small: bool) -> Task:
    """Return the task with its requirements: those it names, or all of a small change.

    OpenSpec's tasks have no ids of requirements. In a large change a requirement belongs to a task
    that names it or its capability, else to one that shares two key words with its name.
    """
    text = f"{task.phase}\n{task.title}\n{task.body}".casefold()
    tops = {key: name for name, delta in capabilities.items() for key in whole_requirements(delta)}
    named = [key for key, name in tops.items() if key.casefold() in text or _mentions(text, name)]
    if not named and tops and small:
        named = ["all"]
    if not named:
        words = set(terms(text))
        named = [key for key in tops if len(words & set(terms(key))) > 1]
    return replace(task, requirements=tuple(named))


def _mentions(text: str, capability: str) -> bool:
    return re.search(rf"(?<![\w/-]){re.escape(capability.casefold())}(?![\w-])", text) is not None


def _section(text: str, title: str) -> str:
    found = [
        part
        for part in sections(read_document(text.encode("utf-8", "surrogateescape")).lines)
        if part.title.strip().casefold() == title.casefold()
    ]
    return found[0].text.partition("\n")[2].strip() if found else ""


def _without(text: str, title: str) -> str:
    """Return a document without one of its sections."""
    section = _section(text, title)
    return (
        re.sub(rf"(?mi)^#+\s*{title}\s*$", "", text.replace(section, "", 1)).strip()
        if section
        else text
    )
