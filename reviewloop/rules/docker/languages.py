"""Dockerfile rules on packages of programming languages."""

import re
from collections.abc import Iterator

from reviewloop.regex import regex
from reviewloop.rules.docker.source import DockerSource, Flaw
from reviewloop.rules.sh.commands import Command

_PIP = regex(r"pip[\d.]*$")
_PIP_VALUE_TEXT = (
    "-r -c -e -i -f -t -d --requirement --constraint --editable --index-url "
    "--extra-index-url --find-links --target --prefix --root --platform --python-version "
    "--timeout --trusted-host --progress-bar --cache-dir --config-settings -C --proxy "
    "--only-binary --no-binary --upgrade-strategy --abi --implementation --src "
    "--no-deps-of"
)
_PIP_VALUE = frozenset(_PIP_VALUE_TEXT.split())
_PATH_LIKE = regex(
    r"[$/\\]|^\.{1,2}(?:\[|$)|\.(?:whl|zip|tar\.gz|tgz|gem)$|^git\+|^https?:|@\s*git"
)
_NPM_VERSION = regex(r".@[\^~]?[\w.$*-]+")


def find_package_unpinned(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/package-unpinned."""
    for run in source.runs:
        for command in run.commands:
            loose = _loose(command)
            if loose:
                yield Flaw(run.instruction, command, f"`{loose[:60]}` has no version.")


def _loose(command: Command) -> str:
    """Return the first package that a command installs without a version, "" for none."""
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


def find_npm_install(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/npm-install."""
    for run in source.runs:
        for command in run.named("npm"):
            elsewhere = command.has("g", "global", "package-lock-only")
            if command.does("install", "i") and len(command.plain) == 1 and not elsewhere:
                yield Flaw(run.instruction, command)
