"""Starts git, here only: an argument list, bytes in and out, a fresh environment."""

import contextlib
import errno
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError

_ENVIRONMENT = {
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_ALLOW_PROTOCOL": "",  # none: stronger than a repository's protocol.ext.allow
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_LITERAL_PATHSPECS": "1",
    "LC_ALL": "C",
}

# Settings of a repository that make git start a program or use a network.
_HARDENING = (
    "core.fsmonitor=false",
    f"core.hooksPath={os.devnull}",
    f"core.attributesFile={os.devnull}",
    f"core.excludesFile={os.devnull}",
    "core.sshCommand=false",
    "core.pager=cat",
    "credential.helper=",
    "protocol.allow=never",
    "safe.bareRepository=explicit",
    "submodule.recurse=false",
    "commit.gpgSign=false",
    "log.showSignature=false",
    "gc.auto=0",
    "maintenance.auto=false",
)

_DEFAULT_TIMEOUT = 600.0  # seconds; a checkout of 100,000 files took 45 s on a slow disk
_GRACE = 5.0  # seconds for a writing git to finish after Ctrl-C


@dataclass(frozen=True)
class GitResult:
    """The result of one call of git."""

    exit_code: int
    stdout: bytes
    stderr: bytes


def trusted_path(environ: Mapping[str, str] = os.environ) -> str:
    """Return PATH without relative entries and without folders of the current repository.

    A program in a repository must never be taken for the system's.
    """
    return _trusted_of(environ.get("PATH", os.defpath), _enclosing_checkout())


def find_program(name: str, path: str | None = None) -> Path | None:
    """Return the absolute path of a program on the trusted PATH, or None."""
    for entry in (trusted_path() if path is None else path).split(os.pathsep):
        candidate = Path(entry) / name
        with contextlib.suppress(PermissionError):  # a folder of PATH that we cannot read
            if entry and candidate.is_file() and os.access(candidate, os.X_OK):
                return candidate
    return None


class Git:
    """Runs git on one explicit git directory; holds only paths, so threads may share it.

    `git_dir` None is only for discovery: git then searches upwards from `cwd`. `user_config` lets
    git read the user's own configuration files, only for discovery and for reading configuration
    values.
    """

    def __init__(
        self,
        git_dir: Path | None,
        work_tree: Path | None = None,
        index: Path | None = None,
        *,
        cwd: Path | None = None,
        user_config: bool = False,
    ) -> None:
        self.git_dir = git_dir and git_dir.absolute()
        self.work_tree = work_tree and work_tree.absolute()
        self.index = index and index.absolute()
        self.cwd = cwd or self.work_tree or self.git_dir
        self.user_config = user_config
        self._path = trusted_path()
        self.program = _git_on(self._path)

    def with_index(self, index: Path, work_tree: Path | None = None) -> "Git":
        """Return a Git on the same git directory with another index (and work tree)."""
        return Git(self.git_dir, work_tree or self.work_tree, index, user_config=self.user_config)

    def run(
        self,
        *args: str,
        input: bytes | None = None,
        ok: tuple[int, ...] = (0,),
        env_extra: Mapping[str, str] | None = None,
        timeout: float = _DEFAULT_TIMEOUT,
    ) -> bytes:
        """Run git and return its stdout; raise WorkspaceError when the exit code is not in `ok`."""
        result = self.result(*args, input=input, env_extra=env_extra, timeout=timeout)
        if result.exit_code not in ok:
            raise self.error(args, result.stderr, result.exit_code)
        return result.stdout

    def text(self, *args: str, input: bytes | None = None, ok: tuple[int, ...] = (0,)) -> str:
        """Run git and return its stdout as text without the final line feed."""
        return os.fsdecode(self.run(*args, input=input, ok=ok)).removesuffix("\n")

    def result(
        self,
        *args: str,
        input: bytes | None = None,
        env_extra: Mapping[str, str] | None = None,
        timeout: float = _DEFAULT_TIMEOUT,
    ) -> GitResult:
        """Run git and return exit code, stdout and stderr; raise only if it does not start or times
        out.
        """
        process = self.start(*args, env_extra=env_extra, stderr=subprocess.PIPE)
        try:
            stdout, stderr = process.communicate(input or b"", timeout=timeout)
        except subprocess.TimeoutExpired:
            _kill(process)
            raise WorkspaceError(
                f"git {args[0]} did not finish within {timeout:.0f} seconds in {self.cwd}."
            ) from None
        except BaseException:
            # Ctrl-C: a git that writes an index must not be interrupted and leave its lock.
            try:
                process.communicate(timeout=_GRACE)
            except subprocess.TimeoutExpired:
                _kill(process)
            raise
        return GitResult(process.returncode, stdout, stderr)

    def start(
        self,
        *args: str,
        env_extra: Mapping[str, str] | None = None,
        stderr: int = subprocess.DEVNULL,
    ) -> "subprocess.Popen[bytes]":
        """Start git with pipes on stdin and stdout and return the process; the caller ends it."""
        command = [str(self.program)]
        for setting in _HARDENING:
            command += ["-c", setting]
        command += args
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=stderr,
                cwd=self.cwd,
                env=self.environment(env_extra),
                start_new_session=True,  # we handle a Ctrl-C in the terminal, not git
            )
        except OSError as error:
            if error.errno == errno.ENOSPC:
                raise _disk_full(self.cwd) from error
            raise WorkspaceError(f"git could not be started in {self.cwd}: {error}.") from error
        except ValueError as error:  # a NUL byte, or text that cannot be a file name
            raise WorkspaceError(f"git {args[0]} cannot take this argument: {error}.") from error

    def environment(self, extra: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the whole environment of git: nothing but HOME is inherited."""
        env = dict(_ENVIRONMENT)
        env["PATH"] = self._path
        for name in ("HOME", *(("XDG_CONFIG_HOME",) if self.user_config else ())):
            if name in os.environ:
                env[name] = os.environ[name]
        if self.user_config:
            del env["GIT_CONFIG_GLOBAL"]
            del env["GIT_CONFIG_NOSYSTEM"]
        folders = (
            ("GIT_DIR", self.git_dir),
            ("GIT_WORK_TREE", self.work_tree),
            ("GIT_INDEX_FILE", self.index),
        )
        env.update({name: str(folder) for name, folder in folders if folder is not None})
        env.update(extra or {})
        return env

    def error(self, args: Sequence[str], stderr: bytes, exit_code: int) -> WorkspaceError:
        """Return the error for a failed call: git's own reason in one sentence."""
        text = stderr.decode("utf-8", "replace").strip()
        if "No space left on device" in text:
            return _disk_full(self.git_dir or self.cwd)
        lines = text.splitlines()
        marked = [line for line in lines if line.startswith(("fatal: ", "error: "))]
        reason = (marked or lines or [f"exit code {exit_code}"])[-1]
        reason = reason.removeprefix("fatal: ").removeprefix("error: ").rstrip(".")
        return WorkspaceError(f"git {args[0]} failed in {self.git_dir or self.cwd}: {reason}.")


def end_process(process: "subprocess.Popen[bytes]") -> None:
    """End a process from `Git.start`, whatever it is doing."""
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with contextlib.suppress(OSError):
                pipe.close()
    process.kill()
    process.wait()


def _disk_full(where: Path | None) -> WorkspaceError:
    return WorkspaceError(
        f"The disk that holds {where} is full; free some space, then resume the run."
    )


def _kill(process: "subprocess.Popen[bytes]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _enclosing_checkout() -> str | None:
    try:
        here = os.getcwd()  # noqa: PTH109 - hundreds of objects of a run ask, and text is enough
    except FileNotFoundError:
        return None
    folder, above = here, ""
    while folder != above:
        if os.path.exists(f"{folder}/.git"):  # noqa: PTH110 - as above
            return folder
        folder, above = os.path.dirname(folder), folder  # noqa: PTH120 - as above
    return None


@lru_cache(maxsize=64)  # nothing we run can change programs outside of the checkout
def _trusted_of(path: str, checkout: str | None) -> str:
    trusted = [entry for entry in path.split(os.pathsep) if entry.startswith("/")]
    if checkout:
        root = Path(checkout).resolve()
        trusted = [entry for entry in trusted if not _is_inside(entry, root)]
    return os.pathsep.join(trusted)


def _git_on(path: str) -> Path:
    program = _git_first_found(path)
    if not os.access(program, os.X_OK):  # it was replaced or deleted meanwhile
        _git_first_found.cache_clear()
        program = _git_first_found(path)
    return program


@lru_cache(maxsize=16)  # hundreds of objects of a run would search PATH for the same file
def _git_first_found(path: str) -> Path:
    program = find_program("git", path)
    if program is None:
        raise WorkspaceError("git was not found on PATH; install git 2.32 or newer.")
    return program


def _is_inside(folder: str, root: Path) -> bool:
    try:
        return Path(os.path.realpath(folder)).is_relative_to(root)
    except OSError:
        return True
