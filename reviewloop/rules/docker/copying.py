"""Dockerfiles: what is copied into the image, where to, and when."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import (
    INFRASTRUCTURE,
    MUST,
    NIT,
    PERFORMANCE,
    SECURITY,
    SHOULD,
    Rule,
)
from reviewloop.rules.docker.reading import Instruction, Stage
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.commands import Command

_REFERENCE = "https://docs.docker.com/reference/dockerfile/"
_ARCHIVE = Regex(r"\.(?:tar|tar\.\w+|tgz|tbz2?|txz|tzst)$", re.IGNORECASE)
_PRIVATE = Regex(
    r"(?:^|/)(?:id_(?:rsa|dsa|ecdsa|ed25519)|\.env(?:\.(?:local|prod\w*))?|\.netrc|\.pgpass|\.aws|\.ssh"
    r"|\.git-credentials|\.docker/config\.json|\.pypirc|credentials(?:\.json)?|.*\.p12|.*\.pfx)/?$"
)


def _relative_folder(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        absolute = source.docker.parent(stage) is not None
        for instruction in stage.of("WORKDIR"):
            path = instruction.flat.strip("\"'")
            if re.match(r"[/$\\]|[A-Za-z]:", path):
                absolute = True
            elif path:
                yield Place(instruction, None, "", NIT if absolute else SHOULD)


def _added(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("ADD"):
        origins = instruction.words[:-1]
        if instruction.heredocs or not origins:
            continue
        if not any(_for_add(origin) for origin in origins):
            yield Place(instruction)


def _for_add(origin: str) -> bool:
    return bool(_ARCHIVE.search(origin) or re.match(r"https?:|ftp:|git@|git:|\$|ssh:", origin))


def _many_into_one(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("COPY", "ADD"):
        words = instruction.words
        folder = not words or re.search(r"[/\\]$|^\.{1,2}$|\$", words[-1])
        if len(words) > 2 and not folder and not instruction.heredocs:
            yield Place(instruction)


def _copy_nowhere(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        chain = source.docker.chain(stage)[1:]
        placed = any(other.of("WORKDIR") for other in chain)
        for instruction in stage.of("COPY", "WORKDIR"):
            if instruction.keyword == "WORKDIR":
                placed = True
            elif not placed and _relative(instruction.words):
                yield Place(instruction)


def _relative(words: tuple[str, ...]) -> bool:
    return len(words) > 1 and not re.match(r"[/$\\\"']|[A-Za-z]:", words[-1])


def _unpacked_later(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        unpacking = [r for r in source.runs_of(stage) if r.named("tar", "unxz", "gunzip")]
        for instruction in stage.of("COPY"):
            if instruction.flag("from") is not None:
                continue
            for name in instruction.words[:-1]:
                base = name.rsplit("/", 1)[-1]
                if _ARCHIVE.search(base) and any(base in run.text for run in unpacking):
                    yield Place(instruction)
                    break


def _private(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("COPY", "ADD"):
        if instruction.flag("from") is None:
            for name in instruction.words[:-1]:
                if _PRIVATE.search(name):
                    yield Place(instruction, None, f"`{name[:80]}` becomes part of the image.")
                    break


def _install(command: Command) -> str:
    """Return the language whose dependencies a command installs, "" when it does not."""
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


def _copied_first(source: DockerSource) -> Iterator[Place]:
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
                yield Place(
                    whole, None, f"Any change of a file repeats the installation in line {line}."
                )
            break


def _everything(instruction: Instruction) -> bool:
    return instruction.flag("from") is None and instruction.words[:1] in {(".",), ("./",)}


def _earlier_manifest(stage: Stage, whole: Instruction) -> bool:
    mounted = any(i.flag("mount") for i in stage.of("RUN") if i.line < whole.line)
    return mounted and any(i.line < whole.line for i in stage.of("RUN"))


RULES = (
    DockerRule(
        Rule(
            "docker/relative-workdir",
            INFRASTRUCTURE,
            SHOULD,
            "WORKDIR is relative.",
            why="Where it ends up depends on the base image and on every WORKDIR above.",
            fix="Write the path from the root.",
            category="correctness",
            source=_REFERENCE + "#workdir",
            bad=dockerfile("FROM a:1\nWORKDIR app\n"),
            good=dockerfile("FROM a:1\nWORKDIR /app\nWORKDIR $HOME\n", "FROM a:1\nWORKDIR C:/x\n"),
        ),
        _relative_folder,
        ("workdir",),
    ),
    DockerRule(
        Rule(
            "docker/add-for-copy",
            INFRASTRUCTURE,
            NIT,
            "ADD where COPY would do.",
            why="ADD also downloads and unpacks, which surprises when a name changes.",
            fix="Use COPY.",
            category="clarity",
            source="https://docs.docker.com/build/building/best-practices/#add-or-copy",
            bad=dockerfile("FROM a:1\nADD src /src\n", 'FROM a:1\nADD ["a", "/b"]\n'),
            good=dockerfile("FROM a:1\nCOPY src /src\nADD rootfs.tar.xz /\nADD https://a.b/c /c\n"),
        ),
        _added,
        ("add",),
    ),
    DockerRule(
        Rule(
            "docker/many-into-one",
            INFRASTRUCTURE,
            MUST,
            "Several files are copied to a place that is no folder.",
            why="The build fails: the target must end with a slash.",
            fix="End the target with a slash.",
            category="correctness",
            source=_REFERENCE + "#copy",
            bad=dockerfile("FROM a:1\nCOPY a.json b.json /app\n"),
            good=dockerfile("FROM a:1\nCOPY a.json b.json /app/\nCOPY a b .\nCOPY a /b\n"),
        ),
        _many_into_one,
    ),
    DockerRule(
        Rule(
            "docker/copy-without-workdir",
            INFRASTRUCTURE,
            NIT,
            "COPY into a relative place while no WORKDIR is set.",
            why="Where the files end up is the base image's choice.",
            fix="Set WORKDIR first, or write the target from the root.",
            category="correctness",
            source=_REFERENCE + "#copy",
            bad=dockerfile("FROM a:1\nCOPY a.json .\n"),
            good=dockerfile("FROM a:1\nWORKDIR /app\nCOPY a.json .\n", "FROM a:1\nCOPY a /a\n"),
        ),
        _copy_nowhere,
        ("copy",),
    ),
    DockerRule(
        Rule(
            "docker/archive-unpacked-later",
            INFRASTRUCTURE,
            NIT,
            "An archive is copied into one layer and unpacked in the next.",
            why="The archive stays in the image.",
            fix="ADD unpacks local archives by itself.",
            category="image-size",
            source=_REFERENCE + "#add",
            bad=dockerfile("FROM a:1\nCOPY x.tar.gz /tmp/\nRUN tar -xzf /tmp/x.tar.gz -C /opt\n"),
            good=dockerfile("FROM a:1\nADD x.tar.gz /opt/\n", "FROM a:1\nCOPY x.tar.gz /share/\n"),
        ),
        _unpacked_later,
        (".t",),
    ),
    DockerRule(
        Rule(
            "docker/private-file-copied",
            SECURITY,
            SHOULD,
            "A file that usually holds secrets is copied into the image.",
            why="Everybody who can pull the image can read it, even if a later layer deletes it.",
            fix="Use `RUN --mount=type=secret` in the build, or mount it when the container runs.",
            category="secrets",
            source="https://docs.docker.com/build/building/secrets/",
            bad=dockerfile(
                "FROM a:1\nCOPY .env /app/.env\n", "FROM a:1\nADD keys/id_rsa /root/.ssh/\n"
            ),
            good=dockerfile("FROM a:1\nCOPY .env.example /app/\nCOPY id_rsa.pub /k\n"),
        ),
        _private,
    ),
    DockerRule(
        Rule(
            "docker/copy-before-install",
            PERFORMANCE,
            SHOULD,
            "All files are copied before the dependencies are installed.",
            why="Every change of any file repeats the installation, instead of "
            "taking it from the cache.",
            fix="Copy the list of dependencies, install, and copy the rest afterwards.",
            category="caching",
            source="https://docs.docker.com/build/cache/optimize/#order-your-layers",
            bad=dockerfile(
                "FROM node:22\nWORKDIR /a\nCOPY . .\nRUN npm ci\n",
                "FROM python:3.13\nCOPY . /a/\nRUN pip install --no-cache-dir -r /a/r.txt\n",
            ),
            good=dockerfile(
                "FROM node:22\nWORKDIR /a\nCOPY package*.json ./\nRUN npm ci\nCOPY . .\n",
                "FROM python:3.13\nWORKDIR /a\nCOPY . .\nRUN pip install --no-cache-dir .\n",
            ),
        ),
        _copied_first,
        ("copy .", "add ."),
    ),
)
