"""Finds agent files and builds the team of a run from them."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

from reviewloop.agents.definition import (
    FIX,
    IMPLEMENT,
    QUICK_REVIEW,
    REVIEW_SPEC,
    AgentDefinition,
    AgentFile,
    Origin,
    ReadPrompt,
    is_agent_file,
    is_ours,
    name_of,
    parse_agent,
    read_fields,
)
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.plugins import Plugin, others, ours

_LARGEST = 1_000_000  # bytes; no handwritten prompt is longer
_ENDINGS = {".json", ".md"}


def collect_agent_files(project_root: Path, home: Path, project: str = "") -> list[AgentFile]:
    """Return all agent files, the highest precedence first.

    The order is `.reviewloop/agents`, `.kiro/agents`, `~/.kiro/agents`, installed distributions,
    built-in. Those of the folder `project` come first, then those of each folder above it.
    Sub-folders are read too. Raise UsageError for a symbolic link in the project that leads out of
    it, and for a distribution whose agents cannot be read.
    """
    files: list[AgentFile] = []
    for parts in reversed(range(len(project.split("/")) + 1 if project else 1)):
        above = "".join(f"{part}/" for part in project.split("/")[:parts])
        ours, kiro = f"{above}.reviewloop/agents", f"{above}.kiro/agents"
        files += _files("project", project_root, ours, inside=project_root)
        files += _files("kiro", project_root, kiro, inside=project_root)
    if project_root.resolve() != home.resolve():
        files += _files("user", home, ".kiro/agents", inside=None, prefix="~/")
    return files + _installed_agent_files()


def shipped_folder() -> Path:
    """Return the folder of the built-in agents."""
    package = Path(__file__).resolve().parent.parent
    folder = package / "_agents"  # in an installed wheel
    return folder if folder.is_dir() else package.parent / "agents"  # in a checkout


def shipped_agent_files() -> list[AgentFile]:
    """Return the built-in agents."""
    return [file for plugin in ours("agents") for file in _added_by(plugin)]


def _installed_agent_files() -> list[AgentFile]:
    """Return the agents of other distributions, then the built-in ones."""
    plugins = (*others("agents"), *ours("agents"))
    return [file for plugin in plugins for file in _added_by(plugin)]


def _added_by(plugin: Plugin) -> list[AgentFile]:
    """Return the agents in the folder of an entry point.

    Raise UsageError if there are none: missing reviewers would go unnoticed.
    """
    folder = plugin.folder()
    paths = sorted(folder.glob("*.json"))
    if not paths:
        raise UsageError(
            f"the agents of {plugin.distribution} are missing in {folder}; install it again"
        )
    where_from: Origin = "shipped" if plugin.is_ours else "installed"
    above = "agents" if plugin.is_ours else plugin.distribution.partition(" ")[0]
    shown = [f"{above}/{path.name}" for path in paths]
    return [
        AgentFile(where_from, name, _content(path, name))
        for path, name in zip(paths, shown, strict=True)
    ]


def prompt_reader(project_root: Path, home: Path) -> Callable[[str], bytes | None]:
    """Return a function that reads the `file://` prompts of agent files from disk.

    It opens files inside the project and inside `~/.kiro` only, following links; it raises
    UsageError for any other, and returns None for a missing one.
    """

    def read(path: str) -> bytes | None:
        # Only the user's own files can name a path from `~/` or `/`; the parser ensures that.
        of_user = path.startswith(("~/", "/"))
        expanded = home / path[2:] if path.startswith("~/") else project_root / path
        if not expanded.is_file():
            return None
        roots = [project_root.resolve(), *([(home / ".kiro").resolve()] if of_user else [])]
        if not any(expanded.resolve().is_relative_to(root) for root in roots):
            raise UsageError(
                f"the prompt file {path} is outside the project and ~/.kiro; copy it there"
            )
        return _content(expanded, path)

    return read


def _files(
    origin: Origin, root: Path, folder: str, *, inside: Path | None, prefix: str = ""
) -> list[AgentFile]:
    found = []
    for path in sorted((root / folder).rglob("*")):
        shown = prefix + path.relative_to(root).as_posix()
        if path.suffix not in _ENDINGS or not path.is_file():
            continue
        if inside is not None and not path.resolve().is_relative_to(inside.resolve()):
            raise UsageError(f"{shown} is a link that leaves the project; put a copy there instead")
        found.append(AgentFile(origin, shown, _content(path, shown)))
    return found


def _content(path: Path, shown: str) -> bytes:
    try:
        if path.stat().st_size > _LARGEST:
            raise UsageError(f"{shown} is larger than {_LARGEST:,} bytes; shorten it")
        return path.read_bytes()
    except OSError as error:
        raise UsageError(f"{shown} cannot be read: {error.strerror}") from None


@dataclass(frozen=True)
class Shadowed:
    """A file whose agent was replaced by an earlier one of the same name."""

    name: str
    winner: str
    loser: str


@dataclass(frozen=True)
class Team:
    """The agents of a run."""

    implementer: AgentDefinition
    fixer: AgentDefinition
    quick_reviewer: AgentDefinition
    reviewers: tuple[AgentDefinition, ...]  # by name
    shadowed: tuple[Shadowed, ...] = ()
    spec_reviewer: AgentDefinition | None = None  # added to the reviewers if a spec has criteria

    @property
    def for_criteria(self) -> "Team":
        """The same team with the spec's reviewer among the others."""
        if self.spec_reviewer is None:
            return self
        reviewers = sorted((*self.reviewers, self.spec_reviewer), key=lambda agent: agent.name)
        return replace(self, reviewers=tuple(reviewers), spec_reviewer=None)

    @property
    def members(self) -> tuple[AgentDefinition, ...]:
        """All agents."""
        return (self.implementer, *self.reviewers, self.fixer, self.quick_reviewer)


def build_team(files: Iterable[AgentFile], read_prompt: ReadPrompt) -> Team:
    """Return the team; of several files with one name the first one wins.

    Agents without a role in reviewloop are ignored, whatever they contain. Raise UsageError for
    invalid files, for a role without an agent, and without reviewers.
    """
    winners: dict[str, AgentFile] = {}
    shadowed = []
    for file in files:
        if not is_agent_file(file):
            continue
        name = name_of(file, read_fields(file))
        if not is_ours(name):
            if file.origin == "installed":
                raise UsageError(
                    f"{file.shown}: the name {name!r} gives it no part in a run; begin it with "
                    "review-"
                )
            continue
        if name in winners:
            shadowed.append(Shadowed(name, winners[name].shown, file.shown))
        else:
            winners[name] = file
    agents = {name: parse_agent(file, read_prompt) for name, file in winners.items()}
    _require_writer(agents)
    spec_reviewer = agents.pop(REVIEW_SPEC, None)
    reviewers = sorted((a for a in agents.values() if a.is_reviewer), key=lambda a: a.name)
    if not reviewers:
        raise UsageError(
            "the team has no reviewers, and nothing goes unreviewed; add an agent whose name "
            "begins with review- to .reviewloop/agents/ or .kiro/agents/"
        )
    return Team(
        implementer=agents[IMPLEMENT],
        fixer=agents[FIX],
        quick_reviewer=agents[QUICK_REVIEW],
        reviewers=tuple(reviewers),
        shadowed=tuple(shadowed),
        spec_reviewer=spec_reviewer,
    )


def named_agent(files: Iterable[AgentFile], name: str, read_prompt: ReadPrompt) -> AgentDefinition:
    """Return an agent without a role in runs by its name, read-only; the first file wins.

    Raise UsageError if there is none, or if its file is invalid.
    """
    for file in files:
        if is_agent_file(file) and name_of(file, read_fields(file)) == name:
            return parse_agent(file, read_prompt)
    raise UsageError(f"there is no agent named {name}; install reviewloop again")


def _require_writer(agents: dict[str, AgentDefinition]) -> None:
    for name in (IMPLEMENT, FIX, QUICK_REVIEW):
        if name not in agents:
            raise UsageError(f"there is no agent named {name}; install reviewloop again")
    for name in (IMPLEMENT, FIX):
        if "fs_write" not in agents[name].tools:
            raise UsageError(
                f"{agents[name].origin}:1: {name} cannot change files; "
                'add "fs_read" and "fs_write" to its tools'
            )
