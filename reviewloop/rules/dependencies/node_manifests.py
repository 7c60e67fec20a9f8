"""Reads package.json."""

import re

from reviewloop.rules.dependencies.located import Located, json_values
from reviewloop.rules.dependencies.manifest import (
    Ecosystem,
    Entry,
    Manifest,
    Origin,
    Script,
    git_revision,
)

_KINDS = {
    "dependencies": False,
    "devDependencies": True,
    "optionalDependencies": False,
}  # peers say what they work with: an open range is right there
_INSTALL_SCRIPTS = {"preinstall", "install", "postinstall"}
_LOCAL = ("file:", "link:", "workspace:", "portal:", "catalog:", "./", "../", "/", "~/")
_HOSTED = re.compile(r"(?:(?:github|gitlab|bitbucket|gist):)?[\w.-]+/[\w.-]+(?:#.*)?")
_GIT = ("git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:")


def read_package_json(text: str) -> Manifest:
    """Read a package.json of npm, yarn, pnpm or bun."""
    entries, scripts, private, library = [], [], False, False
    for value in json_values(text):
        if len(value.path) == 2 and value.path[0] in _KINDS:
            entries.append(_entry(value))
        elif len(value.path) == 2 and value.path[0] == "scripts":
            if value.path[1] in _INSTALL_SCRIPTS:
                scripts.append(Script(value.path[1], value.value, value.line))
        elif value.path == ("private",):
            private = value.value == "true"
        elif value.path in {("main",), ("exports",), ("module",), ("files",), ("types",)}:
            library = True
    return Manifest(
        tuple(entries), scripts=tuple(scripts), library=library and not private, private=private
    )


def _entry(value: Located) -> Entry:
    kind, name = value.path
    requirement, origin, address, revision = value.value.strip(), Origin.REGISTRY, "", ""
    if requirement.startswith("npm:"):
        name, _, requirement = requirement.removeprefix("npm:").rpartition("@")
    elif requirement.startswith(_LOCAL):
        origin = Origin.LOCAL
    elif requirement.startswith(_GIT) or _HOSTED.fullmatch(requirement):
        origin = Origin.GIT
        address, revision = git_revision(requirement.removeprefix("git+"))
    elif requirement.startswith(("http://", "https://")):
        origin, address = Origin.URL, requirement
        if requirement.partition("#")[0].endswith(".git"):
            origin = Origin.GIT
            address, revision = git_revision(requirement)
    if origin is not Origin.REGISTRY:
        requirement = ""
    return Entry(
        Ecosystem.NPM, name, requirement, value.key_line, value.line, origin, address, revision,
        development=_KINDS[kind],
    )  # fmt: skip
