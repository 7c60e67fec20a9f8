"""A pull request from a fork in two jobs, as workflows/review-fork-pr.yml runs them.

The reading job stands in a clone of the base and has a token that reads; the posting job stands in
an empty folder, knows no model, and has a token that writes.
"""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import yaml
from support.checkout import Checkout
from support.github_events import of_pull
from support.github_server import GitHubServer
from support.github_spec import event
from support.github_state import BOT
from support.runner import Ran

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = yaml.safe_load((ROOT / "workflows/review-fork-pr.yml").read_text())
READING, WRITING = ("stand-in-" + name for name in ("reading", "writing"))
_HEREDOC = re.compile(r"^(\S+)<<(\S+)\n(.*)\n\2$", re.MULTILINE)


def rights(job: str) -> dict[str, str]:
    """Return the permissions of a job of the workflow as a token has them."""
    given: dict[str, Any] = dict(WORKFLOW["jobs"][job]["permissions"])
    given.pop("id-token", None)
    return given


def step(job: str, name: str) -> dict[str, Any]:
    """Return a step of the workflow."""
    found: dict[str, Any]
    [found] = [each for each in WORKFLOW["jobs"][job]["steps"] if each.get("name") == name]
    return found


class TwoJobs:
    """Runs the jobs; `github` shows pull request 7 from `feature`, whose head lies in a fork."""

    def __init__(self, github: GitHubServer, place: Path, folder: Path) -> None:
        self.github, self.folder = github, folder
        self.more: dict[str, str] = {}  # variables of the jobs
        self.kept = folder / "reviewloop-review.json"
        base, empty = folder / "base", folder / "empty"
        empty.mkdir()
        asked = ["clone", "-q", "--single-branch", "--branch", "main", place.as_uri(), str(base)]
        subprocess.run(["git", *asked], check=True)
        self.reader = Checkout(base, folder / "reader")
        self.writer = Checkout(empty, folder / "writer")
        github.identity(READING, BOT, rights("read"))
        github.identity(WRITING, BOT, rights("post"))

    def labelled(self) -> dict[str, Any]:
        """Return the event of the label on the head as it is now."""
        payload = of_pull(self.github, 7, "labeled", sender="ada")
        return payload | {"label": event("pull_request.labeled")["label"] | {"name": "reviewloop"}}

    def fetch(self) -> None:
        """Run the workflow's own step that fetches the labelled commit."""
        environ = {
            "HEAD": self.github.state.pulls[7].head_sha,
            **{"TOKEN": READING, "GITHUB_SERVER_URL": "https://github.com"},
        }
        fetching = step("read", "Fetch the labelled commit as git objects")
        assert set(fetching["env"]) == {"HEAD", "TOKEN"}
        subprocess.run(
            ["bash", "-e", "-c", fetching["run"]],
            cwd=self.reader.root,
            env={**self.reader.environ, **environ},
            check=True,
            capture_output=True,
        )

    def read(self, *options: str, payload: Any = None, model: str = "none") -> Ran:
        """Read and keep what is found."""
        if payload is None:
            self.fetch()
        asked = ("review", "--model", model, "--forks", "--drafts", "--collect", str(self.kept))
        return self._run(self.reader, READING, payload, *asked, *options)

    def post(self, *options: str, payload: Any = None) -> Ran:
        """Post what was kept."""
        return self._run(self.writer, WRITING, payload, "post", str(self.kept), *options)

    def _run(self, checkout: Checkout, token: str, payload: Any, *asked: str) -> Ran:
        names = ("output", "step_summary", "event_path")
        files = {name: self.folder / name for name in names}
        for file in files.values():
            file.write_text("")
        files["event_path"].write_text(json.dumps(payload or self.labelled()))
        environ = {f"GITHUB_{name.upper()}": str(path) for name, path in files.items()}
        environ |= {
            **self.github.environ,
            "GITHUB_TOKEN": token,
            "GITHUB_ACTIONS": "true",
            **self.more,
        }
        before = len(self.github.received)
        said = checkout.run("github", *asked, **environ, GITHUB_EVENT_NAME="pull_request_target")
        found = _HEREDOC.findall(files["output"].read_text())
        outputs = {name: value for name, _, value in found}
        summary, told = files["step_summary"].read_text(), said.out + said.err
        requests = tuple(self.github.received[before:])
        return Ran(said.code, outputs, summary, told, {}, "", requests)
