"""Builds and deploys after an approval, with the project's own commands, found or configured."""

import json
import os
import re
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from reviewloop.app.deploy_logs import begin_deploy, end_deploy
from reviewloop.app.project import Repository, read_settings
from reviewloop.app.redactors import redactor_of
from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.sandbox.run import read_log, run_command
from reviewloop.store.folders import private_folder
from reviewloop.store.runs import RunRecord, RunStatus

_LIMIT_SECONDS = 3600.0
_PLAN_FILE = "reviewloop.tfplan"
_TARGET = regex(r"^([A-Za-z0-9_.-]+)\s*:(?!=)", re.MULTILINE)
LOG = "build-and-deploy.log"


@dataclass(frozen=True)
class Stage:
    """One command of shipping; `plans` marks one that only prints what a deploy would do."""

    name: str
    argv: tuple[str, ...]
    plans: bool = False
    folder: str = ""  # working directory relative to the project; "": the project

    @property
    def command(self) -> str:
        """Return the command as it is shown."""
        words = " ".join(self.argv)
        return f"{words}  (in {self.folder})" if self.folder else words


@dataclass(frozen=True)
class Shipping:
    """The commands to run, where they were found, and for which run."""

    stages: tuple[Stage, ...]
    found_in: str  # a file of the project, or the settings
    run: RunRecord | None

    @property
    def plan(self) -> tuple[Stage, ...]:
        """The commands that change nothing."""
        return tuple(one for one in self.stages if one.plans)

    @property
    def deploy(self) -> tuple[Stage, ...]:
        """The commands that build and deploy."""
        return tuple(one for one in self.stages if not one.plans)


@dataclass(frozen=True)
class Shipped:
    """The end of one command; after a failure the rest does not run."""

    stage: Stage
    exit_code: int
    seconds: float
    output: str  # redacted


def shipping_of(repository: Repository, named: str | None) -> Shipping:
    """Return how this project is shipped, without stages where nothing shows it."""
    user = repository.user
    run = repository.runs.find(named) if named else _newest(repository)
    configured = read_settings(user.root, project=user.project).settings.follow_ups
    if configured.build_and_deploy:
        stages = (Stage("build-and-deploy", tuple(configured.build_and_deploy)),)
        return Shipping(stages, "follow_ups.build_and_deploy", run)
    folder = user.root / user.project
    for detect in (_cdk, _sam, _terraform, _make, _npm, _docker):
        if found := detect(folder, run.commit if run else user.head or ""):
            return Shipping(found[1], found[0], run)
    return Shipping((), "", run)


def run_stages(
    repository: Repository,
    shipping: Shipping,
    stages: tuple[Stage, ...],
    log: Path,
    begun: Callable[[Stage], object],
) -> Iterator[Shipped]:
    """Run stages in the user's checkout and environment, up to the first that fails.

    `begun` is called before each starts. All output is appended to `log`.
    """
    user = repository.user
    env = {**os.environ}
    if shipping.run:
        env |= {"REVIEWLOOP_RUN": shipping.run.run_id, "REVIEWLOOP_COMMIT": shipping.run.commit}
    show = redactor_of(user).for_people
    began = begin_deploy(log)
    with log.open("ab") as kept:
        for stage in stages:
            begun(stage)
            own = log.with_suffix(".part")
            result = run_command(
                stage.argv,
                cwd=user.root / user.project / stage.folder,
                env=env,
                timeout_seconds=_LIMIT_SECONDS,
                log=own,
            )
            kept.write(f"$ {stage.command}\n".encode() + own.read_bytes() + b"\n")
            output = show(read_log(own))
            own.unlink()
            yield Shipped(stage, result.exit_code, result.seconds, output)
            if result.exit_code:
                return
    if not all(stage.plans for stage in stages):
        end_deploy(log, began)


def log_of(repository: Repository, shipping: Shipping) -> Path:
    """Return the log file: of the run, else of the repository."""
    if shipping.run is not None:
        return private_folder(repository.run_folder(shipping.run.run_id) / "logs") / LOG
    return private_folder(repository.folder / "ship") / time.strftime("%Y%m%d-%H%M%S.log")


def _newest(repository: Repository) -> RunRecord | None:
    found = (run for run in repository.runs.all() if run.status is RunStatus.COMMITTED)
    return next(found, None)


_Detected = tuple[str, tuple[Stage, ...]]


def _cdk(folder: Path, commit: str) -> _Detected | None:
    if not (folder / "cdk.json").is_file():
        return None
    cdk = ("npx", "cdk") if (folder / "package.json").is_file() else ("cdk",)
    # The user has seen the plan and agreed, so the program must not ask again.
    deploy = Stage("deploy", (*cdk, "deploy", "--all", "--require-approval", "never"))
    return "cdk.json", (Stage("plan", (*cdk, "diff"), plans=True), deploy)


def _sam(folder: Path, commit: str) -> _Detected | None:
    for name in ("template.yaml", "template.yml"):
        path = folder / name
        if path.is_file() and b"AWS::Serverless" in path.read_bytes()[:1_000_000]:
            deploy = ("sam", "deploy", "--no-fail-on-empty-changeset")
            return name, (
                Stage("build the plan", ("sam", "build"), plans=True),
                Stage("plan", (*deploy, "--no-execute-changeset"), plans=True),
                Stage("build", ("sam", "build")),
                Stage("deploy", (*deploy, "--no-confirm-changeset")),
            )
    return None


def _terraform(folder: Path, commit: str) -> _Detected | None:
    for name in ("", "terraform", "infra", "infrastructure"):
        there = folder / name
        files = sorted(there.glob("*.tf")) if there.is_dir() else []
        if files:
            begin = ("terraform", "init", "-input=false")
            plan = ("terraform", "plan", "-input=false", f"-out={_PLAN_FILE}")
            return str(files[0].relative_to(folder)), (
                Stage("prepare", begin, plans=True, folder=name),
                Stage("plan", plan, plans=True, folder=name),
                Stage("prepare", begin, folder=name),
                Stage("plan", plan, folder=name),
                Stage("deploy", ("terraform", "apply", "-input=false", _PLAN_FILE), folder=name),
            )
    return None


def _make(folder: Path, commit: str) -> _Detected | None:
    for name in ("Makefile", "makefile", "GNUmakefile"):
        path = folder / name
        if path.is_file():
            targets = {*_TARGET.findall(path.read_text("utf-8", "replace"))}
            if "deploy" in targets:
                build = (Stage("build", ("make", "build")),) if "build" in targets else ()
                return name, (*build, Stage("deploy", ("make", "deploy")))
    return None


def _npm(folder: Path, commit: str) -> _Detected | None:
    try:
        scripts = json.loads((folder / "package.json").read_text("utf-8"))["scripts"]
        names: Mapping[str, str] = {str(name): str(line) for name, line in scripts.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if "deploy" not in names:
        return None
    build = (Stage("build", ("npm", "run", "build")),) if "build" in names else ()
    return "package.json", (*build, Stage("deploy", ("npm", "run", "deploy")))


def _docker(folder: Path, commit: str) -> _Detected | None:
    if not (folder / "Dockerfile").is_file():
        return None
    tag = f"{_project_name(folder)}:{commit[:12] or 'latest'}"
    return "Dockerfile", (Stage("build", ("docker", "build", "--tag", tag, ".")),)


def _project_name(folder: Path) -> str:
    try:
        found = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]["name"]
    except (OSError, ValueError, KeyError, TypeError):
        found = folder.resolve().name
    return re.sub(r"[^a-z0-9]+", "-", str(found).lower()).strip("-") or "project"
