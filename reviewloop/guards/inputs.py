"""Builds the input of gates from a run's private repository, workspace and environment."""

from collections.abc import Callable, Mapping
from functools import cache, partial
from pathlib import Path

from reviewloop.checkout.workspace import Workspace
from reviewloop.git.private import PrivateRepo
from reviewloop.guards.against_base import Ran
from reviewloop.guards.base import GuardInput, is_test_file
from reviewloop.guards.detect import detect
from reviewloop.guards.plan import COMMAND_GATES, DetectedGate, GatePlan
from reviewloop.sandbox.environment import ProjectEnv
from reviewloop.secrets import Redactor
from reviewloop.settings import Settings


def guard_input(
    *,
    settings: Settings,
    private: PrivateRepo,
    base: str,
    tree: str,
    workspace: Workspace,
    env: ProjectEnv,
    logs: Path,
    branch: str | None,
    label: str = "",
    selection: tuple[str, ...] | None = None,
    stop: Callable[[], bool] | None = None,
    redactor: Redactor | None = None,
    base_tests: Mapping[str, Ran] | None = None,
) -> GuardInput:
    """Return the input for evaluating `tree` against `base`.

    The workspace is reset to the tree when the first gate runs a command, once.
    """

    @cache
    def folder() -> Path:
        reset = workspace.reset(tree)
        env.prepare()
        return reset

    logs.mkdir(parents=True, exist_ok=True)
    return GuardInput(
        settings=settings,
        change=private.change(base, tree),
        read_base=partial(private.read, base),
        read_new=partial(private.read, tree),
        folder=folder,
        env=env,
        plan=plan_for_change(settings, private, base, tree, env),
        logs=logs,
        branch=branch,
        label=label,
        selection=selection,
        stop=stop,
        redactor=redactor or Redactor(),
        base_tests=base_tests,
        tested_before=lambda: any(is_test_file(one.path) for one in private.entries(base)),
    )


def plan_for_change(
    settings: Settings, private: PrivateRepo, base: str, tree: str, env: ProjectEnv
) -> GatePlan:
    """Return the plan of the base tree, so that a change cannot rewrite its own checks.

    A gate that the base lacks, such as the first tests of a project, comes from the change.
    """
    before, after = (_plan_of(settings, private, version, env) for version in (base, tree))
    entries: list[DetectedGate] = []
    for name in COMMAND_GATES:
        known = [entry for entry in before.entries if entry.name == name]
        is_new = all(entry.source == "none" for entry in known)
        entries += [entry for entry in after.entries if entry.name == name] if is_new else known
    return GatePlan.collect(entries)


def _plan_of(settings: Settings, private: PrivateRepo, tree: str, env: ProjectEnv) -> GatePlan:
    read, paths = of_project(private, tree, env.project)
    return detect(
        settings,
        read=read,
        paths=paths,
        checkout=env.user_root / env.project,
        sites=env.source.visible,
        search_path=env.env["PATH"],
    )


def of_project(
    private: PrivateRepo, tree: str, project: str
) -> tuple[Callable[[str], bytes | None], list[str]]:
    """Return a reader of a project's files in a tree, and their paths, relative to it."""
    start = f"{project}/" if project else ""
    paths = [entry.path for entry in private.entries(tree)]
    return (
        lambda path: private.read(tree, start + path),
        [path.removeprefix(start) for path in paths if path.startswith(start)],
    )
