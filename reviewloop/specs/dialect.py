"""The interface of a spec dialect: how specs are found, read, checked, written and merged."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import field, replace
from functools import cache
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.drift import Overlap
from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Problem, Spec, SpecRef, Task
from reviewloop.plugins import Plugin, installed
from reviewloop.specs.files import Files, inside


@dataclass(frozen=True)
class TaskSyntax:
    """The syntax of a dialect's task lines, which are Markdown check boxes in every dialect."""

    in_plan: bool = False  # only lines below the heading of the task plan are tasks
    indented: bool = False  # nesting of tasks follows the indent, not the number
    ids: str = ""  # form of ids, where a line without one is no task
    done: str = "x"  # the mark that replaces the blank of an empty box
    has_in_work_mark: bool = False  # whether it has `[-]`


_PHASES = 4
SpecPart = Literal["requirements", "design", "tasks", "introduction", "other"]

PARTS: Mapping[str, SpecPart] = {
    "tasks.md": "tasks",
    "requirements.md": "requirements",
    "bugfix.md": "requirements",
    "spec.md": "requirements",
    "proposal.md": "introduction",
}
"""The parts of a spec by the usual names of its files; any other file is design."""


@dataclass(frozen=True)
class CheckedAs:
    """The properties of a dialect that checks of its specs depend on."""

    # Parts by the name of a file or, with a slash at the end, of its folder.
    parts: Mapping[str, SpecPart] = field(default_factory=lambda: PARTS)
    is_change: bool = False  # a change of existing specs, which may hold what it leaves out
    names_requirements: bool = True  # tasks name the requirements that they serve
    by_story: bool = False  # tasks belong to user stories; each spec has at least one


DESIGN_FORM = """\
The headings of your prompt stand below it, `## Low-Level Design` with all that belongs to it last.
"""
"""The end of the instruction on designs, after what the dialect says itself."""


def _no_files(files: Files, path: str) -> Sequence[str]:
    return ()


def _one_document(name: str, text: str) -> Mapping[str, str]:
    return {"": text}


@dataclass(frozen=True)
class Writing:
    """How specs of a dialect are written phase by phase: their files, and instructions to agents.

    `new` takes the files of the project and a name and returns the path of a new spec. `files`
    names the files of the requirements, both designs and the tasks; without them each phase is a
    section of the one file.
    """

    new: Callable[[Files, str], str]
    files: tuple[str, str, str, str] = ("", "", "", "")
    suffix: str = ""  # ending of the file name where a spec is one file
    set_up: str = ""  # folder of its tool, which makes it the usual dialect of a project
    forms: Mapping[str, str] = field(default_factory=dict)  # instructions to agents, by phase
    adopts_plans: bool = False  # steps of a plan can become its tasks
    # Returns another name for the requirements file of the spec at a path, "" for the usual one.
    requirements_file: Callable[[Files, str], str] = lambda files, path: ""
    # Returns further files with requirements of the spec at a path.
    more: Callable[[Files, str], Sequence[str]] = _no_files
    # Splits requirements with those of `more` into texts by file name, "" for the first file.
    # The first argument is the name of the spec.
    split: Callable[[str, str], Mapping[str, str]] = _one_document


@dataclass
class MergedSpec:
    """A spec after a delta was merged into it; `data` is None where nothing is left."""

    path: str
    data: bytes | None
    steps: list[str] = field(default_factory=list)
    conflicts: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Merging:
    """How changes in a dialect are merged into the living specs that they change.

    `deltas` returns {path of a delta: path of its living spec} of the change at a path. `merge`
    takes the path of the living spec, its bytes now and in the base, the path of the delta and
    its bytes. `touched` returns the requirements that a delta changes, with their lines.
    """

    deltas: Callable[[Files, str], Mapping[str, str]]
    merge: Callable[[str, bytes | None, bytes | None, str, bytes], MergedSpec]
    touched: Callable[[bytes], Iterable[tuple[str, int]]]
    is_living: Callable[[str], bool]  # whether a path is that of a living spec
    # Returns the folder of an archived change by its name or path, "" for none.
    archived: Callable[[Files, str], str] = lambda files, named: ""


def _nothing(path: str, names: Set[str]) -> SpecRef | None:
    return None


@dataclass(frozen=True)
class Dialect:
    """A spec format: how its specs are found and read.

    `read` returns a `Spec` with at least its name, dialect, path, tasks_path, the digests of the
    files it read, its tasks (see `read_tasks`), requirements and design.
    """

    name: str
    find: Callable[[Files], list[SpecRef]]
    read: Callable[[Files, SpecRef], Spec]
    looked_for: str = ""  # where `find` looks, for the message that nothing was found
    # Returns the spec at a path where `find` does not look: a folder with the names in it, or a
    # file and no names; None if it is no spec of this dialect.
    at: Callable[[str, Set[str]], SpecRef | None] = _nothing
    one_file: bool = False  # a spec is a file, not a folder
    numbered: bool = False  # `003-photo-albums` also has the names 003, 3 and photo-albums
    tasks: TaskSyntax = TaskSyntax()
    checks: CheckedAs = CheckedAs()
    writing: Writing | None = None  # None: read only
    written_as: str = ""  # dialect whose `writing` it shares
    merging: Merging | None = None  # None: its specs are no changes of others

    @property
    def tasks_name(self) -> str:
        """The name of the task file of a spec that is a folder."""
        return (self.writing.files[3] if self.writing else "") or "tasks.md"

    def part_of(self, name: str) -> SpecPart:
        """Return the part of a spec that a file is, by its path below the folder of the spec."""
        folder, _, base = name.rpartition("/")
        known = self.checks.parts
        return known.get(f"{folder}/") or known.get(base, "design")


@cache
def dialects() -> Mapping[str, Dialect]:
    """Return all installed dialects by name.

    Raise `UsageError` for one that cannot be loaded: otherwise its specs would seem missing.
    """
    known: dict[str, Dialect] = {}
    for plugin in installed("dialects"):
        loaded = plugin.load()
        for one in loaded if isinstance(loaded, tuple) else (loaded,):
            if not isinstance(one, Dialect):
                plugin.fail(TypeError(f"{plugin.reference} is no Dialect"))
            if one.name in known:
                plugin.fail(ValueError(f"there is a dialect {one.name} already"))
            if wrong := next(_wrong_parts(one, known), ""):
                plugin.fail(TypeError(f"the dialect {one.name} has {wrong}"))
            known[one.name] = one if plugin.is_ours else _shielded(plugin, one)
    return known


def dialect_named(name: str) -> Dialect:
    """Return a dialect by name; raise `UsageError` if it is not installed any more."""
    known = dialects()
    if name not in known:
        raise UsageError(
            f"no dialect of specs is called {name!r} here; install the distribution that adds it"
        )
    return known[name]


def _wrong_parts(dialect: Dialect, known: Mapping[str, Dialect]) -> Iterator[str]:
    """Yield the fields of a dialect that have a wrong type or contradict others."""
    writing: object = dialect.writing
    for name, kind in (("tasks", TaskSyntax), ("checks", CheckedAs)):
        if not isinstance(getattr(dialect, name), kind):
            yield f"`{name}` that is no {kind.__name__}"
    if dialect.merging is not None and not isinstance(dialect.merging, Merging):
        yield "`merging` that is no Merging"
    other = known.get(dialect.written_as)
    if dialect.written_as and (other is None or other.writing is None):
        yield f"`written_as` {dialect.written_as!r}, which no installed dialect writes"
    if writing is None:
        return
    if not isinstance(writing, Writing):
        yield "`writing` that is no Writing"
    elif dialect.one_file and any(writing.files):
        yield "`writing.files`, though a spec of it is one file"
    elif not dialect.one_file and (len(writing.files) != _PHASES or not all(writing.files)):
        yield "`writing.files` that are not the four of a folder"


def is_living_spec(path: str) -> bool:
    """Whether a file is a living spec of any dialect; a name in it counts as present."""
    return any(one.merging and one.merging.is_living(path) for one in dialects().values())


def overlaps(files: Files, refs: Iterable[SpecRef]) -> list[Overlap]:
    """Return the requirements that two or more open changes touch, each with its locations."""
    touched: dict[tuple[str, str], dict[str, str]] = {}
    for ref in refs:
        merging = dialect_named(ref.dialect).merging
        for path, living in merging.deltas(files, ref.path).items() if merging else ():
            for name, line in merging.touched(files.read(path) or b"") if merging else ():
                about = touched.setdefault((living, name), {})
                about.setdefault(ref.path, f"{path}:{line}")
    return [
        Overlap(living, name, tuple(sorted(locations.values())))
        for (living, name), locations in sorted(touched.items())
        if len(locations) > 1
    ]


def _shielded(plugin: Plugin, dialect: Dialect) -> Dialect:
    """Return a third-party dialect that reports exceptions of its functions in one sentence."""

    def find(files: Files) -> list[SpecRef]:
        found = list(dialect.find(files))
        if any(not _is_ref(ref, dialect) for ref in found):
            raise TypeError(f"`find` gives what is no SpecRef of the dialect {dialect.name}")
        return found

    def at(path: str, names: Set[str]) -> SpecRef | None:
        found = dialect.at(path, names)
        if found is not None and not _is_ref(found, dialect):
            raise TypeError(f"`at` gives what is no SpecRef of the dialect {dialect.name}")
        return found

    def read(files: Files, ref: SpecRef) -> Spec:
        spec = dialect.read(files, ref)
        if not isinstance(spec, Spec):
            raise TypeError("`read` gives no Spec")
        if wrong := next(_wrong_fields(spec, dialect), ""):
            raise TypeError(f"`read` gives a Spec whose {wrong}")
        return spec

    return replace(
        dialect,
        find=plugin.shield(find),
        at=plugin.shield(at),
        read=plugin.shield(read),
        writing=dialect.writing and _shielded_writing(plugin, dialect.writing),
        merging=dialect.merging and _shielded_merging(plugin, dialect.merging),
    )


def _shielded_writing(plugin: Plugin, writing: Writing) -> Writing:
    def new(files: Files, name: str) -> str:
        path = writing.new(files, name)
        if not _is_text(path) or inside(path) != path:
            raise TypeError(f"`new` gives {path!r}, which is no path below the project")
        return path

    def more(files: Files, path: str) -> Sequence[str]:
        return tuple(writing.more(files, path))

    def split(name: str, text: str) -> Mapping[str, str]:
        made = writing.split(name, text)
        if wrong := [one for one in made if one and inside(one) != one]:
            raise TypeError(f"`split` gives {wrong[0]!r}, which is no path below the spec")
        return made

    return replace(
        writing,
        new=plugin.shield(new),
        more=plugin.shield(more),
        split=plugin.shield(split),
        requirements_file=plugin.shield(writing.requirements_file),
    )


def _shielded_merging(plugin: Plugin, merging: Merging) -> Merging:
    def merge(
        path: str, living: bytes | None, base: bytes | None, delta_path: str, delta: bytes
    ) -> MergedSpec:
        merged = merging.merge(path, living, base, delta_path, delta)
        if not isinstance(merged, MergedSpec) or merged.path != path:
            raise TypeError(f"`merge` gives no MergedSpec of {path}")
        return merged

    def deltas(files: Files, change: str) -> Mapping[str, str]:
        found = merging.deltas(files, change)
        if wrong := [one for one in found.values() if inside(one) != one]:
            raise TypeError(f"`deltas` gives {wrong[0]!r}, which is no path of the repository")
        return found

    def touched(delta: bytes) -> Iterable[tuple[str, int]]:
        return list(merging.touched(delta))

    return Merging(
        plugin.shield(deltas),
        plugin.shield(merge),
        plugin.shield(touched),
        plugin.shield(merging.is_living),
        plugin.shield(merging.archived),
    )


def _is_ref(ref: object, dialect: Dialect) -> bool:
    return isinstance(ref, SpecRef) and ref.dialect == dialect.name


_TEXTS = ("name", "path", "tasks_path", "design", "introduction", "general", "stage")
_TEXT_MAPPINGS = ("files", "requirements", "phases")
_TUPLES = (("tasks", Task), ("problems", Problem), ("notices", str))


def _wrong_fields(spec: Spec, dialect: Dialect) -> Iterator[str]:
    """Yield the fields of a `Spec` that have a wrong type: its constructor checks nothing."""
    if spec.dialect != dialect.name:
        yield f"dialect is {spec.dialect!r}, not {dialect.name!r}"
    yield from (f"{name} is no text" for name in _TEXTS if not _is_text(getattr(spec, name)))
    for name in _TEXT_MAPPINGS:
        given: object = getattr(spec, name)
        if not isinstance(given, Mapping) or not all(map(_is_text, (*given, *given.values()))):
            yield f"{name} maps no texts to texts"
    for name, kind in _TUPLES:
        listed: object = getattr(spec, name)
        if not isinstance(listed, tuple) or not all(isinstance(one, kind) for one in listed):
            yield f"{name} is no tuple of {kind.__name__}"
    yield from (f"{name} is empty" for name in ("path", "tasks_path") if not getattr(spec, name))
    if spec.tasks_path not in spec.files:
        yield f"files lacks the digest of {spec.tasks_path}"


def _is_text(value: object) -> bool:
    return isinstance(value, str)
