"""Dockerfiles: single instructions and the order they stand in."""

import re
from collections.abc import Callable, Iterator

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SHOULD, Rule
from reviewloop.domain.finding import Severity
from reviewloop.rules.docker.reading import Stage
from reviewloop.rules.docker.source import DockerRule, DockerSource, Place, dockerfile
from reviewloop.rules.lazy_regex import Regex

_REFERENCE = "https://docs.docker.com/reference/dockerfile/"
_KNOWN_TEXT = (
    "FROM RUN CMD LABEL MAINTAINER EXPOSE ENV ADD COPY ENTRYPOINT VOLUME USER WORKDIR ARG "
    "ONBUILD STOPSIGNAL HEALTHCHECK SHELL"
)
_KNOWN = frozenset(_KNOWN_TEXT.split())
_LABEL_KEY = Regex(r"[a-z0-9](?:[a-z0-9.\-/_]*[a-z0-9])?$")
_LABELS = Regex(r"(?:^|\s)[\"']?([^\s\"'=$]+)[\"']?=(?:\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")
_ASSIGNED = Regex(r"(?:^|\s)([A-Za-z_]\w*)=(\"(?:[^\"\\]|\\.)*\"|'[^']*'|\S*)")
_PORT = Regex(r"(\d+)(?:-(\d+))?(?:/(?:tcp|udp|sctp))?$", re.IGNORECASE)


def _unknown(source: DockerSource) -> Iterator[Place]:
    strange = [i for i in source.docker.instructions if i.keyword not in _KNOWN]
    if 3 * len(strange) > len(source.docker.instructions) + 2:
        return  # no Dockerfile at all
    for instruction in strange:
        yield Place(instruction, None, f"`{instruction.keyword[:40]}` is no instruction.")


def _last_only(keyword: str) -> Callable[[DockerSource], Iterator[Place]]:
    def test(source: DockerSource) -> Iterator[Place]:
        for stage in source.docker.stages:
            for instruction in stage.of(keyword)[1:]:
                yield Place(instruction, None, f"The {keyword} ahead of this one has no effect.")

    return test


def _shell_form(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        for instruction in stage.of("CMD", "ENTRYPOINT"):
            if not instruction.flat or instruction.flat.startswith(("[", "exec ")):
                continue
            severity = SHOULD if instruction.keyword == "ENTRYPOINT" else NIT
            yield Place(instruction, None, "", severity)


def _broken_list(source: DockerSource) -> Iterator[Place]:
    for instruction in source.docker.instructions:
        if instruction.keyword not in {"CMD", "ENTRYPOINT", "RUN", "SHELL"}:
            continue
        text = instruction.flat
        if not text.startswith("[") or not text.endswith("]") or instruction.listed is not None:
            continue
        if "," in text or not re.match(r"\[\[?\s+[-!\"$\w]", text):  # else the test command
            yield Place(instruction)


def _ports(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("EXPOSE"):
        for word in instruction.words:
            found = _PORT.match(word)
            if "$" in word:
                continue
            if found is None or any(int(p[:9]) > 65535 for p in found.groups() if p):
                yield Place(instruction, None, f"`{word[:40]}` is no port.")


def _own_value(source: DockerSource) -> Iterator[Place]:
    for stage in source.docker.stages:
        known: set[str] = {"PATH", "HOME", "HOSTNAME"}
        for instruction in stage.of("ENV", "ARG"):
            assigned = [found.groups() for found in _ASSIGNED.finditer(instruction.flat)]
            names = {name for name, _ in assigned}
            if instruction.keyword == "ENV" and len(names) > 1:
                for name, value in assigned:
                    used = set(re.findall(r"(?<!\\)\$\{?(\w+)", value))
                    if (used & names) - known - {name}:
                        yield Place(instruction)
                        break
            known |= names or set(instruction.words[:1])


def _label_key(source: DockerSource) -> Iterator[Place]:
    for instruction in source.every("LABEL"):
        for key in _LABELS.findall(instruction.flat):
            if not _LABEL_KEY.match(key) or re.search(r"\.\.|--", key):
                yield Place(instruction, None, f"`{key[:60]}` is no usual label name.")
                break


def _maintainer(source: DockerSource) -> Iterator[Place]:
    for instruction in source.docker.instructions:
        if instruction.keyword == "MAINTAINER" and not instruction.on_build:
            yield Place(instruction)


def _on_build(source: DockerSource) -> Iterator[Place]:
    for instruction in source.docker.instructions:
        if instruction.on_build and instruction.keyword in {"FROM", "MAINTAINER", "ONBUILD"}:
            yield Place(instruction)


def _no_health(source: DockerSource) -> Iterator[Place]:
    stage = source.docker.final
    if stage is None or not _serves(source, stage):
        return
    if not any(s.of("HEALTHCHECK") for s in source.docker.chain(stage)):
        yield Place(None)


def _serves(source: DockerSource, stage: Stage) -> bool:
    chain = source.docker.chain(stage)
    return any(s.of("EXPOSE") for s in chain) and any(s.of("CMD", "ENTRYPOINT") for s in chain)


def _rule(
    slug: str, severity: Severity, title: str, why: str, fix: str, anchor: str, bad: str, good: str
) -> Rule:
    cases = dockerfile(*bad.split("----\n")), dockerfile(*good.split("----\n"))
    return Rule(
        f"docker/{slug}",
        INFRASTRUCTURE,
        severity,
        title,
        why,
        fix,
        category="correctness",
        source=_REFERENCE + anchor,
        bad=cases[0],
        good=cases[1],
    )


def _several(keyword: str) -> DockerRule:
    argument = ' CMD ["x"]' if keyword == "HEALTHCHECK" else ' ["x"]'
    line = keyword + argument + "\n"
    rule = _rule(
        f"several-{keyword.lower()}s",
        SHOULD,
        f"Only the last {keyword} of a stage counts.",
        "What the others say never happens.",
        "Keep one.",
        f"#{keyword.lower()}",
        "FROM a:1\n" + line + line,
        "FROM a:1 AS b\n" + line + "FROM b\n" + line,
    )
    return DockerRule(rule, _last_only(keyword), (keyword.lower(),))


RULES = (
    DockerRule(
        _rule(
            "unknown-instruction",
            MUST,
            "This is no instruction of a Dockerfile.",
            "The build fails.",
            "Correct the spelling, or end the line above with a backslash.",
            "#overview",
            'FROM a:1\nRUN true\nCOYP a /b\nCMD ["x"]\n',
            "FROM a:1\nrun echo a \\\n  # told\n\n  && true\nCOPY <<EOF /b\nhello\nEOF\n",
        ),
        _unknown,
    ),
    *(_several(keyword) for keyword in ("CMD", "ENTRYPOINT", "HEALTHCHECK")),
    DockerRule(
        _rule(
            "shell-form",
            NIT,
            "The program is started through a shell.",
            "The shell gets the stop signal and does not hand it on: the container is killed after "
            "ten seconds instead of ending properly.",
            'Write a list: CMD ["program", "argument"].',
            "#shell-and-exec-form",
            "FROM a:1\nCMD node server.js\n----\nFROM a:1\nENTRYPOINT ./run.sh\n",
            'FROM a:1\nENTRYPOINT ["./run.sh"]\nCMD ["a"]\n----\nFROM a:1\nCMD exec node a.js\n',
        ),
        _shell_form,
    ),
    DockerRule(
        _rule(
            "broken-list",
            MUST,
            "This looks like a list but is no JSON, so it is taken as a shell command.",
            "The shell is then asked to run `[`.",
            "Use double quotes and commas.",
            "#exec-form",
            "FROM a:1\nCMD ['node', 'server.js']\n",
            'FROM a:1\nCMD ["node", \\\n  "server.js"]\n----\nFROM a:1\nRUN [ -f /a ]\n',
        ),
        _broken_list,
    ),
    DockerRule(
        _rule(
            "invalid-port",
            MUST,
            "A port is a number up to 65535.",
            "The build fails.",
            "Correct the number.",
            "#expose",
            "FROM a:1\nEXPOSE 80000\n----\nFROM a:1\nEXPOSE http\n",
            "FROM a:1\nEXPOSE 80 443/tcp 8000-8010 $PORT\n",
        ),
        _ports,
    ),
    DockerRule(
        _rule(
            "env-uses-itself",
            SHOULD,
            "An ENV uses a variable that the same instruction sets.",
            "Variables get their values only after the instruction: here it is still empty.",
            "Set it in an ENV of its own, further up.",
            "#environment-replacement",
            "FROM a:1\nENV HERE=/opt/x TOOLS=$HERE/bin\n",
            "FROM a:1\nENV HERE=/opt/x\nENV TOOLS=$HERE/bin PATH=$HERE/bin:$PATH\n",
        ),
        _own_value,
    ),
    DockerRule(
        _rule(
            "label-name",
            NIT,
            "Label names are lower case letters, digits, dots and hyphens.",
            "Tools that look for labels expect that and may not find this one.",
            "Write for example org.opencontainers.image.title.",
            "#label",
            'FROM a:1\nLABEL Descr*tion="x"\n----\nFROM a:1\nLABEL Vendor=me\n',
            'FROM a:1\nLABEL org.opencontainers.image.title="Ein Titel = X" b=c\n',
        ),
        _label_key,
        ("label",),
    ),
    DockerRule(
        _rule(
            "maintainer",
            NIT,
            "MAINTAINER is deprecated.",
            "Builders warn about it and may drop it.",
            'Use LABEL org.opencontainers.image.authors="...".',
            "#maintainer-deprecated",
            "FROM a:1\nMAINTAINER me\n",
            'FROM a:1\nLABEL org.opencontainers.image.authors="me"\n',
        ),
        _maintainer,
        ("maintainer",),
    ),
    DockerRule(
        _rule(
            "onbuild-forbids",
            MUST,
            "ONBUILD may not trigger FROM, MAINTAINER or ONBUILD.",
            "Images built on this one fail to build.",
            "Use an instruction that is allowed.",
            "#onbuild-limitations",
            "FROM a:1\nONBUILD FROM b:1\n",
            "FROM a:1\nONBUILD RUN true\n",
        ),
        _on_build,
        ("onbuild",),
    ),
    DockerRule(
        _rule(
            "no-healthcheck",
            NIT,
            "The image has a service and no HEALTHCHECK.",
            "Docker and compose cannot tell whether the service works; orchestrators with probes "
            "of their own do not need it.",
            "Add a HEALTHCHECK that asks the service.",
            "#healthcheck",
            'FROM a:1\nEXPOSE 80\nCMD ["x"]\n',
            'FROM a:1\nEXPOSE 80\nHEALTHCHECK CMD y\nCMD ["x"]\n----\nFROM a:1\nCMD ["x"]\n',
        ),
        _no_health,
        ("expose",),
    ),
)
