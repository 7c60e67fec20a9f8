"""The promises of a cage are tested by attempts; without a cage the same attempts succeed."""

import subprocess
import sys
from pathlib import Path

import pytest

from reviewloop.acp import cage_checks, relay
from reviewloop.acp.cage_checks import broken_promises, promises_of, require_cage
from reviewloop.domain.errors import UsageError
from reviewloop.sandbox.base import Level, Sandbox
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.levels import Landlock


@pytest.fixture(autouse=True)
def nothing_known(monkeypatch):
    monkeypatch.setattr(cage_checks, "_tried", {})


def states(level):
    sandbox = Sandbox() if level is Level.NONE else choose(requested=level)
    assert sandbox.level is level
    return {one.name.split(" ", 1)[0]: one.state for one in promises_of(sandbox)}


@pytest.mark.needs_bubblewrap
def test_bubblewrap_holds_all():
    assert set(states(Level.BUBBLEWRAP).values()) == {"held"}


@pytest.mark.needs_landlock
def test_landlock_holds_some_less_than_wholly():
    assert states(Level.LANDLOCK) == {
        "your": "weaker",
        "the": "held",
        "variables": "held",
        "other": "weaker",
        "nothing": "weaker",
        "what": "held",
    }


def test_without_a_cage_the_attempts_succeed():
    found = states(Level.NONE)
    assert found.pop("what") == "held"  # the launcher ends what was started
    assert set(found.values()) == {"absent"}
    names = broken_promises(promises_of(Sandbox()))
    ways = ("open fast", "open by more than one path", "send a datagram", "reach a local socket")
    for way in (*ways, "read a file", "write a file", "signal others"):
        assert way in names


@pytest.mark.needs_landlock
def test_a_cage_that_lets_something_out_is_refused(monkeypatch):
    sandbox = choose(requested=Level.LANDLOCK)
    tried = cage_checks._attempt

    def leaky(sandbox):
        return tried(sandbox) | {"open fast"}

    monkeypatch.setattr(cage_checks, "_attempt", leaky)
    with pytest.raises(UsageError, match=r"does not hold an agent .*it can open fast"):
        require_cage(sandbox)


def test_an_older_landlock_is_refused():
    with pytest.raises(UsageError, match=r"needs bubblewrap, or Linux 6\.7"):
        require_cage(Sandbox(Landlock(version=3)))


@pytest.mark.parametrize(
    "loads", ["from sandbox import confine, launcher", "from acp import relay"]
)
def test_what_starts_in_a_cage_loads_little(loads):
    """Each turn and each command waits for it, and these modules take half of that time."""
    script = f"import sys; sys.path.insert(0, sys.argv[1]); {loads}; print(*sys.modules)"
    package = Path(relay.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", script, str(package)],
        capture_output=True,
        text=True,
        check=True,
    )
    heavy = {"typing", "re", "enum", "json", "threading", "socket", "signal", "subprocess"}
    assert heavy & set(done.stdout.split()) == set()
