"""Finds the MCP servers that agents may ask: a user trusts each by the command it starts."""

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Event
from typing import TYPE_CHECKING

from reviewloop import __version__
from reviewloop.agents import AgentDefinition
from reviewloop.app.sandboxing import agents_cage
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.process import find_program, trusted_path
from reviewloop.git.repository import UserRepo
from reviewloop.render.untrusted import one_line
from reviewloop.sandbox.base import Sandbox
from reviewloop.servers.definitions import PROJECT_FILE, ServerDefinition, Trusted, servers_of
from reviewloop.settings import Settings
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.store.folders import repository_folder, state_root
from reviewloop.store.trust import TrustStore

if TYPE_CHECKING:
    from reviewloop.servers.running import Servers

_ALL = "mcp"


def servers_here(user: UserRepo, agents: Iterable[AgentDefinition]) -> dict[str, ServerDefinition]:
    """Return all servers in Kiro's files and in these agents' files; raises `UsageError`."""
    project = in_folder(DiskFiles(user.root), user.project).read(PROJECT_FILE)
    if project is None and os.path.lexists(user.root / user.project / PROJECT_FILE):
        raise UsageError(
            f"{PROJECT_FILE} is no file of this project (but a folder or a link out), "
            "so no server of it can be asked; make it a file"
        )
    own = Path.home() / PROJECT_FILE
    try:
        of_user = own.read_bytes() if own.is_file() else None
    except OSError as error:
        raise UsageError(f"~/{PROJECT_FILE} cannot be read: {error.strerror}") from None
    return servers_of(
        project,
        of_user,
        [(agent.origin or agent.name, agent.own_servers) for agent in agents if agent.own_servers],
    )


def server_states(
    user: UserRepo, agents: Sequence[AgentDefinition]
) -> list[tuple[ServerDefinition, str]]:
    """Return all enabled servers, each with why it cannot be asked, or ""."""
    known, trust = servers_here(user, agents), TrustStore(state_root())
    return [
        (one, _why_not(name, one, known, trust, user.key))
        for name, one in known.items()
        if not one.is_off
    ]


def trusted_servers(
    user: UserRepo,
    settings: Settings,
    agents: Sequence[AgentDefinition],
    named: Sequence[str] = (),
) -> tuple[tuple[Trusted, ...], tuple[str, ...]]:
    """Return the servers that agents request and a user trusts, and why others are not asked.

    Raises `UsageError`, before anything is paid, for one that cannot be asked and is `named` by a
    user, or required by their settings or its file.
    """
    if empty := [name for name in named if not name.removeprefix("@").partition("/")[0]]:
        raise UsageError(f"{empty[0]!r} names no MCP server; write @NAME, as in {PROJECT_FILE}")
    needed = {name.removeprefix("@").partition("/")[0] for name in named}
    needed |= {name for name, use in settings.mcp.items() if use.required}
    requested = {one.removeprefix("@").partition("/")[0] for each in agents for one in each.servers}
    if not (needed or requested):
        return (), ()
    known = servers_here(user, agents)
    if _ALL in requested and _ALL not in known:
        requested = (requested - {_ALL}) | {one.name for one in known.values() if not one.is_off}
    needed |= {name for name in requested if name in known and known[name].required}
    trust = TrustStore(state_root())
    found: list[Trusted] = []
    notes: list[str] = []
    for name in sorted(needed | requested):
        definition = known.get(name)
        why = _why_not(name, definition, known, trust, user.key)
        if definition is not None and not why:
            found.append(_with_use(definition, settings, required=name in needed))
        elif name in needed:
            raise UsageError(why)
        else:
            notes.append(why)
    return tuple(found), tuple(notes)


def trusted_by_name(
    user: UserRepo,
    settings: Settings,
    agents: Sequence[AgentDefinition],
    names: Collection[str],
) -> tuple[Trusted, ...]:
    """Return these servers; raise `UsageError` for one that is unknown or cannot be asked."""
    states = server_states(user, agents)
    known = {one.name: one for one, _ in states}
    for name in names:
        if name not in known:
            raise UsageError(unknown_server(name, known))
    found = []
    for one, why in states:
        if one.name in names:
            if why:
                raise UsageError(why)
            found.append(_with_use(one, settings, required=False))
    return tuple(found)


def _with_use(definition: ServerDefinition, settings: Settings, *, required: bool) -> Trusted:
    use = settings.mcp.get(definition.name)
    hosts, reads = (use.hosts, use.reads) if use else ((), ())
    return Trusted(definition, hosts, reads, required)


def unknown_server(name: str, known: Mapping[str, ServerDefinition]) -> str:
    """Return the sentence that no server has this name."""
    on = sorted(one.name for one in known.values() if not one.is_off)
    names = f"there are {', '.join(on)}" if on else "none is named there"
    return (
        f"no MCP server is called {one_line(name)[:60]} in {PROJECT_FILE}, that file of your "
        f"home, and agents' mcpServers ({names})"
    )


def _why_not(
    name: str,
    definition: ServerDefinition | None,
    known: dict[str, ServerDefinition],
    trust: TrustStore,
    key: str,
) -> str:
    if definition is None:
        return unknown_server(name, known)
    if definition.is_off:
        return (
            f"the MCP server {name} is switched off in {one_line(definition.source)} (`disabled`)"
        )
    if not trust.is_trusted(key, definition.digest):
        return (
            f"the MCP server {name} ({one_line(definition.source)}) is not trusted, so it is not "
            "started; `reviewloop trust` shows what it is and allows it"
        )
    if definition.command and find_program(definition.command[0], trusted_path()) is None:
        program = one_line(definition.command[0])[:100]
        return f"the MCP server {name} cannot be started: the program {program} was not found"
    try:
        definition.filled(os.environ)
    except UsageError as error:
        return str(error)
    return ""


@dataclass(frozen=True)
class GivenServer:
    """A server named by an agent's file, and the tools that the agent gets."""

    name: str
    why_not: str  # why none of its tools can be asked, or ""
    gets: tuple[str, ...]  # tools, `*` for all while their names are unknown
    dropped: tuple[str, ...]  # `@NAME/TOOL` or `@NAME` that a reviewer does not get


def servers_of_agent(
    agent: AgentDefinition,
    states: Sequence[tuple[ServerDefinition, str]],
    settings: Settings,
    offered: Mapping[str, Sequence[str]],
) -> tuple[GivenServer, ...]:
    """Return what an agent gets of the servers that its file names.

    `states` is from `server_states`; `offered` maps the digest of a server that ran before to its
    tools. No server is started.
    """
    known = {one.name: (one, why) for one, why in states}
    by_server: dict[str, list[str]] = {}
    for pattern in agent.servers:
        name, _, tool = pattern.removeprefix("@").partition("/")
        for each in known if name == _ALL and _ALL not in known else (name,):
            by_server.setdefault(each, []).append(tool or "*")
    return tuple(
        _given(name, tools, known.get(name), agent.is_reviewer, settings, offered)
        for name, tools in by_server.items()
    )


def _given(
    name: str,
    tools: Sequence[str],
    known: tuple[ServerDefinition, str] | None,
    reads_only: bool,
    settings: Settings,
    offered: Mapping[str, Sequence[str]],
) -> GivenServer:
    use = settings.mcp.get(name)
    reads = use.reads if use else ()
    there = offered.get(known[0].digest, ()) if known else ()
    named = [one for one in there if {"*", one} & set(tools)] or list(tools)
    if "*" in named and reads_only and reads:
        named = list(reads)
    gets = tuple(one for one in named if not reads_only or {"*", one} & set(reads))
    dropped = tuple(
        f"@{name}" if one == "*" else f"@{name}/{one}" for one in named if one not in gets
    )
    return GivenServer(name, known[1] if known else "no such server is named", gets, dropped)


def offered_file(key: str) -> Path:
    """Return the file of a repository with the names of tools that servers offered."""
    return repository_folder(key) / "server-tools.json"


def offered_tools(key: str) -> dict[str, list[str]]:
    """Return server digest -> the names of the tools it last offered."""
    try:
        read = json.loads(offered_file(key).read_text("utf-8"))
    except (OSError, ValueError):  # only informational
        return {}
    return read if isinstance(read, dict) else {}


def _keep_offered(path: Path, definition: ServerDefinition, names: Sequence[str]) -> None:
    known = offered_tools(path.parent.name)
    if known.get(definition.digest) != list(names):
        new = path.with_suffix(f".{os.getpid()}.new")  # of two writers the later one counts
        new.write_text(json.dumps({**known, definition.digest: list(names)}), "utf-8")
        new.replace(path)


@contextmanager
def servers_for_user(
    user: UserRepo, settings: Settings, trusted: Sequence[Trusted]
) -> Iterator[tuple["Servers", list[str]]]:
    """Yield servers for a user who asks them without a run, and notes on those that fail."""
    from reviewloop.servers.running import Servers

    notes: list[str] = []
    with TemporaryDirectory() as folder, ExitStack() as stack:
        servers = Servers(
            [replace(one, required=False) for one in trusted],
            Path(folder) / "servers.json",
            version=__version__,
            find_cage=lambda: agents_cage(settings, ""),
            stopped=Event(),
            note=notes.append,
            offered=partial(_keep_offered, offered_file(user.key)),
        )
        stack.callback(servers.close)
        yield servers, notes


def open_servers(
    stack: ExitStack,
    trusted: Sequence[Trusted],
    folder: Path,
    find_cage: Callable[[], Sandbox],
    stopped: Event,
    note: Callable[[str], None],
    offered: Path,
) -> "Servers | None":
    """Return the running servers for agents, None where there are none; the stack closes them.

    Required servers are started; raises `ModelSetupError` where one cannot be. `offered` is the
    file in which the names of their tools are stored, for people.
    """
    if not trusted:
        return None
    from reviewloop.servers.running import Servers

    servers = Servers(
        trusted,
        folder / "servers.json",
        version=__version__,
        find_cage=find_cage,
        stopped=stopped,
        note=note,
        offered=partial(_keep_offered, offered),
    )
    stack.callback(servers.close)
    servers.begin_required()
    return servers
