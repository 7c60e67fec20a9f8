"""The cage of an agent's process: its files, its environment, and its connections."""

import json
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from reviewloop.acp import relay
from reviewloop.acp.agents import KnownAgent
from reviewloop.acp.logins import copy_back_logins
from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelError, ModelSetupError, UsageError
from reviewloop.git.directory import read_plain
from reviewloop.git.process import find_program, trusted_path
from reviewloop.sandbox.base import Confinement, Grants, Level, Mount, Network, Sandbox
from reviewloop.sandbox.run import end_piped, start_piped
from reviewloop.sandbox.toolchains import interpreter_folders, tool_folders, with_targets

_SHORT_ENOUGH = 60  # characters; a local socket's address has room for 108
_SYSTEM_PATH = ("/usr/local/bin", "/usr/bin", "/bin")
_WORKSPACE = Path("/workspace")  # the same in each turn, so that providers can cache the prompt
_STDERR = 8192  # bytes kept of its end
_SHEBANG = 256
_WITHOUT_NETWORK = {Level.LANDLOCK, Level.SEATBELT}  # levels without a network of their own
_TERMINALS = (Path("/dev/ptmx"), Path("/dev/pts"), Path("/dev/tty"))
_MODULES = "node_modules"


@dataclass(frozen=True)
class Room:
    """The folder of one turn: the agent's empty home, and the sockets that lead out of the cage."""

    folder: Path

    @property
    def home(self) -> Path:
        """The only folder that the agent may write."""
        return self.folder / "home"

    @property
    def proxy(self) -> Path:
        """The socket of the proxy to hosts."""
        return self.folder / "proxy"

    @property
    def model(self) -> Path:
        """The socket to a model, which only the proxy uses."""
        return self.folder / "model"

    @property
    def tools(self) -> Path:
        """The socket of our tools."""
        return self.folder / "tools"


@contextmanager
def make_room() -> Iterator[Room]:
    """Yield a room; it is deleted with all that the agent left in it."""
    location = tempfile.gettempdir()
    if len(location) > _SHORT_ENOUGH:
        location = "/tmp"  # noqa: S108 - mkdtemp makes a folder that is ours alone
    folder = Path(tempfile.mkdtemp(prefix="rl-", dir=location)).resolve()
    try:
        room = Room(folder)
        (room.home / "tmp").mkdir(parents=True, mode=0o700)
        yield room
    finally:
        remove_tree(folder)


class Caged:
    """A running agent: its pipes, the ports inside of its cage, and the end of its stderr."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", folder: Path, ports: Mapping[str, int] | None
    ) -> None:
        self.folder = folder  # its working folder, as the cage shows it
        assert process.stdin and process.stdout and process.stderr  # noqa: S101 - for the checker
        self.stdin, self.stdout, self._err = process.stdin, process.stdout, process.stderr
        self._process = process
        self._tail = b""
        self._drain = threading.Thread(target=self._read_errors, name="stderr", daemon=True)
        self._drain.start()
        try:
            ports = ports or json.loads(self.stdout.readline(_STDERR))
            self.tools_port, self.proxy_port = int(ports["tools"]), int(ports["proxy"])
        except (ValueError, TypeError, KeyError) as error:
            self._drain.join(1.0)
            raise ModelError(f"the cage does not start: {self.stderr or error}") from error

    @property
    def stderr(self) -> str:
        """Return the end of its stderr, as one line."""
        return " ".join(self._tail.decode("utf-8", "replace").split())[-400:]

    def exit_code(self, seconds: float) -> int | None:
        """Return its exit code, None while it runs."""
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None
        self._drain.join(1.0)
        return code

    def _read_errors(self) -> None:
        while piece := os.read(self._err.fileno(), 65536):
            self._tail = (self._tail + piece)[-_STDERR:]


@contextmanager
def start_agent(
    agent: KnownAgent,
    room: Room,
    *,
    sandbox: Sandbox,
    tree: Path,
    writes: bool,
    environ: Mapping[str, str],
    note: Callable[[str], None] = lambda text: None,
) -> Iterator[Caged]:
    """Yield the agent, started in `tree`, which is read-only for it unless it `writes`.

    All its processes end with it. `note` is called for a renewed login that is not copied back.
    """
    program = agent.find(trusted_path())
    if program is None:
        raise ModelSetupError(not_found(agent))
    if _interpreter_of(program) is not None:
        program = program.resolve()  # a script's modules are beside itself, not its link
    users_home = Path(environ.get("HOME") or Path.home())
    fill_home(agent, room.home, users_home)
    logins = {name: read_plain(room.home / name) for name in agent.renews}
    relay_file = Path(relay.__file__)
    locations, folders = _locations(program, agent.command[1:])
    ours = (relay_file, *interpreter_folders(Path(sys.executable)))
    read = (room.proxy, room.tools, *_outermost((*ours, *agent.read, *locations)))
    path = os.pathsep.join(dict.fromkeys((*folders, *_SYSTEM_PATH)))
    argv: tuple[str, ...] = (str(program), *agent.command[1:])
    variables = environment_of(agent, room.home, path, environ)
    with ExitStack() as stack:
        ports: dict[str, int] | None = None
        network = Network()
        if sandbox.level in _WITHOUT_NETWORK:
            ports = stack.enter_context(_ports_of(room))
            network = Network(connect=tuple(ports.values()))
            variables |= relay.proxy_variables(ports["proxy"])
            if agent.serves:
                port = _free_port()
                network = Network((*network.connect, port), (port,))
                argv += tuple(word.format(port=port) for word in agent.serves)
        else:
            around = (sys.executable, "-I", "-S", str(relay_file), str(room.proxy), str(room.tools))
            argv = (*around, "--", *argv)
        inside = _WORKSPACE if sandbox.mounts_over else tree
        shown = Mount(tree, inside, write=writes)
        terminals = _TERMINALS if agent.terminal and ports else ()
        grants = Grants(
            work=room.home, read=read, write=terminals, mounts=(shown,), network=network
        )
        stack.callback(_copy_back, room.home, users_home, logins, note)  # after all its processes
        process = start_piped(
            argv,
            cwd=tree,
            inside=inside,
            env=variables,
            confine=Confinement(lambda: sandbox, grants),
        )
        for pipe in (process.stderr, process.stdout):
            assert pipe is not None  # noqa: S101 - tells the type checker
            stack.callback(pipe.close)
        stack.callback(_close_quietly, process)
        stack.callback(end_piped, process)
        yield Caged(process, inside, ports)


def _copy_back(
    home: Path, users_home: Path, logins: Mapping[str, bytes], note: Callable[[str], None]
) -> None:
    for text in copy_back_logins(home, users_home, logins):
        note(text)


@contextmanager
def _ports_of(room: Room) -> Iterator[dict[str, int]]:
    """Yield ports of this machine that lead out of the cage, inside the block."""
    with ExitStack() as stack:
        found = {}
        for name, path in (("proxy", room.proxy), ("tools", room.tools)):
            server = relay.listen(str(path))
            stack.callback(server.close)
            stack.callback(server.shutdown, socket.SHUT_RDWR)
            found[name] = server.getsockname()[1]
        yield found


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def _close_quietly(process: "subprocess.Popen[bytes]") -> None:
    try:
        if process.stdin:
            process.stdin.close()
    except OSError:  # the rest is dropped
        return


def not_found(agent: KnownAgent) -> str:
    """Return that an agent's program is missing, and how to get it."""
    get = f"; get it with `{agent.get}`" if agent.get else "; correct its command in [acp]"
    return f"acp:{agent.name}: the program {agent.command[0]} was not found{get}"


def environment_of(
    agent: KnownAgent, home: Path, path: str, environ: Mapping[str, str]
) -> dict[str, str]:
    """Return all variables of an agent; of ours only those that its row names."""
    fixed = {
        "PATH": path,
        "HOME": str(home),
        "TMPDIR": str(home / "tmp"),
        "LANG": "C.UTF-8",
        "LC_ALL": "C.UTF-8",
        "TERM": "dumb",
        "NO_COLOR": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
    }
    return {**fixed, **{k: environ[k] for k in agent.env if environ.get(k)}, **agent.set}


def fill_home(agent: KnownAgent, home: Path, users_home: Path) -> None:
    """Write the files of its row into an agent's home, and copy those that the row names."""
    for name, text in agent.files.items():
        _write(home, name, text.encode())
    for name in (*agent.home, *agent.renews):
        if data := read_plain(users_home / name):
            _write(home, name, data)


def _write(home: Path, name: str, data: bytes) -> None:
    location = home / name
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise UsageError(f"acp: {name} is no file of a home folder; correct [acp] in your settings")
    location.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    location.touch(mode=0o600)
    location.write_bytes(data)


def _locations(program: Path, arguments: Sequence[str]) -> tuple[tuple[Path, ...], list[str]]:
    """Return the paths that the program and its interpreter need, and the folders for PATH."""
    home = Path.home()
    files = [program, *(Path(word) for word in arguments if word.startswith("/"))]
    found: list[Path] = []
    folders = [str(program.parent)]
    for file in filter(Path.is_file, files):
        found += _around(file)
        interpreter = _interpreter_of(file)
        if interpreter is not None:
            folders.append(str(interpreter.parent))
            found += tool_folders({"PATH": str(interpreter.parent)}, home)
    if program.name.startswith("python"):
        found += interpreter_folders(program)
    return with_targets(found), folders


def _outermost(locations: Iterable[Path]) -> tuple[Path, ...]:
    """Return the paths that are in no other one: a link inside another is not mounted again."""
    known = set(locations)
    return tuple(sorted(one for one in known if known.isdisjoint(one.parents)))


def _around(file: Path) -> Iterator[Path]:
    """Yield a file, and the folder of its package."""
    yield file
    real = file.resolve()
    yield real
    parts = real.parts
    if _MODULES in parts:
        yield Path(*parts[: parts.index(_MODULES) + 1])


def _interpreter_of(file: Path) -> Path | None:
    """Return the program that a script's first line names, as `env` finds it."""
    try:
        with file.open("rb") as opened:
            first = opened.readline(_SHEBANG).decode("utf-8", "replace")
    except OSError:
        return None
    words = first.removeprefix("#!").split()
    if not first.startswith("#!") or not words:
        return None
    if Path(words[0]).name == "env":
        named = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return find_program(named[0], trusted_path()) if named else None
    return Path(words[0])


def new_token() -> str:
    """Return a new secret that an agent sends to our tools."""
    return secrets.token_urlsafe(32)
