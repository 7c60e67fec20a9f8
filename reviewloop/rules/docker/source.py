"""A Dockerfile with the commands of its RUN instructions, and the locations of hits."""

import re
from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from typing import NamedTuple

from reviewloop.analysis.contract import Hit, Rule, SourceFile, Span
from reviewloop.dataclass import dataclass
from reviewloop.domain.finding import Severity
from reviewloop.regex import regex
from reviewloop.rules.docker.reading import Dockerfile, Instruction, Stage
from reviewloop.rules.sh.commands import Command, commands_in

_FOREIGN_SHELL = regex(r"powershell|pwsh|cmd(?:\.exe)?$", re.IGNORECASE)
_WINDOWS = regex(r"windows|nanoserver|servercore", re.IGNORECASE)
_SCRIPT = regex(r"(?:(?:ba|da|a)?sh\s+(?:-\S+\s+)*)?<<-?[\"']?\w+[\"']?$")


@dataclass(frozen=True)
class Run:
    """One RUN instruction, its location and its commands."""

    instruction: Instruction
    stage: Stage
    commands: tuple[Command, ...]
    text: str  # the whole shell text

    def named(self, *names: str) -> list[Command]:
        """Return the commands with one of these names."""
        return [command for command in self.commands if command.name in names]

    @property
    def cached(self) -> str:
        """The targets of its cache mounts, separated by blanks."""
        mounts = [value for name, value in self.instruction.flags if name == "mount"]
        return " ".join(mount for mount in mounts if "type=cache" in mount)


class Flaw(NamedTuple):
    """The location of a hit in a Dockerfile."""

    instruction: Instruction | None  # None: the file as a whole
    command: Command | None = None
    message: str = ""
    severity: Severity | None = None


@dataclass(frozen=True)
class DockerSource:
    """One Dockerfile as the rules read it."""

    file: SourceFile
    docker: Dockerfile

    @cached_property
    def runs(self) -> list[Run]:
        """Every RUN with a shell that we can parse."""
        found = []
        for stage in self.docker.stages:
            foreign = bool(_WINDOWS.search(stage.image))
            for instruction in stage.instructions:
                if instruction.keyword == "SHELL":
                    foreign = bool(_FOREIGN_SHELL.search((instruction.words or ("",))[0]))
                elif instruction.keyword == "RUN" and not foreign:
                    found.append(_run(instruction, stage))
        return found

    @cached_property
    def shipped(self) -> frozenset[int]:
        """The numbers of the stages in the final image."""
        return frozenset(stage.index for stage in self.docker.shipped())

    def every(self, *keywords: str) -> Iterator[Instruction]:
        """Yield the instructions with one of these keywords, of all stages."""
        for stage in self.docker.stages:
            yield from stage.of(*keywords)

    def runs_of(self, stage: Stage) -> list[Run]:
        """Return the RUN instructions of a stage."""
        return self._by_stage[stage.index]

    @cached_property
    def _by_stage(self) -> dict[int, list[Run]]:
        found: dict[int, list[Run]] = {stage.index: [] for stage in self.docker.stages}
        for run in self.runs:
            found[run.stage.index].append(run)
        return found


def _run(instruction: Instruction, stage: Stage) -> Run:
    if instruction.listed is not None:
        words = instruction.listed
        script = words[-1] if len(words) > 2 and words[1] in {"-c", "-ec", "-lc"} else ""
        text = script or " ".join(f"'{w}'" if re.search(r"[^\w./:=@-]", w) else w for w in words)
        whole = [_moved(command, 0, 0, instruction) for command in commands_in(text)]
        return Run(instruction, stage, tuple(whole), text)
    if instruction.heredocs and _SCRIPT.match(instruction.flat):
        found: list[Command] = []
        for document in instruction.heredocs:
            down = document.line - instruction.line
            found += [_moved(c, down, 0, None) for c in commands_in(document.text)]
        return Run(
            instruction, stage, tuple(found), "\n".join(d.text for d in instruction.heredocs)
        )
    right = instruction.offset - 1
    commands = [_moved(c, 0, right, None) for c in commands_in(instruction.value)]
    return Run(instruction, stage, tuple(commands), instruction.value)


def _moved(command: Command, down: int, right: int, whole: Instruction | None) -> Command:
    if whole is not None:
        last = whole.end_line - whole.line
        return replace(
            command, row=0, column=whole.column - 1, end_row=last, end_column=whole.width - 1
        )
    return replace(
        command,
        row=command.row + down,
        end_row=command.end_row + down,
        column=command.column + (right if command.row == 0 else 0),
        end_column=command.end_column + (right if command.end_row == 0 else 0),
    )


def hit_of(rule: Rule, flaw: Flaw, path: str) -> Hit:
    """Return the hit for a location; inside a long RUN it reaches from RUN to the command's end."""
    message = flaw.message or rule.title
    span = None
    if flaw.instruction is not None:
        span = flaw.instruction.span
        if flaw.command is not None:
            span = _command_span(flaw.instruction, flaw.command)
    return Hit(rule.id, path, span, message, flaw.severity)


def _command_span(instruction: Instruction, command: Command) -> Span:
    column = command.column + 1 if command.row == 0 else instruction.column
    return Span(
        instruction.line, instruction.line + command.end_row, column, command.end_column + 1
    )
