"""The ways in which GitHub says no, or says nothing: one class for each thing a caller may do.

They are named for what happened.
"""

from collections.abc import Sequence

from reviewloop.domain.errors import ExitCode, ReviewLoopError


class GitHubError(ReviewLoopError):
    """GitHub did not do what was asked; `status` is that of HTTP, 0 when there was no answer."""

    exit_code = ExitCode.INCOMPLETE

    def __init__(self, message: str, *, status: int = 0) -> None:
        super().__init__(message)
        self.status = status


class GitHubUnavailable(GitHubError):  # noqa: N818
    """No usable answer, also after waiting and asking again."""


class AnswerLost(GitHubUnavailable):
    """Something was sent and the answer got lost: it may have happened; look before repeating."""


class RateLimited(GitHubUnavailable):
    """The limit opens again in `seconds`, which is longer than we wait; nothing was done."""

    def __init__(self, message: str, *, seconds: float, status: int = 0) -> None:
        super().__init__(message, status=status)
        self.seconds = seconds


class NotFound(GitHubError):  # noqa: N818
    """It is not there, or the token may not see it."""

    exit_code = ExitCode.USAGE


class Unprocessable(GitHubError):  # noqa: N818
    """GitHub understood the request and refuses its content; nothing was done."""

    def __init__(self, message: str, messages: Sequence[str], *, status: int = 422) -> None:
        super().__init__(message, status=status)
        self.messages = tuple(messages)  # each as `field: code: message`, as far as given


class Forbidden(GitHubError):  # noqa: N818
    """Not allowed, and no permission of a workflow would change that."""

    exit_code = ExitCode.USAGE


class BadCredentials(Forbidden):
    """The token is missing, wrong or has expired."""


class MissingPermission(Forbidden):
    """The token lacks a permission; `line_to_add` goes under `permissions:` of the job."""

    def __init__(self, message: str, *, line_to_add: str, status: int = 403) -> None:
        super().__init__(message, status=status)
        self.line_to_add = line_to_add  # one `name: level` per line


class StaleHead(GitHubError):  # noqa: N818
    """The head of the pull request moved while it was reviewed; nothing was posted."""
