"""Dockerfiles: who the processes are, what they may do, and who may do something to them."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile
from reviewloop.rules.lazy_regex import Regex
from reviewloop.rules.sh.downloads import world_writable

_DROPS = Regex(r"\b(?:gosu|su-exec|setpriv|runuser|tini-su|suexec|chpst|s6-setuidgid)\b")
_UNPRIVILEGED = Regex(r"nonroot|non-root|rootless|unprivileged", re.IGNORECASE)
_ROOT = Regex(r"(?:root|0)(?::.*)?$")


def _root_user(source: DockerSource) -> Iterator[Place]:
    stage = source.docker.final
    if stage is None:
        return
    users = [i for s in reversed(source.docker.chain(stage)) for i in s.of("USER")]
    if users and _ROOT.match(users[-1].flat.strip("\"'")):
        yield Place(users[-1])


def _no_user(source: DockerSource) -> Iterator[Place]:
    stage = source.docker.final
    if stage is None or not stage.of("CMD", "ENTRYPOINT"):
        return
    chain = source.docker.chain(stage)
    if any(s.of("USER") for s in chain) or _UNPRIVILEGED.search(chain[-1].image):
        return
    if _DROPS.search(source.file.text) or not chain[-1].image:
        return
    yield Place(stage.of("CMD", "ENTRYPOINT")[0])


def _open_rights(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.commands:
            if world_writable(command):
                yield Place(run.instruction, command)
    for instruction in source.every("COPY", "ADD"):
        if (instruction.flag("chmod") or "").lstrip("0") in {"777", "666"}:
            yield Place(instruction)


def _ssh_port(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("EXPOSE"):
        if any(word.split("/")[0] == "22" for word in instruction.words):
            yield Place(instruction)


def _daemon_socket(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("VOLUME", "COPY", "ADD"):
        if any(word.endswith("docker.sock") for word in instruction.words):
            yield Place(instruction)


def _everything_allowed(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("RUN"):
        if instruction.flag("security") == "insecure" or instruction.flag("network") == "host":
            yield Place(instruction)


RULES = (
    DockerRule(
        Rule(
            "docker/root-user",
            SECURITY,
            SHOULD,
            "The image's processes run as root.",
            why="Whoever breaks into the process is root in the container, and nearer to the host.",
            fix="Switch back to a user without rights after what needs root.",
            category="rights",
            source="CWE-250",
            bad=dockerfile("FROM a:1\nUSER app\nRUN true\nUSER root\n", "FROM a:1\nUSER 0:0\n"),
            good=dockerfile("FROM a:1\nUSER root\nRUN true\nUSER 1001\n"),
        ),
        _root_user,
        ("user",),
    ),
    DockerRule(
        Rule(
            "docker/no-user",
            SECURITY,
            SHOULD,
            "No USER is set, so the process runs as root.",
            why="Whoever breaks into the process is root in the container, and nearer to the host.",
            fix="Create a user without rights and name it with USER ahead of this line.",
            category="rights",
            source="CWE-250",
            bad=dockerfile('FROM a:1\nCMD ["x"]\n'),
            good=dockerfile(
                'FROM a:1\nUSER app\nCMD ["x"]\n',
                'FROM a:1 AS b\nUSER app\nFROM b\nCMD ["x"]\n',
                'FROM gcr.io/distroless/static:nonroot\nENTRYPOINT ["/x"]\n',
            ),
        ),
        _no_user,
    ),
    DockerRule(
        Rule(
            "docker/open-rights",
            SECURITY,
            SHOULD,
            "Everybody may write here.",
            why="Any process in the container can replace programs or settings.",
            fix="Give the files to the user who needs them.",
            category="rights",
            source="CWE-732",
            bad=dockerfile(
                "FROM a:1\nRUN chmod -R 777 /app\n", "FROM a:1\nCOPY --chmod=777 a /a\n"
            ),
            good=dockerfile("FROM a:1\nRUN chmod 755 /app && chmod 1777 /tmp\n"),
        ),
        _open_rights,
        ("chmod",),
    ),
    DockerRule(
        Rule(
            "docker/ssh-port",
            SECURITY,
            SHOULD,
            "The container offers SSH.",
            why="One more service to break into, and keys and passwords to look after.",
            fix="Use `docker exec` or the orchestrator's way in.",
            category="exposure",
            source="https://docs.docker.com/reference/dockerfile/#expose",
            bad=dockerfile("FROM a:1\nEXPOSE 80 22/tcp\n"),
            good=dockerfile("FROM a:1\nEXPOSE 80 2222\n"),
        ),
        _ssh_port,
        ("expose",),
    ),
    DockerRule(
        Rule(
            "docker/daemon-socket",
            SECURITY,
            MUST,
            "The image expects the Docker daemon's socket.",
            why="Whoever can write to it is root on the host.",
            fix="Use a rootless builder, or an interface with fewer rights.",
            category="rights",
            source="https://docs.docker.com/engine/security/#docker-daemon-attack-surface",
            bad=dockerfile("FROM a:1\nVOLUME /var/run/docker.sock\n"),
            good=dockerfile("FROM a:1\nVOLUME /data\n"),
        ),
        _daemon_socket,
        ("docker.sock",),
    ),
    DockerRule(
        Rule(
            "docker/privileged-build-step",
            SECURITY,
            SHOULD,
            "A build step runs with the host's network or without isolation.",
            why="What the step downloads and runs can reach the machine that builds.",
            fix="Leave the flag out.",
            category="rights",
            source="https://docs.docker.com/reference/dockerfile/#run---security",
            bad=dockerfile("FROM a:1\nRUN --security=insecure make\n"),
            good=dockerfile("FROM a:1\nRUN --network=none make\n"),
        ),
        _everything_allowed,
        ("--security", "--network"),
    ),
)
