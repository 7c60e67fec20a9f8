"""The demo's projects: small real git repositories, one with a spec, one with planted problems."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from reviewloop.app.project import Repository, model_flags, open_repository
from reviewloop.app.run.start import Plan, RunRequest, begin, plan
from reviewloop.dataclass import dataclass
from reviewloop.git.process import Git
from reviewloop.store.runs import RunRecord

NAME = "toolshed"
BRANCH = "tool-search"
TASKS = ".kiro/specs/tool-search/tasks.md"

_SOURCES = Path(__file__).with_name(NAME)
_SUFFIX = ".txt"  # keeps our own tools from reading the project's files as ours
_INHERITED = ("REVIEWLOOP_", "GIT_", "XDG_")


@dataclass(frozen=True)
class DemoProject:
    """The folder of the demo, and the repository in it."""

    folder: Path
    tasks: str = TASKS

    @property
    def root(self) -> Path:
        """The checkout."""
        return self.folder / NAME

    @property
    def state(self) -> Path:
        """The state folder of the demo's run."""
        return self.folder / "state"

    def git(self) -> Git:
        """Return git on the demo's repository."""
        return Git(self.root / ".git", self.root)

    def ticked(self) -> str:
        """Return the line of the last task that is ticked in the spec."""
        lines = (self.root / self.tasks).read_text(encoding="utf-8").splitlines()
        return [line for line in lines if line.startswith("- [x]")][-1]

    def last_commit(self) -> str:
        """Return the newest commit with its files, as `git log -1 --stat` shows it."""
        return self.git().text("log", "-1", "--stat", "--no-color")


def make_project(folder: Path, branch: str = BRANCH, tasks: str = TASKS) -> DemoProject:
    """Write the project into a folder and commit it; return it."""
    project = DemoProject(folder, tasks)
    write_files(_SOURCES, project.root)
    git = new_repository(project.root)
    commit_all(git, "Keep tools, members and loans in SQLite")
    git.run("switch", "--quiet", "--create", branch)
    return project


def write_files(sources: Path, root: Path) -> None:
    """Write the files below `sources` into a folder, over existing ones."""
    for source in sorted(sources.rglob(f"*{_SUFFIX}")):
        target = root / source.relative_to(sources).with_suffix("")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(source.read_bytes())


def new_repository(root: Path) -> Git:
    """Make a folder a git repository with a branch `main` and its own user."""
    Git(None, cwd=root).run("init", "--quiet", "--initial-branch=main", ".")
    git = Git(root / ".git", root)
    git.run("config", "user.name", "Demo Person")  # of this repository alone
    git.run("config", "user.email", "demo@example.org")
    return git


def commit_all(git: Git, message: str) -> None:
    """Commit everything in the checkout."""
    git.run("add", "--all")
    git.run("commit", "--quiet", "--message", message)


@contextmanager
def isolated_settings(folder: Path) -> Iterator[None]:
    """Keep the user's settings and agents out of the demo, and its run out of their state.

    Agents are read from the home folder, so the demo has its own.
    """
    before = dict(os.environ)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    for name in before:
        if name.startswith(_INHERITED):
            del os.environ[name]
    os.environ |= {"HOME": str(home), "REVIEWLOOP_STATE_DIR": str(DemoProject(folder).state)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ |= before


PLANTED_NAME = "roombook"
PLANTED_BRANCH = "weekly-report"

_PLANTED = Path(__file__).with_name("planted")


def make_planted(root: Path) -> None:
    """Create the repository in a new or empty folder; its branch is checked out."""
    root.mkdir(parents=True, exist_ok=True)
    write_files(_PLANTED / "base", root)
    git = new_repository(root)
    commit_all(git, "Book rooms and show who has them")
    git.run("switch", "--quiet", "--create", PLANTED_BRANCH)
    write_files(_PLANTED / "change", root)
    commit_all(git, "Add a weekly report")


_REPLIES = Path(__file__).with_name("replies.json")


@dataclass(frozen=True)
class Begun:
    """A run that has not moved yet."""

    repository: Repository
    planned: Plan
    record: RunRecord


IDEA_NAME = "overdue"
IDEA_BRANCH = "overdue-tools"
IDEA = (
    "the committee wants to see which tools are out too long, and remind the members who have them"
)
IDEA_MODEL = f"script:{Path(__file__).with_name('replies-spec.json')}"


def idea_project(folder: Path) -> DemoProject:
    """Return the project without a spec."""
    return DemoProject(folder, f".kiro/specs/{IDEA_NAME}/tasks.md")


def make_idea_project(folder: Path) -> DemoProject:
    """Write that project into a folder and commit it; return it."""
    return make_project(folder, IDEA_BRANCH, idea_project(folder).tasks)


def begin_run(project: DemoProject, spec: str = "", model: str = f"script:{_REPLIES}") -> Begun:
    """Start a run of the project's next task, exactly as `reviewloop run` does."""
    flags = model_flags(model) | {
        # pytest and coverage are installed with reviewloop; the active environment may lack them.
        "gates.python": sys.executable,
    }
    repository = open_repository(project.root)
    planned = plan(repository, RunRequest(spec=spec, flags=flags, unsandboxed="own code"))
    return Begun(repository, planned, begin(repository, planned))
