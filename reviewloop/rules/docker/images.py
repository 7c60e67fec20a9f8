"""Dockerfile rules on base images, and on references between stages."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MUST
from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerSource, Flaw


def _tag(image: str) -> str:
    name = image.rsplit("/", 1)[-1].split("@", 1)[0]
    return name.partition(":")[2]


def _bases(source: DockerSource) -> Iterator[Stage]:
    """Yield the stages with a base image from a registry, given by a literal name."""
    for stage in source.docker.stages:
        if not stage.image or stage.image == "scratch" or "@" in stage.image:
            continue
        if source.docker.parent(stage) is None:
            yield stage


def find_untagged_image(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/untagged-image."""
    for stage in _bases(source):
        if not _tag(stage.image):
            yield Flaw(stage.start, None, f"`{stage.image}` is built on without a tag.")


def find_latest_image(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/latest-image."""
    for stage in _bases(source):
        if _tag(stage.image) == "latest":
            yield Flaw(stage.start, None, f"`{stage.image}` is another image every time.")


def find_stage_name_twice(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/stage-name-twice."""
    seen: set[str] = set()
    for stage in source.docker.stages:
        alias = stage.alias.lower()
        if alias and alias in seen:
            yield Flaw(stage.start, None, f"Two stages are called `{stage.alias}`.")
        seen.add(alias)


def find_unknown_stage(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/unknown-stage."""
    stages = source.docker.stages
    last = {stage.alias.lower(): stage.index for stage in stages if stage.alias}
    known: set[str] = set()
    for stage in stages:
        if stage.index:
            known.add(stages[stage.index - 1].alias.lower())
        for instruction in stage.of("COPY"):
            origin = (instruction.flag("from") or "").lower()
            if not origin or "$" in origin or origin in known:
                continue
            if origin.isdigit():
                if int(origin) >= stage.index:
                    yield Flaw(instruction, None, f"There is no earlier stage {origin}.", MUST)
            elif last.get(origin, -1) >= stage.index:
                yield Flaw(instruction, None, f"Stage `{origin}` is not built yet here.", MUST)
            elif not re.search(r"[/:@.]", origin):
                yield Flaw(instruction, None, f"No earlier stage is called `{origin}`.")


def find_before_from(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/before-from."""
    for instruction in source.docker.before:
        if instruction.keyword not in {"ARG", "FROM"} and instruction.keyword.isalpha():
            yield Flaw(instruction)
            return
