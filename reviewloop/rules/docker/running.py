"""Dockerfiles: what RUN instructions do with the shell."""

import re
from collections.abc import Iterator

from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerSource, Place, Run
from reviewloop.rules.sh.commands import Command

_NO_USE_TEXT = (
    "ssh vim vi nano shutdown reboot service systemctl ps free top htop kill killall mount "
    "umount ifconfig"
)
_NO_USE = frozenset(_NO_USE_TEXT.split())
_NEVER_FAIL = frozenset({"echo", "printf", "yes", "true", "cat"})


def find_sudo(source: DockerSource) -> Iterator[Place]:
    """Find docker/sudo."""
    for run in source.runs:
        for command in run.commands:
            if "sudo" in command.wrappers or command.name == "sudo":
                yield Place(run.instruction, command)
                break


def find_cd(source: DockerSource) -> Iterator[Place]:
    """Find docker/cd."""
    for run in source.runs:
        first = run.commands[0] if run.commands else None
        if first is not None and first.name == "cd" and first.words:
            yield Place(run.instruction, first)


def find_wget_and_curl(source: DockerSource) -> Iterator[Place]:
    """Find docker/wget-and-curl."""
    for stage in source.docker.stages:
        used: set[str] = set()
        for run in source.runs_of(stage):
            for command in run.named("wget", "curl"):
                used.add(command.name)
                if len(used) == 2:
                    yield Place(run.instruction, command)
                    break
            if len(used) == 2:
                break


def find_shell_link(source: DockerSource) -> Iterator[Place]:
    """Find docker/shell-link."""
    for run in source.runs:
        for command in run.named("ln"):
            if command.plain[1:] and command.plain[-1] in {"/bin/sh", "/usr/bin/sh"}:
                yield Place(run.instruction, command)


def find_pipe_hides_failure(source: DockerSource) -> Iterator[Place]:
    """Find docker/pipe-hides-failure."""
    for stage in source.docker.stages:
        safe = any(_pipefail_shell(s) for s in source.docker.chain(stage))
        for run in (r for r in source.runs_of(stage) if not safe):
            feeding = _may_fail(run)
            if feeding is not None and "pipefail" not in run.text:
                yield Place(run.instruction, feeding)


def _pipefail_shell(stage: Stage) -> bool:
    return any("pipefail" in i.flat for i in stage.of("SHELL"))


def _may_fail(run: Run) -> Command | None:
    return next((c for c in run.commands if c.feeds and c.name not in _NEVER_FAIL), None)


def find_command_without_use(source: DockerSource) -> Iterator[Place]:
    """Find docker/command-without-use."""
    for run in source.runs:
        for command in run.named(*_NO_USE):
            if command.name == "systemctl" and not command.does("start", "restart", "stop"):
                continue
            yield Place(run.instruction, command, f"`{command.name}` has no use in a build.")
            break


def find_useradd_large_id(source: DockerSource) -> Iterator[Place]:
    """Find docker/useradd-large-id."""
    for run in source.runs:
        for command in run.named("useradd"):
            text = " ".join(command.words)
            number = re.search(r"(?:^|\s)(?:-u|--uid)[ =]?(\d{6,})", text)
            if number and not command.has("l", "no-log-init"):
                yield Place(run.instruction, command)
