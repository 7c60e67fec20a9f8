"""Plugins of other distributions: found by entry points, loaded on use.

Only installed ones count. Metadata inside the repository under work is ignored, and code inside it
is never imported, so that a change under review cannot add any. Our own parts are registered in the
same way.
"""

import re
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import cache, wraps
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Literal, NoReturn, ParamSpec, TypeVar, get_args

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.regex import regex

Group = Literal["agents", "dialects", "gates", "outputs", "providers", "rules"]

GROUPS: tuple[Group, ...] = get_args(Group)
"""What can be added; the groups of entry points are called `reviewloop.agents` and so on."""

OURS: Mapping[Group, Mapping[str, str]] = {
    "agents": {"reviewloop": "reviewloop.agents.team:shipped_folder"},
    "dialects": {"reviewloop": "reviewloop.specs.discover:DIALECTS"},
    "gates": {"reviewloop": "reviewloop.guards.registry:GUARDS"},
    "rules": {"reviewloop": "reviewloop.rules:load_pack"},
}
"""Our entry points, as in pyproject.toml: an uninstalled checkout has none.

Our outputs and providers are tables of their own, so that `--help` and settings load nothing.
"""

OWN = "reviewloop"
"""Our distribution, and the name of its single entry."""
_PREFIX = "reviewloop."
NAME = regex(r"[a-z0-9][a-z0-9_-]{0,39}")
"""Names of gates and formats, as they appear in names of log files and on the command line."""

_Args = ParamSpec("_Args")
_Result = TypeVar("_Result")


@dataclass(frozen=True)
class Plugin:
    """One entry point: what it adds, and its distribution."""

    group: Group
    name: str
    reference: str  # module:attribute, or module
    distribution: str  # its name and version

    @property
    def is_ours(self) -> bool:
        """Whether it is part of reviewloop itself."""
        return self.distribution == OWN

    def load(self) -> object:
        """Return the module or the attribute that the entry point names.

        Raises `UsageError` with the distribution's name where that fails.
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
        """Return the folder of the package that the entry point names, or that its function
        returns.

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
        """Return the function; its unexpected exceptions become a `UsageError` about this
        plugin.
        """

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
        """Raise a `UsageError` that says which distribution failed, how, and what helps."""
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise UsageError(
            f"{self.title} fails ({why}); correct or uninstall that distribution"
        ) from error

    @property
    def title(self) -> str:
        """What is added, and by which distribution, as the start of a sentence."""
        return f"{self.name} of {_PREFIX}{self.group}, which {self.distribution} adds,"

    def _require_installed(self, module: str) -> None:
        """Raise `UsageError` where the code is in the repository under work."""
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
    """Return reviewloop's own entries of a group."""
    return tuple(Plugin(group, *one, OWN) for one in OURS.get(group, {}).items())


@cache
def others(group: Group) -> tuple[Plugin, ...]:
    """Return the entries of other distributions in a group, by name; loads nothing."""
    return tuple(one for one in _others() if one.group == group)


def installed(group: Group) -> tuple[Plugin, ...]:
    """Return all entries of a group, ours first; loads nothing."""
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
            continue  # most have none, and parsing tables takes longer
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
