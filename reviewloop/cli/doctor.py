"""`reviewloop doctor`: checks what a run and a review need, before anything is paid."""

import os
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Literal

import click
from rich.console import Console

from reviewloop import __version__
from reviewloop.agents import Team
from reviewloop.analysis.languages import language_of
from reviewloop.analysis.tools import TOOLS, find_tool
from reviewloop.analysis.tools.eslint import Project
from reviewloop.app.project import read_settings, repository, shown_path, team_of
from reviewloop.app.review.analysis import Configuration, configurations, is_trusted
from reviewloop.app.sandboxing import choose_sandbox, describe_sandbox
from reviewloop.app.servers import server_states
from reviewloop.cli.consoles import print_json, print_lines, results
from reviewloop.cli.detected import gate_plan, gate_sentence, python_of, python_sentence, spec_paths
from reviewloop.cli.help import Command
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, ReviewLoopError, UsageError
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, temporary_folder
from reviewloop.git.review_repository import locate
from reviewloop.installed import how_to_install, is_light
from reviewloop.llm.checks import check_models
from reviewloop.llm.found_providers import empty_keys
from reviewloop.llm.model_choice import choice, ensure_model, is_begun
from reviewloop.llm.prices import estimate
from reviewloop.llm.routing import ACP, OFFLINE, require_provider, split_model
from reviewloop.plugins import GROUPS, others
from reviewloop.render.terminal.findings import hanging
from reviewloop.render.text import counted
from reviewloop.render.untrusted import one_line
from reviewloop.sandbox.base import Level
from reviewloop.sandbox.choose import how_to_improve
from reviewloop.settings import Loaded, Settings
from reviewloop.settings.loading import FLAG
from reviewloop.specs.files import DiskFiles, in_folder
from reviewloop.specs.kiro import unused_kiro_files
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore

_DISK_NEEDED = 1_000_000_000  # bytes: a workspace, a copy of its environment, logs


@dataclass(frozen=True)
class Check:
    """One line of the doctor: ok, bad (broken), or a note."""

    name: str
    mark: Literal["ok", "bad", "note"]
    text: str
    stops_run: bool = False  # also for a note: needed only by a run


def all_checks(*, online: bool, model: str = "") -> Iterator[Check]:
    """Yield every check; one that fails to run counts as bad and stops no other.

    A named `model` is checked instead of the one in the settings.
    """
    yield from _guarded("python", _python)
    yield from _guarded("git", _git)
    yield from _guarded("state", _state)
    found: list[UserRepo] = []
    yield from _guarded("repository", lambda: _repository(found))
    repo = found[0] if found else None
    settings: list[Loaded] = []
    yield from _guarded("settings", lambda: _settings(repo, settings, model))
    yield from _guarded("sandbox", lambda: _sandbox(settings))
    yield from _plugins()
    if not settings:
        return
    loaded = settings[0]
    team: list[Team] = []
    yield from _guarded("agents", lambda: _agents(repo, team))
    yield from _guarded("models", lambda: _models(loaded, team, online=online))
    if repo:
        yield from _guarded("branch", lambda: _branch(repo, loaded.settings))
        yield from _guarded("specs", lambda: _specs(repo))
        yield from _guarded("kiro", lambda: _kiro(repo))
        yield from _guarded("mcp", lambda: _servers(repo))
        yield from _guarded("gates", lambda: _gates(repo, loaded))


def _guarded(name: str, check: Callable[[], Iterator[Check]]) -> Iterator[Check]:
    try:
        yield from check()
    except ReviewLoopError as error:
        yield Check(name, "bad", str(error))


def _python() -> Iterator[Check]:
    import platform

    version = platform.python_version()
    system = f"{platform.system()} {platform.machine()}"
    yield Check("python", "ok", f"reviewloop {__version__} on Python {version}, {system}")


def _git() -> Iterator[Check]:

    yield Check("git", "ok", Git(None).text("version"))


def _state() -> Iterator[Check]:
    import os
    import shutil

    try:
        root = state_root()
    except OSError as error:
        yield Check("state", "bad", f"{error.filename} cannot be made ({error.strerror})")
        return
    if not os.access(root, os.W_OK | os.X_OK):
        yield Check("state", "bad", f"{shown_path(root)} cannot be written; check who owns it")
        return
    yield Check("state", "ok", f"runs are kept in {shown_path(root)}")
    free = shutil.disk_usage(root).free
    text = f"{free / 1e9:.1f} GB free there"
    if free < _DISK_NEEDED:
        yield Check("disk", "note", f"{text}; a run may need 1 GB, `reviewloop clean` frees some")
    else:
        yield Check("disk", "ok", text)


def _repository(found: list[UserRepo]) -> Iterator[Check]:

    repo = repository(for_reading=False)
    found.append(repo)
    yield Check("repository", "ok", f"{shown_path(repo.root)} at {(repo.head or '')[:10]}")
    if repo.project:
        yield Check("project", "ok", f"{repo.project}/, a project of its own in this repository")
    if repo.identity is None:
        yield Check(
            "repository",
            "note",
            "git has no identity: commits would be by reviewloop <reviewloop@localhost>; "
            "`git config user.name NAME` and `git config user.email ADDRESS` make them yours",
        )
    if repo.dirty:
        files = counted(len(repo.dirty), "uncommitted file")
        yield Check("repository", "note", f"{files}: a run leaves them alone and does not see them")


def _settings(repo: UserRepo | None, found: list[Loaded], model: str) -> Iterator[Check]:
    flags = dict.fromkeys(("models.reasoning", "models.generation"), model) if model else {}
    project = repo.project if repo else ""
    loaded = read_settings(repo.root if repo else None, flags, project=project)
    found.append(loaded)
    set_to = {origin for name, origin in loaded.origins.items() if loaded.is_set(name)}
    changed = sorted(set_to - {FLAG})
    yield Check("settings", "ok", f"from {', '.join(changed)}" if changed else "all defaults")
    if repo and not TrustStore(state_root()).is_trusted(repo.key, loaded.commands_digest):
        names = ", ".join(loaded.repository_commands)
        yield Check(
            "settings",
            "bad",
            f"commands of the repository's settings wait for your consent ({names}); "
            "`reviewloop trust` shows them",
        )


def _sandbox(loaded: list[Loaded]) -> Iterator[Check]:

    sandbox = choose_sandbox(loaded[0].settings if loaded else Settings())
    mark: Literal["ok", "bad", "note"] = "ok" if sandbox.is_proven else "note"
    if sandbox.level is Level.NONE:
        mark = "bad"
    if sandbox.level is Level.NONE:
        why = "; ".join(sandbox.refused) or "this system has none that reviewloop knows"
        yield Check("sandbox", mark, f"none holds, so runs are refused ({why})")
    else:
        yield Check("sandbox", mark, describe_sandbox(sandbox))
    yield from (Check("sandbox", "note", f"{gap}") for gap in sandbox.gaps)
    for way in how_to_improve(sandbox):
        yield Check("sandbox", "note", f"for a stronger one: {way}")


def _plugins() -> Iterator[Check]:
    """Yield a line for each plugin, and whether it can be loaded."""
    for plugin in (one for group in GROUPS for one in others(group)):
        try:
            plugin.load()
        except UsageError as error:
            yield Check("plugins", "bad", str(error))
        else:
            what = plugin.group.removesuffix("s")
            yield Check("plugins", "ok", f"{what} {plugin.name} comes from {plugin.distribution}")


def _agents(repo: UserRepo | None, found: list[Team]) -> Iterator[Check]:
    from pathlib import Path

    team = team_of(repo.root, repo.project) if repo else team_of(Path.cwd())
    found.append(team)
    names = ", ".join(agent.name for agent in team.reviewers)
    yield Check("agents", "ok", f"{counted(len(team.reviewers), 'reviewer')}: {names}")
    for agent in team.members:
        if not agent.origin.endswith("(shipped)"):
            yield Check("agents", "ok", f"{agent.name} comes from {agent.origin}")
        if agent.dropped_tools:
            dropped = ", ".join(agent.dropped_tools)
            yield Check("agents", "note", f"{agent.name} asked for {dropped}: not granted")
        yield from (Check("agents", "note", f"{agent.name}: {note}") for note in agent.notes)
    for one in team.shadowed:
        yield Check("agents", "note", f"{one.name}: {one.winner} is used, {one.loser} is not")


def _models(loaded: Loaded, team: list[Team], *, online: bool) -> Iterator[Check]:
    import os

    if is_light():
        text = f"reviewloop-light has none; {how_to_install()} adds models and runs"
        yield Check("models", "note", text)
        return

    yield from (
        Check("models", "note", f"{key} is set but empty") for key in empty_keys(os.environ)
    )
    try:
        loaded = ensure_model(loaded, os.environ)
    except UsageError as error:
        if is_begun(loaded, os.environ):
            raise
        yield Check("models", "note", f"a run needs a model: {error}", stops_run=True)
        return
    settings = loaded.settings
    require_provider(settings.models.reasoning)
    if choice_text := choice(loaded, os.environ):
        yield Check("models", "ok", f"{settings.models.reasoning}: {choice_text}")
    members = [(agent.name, agent.model) for found in team for agent in found.members]
    for model in check_models(settings, members, online=online):
        users = ", ".join(model.used_by)
        if not model.ok:
            fix = f"; {model.how_to_fix}" if model.how_to_fix else ""
            yield Check("models", "bad", f"{model.model} ({users}): {model.problem}{fix}")
            continue
        if split_model(model.model)[0] == ACP:
            yield from _guarded("models", partial(_agent, model.model, users, settings, online))
            continue
        state = "can be asked" if online else "looks usable; it was not asked (--offline)"
        if model.warning:
            yield Check("models", "note", f"{model.model} ({users}): {model.warning}")
        else:
            yield Check("models", "ok", f"{model.model} ({users}) {state}")
        is_paid = split_model(model.model)[0] not in OFFLINE
        if is_paid and estimate(model.model, input_tokens=1000, output_tokens=1000) is None:
            yield Check("models", "note", f"{model.model}: its price is unknown")


def _agent(model: str, users: str, settings: Settings, online: bool) -> Iterator[Check]:
    """Yield the results of trying a coding agent in its cage."""
    from reviewloop.acp.agents import require_agent
    from reviewloop.app.model_access import try_agent
    from reviewloop.app.sandboxing import agents_cage

    if not online:
        yield Check("models", "ok", f"{model} ({users}) is installed; it was not started")
        return
    tried = try_agent(model.partition(":")[2], settings, agents_cage(settings, ""))
    version = f" {tried.version}" if tried.version else ""
    hosts = ", ".join(tried.hosts) or "no host"
    text = (
        f"{model}{version} ({users}) starts and sees our tools; no model was asked; {tried.price}"
    )
    yield Check("models", "ok", text)
    agent = require_agent(model.partition(":")[2], settings.acp)
    if not agent.has_login(os.environ, Path.home()):
        yield Check("models", "note", f"{model}: no login was found here; {agent.login}")
    if tried.version not in tried.known:
        known = f"tried with {' and '.join(tried.known)}" if tried.known else "never tried"
        yield Check("models", "note", f"{model}: {known}; a review may fail, and then says why")
    key = "; your key stays outside" if tried.is_keyless else ""
    yield Check("models", "ok", f"{model}: caged by {tried.level}, may reach {hosts} only{key}")
    for promise in tried.promises:
        yield Check("models", "ok" if promise.state == "held" else "note", promise.shown)


def _branch(repo: UserRepo, settings: Settings) -> Iterator[Check]:
    from fnmatch import fnmatchcase

    if repo.branch is None:
        yield Check(
            "branch", "bad", "HEAD is detached; check out a branch, or run with --branch NAME"
        )
    elif any(fnmatchcase(repo.branch, rule) for rule in settings.guard.protected_branches):
        yield Check(
            "branch",
            "note",
            f"{repo.branch} is protected: a run needs another branch "
            "(it offers --branch reviewloop/<feature>)",
        )
    else:
        yield Check("branch", "ok", f"{repo.branch}: commits go there")


def _specs(repo: UserRepo) -> Iterator[Check]:

    found = spec_paths(repo.root, repo.project)
    if found:
        yield Check("specs", "ok", ", ".join(found))
    else:
        text = 'none found; `reviewloop run -m "what to change"` works without one'
        yield Check("specs", "note", text)


def _kiro(repo: UserRepo) -> Iterator[Check]:

    files = in_folder(DiskFiles(repo.root), repo.project)
    yield from (Check("kiro", "note", text) for text in unused_kiro_files(files))


def _servers(repo: UserRepo) -> Iterator[Check]:

    agents = team_of(repo.root, repo.project).members
    named = {word.removeprefix("@").partition("/")[0] for one in agents for word in one.servers}
    for server, why in server_states(repo, agents):
        by = "agents name it" if {server.name, "mcp"} & named else "no agent names it"
        text = why or f"{server.name} ({server.source}): {server.does}; trusted, {by}"
        yield Check("mcp", "note" if why else "ok", one_line(text))


def _gates(repo: UserRepo, loaded: Loaded) -> Iterator[Check]:

    trusted = TrustStore(state_root()).is_trusted(repo.key, loaded.commands_digest)
    python = python_of(repo, loaded.settings, trusted=trusted)
    yield Check("python", "ok", f"gates use {python_sentence(python)}")
    for gate in gate_plan(repo, loaded.settings, python).entries:
        mark: Literal["ok", "note"] = "ok" if gate.runnable else "note"
        yield Check("gates", mark, f"{gate.name}: {gate_sentence(gate)}")
    coverage = loaded.settings.gates.coverage
    if coverage.enabled:
        words = "stops the change" if coverage.hard else "gives findings"
        text = f"coverage: below {coverage.threshold:.0%} of the new lines {words}"
        yield Check("gates", "ok", text)


@dataclass(frozen=True)
class ToolState:
    """The state of one tool of the table on this machine."""

    name: str
    languages: tuple[str, ...]
    core: bool
    program: str  # "" when it is not installed
    version: str
    get: str
    licence: str

    def as_json(self) -> dict[str, Any]:
        """Return the row of `doctor --json`."""
        return {**vars(self), "languages": list(self.languages), "found": bool(self.program)}


def tool_states() -> list[ToolState]:
    """Return every tool of the table; starts each program at most once."""

    states = []
    for tool in TOOLS:
        found = find_tool(tool)
        if tool.applies is not None:  # installed in a project
            found = found and replace(found, version=_of_project())
            found = found if found and found.version else None
        program, version = (str(found.program), found.version) if found else ("", "")
        languages = tuple(sorted(tool.languages))
        states.append(
            ToolState(tool.name, languages, tool.core, program, version, tool.get, tool.licence)
        )
    return states


def _of_project() -> str:
    """Return the version of the ESLint of this checkout, "" when there is none."""

    root = _root()
    if root is None:
        return ""
    manifests = [root / one.path for one in _configurations(root) if one.is_code]
    versions = {Project(manifest.parent, manifest).version(root) for manifest in manifests}
    return ", ".join(sorted(filter(None, versions)))


def not_trusted() -> Iterator[Check]:
    """Yield a line for each configuration of a tool in this checkout that is not trusted."""

    root = _root()
    if root is None:
        return
    try:
        all_data = read_settings(root).settings.review.repository_configuration
    except ReviewLoopError:  # reported by another line
        return
    key = locate(root).user.key
    for one in _configurations(root):
        counts = all_data and not one.is_code
        if not counts and not is_trusted(key, one.tool, one.path, one.text):
            name = one_line(one.path)
            text = f"{name} of {one.tool} is not used; allow it with `reviewloop trust`"
            yield Check("analysers", "note", text)


def _root() -> Path | None:

    try:
        return locate(Path.cwd()).user.root.resolve()
    except ReviewLoopError:
        return None


def _configurations(root: Path) -> list[Configuration]:

    return configurations(root)


def analyser_checks(states: Sequence[ToolState], here: Collection[str]) -> Iterator[Check]:
    """Yield a line for each installed tool, and one for all others; none stops a run.

    Of the others those for a language that is `here` come first, with how to get them.
    """
    for state in states:
        if state.program:
            shown = f"{state.name} {state.version}".strip()
            yield Check("analysers", "ok", f"{shown} for {_languages(state)}")
    absent = [state for state in states if not state.program]
    fitting = [state for state in absent if not set(here).isdisjoint(state.languages)]
    available = [f"{state.name} ({state.get})" for state in fitting]
    if others := ", ".join(state.name for state in absent if state not in fitting):
        available.append(
            f"{'for other files ' if available else ''}{others} "
            "(`doctor --json` says how to get them)"
        )
    if available:
        yield Check("analysers", "note", f"also used when installed: {'; '.join(available)}")


def languages_here() -> frozenset[str]:
    """Return the languages of the files in git, from their names."""

    try:
        user = locate(Path.cwd()).user
        with temporary_folder() as folder:  # in the checkout itself git may start programs
            index = user.copied_index(user.mirror(folder), folder / "index")
            listed = index.run("ls-files", "-z")
    except ReviewLoopError:
        return frozenset()
    return frozenset(language_of(os.fsdecode(path)) for path in listed.split(b"\0")) - {""}


def review_check(states: Sequence[ToolState]) -> Check:
    """Return whether a review without a model can start here; it needs less than a run."""

    core = [state for state in states if state.core]
    absent = [state.name for state in core if not state.program]
    if absent:
        text = f"{' and '.join(absent)} should be here: install reviewloop once more"
        return Check("review", "note", text)
    try:
        root = locate(Path.cwd()).user.root
        read_settings(root)
        team_of(root)
    except ReviewLoopError as error:
        return Check("review", "note", f"cannot start here: {error}")
    names = " and ".join(state.name for state in core)
    return Check("review", "ok", f"ready without a model (analysers {names} found)")


def _languages(state: ToolState) -> str:
    most = 3
    more = f" and {len(state.languages) - most} more" if len(state.languages) > most else ""
    return ", ".join(state.languages[:most]) + more


_MARKS = {"ok": ("✓", "green"), "bad": ("✗", "red"), "note": ("–", "yellow")}
_NO_MODEL = "a run needs a model"
_ASCII = {"✓": "+", "✗": "x", "–": "-"}


@click.command(cls=Command)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
@click.option("--offline", is_flag=True, help="Do not ask the model provider (asking is free).")
@click.option("--model", metavar="PROVIDER:MODEL", default="", help="Model to check.")
def doctor(as_json: bool, offline: bool, model: str) -> ExitCode:
    """Check what a run needs here.

    Nothing is paid, and nothing of the project is run. The exit code is 2 when something is
    broken, else 0, also without any model: a run needs one, a review does not.
    """

    states = tool_states()
    reviewing = review_check(states)
    tools = (*analyser_checks(states, languages_here()), *not_trusted())
    checks = [*all_checks(online=not offline, model=model), *tools, reviewing]
    blocked = [check for check in checks if check.mark == "bad"]
    ready = not blocked and not any(check.stops_run for check in checks)
    if as_json:
        rows = [{"name": c.name, "mark": c.mark, "text": c.text} for c in checks]
        analysers = [state.as_json() for state in states]
        print_json("doctor", {"ready": ready, "checks": rows, "analysers": analysers})
    else:
        _print(checks, results())
        if blocked:
            names = ", ".join(dict.fromkeys(check.name for check in blocked))
            but = "; `reviewloop review` works without a model" if reviewing.mark == "ok" else ""
            print_lines(f"a run cannot start yet: {names}{but}")
        elif not ready:
            print_lines(
                "reviews work; a run needs a model" if reviewing.mark == "ok" else _NO_MODEL
            )
    return ExitCode.USAGE if blocked else ExitCode.CLEAN


def _print(checks: list[Check], console: Console) -> None:
    from rich.text import Text

    before = ""
    for check in checks:
        mark, style = _MARKS[check.mark]
        shown = _ASCII[mark] if console.options.ascii_only else mark
        name = "" if check.name == before else check.name
        before = check.name
        head = Text(f"{shown} ", style=style).append(f"{name:<10} ", style="bold default")
        hanging(head, Text(one_line(check.text)), console)
