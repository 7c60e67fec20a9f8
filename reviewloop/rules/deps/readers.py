"""Reads the dependency files of every ecosystem, and finds their lock files."""

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import replace

from reviewloop.dataclass import dataclass
from reviewloop.regex import regex
from reviewloop.rules.deps.manifest import (
    Ecosystem,
    Entry,
    Index,
    LineIndex,
    Located,
    Manifest,
    Origin,
    Script,
    git_revision,
    json_values,
    python_name,
    toml_values,
)

_NAMED = regex(r"([A-Za-z0-9][A-Za-z0-9._-]*)\s*(?:\[[^\]]*\])?\s*(.*)", re.DOTALL)
_EGG = regex(r"[#&]egg=([A-Za-z0-9][A-Za-z0-9._-]*)")
_COMMENT = regex(r"(?:^|\s)#.*$")
_OPTION = regex(r"\s--[a-z][a-z-]*[= ].*$", re.DOTALL)
_INDEX = regex(r"(?:-i|--index-url|--extra-index-url|-f|--find-links)[= ]\s*(\S+)")
_PYTHON_GIT = ("git+", "hg+", "bzr+", "svn+")
_STRING = regex(r"\"([^\"\n]*)\"|'([^'\n]*)'|(\])")
_SETUP = regex(r"\b(install_requires|tests_require)\s*=\s*\[")


def requirement(text: str, line: int, end_line: int, *, development: bool) -> Entry | None:
    """Return the dependency in a requirement, None for another line (a local folder)."""
    hashed = "--hash" in text
    text = _OPTION.sub("", f" {text}").strip()
    if text.startswith((*_PYTHON_GIT, "http://", "https://", "file:")):
        egg = _EGG.search(text)
        return _from_address(egg.group(1) if egg else "", text, line, end_line, development, hashed)
    named = _NAMED.fullmatch(text)
    if named is None or "/" in named.group(2).split("@")[0].split(";")[0]:
        return None
    name, rest = named.groups()
    if rest.startswith("@"):
        address = rest[1:].split(" ;")[0].strip()
        return _from_address(name, address, line, end_line, development, hashed)
    version = rest.split(";")[0].strip().strip("()").strip()
    if version and version[0] not in "<>=!~":
        return None
    return Entry(
        Ecosystem.PYPI, python_name(name), version, line, end_line,
        development=development, hashed=hashed,
    )  # fmt: skip


def _from_address(
    name: str, address: str, line: int, end_line: int, development: bool, hashed: bool
) -> Entry | None:
    if address.startswith("file:"):
        return None
    origin, revision = Origin.URL, ""
    hashed = hashed or "sha256=" in address
    if address.startswith(_PYTHON_GIT):
        address, revision = git_revision(address.partition("+")[2])
        origin = Origin.GIT
    return Entry(
        Ecosystem.PYPI, python_name(name), "", line, end_line, origin, address, revision,
        development, hashed=hashed,
    )  # fmt: skip


def read_requirements(text: str) -> Manifest:
    """Read a requirements file of pip."""
    entries, indexes, constrained = [], [], False
    for line, end_line, logical in _logical_lines(text):
        if logical.startswith("-"):
            constrained = constrained or logical.startswith(("-c", "--constraint"))
            found = _INDEX.match(logical)
            if found:
                extra = logical.startswith("--extra-index-url")
                indexes.append(Index(found.group(1), line, extra))
            editable = re.match(r"(?:-e|--editable)[= ]\s*(.+)", logical, re.DOTALL)
            if editable is None:
                continue
            logical = editable.group(1)
            if logical.startswith((".", "/")):
                continue
        entry = requirement(logical, line, end_line, development=False)
        if entry is not None:
            entries.append(entry)
    return Manifest(tuple(entries), tuple(indexes), constrained=constrained)


def read_development_requirements(text: str) -> Manifest:
    """Read a requirements file whose name says that only developers need it."""
    manifest = read_requirements(text)
    return replace(
        manifest, entries=tuple(replace(entry, development=True) for entry in manifest.entries)
    )


def _logical_lines(text: str) -> Iterator[tuple[int, int, str]]:
    """Yield first line, last line and text, backslash continuations joined, comments removed."""
    parts: list[str] = []
    first = 1
    for number, line in enumerate(text.split("\n"), start=1):
        line = line.rstrip("\r")
        if not parts:
            first = number
        if line.endswith("\\") and not line.lstrip().startswith("#"):
            parts.append(line[:-1].strip())
            continue
        parts.append(_COMMENT.sub("", line).strip())
        joined = " ".join(part for part in parts if part)
        parts = []
        if joined:
            yield first, number, joined


_POETRY = regex(r"tool\.poetry(?:\.group\.[^.]+)?\.(?:dev-)?dependencies\.([^.]+)(?:\.(.+))?")
_LISTS = regex(r"(project\.dependencies|tool\.uv\.dev-dependencies)|"
                    r"(?:project\.optional-dependencies|dependency-groups"
                    r"|tool\.pdm\.dev-dependencies)\.[^.]+")  # fmt: skip


def read_pyproject(text: str) -> Manifest:
    """Read a pyproject.toml of any of the common tools."""
    values = list(toml_values(text))
    entries = [*_listed(values), *_poetry(values, _POETRY)]
    pinned = _uv_sources(values)
    entries = [_with_source(entry, pinned.get(entry.name, {})) for entry in entries]
    indexes = [
        Index(value.value, value.line)
        for value in values
        if value.path in {("tool", "poetry", "source", "url"), ("tool", "uv", "index", "url")}
    ]
    library = any(value.path[0] == "build-system" for value in values if value.path)
    return Manifest(tuple(entries), tuple(indexes), library=library)


def _listed(values: list[Located]) -> Iterator[Entry]:
    for value in values:
        found = _LISTS.fullmatch(".".join(value.path))
        if found:
            development = found.group(1) != "project.dependencies"
            entry = requirement(value.value, value.line, value.line, development=development)
            if entry is not None:
                yield entry


def _poetry(values: list[Located], pattern: re.Pattern[str]) -> Iterator[Entry]:
    """Yield entries of the form `name = requirement` or `name = {key = value}`."""
    tables: dict[tuple[str, ...], list[Located]] = {}
    for value in values:
        found = pattern.fullmatch(".".join(value.path))
        if found:
            depth = len(value.path) - (1 if found.group(2) else 0)
            tables.setdefault(value.path[:depth], []).append(value)
    for path, parts in tables.items():
        name = path[-1]
        if name == "python":
            continue
        keys = {part.path[-1] if len(part.path) > len(path) else "version": part for part in parts}
        lines = [line for part in parts for line in (part.key_line, part.line)]
        texts = {key: part.value for key, part in keys.items()}
        development = "group" in path or "dev" in path[-2]
        entry = Entry(
            Ecosystem.PYPI, python_name(name), texts.get("version", ""), min(lines), max(lines),
            development=development,
        )  # fmt: skip
        yield _with_source(entry, texts)


def _with_source(entry: Entry, source: dict[str, str]) -> Entry:
    if source.keys() & {"path", "workspace"}:
        return replace(entry, origin=Origin.LOCAL)
    if "git" in source:
        revision = source.get("rev") or source.get("tag") or source.get("ref") or ""
        return replace(entry, origin=Origin.GIT, address=source["git"], revision=revision)
    if "url" in source:
        return replace(entry, origin=Origin.URL, address=source["url"])
    return entry


def _uv_sources(values: list[Located]) -> dict[str, dict[str, str]]:
    sources: dict[str, dict[str, str]] = {}
    for value in values:
        if value.path[:3] == ("tool", "uv", "sources") and len(value.path) > 4:
            sources.setdefault(python_name(value.path[3]), {})[value.path[4]] = value.value
    return sources


_PIPFILE = regex(r"(?:dev-)?packages\.([^.]+)(?:\.(.+))?")


def read_pipfile(text: str) -> Manifest:
    """Read a Pipfile."""
    values = list(toml_values(text))
    indexes = [Index(v.value, v.line) for v in values if v.path == ("source", "url")]
    return Manifest(tuple(_poetry(values, _PIPFILE)), tuple(indexes))


def read_setup_cfg(text: str) -> Manifest:
    """Read the requirements of a setup.cfg."""
    entries, section, key = [], "", ""
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = _COMMENT.sub("", line).strip()
        if line.startswith("["):
            section, key = line.strip().strip("[]"), ""
        elif line[:1].strip() and "=" in line:
            key, _, stripped = (part.strip() for part in line.partition("="))
        required = (section == "options" and key == "install_requires") or (
            section == "options.extras_require" and key
        )
        if required and stripped and not line.startswith("["):
            development = section != "options"
            entry = requirement(stripped, number, number, development=development)
            if entry is not None:
                entries.append(entry)
    return Manifest(tuple(entries), library=True)


def read_setup_py(text: str) -> Manifest:
    """Read the literal lists of requirements of a setup.py."""
    entries, lines, read_to = [], LineIndex(text), 0
    for call in _SETUP.finditer(text):
        if call.start() < read_to:
            continue
        for found in _STRING.finditer(text, call.end()):
            number, read_to = lines.at(found.start()), found.end()
            if found.group(3):
                break
            entry = requirement(
                found.group(1) or found.group(2) or "", number, number,
                development=call.group(1) != "install_requires",
            )  # fmt: skip
            if entry is not None:
                entries.append(entry)
        else:
            break  # the list is never closed, and so is none behind it
    return Manifest(tuple(entries), library=True)


_KINDS = {
    "dependencies": False,
    "devDependencies": True,
    "optionalDependencies": False,
}  # peers are version ranges that work: an open range is right there
_INSTALL_SCRIPTS = {"preinstall", "install", "postinstall"}
_LOCAL = ("file:", "link:", "workspace:", "portal:", "catalog:", "./", "../", "/", "~/")
_HOSTED = regex(r"(?:(?:github|gitlab|bitbucket|gist):)?[\w.-]+/[\w.-]+(?:#.*)?")
_NODE_GIT = ("git+", "git:", "git@", "ssh:", "github:", "gitlab:", "bitbucket:", "gist:")


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
    elif requirement.startswith(_NODE_GIT) or _HOSTED.fullmatch(requirement):
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


_CARGO = regex(r"(?:target\..+\.|workspace\.)?(dev-|build-)?dependencies")


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


_GO_LINE = regex(r"([\w.~/-]+\.[\w.~/-]*) +(v\d[\w.+-]*)\s*(//\s*indirect)?")


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


_GEM = regex(r"\s*gem\s*\(?\s*[\"']([\w.-]+)[\"']\s*(.*)")
_GEM_SOURCE = regex(r"\s*source\s*\(?\s*[\"']([^\"']+)[\"']")
_GEM_VERSION = regex(r",\s*[\"']([^\"']+)[\"']")
_GEM_KEY = regex(r":?(git|github|path|ref|tag|branch)\s*(?:=>|:)\s*[\"']([^\"']*)[\"']")


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


_POM = regex(r"<(/?dependency|groupId|artifactId|version)>([^<]*)")
_GRADLE = regex(
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


@dataclass(frozen=True)
class Format:
    """One kind of manifest."""

    name: re.Pattern[str]  # matched against the whole path
    read: Callable[[str], Manifest]
    locks: tuple[str, ...] = ()  # beside it, or in the root of its workspace
    workspace: tuple[tuple[str, str], ...] = ()  # (file, words in it) that make a root


def _named(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:.*/)?{pattern}")


_PYTHON_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "Pipfile.lock", "pylock.toml", "pixi.lock")
_NODE_LOCKS = (
    "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", "pnpm-lock.yaml", "bun.lock",
    "bun.lockb",
)  # fmt: skip
_COMPILED = ("{stem}.txt",)  # pip-compile's, beside what it was compiled from
_DEVELOPMENT = r"dev|develop|development|test|tests|testing|doc|docs|lint|ci|build|typing|types"

_ONLY_DEVELOPERS = (
    rf"(?:requirements[-_.](?:{_DEVELOPMENT})|(?:{_DEVELOPMENT})[-_.]requirements"
    rf"|requirements/(?:{_DEVELOPMENT}))"
)
_ANY_REQUIREMENTS = r"(?:[^/]*requirements[^/]*|requirements/[^/]+)"

FORMATS: tuple[Format, ...] = (
    Format(_named(rf"{_ONLY_DEVELOPERS}\.in"), read_development_requirements, _COMPILED),
    Format(_named(rf"{_ONLY_DEVELOPERS}\.txt"), read_development_requirements),
    Format(_named(rf"{_ANY_REQUIREMENTS}\.in"), read_requirements, _COMPILED),
    Format(_named(rf"{_ANY_REQUIREMENTS}\.txt"), read_requirements),
    Format(
        _named(r"pyproject\.toml"), read_pyproject, _PYTHON_LOCKS,
        (("pyproject.toml", "[tool.uv.workspace]"),),
    ),
    Format(_named("Pipfile"), read_pipfile, ("Pipfile.lock",)),
    Format(_named(r"setup\.cfg"), read_setup_cfg),
    Format(_named(r"setup\.py"), read_setup_py),
    Format(
        _named(r"package\.json"), read_package_json, _NODE_LOCKS,
        (("package.json", '"workspaces"'), ("pnpm-workspace.yaml", "packages")),
    ),
    Format(
        _named(r"Cargo\.toml"), read_cargo_toml, ("Cargo.lock",), (("Cargo.toml", "[workspace"),)
    ),
    Format(_named(r"go\.mod"), read_go_mod, ("go.sum",)),
    Format(_named("(?:Gemfile|gems\\.rb)"), read_gemfile, ("Gemfile.lock", "gems.locked")),
    Format(_named(r"pom\.xml"), read_pom),
    Format(_named(r"build\.gradle(?:\.kts)?"), read_gradle, ("gradle.lockfile",)),
)  # fmt: skip


def format_of(path: str) -> Format | None:
    """Return the format of a manifest by its path, None for other files."""
    return next((known for known in FORMATS if known.name.fullmatch(path)), None)


def lock_of(
    path: str, known: Format, paths: Collection[str], read: Callable[[str], str | None]
) -> str:
    """Return the path of the lock file that pins a manifest, "" for none.

    `paths` are those of the new tree. A lock further up counts only in the root of a workspace.
    """
    folder, _, name = path.rpartition("/")
    names = [lock.format(stem=name.rpartition(".")[0]) for lock in known.locks]
    beside = True
    while True:
        prefix = f"{folder}/" if folder else ""
        if beside or any(words in (read(prefix + file) or "") for file, words in known.workspace):
            lock = next((prefix + lock for lock in names if prefix + lock in paths), "")
            if lock:
                return lock
        if not folder:
            return ""
        folder, beside = folder.rpartition("/")[0], False
