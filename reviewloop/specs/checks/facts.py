"""Checks a spec's claims about this repository and machine: variables, versions, programs,
options.
"""

import json
import re
import tomllib
from collections.abc import Collection, Iterator, Mapping, Sequence
from difflib import get_close_matches

from reviewloop.analysis.contract import Hit
from reviewloop.regex import regex
from reviewloop.specs.checks.view import SpecLine, SpecView

_VARIABLE = regex(
    r"(?:\benv(?:ironment)?(?: var(?:iable)?)?s?\W{1,4}|\$\{?|process\.env\.|os\.environ\[['\"])"
    r"`?(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b"
    r"|`(?P<named>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)`(?= (?:environment )?variable)"
)
_NEW = regex(
    r"\b(?:new|add(?:s|ed|ing)?|introduc\w+|creat\w+|defin\w+|set|read\w*|support\w*|accept\w*)\b|\[NEW\]",
    re.IGNORECASE,
)
_VERSION = regex(
    r"(?<![\w./@-])`?(?P<name>@?[A-Za-z][\w.-]*(?:/[\w.-]+)?)`?\s?(?P<how>==|@[\^~]?|\s|>=|~=|\^|\sv)\s?v?"
    r"(?P<version>\d+(?:\.\d+){1,3})(?![\w.]*\d|\w)(?P<more>\+)?"
)
_COMMAND_LINE = regex(r"^(?:\$ |> )?(?P<words>[a-z][a-z0-9-]*(?: [^`|;&<>]+)?)$")
_OPTION = regex(r"(?<!\S)(?P<option>--[a-z][a-z0-9-]+)")
_SUBCOMMAND = regex(r"[a-z][a-z0-9-]*")
# Programs that print their options with `--help`; whether their first word is a subcommand.
PROGRAMS: Mapping[str, bool] = {
    "git": True,
    "npm": True,
    "docker": True,
    "terraform": True,
    "kubectl": True,
    "uv": True,
    "pip": True,
    "poetry": True,
    "cargo": True,
    "go": True,
    "pytest": False,
    "ruff": True,
    "mypy": False,
    "eslint": False,
    "jest": False,
    "vitest": True,
    "tsc": False,
    "prettier": False,
    "sam": True,
    "cdk": True,
}
# Programs whose help names only some of their options: those of plugins, of every subcommand, or of
# the settings are missing.
_SHORT_HELP = frozenset(["npm", "kubectl", "pytest", "tsc", "vitest"])
_RUNNERS = frozenset(["run", "exec", "x", "dlx"])  # subcommands that start another program
# Subcommands whose short help omits options: those of `git log` are only in its manual.
_PARTIAL = frozenset(
    f"git {name}" for name in ("rev-parse", "log", "diff", "show", "rev-list", "format-patch")
)
_LOOKED_UP = frozenset(["aws"])  # elsewhere, in the data of botocore
_PLACEHOLDER = regex(r"(?:ENV_)?VAR(?:IABLE)?(?:_NAME)?|(?:MY|YOUR|SOME)_\w+")
_READ = regex(
    r"(?:environ(?:\.get)?|getenv|[Ee]nv|ENV|process\.env)\W{1,3}['\"]?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)\b"
)
_LOCKS = ("uv.lock", "poetry.lock", "requirements.txt", "package-lock.json")


def find_unread_variables(view: SpecView) -> Iterator[Hit]:
    """Yield environment variables that no file reads and that the spec does not introduce."""
    found: dict[str, SpecLine] = {}
    introduced: set[str] = set()
    for line in view.lines:
        for match in _VARIABLE.finditer(line.text):
            name = match["name"] or match["named"]
            if _PLACEHOLDER.fullmatch(name):
                continue
            found.setdefault(name, line)
            if _NEW.search(line.text):
                introduced.add(name)
    names = [name for name in found if name not in introduced]
    if not names or not view.tree.paths():
        return
    documents = {line.path for line in view.lines}
    read = {
        name
        for path, _, text in view.tree.search(names)
        if path not in documents and not path.endswith(".md")
        for name in names
        if name in text
    }
    unread = [name for name in names if name not in read]
    known = _read_variables(view, documents) if unread else frozenset()
    for name in unread:
        near = get_close_matches(name, known, 1, 0.7)
        hint = f"; did you mean {near[0]}?" if near else ""
        message = f"no file of the repository reads {name}{hint}"
        yield view.hit("spec/unread-variable", found[name], message, name)


def _read_variables(view: SpecView, documents: Collection[str]) -> frozenset[str]:
    """Return the variables that the code of the repository reads by name."""
    return frozenset(
        name
        for path, _, text in view.tree.search(["environ", "getenv", "env.", "Env(", "ENV["])
        if path not in documents and not path.endswith(".md")
        for name in _READ.findall(text)
    )


def find_other_versions(view: SpecView) -> Iterator[Hit]:
    """Yield packages whose version in the spec is not the locked one."""
    locked: Mapping[str, str] | None = None
    for line in view.lines:
        if line.level:
            continue
        for match in _VERSION.finditer(line.text):
            if locked is None:
                locked = locked_versions(view)
            known = locked.get(_canonical(match["name"]))
            how = ">=" if match["more"] else match["how"].strip()
            if known is None and how:  # "Section 2.1" has no version
                what = f"{match['name']} {match['version']}"
                view.note(line, f"{what}: no lock file names {match['name']}", what)
            elif known and not _fits(how, match["version"], known):
                message = f"{match['name']} {match['version']} here, {known} is locked"
                yield view.hit("spec/other-version", line, message, match["version"])


def find_unknown_options(view: SpecView) -> Iterator[Hit]:
    """Yield subcommands and options that are missing from a program's help on this machine."""
    for line, command in _commands(view):
        words = command.split()
        program, rest = words[0], words[1:]
        if program not in PROGRAMS:
            if program not in _LOOKED_UP:
                view.note(
                    line, f"`{command}`: {program} is no program whose help is asked", program
                )
            continue
        topic = [program]
        if PROGRAMS[program] and rest and _SUBCOMMAND.fullmatch(rest[0]):
            topic.append(rest[0])
        help_text = view.help_of(tuple(topic))
        if help_text is None:
            unread = f"the help of {' '.join(topic)} could not be read"
            view.note(line, f"`{command}`: {unread}", unread)
            continue
        known = sorted(set(_OPTION.findall(f" {help_text}")) | set(_listed(help_text)))
        partial = program in _SHORT_HELP or " ".join(topic) in _PARTIAL
        for option in _OPTION.findall(" ".join(_own_words(topic, rest))):
            if option in known:
                continue
            near = get_close_matches(option, known, 1, 0.7)
            hint = f"; did you mean {near[0]}?" if near else ""
            if partial:
                unsaid = f"the help of {' '.join(topic)} does not name {option}{hint}"
                view.note(line, f"`{command}`: {unsaid}", unsaid)
            else:
                message = f"{' '.join(topic)} has no option {option}{hint}"
                yield view.hit("spec/unknown-option", line, message, option)


def _own_words(topic: Sequence[str], words: Sequence[str]) -> list[str]:
    """Return the words of a command that are its own: `uv run` passes the rest to a program."""
    kept: list[str] = []
    for word in words[len(topic) - 1 :]:
        if word in ("--", "#") or (topic[-1] in _RUNNERS and not word.startswith("-")):
            break
        kept.append(word)
    return ["", *kept]


def _listed(text: str) -> list[str]:
    """Return the options in a help text, written as `[--[no-]force]` or `--file=<path>`."""
    plain = re.findall(r"--[a-z][a-z0-9-]+", text)
    negated = re.findall(r"--\[no-\]([a-z][a-z0-9-]+)", text)
    return [*plain, *(f"--{one}" for one in negated), *(f"--no-{one}" for one in negated)]


def _commands(view: SpecView) -> Iterator[tuple[SpecLine, str]]:
    """Yield the command lines of a spec: code spans, and lines of code blocks."""
    for line in view.lines:
        spans = re.findall(r"`([^`]+)`", line.text) if not line.code else [line.text.strip()]
        for span in spans:
            found = _COMMAND_LINE.match(span.strip())
            if found and "--" in found["words"] and " / " not in span:  # no list of commands
                yield line, found["words"]


def locked_versions(view: SpecView) -> dict[str, str]:
    """Return the versions in lock files of the repository's root, by canonical name."""
    found: dict[str, str] = {}
    for path in _LOCKS:
        text = view.tree.read(path)
        if text:
            for name, version in _locked(path, text):
                found.setdefault(_canonical(name), version)
    return found


def _locked(path: str, text: str) -> Iterator[tuple[str, str]]:
    try:
        if path.endswith(".lock"):
            for one in tomllib.loads(text).get("package", ()):
                yield str(one.get("name", "")), str(one.get("version", ""))
        elif path.endswith(".json"):
            for key, one in json.loads(text).get("packages", {}).items():
                if key.startswith("node_modules/") and "/node_modules/" not in key[13:]:
                    yield key.removeprefix("node_modules/"), str(one.get("version", ""))
        else:
            yield from re.findall(r"(?m)^([A-Za-z0-9][\w.-]*)(?:\[[^\]]*\])?==([\w.]+)", text)
    except (ValueError, AttributeError, TypeError):  # its own tool reports a broken lock file
        return


def _canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).casefold()


def _fits(how: str, written: str, locked: str) -> bool:
    """Whether a version equals the locked one as far as it goes (2.8 is 2.8.0), or allows it."""
    if f"{locked}.".startswith(f"{written}."):
        return True
    least, have = _numbers(written), _numbers(locked)
    if how == ">=":
        return have >= least
    if how in ("^", "@^"):
        return have >= least and have[:1] == least[:1]
    if how in ("~=", "@~"):
        return have >= least and have[: len(least) - 1] == least[:-1]
    return False


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:4])
