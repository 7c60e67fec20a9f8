"""The names of the public API for type checkers; `__init__.py` loads them on first use."""

from reviewloop.api import (
    BudgetExhaustedError,
    Decision,
    Event,
    Evidence,
    Finding,
    GuardRailError,
    ModelError,
    Proposal,
    Report,
    ReviewLoopError,
    RunResult,
    Severity,
    UsageError,
    WorkspaceError,
    review,
    run,
)

__version__: str

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
