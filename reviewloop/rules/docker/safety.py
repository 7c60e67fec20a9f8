"""Dockerfile rules on secrets, and on downloads without verification."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MUST, SHOULD
from reviewloop.regex import regex
from reviewloop.rules.docker.reading import Instruction
from reviewloop.rules.docker.source import DockerSource, Flaw
from reviewloop.rules.sh.downloads import pipes_download, unverified

_SECRET_NAME = regex(
    r"(?:^|_)(?:PASS|PASSWD|PASSWORD|SECRET|TOKEN|CREDENTIALS?|PASSPHRASE)(?:_KEY(?:_BASE)?)?$"
    r"|(?:API|SECRET|ACCESS|PRIVATE|AUTH|ENCRYPTION|SIGNING)_?KEY$",
    re.IGNORECASE,
)
_ASSIGNED = regex(r"(?:^|\s)([A-Za-z_]\w*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")
_DUMMY = regex(
    r"(?:dummy|placeholder|change.?me|none|null|no|off|todo|unset|false|true|<.*>|x+|\*+)?$", re.I
)
_OFF = {
    "NODE_TLS_REJECT_UNAUTHORIZED": {"0"},
    "PYTHONHTTPSVERIFY": {"0"},
    "GIT_SSL_NO_VERIFY": {"1", "true"},
    "NPM_CONFIG_STRICT_SSL": {"false"},
}


def find_secret_in_image(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/secret-in-image."""
    for instruction in (*source.docker.before, *source.every("ENV", "ARG")):
        for name, value in _values(instruction):
            if not _SECRET_NAME.search(name):
                continue
            value = value.strip("\"'")
            if instruction.keyword == "ARG" and not value:
                yield Flaw(instruction, None, f"`{name}` is kept in the image's history.", SHOULD)
            elif not _DUMMY.match(value) and not re.match(r"/|\$\(", value):
                severity = SHOULD if "$" in value or instruction.keyword == "ARG" else MUST
                yield Flaw(
                    instruction, None, f"`{name}` can be read by whoever has the image.", severity
                )


def _values(instruction: Instruction) -> list[tuple[str, str]]:
    if instruction.keyword == "ARG":
        return [(w.partition("=")[0], w.partition("=")[2]) for w in instruction.words]
    if instruction.keyword != "ENV":
        return []
    found = [(m.group(1), m.group(2)) for m in _ASSIGNED.finditer(instruction.flat)]
    if found:
        return found
    name, _, value = instruction.flat.partition(" ")
    return [(name, value.strip())] if value else []


def find_download_into_shell(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/download-into-shell."""
    for run in source.runs:
        for command in run.commands:
            if pipes_download(command):
                yield Flaw(run.instruction, command)
                break


def find_unverified_download(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/unverified-download."""
    for run in source.runs:
        for command in run.commands:
            if unverified(command):
                yield Flaw(run.instruction, command)
    for instruction in source.every("ENV"):
        for name, value in _values(instruction):
            if value.strip("\"'").lower() in _OFF.get(name.upper(), set()):
                yield Flaw(instruction)


def find_download_without_checksum(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/download-without-checksum."""
    for instruction in source.every("ADD"):
        if instruction.flag("checksum") is not None:
            continue
        for origin in instruction.words[:-1]:
            if re.match(r"(?:https?|ftp)://", origin) and not re.search(r"\.git(?:#|$)", origin):
                yield Flaw(instruction)
                break


def find_known_password(source: DockerSource) -> Iterator[Flaw]:
    """Find docker/known-password."""
    for run in source.runs:
        for command in run.named("chpasswd"):
            if command.fed_by in {"echo", "printf"} and "$" not in run.text.split("chpasswd")[0]:
                yield Flaw(run.instruction, command)
