"""Asks an interpreter that lies in a checkout where its packages are, in the sandbox."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from reviewloop.workspace.lent import only_lendable
from reviewloop.workspace.run import run_command
from reviewloop.workspace.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.workspace.sandbox.toolchains import interpreter_places

_SECONDS = 30.0


def ask_inside(
    sandbox: Callable[[], Sandbox], user_root: Path, folder: Path, home: Path, argv: Sequence[str]
) -> bytes:
    """Return what a program of the checkout prints; it can do no harm and is not to be believed.

    It gets a folder of its own in `folder`, and of `user_root` only what an interpreter needs.
    """
    work, log = folder / "asked", folder / "asked.log"
    work.mkdir(exist_ok=True)
    run_command(
        argv,
        cwd=work,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        timeout_seconds=_SECONDS,
        log=log,
        confine=Confinement(
            sandbox,
            Grants(
                work=work,
                read=only_lendable(interpreter_places(Path(argv[0])), user_root, home),
            ),
        ),
    )
    return log.read_bytes()
