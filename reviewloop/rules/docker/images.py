"""Dockerfiles: which image is built on, and how stages refer to each other."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SHOULD, Rule
from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile

_REFERENCE = "https://docs.docker.com/reference/dockerfile/"
_PRACTICES = "https://docs.docker.com/build/building/best-practices/"


def _tag(image: str) -> str:
    name = image.rsplit("/", 1)[-1].split("@", 1)[0]
    return name.partition(":")[2]


def _bases(source: DockerSource) -> Iterator[Stage]:
    """Yield the stages that start from an image of a registry, told by name."""
    for stage in source.docker.stages:
        if not stage.image or stage.image == "scratch" or "@" in stage.image:
            continue
        if source.docker.parent(stage) is None:
            yield stage


def _untagged(source: DockerSource) -> Iterator[Place]:
    for stage in _bases(source):
        if not _tag(stage.image):
            yield Place(stage.start, None, f"`{stage.image}` is built on without a tag.")


def _latest(source: DockerSource) -> Iterator[Place]:
    for stage in _bases(source):
        if _tag(stage.image) == "latest":
            yield Place(stage.start, None, f"`{stage.image}` is another image every time.")


def _platform(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        platform = stage.start.flag("platform")
        if platform and "$" not in platform:
            yield Place(stage.start)


def _same_alias(source: DockerSource) -> Iterator[Place]:
    seen: set[str] = set()
    for stage in source.docker.stages:
        alias = stage.alias.lower()
        if alias and alias in seen:
            yield Place(stage.start, None, f"Two stages are called `{stage.alias}`.")
        seen.add(alias)


def _copy_from(source: DockerSource) -> Iterator[Place]:
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
                    yield Place(instruction, None, f"There is no earlier stage {origin}.", MUST)
            elif last.get(origin, -1) >= stage.index:
                yield Place(instruction, None, f"Stage `{origin}` is not built yet here.", MUST)
            elif not re.search(r"[/:@.]", origin):
                yield Place(instruction, None, f"No earlier stage is called `{origin}`.")


def _no_from(source: DockerSource) -> Iterator[Place]:
    for instruction in source.docker.before:
        if instruction.keyword not in {"ARG", "FROM"} and instruction.keyword.isalpha():
            yield Place(instruction)
            return


RULES = (
    DockerRule(
        Rule(
            "docker/untagged-image",
            INFRASTRUCTURE,
            SHOULD,
            "The base image has no tag, so every build may get another one.",
            why="A build that worked yesterday breaks or changes without a change of yours.",
            fix="Name a version, or better a version and its digest.",
            category="reproducibility",
            source=_PRACTICES + "#pin-base-image-versions",
            bad=dockerfile("FROM debian\n", "ARG BASE=node\nFROM ${BASE}\n"),
            good=dockerfile(
                "FROM debian:12.5\n",
                "FROM scratch\n",
                "FROM debian:12 AS base\nFROM base\n",
                "ARG BASE\nFROM $BASE\n",
                "FROM localhost:5000/team/app:1.2\n",
            ),
        ),
        _untagged,
    ),
    DockerRule(
        Rule(
            "docker/latest-image",
            INFRASTRUCTURE,
            SHOULD,
            "The base image is tagged latest, so every build may get another one.",
            why="A build that worked yesterday breaks or changes without a change of yours.",
            fix="Name a version, or better a version and its digest.",
            category="reproducibility",
            source=_PRACTICES + "#pin-base-image-versions",
            bad=dockerfile("FROM debian:latest\n", "ARG TAG=latest\nFROM node:${TAG}\n"),
            good=dockerfile("FROM debian:12.5\n", "FROM debian:latest@sha256:" + "ab" * 32 + "\n"),
        ),
        _latest,
        ("latest",),
    ),
    DockerRule(
        Rule(
            "docker/fixed-platform",
            INFRASTRUCTURE,
            NIT,
            "The platform is written into FROM, so the image cannot be built for another one.",
            why="On other machines the build runs under emulation or fails.",
            fix="Give the platform to the build, or use $BUILDPLATFORM.",
            category="portability",
            source="https://docs.docker.com/build/building/multi-platform/",
            bad=dockerfile("FROM --platform=linux/amd64 debian:12\n"),
            good=dockerfile("FROM --platform=$BUILDPLATFORM debian:12\n", "FROM debian:12\n"),
        ),
        _platform,
        ("--platform",),
    ),
    DockerRule(
        Rule(
            "docker/stage-name-twice",
            INFRASTRUCTURE,
            MUST,
            "Two stages have the same name.",
            why="Builders refuse the file, or copy from a stage that was not meant.",
            fix="Give every stage a name of its own.",
            category="correctness",
            source=_REFERENCE + "#from",
            bad=dockerfile("FROM a:1 AS build\nFROM b:1 AS build\n"),
            good=dockerfile("FROM a:1 AS build\nFROM b:1 AS run\n"),
        ),
        _same_alias,
        (" as ",),
    ),
    DockerRule(
        Rule(
            "docker/unknown-stage",
            INFRASTRUCTURE,
            SHOULD,
            "COPY takes files from a stage that is not there.",
            why="The builder then looks for an image of that name, and finds none or "
            "a foreign one.",
            fix="Name an earlier stage, or an image with its tag.",
            category="correctness",
            source=_REFERENCE + "#copy---from",
            bad=dockerfile(
                "FROM a:1 AS build\nFROM b:1\nCOPY --from=biuld /x /x\n",
                "FROM a:1 AS me\nCOPY --from=me /x /y\n",
                "FROM a:1\nCOPY --from=3 /x /y\n",
            ),
            good=dockerfile(
                "FROM a:1 AS build\nFROM b:1\nCOPY --from=build /x /x\nCOPY --from=0 /y /y\n",
                "FROM b:1\nCOPY --from=nginx:1.27 /x /x\n",
            ),
        ),
        _copy_from,
        ("--from",),
    ),
    DockerRule(
        Rule(
            "docker/before-from",
            INFRASTRUCTURE,
            MUST,
            "Only ARG and comments may stand ahead of the first FROM.",
            why="The build fails.",
            fix="Move the instruction below FROM.",
            category="correctness",
            source=_REFERENCE + "#from",
            bad=dockerfile("WORKDIR /app\nFROM debian:12\n"),
            good=dockerfile("# syntax=docker/dockerfile:1\nARG TAG=12\nFROM debian:${TAG}\n"),
        ),
        _no_from,
    ),
)
