"""Dockerfile rules on caches that package managers leave in the layers."""

import re
from collections.abc import Iterator

from reviewloop.rules.docker.packages import APT
from reviewloop.rules.docker.source import DockerSource, Flaw


def find_apt_lists_left(source: DockerSource) -> Iterator[Flaw]:
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
        yield Flaw(run.instruction, updates[0])


def find_apk_cache_left(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/apk-cache-left."""
    for run in source.runs:
        if run.stage.index not in source.shipped or "/apk" in run.cached:
            continue
        if "/var/cache/apk" in run.text:
            continue
        for command in run.named("apk"):
            if command.does("add") and not command.has("no-cache"):
                yield Flaw(run.instruction, command)
                break
