"""Runs programs of this machine with --help in the sandbox, once per version of a program."""

import hashlib
import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from reviewloop.domain.errors import ReviewLoopError
from reviewloop.git.process import find_program
from reviewloop.sandbox.analyser_process import clean_environment
from reviewloop.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.sandbox.run import run_command
from reviewloop.store.folders import private_folder, state_root

_SECONDS = 10.0
_LARGEST = 1_000_000  # bytes of a help text


class HelpTexts:
    """The help texts of programs on the trusted PATH; `sandbox` is opened for the first one."""

    def __init__(self, sandbox: Callable[[], Sandbox]) -> None:
        self._sandbox = sandbox
        self._unread: set[tuple[str, ...]] = set()  # failed: not tried again for each task

    def of(self, words: tuple[str, ...]) -> str | None:
        """Return what `PROGRAM [SUBCOMMAND] --help` prints; None where it could not be run.

        The output is cached until the program's file changes.
        """
        program = find_program(words[0])
        if program is None:
            return None
        info = program.resolve().stat()
        key = json.dumps([*words, str(program.resolve()), info.st_mtime_ns, info.st_size])
        name = hashlib.sha256(key.encode()).hexdigest()[:32]
        kept = private_folder(state_root() / "help") / f"{name}.txt"
        if kept.is_file():
            return kept.read_text(encoding="utf-8")
        text = None if words in self._unread else self._ask(program, words[1:])
        if text is not None:
            kept.write_text(text, encoding="utf-8")
        else:
            self._unread.add(words)
        return text

    def _ask(self, program: Path, words: tuple[str, ...]) -> str | None:
        try:
            with tempfile.TemporaryDirectory(prefix="reviewloop-help-") as folder:
                work = Path(folder).resolve() / "work"
                work.mkdir()
                log = work.parent / "log"
                # Git opens a manual page for `--help` of a subcommand, and prints for `-h`.
                flag = "-h" if program.name == "git" and words else "--help"
                done = run_command(
                    [str(program), *words, flag],
                    cwd=work,
                    env=clean_environment(work, program, {}),
                    timeout_seconds=_SECONDS,
                    log=log,
                    confine=Confinement(
                        self._sandbox,
                        Grants(work=work, read=(program.parent, program.resolve().parent)),
                    ),
                    log_limit=_LARGEST,
                )
                text = log.read_text(encoding="utf-8", errors="replace")
        except (ReviewLoopError, OSError):  # no sandbox, or no space: it stays unverified
            return None
        usable = not done.timed_out and done.exit_code not in (126, 127) and "--" in text
        return text if usable else None
