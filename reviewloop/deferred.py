"""Defers the `__init__` of packages of which a review needs one module, or never a name.

Python runs the `__init__` of a package before any of its modules. Those of `langgraph_sdk` (a
client of LangGraph's servers), `langsmith.types` (one of LangSmith) and `langchain_aws` import 200
modules and build hundreds of pydantic models: 0.3 s of processor time and 14 MiB of every review
by a model. `yaml` is 1 MiB that LangChain imports for files of prompts. Here they run when somebody
first asks the package itself for a name.

Modules of our own that only some commands need are imported under `defer_imports`, by module:
readers, type checkers and contracts see imports as any others.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType

PACKAGES = (
    "langgraph_sdk",
    "langsmith.types",
    "langchain_aws",
    "langchain_aws.chat_models",
    "yaml",
)
_LOADER = "_deferred_loader"


class DeferredPackage(ModuleType):
    """A package whose submodules can be imported, and whose `__init__` runs at the first name."""

    def __getattr__(self, name: str) -> object:
        """Return a name that only the `__init__` defines; run it before the first one.

        Raise what the `__init__` raises, and `AttributeError` when it does not define the name.
        """
        with _LOCK:
            loader = self.__dict__.pop(_LOADER, None)
            if loader is not None:
                try:
                    loader.exec_module(self)
                except BaseException:
                    self.__dict__[_LOADER] = loader  # the next one who asks gets the error, too
                    raise
        try:
            return self.__dict__[name]
        except KeyError:
            return ModuleType.__getattribute__(self, name)


class _DeferringLoader(Loader):
    def __init__(self, real: Loader) -> None:
        self._real = real

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return DeferredPackage(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__spec__ is not None:
            module.__spec__.loader = self._real
        module.__loader__ = self._real
        module.__dict__[_LOADER] = self._real


class _DeferringFinder(MetaPathFinder):
    def __init__(self, defers: Callable[[str], bool]) -> None:
        self._defers = defers

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if not self._defers(fullname):
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            spec.loader = _DeferringLoader(spec.loader)
        return spec


_LOCK = threading.RLock()


def defer_packages(packages: Sequence[str] = PACKAGES) -> None:
    """Defer these packages from here on; one that is already imported stays as it is."""
    sys.meta_path.insert(0, _DeferringFinder(frozenset(packages).__contains__))


@contextmanager
def defer_imports(package: str) -> Iterator[None]:
    """Defer the modules of a package that the block imports first: each runs at its first use.

    The block imports modules, not names of theirs: asking a module for a name runs it.
    """
    start = f"{package}."
    finder = _DeferringFinder(lambda name: name.startswith(start))
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)
