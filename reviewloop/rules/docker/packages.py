"""Dockerfile rules on packages of the operating system."""

import re
from collections.abc import Iterator

from reviewloop.rules.docker.source import DockerSource, Flaw, Run
from reviewloop.rules.sh.commands import Command

_WITH_VALUE = frozenset({"-t", "-o", "-c", "--target-release", "--option", "--repository", "-X"})
APT = ("apt-get", "apt", "aptitude")
RPM = ("yum", "dnf", "microdnf", "tdnf", "zypper")


def named_packages(command: Command, after: int = 1) -> list[str]:
    """Return the packages that an install command names."""
    found: list[str] = []
    skip = False
    for word in command.words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in _WITH_VALUE
        else:
            found.append(word)
    return found[after:]


def installs(source: DockerSource, *names: str) -> Iterator[tuple[Run, Command]]:
    """Yield the commands that install packages with one of these package managers."""
    for run in source.runs:
        for command in run.named(*names):
            if command.does("install", "in", "localinstall", "groupinstall"):
                yield run, command


def find_install_asks(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/install-asks."""
    for run, command in installs(source, *APT):
        quiet = any(re.fullmatch(r"-q?q[qy]*|-q=[2-9]", w) for w in command.words)
        confirmed = quiet or command.has("y", "yes", "assume-yes", "force-yes")
        if not confirmed and command.fed_by != "yes":
            yield Flaw(run.instruction, command)
    for run, command in installs(source, *RPM):
        confirmed = command.has("y", "assumeyes", "non-interactive", "no-confirm", "n")
        if not confirmed and command.fed_by != "yes":
            yield Flaw(run.instruction, command)


def find_update_alone(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/update-alone."""
    for run in source.runs:
        updates = [c for c in run.named(*APT) if c.does("update")]
        others = [c for c in run.commands if c not in updates and c.name not in {"rm", "set", ":"}]
        if updates and not others and not run.cached:
            yield Flaw(run.instruction, updates[0])


def find_system_upgrade(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/system-upgrade."""
    table = {
        "apt-get": ("upgrade", "dist-upgrade", "full-upgrade"),
        "apt": ("upgrade", "dist-upgrade", "full-upgrade"),
        "apk": ("upgrade",),
        "yum": ("update", "upgrade"),
        "dnf": ("update", "upgrade"),
        "microdnf": ("update", "upgrade"),
        "zypper": ("update", "up", "dist-upgrade", "dup"),
    }
    for run in source.runs:
        for command in run.named(*table):
            if command.does(*table[command.name]) and not command.plain[1:]:
                yield Flaw(run.instruction, command)


def find_partly_pinned_packages(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/partly-pinned-packages."""
    for run in source.runs:
        for command in run.named("apt-get", "apt", "apk"):
            if not command.does("install", "add"):
                continue
            names = [p for p in named_packages(command) if not re.search(r"[$/]|\.deb$", p)]
            loose = [p for p in names if not re.search(r"[=<>~]", p) and not p.startswith(".")]
            if loose and len(loose) < len(names):
                yield Flaw(run.instruction, command, f"`{loose[0]}` has no version, others have.")
