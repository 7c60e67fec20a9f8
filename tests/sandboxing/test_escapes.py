"""What confined commands may not do: every attempt succeeds outside, and none inside.

The attempts stand in `support/escapes`, the things they aim at in `support/escape_stage.py`. One
process makes them all, once without a sandbox (the control) and once at each level; here each is
read out of the three answers, so that a way out has a name.
"""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from support.escape_stage import Stage
from support.escapes import main as escapes

from reviewloop.sandbox.choose import choose

CONTROL, DONE = "control", escapes.DONE

# What this machine may have none of; anything else has to succeed outside.
_ROOT = "only an administrator can do it outside either"
_MAY_LACK = {
    **{
        name: _ROOT
        for name in (
            "open /etc/passwd for writing",
            "open /etc/hosts for writing",
            "open a program for writing",
            "open a kernel setting for writing",
            "open the machine's log for writing",
            "read /etc/shadow",
            "read the disk",
            "read through a file handle",
            "make a control group",
            "send raw packets",
            "see all packets",
            "talk to the kernel's audit",
            "run a setuid program",
            "become another user",
            "change the group of a file",
            "su",
            "make name spaces",
            "make a user name space",
            "run unshare",
            "clone into a user name space",
            "clone3 into a user name space",
            "enter a name space",
            "mount",
            "open a file system",
            "change the root",
            "change the host's name",
            "bpf",
            "perf_event_open",
            "userfaultfd",
            "fanotify",
            "the kernel's log",
            "type into a terminal",
            "type into reviewloop's terminal",
            "read the first process's environment",
        )
        if os.getuid() != 0
    },
    "read the first process's environment": "containers hide their first process",
    "open the kernel's magic key for writing": "not every kernel has it",
    "list the real home folder": "this user has none",
    "list /var/log": "there is nothing in it",
    "find a way to another machine": "this machine has no network",
    "see the machine's network interfaces": "this machine has no network",
    "connect with TCP over IPv6": "this machine has no IPv6",
    "send UDP over IPv6": "this machine has no IPv6",
    "getent hosts": "asking for a name would leave this machine; UDP to a name server is tried",
    "talk to the host of a virtual machine": "not every kernel has it",
    "talk to the kernel's audit": "not every kernel has it",
    "use the kernel's cryptography": "not every kernel has it",
    "open a message queue": "not every kernel has it",
    "remove a message queue": "not every kernel has it",
    "read an extended attribute": "not every file system has them",
    "change an extended attribute": "not every file system has them",
    "io_uring": "an administrator may have switched it off",
    "the kernel's keys": "not every kernel has them",
    "make a key": "not every kernel has them",
    "system calls of 32-bit programs": "not every kernel knows them",
    "x32 system calls": "hardly a kernel knows them",
    **{
        name: f"{program} is not installed"
        for name, program in {
            "curl": "curl",
            "wget": "wget",
            "nc": "nc",
            "ssh": "ssh",
            "ping": "ping",
            "sudo": "sudo",
            "su": "su",
            "run unshare": "unshare",
            "bash /dev/tcp": "bash",
            "bash /dev/udp": "bash",
        }.items()
        if shutil.which(program) is None
    },
}
# What the level lets through, and the words in which doctor and the documentation say so.
_GAPS = {
    "landlock": {
        "read the parent's command line": "command lines of your other processes can be read",
        "change the parent's priority": "they could be made slower",
        "change the mode of a file": "modes and times of your own files could be changed",
    }
}
_LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]


@pytest.fixture(autouse=True)
def private_home() -> None:
    """Make no home for each of these many tests: the stage has one."""


@pytest.fixture(scope="module")
def outcomes() -> Iterator[Callable[[str], dict[str, str]]]:
    """Return a function from a level's name to how each attempt went there."""
    with tempfile.TemporaryDirectory(prefix="rl-escape-", ignore_cleanup_errors=True) as folder:

        @cache
        def made(level: str) -> dict[str, str]:
            confined = level != CONTROL
            sandbox = partial(choose, requested=level if confined else "auto")
            if confined:
                assert sandbox().level == level, sandbox().refused
            stage = Stage(Path(folder) / level, sandbox)
            try:
                return stage.attempts(confined=confined)
            finally:
                stage.remove()

        yield made


@pytest.mark.parametrize("name", escapes.ATTEMPTS)
@pytest.mark.parametrize("level", _LEVELS)
def test_no_way_out(level: str, name: str, outcomes: Callable[[str], dict[str, str]]) -> None:
    outside, inside = outcomes(CONTROL)[name], outcomes(level)[name]
    gap = _GAPS.get(level, {}).get(name)
    if inside == DONE:
        assert gap is not None, "it got out"
        assert any(gap in told for told in choose(requested=level).gaps), "a gap nobody is told of"
    if outside == DONE:
        return
    assert name in _MAY_LACK, f"it fails outside too, so it proves nothing: {outside}"
    pytest.skip(f"no control here: {_MAY_LACK[name]} ({outside})")


def test_a_sandbox_that_confines_nothing_is_seen(outcomes: Callable[[str], dict[str, str]]) -> None:
    """The attempts at every level are the control's: what it reached is what a hole would be."""
    reached = [name for name, outcome in outcomes(CONTROL).items() if outcome == DONE]
    assert len(reached) >= 70
