"""Dockerfiles: how packages of programming languages are installed."""

import re
from collections.abc import Iterator

from reviewloop.rules.docker.source import DockerSource, Place, Run
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.commands import Command

_PIP = Regex(r"pip[\d.]*$")
_PIP_VALUE_TEXT = (
    "-r -c -e -i -f -t -d --requirement --constraint --editable --index-url "
    "--extra-index-url --find-links --target --prefix --root --platform --python-version "
    "--timeout --trusted-host --progress-bar --cache-dir --config-settings -C --proxy "
    "--only-binary --no-binary --upgrade-strategy --abi --implementation --src "
    "--no-deps-of"
)
_PIP_VALUE = frozenset(_PIP_VALUE_TEXT.split())
_PIP_TOOLS = frozenset({"pip", "setuptools", "wheel"})
_PATH_LIKE = Regex(
    r"[$/\\]|^\.{1,2}(?:\[|$)|\.(?:whl|zip|tar\.gz|tgz|gem)$|^git\+|^https?:|@\s*git"
)
_NPM_VERSION = Regex(r".@[\^~]?[\w.$*-]+")


def _pip_installs(source: DockerSource) -> Iterator[tuple[Run, Command]]:
    for run in source.runs:
        for command in run.commands:
            words = command.words
            if _PIP.match(command.name):
                if command.does("install"):
                    yield run, command
            elif command.name.startswith("python") and words[:2] == ("-m", "pip"):
                yield from [(run, command)] if "install" in words[2:] else []


def _pip_names(command: Command) -> list[str]:
    words = list(command.words)
    words = words[words.index("install") + 1 :]
    found: list[str] = []
    skip = False
    for word in words:
        if skip:
            skip = False
        elif word.startswith("-"):
            skip = word in _PIP_VALUE
        else:
            found.append(word)
    return found


def find_pip_unpinned(source: DockerSource) -> Iterator[Place]:
    """Find docker/pip-unpinned."""
    for run, command in _pip_installs(source):
        if command.has("requirement", "r", "constraint", "c", "e", "editable"):
            continue
        for name in _pip_names(command):
            loose = not re.search(r"==|~=|<|@|===", name) and not _PATH_LIKE.search(name)
            if loose and name.split("[")[0].lower() not in _PIP_TOOLS:
                yield Place(run.instruction, command, f"`{name[:60]}` has no version.")
                break


def find_pip_cache_left(source: DockerSource) -> Iterator[Place]:
    """Find docker/pip-cache-left."""
    if re.search(r"PIP_NO_CACHE_DIR[= ]\s*[\"']?(?:1|true|on|yes|off|0|false)", source.file.text):
        return
    for run, command in _pip_installs(source):
        if run.stage.index not in source.shipped or run.cached:
            continue
        if command.has("no-cache-dir") or re.search(r"pip[\d.]*\s+cache\s+purge|\.cache", run.text):
            continue
        yield Place(run.instruction, command)


def find_package_unpinned(source: DockerSource) -> Iterator[Place]:
    """Find docker/package-unpinned."""
    for run in source.runs:
        for command in run.commands:
            loose = _loose(command)
            if loose:
                yield Place(run.instruction, command, f"`{loose[:60]}` has no version.")


def _loose(command: Command) -> str:
    """Return the first package a command installs without a version, "" when there is none."""
    plain = command.plain
    first = plain[0] if plain else ""
    if (command.name in {"npm", "pnpm"} and first in {"install", "i", "add"}) or (
        command.name == "yarn" and plain[:2] == ("global", "add")
    ):
        names = plain[2:] if command.name == "yarn" else plain[1:]
        options = {"--prefix", "--registry", "--cache", "--loglevel"} & set(command.words)
        if options:
            return ""
        return next((n for n in names if _node_package(n) and not _NPM_VERSION.search(n)), "")
    if command.name == "gem" and first in {"install", "i"}:
        if command.has("v", "version"):
            return ""
        return next((n for n in plain[1:] if ":" not in n and not _PATH_LIKE.search(n)), "")
    if command.name == "go" and first == "install":
        modules = [n for n in plain[1:] if re.match(r"[\w-]+\.[\w.-]+/", n)]
        return next((n for n in modules if n.endswith("@latest") or "@" not in n), "")
    return ""


def _node_package(name: str) -> bool:
    return bool(re.match(r"(?:@[\w.-]+/)?[\w.-]+(?:@|$)", name)) and not _PATH_LIKE.search(
        name.partition("/")[2] if name.startswith("@") else name
    )


def find_npm_install(source: DockerSource) -> Iterator[Place]:
    """Find docker/npm-install."""
    for run in source.runs:
        for command in run.named("npm"):
            elsewhere = command.has("g", "global", "package-lock-only")
            if command.does("install", "i") and len(command.plain) == 1 and not elsewhere:
                yield Place(run.instruction, command)


def find_yarn_cache_left(source: DockerSource) -> Iterator[Place]:
    """Find docker/yarn-cache-left."""
    for run in source.runs:
        if run.stage.index not in source.shipped or run.cached:
            continue
        for command in run.named("yarn"):
            installs = (
                command.does("install") or not command.words or command.plain[1:2] == ("add",)
            )
            if installs and not re.search(r"cache\s+clean|yarn.*cache|--immutable", run.text):
                yield Place(run.instruction, command)
                break
