"""Dockerfile rules on the user of processes, their rights, and access to them."""

import re
from collections.abc import Iterator

from reviewloop.regex import regex
from reviewloop.rules.docker.source import DockerSource, Flaw
from reviewloop.rules.sh.downloads import world_writable

_DROPS = regex(r"\b(?:gosu|su-exec|setpriv|runuser|tini-su|suexec|chpst|s6-setuidgid)\b")
_UNPRIVILEGED = regex(r"nonroot|non-root|rootless|unprivileged", re.IGNORECASE)
_ROOT = regex(r"(?:root|0)(?::.*)?$")


def find_root_user(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/root-user."""
    stage = source.docker.final
    if stage is None:
        return
    users = [i for s in reversed(source.docker.chain(stage)) for i in s.of("USER")]
    if users and _ROOT.match(users[-1].flat.strip("\"'")):
        yield Flaw(users[-1])


def find_no_user(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/no-user."""
    stage = source.docker.final
    if stage is None or not stage.of("CMD", "ENTRYPOINT"):
        return
    chain = source.docker.chain(stage)
    if any(s.of("USER") for s in chain) or _UNPRIVILEGED.search(chain[-1].image):
        return
    if _DROPS.search(source.file.text) or not chain[-1].image:
        return
    yield Flaw(stage.of("CMD", "ENTRYPOINT")[0])


def find_open_rights(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/open-rights."""
    for run in source.runs:
        for command in run.commands:
            if world_writable(command):
                yield Flaw(run.instruction, command)
    for instruction in source.every("COPY", "ADD"):
        if (instruction.flag("chmod") or "").lstrip("0") in {"777", "666"}:
            yield Flaw(instruction)


def find_ssh_port(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/ssh-port."""
    for instruction in source.every("EXPOSE"):
        if any(word.split("/")[0] == "22" for word in instruction.words):
            yield Flaw(instruction)


def find_daemon_socket(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/daemon-socket."""
    for instruction in source.every("VOLUME", "COPY", "ADD"):
        if any(word.endswith("docker.sock") for word in instruction.words):
            yield Flaw(instruction)


def find_privileged_build_step(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/privileged-build-step."""
    for instruction in source.every("RUN"):
        if instruction.flag("security") == "insecure" or instruction.flag("network") == "host":
            yield Flaw(instruction)
