"""Verifies the promises of a cage by trying to break them before the first turn."""

import json
import os
import secrets
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Literal

from reviewloop.acp.agents import KnownAgent
from reviewloop.acp.cage import make_room, start_agent
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelError, UsageError, WorkspaceError
from reviewloop.sandbox.base import Method, Sandbox
from reviewloop.sandbox.levels import Landlock
from reviewloop.sandbox.proof import listeners, secret_environment

State = Literal["held", "weaker", "absent"]
_ANOTHER_MACHINE = "127.0.0.2"
_MOST = 64 << 10
_LAST_BREATH = 2.0  # seconds
_PORTS_SINCE = 4  # Landlock's version

# Promise -> attempts that break it, and attempts that weaken it. See attempts.py.
_TABLE: Mapping[str, tuple[tuple[str, ...], Mapping[str, str]]] = {
    "your files stay unread and as they are": (
        *(("read a file", "list a folder", "write a file", "make a file", "remove a file"),),
        {
            "see that a file is there": "names, sizes and times can be seen",
            "change a time": "times can be changed",
            "change a mode": "modes can be changed",
        },
    ),
    "the tree under review stays as it is": (("write what it reads",), {}),
    "variables of other processes stay unread": (("read variables of others",), {}),
    "other processes are out of reach": (
        *(("signal others",),),
        {"read command lines of others": "their command lines can be read"},
    ),
    "nothing is reached but its hosts": (
        (
            *("reach another port", "open fast", "open by more than one path", "send a datagram"),
            *("reach a local socket", "reach an abstract socket", "send from a pair"),
        ),
        {"reach another machine": "other machines are reached at the numbers of our two ports"},
    ),
    "what it started ends with its turn": (("outlive its turn",), {}),
}


@dataclass(frozen=True)
class Promise:
    """One promise, how far it holds here, and why not fully."""

    name: str
    state: State
    why: str = ""

    @property
    def shown(self) -> str:
        """The promise as one clause."""
        return f"{self.name}: {self.state}" + (f" ({self.why})" if self.why else "")


def require_cage(sandbox: Sandbox) -> tuple[Promise, ...]:
    """Return the promises of the agents' cage; raise `UsageError` where a required one is broken.

    Where a user accepted to run without a sandbox, the broken ones are only reported.
    """
    promises = promises_of(sandbox)
    broken = [one for one in promises if one.state == "absent"]
    if sandbox.is_proven and broken:
        raise UsageError(
            f"a coding agent needs a stronger cage: {sandbox.level}, which holds here for "
            f"commands, does not hold an agent ({'; '.join(one.shown for one in broken)}); "
            f"install bubblewrap, or name another model"
        )
    return promises


def broken_promises(promises: Iterable[Promise]) -> str:
    """Return the promises that are not kept, in one clause; "" where all are."""
    return "; ".join(one.shown for one in promises if one.state != "held")


def promises_of(sandbox: Sandbox) -> tuple[Promise, ...]:
    """Return every promise, tested once for each level in a process."""
    with _trying:  # reviewers start in parallel
        if sandbox.method not in _tried:
            _tried[sandbox.method] = _tried_out(sandbox)
        return _tried[sandbox.method]


_tried: dict[Method, tuple[Promise, ...]] = {}
_trying = threading.Lock()


def _tried_out(sandbox: Sandbox) -> tuple[Promise, ...]:
    method = sandbox.method
    if isinstance(method, Landlock) and method.version < _PORTS_SINCE:
        raise UsageError(
            "a coding agent needs bubblewrap, or Linux 6.7: Landlock of this kernel does not tell "
            "one port from another, so an agent could reach anything; install bubblewrap, or name "
            "another model"
        )
    try:
        ways = _attempt(sandbox)
    except (OSError, ModelError, WorkspaceError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UsageError(
            f"the cage of coding agents could not be tried at the level {sandbox.level}: {reason}; "
            "install bubblewrap, or name another model"
        ) from error
    if sandbox.is_proven and not {"reach its own port", "write its home"} <= ways:
        raise UsageError(
            f"a coding agent cannot work at the level {sandbox.level}, which holds here: it does "
            "not reach our tools or its own home there; install bubblewrap, or name another model"
        )
    return tuple(_evaluated(ways))


def _evaluated(ways: set[str]) -> Iterator[Promise]:
    for name, (breaks, weakens) in _TABLE.items():
        broken = [way for way in breaks if way in ways]
        less = [why for way, why in weakens.items() if way in ways]
        if broken:
            yield Promise(name, "absent", f"it can {', '.join(broken)}")
        elif less:
            yield Promise(name, "weaker", ", ".join(less))
        else:
            yield Promise(name, "held")


def _attempt(sandbox: Sandbox) -> set[str]:
    """Return the names of the attempts that succeeded."""
    script = Path(__file__).with_name("attempts.py")
    mark = secrets.token_hex(16)
    with ExitStack() as stack:
        room = stack.enter_context(make_room())
        outside, tree = room.folder / "outside", room.folder / "tree"
        for folder in (outside, tree):
            folder.mkdir(mode=0o700)
        (outside / "secret").write_text(mark, encoding="utf-8")
        victim = outside / "victim"
        victim.write_text("victim", encoding="utf-8")
        before = victim.stat()
        other = stack.enter_context(secret_environment(mark))
        facts = {"outside": str(outside), "secret": mark, "other": other, "began": _began(other)}
        agent = KnownAgent("trial", (sys.executable, "-I", "-S", str(script)))
        with start_agent(
            agent, room, sandbox=sandbox, tree=tree, writes=False, environ={"HOME": str(outside)}
        ) as caged:
            own = {caged.tools_port, caged.proxy_port}  # numbers with another meaning inside
            facts["port"] = stack.enter_context(listeners(outside, mark, own))
            stack.enter_context(_listening_elsewhere(caged.proxy_port))
            caged.stdin.write(json.dumps(facts).encode() + b"\n")
            caged.stdin.flush()
            lines = caged.stdout.read(_MOST).decode("utf-8", "replace").splitlines()
            if "inside" not in lines or lines[-1] != "over":
                raise ModelError(f"its trial did not come to its end: {caged.stderr or lines}")
        ways = set(lines)
        if _ended_late(mark):
            ways.add("outlive its turn")
        if victim.exists() and victim.stat().st_mode == before.st_mode:
            ways.discard("change a mode")  # the sandbox reported that it had
        return ways


@contextmanager
def _listening_elsewhere(port: int) -> Iterator[None]:
    """Listen at a port's number at another address, where this machine has one."""
    with ExitStack() as stack:
        with suppress(OSError):
            stack.enter_context(socket.create_server((_ANOTHER_MACHINE, port)))
        yield


def _began(process: int) -> str:
    try:
        stat = Path(f"/proc/{process}/stat").read_bytes()
    except OSError:
        return "-"
    return stat.rpartition(b")")[2].split()[19].decode()


def _ended_late(mark: str) -> bool:
    """Return whether the daemon of a trial still runs, and end it.

    A killed one may take a moment on a busy machine.
    """
    until = time.monotonic() + _LAST_BREATH
    while found := list(_marked(mark)):
        if time.monotonic() > until:
            for process in found:
                with suppress(OSError):
                    os.kill(process, signal.SIGKILL)
            return True
        time.sleep(0.01)
    return False


def _marked(mark: str) -> Iterator[int]:
    for location in Path("/proc").glob("[0-9]*/cmdline"):
        with suppress(OSError):
            if location.read_bytes().endswith(mark.encode() + b"\0"):
                yield int(location.parent.name)
