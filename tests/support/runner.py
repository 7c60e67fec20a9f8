"""A runner of GitHub Actions as far as `reviewloop github` sees one: its variables and files."""

import itertools
import json
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.checkout import Checkout
from support.github_events import of_pull
from support.github_ledger import Received
from support.github_server import GitHubServer

_HEREDOC = re.compile(r"^(\S+)<<(\S+)\n(.*)\n\2$", re.MULTILINE)


@dataclass(frozen=True)
class Ran:
    """What a step left: exit code, outputs, page, log, files, and the requests it made."""

    code: int
    out: dict[str, str]
    page: str
    log: str
    report: dict[str, Any]  # {} when there was no review
    sarif: str
    requests: tuple[Received, ...]

    @property
    def findings(self) -> set[str]:
        """The fingerprints of what the review found open."""
        return {finding["id"] for finding in self.report.get("findings", ())}

    @property
    def writes(self) -> list[str]:
        """The operations with which something was to be changed, whatever became of them."""
        return [r.operation for r in self.requests if r.method != "GET" and not _reads(r)]

    @property
    def everything(self) -> dict[str, str]:
        """All that the step said, by where it said it."""
        return {
            **{"outputs": "\n".join(self.out.values()), "page": self.page, "log": self.log},
            **{"report": json.dumps(self.report, ensure_ascii=False), "sarif": self.sarif},
        }


def _reads(request: Received) -> bool:
    graphql = request.operation == "graphql"
    return graphql and not re.match(r"\s*mutation\b", request.body["query"])


class Clock:
    """A clock that only moves when somebody sleeps."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def now(self) -> float:
        return 1_800_000_000.0 + sum(self.slept)

    def rule(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Be the clock of reviews in this process."""
        from reviewloop.github.reviewing.review import review_pull

        given = review_pull.__kwdefaults__
        assert given and given["now"] is time.time
        monkeypatch.setitem(given, "sleep", self.sleep)
        monkeypatch.setitem(given, "now", self.now)


class Runner:
    """Starts steps in a checkout; each has files of its own below `folder`."""

    def __init__(self, github: GitHubServer, checkout: Checkout, folder: Path) -> None:
        self.github, self.checkout, self.folder = github, checkout, folder
        self.files: dict[str, Path] = {}  # of the last step
        self._numbers = itertools.count()

    def review(
        self,
        action: str = "opened",
        *options: str,
        pull: int = 7,
        payload: Any = None,
        event: str = "pull_request",
        forked: bool = False,
        **environ: str,
    ) -> Ran:
        """Run `github review` for an event, in this process or in one of its own."""
        place = self.folder / f"step{next(self._numbers)}"
        place.mkdir(parents=True)
        names = ("output", "step_summary", "env", "path", "event_path")
        self.files = {name: place / name for name in names}
        for file in self.files.values():
            file.write_text("")
        self.files["event_path"].write_text(
            json.dumps(payload or of_pull(self.github, pull, action))
        )
        variables = {f"GITHUB_{name.upper()}": str(path) for name, path in self.files.items()}
        variables |= {**self.github.environ, "GITHUB_EVENT_NAME": event, "GITHUB_ACTIONS": "true"}
        report, sarif = place / "report.json", place / "found.sarif"
        asked = ("--report", str(report), "--sarif", str(sarif), *options)
        run: Callable[..., Any] = self.checkout.forked if forked else self.checkout.run
        before = len(self.github.received)
        said = run("github", "review", *asked, **variables, **environ)
        found = _HEREDOC.findall(self.files["output"].read_text())
        return Ran(
            said.code,
            {name: value for name, _, value in found},
            self.files["step_summary"].read_text(),
            said.out + said.err,
            json.loads(report.read_text()) if report.exists() else {},
            sarif.read_text() if sarif.exists() else "",
            tuple(self.github.received[before:]),
        )
