"""reviewloop: implement a spec task, guard it, review it five ways, fix it, and ask.

The names of the public API are loaded on first use, which keeps `reviewloop --help` fast.
`__init__.pyi` tells type checkers where they are.
"""

import sys
from types import ModuleType
from typing import Any

__version__ = "0.1.0"

__all__ = [
    "BudgetExhaustedError",
    "Decision",
    "Event",
    "Evidence",
    "Finding",
    "GuardRailError",
    "ModelError",
    "Proposal",
    "Report",
    "ReviewLoopError",
    "RunResult",
    "Severity",
    "UsageError",
    "WorkspaceError",
    "__version__",
    "review",
    "run",
]


class _Package(ModuleType):
    """This package, with the public names in it.

    A module of this type instead of a module's `__getattr__`, because Python binds the package
    `reviewloop.review` to the name `review` whenever it is imported first.
    """

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}", name=name)
        return getattr(_api(), name)

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *__all__})

    @property
    def review(self) -> Any:
        """The function; `import reviewloop.review...` finds the package of this name."""
        return _api().review

    @review.setter
    def review(self, package: ModuleType) -> None:
        """Keep the function when Python binds the package."""


def _api() -> Any:
    from importlib import import_module

    return import_module(f"{__name__}.api")


sys.modules[__name__].__class__ = _Package
