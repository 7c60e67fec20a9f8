"""Detects gates, specs and environment of a repository, and runs none of them."""

from collections.abc import Iterator
from pathlib import Path

from reviewloop.app.project import shown_path
from reviewloop.app.sandboxing import require_sandbox
from reviewloop.dataclass import dataclass
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import UserRepo
from reviewloop.guards.detect import detect
from reviewloop.guards.inputs import of_project
from reviewloop.guards.plan import DetectedGate, GatePlan
from reviewloop.sandbox.environment import interpreter_for, paths_for
from reviewloop.sandbox.interpreters import PythonSource, ask_inside, find_python
from reviewloop.settings import Settings
from reviewloop.specs.discover import find_specs
from reviewloop.specs.files import DiskFiles


@dataclass(frozen=True)
class Detected:
    """The output of `init`: comments for the settings file, and sentences for the screen."""

    notes: dict[str, str]
    sentences: tuple[str, ...]


def detect_with_defaults(repo: UserRepo) -> Detected:
    """Return what a run would detect in this repository with default settings."""

    settings = Settings()
    python = python_of(repo, settings)
    plan = gate_plan(repo, settings, python)
    notes = {
        f"gates.{name}": "; ".join(map(gate_sentence, plan.of(name)))
        for name in ("build", "test", "lint", "security")
    }
    specs = spec_paths(repo.root, repo.project)
    notes["spec.path"] = f"detected: {', '.join(specs)}" if specs else "detected: no spec"
    notes["models"] = "`reviewloop doctor` checks access to these before anything is paid"
    lines = [f"{name}: {text}" for name, text in notes.items() if name != "models"]
    # Not written: the file is committed, and this path exists on one machine only.
    lines.append(f"gates.python: {python_sentence(python)}")
    return Detected(notes, tuple(lines))


def gate_plan(repo: UserRepo, settings: Settings, python: PythonSource) -> GatePlan:
    """Return the gates of HEAD, the commit a run would start from; without one, those of
    no file.
    """
    import tempfile

    checkout = repo.root / repo.project
    if repo.head is None:
        return detect(
            settings, read=lambda _: None, paths=(), checkout=checkout, sites=python.visible
        )

    with tempfile.TemporaryDirectory(prefix="reviewloop-") as folder:
        private = PrivateRepo.create(Path(folder) / "repository", repo)
        try:
            tree = private.tree_of(private.head)
            read, paths = of_project(private, tree, repo.project)
            return detect(
                settings,
                read=read,
                paths=paths,
                checkout=checkout,
                sites=python.visible,
            )
        finally:
            private.close()


def python_of(repo: UserRepo, settings: Settings, *, trusted: bool = True) -> PythonSource:
    """Return the project's Python environment; an untrusted setting is left out and not started."""
    import os
    import tempfile
    from functools import partial

    named = settings.gates.python if trusted else ""
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as folder:
        sandbox = partial(require_sandbox, settings, "")
        return find_python(
            repo.root,
            setting=interpreter_for(repo.root, repo.project, named),
            reuse=paths_for(repo.project, settings.gates.reuse),
            environ=os.environ,
            ask_inside=partial(ask_inside, sandbox, repo.root, Path(folder), Path.home()),
        )


def python_sentence(source: PythonSource) -> str:
    """Return the environment of the gates, in words."""

    words = {
        "settings": "named in the settings",
        "checkout": "found in the checkout",
        "active": "the active environment",
        "reviewloop": "reviewloop's own, as the project has none",
    }
    return f"{shown_path(source.prefix)} ({words[source.origin]})"


def gate_sentence(gate: DetectedGate) -> str:
    """Return what was found for a gate, why, and its problem."""
    import shlex

    if not gate.argv:
        return gate.why
    problem = f"; {gate.problem}" if gate.problem else ""
    return f"{gate.source}: {shlex.join(gate.argv)} ({gate.why}){problem}"


def spec_paths(root: Path, project: str = "") -> list[str]:
    """Return the specs of a project of a checkout."""
    return list(_spec_paths(root, project))


def _spec_paths(root: Path, project: str) -> Iterator[str]:

    for found in find_specs(DiskFiles(root), project):
        yield found.path if found.tasks_path else f"{found.path} (without tasks)"
