"""Dockerfile rules on the use of the shell in RUN instructions."""

from collections.abc import Iterator

from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerSource, Flaw, Run
from reviewloop.rules.sh.commands import Command

_NO_USE_TEXT = (
    "ssh vim vi nano shutdown reboot service systemctl ps free top htop kill killall mount "
    "umount ifconfig"
)
_NEVER_FAIL = frozenset({"echo", "printf", "yes", "true", "cat"})


def find_shell_link(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/shell-link."""
    for run in source.runs:
        for command in run.named("ln"):
            if command.plain[1:] and command.plain[-1] in {"/bin/sh", "/usr/bin/sh"}:
                yield Flaw(run.instruction, command)


def find_pipe_hides_failure(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/pipe-hides-failure."""
    for stage in source.docker.stages:
        safe = any(_pipefail_shell(s) for s in source.docker.chain(stage))
        for run in (r for r in source.runs_of(stage) if not safe):
            feeding = _may_fail(run)
            if feeding is not None and "pipefail" not in run.text:
                yield Flaw(run.instruction, feeding)


def _pipefail_shell(stage: Stage) -> bool:
    return any("pipefail" in i.flat for i in stage.of("SHELL"))


def _may_fail(run: Run) -> Command | None:
    return next((c for c in run.commands if c.feeds and c.name not in _NEVER_FAIL), None)
