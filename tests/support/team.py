"""Workers on a real PostgreSQL, with a bare remote, real git and models over HTTP."""

import json
import subprocess
import sys
from pathlib import Path

from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout, Said
from support.crash import CHECKS
from support.many import FILES
from support.postgres import Postgres
from support.shop import make_shop

SETTINGS = {
    **QUIET_GATES,
    "REVIEWLOOP_SPEC__PATH": ".kiro/specs/many",
    "REVIEWLOOP_GATES__TEST__COMMAND": json.dumps([sys.executable, "-S", "checks.py"]),
}
WORKER = ("worker", "--heartbeat", "0.3")


class Team:
    """A remote, a person's checkout of it, a database, and any number of machines."""

    def __init__(
        self,
        folder: Path,
        postgres: Postgres,
        server: BedrockServer,
        made: str = "",
        tested: bool = False,
        **files: str,
    ) -> None:
        """Make all of that; `made` is the address of the database where it is there already.

        `tested`: the project's own tests are a gate.
        """
        self._settings = {**SETTINGS, "REVIEWLOOP_GATES__TEST__ENABLED": str(tested).lower()}
        self.folder, self.postgres, self.server = folder, postgres, server
        self.url = made or postgres.url()
        self.remote = folder / "remote.git"
        root = folder / "project"
        if not made:
            root.mkdir()
            make_shop(root, files={**FILES, "checks.py": CHECKS, **files})
        self.person = self.machine("person", root)
        if made:
            return
        self.person.git("init", "-q", "--bare", str(self.remote))
        self.person.git("remote", "add", "origin", str(self.remote))
        self.person.git("push", "-q", "origin", self.branch)

    @property
    def branch(self) -> str:
        return self.person.git("branch", "--show-current")

    def machine(self, name: str, root: Path | None = None) -> Checkout:
        """Return a machine: a home, a state folder and a folder that is no repository."""
        place = root or self.folder / name
        place.mkdir(exist_ok=True)
        settings = {**self._settings, "REVIEWLOOP_STORE": self.url}
        return Checkout(place, self.folder / f"{name}-home", self.server, settings)

    def enqueue(self, *arguments: str) -> Said:
        return self.person.forked("batch", "--mode", "queue", *arguments)

    def work(self, machine: Checkout, *arguments: str, **environ: str) -> Said:
        return machine.forked(*WORKER, "--once", *arguments, **environ)

    def count(self, table: str) -> int:
        """Return how many rows a table of the store has."""
        database = self.url.rpartition("/")[2]
        return int(self.postgres.sql(f"SELECT count(*) FROM reviewloop.{table}", database))

    def queued(self) -> str:
        """Return what the queue keeps of all jobs."""
        database = self.url.rpartition("/")[2]
        rows = "SELECT string_agg(args::text, ' ') FROM reviewloop.procrastinate_jobs"
        return self.postgres.sql(rows, database)

    def history(self, branch: str = "") -> list[str]:
        """Return the subjects of a branch of the remote after its first commit."""
        command = ["git", "log", "--reverse", "--format=%s", branch or self.branch]
        done = subprocess.run(command, cwd=self.remote, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()[1:]
