"""A person's checkout in which the real command line runs, in this process or in one of its own.

In this process a command takes tenths of a second, in its own two: the imports. Both run in the
environment of the checkout only, with a home, a state folder and models of their own.
"""

import contextlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from support.bedrock import BedrockServer
from support.prepared import Prepared, run_prepared
from support.schemas import check_printed
from support.untouched import photograph

import reviewloop
from reviewloop.cli.main import run as run_here

PACKAGE = Path(reviewloop.__file__).resolve().parent.parent
QUIET_GATES = {
    f"REVIEWLOOP_GATES__{name}__ENABLED": "false" for name in ("BUILD", "TEST", "COVERAGE")
} | {"REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]'}
"""Settings under which no gate and no analyser runs: for tests that are about something else."""

_KEPT = ("PATH", "LANG", "LC_ALL", "TMPDIR")


class Said(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Checkout:
    """A folder under git, and everything around it that reviewloop reads."""

    def __init__(
        self,
        root: Path,
        home: Path,
        server: BedrockServer | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self.root = root
        self.home = home
        self.server = server
        self.state = home / "state"
        home.mkdir(parents=True, exist_ok=True)
        self.environ = {
            **{name: os.environ[name] for name in _KEPT if name in os.environ},
            "HOME": str(home),
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_STATE_HOME": str(home / ".local/state"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            "REVIEWLOOP_STATE_DIR": str(self.state),
            "PYTHONPATH": str(PACKAGE),
            "COLUMNS": "200",
            **(server.env() if server else {}),
            **(settings or {}),
        }

    def run(self, *arguments: str, **environ: str) -> Said:
        """Run a command in this process."""
        out, err = io.StringIO(), io.StringIO()
        with (
            self.inside(**environ),
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(err),
        ):
            code = run_here(arguments)
        check_printed(arguments, out.getvalue())
        return Said(int(code), out.getvalue(), err.getvalue())

    @contextlib.contextmanager
    def inside(self, **environ: str) -> Iterator[None]:
        """Stand in the checkout, with its environment and no other."""
        before, there = dict(os.environ), Path.cwd()
        os.environ.clear()
        os.environ.update({**self.environ, **environ})
        os.chdir(self.root)
        try:
            yield
        finally:
            os.chdir(there)
            os.environ.clear()
            os.environ.update(before)

    def process(self, *arguments: str, **environ: str) -> Said:
        """Run a command in a process of its own."""
        done = subprocess.run(
            [sys.executable, "-m", "reviewloop", *arguments],
            cwd=self.root,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            timeout=100,
            check=False,
        )
        check_printed(arguments, done.stdout)
        return Said(done.returncode, done.stdout, done.stderr)

    def forked(self, *arguments: str, **environ: str) -> Said:
        """Run a command in a process of its own that has its imports behind it: a tenth the cost.

        For tests that need many processes. How Python starts is not theirs to change or to show.
        """
        said = Said(*run_prepared(arguments, self.root, {**self.environ, **environ}, 100))
        check_printed(arguments, said.out)
        return said

    def start(self, *arguments: str, **environ: str) -> Prepared:
        """Start a command as `forked` does, and do not wait for its end."""
        return Prepared(arguments, self.root, {**self.environ, **environ})

    def json(self, *arguments: str) -> dict[str, Any]:
        """Run a command with `--json` and return the object on stdout."""
        body: dict[str, Any] = json.loads(self.run(*arguments, "--json").out)
        return body

    def git(self, *arguments: str) -> str:
        """Run git in the checkout and return what it printed."""
        done = subprocess.run(
            ["git", *arguments],
            cwd=self.root,
            env={**self.environ, "GIT_CONFIG_NOSYSTEM": "1"},
            check=True,
            capture_output=True,
            text=True,
            errors="replace",
        )
        return done.stdout.rstrip("\n")

    def record(self, run: str = "") -> dict[str, Any]:
        """Return the record of a run, with its proposal; the newest one by default."""
        return self.json("show", *([run] if run else []))

    def findings(self) -> dict[str, dict[str, Any]]:
        """Return the findings of the newest run by title."""
        return {f["title"]: f for f in self.record()["proposal"]["findings"]}

    def folder(self, run: str = "") -> Path:
        """Return the folder of a run; of the only one by default."""
        (found,) = self.state.glob(f"repositories/*/runs/{run or '*'}")
        return found

    def events(self, kind: str = "", run: str = "") -> list[dict[str, Any]]:
        """Return what a run told, all or of one kind."""
        lines = (self.folder(run) / "events.jsonl").read_text().splitlines()
        told = [json.loads(line) for line in lines]
        return [event for event in told if kind in ("", event["kind"])]

    def bytes(self) -> dict[str, str]:
        """Return mode and content hash of every file of the checkout, `.git` included."""
        return photograph(self.root)

    def write(self, path: str, text: str) -> Path:
        """Write a file of the checkout and return where it is."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return place

    def read(self, path: str) -> str:
        """Return the text of a file of the checkout."""
        return (self.root / path).read_text()
