"""Shell rules on scripts that others can make run, read or delete something."""

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

from reviewloop.analysis.contract import MUST, NIT, SHOULD
from reviewloop.regex import regex
from reviewloop.rules.sh.commands import words_of
from reviewloop.rules.sh.downloads import pipes_download, unverified, world_writable
from reviewloop.rules.sh.source import Flaw, Script

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_ROOTED = regex(r"[\"']?\$(?:\{(\w+)\}|(\w+))[\"']?(?:/|/\*|/\.\*)?[\"']?\*?$")
_WRITTEN = regex(r"[\"']?(/(?:var/)?tmp/[\w.\-]+)[\"']?$")
_MOST_NAMES = 200  # each searched in the whole text
_EXPANDED = regex(r"[$`]")
_PRINTED_BY = regex(  # programs that print what a shell should run
    r"\$\(\s*[\"']?[\w./-]*(?:ssh-agent|brew|opam|direnv|rbenv|pyenv|dircolors|docker|minikube)"
    r"|\binit\b|shellenv|completion|hook"
)
_SECRET_USED = regex(r"\$\{?([A-Z_]*(?:PASSWORD|TOKEN|SECRET|API_KEY)[A-Z_]*)\b")


def find_curl_pipe_shell(script: Script) -> Iterator[Flaw]:
    """Find sh/curl-pipe-shell."""
    for node, command in script.commands:
        if pipes_download(command):
            yield Flaw(node)


def find_unverified_download(script: Script) -> Iterator[Flaw]:
    """Find sh/unverified-download."""
    for node, command in script.commands:
        if unverified(command):
            yield Flaw(node)


def find_removes_root(script: Script) -> Iterator[Flaw]:
    """Find `rm -rf "$DIR/"` where DIR may be empty, so that / is meant."""
    if re.search(r"set\s+-\w*u|nounset", script.file.text):
        return
    known: dict[str, bool] = {}
    for node, command in script.named("rm"):
        if not command.has("r", "R", "recursive"):
            continue
        for word in words_of(node)[1:]:
            found = _ROOTED.match(word.text())
            if found is None or "/" not in word.text():
                continue
            name = found.group(1) or found.group(2)
            if name not in known and len(known) < _MOST_NAMES:
                known[name] = _known(name, script)
            if not known.get(name, True):
                yield Flaw(node, f"If `{name}` is empty, this deletes /.")
                break


def _known(name: str, script: Script) -> bool:
    """Whether a variable certainly has a value: it is assigned, or checked first."""
    if name in {"HOME", "PWD", "TMPDIR"}:
        return True
    given = rf"(?:^|[\s;])(?:local |readonly |export )?{name}=[\"']?(?!\$\{{?\d|[\"'\s;]|\$\(|`|$)"
    looked = (
        rf"\$\{{{name}:[?=-]|-[nzd] [\"']?\$\{{?{name}\b|{name}=[\"']?\$\(mktemp|for {name} in "
    )
    return re.search(f"{given}|{looked}", script.file.text, re.MULTILINE) is not None


# How a plain shell reads a variable whose name is in another one: `eval value="\\$$name"`.
_READS_NAMED = regex(r"\w+=\"?\\\$\{?\$(?:\w|\{\w+\})\w*\}?\"?$")


_SERVED = regex(r"\b(?:QUERY_STRING|REQUEST_METHOD|SSH_ORIGINAL_COMMAND|PATH_INFO)\b")


def find_eval(script: Script) -> Iterator[Flaw]:
    """Find sh/eval."""
    for node, command in script.named("eval"):
        moving = [w for w in words_of(node)[1:] if _EXPANDED.search(_outside_quotes(w))]
        if not moving or _PRINTED_BY.search(" ".join(command.words)[:2_000]):
            continue
        text = _outside_quotes(moving[0])
        if re.match(r"[\"']?\$\(|`", text):  # output of a program that is meant to be run
            continue
        if all(_READS_NAMED.match(word.text()[:200]) for word in moving):
            yield Flaw(node, severity=NIT)
        elif any(re.search(r"\$\{?[1-9@*]", _outside_quotes(word)) for word in moving):
            # Whoever starts a script may run anything; others reach it only where a server does.
            yield Flaw(node, severity=MUST if _SERVED.search(script.file.text) else SHOULD)
        else:
            yield Flaw(node, severity=SHOULD if re.match(r"[\"']?\$", text) else NIT)


def _outside_quotes(word: "SgNode") -> str:
    """Return a word without the parts protected by single quotes or backslashes."""
    return re.sub(r"\\.|'[^']*'", "", word.text()[:2_000], flags=re.DOTALL)


def find_open_rights(script: Script) -> Iterator[Flaw]:
    """Find sh/open-rights."""
    for node, command in script.named("chmod"):
        if world_writable(command):
            yield Flaw(node)


def find_any_host_key(script: Script) -> Iterator[Flaw]:
    """Find sh/any-host-key."""
    for node, command in script.named("ssh", "scp", "rsync", "sftp", "git", "autossh", "sshpass"):
        if re.search(
            r"StrictHostKeyChecking[= ](?:no|off)|UserKnownHostsFile[= ]/dev/null",
            _all(command.words),
        ):
            yield Flaw(node)
    for node in script.nodes("variable_assignment"):
        if re.search(r"StrictHostKeyChecking[= ](?:no|off)", node.text()):
            yield Flaw(node)


def _all(words: tuple[str, ...]) -> str:
    return " ".join(words)[:5_000]


def find_shared_temporary_file(script: Script) -> Iterator[Flaw]:
    """Find sh/shared-temporary-file."""
    for node in script.nodes("file_redirect"):
        if not node.text().lstrip("0123456789&").startswith(">"):
            continue
        target = node.field("destination")
        if target is not None and _WRITTEN.match(target.text()):
            yield Flaw(node, f"`{target.text()[:60]}` can be guessed by other users.")
    for node, command in script.commands:
        writes = command.name in {"tee", "touch"} or (
            command.name in {"curl", "wget"} and re.search(r"-\w*[oO]\b", _all(command.words))
        )
        if writes and any(_WRITTEN.match(word) for word in command.words):
            yield Flaw(node, "A name in /tmp can be guessed by other users.")


def find_secret_on_command_line(script: Script) -> Iterator[Flaw]:
    """Find sh/secret-on-command-line."""
    for node, command in script.commands:
        words = command.words
        if command.name == "sshpass" and any(re.match(r"-p.", w) or w == "-p" for w in words):
            yield Flaw(node)
        elif command.name in {"mysql", "mysqldump", "mysqladmin"}:
            if any(re.match(r"-p\S|--password=.", w) for w in words):
                yield Flaw(node)
        elif command.name == "curl":
            users = [b for a, b in pairwise(words) if a in {"-u", "--user"}]
            if any(":" in u and not u.startswith(":") for u in users):
                yield Flaw(node)
        elif command.name == "docker" and command.does("login") and command.has("p", "password"):
            yield Flaw(node)


def find_secret_traced(script: Script) -> Iterator[Flaw]:
    """Find sh/secret-traced."""
    used = _SECRET_USED.search(script.file.text)
    for node, command in script.named("set"):
        if used and any(re.fullmatch(r"-\w*x\w*", w) for w in command.words):
            yield Flaw(node, f"Every line is printed, the one with `{used.group(1)}` too.")
