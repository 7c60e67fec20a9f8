"""What a dialect of specs is: where it is found, how it is read, how its task lines look."""

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from functools import cache

from reviewloop.domain.errors import UsageError
from reviewloop.domain.task import Problem, Spec, SpecRef, Task
from reviewloop.plugins import Plugin, installed
from reviewloop.specs.files import Files


@dataclass(frozen=True)
class TaskSyntax:
    """How a dialect writes its task lines; they are check boxes in Markdown in each."""

    in_plan: bool = False  # only those below the heading of the task plan are tasks
    indented: bool = False  # a task below another one belongs to it by its indent, not its number
    ids: str = ""  # what ids look like, where a line without one is no task
    done: str = "x"  # what ticks an empty box
    has_in_work_mark: bool = False  # whether it knows `[-]`


def _nothing(path: str, names: Set[str]) -> SpecRef | None:
    return None


@dataclass(frozen=True)
class Dialect:
    """A way to write specs: where they are found, and how one is read.

    `read` gives a `Spec` with at least its name, dialect, path, tasks_path, the digests of the
    files it read, its tasks (see `read_tasks`), requirements and design.
    """

    name: str
    find: Callable[[Files], list[SpecRef]]
    read: Callable[[Files, SpecRef], Spec]
    looked_for: str = ""  # where `find` looks, for the sentence that nothing was found
    # The spec at a path where `find` does not look: a folder with the names in it, or a file and
    # no names; None where it is none of this dialect.
    at: Callable[[str, Set[str]], SpecRef | None] = _nothing
    one_file: bool = False  # a spec is a file, not a folder
    numbered: bool = False  # `003-photo-albums` is called 003, 3 and photo-albums, too
    tasks: TaskSyntax = TaskSyntax()


@cache
def dialects() -> Mapping[str, Dialect]:
    """Return all dialects that are installed, by name.

    Raises `UsageError` for one that cannot be loaded: its specs would look as if there were none.
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
    """Return a dialect; raises `UsageError` for one that is not installed any more."""
    known = dialects()
    if name not in known:
        raise UsageError(
            f"no dialect of specs is called {name!r} here; install the distribution that adds it"
        )
    return known[name]


def _shielded(plugin: Plugin, dialect: Dialect) -> Dialect:
    """Return a dialect of others whose functions fail in one sentence, if they do."""

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
    """Yield what is not as `Spec` says it: nothing checks that when it is made."""
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
