"""A PostgreSQL server of a test's own: in a folder, on a free port, as somebody without rights."""

import fcntl
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

_FAST = ("fsync=off", "synchronous_commit=off", "full_page_writes=off", "shared_buffers=16MB")


def programs() -> Path | None:
    """Return the folder with PostgreSQL's programs, the newest that is installed; None if none."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda p: float(p.parts[-3])
    )
    if found:
        return found[-1].parent
    named = shutil.which("initdb")
    return Path(named).resolve().parent if named else None


class Postgres:
    """A running server; `url(NAME)` makes an empty database."""

    def __init__(self, bin_folder: Path, folder: Path, port: int) -> None:
        self._bin, self._folder, self.port = bin_folder, folder, port
        self._made = 0

    def url(self, template: str = "template1") -> str:
        """Make a database, a copy of another, and return its address, with a password in it."""
        self._made += 1
        name = f"test{self._made}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE {template}")
        return f"postgresql://tester:{PASSWORD}@127.0.0.1:{self.port}/{name}"

    def sql(self, statement: str, database: str = "postgres") -> str:
        """Run a statement as the owner and return what psql prints, unaligned."""
        command = [
            str(self._bin / "psql"),
            "-h",
            str(self._folder),
            "-p",
            str(self.port),
            "-U",
            "tester",
            "-d",
            database,
            "-AtX",
            "-c",
            statement,
        ]
        done = subprocess.run(
            command, capture_output=True, text=True, check=True, env={"PGPASSWORD": PASSWORD}
        )
        return done.stdout.strip()

    def dump(self, url: str) -> str:
        """Return the statements that make a database anew, for any owner."""
        command = [str(self._bin / "pg_dump"), "--no-owner", "--no-privileges", "--inserts", url]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        lines = done.stdout.splitlines()
        return "\n".join(line for line in lines if not line.startswith(("\\", "--"))) + "\n"

    def stop(self) -> None:
        """Stop the server at once; `start` begins again."""
        self._control("stop", "-m", "immediate")

    def start(self) -> None:
        """Start the server and wait until it answers."""
        settings = [f"port={self.port}", f"unix_socket_directories={self._folder}"]
        settings += ["listen_addresses=127.0.0.1", *_FAST]
        options = " ".join(f"-c {setting}" for setting in settings)
        self._control("start", "-w", "-l", str(self._folder / "log"), "-o", options)

    def _control(self, *arguments: str) -> None:
        data = str(self._folder / "data")
        _run([str(self._bin / "pg_ctl"), "-D", data, "-s", *arguments], self._folder)


PASSWORD = "pass" + "word-of-tests"


@contextmanager
def running(kept: Path | None = None) -> Iterator[Postgres]:
    """Yield a server that ends with the block.

    `kept` is a folder of all test processes: the first one keeps there what the server begins with,
    which takes two seconds to make, and the others copy it.
    """
    bin_folder = programs()
    assert bin_folder, "PostgreSQL is not installed"
    folder = Path(tempfile.mkdtemp(prefix="postgres-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, _SOMEBODY)
        if kept is None:
            _make_cluster(bin_folder, folder)
        else:
            _take_cluster(bin_folder, folder, kept)
        server = Postgres(bin_folder, folder, _free_port())
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _take_cluster(bin_folder: Path, folder: Path, kept: Path) -> None:
    """Make what a server begins with in a folder, from the kept one if there is one."""
    cluster, part = kept / "postgres", kept / "postgres.part"
    copy = ["cp", "-a"]  # keeps the owner, who the server insists on
    with (kept / "postgres.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not cluster.exists():
            _make_cluster(bin_folder, folder)
            subprocess.run([*copy, str(folder / "data"), str(part)], check=True)
            part.rename(cluster)
            return
    subprocess.run([*copy, str(cluster), str(folder / "data")], check=True)


def _make_cluster(bin_folder: Path, folder: Path) -> None:
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:
        shutil.chown(folder / "password", _SOMEBODY)
    _run(
        [
            str(bin_folder / "initdb"),
            "-D",
            str(folder / "data"),
            "-U",
            "tester",
            "-A",
            "scram-sha-256",
            "--pwfile",
            str(folder / "password"),
            "-E",
            "UTF8",
            "--no-sync",
            "--locale=C.UTF-8",
        ],
        folder,
    )


_SOMEBODY = "postgres"  # whom the package of PostgreSQL makes; the server refuses to run as root


def _run(command: Sequence[str], folder: Path) -> None:
    if os.geteuid() == 0:
        owner = pwd.getpwnam(_SOMEBODY)
        ids: dict[str, Any] = {"user": owner.pw_uid, "group": owner.pw_gid, "extra_groups": []}
    else:
        ids = {}
    done = subprocess.run(
        command,
        cwd=folder,
        capture_output=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE if "start" not in command else subprocess.DEVNULL,
        env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
        **ids,
    )
    assert done.returncode == 0, (command, done.stderr)


def _free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])
