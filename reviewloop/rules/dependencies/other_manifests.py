"""Reads the manifests of Rust, Go, Ruby and the JVM."""

import re
from collections.abc import Iterator

from reviewloop.rules.dependencies.located import LineIndex, Located, toml_values
from reviewloop.rules.dependencies.manifest import Ecosystem, Entry, Index, Manifest, Origin

_CARGO = re.compile(r"(?:target\..+\.|workspace\.)?(dev-|build-)?dependencies")


def read_cargo_toml(text: str) -> Manifest:
    """Read a Cargo.toml."""
    tables: dict[tuple[str, ...], list[Located]] = {}
    library = False
    for value in toml_values(text):
        library = library or value.path[:1] == ("lib",)
        for depth in (len(value.path) - 1, len(value.path) - 2):
            if depth > 0 and _CARGO.fullmatch(".".join(value.path[:depth])):
                tables.setdefault(value.path[: depth + 1], []).append(value)
                break
    return Manifest(tuple(_crate(path, parts) for path, parts in tables.items()), library=library)


def _crate(path: tuple[str, ...], parts: list[Located]) -> Entry:
    keys = {p.path[-1] if len(p.path) > len(path) else "version": p.value for p in parts}
    lines = [line for part in parts for line in (part.key_line, part.line)]
    origin = Origin.REGISTRY
    if "git" in keys:
        origin = Origin.GIT
    elif keys.keys() & {"path", "workspace"}:
        origin = Origin.LOCAL
    return Entry(
        Ecosystem.CRATES,
        keys.get("package", path[-1]),
        keys.get("version", ""),
        min(lines),
        max(lines),
        origin,
        keys.get("git", ""),
        keys.get("rev") or keys.get("tag") or "",
        development=path[-2] == "dev-dependencies",
    )


_GO_LINE = re.compile(r"([\w.~/-]+\.[\w.~/-]*) +(v\d[\w.+-]*)\s*(//\s*indirect)?")


def read_go_mod(text: str) -> Manifest:
    """Read the requirements of a go.mod."""
    entries, block = [], ""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        word, _, rest = stripped.partition(" ")
        if stripped.endswith("("):
            block = word
        elif stripped == ")":
            block = ""
        elif word == "require" or block == "require":
            found = _GO_LINE.match(rest.strip() if word == "require" else stripped)
            if found:
                entries.append(
                    Entry(
                        Ecosystem.GO,
                        found.group(1),
                        found.group(2),
                        number,
                        number,
                        transitive=bool(found.group(3)),
                    )
                )
    return Manifest(tuple(entries))


_GEM = re.compile(r"\s*gem\s*\(?\s*[\"']([\w.-]+)[\"']\s*(.*)")
_GEM_SOURCE = re.compile(r"\s*source\s*\(?\s*[\"']([^\"']+)[\"']")
_GEM_VERSION = re.compile(r",\s*[\"']([^\"']+)[\"']")
_GEM_KEY = re.compile(r":?(git|github|path|ref|tag|branch)\s*(?:=>|:)\s*[\"']([^\"']*)[\"']")


def read_gemfile(text: str) -> Manifest:
    """Read a Gemfile."""
    entries, indexes = [], []
    for number, line in enumerate(text.split("\n"), start=1):
        source = _GEM_SOURCE.match(line)
        if source:
            indexes.append(Index(source.group(1), number))
        gem = _GEM.match(line)
        if gem is None:
            continue
        keys: dict[str, str] = dict(_GEM_KEY.findall(gem.group(2)))
        version = _GEM_VERSION.match(gem.group(2))
        origin = Origin.GIT if keys.keys() & {"git", "github"} else Origin.REGISTRY
        entries.append(
            Entry(
                Ecosystem.RUBYGEMS,
                gem.group(1),
                version.group(1) if version else "",
                number,
                number,
                Origin.LOCAL if "path" in keys else origin,
                keys.get("git", keys.get("github", "")),
                keys.get("ref") or keys.get("tag") or "",
            )
        )
    return Manifest(tuple(entries), tuple(indexes))


_POM = re.compile(r"<(/?dependency|groupId|artifactId|version)>([^<]*)")
_GRADLE = re.compile(
    r"\b\w*(?:[iI]mplementation|[aA]pi|[cC]ompileOnly|[rR]untimeOnly|classpath)\b\s*\(?\s*"
    r"[\"']([\w.-]+:[\w.-]+):([^\"':@]+)"
)


def read_pom(text: str) -> Manifest:
    """Read the dependencies of a pom.xml that state a version."""
    return Manifest(tuple(_pom_entries(text)))


def _pom_entries(text: str) -> Iterator[Entry]:
    lines = LineIndex(text)
    parts: dict[str, tuple[str, int]] = {}
    inside = False
    for found in _POM.finditer(text):
        tag, value = found.group(1), found.group(2).strip()
        if tag == "dependency":
            parts, inside = {}, True
        elif tag == "/dependency":
            version = parts.get("version")
            if version:
                name = ":".join(parts.get(key, ("", 0))[0] for key in ("groupId", "artifactId"))
                yield Entry(Ecosystem.MAVEN, name, version[0], version[1], version[1])
            inside = False
        elif inside:
            parts[tag] = (value, lines.at(found.start()))


def read_gradle(text: str) -> Manifest:
    """Read the literal coordinates of a Gradle build."""
    entries = []
    for number, line in enumerate(text.split("\n"), start=1):
        for found in _GRADLE.finditer(line):
            entries.append(Entry(Ecosystem.MAVEN, found[1], found[2], number, number))
    return Manifest(tuple(entries))
