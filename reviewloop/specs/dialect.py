"""The interface of a spec dialect: finding specs, reading them, and the syntax of task lines."""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cache

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Problem, Spec, SpecRef, Task
from reviewloop.plugins import Plugin, installed
from reviewloop.specs.files import Files


@dataclass(frozen=True)
class TaskSyntax:
    """The syntax of a dialect's task lines, which are Markdown check boxes in every dialect."""

    in_plan: bool = False  # only lines below the heading of the task plan are tasks
    indented: bool = False  # nesting of tasks follows the indent, not the number
    ids: str = ""  # form of ids, where a line without one is no task
    done: str = "x"  # the mark that replaces the blank of an empty box
    has_in_work_mark: bool = False  # whether it has `[-]`


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
        dialect, find=plugin.shield(find), at=plugin.shield(at), read=plugin.shield(read)
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
