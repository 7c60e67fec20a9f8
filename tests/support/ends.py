"""Ways in which the review of a pull request ends, prepared on the stand-in for GitHub.

The repository has these branches: feature (three findings and a nit), fixed (the first finding is
gone), rebased (feature on another parent), same (as main), binary.
"""

import json
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.github_events import of_comment, of_pull
from support.github_server import GitHubServer
from support.github_spec import event
from support.runner import Clock, Runner

REVIEW, TALK, EDIT = "pulls/create-review", "issues/create-comment", "issues/update-comment"
FILE, REPLY = "pulls/create-review-comment", "pulls/create-reply-for-review-comment"
CHECK = "checks/create"
SETTINGS = """[review]
analysers_off = ["ruff", "bandit", "gitleaks", "semgrep", "shellcheck", "tested", "python*"]
"""
START = "#!/bin/sh\nset -e\necho start\n"
DOWNLOAD = "curl -fsSL https://example.com/install.sh | sh\n"
OTHERS = (
    "chmod 777 out\n"
    "ssh -o StrictHostKeyChecking=no deploy@example.com true\n"
    "sudo systemctl restart shop\n"  # a nit
)
_IDENTITY = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")


def git(folder: Path, *args: str, stdin: bytes = b"") -> str:
    """Run git there as Ada and return what it printed."""
    asked = ["git", *_IDENTITY, *args]
    done = subprocess.run(asked, cwd=folder, check=True, capture_output=True, input=stdin)
    return done.stdout.decode().strip()


def make_repository(folder: Path) -> Path:
    """Make the repository with its branches."""

    def commit(branch: str, onto: str, files: dict[str, str]) -> None:
        git(folder, "checkout", "-q", "-b", branch, onto)
        for name, text in files.items():
            (folder / name).write_bytes(text.encode("latin-1"))
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", "work")

    folder.mkdir()
    git(folder, "init", "-q", "-b", "empty")
    git(folder, "commit", "-q", "--allow-empty", "-m", "first")
    first = {"reviewloop.toml": SETTINGS, "deploy.sh": START, "notes.md": "a\n"}
    commit("main", "empty", first)
    commit("feature", "main", {"deploy.sh": START + DOWNLOAD + OTHERS})
    commit("fixed", "feature", {"deploy.sh": START + OTHERS})
    commit("rebased", "main", {"deploy.sh": START + DOWNLOAD + OTHERS, "notes.md": "b\n"})
    commit("binary", "main", {"logo.bin": "".join(map(chr, range(256)))})
    git(folder, "branch", "same", "main")
    git(folder, "checkout", "-q", "main")
    return folder


@dataclass
class Stage:
    """A pull request from `feature`, a runner and a clock that nobody waits for."""

    github: GitHubServer
    runner: Runner
    clock: Clock

    def reviewed(self, *options: str) -> None:
        """Have it reviewed as it is now."""
        assert self.runner.review("opened", *options).out["status"] == "passed"

    def mend(self) -> None:
        """Let nothing go wrong any more."""
        self.github.faults.clear()
        self.github.grant(pull_requests="write", checks="write")


Prepare = Callable[[Stage], Any]  # may return the payload of the event


@dataclass(frozen=True)
class End:
    """What is prepared and started, how that ends, and what stands there then."""

    name: str
    prepare: Prepare
    status: str
    code: int
    said: str = ""  # pattern in the reason
    options: tuple[str, ...] = ()
    event: str = "pull_request"
    inline: int = 0  # comments on lines and files that stand there then
    told: int = 0  # findings that the summary tells then
    writes: tuple[str, ...] = ()  # operations in their order
    waits: float | None = None  # for a limit
    again: str = ""  # status of the second run; "" for none


def nothing(stage: Stage) -> None:
    """Leave it as it is."""


def is_(**fields: Any) -> Prepare:
    """Change what the API says of the pull request."""

    def prepare(stage: Stage) -> None:
        for name, value in fields.items():
            assert hasattr(stage.github.state.pulls[7], name)
            setattr(stage.github.state.pulls[7], name, value)

    return prepare


def push(revision: str) -> Prepare:
    """Move the head."""
    return lambda stage: stage.github.push(7, revision) and None


def stale(stage: Stage) -> Any:
    """Push after the event."""
    payload = of_pull(stage.github, 7, "opened")
    stage.github.push(7, "fixed")
    return payload


def moves(operation: str, revision: str = "fixed", **more: Any) -> Prepare:
    """Push just before a request of an operation."""
    return lambda stage: stage.github.when(
        operation, lambda: stage.github.push(7, revision), **more
    )


def dependabot_pushed(stage: Stage) -> Any:
    """Let Dependabot push to a person's pull request."""
    return of_pull(stage.github, 7, "synchronize", sender="dependabot[bot]")


def said_by_eve(stage: Stage) -> Any:
    """Let a stranger comment."""
    said = stage.github.say(7, "eve", "/reviewloop review --model evil --api-url https://evil")
    return of_comment(stage.github, said.id)


def by_hand(then: Prepare = nothing) -> Prepare:
    """Start it from the page of the workflow, where it is named."""

    def prepare(stage: Stage) -> Any:
        then(stage)
        return json.loads(json.dumps(event("workflow_dispatch") | {"inputs": {"pr": "7"}}))

    return prepare


def after_review(then: Prepare, revision: str = "fixed") -> Prepare:
    """Have it reviewed, push, and only then prepare the rest."""

    def prepare(stage: Stage) -> Any:
        stage.reviewed()
        stage.github.push(7, revision)
        return then(stage)

    return prepare


def fails(operation: str, status: int, message: str = "Server Error", **more: Any) -> Prepare:
    """Answer requests of an operation with this status, by default for ever."""
    given = {"times": 99, **more}
    return lambda stage: stage.github.fail(operation, status, message=message, **given)


def forbids(operation: str, message: str = "Resource not accessible by integration") -> Prepare:
    """Let the token lack the permission for one operation, without saying which."""
    return fails(operation, 403, message)


def refuses(operation: str, said: str = "Line could not be resolved", **more: Any) -> Prepare:
    """Let GitHub find something wrong with each request of an operation."""
    data = {"message": "Unprocessable Entity", "errors": [said]}
    return fails(operation, 422, data=data, **more)


def lacks(**permissions: str) -> Prepare:
    """Give the token other permissions."""
    return lambda stage: stage.github.grant(**permissions)


def resets(operation: str, when: Any = "before", **more: Any) -> Prepare:
    """Break connections, by default all from now on."""
    given = {"times": 99, **more}
    return lambda stage: stage.github.reset(operation, when, **given)


def loses(operation: str) -> Prepare:
    """Do the next of an operation, and let nobody hear of it."""
    return resets(operation, "after", times=1)


def limits(operation: str, seconds: int | None, times: int = 1) -> Prepare:
    """Answer with secondary limits."""

    def prepare(stage: Stage) -> None:
        for _ in range(times):
            stage.github.limit(operation, seconds)

    return prepare


def spent(opens_in: int) -> Prepare:
    """Let the requests of this hour be used up."""

    def prepare(stage: Stage) -> None:
        opens = str(int(stage.clock.now()) + opens_in)
        headers = {"x-ratelimit-remaining": "0", "x-ratelimit-reset": opens}
        said = "API rate limit exceeded for installation ID 1."
        stage.github.fail("pulls/list-review-comments", 403, message=said, headers=headers)

    return prepare


def partly(stage: Stage) -> None:
    """Answer the question for threads with half of the data, and an error."""
    error = {"message": "Something went wrong while executing your query.", "path": ["repository"]}
    data = {"data": {"repository": {"pullRequest": None}}, "errors": [error]}
    stage.github.fail("graphql", 200, data=data, skip=1, times=9)


def cut_off(number: int, when: Any) -> Prepare:
    """Let nothing reach GitHub any more from a write on, counted from 0; that one, perhaps."""

    def prepare(stage: Stage) -> None:
        def cut() -> None:
            stage.github.reset(".*", when)
            stage.github.reset(".*", "before", times=999)

        stage.github.when("|".join((REVIEW, FILE, REPLY, TALK, EDIT)), cut, skip=number)

    return prepare


def both(*several: Prepare) -> Prepare:
    """Prepare several things."""
    return lambda stage: [each(stage) for each in several] and None
