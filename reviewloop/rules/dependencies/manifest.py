"""What a manifest says, whatever its format: dependencies, package indexes, install scripts."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Ecosystem(StrEnum):
    """Where packages come from, by the names that OSV records use."""

    PYPI = "PyPI"
    NPM = "npm"
    CRATES = "crates.io"
    GO = "Go"
    RUBYGEMS = "RubyGems"
    MAVEN = "Maven"


class Origin(StrEnum):
    """How a dependency is fetched."""

    REGISTRY = "registry"
    GIT = "git"
    URL = "url"
    LOCAL = "local"  # a folder of the repository


@dataclass(frozen=True)
class Entry:
    """One dependency of a manifest."""

    ecosystem: Ecosystem
    name: str  # as the registry compares it
    requirement: str  # the version requirement as written, "" when there is none
    line: int
    end_line: int
    origin: Origin = Origin.REGISTRY
    address: str = ""  # of a git repository or an archive
    revision: str = ""  # the git revision asked for
    development: bool = False  # only needed to work on the project
    transitive: bool = False  # listed for the tool's sake: go's indirect, npm's overrides
    hashed: bool = False  # the manifest holds the archive's checksum


@dataclass(frozen=True)
class Index:
    """A place to fetch packages from."""

    address: str
    line: int
    extra: bool = False  # asked beside the default one


@dataclass(frozen=True)
class Script:
    """A command that runs when the package is installed."""

    name: str
    command: str
    line: int


@dataclass(frozen=True)
class Manifest:
    """Everything of a manifest that the checks look at."""

    entries: tuple[Entry, ...] = ()
    indexes: tuple[Index, ...] = ()
    scripts: tuple[Script, ...] = ()
    library: bool = False  # installed beside others, so that open requirements are right
    constrained: bool = False  # another file given on a line of its own pins the versions
    private: bool = False  # never published


_SEPARATORS = re.compile(r"[-_.]+")


def python_name(name: str) -> str:
    """Return a Python package's name as PyPI compares it."""
    return _SEPARATORS.sub("-", name).lower()


def git_revision(address: str) -> tuple[str, str]:
    """Split the address of a git repository into the address and the revision behind its @."""
    address, _, fragment = address.partition("#")
    scheme, separator, rest = address.partition("://")
    if not separator:
        scheme, rest = "", address
    host, slash, path = rest.partition("/")
    path, _, revision = path.partition("@")
    return f"{scheme}{separator}{host}{slash}{path}", revision or _fragment_revision(fragment)


def _fragment_revision(fragment: str) -> str:
    """npm names the revision behind #, pip puts egg= and subdirectory= there."""
    return "" if "=" in fragment else fragment.removeprefix("semver:")
