"""Reads the definitions of MCP servers: Kiro's two files, and those in agents' files.

https://kiro.dev/docs/mcp/configuration/ and https://kiro.dev/docs/cli/custom-agents/
"""

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, field
from typing import Any
from urllib.parse import urlsplit

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ModelError, UsageError
from reviewloop.regex import regex
from reviewloop.secrets import names_a_secret

PROJECT_FILE = ".kiro/settings/mcp.json"
"""The file with a repository's servers; the same path in the home folder has a user's own."""

_NAME = regex(r"[A-Za-z0-9][\w.-]{0,39}")
_VARIABLE = regex(r"\$\{(?:env:)?(\w+)\}")
_LONGEST_WAIT = 120.0  # seconds
_USUAL_WAIT = 30.0


@dataclass(frozen=True)
class ServerDefinition:
    """One server as its file defines it: a program with pipes, or a URL."""

    name: str
    source: str  # the file, as shown to users
    command: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)  # values may name variables: ${NAME}
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    seconds: float = _USUAL_WAIT  # for one response
    without: tuple[str, ...] = ()  # tools disabled in its file
    required: bool = False  # marked as required in its file
    is_off: bool = False  # `disabled`: it hides one of the same name with lower priority

    @property
    def digest(self) -> str:
        """Return the hash that trust is bound to: all that decides what is started or
        connected to.
        """
        decides = {**asdict(self), "source": "", "seconds": 0}
        del decides["required"], decides["is_off"]
        return "mcp:" + hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()

    @property
    def does(self) -> str:
        """What it does, for the user who is asked to trust it, with its variables.

        Of headers, and of values whose names say secret, only names of variables are shown.
        """
        given = {name: _shown(text, names_a_secret(name)) for name, text in self.env.items()}
        given |= {name: _shown(text, True) for name, text in self.headers.items()}
        listed = ", ".join(f"{name}={text}" for name, text in sorted(given.items()))
        return " ".join(filter(None, (*self.command, self.url, f"with {listed}" if listed else "")))

    @property
    def host(self) -> str:
        """The host of its address, "" for a program."""
        return urlsplit(self.url).netloc.rpartition("@")[2]

    def filled(self, environ: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return its variables and headers, resolved; raise `UsageError` for an unset one."""
        return self._filled(self.env, environ), self._filled(self.headers, environ)

    def _filled(self, values: Mapping[str, str], environ: Mapping[str, str]) -> dict[str, str]:
        def value(match: re.Match[str]) -> str:
            if match[1] not in environ:
                raise UsageError(
                    f"{self.source}: the MCP server {self.name} needs the variable {match[1]}, "
                    "which is not set; set it, or take the server out"
                )
            return environ[match[1]]

        return {name: _VARIABLE.sub(value, text) for name, text in values.items()}


@dataclass(frozen=True)
class ServerTool:
    """A tool as offered to agents; `called` is its name at the server."""

    name: str
    server: str
    called: str
    description: str
    schema: Mapping[str, Any]
    reads: bool  # the user listed it as read-only


@dataclass(frozen=True)
class Trusted:
    """A server that a user trusts, with their settings for it."""

    definition: ServerDefinition
    hosts: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()  # names of its tools, `*` for all
    required: bool = False


class ServerError(ModelError):
    """The server cannot be used any more: it ended, timed out, or broke the protocol."""


def _shown(value: str, is_secret: bool) -> str:
    if not is_secret:
        return value
    return " ".join(match[0] for match in _VARIABLE.finditer(value)) or "..."


def servers_of(
    project: bytes | None, own: bytes | None, agents: Iterable[tuple[str, Mapping[str, object]]]
) -> dict[str, ServerDefinition]:
    """Return the servers by name: an agent's own, then the project's, then the user's.

    Disabled ones are included.

    `agents` are the files of agents, each with its `mcpServers`. Raises `UsageError` for an
    unreadable file.
    """
    found: dict[str, ServerDefinition] = {}
    for source, data in ((f"~/{PROJECT_FILE}", own), (PROJECT_FILE, project)):
        if data is not None:
            found |= {one.name: one for one in _of_table(source, _servers_in(source, data))}
    for source, table in agents:
        found |= {one.name: one for one in _of_table(source, table)}
    return found


def _servers_in(source: str, data: bytes) -> Mapping[str, object]:
    try:
        read = json.loads(data)
    except json.JSONDecodeError as error:
        raise UsageError(f"{source}:{error.lineno}: this is not valid JSON: {error.msg}") from None
    except (ValueError, RecursionError):
        raise UsageError(f"{source}: this is not readable as JSON") from None
    table = read.get("mcpServers", {}) if isinstance(read, dict) else None
    if not isinstance(table, dict):
        raise UsageError(f"{source}: it is an object with `mcpServers`, an object of servers")
    return table


def _of_table(source: str, table: Mapping[str, object]) -> Iterator[ServerDefinition]:
    for name, row in table.items():
        if not isinstance(row, dict):
            raise UsageError(f"{source}: the MCP server {name[:60]!r} is an object")
        if row.get("disabled"):
            yield ServerDefinition(name, source, is_off=True)
            continue
        if not _NAME.fullmatch(name):
            raise UsageError(f"{source}: {name[:60]!r} is no name: letters, digits, -, . and _")
        command, url = row.get("command", ""), row.get("url", "")
        words, wait = row.get("args", []), row.get("timeout", _USUAL_WAIT * 1000)
        tables = [row.get(key) or {} for key in ("env", "headers")]
        without = row.get("disabledTools") or []
        fits = (
            isinstance(command, str)
            and isinstance(url, str)
            and bool(command) != bool(url)
            and isinstance(words, list)
            and isinstance(wait, int | float)
            and wait > 0  # also refuses NaN
            and isinstance(without, list)
            and all(isinstance(one, dict) for one in tables)
        )
        if not fits or (url and urlsplit(url).scheme not in ("https", "http")):
            raise UsageError(
                f"{source}: the MCP server {name} needs either `command` (with `args`) or an "
                "http(s) `url`; `env` and `headers` are objects, `disabledTools` is a list, "
                "`timeout` counts milliseconds"
            )
        env, headers = ({str(k): str(v) for k, v in one.items()} for one in tables)
        yield ServerDefinition(
            name=name,
            source=source,
            command=(command, *map(str, words)) if command else (),
            env=env,
            url=url,
            headers=headers,
            seconds=min(max(wait / 1000, 1.0), _LONGEST_WAIT),
            without=tuple(map(str, without)),
            required=row.get("required") is True,
        )
