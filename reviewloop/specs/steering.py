"""Collects the steering files for agents: Kiro's steering and AGENTS.md."""

import hashlib
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.globs import matcher
from reviewloop.regex import regex
from reviewloop.specs.architecture import STEERING_FOLDERS, architecture_of
from reviewloop.specs.files import DiskFiles, Files, decode, inside
from reviewloop.specs.words import fits, terms

_KEY = regex(r"^(?P<key>[A-Za-z_][\w-]*)\s*:(?:\s+(?P<value>.*)|\s*)$")
_ITEM = regex(r"^\s*-\s+(?P<value>.+)$")


@dataclass(frozen=True)
class FrontMatter:
    """The keys, the text below, and the lines that could not be parsed (1-based)."""

    values: dict[str, tuple[str, ...]]
    body: str
    unread: tuple[int, ...] = ()

    def first(self, key: str) -> str:
        """Return the only or first value of a key, or ""."""
        return next(iter(self.values.get(key, ())), "")


def read_front_matter(text: str) -> FrontMatter:
    """Split off the block between `---` lines; it counts only at the start of the file.

    This is the part of YAML that steering files use, and it takes `*.py` without quotes, which YAML
    would refuse.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        return FrontMatter({}, text)
    values: dict[str, tuple[str, ...]] = {}
    unread: list[int] = []
    key = ""
    for number, line in enumerate(lines[1:end], 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found, item = _KEY.match(line), _ITEM.match(line)
        if found:
            key = found["key"]
            values[key] = _values(found["value"] or "")
        elif item and key:
            values[key] = (*values[key], _scalar(item["value"]))
        elif not (key and line[:1].isspace()):  # an indented line continues a folded text
            unread.append(number)
    return FrontMatter(values, "\n".join(lines[end + 1 :]).lstrip("\n"), tuple(unread))


def _values(value: str) -> tuple[str, ...]:
    clean = value.strip()
    if clean.startswith("["):
        inner = re.sub(r"\s+#.*$", "", clean).removeprefix("[").removesuffix("]")
        parts = re.findall(r"\"[^\"]*\"|'[^']*'|(?:\{[^}]*\}|[^,])+", inner)
        return tuple(one for part in parts if (one := _scalar(part)))
    single = _scalar(clean)
    return (single,) if single and single not in (">", "|", ">-", "|-") else ()


def _scalar(value: str) -> str:
    clean = value.strip()
    for quote in "\"'":
        if clean.startswith(quote) and (end := clean.find(quote, 1)) > 0:
            return clean[1:end]
    return re.sub(r"\s+#.*$", "", clean).strip()


_REFERENCE = regex(
    r"#\[\[(?P<kind>file|folder):(?P<path>[^\]:]+)(?::(?P<low>\d+)(?:-(?P<high>\d+))?)?\]\]"
)
_FILE_LIMIT = 24_000  # characters of one file
_TOTAL_LIMIT = 80_000  # characters of all files one text refers to
_FOLDER_LIMIT = 200  # names
NEVER_READ = (
    "**/.env*", "**/*secret*", "**/*credentials*", "**/*.pem", "**/*.key", "**/id_rsa*",
    "**/.git/**",
)  # fmt: skip
"""References to such files stay unresolved: their content must not reach a model."""


@dataclass(frozen=True)
class Resolved:
    """A text with the referenced files below it, and the references without a file."""

    text: str
    files: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def resolve_references(
    text: str, files: Files, base: str = "", never: Sequence[str] = NEVER_READ
) -> Resolved:
    """Append each referenced file once; paths are relative to `base`, and never leave `files`.

    References inside referenced files are not followed.
    """
    parts: dict[str, str] = {}
    missing: list[str] = []
    room = _TOTAL_LIMIT
    for found in _REFERENCE.finditer(text):
        path = inside(found["path"].strip(), base)
        shown = found[0]
        if shown in parts or shown in missing:
            continue
        content = None
        if path is not None and not matcher(never)(path):
            content = _content(files, path, found)
        if content is None:
            missing.append(shown)
            continue
        limit = min(_FILE_LIMIT, room)
        cut = len(content) > limit
        kept = content[:limit] + ("\n[... cut ...]" if cut else "")
        room -= min(len(content), limit)
        fence = "`" * max(3, 1 + max(map(len, re.findall(r"`+", kept)), default=0))
        parts[shown] = f"{path} (referred to above):\n{fence}\n{kept.rstrip()}\n{fence}"
    files_read = tuple(part.split(" (referred", 1)[0] for part in parts.values())
    return Resolved("\n\n".join([text.rstrip(), *parts.values()]), files_read, tuple(missing))


def _content(files: Files, path: str, found: re.Match[str]) -> str | None:
    if found["kind"] == "folder":
        names = list(files.paths(path))
        more = f"\n[... {len(names) - _FOLDER_LIMIT} more]" if len(names) > _FOLDER_LIMIT else ""
        return "\n".join(names[:_FOLDER_LIMIT]) + more if names else None
    data = files.read(path)
    if data is None or b"\0" in data[:8000]:
        return None
    lines = decode(data).replace("\r\n", "\n").split("\n")
    if found["low"]:
        low = int(found["low"])
        lines = lines[max(low - 1, 0) : int(found["high"] or low)]
    return "\n".join(lines)


Scope = Literal["global", "project"]
Mode = Literal["always", "fileMatch", "manual", "auto"]

_MODES: dict[str, Mode] = {
    "": "always", "always": "always", "filematch": "fileMatch", "manual": "manual", "auto": "auto",
}  # fmt: skip
_GLOBAL_NAME = "~/.kiro/steering"
_SHARED_WORDS = 2  # key words that an "auto" description and the task must share


@dataclass(frozen=True)
class SteeringItem:
    """One steering file, and why the agents got it or not."""

    path: str
    scope: Scope
    mode: Mode
    text: str  # without front matter, with the referenced files
    included: bool
    reason: str
    description: str = ""
    files: tuple[str, ...] = ()  # of the referenced files
    title: str = ""  # from its front matter
    patterns: tuple[str, ...] = ()  # of the files that it is for; also relative to `folder`
    folder: str = ""
    missing: tuple[str, ...] = ()  # references without a file
    inclusion: str = ""  # as written in its front matter, known or not
    unread: tuple[int, ...] = ()  # lines of its front matter that could not be parsed

    @property
    def inclusion_known(self) -> bool:
        """Whether its front matter has one of the four modes."""
        return self.inclusion.casefold() in _MODES


@dataclass(frozen=True)
class Later:
    """Steering for files that this work was not expected to touch."""

    path: str
    patterns: tuple[str, ...]
    folder: str
    text: str

    def fits(self, path: str) -> str | None:
        """Return the pattern that a path matches."""
        return matches(self.patterns, path, self.folder)


@dataclass(frozen=True)
class Steering:
    """All steering files in the order for agents: global first, later ones win."""

    items: tuple[SteeringItem, ...] = ()

    @property
    def included(self) -> tuple[SteeringItem, ...]:
        """The files that the agents get."""
        return tuple(item for item in self.items if item.included)

    def kept(self, limit: int | None = None) -> tuple[SteeringItem, ...]:
        """Return the included files that fit a limit in characters; the first are dropped first."""
        kept = list(self.included)
        while limit is not None and kept and sum(len(item.text) for item in kept) > limit:
            kept.pop(0)
        return tuple(kept)

    def text(self, limit: int | None = None) -> str:
        """Return the prompt's section on steering, "" without any.

        With a limit (in characters) whole files are left out and named, global ones first.
        """
        kept = self.kept(limit)
        left_out = [item.path for item in self.included if item not in kept]
        if not kept and not left_out:
            return ""
        lead = "Rules of this team. Where two of them disagree, the later one wins."
        parts = [lead, *(f"### {item.path}\n\n{item.text.strip()}" for item in kept)]
        offered = [item for item in self.items if item.mode == "auto" and not item.included]
        parts += [f"Also there, not shown: {item.path} - {item.description}" for item in offered]
        parts += [f"Left out for lack of room: {path}" for path in left_out]
        return "\n\n".join(parts)

    def later(self) -> tuple["Later", ...]:
        """Return the files to pass with the first read or write of a file that they are for."""
        return tuple(
            Later(item.path, item.patterns, item.folder, item.text)
            for item in self.items
            if item.patterns and not item.included
        )

    def digests(self) -> dict[str, str]:
        """Return the SHA-256 of each included text, by the path of its file."""
        return {
            item.path: hashlib.sha256(item.text.encode("utf-8", "surrogateescape")).hexdigest()
            for item in self.included
        }

    def names(self) -> list[str]:
        """Return the names by which users can select each file."""
        return sorted({_called(item) for item in self.items if item.path.endswith(".md")})

    def without(self, names: Iterable[str]) -> list[str]:
        """Return those of these names that match no file."""
        known = {*self.names(), *(item.title for item in self.items)}
        return [name for name in names if name not in known]

    def lines(self) -> list[str]:
        """Return one line per file: whether the agents got it, and why."""
        return [
            f"{item.path} ({item.scope}): {'' if item.included else 'not '}given, {item.reason}"
            for item in self.items
        ]

    def log(self) -> list[dict[str, object]]:
        """Return JSON-plain records of whether the agents got each file, and why."""
        return [
            {"path": item.path, "scope": item.scope, "mode": item.mode, "reason": item.reason,
             "included": item.included, "files": list(item.files)}
            for item in self.items
        ]  # fmt: skip


@dataclass(frozen=True)
class _Question:
    """The inputs that decide which files are included."""

    changed: tuple[str, ...]
    manual: frozenset[str]
    about: frozenset[str]
    never: Sequence[str]
    all: bool = False  # also resolve references of files that are not included


def read_steering(
    project: Files,
    changed: Iterable[str],
    *,
    home: Files | None = None,
    manual: Iterable[str] = (),
    about: str = "",
    never: Sequence[str] = NEVER_READ,
    folder: str = "",
    resolve_all: bool = False,
) -> Steering:
    """Return all steering for work that touches the `changed` paths (or is likely to).

    `folder` is that of the project in a repository of several: of two files of one name the one
    nearer to it wins. `home` is the folder ~/.kiro/steering; `manual` names files to include on
    request; `about` is the task's text, for files with an "auto" description; files matching
    `never` are not read as references.
    """
    question = _Question(
        tuple(sorted(set(changed))),
        frozenset(manual),
        frozenset(terms(about)),
        tuple(never),
        resolve_all,
    )
    items: list[SteeringItem] = []
    if home is not None:
        names = [path for path in home.paths() if "/" not in path and path.endswith(".md")]
        # AGENTS.md first: it is general, the topical files add details.
        for name in sorted(names, key=lambda one: (one != "AGENTS.md", one)):
            items += _item(home, name, "global", question)
    items += _item(project, "AGENTS.md", "project", question)
    found = _by_folder(project, folder)
    taken = {above: {path.rpartition("/")[2] for path in paths} for above, paths in found.items()}
    for above, paths in found.items():
        nearer = {name for other in found if len(other) > len(above) for name in taken[other]}
        for path in paths:
            if path.rpartition("/")[2] not in nearer:
                items += _item(project, path, "project", question, above)
    own = [f"{folder}/AGENTS.md"] if folder else []
    for above in _folders_above([*question.changed, *own]):
        items += _item(project, f"{above}/AGENTS.md", "project", question, project=folder)
    items += _architecture(project, folder)
    return Steering(tuple(items))


def _architecture(project: Files, folder: str) -> list[SteeringItem]:
    """Return the architecture rules, which come last; `arch check` compares code with them."""
    found = architecture_of(project, folder)
    if found is None:
        return []
    reason = "it is the architecture, which the analysers compare the code with"
    return [SteeringItem(found.path, "project", "always", found.words, bool(found.words), reason)]


def _called(item: SteeringItem) -> str:
    return item.path.rpartition("/")[2].removesuffix(".md")


def _by_folder(project: Files, folder: str) -> dict[str, list[str]]:
    """Return the steering files of the root and of each folder down to the project's."""
    found: dict[str, list[str]] = {}
    for above in ["", *_folders_above([f"{folder}/x"] * bool(folder))]:
        found[above] = []
        for name in STEERING_FOLDERS:
            location = f"{above}/{name}" if above else name
            depth = location.count("/") + 1
            found[above] += [
                path
                for path in project.paths(location)
                if path.endswith(".md") and path.count("/") == depth
            ]
    return found


def steering_on_disk(
    root: Path,
    paths: Iterable[str],
    about: str,
    never: Sequence[str] = NEVER_READ,
    *,
    folder: str = "",
    manual: Iterable[str] = (),
    resolve_all: bool = False,
) -> Steering:
    """Return the steering of the checkout at `root`: the user's own first, the project's wins.

    `folder` is the project's, `manual` names files that a user selected.
    """
    home = Path.home() / ".kiro" / "steering"
    return read_steering(
        DiskFiles(root),
        paths,
        home=DiskFiles(home) if home.is_dir() else None,
        about=about,
        never=never,
        folder=folder,
        manual=manual,
        resolve_all=resolve_all,
    )


def _item(
    files: Files, path: str, scope: Scope, question: _Question, folder: str = "", project: str = ""
) -> list[SteeringItem]:
    """Return a steering file of `folder`, to which its patterns and references are relative."""
    data = files.read(path)
    if data is None:
        return []
    name = path.rpartition("/")[2]
    plain = name == "AGENTS.md"
    front = FrontMatter({}, decode(data)) if plain else read_front_matter(decode(data))
    mode, included, reason = _decide(front, name.removesuffix(".md"), question, folder)
    if plain and "/" in path:
        reason = f"lies above {_first_below(path, question.changed, project)}"
    base = path.rpartition("/")[0] if plain else folder
    is_later = mode == "fileMatch" and not included
    looked_up = included or is_later or question.all
    resolved = resolve_references(front.body, files, base, question.never) if looked_up else None
    if included and resolved and resolved.missing:
        reason += f"; not resolved: {', '.join(resolved.missing)}"
    return [
        SteeringItem(
            path=f"{_GLOBAL_NAME}/{path}" if scope == "global" else path,
            scope=scope,
            mode=mode,
            text=resolved.text if resolved else front.body,
            included=included,
            reason=reason,
            description=front.first("description"),
            title=front.first("name"),
            files=resolved.files if resolved and not is_later else (),
            patterns=front.values.get("fileMatchPattern", ()) if mode == "fileMatch" else (),
            folder=folder,
            missing=resolved.missing if resolved else (),
            inclusion=front.first("inclusion"),
            unread=front.unread,
        )
    ]


def _decide(
    front: FrontMatter, name: str, question: _Question, folder: str
) -> tuple[Mode, bool, str]:
    written = front.first("inclusion")
    mode = _MODES.get(written.casefold())
    if mode is None:
        return "always", True, f"its inclusion '{written}' is unknown, so it is always included"
    if mode == "fileMatch":
        patterns = front.values.get("fileMatchPattern", ())
        for path in question.changed:
            if pattern := matches(patterns, path, folder):
                return mode, True, f"{path} matches {pattern}"
        shown = ", ".join(patterns) or "(no fileMatchPattern)"
        return mode, False, f"no file of this work matches {shown}"
    title = front.first("name") or name
    if mode == "manual":
        is_manual = bool({name, title} & question.manual)
        return (
            mode,
            is_manual,
            "asked for by name" if is_manual else "only included when asked for (--steering NAME)",
        )
    if mode == "auto":
        described = terms(f"{title} {front.first('description')}")
        shared = sorted(word for word in described if fits(word, question.about))
        if {name, title} & question.manual:
            return mode, True, "asked for by name"
        if len(shared) >= _SHARED_WORDS:
            return mode, True, f"its description shares words with the task: {', '.join(shared)}"
        return mode, False, "its description shares too little with the task"
    unread = f"; line {front.unread[0]} of its front matter is unclear" if front.unread else ""
    return mode, True, "always included" + unread


def matches(patterns: Sequence[str], path: str, folder: str) -> str | None:
    """Return the pattern that a path matches, relative to the steering's folder or the root."""
    inner = path.removeprefix(f"{folder}/") if folder else path
    match = matcher(patterns)
    return (match(inner) if inner != path else None) or match(path)


def _folders_above(paths: Iterable[str]) -> list[str]:
    """Return the folders of the paths, outer ones first, without the root."""
    found: set[str] = set()
    for path in paths:
        parts = (inside(path) or "").split("/")[:-1]
        found |= {"/".join(parts[: depth + 1]) for depth in range(len(parts))}
    return sorted(found, key=lambda folder: (folder.count("/"), folder))


def _first_below(agents_md: str, paths: Sequence[str], project: str) -> str:
    folder = agents_md.removesuffix("AGENTS.md")
    return next((path for path in paths if path.startswith(folder)), project or folder)
