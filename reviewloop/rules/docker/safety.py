"""Dockerfiles: secrets, and downloads that nobody verifies."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.rules.docker.reading import Instruction
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.downloads import pipes_download, unverified

_SECRET_NAME = Regex(
    r"(?:^|_)(?:PASS|PASSWD|PASSWORD|SECRET|TOKEN|CREDENTIALS?|PASSPHRASE)(?:_KEY(?:_BASE)?)?$"
    r"|(?:API|SECRET|ACCESS|PRIVATE|AUTH|ENCRYPTION|SIGNING)_?KEY$",
    re.IGNORECASE,
)
_ASSIGNED = Regex(r"(?:^|\s)([A-Za-z_]\w*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")
_DUMMY = Regex(
    r"(?:dummy|placeholder|change.?me|none|null|todo|unset|false|true|<.*>|x+|\*+)?$", re.I
)
_OFF = {
    "NODE_TLS_REJECT_UNAUTHORIZED": {"0"},
    "PYTHONHTTPSVERIFY": {"0"},
    "GIT_SSL_NO_VERIFY": {"1", "true"},
    "NPM_CONFIG_STRICT_SSL": {"false"},
}


def _secret(source: DockerSource) -> Iterator[Place]:
    for instruction in (*source.docker.before, *source.every("ENV", "ARG")):
        for name, value in _values(instruction):
            if not _SECRET_NAME.search(name):
                continue
            value = value.strip("\"'")
            if instruction.keyword == "ARG" and not value:
                yield Place(instruction, None, f"`{name}` is kept in the image's history.", SHOULD)
            elif not _DUMMY.match(value) and not re.match(r"/|\$\(", value):
                severity = SHOULD if "$" in value or instruction.keyword == "ARG" else MUST
                yield Place(
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


def _piped(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.commands:
            if pipes_download(command):
                yield Place(run.instruction, command)
                break


def _unverified(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.commands:
            if unverified(command):
                yield Place(run.instruction, command)
    for instruction in source.every("ENV"):
        for name, value in _values(instruction):
            if value.strip("\"'").lower() in _OFF.get(name.upper(), set()):
                yield Place(instruction)


def _added_url(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("ADD"):
        if instruction.flag("checksum") is not None:
            continue
        for origin in instruction.words[:-1]:
            if re.match(r"(?:https?|ftp)://", origin) and not re.search(r"\.git(?:#|$)", origin):
                yield Place(instruction)
                break


def _known_password(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named("chpasswd"):
            if command.fed_by in {"echo", "printf"} and "$" not in run.text.split("chpasswd")[0]:
                yield Place(run.instruction, command)


RULES = (
    DockerRule(
        Rule(
            "docker/secret-in-image",
            SECURITY,
            MUST,
            "A secret is part of the image.",
            why="ENV and ARG values can be read with `docker history` by whoever can "
            "pull the image.",
            fix="Use `RUN --mount=type=secret` in the build, and the environment when it runs.",
            category="secrets",
            source="https://docs.docker.com/build/building/secrets/",
            bad=dockerfile("FROM a:1\nENV DB_PASSWORD=hun" + "ter2\n", "FROM a:1\nARG NPM_TOKEN\n"),
            good=dockerfile(
                "FROM a:1\nENV DB_PASSWORD_FILE=/run/secrets/db TOKEN_URL=https://a.b\n",
                "FROM a:1\nENV DB_PASSWORD=\n",
                "FROM a:1\nRUN --mount=type=secret,id=npm_token npm ci\n",
            ),
        ),
        _secret,
    ),
    DockerRule(
        Rule(
            "docker/download-into-shell",
            SECURITY,
            SHOULD,
            "A download is run without a look at it.",
            why="Whoever controls the server, or half a transfer, decides what runs in the build.",
            fix="Download a fixed version, compare its checksum, then run it.",
            category="supply-chain",
            source="CWE-494",
            bad=dockerfile("FROM a:1\nRUN curl -fsSL https://a.b/install | bash\n"),
            good=dockerfile(
                "FROM a:1\nRUN curl -fsSLo i https://a.b/i && echo '12  i' | sha256sum -c && sh i\n"
            ),
        ),
        _piped,
        ("curl", "wget"),
    ),
    DockerRule(
        Rule(
            "docker/unverified-download",
            SECURITY,
            SHOULD,
            "A check of certificates or signatures is switched off.",
            why="Whoever is on the way can replace what is downloaded.",
            fix="Leave the check on, and install the certificate or key that is missing.",
            category="supply-chain",
            source="CWE-295",
            bad=dockerfile(
                "FROM a:1\nRUN wget --no-check-certificate https://a.b/c\n",
                "FROM a:1\nENV NODE_TLS_REJECT_UNAUTHORIZED=0\n",
                "FROM a:1\nRUN apt-get install -y --allow-unauthenticated x\n",
            ),
            good=dockerfile("FROM a:1\nRUN wget https://a.b/c && curl -o k https://a.b/d\n"),
        ),
        _unverified,
    ),
    DockerRule(
        Rule(
            "docker/download-without-checksum",
            SECURITY,
            SHOULD,
            "ADD downloads a file and takes whatever comes.",
            why="The server, or someone who has taken it over, decides what is in the image.",
            fix="Add --checksum=sha256:..., or download and compare in RUN.",
            category="supply-chain",
            source="https://docs.docker.com/reference/dockerfile/#add---checksum",
            bad=dockerfile("FROM a:1\nADD https://a.b/c.jar /c.jar\n"),
            good=dockerfile(
                "FROM a:1\nADD --checksum=sha256:12 https://a.b/c.jar /c.jar\n",
                "FROM a:1\nADD https://github.com/a/b.git#v1 /b\n",
            ),
        ),
        _added_url,
        ("add",),
    ),
    DockerRule(
        Rule(
            "docker/known-password",
            SECURITY,
            MUST,
            "A user's password is written into the image.",
            why="It is the same in every container and can be read from the image.",
            fix="Leave the password locked, or set it when the container starts.",
            category="secrets",
            source="CWE-798",
            bad=dockerfile("FROM a:1\nRUN echo 'root:abc' | chpasswd\n"),
            good=dockerfile("FROM a:1\nRUN passwd -l root\n"),
        ),
        _known_password,
        ("chpasswd",),
    ),
)
