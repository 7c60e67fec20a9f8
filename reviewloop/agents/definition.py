"""An agent's definition, and its parser for JSON or Markdown files in any known dialect."""

import difflib
import json
import posixpath
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import field
from pathlib import PurePosixPath
from typing import Any, Literal, NamedTuple, NoReturn

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.regex import regex

Origin = Literal["project", "kiro", "user", "installed", "shipped"]
"""Where a file was found, in the order of precedence."""


@dataclass(frozen=True)
class AgentFile:
    """The bytes of one agent file.

    `path` is relative to the project's root, begins with `~/` for the user's own files, and is
    `agents/<name>.json` for built-in ones, `<distribution>/<name>.json` for plugins.
    """

    origin: Origin
    path: str
    data: bytes

    @property
    def shown(self) -> str:
        """The path for messages."""
        return f"{self.path} (shipped)" if self.origin == "shipped" else self.path

    @property
    def default_name(self) -> str:
        """The agent's name if the file has none."""
        return PurePosixPath(self.path).stem


@dataclass(frozen=True)
class AgentDefinition:
    """One agent. `tools` holds the granted ones, under our names, whatever its file requests."""

    name: str
    description: str
    prompt: str
    tools: tuple[str, ...]
    model: str | None = None
    resources: tuple[str, ...] = ()  # as written: `file://` globs relative to the project's root
    origin: str = ""  # path of its file, for messages
    dropped_tools: tuple[str, ...] = ()  # requested, not granted
    servers: tuple[str, ...] = ()  # requested MCP servers and tools: `@SERVER`, `@SERVER/TOOL`
    own_servers: Mapping[str, Any] = field(default_factory=dict)  # its `mcpServers`, as written
    notes: tuple[str, ...] = ()  # ignored or repaired parts, one sentence each
    extra: Mapping[str, Any] = field(default_factory=dict)  # all other keys of the file, unchanged

    @property
    def is_reviewer(self) -> bool:
        """Whether it takes part in the review step."""
        return self.name.startswith("review-")


IMPLEMENT = "implement"
FIX = "fix"
QUICK_REVIEW = "quick-review"
REVIEW_SPEC = "review-spec"
"""The reviewer that runs only if a spec has criteria."""

READ_ONLY = ("fs_read", "code", "grep", "glob")
_WRITING = ("fs_write", "run_gate", "execute_bash")
_OURS = frozenset({*READ_ONLY, *_WRITING})

# Both engines' names, the IDE's internal ids, and the tags of the newer one; all map to our tools.
_ALIASES: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("read", ("fs_read", "grep", "glob")),  # a tag: read, list and search
    ("readFile", ("fs_read",)),
    ("readCode", ("fs_read", "code")),
    ("listDirectory", ("fs_read",)),
    ("fsWrite", ("fs_write",)),
    ("fs_append", ("fs_write",)),
    ("fsAppend", ("fs_write",)),
    ("strReplace", ("fs_write",)),
    ("str_replace", ("fs_write",)),
    ("write", ("fs_write",)),
    ("shell", ("execute_bash",)),
    ("bash", ("execute_bash",)),
    ("executeBash", ("execute_bash",)),
    ("executePwsh", ("execute_bash",)),
    ("execute_cmd", ("execute_bash",)),
    ("grepSearch", ("grep",)),
    ("fileSearch", ("glob",)),
    ("*", (*READ_ONLY, *_WRITING)),
    ("@builtin", (*READ_ONLY, *_WRITING)),
)


class Grant(NamedTuple):
    """The granted part of the tools that an agent's file requests."""

    tools: tuple[str, ...]
    dropped: tuple[str, ...]  # as written in the file; an unknown one with the nearest name


def _with_nearest(entry: str) -> str:
    """Return an unknown tool with the nearest known name."""
    near = difflib.get_close_matches(entry, sorted(_OURS), n=1, cutoff=0.7)
    return f"{entry} (did you mean {near[0]}?)" if near else entry


def allowed_for(name: str) -> tuple[str, ...]:
    """Return the most tools that an agent of this name can have."""
    if name in (IMPLEMENT, FIX):
        return (*READ_ONLY, *_WRITING)
    return () if name == QUICK_REVIEW else READ_ONLY


def grant(name: str, requested: Iterable[str], excluded: Iterable[str] = ()) -> Grant:
    """Return the granted tools.

    A reviewer gets the read-only set, no more and no less. The re-reviewer sees the fix diff and
    nothing else, so it gets none. Agents that may write may also run the gates, which Kiro's files
    cannot request.
    """
    allowed = allowed_for(name)
    patterns: set[str] = set()
    dropped = []
    for entry in requested:
        meant = set(_meaning(entry))
        patterns |= meant
        # A wildcard requests whatever exists, so none of its tools counts as refused.
        if entry not in ("*", "@builtin") and not meant & set(allowed):
            dropped.append(entry if meant & _OURS else _with_nearest(entry))
    for entry in excluded:
        patterns -= set(_meaning(entry))
    if name.startswith("review-"):
        patterns = set(READ_ONLY)
    elif "fs_write" in patterns:
        patterns.add("run_gate")
    return Grant(tuple(tool for tool in allowed if tool in patterns), tuple(dropped))


def _is_of_server(entry: str) -> bool:
    return entry.startswith("@") and entry != "@builtin"


def _meaning(entry: str) -> tuple[str, ...]:
    return dict(_ALIASES).get(entry, (entry,))


ReadPrompt = Callable[[str], bytes | None]
"""Returns the content of a prompt file, or None; the path is written as in `AgentFile.path`."""

_USED = {
    *("name", "description", "prompt", "tools", "excludedTools", "model", "resources"),
    "mcpServers",
}
_IGNORED = {
    "hooks": "`reviewloop hooks list` says which of them fire in a run, once trusted",
    "toolsSettings": "what tools may do is set in reviewloop's own settings",
    "permissions": "what tools may do is set in reviewloop's own settings",
}
_PASSED_OVER = {
    *("$schema", "allowedTools", "toolAliases", "includeMcpJson", "useLegacyMcpJson"),
    *("includePowers", "keyboardShortcut", "welcomeMessage", "dispatchKind", "version", "color"),
    *("inclusion", "tags", "author", "license", "metadata"),
}
"""Keys that Kiro's files may have and that have no effect here."""
_KNOWN_KEYS = frozenset({*_USED, *_IGNORED, *_PASSED_OVER})
# Names become names of graph nodes, log files and journal entries.
_PLAIN_NAME = regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_FRONT_MATTER = regex(r"---[ \t]*\n(.*?)^---[ \t]*(?:\n|\Z)", re.DOTALL | re.MULTILINE)


def parse_agent(file: AgentFile, read_prompt: ReadPrompt) -> AgentDefinition:
    """Parse the agent in a file.

    Raise UsageError with `path:line` for invalid parts, and for a prompt file that is missing or
    outside the project.
    """
    fields = read_fields(file)
    name = name_of(file, fields)
    if not _PLAIN_NAME.fullmatch(name):
        _fail(file, "name", f"the name {name!r} must be letters, digits, '.', '_' and '-'")
    notes = [f"{key}: {why}" for key, why in _IGNORED.items() if fields.get(key)]
    notes += [_unknown_key(key) for key in fields if key not in _KNOWN_KEYS]
    words, excluded = _words(file, fields, "tools"), _words(file, fields, "excludedTools")
    servers = tuple(word for word in words if _is_of_server(word) and word not in excluded)
    granted = grant(name, [word for word in words if not _is_of_server(word)], excluded)
    own = fields.get("mcpServers") or {}
    if not isinstance(own, Mapping):
        _fail(file, "mcpServers", "`mcpServers` is an object of servers, each by its name")
    return AgentDefinition(
        name=name,
        description=_text(file, fields, "description"),
        prompt=_prompt(file, fields, read_prompt),
        tools=granted.tools,
        model=_text(file, fields, "model") or None,
        resources=_resources(file, fields, notes),
        origin=file.shown,
        dropped_tools=granted.dropped,
        servers=servers,
        own_servers=own,
        notes=tuple(notes),
        extra={key: value for key, value in fields.items() if key not in _USED},
    )


def read_fields(file: AgentFile) -> Mapping[str, Any]:
    """Return the keys of an agent file as written; the body of a Markdown file is its prompt."""
    text = _decode(file)
    if file.path.endswith(".md"):
        return _read_markdown(file, text)
    try:
        # strict=False: existing prompts hold raw line feeds inside JSON strings.
        fields = json.loads(text, strict=False)
    except json.JSONDecodeError as error:
        raise UsageError(f"{file.shown}:{_line_of(error)}: {_json_advice(error)}") from None
    except RecursionError:
        raise UsageError(
            f"{file.shown}:1: nested too deeply; an agent is one flat object"
        ) from None
    if not isinstance(fields, dict):
        raise UsageError(
            f"{file.shown}:1: an agent is one JSON object; put the keys name, prompt and tools "
            "between { and }"
        )
    return fields


def is_agent_file(file: AgentFile) -> bool:
    """Whether the file looks like an agent: a README beside agents does not."""
    if not file.path.endswith(".md"):
        return True
    return file.data.removeprefix(b"\xef\xbb\xbf").startswith(b"---")


def name_of(file: AgentFile, fields: Mapping[str, Any]) -> str:
    """Return the agent's name: as written, else from the file's name."""
    return _text(file, fields, "name").strip() or file.default_name


def is_ours(name: str) -> bool:
    """Whether reviewloop uses an agent of this name; all others belong to Kiro alone."""
    return name in (IMPLEMENT, FIX, QUICK_REVIEW) or name.startswith("review-")


def _decode(file: AgentFile) -> str:
    encoding = json.detect_encoding(file.data)
    try:
        text = file.data.decode(encoding)
    except UnicodeDecodeError as error:
        line = file.data.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{file.shown}:{line}: byte {error.start} is not {encoding}; save the file as UTF-8"
        ) from None
    return text.replace("\r\n", "\n")


def _read_markdown(file: AgentFile, text: str) -> Mapping[str, Any]:
    import yaml

    match = _FRONT_MATTER.match(text)
    if match is None:
        raise UsageError(
            f"{file.shown}:1: the front matter is never closed; end it with a line ---"
        )
    try:
        fields = yaml.safe_load(match.group(1))
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise UsageError(
            f"{file.shown}:{line}: the front matter is not valid YAML ({error.problem}); "
            "put values with ':' or '#' in quotes"
        ) from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise UsageError(f"{file.shown}:1: the front matter cannot be read: {error}") from None
    if not isinstance(fields, dict):
        raise UsageError(f"{file.shown}:2: the front matter must be lines of `key: value`")
    body = text[match.end() :].strip()
    plain = {str(key): value for key, value in fields.items()}
    return {**plain, "prompt": body} if body else plain


def _line_of(error: json.JSONDecodeError) -> int:
    """Return the line to fix: that of an extra comma, which Python versions report differently."""
    before = error.doc[: error.pos].rstrip()
    return before.count("\n") + 1 if before.endswith(",") else error.lineno


def _json_advice(error: json.JSONDecodeError) -> str:
    """Return problem and advice for common mistakes in JSON."""
    rest = error.doc[error.pos :].lstrip()
    before = error.doc[: error.pos].rstrip()
    if not error.doc.strip():
        return "the file is empty; write one JSON object with name, prompt and tools"
    if not rest:
        return "the file ends before the object is closed; add the missing ] or }"
    if before.endswith(",") and rest[:1] in ("}", "]"):
        return f"remove the comma before {rest[0]}"
    if rest[:1] == "," and rest[1:].lstrip()[:1] in ("}", "]"):
        return f"remove the comma before {rest[1:].lstrip()[0]}"
    if rest.startswith(("//", "/*", "#")):
        return "JSON has no comments; remove it"
    if rest.startswith("'"):
        return "use double quotes instead of single ones"
    if error.msg.startswith("Unterminated string"):
        return "the string that begins here is never closed; add the missing double quote"
    if error.msg.startswith("Invalid \\escape"):
        return "write a backslash inside a string as \\\\"
    if error.msg.startswith("Expecting ',' delimiter"):
        return (
            "a comma is missing before this place, or a double quote inside the string before it "
            'must be written as \\"'
        )
    return f"this is not valid JSON ({error.msg}, column {error.colno}); correct it there"


def _prompt(file: AgentFile, fields: Mapping[str, Any], read_prompt: ReadPrompt) -> str:
    prompt = _text(file, fields, "prompt")
    if prompt.startswith("file://"):
        path = _prompt_path(file, prompt.removeprefix("file://"))
        data = read_prompt(path)
        if data is None:
            _fail(file, "prompt", f"the prompt file {path} does not exist; create it or inline it")
        try:
            prompt = data.decode("utf-8-sig")
        except UnicodeDecodeError:
            _fail(file, "prompt", f"the prompt file {path} is not UTF-8; save it as UTF-8")
    if not prompt.strip():
        _fail(file, "prompt", "the agent has no prompt; say in `prompt` what it should look at")
    return prompt.replace("\r\n", "\n").strip()


def _prompt_path(file: AgentFile, target: str) -> str:
    """Return the path to read; it is relative to the agent file's folder, not to the project."""
    of_user = file.origin == "user"
    if file.origin in ("installed", "shipped"):  # their prompts would be searched in the project
        _fail(file, "prompt", "an agent of a distribution holds its prompt itself; inline it")
    if target.startswith(("/", "~/")):
        if not of_user:
            _fail(file, "prompt", f"file://{target} is absolute; use a path relative to this file")
        return posixpath.normpath(target)
    path = posixpath.normpath(posixpath.join(posixpath.dirname(file.path), target))
    inside = path.startswith("~/.kiro/") if of_user else not path.startswith("../")
    if not inside:
        _fail(
            file,
            "prompt",
            f"file://{target} leaves the {'~/.kiro folder' if of_user else 'project'}",
        )
    return path


def _words(file: AgentFile, fields: Mapping[str, Any], key: str) -> list[str]:
    """Return a list of names: a JSON list, or one string with commas as in some files."""
    value = fields.get(key)
    if value is None:
        return []
    if isinstance(value, str):
        return [word.strip() for word in value.split(",") if word.strip()]
    if isinstance(value, list) and all(isinstance(word, str) for word in value):
        return [word.strip() for word in value if word.strip()]
    _fail(file, key, f'{key} must be a list of names, like ["fs_read", "grep"]')


def _unknown_key(key: str) -> str:
    near = difflib.get_close_matches(key, sorted(_KNOWN_KEYS), n=1, cutoff=0.7)
    return f"{key}: no such key" + (f"; did you mean {near[0]}?" if near else "; it is ignored")


def _resources(file: AgentFile, fields: Mapping[str, Any], notes: list[str]) -> tuple[str, ...]:
    value = fields.get("resources") or []
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        _fail(file, "resources", 'resources must be a list, like ["file://docs/**/*.md"]')
    texts = tuple(item for item in value if isinstance(item, str))
    known = ("file://", "skill://")
    if len(texts) < len(value) or any("://" in t and not t.startswith(known) for t in texts):
        notes.append("resources: only file:// and skill:// entries are read; the others are not")
    return texts


def _text(file: AgentFile, fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    if value is None:
        return ""
    if not isinstance(value, str):
        _fail(file, key, f"{key} must be a text in double quotes")
    return value


def _fail(file: AgentFile, key: str, problem: str) -> NoReturn:
    line = 1
    for number, text in enumerate(file.data.decode("utf-8", "replace").split("\n"), 1):
        if re.match(rf'\s*[{{,]?\s*"?{key}"?\s*:', text):
            line = number
            break
    raise UsageError(f"{file.shown}:{line}: {problem}")
