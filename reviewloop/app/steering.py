"""Lists steering files, when agents get them, and what is wrong with them."""

import re
from collections.abc import Iterator, Mapping
from enum import StrEnum

from reviewloop.app.day.cloud import declared_resources
from reviewloop.app.project import Repository
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.regex import regex
from reviewloop.specs.files import DiskFiles, decode
from reviewloop.specs.steering import Steering, SteeringItem, steering_on_disk
from reviewloop.specs.words import find_paths, named_paths
from reviewloop.store.events import read_events

_SHORTEST = 40  # characters; shorter equal texts are no copy
_SHORTEST_NAME = 6  # of a resource
_LARGEST = 200_000  # bytes of a file with hosts
_WITH_HOSTS = regex(
    r"\.env(?:\..+)?$|.*\.(?:tf|tfvars|env|ini|properties|conf)$|(?:docker-)?compose.*\.ya?ml$"
    r"|(?:values|ingress|serverless|template|config|settings|application).*\.(?:ya?ml|toml|json)$",
    re.IGNORECASE,
)
_HOST = regex(r"(?<![\w.@/-])(?:[a-z]+://)?((?:[a-z0-9-]+\.){2,}[a-z]{2,12})(?![\w(-])", re.I)
_ANYBODYS = regex(
    r"(?:^|\.)(?:github|gitlab|docker|python|npmjs|google|googleapis|amazonaws|amazon|azure|"
    r"microsoft|windows|hashicorp|terraform|ubuntu|debian|w3|json-schema)\.(?:com|org|io|net|dev)$"
    r"|^aws\.|^\d",
    re.IGNORECASE,
)
_ENDINGS = frozenset(("py", "js", "ts", "json", "yaml", "yml", "toml", "md", "txt", "sh", "html"))


@dataclass(frozen=True)
class SteeringRow:
    """One file, and when agents get it."""

    path: str
    scope: str
    mode: str
    given: str


class Kind(StrEnum):
    """What can be wrong with a file."""

    REFERENCE = "reference"  # it refers to a missing file
    MODE = "mode"  # its mode is unknown, so no agent or every agent gets it
    FRONT = "front"  # a line of its front matter cannot be parsed
    COPY = "copy"  # another file has the same text
    FOREIGN = "foreign"  # it applies everywhere and is about this repository
    PATTERN = "pattern"  # no file matches its pattern


SEVERITIES = {
    Kind.REFERENCE: Severity.MUST_FIX,
    Kind.MODE: Severity.MUST_FIX,
    Kind.FRONT: Severity.SHOULD_FIX,
    Kind.COPY: Severity.SHOULD_FIX,
    Kind.FOREIGN: Severity.SHOULD_FIX,
    Kind.PATTERN: Severity.NIT,  # the file may be planned
}


@dataclass(frozen=True)
class SteeringProblem:
    """A problem of a file."""

    path: str
    kind: Kind
    what: str

    @property
    def severity(self) -> Severity:
        """Return how severe it is."""
        return SEVERITIES[self.kind]


@dataclass(frozen=True)
class Given:
    """The steering that an agent of a run got, or not: a line for each file with the reason."""

    agent: str
    lines: tuple[str, ...]


def steering_given(repository: Repository, name: str) -> list[Given]:
    """Return the steering that each agent of a run got, in order.

    Raises `UsageError` where no run has the name.
    """
    run = repository.runs.find(name)
    found: dict[str, list[str]] = {}
    for event, _ in read_events(repository.stored(run.run_id) / "events.jsonl"):
        if event.get("kind") == "steering":
            lines = found.setdefault(str(event.get("agent", "")), [])
            lines += [str(line) for line in event.get("files") or () if line not in lines]
    return [Given(agent, tuple(lines)) for agent, lines in found.items()]


def steering_rows(user: UserRepo) -> list[SteeringRow]:
    """Return the files in the order in which agents get them."""
    return [
        SteeringRow(item.path, item.scope, item.mode, _given(item)) for item in _all(user).items
    ]


def _all(user: UserRepo) -> Steering:
    return steering_on_disk(user.root, (), "", folder=user.project, resolve_all=True)


def _given(item: SteeringItem) -> str:
    if item.mode == "fileMatch":
        shown = ", ".join(item.patterns) or "nothing: it has no fileMatchPattern"
        return f"with work on, or the first read or write of, {shown}"
    if item.mode == "manual":
        return f"when asked for: --steering {item.title or _name(item)}"
    if item.mode == "auto":
        return f"when it fits the task: {item.description or '(no description)'}"
    return "always"


def _name(item: SteeringItem) -> str:
    return item.path.rpartition("/")[2].removesuffix(".md")


def steering_problems(user: UserRepo) -> list[SteeringProblem]:
    """Return the problems, in the order of the files."""
    files = DiskFiles(user.root)
    paths = tuple(files.paths())
    known: dict[str, str] = {}
    items = _all(user).items
    own = own_names(user) if any(item.scope == "global" for item in items) else {}
    return [
        SteeringProblem(item.path, kind, what)
        for item in items
        for kind, what in _wrong(item, paths, known, own)
    ]


def own_names(user: UserRepo) -> dict[str, str]:
    """Return names that only this repository has, and the source of each.

    These are remotes, hosts in settings and infrastructure files, and names that infrastructure
    code declares. A single word such as `logs` does not count, as others use it too.
    """
    files = DiskFiles(user.root)
    found: dict[str, str] = {}
    for remote in _remotes(user):
        found.setdefault(remote, "a remote")
    for path in files.paths():
        name = path.rpartition("/")[2]
        if _WITH_HOSTS.match(name) and (data := files.read(path)) and len(data) <= _LARGEST:
            for host in _HOST.findall(decode(data)):
                if (
                    not _ANYBODYS.search(host)
                    and host.rpartition(".")[2].casefold() not in _ENDINGS
                ):
                    found.setdefault(host.casefold(), path)
    for resource in declared_resources(files)[0]:
        if re.search(r"[-_]", resource.name) and len(resource.name) >= _SHORTEST_NAME:
            found.setdefault(resource.name.casefold(), resource.where)
    return found


def _remotes(user: UserRepo) -> Iterator[str]:
    git = Git(user.git_dir, cwd=user.root)
    for line in git.text("config", "--get-regexp", r"^remote\..*\.url$", ok=(0, 1)).splitlines():
        if match := re.search(r"[:/]([\w.-]+/[\w.-]+?)(?:\.git)?/?$", line.partition(" ")[2]):
            yield match[1].casefold()


def _wrong(
    item: SteeringItem, files: tuple[str, ...], known: dict[str, str], own: Mapping[str, str]
) -> Iterator[tuple[Kind, str]]:
    for reference in item.missing:
        yield Kind.REFERENCE, f"{reference} leads nowhere"
    if not item.inclusion_known:
        modes = "always, fileMatch, manual, auto"
        yield Kind.MODE, f"inclusion {item.inclusion!r} is none of {modes}; agents always get it"
    elif item.mode == "fileMatch" and not item.patterns:
        yield Kind.MODE, "inclusion is fileMatch without a fileMatchPattern, so nobody gets it"
    elif item.mode == "auto" and not item.description:
        yield Kind.MODE, "inclusion is auto without a description, so it fits no task"
    for line in item.unread:
        yield Kind.FRONT, f"line {line} of its front matter is not understood"
    text = " ".join(item.text.split())
    if len(text) >= _SHORTEST:
        if first := known.get(text):
            yield Kind.COPY, f"it says the same as {first}; agents get it twice"
        known.setdefault(text, item.path)
    for pattern in item.patterns:
        one = SteeringItem(item.path, item.scope, item.mode, "", False, "", patterns=(pattern,))
        later = Steering((one,)).later()[0]
        if not any(later.fits(path) for path in files):
            yield Kind.PATTERN, f"no file of this repository matches {pattern}"
    if item.scope == "global":
        named = [path for path in named_paths(item.text) if find_paths([path], files)]
        low = item.text.casefold()
        named += [
            f"{name} ({where})"
            for name, where in own.items()
            if re.search(rf"(?<![\w-]){re.escape(name)}(?![\w-])", low)
        ]
        if named:
            names = ", ".join(dict.fromkeys(named))
            yield Kind.FOREIGN, f"it holds for all your repositories and names this one's {names}"
