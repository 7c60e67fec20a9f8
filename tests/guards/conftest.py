"""A real repository, a real private copy of it, and one function that builds a gate's input."""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from reviewloop.checkout.workspace import Workspace
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.guards.against_base import Ran
from reviewloop.guards.base import GuardInput
from reviewloop.guards.inputs import guard_input
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.environment import build_environment
from reviewloop.secrets import Redactor
from reviewloop.settings import Settings


@dataclass
class Project:
    """Builds what a guard is given: base files are committed, the change is a tree."""

    root: Path
    state: Path
    git: Callable[..., str]
    settings: Settings = field(default_factory=Settings)
    redactor: Redactor = field(default_factory=Redactor)
    discard: list[Callable[[], None]] = field(default_factory=list)

    def commit(self, files: dict[str, str | bytes]) -> None:
        for name, text in files.items():
            path = self.root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        self.git(self.root, "add", "-A")
        self.git(self.root, "commit", "-q", "-m", "base")

    def change(
        self,
        files: dict[str, str | bytes | None],
        *,
        branch: str | None = "feature",
        selection: tuple[str, ...] | None = None,
        search_path: str | None = None,
        label: str = "guard-1-",
        base_tests: Mapping[str, Ran] | None = None,
    ) -> GuardInput:
        user = discover(self.root)
        private = PrivateRepo.create(self.state / f"private-{label}", user)
        base = private.tree_of("HEAD")
        contents = {
            name: text.encode() if isinstance(text, str) else text for name, text in files.items()
        }
        tree = private.edit(base, contents)
        workspace = Workspace(private, self.state / "workspace")
        workspace.folder.mkdir(parents=True, exist_ok=True)
        # Plugins of the environment these tests run in cost half a second per run of pytest.
        plain = "PYTEST_DISABLE_PLUGIN_AUTOLOAD"
        env = build_environment(
            user_root=self.root,
            workspace=workspace.folder,
            folder=self.state / "env",
            environ={**os.environ, plain: "1"},
            pass_through=(plain,),
            sandbox=choose,
            objects=workspace.needed_folders,
        )
        self.discard.append(env.discard)
        if search_path is not None:
            env = replace(env, env={**env.env, "PATH": search_path})
        return guard_input(
            settings=self.settings,
            private=private,
            base=base,
            tree=tree,
            workspace=workspace,
            env=env,
            logs=self.state / "logs",
            branch=branch,
            base_tests=base_tests,
            label=label,
            selection=selection,
            redactor=self.redactor,
        )


@pytest.fixture
def project(repo: Path, tmp_path: Path, git: Callable[..., str]) -> Iterator[Project]:
    made = Project(repo, tmp_path / "state", git)
    yield made
    for discard in made.discard:
        discard()


@pytest.fixture
def with_settings(project: Project) -> Callable[..., Project]:
    """Return a function that changes tables of the project's settings."""

    def change(**tables: dict[str, object]) -> Project:
        values = project.settings.model_dump()
        for name, table in tables.items():
            for key, value in table.items():
                current = values[name][key]
                merged = {**current, **value} if isinstance(current, dict) else value
                values[name][key] = merged
        project.settings = Settings.model_validate(values)
        return project

    return change
