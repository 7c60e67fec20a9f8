"""Ordinary test suites run inside, and what the landlock level cannot run is known by name."""

import json
import shutil
import textwrap
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.escape_stage import Stage

from reviewloop.guards.against_base import needs_local_network
from reviewloop.guards.commands import command_result
from reviewloop.guards.plan import DetectedGate
from reviewloop.sandbox.base import Method, Sandbox, Unconfined
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.levels import Landlock
from reviewloop.sandbox.run import CommandResult

DENIED_SOCKET = """  File "/usr/lib/python3.11/socket.py", line 232, in __init__
    _socket.socket.__init__(self, family, type, proto, fileno)
PermissionError: [Errno 13] Permission denied
"""
# name -> Python that ends with 0 when it worked; runs with the project's interpreter
ORDINARY = {
    "asyncio": """
        import asyncio
        async def main():
            process = await asyncio.create_subprocess_exec("true")
            return await process.wait()
        assert asyncio.run(main()) == 0
    """,
    "a server on the loopback": """
        import http.server, threading, urllib.request
        server = http.server.HTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        assert opener.open(f"http://localhost:{server.server_port}/").status == 200
    """,
    "a server over IPv6": """
        import socket
        with socket.create_server(("::1", 0), family=socket.AF_INET6) as server:
            socket.create_connection(server.getsockname()[:2]).close()
    """,
    "a local socket": """
        import socket, tempfile
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(tempfile.mkdtemp() + "/socket")
    """,
    "a socket pair": "import socket; a, b = socket.socketpair(); a.send(b'x'); assert b.recv(1)",
    "processes of multiprocessing": """
        import multiprocessing
        multiprocessing.set_start_method("fork")
        done = multiprocessing.Process(target=print)
        done.start(), done.join()
        assert done.exitcode == 0
    """,
    "a pool of multiprocessing": """
        import multiprocessing
        multiprocessing.set_start_method("fork")
        with multiprocessing.Pool(2) as pool:
            assert pool.map(abs, [-1, -2]) == [1, 2]
    """,
    "shared memory": """
        from multiprocessing import shared_memory
        held = shared_memory.SharedMemory(create=True, size=10)
        held.close(), held.unlink()
    """,
    "threads": """
        from concurrent.futures import ThreadPoolExecutor
        with ThreadPoolExecutor(4) as pool:
            assert sum(pool.map(int, "123")) == 6
    """,
    "temporary files": """
        import tempfile
        with tempfile.TemporaryDirectory() as folder, open(f"{folder}/x", "w") as file:
            file.write("x")
    """,
    "/tmp itself": "open('/tmp/rl-ordinary', 'w').write('x')",
    "sqlite": """
        import sqlite3, tempfile
        database = sqlite3.connect(tempfile.mkdtemp() + "/x.sqlite")
        database.execute("pragma journal_mode=wal")
        with database:
            database.execute("create table t (a)")
    """,
    "a commit": """
        import subprocess, tempfile
        for words in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "x"]):
            subprocess.run(["git", *words], cwd=tempfile.gettempdir(), check=True)
        assert subprocess.check_output(["git", "log", "--oneline"]) and True
    """,
    "locale and time zone": """
        import datetime, locale, time, zoneinfo
        locale.setlocale(locale.LC_ALL, "")
        assert locale.getpreferredencoding() == "UTF-8"
        zoneinfo.ZoneInfo("Europe/Paris"), time.localtime(), datetime.datetime.now().astimezone()
    """,
    "ssl": """
        import ssl
        ssl.create_default_context()
    """,
    "processors": """
        import os
        assert os.cpu_count() >= 1 and os.sched_getaffinity(0)
    """,
    "a terminal": """
        import pty
        assert pty.spawn(["true"]) == 0
    """,
    "make": """
        import subprocess
        open("Makefile", "w").write("all:\\n\\t@echo $$(expr 1 + 1)\\n")
        assert subprocess.check_output(["make"]) == b"2\\n"
    """,
    "a shell script": """
        import os, subprocess
        open("x.sh", "w").write("#!/bin/sh\\nset -eu\\ncat <<X | sort > /dev/null\\nb\\na\\nX\\n")
        os.chmod("x.sh", 0o755)
        subprocess.run(["./x.sh"], check=True)
    """,
    "node": """
        import subprocess
        code = "process.exit(require('os').cpus().length ? 0 : 1)"
        subprocess.run(["node", "-e", code], check=True)
    """,
    "a server of node": """
        import subprocess
        code = "require('http').createServer().listen(0, '127.0.0.1', () => process.exit(0))"
        subprocess.run(["node", "-e", code], check=True)
    """,
    "who runs it": "import getpass, pwd, os; getpass.getuser(); pwd.getpwuid(os.getuid())",
    "the host's name": "import socket; assert socket.gethostname()",
    "random bytes": "import secrets; assert open('/dev/urandom', 'rb').read(1)",
    "limits of its own": """
        import resource
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(64, soft), hard))
    """,
    "signals among its own": """
        import os, signal, subprocess
        child = subprocess.Popen(["sleep", "5"], start_new_session=True)
        os.killpg(child.pid, signal.SIGTERM)
        assert child.wait() == -signal.SIGTERM
    """,
    "links and modes": """
        import os, tempfile
        os.chdir(tempfile.mkdtemp())
        open("a", "w").close(), os.link("a", "b"), os.symlink("a", "c"), os.chmod("a", 0o600)
        os.mkdir("d"), os.rename("a", "d/a"), os.mkfifo("e"), os.utime("b")
    """,
    "a program of its own": """
        import os, shutil, subprocess
        shutil.copy("/bin/true", "own")
        subprocess.run(["./own"], check=True)
    """,
    "an executable mapping": "import mmap; mmap.mmap(-1, 4096, prot=7)",
}
# What landlock cannot run; `docs/sandbox.md` names these.
_NOT_AT_LANDLOCK = {
    "a server on the loopback",
    "a server over IPv6",
    "a local socket",
    "a pool of multiprocessing",
    "shared memory",
    "/tmp itself",
    "a terminal",
    "a server of node",
}
_NEEDS = {"make": "make", "node": "node", "a server of node": "node"}

_RUNNER = """
import json, subprocess, sys
for name, code in json.load(open(sys.argv[1])).items():
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, timeout=20)
    print(json.dumps([name, done.returncode, done.stdout.decode(errors="replace")]))
"""


@pytest.fixture(autouse=True)
def private_home() -> None:
    """Make no home for each of these many tests: the stage has one."""


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], dict[str, str]]]:
    """Return a function from a level to what each program said when it failed there."""

    @cache
    def made(level: str) -> dict[str, str]:
        stage = Stage(tmp_path_factory.mktemp(level), partial(choose, requested=level))
        codes = {name: textwrap.dedent(code).strip() for name, code in ORDINARY.items()}
        given = stage.project.given / "codes.json"
        given.write_text(json.dumps(codes))
        result = stage.command("python", "-c", _RUNNER, str(given), seconds=50)
        lines = result.log.read_text().splitlines()
        stage.remove()
        answers = [json.loads(line) for line in lines if line.startswith("[")]
        return {name: said or "it failed" for name, code, said in answers if code}

    yield made
    if Path("/tmp/rl-ordinary").exists():
        raise AssertionError("a confined program wrote to /tmp")


@pytest.mark.needs_bubblewrap
@pytest.mark.parametrize("name", ORDINARY)
def test_it_works_at_bubblewrap(name: str, ran: Callable[[str], dict[str, str]]) -> None:
    if shutil.which(_NEEDS.get(name, "sh")) is None:
        pytest.skip(f"{_NEEDS[name]} is not installed")
    assert ran("bubblewrap").get(name) is None


@pytest.mark.slow_but(every=4)
@pytest.mark.needs_landlock
@pytest.mark.parametrize("name", ORDINARY)
def test_at_landlock_it_works_or_the_sandbox_is_named(
    name: str, ran: Callable[[str], dict[str, str]]
) -> None:
    if shutil.which(_NEEDS.get(name, "sh")) is None:
        pytest.skip(f"{_NEEDS[name]} is not installed")
    said = ran("landlock").get(name)
    if name not in _NOT_AT_LANDLOCK:
        assert said is None
        return
    assert said is not None, "it works after all: say so in docs/sandbox.md"
    if name != "/tmp itself":
        assert needs_local_network(said), said


def test_an_ordinary_failure_is_not_put_down_to_the_sandbox() -> None:
    assert not needs_local_network("AssertionError: assert 1 == 2\nFAILED tests/test_socket.py")
    denied = "open('secret')\nPermissionError: [Errno 13] Permission denied: 'secret'"
    assert not needs_local_network(denied)
    assert not needs_local_network("127.0.0.1\n" + "line\n" * 40 + denied)


@pytest.mark.parametrize(
    ("method", "log", "told"),
    [
        (Landlock(7), DENIED_SOCKET, True),
        (Landlock(7), "AssertionError: assert 1 == 2", False),
        (Unconfined(), DENIED_SOCKET, False),
    ],
)
def test_a_failed_gate_names_the_sandbox_that_may_be_the_reason(
    tmp_path: Path, method: Method, log: str, told: bool
) -> None:
    (tmp_path / "log").write_text(log)
    change = SimpleNamespace(
        env=SimpleNamespace(confine=SimpleNamespace(sandbox=Sandbox(method))),
        shown=lambda argv: argv,
        quote_log=lambda path: "",
    )
    entry = DetectedGate("test", "make", ("make", "test"), "the Makefile")
    result = CommandResult(("make", "test"), 2, 0.1, tmp_path / "log", output_bytes=9)
    summary = command_result(change, entry, result, summary="1 failed").summary
    assert summary.startswith("1 failed")
    assert ("install bubblewrap" in summary) is told
