"""What other distributions add: found by their entry points, loaded when it is needed.

Only what is installed counts. Metadata inside the repository that is worked on is passed over, and
code inside it is never imported, so that a change under review can add nothing. Ours comes in by
the same door.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal, NoReturn, ParamSpec, TypeVar, get_args

from reviewloop.domain.errors import ReviewLoopError, UsageError

Group = Literal["agents", "dialects", "gates", "outputs", "providers", "rules"]

GROUPS: tuple[Group, ...] = get_args(Group)
"""What can be added; the groups of entry points are called `reviewloop.agents` and so on."""

OURS: Mapping[Group, Mapping[str, str]] = {
    "agents": {"reviewloop": "reviewloop.agents.team:shipped_folder"},
    "dialects": {"reviewloop": "reviewloop.specs.discover:DIALECTS"},
    "gates": {"reviewloop": "reviewloop.guards.registry:GUARDS"},
    "rules": {"reviewloop": "reviewloop.rules:load_pack"},
}
"""As pyproject.toml declares them: a checkout that nobody installed has no entry points.

Our outputs and providers are tables of their own, so that `--help` and settings load nothing.
"""

OWN = "reviewloop"
"""The distribution that is ours, and the name of what it adds in one piece."""
_PREFIX = "reviewloop."
NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Names of gates and formats: they become names of log files and words of the command line."""

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Plugin:
    """One entry point: what it adds, and the distribution that brings it."""

    group: Group
    name: str
    reference: str  # module:attribute, or module
    distribution: str  # its name and version

    @property
    def is_ours(self) -> bool:
        """Whether it comes with reviewloop itself."""
        return self.distribution == OWN

    def load(self) -> object:
        """Return the module or the attribute that the entry point names.

        Raises `UsageError` with the distribution's name where that cannot be done.
        """
        module, _, attribute = self.reference.partition(":")
        self._require_installed(module)
        try:
            loaded: object = import_module(module)
            for word in filter(None, attribute.split(".")):
                loaded = getattr(loaded, word)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others
            self.fail(error)
        return loaded

    def folder(self) -> Path:
        """Return the folder of the package that the entry point names, or that its function gives.

        Raises `UsageError` where there is none.
        """
        loaded = self.load()
        if isinstance(loaded, ModuleType) and loaded.__file__:
            return Path(loaded.__file__).parent
        location = self.shield(loaded)() if callable(loaded) else loaded
        if not isinstance(location, Path) or not location.is_dir():
            self.fail(TypeError(f"{self.reference} is no package and gives no folder"))
        return location

    def shield(self, function: Callable[_Args, _Result]) -> Callable[_Args, _Result]:
        """Return the function; what it raises unforeseen is a `UsageError` about this plugin."""

        @wraps(function)
        def call(*args: _Args.args, **kwargs: _Args.kwargs) -> _Result:
            try:
                return function(*args, **kwargs)
            except ReviewLoopError:
                raise
            except (Exception, SystemExit) as error:  # noqa: BLE001 - code of others
                self.fail(error)

        return function if self.is_ours else call

    def fail(self, error: BaseException) -> NoReturn:
        """Raise the `UsageError` that says which distribution failed, how, and what helps."""
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UsageError(
            f"{self.title} fails ({why}); correct or uninstall that distribution"
        ) from error

    @property
    def title(self) -> str:
        """What is added, and by whom, to begin a sentence."""
        return f"{self.name} of {_PREFIX}{self.group}, which {self.distribution} adds,"

    def _require_installed(self, module: str) -> None:
        """Raise `UsageError` where the code stands in the repository that is worked on."""
        if self.is_ours:
            return
        try:
            spec = find_spec(module.partition(".")[0])
        except (ImportError, ValueError) as error:
            self.fail(error)
        locations = [spec.origin, *(spec.submodule_search_locations or ())] if spec else []
        if any(location and not _is_installed(Path(location)) for location in locations):
            raise UsageError(
                f"{self.title} is code of this repository, and reviewloop runs none of that; "
                "install the distribution itself, not as editable"
            )


def ours(group: Group) -> tuple[Plugin, ...]:
    """Return what reviewloop itself brings of a group."""
    return tuple(Plugin(group, *one, OWN) for one in OURS.get(group, {}).items())


@cache
def others(group: Group) -> tuple[Plugin, ...]:
    """Return what other distributions bring of a group, by their names; nothing is loaded."""
    return tuple(one for one in _others() if one.group == group)


def installed(group: Group) -> tuple[Plugin, ...]:
    """Return what is installed of a group, ours first; nothing is loaded."""
    return (*ours(group), *others(group))


@cache
def _others() -> tuple[Plugin, ...]:
    return tuple(sorted(set(_found()), key=lambda one: (one.group, one.distribution, one.name)))


def _found() -> Iterator[Plugin]:
    from importlib.metadata import EntryPoints, distributions

    seen: set[str] = set()
    for distribution in distributions(path=[path for path in sys.path if _counts(path)]):
        text = distribution.read_text("entry_points.txt")
        if text is None or f"[{_PREFIX}" not in text.replace("[ ", "["):
            continue  # most have none, and reading them as tables takes longer
        metadata = distribution.metadata
        name = str(metadata["Name"])
        if name in seen or re.sub(r"[-_.]+", "-", name).lower() in (OWN, f"{OWN}-light"):
            continue  # of two installed ones Python imports the first
        seen.add(name)
        for point in EntryPoints(distribution.entry_points):
            group = point.group.removeprefix(_PREFIX)
            if point.group.startswith(_PREFIX) and group in GROUPS:
                known: Group = next(one for one in GROUPS if one == group)
                whole = f"{name} {distribution.version}"
                yield Plugin(known, point.name, point.value.replace(" ", ""), whole)


def _counts(path: str) -> bool:
    return _is_installed(Path(path or "."))


def _is_installed(location: Path) -> bool:
    """Return whether a path is outside of the current folder's repository, or where pip installs
    to.
    """
    resolved = location.resolve()
    if any(resolved.is_relative_to(folder) for folder in _site_folders()):
        return True
    return not resolved.is_relative_to(_repository())


@cache
def _site_folders() -> tuple[Path, ...]:
    import site
    import sysconfig

    paths = [*site.getsitepackages(), site.getusersitepackages()]
    paths += [sysconfig.get_path(name) for name in ("purelib", "platlib")]
    return tuple({Path(path).resolve() for path in paths})


@cache
def _repository() -> Path:
    """Return the repository around the current folder, the folder itself without one."""
    here = Path.cwd().resolve()
    around = [folder for folder in (here, *here.parents) if (folder / ".git").exists()]
    return around[0] if around else here
