"""Dockerfiles: what package managers leave behind in the layers."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, Rule
from reviewloop.rules.docker.packages import APT, RPM, installs, named_packages
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile

_PRACTICES = "https://docs.docker.com/build/building/best-practices/#apt-get"


def _recommended(source: DockerSource) -> Iterator[Place]:
    configured = "install-recommends" in source.file.text.lower().replace("--no-install-", "")
    for run, command in installs(source, *APT):
        if command.has("no-install-recommends") or configured:
            continue
        if any("install-recommends" in w.lower() for w in command.words):
            continue
        if named_packages(command):
            yield Place(run.instruction, command)


def _lists_left(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        if run.stage.index not in source.shipped:
            continue
        updates = [c for c in run.named(*APT) if c.does("update")]
        if not updates or re.search(r"(?:var/lib/apt|/var/lib/?(?:\s|$))", run.text):
            continue
        if "/var/lib/apt" in run.cached or "/var/cache/apt" in run.cached:
            continue
        if "tmpfs" in str(run.instruction.flags) and "/var/lib/apt" in str(run.instruction.flags):
            continue
        yield Place(run.instruction, updates[0])


def _apk_cache(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        if run.stage.index not in source.shipped or "/apk" in run.cached:
            continue
        if "/var/cache/apk" in run.text:
            continue
        for command in run.named("apk"):
            if command.does("add") and not command.has("no-cache"):
                yield Place(run.instruction, command)
                break


def _rpm_cache(source: DockerSource) -> Iterator[Place]:
    for run, command in installs(source, *RPM):
        if run.stage.index not in source.shipped or run.cached:
            continue
        cleans = any(c.does("clean", "cc") for c in run.named(*RPM) if c.plain) or re.search(
            r"/var/cache/(?:yum|dnf|libdnf|zypp|tdnf|\*)", run.text
        )
        if not cleans:
            yield Place(run.instruction, command)


RULES = (
    DockerRule(
        Rule(
            "docker/recommended-packages",
            INFRASTRUCTURE,
            NIT,
            "Recommended packages are installed as well.",
            why="They make the image larger and give an attacker more to work with.",
            fix="Add --no-install-recommends, and name what is really needed.",
            category="image-size",
            source=_PRACTICES,
            bad=dockerfile("FROM debian:12\nRUN apt-get install -y curl\n"),
            good=dockerfile(
                "FROM debian:12\nRUN apt-get install -y --no-install-recommends curl\n",
                "FROM debian:12\nRUN apt-get -o APT::Install-Recommends=false install -y curl\n",
            ),
        ),
        _recommended,
        ("install",),
    ),
    DockerRule(
        Rule(
            "docker/apt-lists-left",
            INFRASTRUCTURE,
            NIT,
            "The package lists stay in the layer.",
            why="They are tens of megabytes, are outdated soon, and a later layer "
            "cannot remove them.",
            fix="End the same RUN with `rm -rf /var/lib/apt/lists/*`, or mount a cache there.",
            category="image-size",
            source=_PRACTICES,
            bad=dockerfile("FROM debian:12\nRUN apt-get update && apt-get install -y curl\n"),
            good=dockerfile(
                "FROM debian:12\nRUN apt-get update && apt-get install -y curl "
                "&& rm -rf /var/lib/apt/lists/*\n",
                "FROM debian:12 AS build\nRUN apt-get update && apt-get install -y gcc\n"
                "FROM debian:12\nCOPY --from=build /x /x\n",
                "FROM debian:12\nRUN --mount=type=cache,target=/var/lib/apt "
                "apt-get update && apt-get install -y curl\n",
            ),
        ),
        _lists_left,
        ("apt",),
    ),
    DockerRule(
        Rule(
            "docker/apk-cache-left",
            INFRASTRUCTURE,
            NIT,
            "The package index stays in the layer.",
            why="It makes the image larger and is outdated soon.",
            fix="Use `apk add --no-cache`.",
            category="image-size",
            source="https://wiki.alpinelinux.org/wiki/Alpine_Package_Keeper",
            bad=dockerfile("FROM alpine:3.20\nRUN apk add curl\n"),
            good=dockerfile(
                "FROM alpine:3.20\nRUN apk add --no-cache curl\n",
                "FROM alpine:3.20\nRUN apk add curl && rm -rf /var/cache/apk/*\n",
            ),
        ),
        _apk_cache,
        ("apk",),
    ),
    DockerRule(
        Rule(
            "docker/rpm-cache-left",
            INFRASTRUCTURE,
            NIT,
            "The package manager's cache stays in the layer.",
            why="It makes the image larger, and a later layer cannot remove it.",
            fix="End the same RUN with `dnf clean all` (`yum clean all`, `zypper clean`).",
            category="image-size",
            source="https://docs.docker.com/build/building/best-practices/",
            bad=dockerfile("FROM fedora:41\nRUN dnf install -y git\n"),
            good=dockerfile(
                "FROM fedora:41\nRUN dnf install -y git && dnf clean all\n",
                "FROM fedora:41\nRUN dnf install -y git && rm -rf /var/cache/dnf\n",
            ),
        ),
        _rpm_cache,
        ("yum", "dnf", "zypper"),
    ),
)
