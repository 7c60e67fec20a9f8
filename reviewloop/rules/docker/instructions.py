"""Dockerfile rules on single instructions and their order."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.regex import regex
from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerSource, Flaw

_KNOWN_TEXT = (
    "FROM RUN CMD LABEL MAINTAINER EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG "
    "ONBUILD STOPSIGNAL HEALTHCHECK SHELL"
)
_KNOWN = frozenset(_KNOWN_TEXT.split())
_ASSIGNED = regex(r"(?:^|\s)([A-Za-z_]\w*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")
_PORT = regex(r"(\d+)(?:-(\d+))?(?:/(?:tcp|udp|sctp))?$", re.IGNORECASE)


def find_unknown_instruction(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/unknown-instruction."""
    strange = [i for i in source.docker.instructions if i.keyword not in _KNOWN]
    if 3 * len(strange) > len(source.docker.instructions) + 2:
        return  # no Dockerfile at all
    for instruction in strange:
        yield Flaw(instruction, None, f"`{instruction.keyword[:40]}` is no instruction.")


def _repeated(source: DockerSource, keyword: str) -> Iterator[Flaw]:
    for stage in source.docker.stages:
        for instruction in stage.of(keyword)[1:]:
            yield Flaw(instruction, None, f"The {keyword} ahead of this one has no effect.")


def find_several_cmds(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/several-cmds."""
    return _repeated(source, "CMD")


def find_several_entrypoints(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/several-entrypoints."""
    return _repeated(source, "ENTRYPOINT")


def find_several_healthchecks(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/several-healthchecks."""
    return _repeated(source, "HEALTHCHECK")


def find_shell_form(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/shell-form."""
    for stage in source.docker.stages:
        for instruction in stage.of("CMD", "ENTRYPOINT"):
            if not instruction.flat or instruction.flat.startswith(("[", "exec ")):
                continue
            severity = SHOULD if instruction.keyword == "ENTRYPOINT" else NIT
            yield Flaw(instruction, None, "", severity)


def find_broken_list(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/broken-list."""
    for instruction in source.docker.instructions:
        if instruction.keyword not in {"CMD", "ENTRYPOINT", "RUN", "SHELL"}:
            continue
        text = instruction.flat
        if not text.startswith("[") or not text.endswith("]") or instruction.listed is not None:
            continue
        if "," in text or not re.match(r"\[\[?\s+[-!\"$\w]", text):  # else the test command
            yield Flaw(instruction)


def find_invalid_port(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/invalid-port."""
    for instruction in source.every("EXPOSE"):
        for word in instruction.words:
            found = _PORT.match(word)
            if "$" in word:
                continue
            if found is None or any(int(p[:9]) > 65535 for p in found.groups() if p):
                yield Flaw(instruction, None, f"`{word[:40]}` is no port.")


def find_env_uses_itself(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/env-uses-itself."""
    for stage in source.docker.stages:
        known: set[str] = {"PATH", "HOME", "HOSTNAME"}
        for instruction in stage.of("ENV", "ARG"):
            assigned = [found.groups() for found in _ASSIGNED.finditer(instruction.flat)]
            names = {name for name, _ in assigned}
            if instruction.keyword == "ENV" and len(names) > 1:
                for name, value in assigned:
                    used = set(re.findall(r"(?<!\\)\$\{?(\w+)", value))
                    if (used & names) - known - {name}:
                        yield Flaw(instruction)
                        break
            known |= names or set(instruction.words[:1])


def find_onbuild_forbids(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/onbuild-forbids."""
    for instruction in source.docker.instructions:
        if instruction.on_build and instruction.keyword in {"FROM", "MAINTAINER", "ONBUILD"}:
            yield Flaw(instruction)


def find_no_healthcheck(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/no-healthcheck."""
    stage = source.docker.final
    if stage is None or not _serves(source, stage):
        return
    if not any(s.of("HEALTHCHECK") for s in source.docker.chain(stage)):
        yield Flaw(None)


def _serves(source: DockerSource, stage: Stage) -> bool:
    chain = source.docker.chain(stage)
    return any(s.of("EXPOSE") for s in chain) and any(s.of("CMD", "ENTRYPOINT") for s in chain)
