"""Measure what a caged turn of a coding agent adds to the agent's own path.

python benchmarks/agents.py [NAME ...] [--runs 3]

Each agent that is on PATH reviews a small change, asked by a client of a few lines without a cage,
with its tools and its model straight on 127.0.0.1, and then as we do it: in its cage, its tools
over a private socket, its model through the proxy. Both get the same settings and an empty home.
Times are from the start of the process to the end of the turn, ours with the end of all that it
started; of pairs that follow each other the fastest of each kind counts, and the least CPU time
of all processes of a turn, which other work on the machine changes less. The model of the tests
answers at once. `cage` is what a process in it takes to start, `trial` what its promises take to be
tried, once in a process, `ours` what our side of a turn adds to this process's memory.
"""

import argparse
import contextlib
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.agent_models import AgentModel, reviewer  # noqa: E402
from support.npm_agents import AGENTS, CODE, NpmAgent  # noqa: E402

from reviewloop.acp.agents import KnownAgent, require_agent  # noqa: E402
from reviewloop.git.process import find_program  # noqa: E402
from reviewloop.sandbox.base import Level  # noqa: E402

MOST_SECONDS, MOST_MEGABYTES, MOST_START = 0.3, 25.0, 0.05
PROMPT = "# Your part: review-security\nRead shop/digest.py and report what is wrong with it."
SCHEMA = {"type": "object", "properties": {"findings": {"type": "array"}}}
SECONDS = 100.0


def main() -> int:
    """Print a line for each agent, and fail if one is over the limits."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--runs", type=int, default=3)
    given = parser.parse_args()
    over = False
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        start = cage_start(Path(folder))
        trial, *_ = in_child(_trial)
        print(f"cage {start * 1000:.0f} ms, trial {trial * 1000:.0f} ms")
        for name in given.names or AGENTS:
            if find_program(AGENTS[name].program, os.environ["PATH"]) is None:
                continue
            pairs = [
                [turn(name, Path(folder), caged=caged) for caged in (False, True)]
                for _ in range(given.runs)
            ]
            (bare, bare_cpu, _), (caged, cpu, ours) = (
                [min(values) for values in zip(*turns, strict=True)]
                for turns in zip(*pairs, strict=True)
            )
            print(
                f"{name:9} bare {bare:.2f} s, caged {caged:.2f} s ({caged - bare:+.2f} s, "
                f"{caged / bare:.2f} times); CPU {bare_cpu:.2f} s, {cpu:.2f} s "
                f"({cpu - bare_cpu:+.2f} s); ours {ours:.1f} MiB",
                flush=True,
            )
            over = over or caged - bare > MOST_SECONDS or ours > MOST_MEGABYTES
    return int(over or start > MOST_START)


def tree_in(folder: Path) -> Path:
    """Return a folder with the file to review."""
    tree = Path(tempfile.mkdtemp(dir=folder)) / "tree"
    (tree / "shop").mkdir(parents=True)
    (tree / "shop/digest.py").write_text(CODE)
    return tree


def turn(name: str, folder: Path, *, caged: bool) -> tuple[float, float, float]:
    """Return the seconds of one turn, its CPU seconds, and by how many MiB this side grew."""
    agent, tree = AGENTS[name], tree_in(folder)
    with AgentModel(reviewer) as model:
        url = model.url.replace("127.0.0.1", "localhost")
        environ = {key: value.replace("@URL", url) for key, value in agent.environ.items()}
        files = {key: text.replace("@URL", url) for key, text in agent.files.items()}
        known = require_agent(f"{name}:{agent.model}" if agent.model else name, {})
        kept = dict(os.environ)
        os.environ.update(environ)
        try:
            work = in_child(_caged if caged else _bare, agent, known, files, url, tree)
        finally:
            os.environ.clear()
            os.environ.update(kept)
    return work


def in_child(work: Any, *arguments: Any) -> tuple[float, float, float]:
    """Do the work in a process of its own, so that each begins with the same memory."""
    read, write = os.pipe()
    if (child := os.fork()) == 0:
        try:
            os.write(write, json.dumps(work(*arguments)).encode())
            os._exit(0)
        except BaseException as error:  # noqa: BLE001 - the parent gets all of them
            os.write(2, f"{error!r}\n".encode())
            os._exit(1)
    os.close(write)
    with open(read, "rb") as pipe:  # noqa: PTH123 - a descriptor
        said = pipe.read()
    if os.waitpid(child, 0)[1]:
        raise SystemExit("a turn failed")
    seconds, cpu, megabytes = json.loads(said)
    return seconds, cpu, megabytes


def cpu_seconds() -> float:
    """Return the CPU time of this process and of all its descendants."""
    ticks, children = 0, {}
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (process / "stat").read_text().rpartition(")")[2].split()
            children.setdefault(int(fields[1]), []).append((int(process.name), fields))
    found = list(children.get(os.getpid(), ()))
    for process, fields in found:  # grows while it is read
        ticks += sum(map(int, fields[11:15]))
        found += children.get(process, ())
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used) + ticks / os.sysconf("SC_CLK_TCK")


def _trial() -> tuple[float, float, float]:
    from reviewloop.acp.cage_checks import promises_of
    from reviewloop.sandbox.choose import choose

    sandbox = choose()
    started = time.monotonic()
    promises_of(sandbox)
    return time.monotonic() - started, 0.0, 0.0


def tools() -> list[Any]:
    """Return the tools for the agent."""
    from reviewloop.mcp.server import Tool

    path = {"type": "object", "properties": {"path": {"type": "string"}}}
    return [Tool("fs_read", "Read.", path), Tool("report_findings", "Report.", SCHEMA)]


def _caged(
    agent: NpmAgent, known: KnownAgent, files: Mapping[str, str], url: str, tree: Path
) -> tuple[float, float, float]:
    before = memory()
    from dataclasses import replace

    from reviewloop.acp import cage
    from reviewloop.acp.cage_checks import require_cage
    from reviewloop.acp.turn import Caps, Task, hold_turn
    from reviewloop.sandbox.choose import choose

    sandbox = choose()
    if sandbox.level is Level.NONE:
        raise SystemExit("there is no cage here")
    known = replace(
        known,
        hosts=(url.removeprefix("http://"),),
        env=tuple(agent.environ),
        files={**known.files, **files},
        # Through the gateway if its endpoint can be set, like a user's key.
        gateway=known.gateway if known.gateway.get("variable") in agent.environ else {},
    )
    task = Task(
        prompt=PROMPT,
        tree=tree,
        tools=tools(),
        ending="report_findings",
        call=lambda name, arguments: ((tree / "shop/digest.py").read_text(), False),
        check=lambda answer, last: "",
        caps=Caps(SECONDS, 100, SECONDS),
    )
    require_cage(sandbox)
    used: list[float] = []
    end = cage.end_piped
    cage.end_piped = lambda process: (used.append(cpu_seconds()), end(process))[1]
    cpu, started = cpu_seconds(), time.monotonic()
    outcome = hold_turn(known, task, sandbox=sandbox)
    seconds = time.monotonic() - started
    if not outcome.answer:
        raise SystemExit("no answer")
    return seconds, used[0] - cpu, memory() - before


def _bare(
    agent: NpmAgent, known: KnownAgent, files: Mapping[str, str], url: str, tree: Path
) -> tuple[float, float, float]:
    from reviewloop.acp.cage import environment_of
    from reviewloop.acp.client import Client

    home = tree.parent / "home"
    home.mkdir()
    for name, text in {**known.files, **files}.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text(text)
    answered = threading.Event()

    def answer(method: str, given: Mapping[str, Any]) -> dict[str, Any]:
        once = next(one for one in given["options"] if one["kind"] == "allow_once")
        return {"outcome": {"outcome": "selected", "optionId": once["optionId"]}}

    with tools_on_loopback(tree, answered) as port:
        (home / "tmp").mkdir()
        environ = environment_of(known, home, os.environ["PATH"], os.environ)
        environ |= {name: os.environ[name] for name in agent.environ}
        cpu, started = cpu_seconds(), time.monotonic()
        process = subprocess.Popen(
            [agent.program, *agent.arguments],
            cwd=tree,
            env=environ,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        assert process.stdin and process.stdout
        client = Client(process.stdin, process.stdout, on_request=answer, on_update=lambda *_: None)
        client.ask("initialize", {"protocolVersion": 1, "clientCapabilities": {}}).wait(SECONDS)
        server = {"type": "http", "name": "reviewloop", "url": f"http://127.0.0.1:{port}/mcp"}
        servers = [{**server, "headers": []}]
        given = {"cwd": str(tree), "mcpServers": servers, "_meta": known.meta}
        made = client.ask("session/new", given).wait(SECONDS) or {}
        session = {"sessionId": made["sessionId"]}
        if known.model:
            client.ask("session/set_model", {**session, "modelId": known.model}).wait(SECONDS)
        if known.mode:
            client.ask("session/set_mode", {**session, "modeId": known.mode[0]}).wait(SECONDS)
        text = [{"type": "text", "text": PROMPT}]
        ended = client.ask("session/prompt", {**session, "prompt": text}).wait(SECONDS)
        seconds, cpu = time.monotonic() - started, cpu_seconds() - cpu
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    if ended is None or not answered.is_set():
        raise SystemExit("no answer")
    return seconds, cpu, 0.0


@contextmanager
def tools_on_loopback(tree: Path, answered: threading.Event) -> Iterator[int]:
    """Yield the port of the same tools over TCP."""
    from reviewloop.mcp.server import ToolServer

    def call(name: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        if name == "report_findings":
            answered.set()
            return "received; you are done: end your turn now", False
        return (tree / "shop/digest.py").read_text(), False

    served = ToolServer(tree.parent / "tools", "", tools(), call)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            answer = served.answer(body)
            data = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(200 if data else 202)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def do_GET(self) -> None:
            self.send_response(405)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            """Write nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_address[1]
        server.shutdown()


def cage_start(folder: Path) -> float:
    """Return the extra seconds to start a process in the cage, the least of thirty."""
    from reviewloop.sandbox.base import Confinement, Grants
    from reviewloop.sandbox.choose import choose
    from reviewloop.sandbox.run import end_piped, start_piped

    sandbox = choose()
    work = folder / "work"
    work.mkdir()
    confine = Confinement(lambda: sandbox, Grants(work=work))
    caged, bare = [], []
    for _ in range(30):
        started = time.monotonic()
        process = start_piped(("/bin/echo",), cwd=work, env={}, confine=confine)
        assert process.stdout
        process.stdout.readline()
        caged.append(time.monotonic() - started)
        end_piped(process)
        started = time.monotonic()
        subprocess.run(["/bin/echo"], stdout=subprocess.PIPE, check=True)
        bare.append(time.monotonic() - started)
    return min(caged) - min(bare)


def memory() -> float:
    """Return the peak memory of this process, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    raise SystemExit(main())
