"""The table of known agents, merged with the user's settings."""

import difflib
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import field, replace
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.process import find_program
from reviewloop.settings.schema import AgentProgram

_AT_ONCE = 2
_OF_LOGINS = {"hosts", "env", "home", "renews"}


@dataclass(frozen=True)
class KnownAgent:
    """One agent: its command, and all that its cage allows; see agents.toml."""

    name: str
    command: tuple[str, ...]
    source: str = ""
    get: str = ""
    login: str = "log in with its own program"
    sign_in: tuple[str, ...] = ()  # its methods of authentication with a key from the environment
    hosts: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    home: tuple[str, ...] = ()
    renews: tuple[str, ...] = ()
    read: tuple[Path, ...] = ()
    mode: tuple[str, ...] = ()  # the first available one is requested
    model: str = ""  # id of its model; "" for its default
    megabytes: int = 0  # of one process; 0: not measured
    tokens: int = 0  # of a usual review; 0: not measured
    counts: bool = True  # False: it reports the tokens of its last reply only
    tried: tuple[str, ...] = ()  # versions, none if untested
    set: Mapping[str, str] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    meta: Mapping[str, Any] = field(default_factory=dict)
    terminal: bool = False  # it runs commands in terminals of its own
    serves: tuple[str, ...] = ()  # arguments that give it a port to serve at
    gateway: Mapping[str, Any] = field(default_factory=dict)  # how it works without the real key
    writes: Mapping[str, Any] = field(default_factory=dict)  # differences where it changes files

    @property
    def at_once(self) -> int:
        """Return how many of its processes may run at a time, as each takes hundreds of
        megabytes.
        """
        return 1 if self.home or self.renews else _AT_ONCE

    @property
    def price(self) -> str:
        """Return what one of its turns costs, in words."""
        if not self.megabytes:
            return "what a turn takes was never measured"
        return (
            f"a turn takes about {self.megabytes} MB, and for a small change about "
            f"{self.tokens:,} tokens"
        )

    def in_role(self, *, writes: bool) -> "KnownAgent":
        """Return the agent configured for changing files, or for reading only."""
        return replace(self, **dict(_row(self.writes))) if writes else self

    def has_login(self, environ: Mapping[str, str], home: Path) -> bool:
        """Return whether its credentials are here; only its vendor knows if they are valid."""
        if not (self.env or self.home or self.renews):
            return True  # unknown
        files = (home / name for name in (*self.home, *self.renews))
        return any(environ.get(name) for name in self.env) or any(map(Path.is_file, files))

    def find(self, path: str) -> Path | None:
        """Return the program, searched in the folders of `path`; None where it is missing."""
        program = self.command[0]
        if "/" in program:
            location = Path(program).expanduser()
            return location.absolute() if location.is_file() else None
        return find_program(program, path)


def require_agent(name: str, own: Mapping[str, AgentProgram]) -> KnownAgent:
    """Return an agent by `NAME` or `NAME:MODEL`; raise UsageError for an unknown one."""
    name, _, model = name.partition(":")
    known, mine = _table().get(name), own.get(name)
    if known is None and (mine is None or not mine.command):
        names = sorted({*_table(), *own})
        near = difflib.get_close_matches(name, names, n=1)
        hint = f"did you mean acp:{near[0]}?" if near else f"known are {', '.join(names)};"
        raise UsageError(
            f"models: no agent is called {name!r}; {hint} any other is started by `[acp.{name}] "
            'command = ["program"]` in your own settings file'
        )
    agent = known or KnownAgent(name, ())
    agent = agent if mine is None else _changed(agent, mine)
    return replace(agent, model=model) if model else agent


def agents_here(path: str) -> list[KnownAgent]:
    """Return the known agents whose programs are in the folders of `path`."""
    return [agent for agent in _table().values() if agent.find(path)]


def _changed(agent: KnownAgent, own: AgentProgram) -> KnownAgent:
    """Return the agent with the user's settings applied."""
    given = {key: value for key, value in own.model_dump().items() if value}
    if own.mode:
        given["mode"] = (own.mode,)
        given["writes"] = {**agent.writes, "mode": [own.mode]}
    if not _OF_LOGINS.isdisjoint(given):
        given["gateway"] = {}  # the user's own credentials are passed unchanged
    if "read" in given:
        given["read"] = tuple(Path(location).expanduser() for location in given["read"])
    return replace(agent, **given)


@lru_cache(maxsize=1)
def _table() -> Mapping[str, KnownAgent]:
    text = files("reviewloop.acp").joinpath("agents.toml").read_text("utf-8")
    return {name: KnownAgent(name, **dict(_row(row))) for name, row in tomllib.loads(text).items()}


def _row(row: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        yield key, tuple(value) if isinstance(value, list) else value
