"""Commands of the process that forks them for all tests: each ends with who asked for it."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from support import prepared
from support.prepared import run_prepared

ASKS = """\
import os, sys
from pathlib import Path
from support.prepared import Prepared
environ = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
command = Prepared(["mcp", "serve"], Path.cwd(), environ, terminal=int(sys.argv[1]))
print(command.pid, flush=True)
sys.stdin.read()
"""


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.slow
def test_a_command_ends_with_who_asked_for_it_and_others_are_served(repo: Path) -> None:
    reads, writes = os.pipe()  # the command waits for what is never written
    os.set_inheritable(reads, True)
    tests = str(Path(__file__).parent)
    place = prepared._PLACE or prepared._server()[0]
    environ = {**os.environ, "PYTHONPATH": tests, "PREPARED_COMMANDS": place}
    asks = subprocess.Popen(
        [sys.executable, "-c", ASKS, str(reads)],
        cwd=repo,
        env=environ,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(reads,),
    )
    assert asks.stdin and asks.stdout
    with asks:
        pid = int(asks.stdout.readline())
        assert lives(pid)
        asks.kill()
    while lives(pid):  # for ever, if need be: each test has a limit of its own
        time.sleep(0.02)
    os.close(reads)
    os.close(writes)
    code, out, _ = run_prepared(["--version"], repo, {"PATH": os.environ["PATH"]}, 60)
    assert (code, "reviewloop" in out) == (0, True), out
