"""Dockerfile rules on files copied into the image: which, where to, and when."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    NIT,
    SHOULD,
)
from reviewloop.regex import regex
from reviewloop.rules.docker.reading import Instruction, Stage
from reviewloop.rules.docker.source import DockerSource, Flaw
from reviewloop.rules.sh.commands import Command

_ARCHIVE = regex(r"\.(?:tar|tar\.\w+|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
_PRIVATE = regex(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.(?:local|prod\w*))?|\.netrc|\.pgpass|\.aws|\.ssh"
    r"|\.git-credentials|\.docker/config\.json|\.pypirc|credentials(?:\.json)?|.*\.p12|.*\.pfx)/?$"
)


def find_relative_workdir(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/relative-workdir."""
    for stage in source.docker.stages:
        absolute = source.docker.parent(stage) is not None
        for instruction in stage.of("WORKDIR"):
            path = instruction.flat.strip("\"'")
            if re.match(r"[/$\\]|[A-Za-z]:", path):
                absolute = True
            elif path:
                yield Flaw(instruction, None, "", NIT if absolute else SHOULD)


def find_many_into_one(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/many-into-one."""
    for instruction in source.every("COPY", "ADD"):
        words = instruction.words
        folder = not words or re.search(r"[/\\]$|^\.{1,2}$|\$", words[-1])
        if len(words) <= 2 or folder or instruction.heredocs:
            continue
        if words[-1] not in _made_before(source, instruction):
            yield Flaw(instruction)


def _made_before(source: DockerSource, instruction: Instruction) -> set[str]:
    """Return the folders that `WORKDIR` created before an instruction: copying to them works."""
    made = source.every("WORKDIR")
    return {one.words[0] for one in made if one.words and one.line < instruction.line}


def find_private_file_copied(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/private-file-copied."""
    for instruction in source.every("COPY", "ADD"):
        if instruction.flag("from") is None:
            for name in instruction.words[:-1]:
                if _PRIVATE.search(name):
                    yield Flaw(instruction, None, f"`{name[:80]}` becomes part of the image.")
                    break


def _install(command: Command) -> str:
    """Return the language whose dependencies a command installs, "" for none."""
    plain = command.plain
    first = plain[0] if plain else ""
    name = command.name
    if re.fullmatch(r"pip[\d.]*", name):
        return "python" if first == "install" and command.has("r", "requirement") else ""
    if name in {"npm", "pnpm", "bun"}:
        return "node" if first in {"ci", "install", "i"} and len(plain) == 1 else ""
    if name == "yarn":
        return "node" if first in {"", "install"} else ""
    table = {
        ("bundle", "install"): "ruby",
        ("composer", "install"): "php",
        ("poetry", "install"): "python",
        ("pipenv", "install"): "python",
        ("pipenv", "sync"): "python",
        ("uv", "sync"): "python",
    }
    if name == "go" and plain[:2] == ("mod", "download"):
        return "go"
    return table.get((name, first), "")


def find_copy_before_install(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/copy-before-install."""
    for stage in source.docker.stages:
        runs = source.runs_of(stage)
        for whole in (i for i in stage.of("COPY", "ADD") if _everything(i)):
            before = {
                _install(c) for r in runs if r.instruction.line < whole.line for c in r.commands
            }
            after = [
                (r, _install(c))
                for r in runs
                if r.instruction.line > whole.line
                for c in r.commands
            ]
            late = [run for run, kind in after if kind and kind not in before and not run.cached]
            if late and not _earlier_manifest(stage, whole):
                line = late[0].instruction.line
                yield Flaw(
                    whole, None, f"A change to any file repeats the installation in line {line}."
                )
            break


def _everything(instruction: Instruction) -> bool:
    return instruction.flag("from") is None and instruction.words[:1] in {(".",), ("./",)}


def _earlier_manifest(stage: Stage, whole: Instruction) -> bool:
    mounted = any(i.flag("mount") for i in stage.of("RUN") if i.line < whole.line)
    return mounted and any(i.line < whole.line for i in stage.of("RUN"))
