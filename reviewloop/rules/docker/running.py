"""Dockerfiles: what RUN instructions do with the shell."""

import re
from collections.abc import Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, NIT, Rule
from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, Run, dockerfile
from reviewloop.rules.sh.commands import Command

_PRACTICES = "https://docs.docker.com/build/building/best-practices/"
_NO_USE_TEXT = (
    "ssh vim vi nano shutdown reboot service systemctl ps free top htop kill killall mount "
    "umount ifconfig"
)
_NO_USE = frozenset(_NO_USE_TEXT.split())
_NEVER_FAIL = frozenset({"echo", "printf", "yes", "true", "cat"})


def _sudo(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.commands:
            if "sudo" in command.wrappers or command.name == "sudo":
                yield Place(run.instruction, command)
                break


def _change_folder(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        first = run.commands[0] if run.commands else None
        if first is not None and first.name == "cd" and first.words:
            yield Place(run.instruction, first)


def _both_downloaders(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        used: set[str] = set()
        for run in source.runs_of(stage):
            for command in run.named("wget", "curl"):
                used.add(command.name)
                if len(used) == 2:
                    yield Place(run.instruction, command)
                    break
            if len(used) == 2:
                break


def _linked_shell(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named("ln"):
            if command.plain[1:] and command.plain[-1] in {"/bin/sh", "/usr/bin/sh"}:
                yield Place(run.instruction, command)


def _unseen_failure(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        safe = any(_pipefail_shell(s) for s in source.docker.chain(stage))
        for run in (r for r in source.runs_of(stage) if not safe):
            feeding = _may_fail(run)
            if feeding is not None and "pipefail" not in run.text:
                yield Place(run.instruction, feeding)


def _pipefail_shell(stage: Stage) -> bool:
    return any("pipefail" in i.flat for i in stage.of("SHELL"))


def _may_fail(run: Run) -> Command | None:
    return next((c for c in run.commands if c.feeds and c.name not in _NEVER_FAIL), None)


def _no_use(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named(*_NO_USE):
            if command.name == "systemctl" and not command.does("start", "restart", "stop"):
                continue
            yield Place(run.instruction, command, f"`{command.name}` has no use in a build.")
            break


def _sparse_log(source: DockerSource) -> Iterator[Place]:
    for run in source.runs:
        for command in run.named("useradd"):
            text = " ".join(command.words)
            number = re.search(r"(?:^|\s)(?:-u|--uid)[ =]?(\d{6,})", text)
            if number and not command.has("l", "no-log-init"):
                yield Place(run.instruction, command)


RULES = (
    DockerRule(
        Rule(
            "docker/sudo",
            INFRASTRUCTURE,
            NIT,
            "sudo inside a build.",
            why="It changes terminals and signals in ways that are hard to follow, "
            "and is one more way to root.",
            fix="Set USER for the instructions that need other rights.",
            category="rights",
            source=_PRACTICES + "#user",
            bad=dockerfile("FROM a:1\nRUN sudo make install\n"),
            good=dockerfile("FROM a:1\nRUN apt-get install -y sudo\n"),
        ),
        _sudo,
        ("sudo",),
    ),
    DockerRule(
        Rule(
            "docker/cd",
            INFRASTRUCTURE,
            NIT,
            "RUN starts with cd where WORKDIR would say it once.",
            why="The folder is forgotten at the end of the instruction.",
            fix="Use WORKDIR.",
            category="clarity",
            source=_PRACTICES + "#workdir",
            bad=dockerfile("FROM a:1\nRUN cd /src && make\n"),
            good=dockerfile("FROM a:1\nWORKDIR /src\nRUN make\n"),
        ),
        _change_folder,
        ("cd ",),
    ),
    DockerRule(
        Rule(
            "docker/wget-and-curl",
            INFRASTRUCTURE,
            NIT,
            "Both wget and curl are used.",
            why="Two programs for one task: a larger image and two ways to be out of date.",
            fix="Use one of them.",
            category="image-size",
            source=_PRACTICES + "#dont-install-unnecessary-packages",
            bad=dockerfile("FROM a:1\nRUN wget https://a.b/c\nRUN curl -O https://a.b/d\n"),
            good=dockerfile("FROM a:1\nRUN curl -O https://a.b/c\nRUN curl -O https://a.b/d\n"),
        ),
        _both_downloaders,
        ("wget",),
    ),
    DockerRule(
        Rule(
            "docker/shell-link",
            INFRASTRUCTURE,
            NIT,
            "/bin/sh is replaced to get another shell.",
            why="Every script of the image then runs under a shell it was not written for.",
            fix='Write SHELL ["/bin/bash", "-c"].',
            category="clarity",
            source="https://docs.docker.com/reference/dockerfile/#shell",
            bad=dockerfile("FROM a:1\nRUN ln -sf /bin/bash /bin/sh\n"),
            good=dockerfile('FROM a:1\nSHELL ["/bin/bash", "-c"]\nRUN ln -s /bin/sh /x\n'),
        ),
        _linked_shell,
        ("/bin/sh",),
    ),
    DockerRule(
        Rule(
            "docker/pipe-hides-failure",
            INFRASTRUCTURE,
            NIT,
            "When the first command of this pipe fails, the build goes on.",
            why="Only the last command's result counts, so half a download looks like success.",
            fix='Write SHELL ["/bin/bash", "-o", "pipefail", "-c"], or `set -o pipefail` first.',
            category="correctness",
            source=_PRACTICES + "#using-pipes",
            bad=dockerfile("FROM a:1\nRUN curl -fsS https://a.b/c | tar -xz\n"),
            good=dockerfile(
                "FROM a:1\nRUN set -o pipefail && curl -fsS https://a.b/c | tar -xz\n",
                'FROM a:1\nSHELL ["/bin/bash", "-eo", "pipefail", "-c"]\n'
                "RUN curl -fsS b | tar -x\n",
                "FROM a:1\nRUN echo a:b | tee /c\n",
                "FROM a:1\nRUN test -f /a || true\n",
            ),
        ),
        _unseen_failure,
        ("|",),
    ),
    DockerRule(
        Rule(
            "docker/command-without-use",
            INFRASTRUCTURE,
            NIT,
            "This command has no use in a build.",
            why="Services, mounts and processes end with the layer in which they were started.",
            fix="Start it when the container starts, or leave it out.",
            category="correctness",
            source="https://docs.docker.com/reference/dockerfile/#run",
            bad=dockerfile("FROM a:1\nRUN service nginx start\n", "FROM a:1\nRUN vim /etc/hosts\n"),
            good=dockerfile(
                "FROM a:1\nRUN apt-get install -y vim\n", "FROM a:1\nRUN systemctl enable x\n"
            ),
        ),
        _no_use,
    ),
    DockerRule(
        Rule(
            "docker/useradd-large-id",
            INFRASTRUCTURE,
            NIT,
            "useradd with a large id writes a huge log file.",
            why="The file of last logins grows to the id's place; layers do not keep "
            "the holes in it.",
            fix="Add --no-log-init.",
            category="image-size",
            source=_PRACTICES + "#user",
            bad=dockerfile("FROM a:1\nRUN useradd -u 1234567 me\n"),
            good=dockerfile(
                "FROM a:1\nRUN useradd -l -u 1234567 me\n", "FROM a:1\nRUN useradd -u 1001 me\n"
            ),
        ),
        _sparse_log,
        ("useradd",),
    ),
)
