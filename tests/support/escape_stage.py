"""A machine in small for attempts to get out: a home, a checkout, runs, servers, a parent process.

Everything that an attempt aims at is made here and belongs to the test; a token stands in it, so
that whoever shows the token, or puts it where this module looks, has been there.
"""

import contextlib
import json
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

from support.escape_servers import processes, serving
from support.escapes import filesystem

from reviewloop.checkout.workspace import Workspace
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.sandbox.base import Sandbox
from reviewloop.sandbox.environment import ProjectEnv, build_environment
from reviewloop.sandbox.run import CommandResult, run_command

PROGRAM = Path(filesystem.__file__).parent
PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"


class Stage:
    """The places, servers and processes of one series of attempts."""

    def __init__(self, root: Path, sandbox: Callable[[], Sandbox]) -> None:
        self.token = f"rl{secrets.token_hex(12)}"
        self.mark = f"written-{self.token[::-1]}"
        self.home = root / "home"
        self.checkout = self.home / "src/project"
        self.state = root / "state"
        self.run = self.state / "runs/mine"
        self.sibling = self.state / "runs/other"
        self.seen: list[bytes] = []
        self._fill_home()
        self._fill_checkout()
        self.project = self._project(sandbox)
        self._fill_runs()

    def write(self, path: Path, text: str = "") -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{text or self.token}\n")

    def _fill_home(self) -> None:
        for name in filesystem.READS.values():
            if name.startswith("{home}"):
                self.write(self.home / name.removeprefix("{home}/"))
        for name in (".bashrc", ".gitconfig", ".ssh/authorized_keys", "src/other/app.py"):
            self.write(self.home / name, "# before")
        (self.home / ".config/autostart").mkdir()
        (self.home / ".netrc").chmod(0o600)
        with contextlib.suppress(OSError):  # the control says so
            os.setxattr(self.home / ".netrc", "user.rl", self.token.encode())

    def _fill_checkout(self) -> None:
        names = ("app.py", "kept.txt", "emptied", "removed", "renamed", "packages/app/package.json")
        for name in names:
            self.write(self.checkout / name, "{}")
        self.write(self.checkout / ".gitignore", ".env\n.venv/\nnode_modules/")
        for args in (
            ["init", "-q", "-b", "main"],
            ["config", "http.extraHeader", f"Authorization: {self.token}"],
            ["add", "-A"],
            ["-c", "user.name=Ada", "-c", "user.email=ada@example.org", "commit", "-qm", "first"],
        ):
            subprocess.run(["git", *args], cwd=self.checkout, check=True, env=self._environ())
        self.write(self.checkout / ".env", f"PASSWORD={self.token}")
        self.write(self.checkout / "kept.txt")
        site = self.checkout / ".venv/lib" / PYTHON / "site-packages"
        self.write(site / "third.py", "ORIGIN = 'installed'")
        self.write(self.checkout / ".venv/pyvenv.cfg", f"home = {Path(sys.base_prefix) / 'bin'}")
        (self.checkout / ".venv/bin").mkdir()
        real = Path(sys.base_prefix) / "bin" / PYTHON
        (self.checkout / ".venv/bin/python").symlink_to(real)
        for folder in ("node_modules/third", "packages/app/node_modules/deep"):
            self.write(self.checkout / folder / "index.js", "module.exports = 'installed'")
            self.write(self.checkout / folder / "package.json", '{"name": "third"}')

    def _environ(self) -> dict[str, str]:
        return {"PATH": os.defpath, "HOME": str(self.home)}

    def _project(self, sandbox: Callable[[], Sandbox]) -> ProjectEnv:
        private = PrivateRepo.create(self.run / "git", discover(self.checkout))
        workspace = Workspace(private, self.run / "workspace/project")
        workspace.reset(private.tree_of(private.head))
        objects = workspace.needed_folders
        private.close()
        return build_environment(
            user_root=self.checkout,
            workspace=workspace.folder,
            folder=self.run / "environment",
            environ=self._environ(),
            sandbox=sandbox,
            objects=objects,
        )

    def _fill_runs(self) -> None:
        for name in ("workspace/project/app.py", "journal.sqlite"):
            self.write(self.sibling / name)
        for path in (self.state / "reviewloop.sqlite", self.run / "journal.sqlite"):
            self.write(path)
        self.write(self.run / "logs/gate.log")
        (self.run / "git/hooks").mkdir(exist_ok=True)
        shutil.copytree(PROGRAM, self.project.given / "escapes", symlinks=True)

    def command(self, *argv: str, seconds: float = 30, confined: bool = True) -> CommandResult:
        """Run a program of the repository, in the sandbox unless it is the control."""
        return run_command(
            argv,
            cwd=self.project.workspace,
            env=self.project.env,
            timeout_seconds=seconds,
            log=self.run / "command.log",
            confine=self.project.confine if confined else None,
        )

    def reset(self) -> None:
        """Give the workspace the tree anew, as between two judgements."""
        private = PrivateRepo.open(self.run / "git")
        Workspace(private, self.project.workspace).reset(private.tree_of(private.head))
        private.close()
        self.project.prepare()

    def attempts(self, *, confined: bool) -> dict[str, str]:
        """Make all attempts; return name -> "done" or how it was refused."""
        workspace = self.project.workspace
        with contextlib.ExitStack() as stack:
            facts = {
                **self._places(),
                **serving(stack, self.home.parent / "run", self.token, self.seen),
                **processes(stack, self.home / ".netrc", workspace / "setuid", self.token),
            }
            given = self.project.given / "stage.json"
            given.write_text(json.dumps(facts))
            answer = workspace / "answer.json"
            program = str(self.project.given / "escapes/main.py")
            python = str(self.project.python)
            result = self.command(
                python, "-I", "-S", program, str(given), str(answer), confined=confined
            )
            log = (self.run / "command.log").read_text(errors="replace")
            assert result.exit_code == 0, log
            outcomes: dict[str, str] = json.loads(answer.read_text())
        stage = SimpleNamespace(**facts)
        for name, effect in self._effects(stage).items():
            reached = effect()
            if reached != (outcomes[name] == "done"):
                outcomes[name] = "done" if reached else f"nothing outside ({outcomes[name]})"
        return outcomes

    def remove(self) -> None:
        """Delete what the control wrote outside of the stage's folder."""
        for folder in ("/tmp", "/var/tmp", "/dev/shm"):
            Path(folder, f"rl-probe-{self.token}").unlink(missing_ok=True)
        self.project.discard()

    def _places(self) -> dict[str, object]:
        real_home = pwd.getpwuid(os.getuid()).pw_dir
        listed = {
            str(self.home): ".ssh",
            str(self.home / "src"): "other",
            str(self.state / "runs"): "other",
            real_home: _first_name(real_home),
            "/var/log": _first_name("/var/log"),
        }
        try:
            first = sha256(Path("/proc/1/environ").read_bytes()).hexdigest()
        except OSError:
            first = ""
        disks = [f"/dev/{name}" for name in os.listdir("/sys/block")]
        return {
            "token": self.token,
            "mark": self.mark,
            "pair_marks": [f"first-{self.mark}", f"second-{self.mark}"],
            "python": PYTHON,
            "home": str(self.home),
            "real_home": real_home,
            "checkout": str(self.checkout),
            "state": str(self.state),
            "run": str(self.run),
            "sibling": str(self.sibling),
            "workspace": str(self.project.workspace),
            "listed": listed,
            "first_environment": first,
            "disk": next((name for name in disks if Path(name).exists()), "/dev/none"),
            "groups": "/sys/fs/cgroup",
            "host": socket.gethostname(),
            "named": "name.invalid",
        }

    def _effects(self, stage: SimpleNamespace) -> dict[str, Callable[[], bool]]:
        """Return what shows from outside that an attempt did something."""

        def holds(template: str) -> Callable[[], bool]:
            path = Path(filesystem.place(template, stage))
            return lambda: path.exists() and self.mark.encode() in path.read_bytes()

        at = self.checkout
        written = {**filesystem.APPENDS, **filesystem.CREATIONS}
        return {
            **{name: holds(template) for name, template in written.items()},
            "empty a file of the checkout": lambda: not (at / "emptied").stat().st_size,
            "remove a file of the checkout": lambda: not (at / "removed").exists(),
            "rename a file of the checkout": lambda: not (at / "renamed").exists(),
            "make a folder in the checkout": (at / "folder").exists,
            "change the mode of a file": lambda: (
                (self.home / ".netrc").stat().st_mode & 0o777 == 0o640
            ),
            "ssh": lambda: any(data.startswith(b"SSH-") for data in self.seen),
            "send to a local socket": lambda: self.mark.encode() in self.seen,
            "send to a local socket from a pair": lambda: stage.pair_marks[0].encode() in self.seen,
            "connect a pair to a local socket": lambda: stage.pair_marks[1].encode() in self.seen,
        }


def _first_name(folder: str) -> str:
    try:
        return min(os.listdir(folder), default="")
    except OSError:
        return ""
