"""Reads the hooks of a repository: Kiro's three formats, `.reviewloop/hooks`, and its settings.

A file that cannot be read is reported with its line, never dropped silently.
"""

# One file: all formats share parsing, the lines of problems, and validation.

import difflib
import hashlib
import json
import re
import shlex
import tomllib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal

from pydantic import ValidationError
from pydantic.alias_generators import to_camel

from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import PatternError, require_sound
from reviewloop.hooks.actions import (
    IMPLIED,
    NAMES,
    ActionError,
    Lint,
    SyncSpecDesign,
    options_of,
    require_moment,
    stops,
)
from reviewloop.hooks.condition import ConditionError, parse_condition
from reviewloop.hooks.cycles import cycles_of
from reviewloop.hooks.hook import (
    CAN_BLOCK,
    EDITS_COUNT,
    KIRO_BLOCKS,
    KIRO_NAMES,
    KIRO_TIMEOUT,
    OF_FILES,
    PLACEHOLDERS,
    Event,
    Hook,
    Option,
    unknown_placeholders,
)
from reviewloop.regex import regex
from reviewloop.specs.files import Files, decode

KIRO = ".kiro/hooks"
AGENTS = ".kiro/agents"
OWN = ".reviewloop/hooks"
ONE_FILE = "reviewloop.hooks.yaml"
"""Our grammar in one file of the project's folder."""
SETTINGS = ("reviewloop.toml", "pyproject.toml")
"""Their table `[hooks]`; in pyproject.toml the one in `[tool.reviewloop]`."""
_LARGEST = 256 * 1024  # bytes of one file
_MOST = 200  # hooks of a repository
_LONGEST_MATCHER = 200
_LONGEST_TIMEOUT = 10**8  # also of milliseconds; a run's own limit is much lower
_REPEATED_GROUP = regex(r"\([^()]*[+*{][^()]*\)[+*{]")  # takes exponential time on some paths

_LISTS = {
    "on_save": Event.FILE_SAVE,
    "onFileSave": Event.FILE_SAVE,
    "on_commit": Event.PRE_COMMIT,
    "onCommit": Event.PRE_COMMIT,
    "on_pr": Event.PR_CREATED,
    "onPRCreate": Event.PR_CREATED,
}
_OLD_NAMES = {
    "fileEdited": Event.FILE_SAVE,
    "fileCreated": Event.FILE_CREATE,
    "fileDeleted": Event.FILE_DELETE,
    "userTriggered": Event.MANUAL,
    "promptSubmit": Event.PROMPT,
    "agentStop": Event.SESSION_STOP,
    "preToolUse": Event.TOOL_BEFORE,
    "postToolUse": Event.TOOL_AFTER,
    "preTaskExecution": Event.TASK_START,
    "postTaskExecution": Event.TASK_END,
}
_IN_AGENTS = {
    "agentSpawn": Event.SESSION_START,
    "userPromptSubmit": Event.PROMPT,
    "preToolUse": Event.TOOL_BEFORE,
    "postToolUse": Event.TOOL_AFTER,
    "stop": Event.SESSION_STOP,
}
_TRIGGERS = {name: event for event, name in KIRO_NAMES.items()} | {"SessionEnd": Event.SESSION_STOP}
_INTERPRETERS = {"sh", "bash", "zsh", "python", "python3", "node", "ruby", "perl", "deno", "bun"}


@dataclass(frozen=True)
class HookProblem:
    """What is wrong with a hook; a warning does not disable the hook."""

    path: str
    line: int
    text: str
    level: Literal["error", "warning"] = "error"

    @property
    def sentence(self) -> str:
        """Return it with the location first, as compilers write it."""
        return f"{self.path}:{self.line}: {self.text}"


@dataclass(frozen=True)
class HooksRead:
    """All hooks of a repository, and their problems."""

    hooks: tuple[Hook, ...] = ()
    problems: tuple[HookProblem, ...] = ()

    @property
    def errors(self) -> tuple[HookProblem, ...]:
        """The problems that disable a hook."""
        return tuple(one for one in self.problems if one.level == "error")


class _WrongError(ValueError):
    """A hook is invalid; `near` is a text on the wrong line."""

    def __init__(self, text: str, near: str = "") -> None:
        super().__init__(text)
        self.near = near


@dataclass
class _Source:
    """A file being read; its text gives the line numbers."""

    path: str
    text: str
    problems: list[HookProblem] = field(default_factory=list)

    def line_of(self, *words: str) -> int:
        """Return the line of the last of these words, each searched after the one before it."""
        at = 0
        for word in words:
            found = self.text.find(word, at) if word else -1
            at = at if found < 0 else found
        return 1 + self.text.count("\n", 0, at)

    def report(self, text: str, *near: str, warning: bool = False) -> None:
        """Record a problem at the line of these words."""
        level: Literal["error", "warning"] = "warning" if warning else "error"
        self.problems.append(HookProblem(self.path, self.line_of(*near), text, level))


def read_hooks(files: Files) -> HooksRead:
    """Read all hooks of a repository, in the order in which they fire."""
    found: list[Hook] = []
    problems: list[HookProblem] = []
    for path in hook_files(files):
        data = files.read(path) or b""
        source = _Source(path, decode(data).replace("\r\n", "\n"))
        if len(data) > _LARGEST and path not in SETTINGS:
            source.report(f"it is larger than {_LARGEST >> 10} KB; hooks are short")
        elif (value := _parsed(source)) is not None:
            found += [with_script(hook, files) for hook in _hooks_in(source, value)]
        problems += source.problems
    if len(found) > _MOST:
        problems.append(
            HookProblem(
                found[_MOST].source, found[_MOST].line, f"there are more than {_MOST} hooks"
            )
        )
    hooks, problems_of_all = _distinct(found[:_MOST], problems)
    return HooksRead(hooks, (*problems_of_all, *_cycles(hooks)))


def _cycles(hooks: Sequence[Hook]) -> Iterator[HookProblem]:
    """Yield a warning for each cycle found from `writes` and filters."""
    for cycle in cycles_of(hooks):
        first = cycle[0]
        way = " → ".join(hook.name for hook in (*cycle, first))
        text = f"cycle of hooks {way}: each may write what the next is for; a run stops it, 3 deep"
        yield HookProblem(first.source, first.line, text, "warning")


def with_script(hook: Hook, files: Files) -> Hook:
    """Return the hook with the file that its command runs, as trust is bound to its content."""
    try:
        words = shlex.split(hook.command)
    except ValueError:
        return hook
    first = words[:1]
    if words and words[0].rpartition("/")[2] in _INTERPRETERS:
        first = [word for word in words[1:] if not word.startswith("-")][:1]
    for word in first:
        path = word.removeprefix("./")
        data = files.read(path) if path and not path.startswith("/") else None
        if data is not None:
            digest = hashlib.sha256(data).hexdigest()
            return hook.model_copy(update={"script": path, "script_digest": digest})
    return hook


def hook_files(files: Files) -> Iterator[str]:
    """Yield the files that hooks are read from; those of the project's folder may be missing."""
    for path in files.paths(KIRO):
        if path.endswith((".json", ".kiro.hook")):
            yield path
    for path in files.paths(AGENTS):
        if path.endswith(".json"):
            yield path
    for path in files.paths(OWN):
        if path.endswith((".yaml", ".yml", ".ts")):
            yield path
    yield from (ONE_FILE, *SETTINGS)


def _distinct(
    found: list[Hook], problems: list[HookProblem]
) -> tuple[tuple[Hook, ...], tuple[HookProblem, ...]]:
    """Leave out a hook whose name another one of the same kind of file has, as it is ambiguous."""
    seen: dict[str, Hook] = {}
    for hook in found:
        if hook.name in seen:
            text = (
                f"two hooks are called {hook.name!r}; the other one is in {seen[hook.name].source}"
            )
            problems.append(HookProblem(hook.source, hook.line, text))
        else:
            seen[hook.name] = hook
    return tuple(seen.values()), tuple(problems)


def _parsed(source: _Source) -> Any:
    if source.path.endswith((".json", ".hook")):
        try:
            return json.loads(source.text)
        except json.JSONDecodeError as error:
            if not source.path.startswith(AGENTS):  # reported where the agent is read
                text = f"not valid JSON: {error.msg}"
                source.problems.append(HookProblem(source.path, error.lineno, text))
        except RecursionError:
            source.report("not valid JSON: nested too deeply")
        return None
    return _from_settings(source) if source.path in SETTINGS else _from_yaml(source)


def _from_settings(source: _Source) -> Any:
    """Return the hooks of a settings file in the form of a hooks file, None for none."""
    if "hooks" not in source.text:  # the settings report a broken file
        return None
    try:
        table: Any = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"\(at line (\d+)", str(error))
        words = f"not valid TOML: {re.sub(' ?[(]at .*', '', str(error))}"
        line = int(found[1]) if found else len(source.text.splitlines())
        source.problems.append(HookProblem(source.path, line, words))
        return None
    for part in ("tool", "reviewloop") if source.path == SETTINGS[1] else ():
        table = table.get(part) if isinstance(table, dict) else None
    hooks = table.get("hooks") if isinstance(table, dict) else None
    if hooks is None or isinstance(hooks, list):
        return hooks
    return {"hooks": hooks}


def _from_yaml(source: _Source) -> Any:
    """Return the content of a YAML file; of a `.ts` file the one object that it exports."""
    import yaml

    text = source.text
    if source.path.endswith(".ts"):
        start, end = text.find("{"), text.rfind("}")
        if (
            not re.match(r"\s*(//[^\n]*\n|\s)*export\s+(const\s+\w+\s*=|default)", text)
            or start < 0
        ):
            source.report("only one `export const NAME = { … }` without code is read of a .ts file")
            return None
        text = "\n" * text.count("\n", 0, start) + text[start : end + 1].replace("\t", " ")
    try:
        for event in yaml.parse(text, Loader=yaml.SafeLoader):
            if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
                source.report("YAML anchors and aliases are not read here; write it out")
                return None
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        words = f"not valid YAML: {error.problem}"
        source.problems.append(HookProblem(source.path, line, words))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        source.report(f"not valid YAML: {str(error).splitlines()[0]}")
    return None


def _hooks_in(source: _Source, value: Any) -> Iterator[Hook]:
    """Yield the valid hooks of one file; report problems of the others."""
    for read, document, near in _documents(source, value):
        try:
            if not isinstance(document, dict):
                raise _WrongError("a hook is a table with a trigger and an action")
            hook = read(source, document)
            _require_sound(hook, source)
        except _WrongError as wrong:
            source.report(str(wrong), near, wrong.near)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            name = ".".join(map(str, first["loc"]))
            source.report(f"{name}: {first['msg']}", near, name)
        else:
            line = source.line_of(near)
            if hook.enabled:
                yield hook.model_copy(update={"line": line})


def _documents(source: _Source, value: Any) -> Iterator[tuple[Any, Any, str]]:
    """Yield (reader, document, a text near it) for each hook of a file."""
    if source.path.startswith(f"{AGENTS}/"):
        yield from _of_agent(source, value)
    elif source.path.endswith(".kiro.hook"):
        yield _read_old, value, ""
    elif source.path.startswith(f"{KIRO}/"):
        hooks = value.get("hooks", [value]) if isinstance(value, dict) else [value]
        for one in hooks if isinstance(hooks, list) else [hooks]:
            yield _read_kiro, one, _near(one)
    elif isinstance(value, dict) and not {"trigger", "action"} & value.keys():
        yield from _of_template(source, value)
    elif isinstance(value, list):
        yield from ((_read_own, one, _near(one)) for one in value)
    elif value is not None:
        yield _read_own, value, ""


def _near(document: Any) -> str:
    return str(document.get("name") or "") if isinstance(document, dict) else ""


def _of_agent(source: _Source, value: Any) -> Iterator[tuple[Any, Any, str]]:
    agent = source.path.rpartition("/")[2].removesuffix(".json")
    hooks = value.get("hooks") if isinstance(value, dict) else None
    if isinstance(hooks, list):
        for one in hooks:
            yield _read_kiro, one, _near(one) or '"hooks"'
    elif isinstance(hooks, dict):
        for name, entries in hooks.items():
            listed = entries if isinstance(entries, list) else [entries]
            for number, one in enumerate(listed, start=1):
                if isinstance(one, dict):
                    called = f"{agent} {name}" + (f" {number}" if len(listed) > 1 else "")
                    one = {**one, "name": called, "event": name}
                yield _read_of_agent, one, f'"{name}"'


def _of_template(source: _Source, value: dict[str, Any]) -> Iterator[tuple[Any, Any, str]]:
    """Yield the hooks of the article's template: lists by event."""
    table = value.get("hooks", value)
    if not isinstance(table, dict):
        source.report("hooks is expected to be a table of lists: on_save, on_commit, on_pr")
        return
    stem = source.path.rpartition("/")[2].partition(".")[0]
    for name, entries in table.items():
        if name not in _LISTS:
            if table is not value:
                near = _nearest(str(name), _LISTS)
                source.report(f"there is no list {name!r}{near}", str(name))
            continue
        for number, one in enumerate(entries if isinstance(entries, list) else [entries], start=1):
            if isinstance(one, dict):
                called = one.get("name") or f"{stem} {name} {number}"
                gates = value.get("quality_gates") if table is not value else None
                one = {**one, "event": name, "name": called, "quality_gates": gates}
            yield _read_template, one, name
    if not set(table) & set(_LISTS):
        source.report("a hook needs `trigger:` and `action:`, or lists such as `on_save:`")


def _nearest(name: str, names: Any) -> str:
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=0.5)
    return f", did you mean {near[0]}?" if near else f"; there are: {', '.join(names)}"


def _event(name: Any, names: Mapping[str, Event]) -> Event:
    if not isinstance(name, str) or name not in names:
        raise _WrongError(f"there is no event {name!r}{_nearest(str(name), names)}", str(name))
    return names[name]


def _texts(value: Any, what: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value if value is not None else []
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise _WrongError(f"{what} is expected to be a list of patterns", what)
    return tuple(listed)


def _seconds(value: Any, otherwise: float, unit: float = 1.0) -> float:
    if value is None:
        return otherwise
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= _LONGEST_TIMEOUT:  # false for nan
        shown = repr(value)[:40]
        raise _WrongError(f"timeout is {shown}, expected a number from 0 on", "timeout")
    seconds: float = value * unit
    return seconds


def _usual(what: Mapping[str, Any]) -> float:
    """Return the default timeout of an action in seconds, 0 where gates and agents have
    their own.
    """
    return KIRO_TIMEOUT if what.get("command") else 0.0


def _what(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return the command or prompt of an action; it has exactly one of them."""
    command, prompt = _in_turn(action.get("command")), action.get("prompt")
    if command is not None and prompt is not None:
        raise _WrongError("it has two actions, a command and a prompt; keep one", "prompt")
    text = command if command is not None else prompt
    if not isinstance(text, str) or not text.strip():
        raise _WrongError("it has no action: a command or a prompt is expected", "action")
    return {"command" if command is not None else "prompt": text.strip()}


def _in_turn(command: Any) -> Any:
    """Return a list of commands as one that runs them until one fails."""
    if isinstance(command, list) and command and all(isinstance(one, str) for one in command):
        return " && ".join(command)
    return command


def _read_kiro(source: _Source, document: dict[str, Any]) -> Hook:
    event = _event(document.get("trigger"), _TRIGGERS)
    action = document.get("action")
    if not isinstance(action, dict):
        raise _WrongError("it has no action: a command or a prompt is expected", "action")
    what = _what(action)
    if document.get("confirm"):
        source.report("`confirm` is not asked here: a run asks you once, at its end",
                      _near(document), "confirm", warning=True)  # fmt: skip
    return Hook(
        name=str(document.get("name") or source.path.rpartition("/")[2].partition(".")[0]),
        event=event,
        source=source.path,
        grammar="kiro",
        matcher=str(document.get("matcher") or ""),
        blocking=event in KIRO_BLOCKS,
        timeout=_seconds(document.get("timeout", action.get("timeout")), _usual(what)),
        enabled=document.get("enabled") is not False,
        **what,
    )


def _read_old(source: _Source, document: dict[str, Any]) -> Hook:
    when, then = document.get("when"), document.get("then")
    if not isinstance(when, dict) or not isinstance(then, dict):
        raise _WrongError("it needs `when` and `then`")
    event = _event(when.get("type"), _OLD_NAMES)
    tools, what = _texts(when.get("toolTypes"), "toolTypes"), _what(then)
    return Hook(
        name=str(document.get("name") or source.path.rpartition("/")[2].partition(".")[0]),
        event=event,
        source=source.path,
        grammar="kiro",
        filters=_texts(when.get("patterns"), "patterns"),
        matcher="|".join(map(re.escape, tools)),
        blocking=event in KIRO_BLOCKS,
        timeout=_seconds(then.get("timeout"), _usual(what)),
        enabled=document.get("enabled") is not False,
        **what,
    )


def _read_of_agent(source: _Source, document: dict[str, Any]) -> Hook:
    event = _event(document["event"], _IN_AGENTS)
    return Hook(
        name=document["name"],
        event=event,
        source=source.path,
        grammar="kiro",
        matcher=str(document.get("matcher") or ""),
        blocking=event is Event.TOOL_BEFORE,
        timeout=_seconds(document.get("timeout_ms"), 30.0, 0.001),
        **_what(document),
    )


_OWN_KEYS = {
    "name": "",
    "description": "",
    "enabled": "",
    "trigger": "event filter condition tool",
    "action": "type prompt command run config scope writes auto_commit require_approval blocking "
    "run_tests timeout mode",
}


def _read_own(source: _Source, document: dict[str, Any]) -> Hook:
    trigger, action = document.get("trigger"), document.get("action")
    if not isinstance(trigger, dict) or not isinstance(action, dict):
        raise _WrongError("a hook needs `trigger:` and `action:`")
    tables = [(document, [*_OWN_KEYS])]
    tables += [(document[name], _OWN_KEYS[name].split()) for name in ("trigger", "action")]
    for table, keys in tables:
        for key in table:
            if key not in keys:
                raise _WrongError(f"there is no key {key!r}{_nearest(str(key), keys)}", str(key))
    event = _event(trigger.get("event"), {str(event): event for event in Event})
    _refuse_auto_commit(action)
    kinds = {"command": "command", "run": "action"}
    kind = action.get("type", next((kinds[key] for key in kinds if key in action), "agent"))
    what = _named(action) if "run" in action else _what(action)
    fits = {"agent": "prompt", "command": "command", "action": "action"}
    if not isinstance(kind, str) or fits.get(kind) not in what:
        raise _WrongError(
            f"type {kind!r} does not fit; agent has a prompt, command a command, action a run",
            "type",
        )
    flags = {"blocking": _flag(action, "blocking")} if "blocking" in action else {}
    what = {"blocking": False, **what, **flags}
    mode = action.get("mode", "sync")
    if mode not in ("sync", "queued"):
        raise _WrongError(f"mode is {mode!r}, expected sync or queued", "mode")
    return Hook(
        name=str(document.get("name") or source.path.rpartition("/")[2].partition(".")[0]),
        event=event,
        source=source.path,
        filters=_texts(trigger.get("filter"), "filter"),
        matcher=str(trigger.get("tool") or ""),
        condition=str(trigger.get("condition") or "").strip(),
        scope=action.get("scope", ""),
        writes=_texts(action.get("writes"), "writes"),
        require_approval=_flag(action, "require_approval"),
        run_tests=_flag(action, "run_tests"),
        queued=mode == "queued",
        timeout=_seconds(action.get("timeout"), _usual(what)),
        enabled=document.get("enabled") is not False,
        **what,
    )


def _named(action: Mapping[str, Any]) -> dict[str, Any]:
    """Return the named action of our grammar, with its options."""
    if other := {"prompt", "command"} & action.keys():
        raise _WrongError(f"it has two actions, run and {min(other)}; keep one", "run")
    name, config = action["run"], action.get("config", {})
    if not isinstance(config, dict):
        raise _WrongError("config is expected to be a table", "config")
    return _action_of(name, config)


def _action_of(name: Any, config: Mapping[str, Option]) -> dict[str, Any]:
    """Return action, options and whether it blocks, from one of the action's names."""
    if not isinstance(name, str) or name not in NAMES:
        raise _WrongError(f"there is no action {name!r}{_nearest(str(name), NAMES)}", str(name))
    options = {**IMPLIED.get(name, {}), **config}
    try:
        given = options_of(NAMES[name], options)
    except ActionError as error:
        raise _WrongError(str(error), error.near) from None
    return {"action": NAMES[name], "options": options, "blocking": stops(given)}


def _flag(table: Mapping[str, Any], name: str) -> bool:
    value = table.get(name, False)
    if not isinstance(value, bool):
        raise _WrongError(f"{name} is {value!r}, expected true or false", name)
    return value


def _refuse_auto_commit(action: Mapping[str, Any]) -> None:
    if _flag(action, "auto_commit"):
        raise _WrongError(
            "auto_commit: true is refused: only you commit, after the review", "auto_commit"
        )


def _read_template(source: _Source, document: dict[str, Any]) -> Hook:
    event = _LISTS[document["event"]]
    pattern = document.get("pattern", document.get("trigger"))
    config = document.get("config", {})
    if not isinstance(config, dict):
        raise _WrongError("config is expected to be a table", "config")
    _refuse_auto_commit(document)
    known = {
        "pattern",
        "trigger",
        "action",
        "timeout_ms",
        "config",
        "event",
        "name",
        "command",
        "mode",
        "blocking",
        "quality_gates",
    }
    given = {key: value for key, value in {**document, **config}.items() if key not in known}
    if "command" in document:
        what = _what({"command": document["command"]})
    else:
        name = document.get("action")
        gates = _of_gates(NAMES.get(str(name), ""), document.get("quality_gates"), given)
        what = _action_of(name, {**gates, **given})
    what["blocking"] = what.get("blocking", False) or _flag(document, "blocking")
    return Hook(
        name=document["name"],
        event=event,
        source=source.path,
        filters=_texts(pattern, "pattern"),
        queued=document.get("mode") == "queued",
        timeout=_seconds(document.get("timeout_ms"), _usual(what), 0.001),
        **what,
    )


_OF_GATES = {
    "lint": ("lint_strict_mode", "strict_mode"),
    "regenerate-tests": ("test_coverage", "coverage_threshold"),
    "security-scan": ("security_scan_tool", "tool"),
}
"""Options of actions that a template's `quality_gates` set."""


def _of_gates(action: str, gates: Any, given: Mapping[str, Any]) -> dict[str, Option]:
    key, option = _OF_GATES.get(action, ("", ""))
    is_given = {option, to_camel(option)} & given.keys()
    return {option: gates[key]} if isinstance(gates, dict) and key in gates and not is_given else {}


def _require_sound(hook: Hook, source: _Source) -> None:
    """Raise for what a hook must not have, and warn about doubtful settings."""
    for pattern in hook.filters:
        try:
            require_sound(pattern.removeprefix("!"))
        except PatternError as problem:
            raise _WrongError(f"the pattern {pattern!r} {problem}", pattern) from None
    if len(hook.matcher) > _LONGEST_MATCHER or _REPEATED_GROUP.search(hook.matcher):
        raise _WrongError("the matcher is too long, or repeats a repeated group", "matcher")
    try:
        with warnings.catch_warnings(action="ignore"):  # about syntax of other releases of re
            re.compile(hook.matcher)
    except re.error as error:
        raise _WrongError(f"the matcher is no regular expression: {error}", "matcher") from None
    if hook.condition:
        try:
            parse_condition(hook.condition)
        except ConditionError as error:
            raise _WrongError(f"the condition cannot be read: {error}", "condition") from None
    if (
        unknown := unknown_placeholders(hook.command + "\n" + hook.prompt)
        if hook.grammar == "own"
        else ()
    ):
        raise _WrongError(
            f"there is no placeholder {unknown[0]}; there are: "
            + ", ".join(f"{{{name}}}" for name in PLACEHOLDERS),
            unknown[0],
        )
    if hook.action:
        _require_action(hook, source)
    elif (hook.scope or hook.writes) and not (hook.prompt or hook.command):
        raise _WrongError("scope and writes are about what an agent or a command edits", "scope")
    if hook.blocking and hook.event not in CAN_BLOCK:
        source.report(
            f"{hook.event} cannot be blocked: it has happened by then", hook.name, warning=True
        )
    if hook.event in OF_FILES and not hook.filters and not hook.matcher:
        source.report(
            f"{hook.name!r} has no filter: it fires on every file", hook.name, warning=True
        )


def _require_action(hook: Hook, source: _Source) -> None:
    try:
        require_moment(hook.action, hook.event)
    except ActionError as error:
        raise _WrongError(str(error), error.near) from None
    given = options_of(hook.action, hook.options)
    if isinstance(given, Lint) and given.fix_on_save and hook.event not in EDITS_COUNT:
        source.report(f"nothing is written at {hook.event}: it only looks", hook.name, warning=True)
    if isinstance(given, SyncSpecDesign) and given.auto_update:
        text = "autoUpdate writes no spec: the end of a run proposes it, `reviewloop change` asks"
        source.report(text, hook.name, "auto", warning=True)
