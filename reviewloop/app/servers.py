"""Which MCP servers agents may ask here: those a person trusts by what is started."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from reviewloop import __version__
from reviewloop.agents import AgentDefinition
from reviewloop.domain.errors import UsageError
from reviewloop.git.process import find_program, trusted_path
from reviewloop.git.repository import UserRepo
from reviewloop.render.untrusted import one_line
from reviewloop.sandbox.base import Sandbox
from reviewloop.servers.definitions import PROJECT_FILE, ServerDefinition, Trusted, servers_of
from reviewloop.settings import Settings
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.store.places import state_root
from reviewloop.store.trust import TrustStore

if TYPE_CHECKING:
    from reviewloop.servers.running import Servers

_ALL = "mcp"


def servers_here(user: UserRepo, agents: Iterable[AgentDefinition]) -> dict[str, ServerDefinition]:
    """Return all servers that Kiro's files and these agents name; raises `UsageError`."""
    project = in_folder(DiskFiles(user.root), user.project).read(PROJECT_FILE)
    own = Path.home() / PROJECT_FILE
    return servers_of(
        project,
        own.read_bytes() if own.is_file() else None,
        [(agent.origin or agent.name, agent.own_servers) for agent in agents if agent.own_servers],
    )


def server_states(
    user: UserRepo, agents: Sequence[AgentDefinition]
) -> list[tuple[ServerDefinition, str]]:
    """Return all servers, each with why it cannot be asked, "" for one that can."""
    known, trust = servers_here(user, agents), TrustStore(state_root())
    return [(one, _why_not(name, one, known, trust, user.key)) for name, one in known.items()]


def trusted_servers(
    user: UserRepo,
    settings: Settings,
    agents: Sequence[AgentDefinition],
    named: Sequence[str] = (),
) -> tuple[tuple[Trusted, ...], tuple[str, ...]]:
    """Return the servers that agents ask for and a person trusts, and why others are not asked.

    Raises `UsageError` for one that is `named` by a person, or required by their settings, and that
    cannot be asked: nothing is paid then.
    """
    needed = {name.removeprefix("@").partition("/")[0] for name in named}
    needed |= {name for name, use in settings.mcp.items() if use.required}
    requested = {one.removeprefix("@").partition("/")[0] for each in agents for one in each.servers}
    if not (needed or requested):
        return (), ()
    known = servers_here(user, agents)
    if _ALL in requested and _ALL not in known:
        requested = (requested - {_ALL}) | set(known)
    trust = TrustStore(state_root())
    found: list[Trusted] = []
    notes: list[str] = []
    for name in sorted(needed | requested):
        definition = known.get(name)
        why = _why_not(name, definition, known, trust, user.key)
        if definition is not None and not why:
            use = settings.mcp.get(name)
            hosts, reads = (use.hosts, use.reads) if use else ((), ())
            found.append(Trusted(definition, hosts, reads, name in needed))
        elif name in needed:
            raise UsageError(why)
        else:
            notes.append(why)
    return tuple(found), tuple(notes)


def _why_not(
    name: str,
    definition: ServerDefinition | None,
    known: dict[str, ServerDefinition],
    trust: TrustStore,
    key: str,
) -> str:
    if definition is None:
        names = f"there are {', '.join(sorted(known))}" if known else "none is named there"
        return (
            f"no MCP server is called {one_line(name)[:60]} in {PROJECT_FILE}, that file of your "
            f"home, and agents' mcpServers ({names})"
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


def open_servers(
    stack: ExitStack,
    trusted: Sequence[Trusted],
    folder: Path,
    find_cage: Callable[[], Sandbox],
    stopped: Event,
    note: Callable[[str], None],
) -> "Servers | None":
    """Return what agents ask them by, None where there are none; they end with the stack."""
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
    )
    stack.callback(servers.close)
    return servers
