"""Collects the secrets of this machine, and redacts them and those that findings quote."""

import base64
import contextlib
import json
import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from reviewloop.domain.errors import ReviewLoopError
from reviewloop.domain.finding import Finding
from reviewloop.git.repository import ConfigValue, UserRepo, read_config
from reviewloop.regex import regex
from reviewloop.secrets import (
    HeldSecrets,
    Redactor,
    is_environment_file,
    names_a_secret,
    redact_value,
    secrets_in_address,
    secrets_in_value,
)
from reviewloop.store.folders import own_key

_RULES = "secret/"
_HIDDEN = "•"
_EVERYWHERE = 12  # characters; a shorter value may be an ordinary word elsewhere

ReadText = Callable[[str], str | None]


class QuotedSecrets:
    """The secrets of some findings; `read` returns the text of a file as it is."""

    def __init__(self, findings: Iterable[Finding], read: ReadText) -> None:
        self._read = read
        self._findings: dict[str, list[Finding]] = defaultdict(list)
        for finding in findings:
            is_bounded = finding.line and 0 < finding.column < finding.end_column
            if finding.rule.startswith(_RULES) and is_bounded:
                self._findings[finding.path].append(finding)
        self._known: dict[str, list[str]] = {}

    def without(self, path: str, text: str) -> str:
        """Return text of a file, or part of one, without the secrets found in that file."""
        values = self._values(path)
        if not any(value in text for value in values):
            return text
        raw = set(self._lines(path))
        return "\n".join(
            self._hidden(line, values, bool({line, line[1:]} & raw)) for line in text.split("\n")
        )

    def _hidden(self, line: str, values: Iterable[str], whole: bool) -> str:
        for value in values:
            if len(value) >= _EVERYWHERE or whole:
                line = line.replace(value, _quoted_value(value))
        return line

    def _values(self, path: str) -> list[str]:
        """Return the secrets of a file, the longest first: one may be part of another."""
        if path not in self._known:
            lines = (self._read(path) or "").split("\n") if path in self._findings else []
            found = {
                lines[f.line - 1][f.column - 1 : f.end_column - 1]
                for f in self._findings.get(path, ())
                if f.line and f.line <= len(lines)
            }
            self._known[path] = sorted((v for v in found if v.strip()), key=len, reverse=True)
        return self._known[path]

    def _lines(self, path: str) -> list[str]:
        """Return the lines that hold a secret of the file."""
        lines = (self._read(path) or "").split("\n")
        numbers = (f.line for f in self._findings[path] if f.line and f.line <= len(lines))
        return [lines[number - 1] for number in numbers]


def _quoted_value(value: str) -> str:
    """Return a placeholder of the same length, whose first characters identify the secret."""
    shown = redact_value(value).partition("…")[0]
    return shown + _HIDDEN * (len(value) - len(shown))


Named = tuple[str, str]

_SETTING = regex(r"^\s*([\w.\-]+)\s*=\s*(.+?)\s*$", re.MULTILINE)
_ENTRY = regex(
    r"^[ \t]*(?:export[ \t]+)?([A-Za-z_][\w.\-]*)[ \t]*[=:][ \t]*"
    r"(?:\"((?:[^\"\\]|\\.)*)\"|'([^']*)'|([^\s#][^\n]*?))[ \t]*(?:[ \t]#[^\n]*)?\r?$",
    re.MULTILINE,
)
_PASSWORD = regex(r"\bpassword\s+(\"[^\"\n]+\"|\S+)")
_CLUSTER = regex(
    r"^[ \t-]*(token|password|client-key-data|(?:id|access|refresh)-token)[ \t]*:[ \t]*"
    r"[\"']?([^\s\"'#]+)",
    re.MULTILINE,
)
_MOST_OF_A_KEY = 200  # characters
_DEPTH = 2  # levels below the root to search for `.env` files
_MOST_FOLDERS = 500
_LARGEST = 256 * 1024  # bytes of one file
_MOST_CACHED = 50  # files of one cache of the AWS tools
_PASSED_OVER = {".git", "node_modules", ".venv", "venv", "__pycache__", ".tox", "target", "vendor"}


def redactor_for(root: Path | None, git_dir: Path | None = None) -> Redactor:
    """Return a redactor of the secrets of this process, this user and this checkout."""
    return Redactor(_held(tuple(known_secrets(root, git_dir))), own_key())


def redactor_of(user: UserRepo) -> Redactor:
    """Return the same for a checkout, with its git settings as already read."""
    return Redactor(_held(tuple(known_secrets(user.root, config=user.config))), own_key())


@lru_cache(maxsize=4)  # each run of a batch asks about the same checkout
def _held(values: tuple[Named, ...]) -> HeldSecrets:
    return HeldSecrets(values)


def redactor_here() -> Redactor:
    """Return the same for the current checkout, if there is one; never fails."""
    try:
        here = Path.cwd()
    except OSError:
        return redactor_for(None)
    root = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    git_dir = root / ".git" if root and (root / ".git").is_dir() else None
    return redactor_for(root, git_dir)


def known_secrets(
    root: Path | None, git_dir: Path | None = None, config: Iterable[ConfigValue] = ()
) -> Iterator[Named]:
    """Yield (name, secret) of all known secrets; git's settings are read unless given."""
    yield from _of_environment(os.environ)
    yield from _of_aws(os.environ)
    yield from _of_home(os.environ)
    if root:
        for path in _environment_files(root):
            yield from _of_environment_file(path)
    yield from _of_git(_config_of(git_dir, root) if root and git_dir else config)


def _of_environment(environ: Mapping[str, str]) -> Iterator[Named]:
    for name, value in environ.items():
        if names_a_secret(name):
            yield from ((name, secret) for secret in secrets_in_value(name, value))
        elif "://" in value and "@" in value:
            yield from ((name, secret) for secret in secrets_in_address(value))


def _of_aws(environ: Mapping[str, str]) -> Iterator[Named]:
    folder = Path(environ.get("HOME") or "/nonexistent") / ".aws"
    named = (("AWS_SHARED_CREDENTIALS_FILE", "credentials"), ("AWS_CONFIG_FILE", "config"))
    for variable, name in named:
        given = environ.get(variable)
        for key, value in _SETTING.findall(_text(Path(given) if given else folder / name)):
            if names_a_secret(key):
                yield from ((key, secret) for secret in secrets_in_value(key, value))
    for cache in (folder / "sso/cache", folder / "cli/cache"):
        for path in sorted(cache.glob("*.json"))[:_MOST_CACHED] if cache.is_dir() else ():
            try:
                yield from _of_json(json.loads(_text(path)))
            except (ValueError, RecursionError):
                continue


def _of_json(value: Any, name: str = "") -> Iterator[Named]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _of_json(item, str(key))
    elif isinstance(value, str) and names_a_secret(name):
        yield from ((name, secret) for secret in secrets_in_value(name, value))


def _of_home(environ: Mapping[str, str]) -> Iterator[Named]:
    """Yield the secrets that programs keep in plain files of the home folder."""
    home = Path(environ.get("HOME") or "/nonexistent")
    netrc = environ.get("NETRC")
    for value in _PASSWORD.findall(_text(Path(netrc) if netrc else home / ".netrc")):
        yield from (("netrc", secret) for secret in secrets_in_value("password", value.strip('"')))
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config")
    for path in (home / ".git-credentials", config / "git/credentials"):
        for line in _text(path).splitlines():
            yield from (("git-credentials", secret) for secret in secrets_in_address(line))
    folder = environ.get("DOCKER_CONFIG")
    yield from _of_docker(_text((Path(folder) if folder else home / ".docker") / "config.json"))
    listed = environ.get("KUBECONFIG", "").split(os.pathsep)
    for path in [Path(name) for name in listed if name] or [home / ".kube/config"]:
        for name, value in _CLUSTER.findall(_text(path)):
            start = value[:_MOST_OF_A_KEY]  # the start identifies a key
            yield from ((f"kube-{name}", secret) for secret in secrets_in_value("token", start))


def _of_docker(text: str) -> Iterator[Named]:
    try:
        registries = json.loads(text)["auths"].values()
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return
    for entry in registries:
        for name in ("auth", "password", "identitytoken", "registrytoken"):
            value = entry.get(name) if isinstance(entry, dict) else None
            if not isinstance(value, str):
                continue
            yield from (("docker", secret) for secret in secrets_in_value("token", value))
            if name == "auth":
                with contextlib.suppress(ValueError):
                    pair = base64.b64decode(value).decode("utf-8", "replace")
                    password = pair.partition(":")[2]
                    yield from (
                        ("docker", secret) for secret in secrets_in_value("token", password)
                    )


def _environment_files(root: Path) -> Iterator[Path]:
    """Yield the `.env` files near the root; example files hold no secrets."""
    level, seen = [root], 0
    for depth in range(_DEPTH + 1):
        below: list[Path] = []
        for folder in level:
            seen += 1
            if seen > _MOST_FOLDERS:
                return
            try:
                entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    if depth < _DEPTH and entry.name not in _PASSED_OVER:
                        below.append(Path(entry.path))
                elif is_environment_file(entry.name):
                    yield Path(entry.path)
        level = below


def _of_environment_file(path: Path) -> Iterator[Named]:
    for name, double, single, bare in _ENTRY.findall(_text(path)):
        value = double or single or bare
        for secret in secrets_in_value(name, value.replace("\\n", "\n") if double else value):
            yield name, secret


def _config_of(git_dir: Path, root: Path) -> tuple[ConfigValue, ...]:
    try:
        return read_config(git_dir, root)
    except (ReviewLoopError, OSError):
        return ()  # a repository git cannot read is refused elsewhere, with the reason


def _of_git(config: Iterable[ConfigValue]) -> Iterator[Named]:
    for _, key, value in config:
        last = key.rpartition(".")[2]
        if key.startswith(("remote.", "url.", "submodule.", "http.", "branch.")):
            for text in (key.partition(".")[2], value):
                yield from (("git-remote", secret) for secret in secrets_in_address(text))
        if last == "extraheader":
            word = value.split()[-1] if value.split() else ""
            yield from (("git-header", secret) for secret in secrets_in_value("token", word))
        elif names_a_secret(last) and not last.endswith("key"):
            yield from ((last, secret) for secret in secrets_in_value(last, value))


def _text(path: Path) -> str:
    """Return the text of a small regular file, "" for anything else."""
    try:
        if not path.is_file() or path.stat().st_size > _LARGEST:
            return ""
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""
