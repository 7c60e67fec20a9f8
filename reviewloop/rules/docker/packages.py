"""Dockerfiles: how packages of the operating system are installed."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, SHOULD, Rule
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, Run, dockerfile
from reviewloop.rules.sh.commands import Command

_PRACTICES = "https://docs.docker.com/build/building/best-practices/#apt-get"
_WITH_VALUE = frozenset({"-t", "-o", "-c", "--target-release", "--option", "--repository", "-X"})
APT = ("apt-get", "apt", "aptitude")
RPM = ("yum", "dnf", "microdnf", "tdnf", "zypper")


def named_packages(command: Command, after: int = 1) -> list[str]:
    """Return the packages an install command names."""
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


def _asking(source: DockerSource) -> Iterator[Place]:
    for run, command in installs(source, *APT):
        quiet = any(re.fullmatch(r"-q?q[qy]*|-q=[2-9]", w) for w in command.words)
        said = quiet or command.has("y", "yes", "assume-yes", "force-yes")
        if not said and command.fed_by != "yes":
            yield Place(run.instruction, command)
    for run, command in installs(source, *RPM):
        said = command.has("y", "assumeyes", "non-interactive", "no-confirm", "n")
        if not said and command.fed_by != "yes":
            yield Place(run.instruction, command)


def _update_alone(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        updates = [c for c in run.named(*APT) if c.does("update")]
        others = [c for c in run.commands if c not in updates and c.name not in {"rm", "set", ":"}]
        if updates and not others and not run.cached:
            yield Place(run.instruction, updates[0])


def _upgrade(source: DockerSource) -> Iterator[Place]:
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
                yield Place(run.instruction, command)


def _apt(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named("apt"):
            if command.plain:
                yield Place(run.instruction, command)
                break


def _some_pinned(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named("apt-get", "apt", "apk"):
            if not command.does("install", "add"):
                continue
            names = [p for p in named_packages(command) if not re.search(r"[$/]|\.deb$", p)]
            loose = [p for p in names if not re.search(r"[=<>~]", p) and not p.startswith(".")]
            if loose and len(loose) < len(names):
                yield Place(run.instruction, command, f"`{loose[0]}` has no version, others have.")


RULES = (
    DockerRule(
        Rule(
            "docker/install-asks",
            INFRASTRUCTURE,
            SHOULD,
            "The package manager will ask for a confirmation that nobody can give.",
            why="A build has no keyboard: the installation stops and the build fails.",
            fix="Add -y.",
            category="correctness",
            source=_PRACTICES,
            bad=dockerfile(
                "FROM debian:12\nRUN apt-get update && apt-get install curl\n",
                "FROM fedora:41\nRUN dnf install git\n",
                "FROM opensuse/leap:15.6\nRUN zypper install git\n",
            ),
            good=dockerfile(
                "FROM debian:12\nRUN apt-get update && apt-get -qqy install curl\n",
                "FROM debian:12\nRUN apt-get install --yes curl\n",
                "FROM opensuse/leap:15.6\nRUN zypper --non-interactive install git\n",
            ),
        ),
        _asking,
        ("install", " in "),
    ),
    DockerRule(
        Rule(
            "docker/update-alone",
            INFRASTRUCTURE,
            SHOULD,
            "The package lists are updated in a layer of their own.",
            why="The layer is cached: later installations use lists that are months old and fail.",
            fix="Update and install in the same RUN.",
            category="caching",
            source=_PRACTICES,
            bad=dockerfile("FROM debian:12\nRUN apt-get update\nRUN apt-get install -y curl\n"),
            good=dockerfile("FROM debian:12\nRUN apt-get update && apt-get install -y curl\n"),
        ),
        _update_alone,
        ("update",),
    ),
    DockerRule(
        Rule(
            "docker/system-upgrade",
            INFRASTRUCTURE,
            NIT,
            "The whole system is upgraded inside the build.",
            why="What is in the image then depends on the day it was built.",
            fix="Take a newer base image, and install by name what must be newer.",
            category="reproducibility",
            source="https://docs.docker.com/build/building/best-practices/",
            bad=dockerfile(
                "FROM debian:12\nRUN apt-get update && apt-get upgrade -y\n",
                "FROM fedora:41\nRUN dnf -y update\n",
            ),
            good=dockerfile(
                "FROM debian:12\nRUN apt-get update && apt-get install -y curl\n",
                "FROM fedora:41\nRUN dnf -y update openssl\n",
            ),
        ),
        _upgrade,
        ("up",),
    ),
    DockerRule(
        Rule(
            "docker/apt-in-script",
            INFRASTRUCTURE,
            NIT,
            "apt is made for people; its behaviour may change between versions.",
            why="Its own manual says that scripts should not rely on it.",
            fix="Use apt-get or apt-cache.",
            category="portability",
            source="https://manpages.debian.org/bookworm/apt/apt.8.en.html",
            bad=dockerfile("FROM debian:12\nRUN apt install -y curl\n"),
            good=dockerfile("FROM debian:12\nRUN apt-get install -y curl\n"),
        ),
        _apt,
        ("apt ",),
    ),
    DockerRule(
        Rule(
            "docker/partly-pinned-packages",
            INFRASTRUCTURE,
            NIT,
            "Some of these packages have a version and others have none.",
            why="The build is still not repeatable, though it looks as if it were.",
            fix="Give all of them a version, or build on an image's digest.",
            category="reproducibility",
            source="https://docs.docker.com/build/building/best-practices/#apt-get",
            bad=dockerfile("FROM alpine:3.20\nRUN apk add --no-cache curl=8.9.1-r1 git\n"),
            good=dockerfile(
                "FROM alpine:3.20\nRUN apk add --no-cache curl=8.9.1-r1 git=2.45.2-r0\n",
                "FROM alpine:3.20\nRUN apk add --no-cache curl git\n",
            ),
        ),
        _some_pinned,
        ("=",),
    ),
)
