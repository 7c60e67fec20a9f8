"""Dockerfiles: what package managers leave behind in the layers."""

import re
from collections.abc import Iterator

from reviewloop.rules.docker.packages import APT, RPM, installs, named_packages
from reviewloop.rules.docker.source import DockerSource, Place


def find_recommended_packages(source: DockerSource) -> Iterator[Place]:
    """Find docker/recommended-packages."""
    configured = "install-recommends" in source.file.text.lower().replace("--no-install-", "")
    for run, command in installs(source, *APT):
        if command.has("no-install-recommends") or configured:
            continue
        if any("install-recommends" in w.lower() for w in command.words):
            continue
        if named_packages(command):
            yield Place(run.instruction, command)


def find_apt_lists_left(source: DockerSource) -> Iterator[Place]:
    """Find docker/apt-lists-left."""
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


def find_apk_cache_left(source: DockerSource) -> Iterator[Place]:
    """Find docker/apk-cache-left."""
    for run in source.runs:
        if run.stage.index not in source.shipped or "/apk" in run.cached:
            continue
        if "/var/cache/apk" in run.text:
            continue
        for command in run.named("apk"):
            if command.does("add") and not command.has("no-cache"):
                yield Place(run.instruction, command)
                break


def find_rpm_cache_left(source: DockerSource) -> Iterator[Place]:
    """Find docker/rpm-cache-left."""
    for run, command in installs(source, *RPM):
        if run.stage.index not in source.shipped or run.cached:
            continue
        cleans = any(c.does("clean", "cc") for c in run.named(*RPM) if c.plain) or re.search(
            r"/var/cache/(?:yum|dnf|libdnf|zypp|tdnf|\*)", run.text
        )
        if not cleans:
            yield Place(run.instruction, command)
