"""`skills run`: runs the commands of a skill's phases; at each phase's gate a user chooses.

Only existing reviewloop commands run; what else a phase asks for is left to the user or their
assistant. The progress is stored in a small file, so that it can continue later.
"""

import hashlib
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from reviewloop.app.project import Repository
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.regex import regex
from reviewloop.skills import Found
from reviewloop.skills.parts import Phase, phases_of
from reviewloop.store.folders import private_folder

_FOLDER = "skill-runs"
_NAME = regex(r"[\w-]{1,64}")
_VALUE = regex(r"\b(?!HEAD\b)[A-Z][A-Z_]+\b")  # NAME, RUN, TEXT: placeholders for the user
_READS = frozenset(
    {
        *("tasks", "show", "status", "logs", "explain", "review", "audit", "stats", "doctor"),
        *("session resume", "memory", "memory list", "config show", "agents list", "queue"),
        *("spec list", "spec show", "spec check", "spec trace", "spec diff", "spec history"),
        *("skills list", "skills show", "skills validate", "skills suggest", "hooks list"),
        *("hooks validate", "steering check", "quiet show", "arch check", "arch diff"),
        *("run --preflight", "ship --plan"),
    }
)
"""Read-only commands, which a phase runs without asking."""
_GROUPS = ("queue", "memory")  # groups whose bare command reads
_REFUSED = "skills run"  # a skill does not run itself
_CHANGES = frozenset({"-o", "--output", "--apply-fixes", "--undo", "-f"})


class Stage(StrEnum):
    """The state of a skill run."""

    WAITING = "waiting"  # at a gate
    STOPPED = "stopped"  # a command failed; the same gate asks again
    DONE = "done"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Step:
    """A command of a phase; `reads` marks one that runs without asking."""

    command: str  # as in the skill, without `reviewloop`
    reads: bool
    values: tuple[str, ...]  # placeholders to fill in


@dataclass(frozen=True)
class SkillRun:
    """The progress of a skill: its phase, its values, and the commands that ran."""

    name: str
    path: str
    digest: str  # of the skill's text
    phase: int = 0
    stage: Stage = Stage.WAITING
    values: Mapping[str, str] = field(default_factory=dict)
    ran: tuple[tuple[int, str, int], ...] = ()  # phase, command, exit code


def begin(
    repository: Repository, skill: Found, exists: Mapping[str, str], values: Mapping[str, str]
) -> SkillRun:
    """Start a skill; `exists` maps each of its commands to the reason why it cannot run, or "".

    Raises `UsageError` for a skill without phases, or with an unknown command.
    """
    if not _NAME.fullmatch(skill.name):
        raise UsageError(
            f"the skill {skill.name} cannot be run: its name may have letters, digits and hyphens "
            "only; rename its folder"
        )
    known = load(repository, skill.name)
    if known is not None and known.stage in (Stage.WAITING, Stage.STOPPED):
        raise UsageError(
            f"{skill.name} is followed already: reviewloop skills approve {skill.name}, or "
            f"skills reject {skill.name}"
        )
    if skill.unread or not phases_of(skill.skill.body):
        why = skill.unread or "it has no `## Process` with steps"
        raise UsageError(f"the skill {skill.name} cannot be run: {why}")
    wrong = next((text for text in exists.values() if text), "")
    if wrong:
        raise UsageError(f"the skill {skill.name} cannot be run: {wrong}")
    run = SkillRun(skill.name, skill.shown, _digest(skill.text), values=dict(values))
    save(repository, run)
    return run


def steps_of(phase: Phase) -> list[Step]:
    """Return the commands of a phase in order, each once."""
    found = []
    for line in dict.fromkeys(phase.commands):
        words = line.partition(" ")[2]
        if words:
            found.append(Step(words, _reads(words), tuple(dict.fromkeys(_VALUE.findall(words)))))
    return found


def chosen_steps(steps: Sequence[Step], numbers: Sequence[int]) -> list[Step]:
    """Return the steps with these numbers, else those that only read and need no values."""
    if not numbers:
        return [one for one in steps if one.reads and not one.values]
    for number in numbers:
        if not 1 <= number <= len(steps):
            raise UsageError(
                f"this phase has no command {number}; there are 1 to {len(steps)}"
                if steps
                else "this phase has no command of ours; approve it without --run"
            )
    return [steps[number - 1] for number in dict.fromkeys(numbers)]


def fill_command(step: Step, values: Mapping[str, str]) -> list[str]:
    """Return the words of a command with its values; raise `UsageError` for a missing one."""
    missing = [name for name in step.values if not values.get(name)]
    if missing:
        hints = " ".join(f"--set {name}=..." for name in missing)
        raise UsageError(f"`reviewloop {step.command}` needs {hints}")
    words = shlex.split(step.command)
    return [_VALUE.sub(lambda found: values.get(found[0], found[0]), word) for word in words]


def with_result(
    run: SkillRun, codes: Sequence[tuple[str, int]], phases: int, *, stay: bool = False
) -> SkillRun:
    """Return a run after the chosen commands of its phase: at the next gate, done, or stopped.

    With `stay` it is at the same gate, so that the output of a command can be used.
    """
    ran = (*run.ran, *((run.phase, command, code) for command, code in codes))
    if codes and codes[-1][1] not in (ExitCode.CLEAN, ExitCode.WAITING, ExitCode.FINDINGS):
        return replace(run, ran=ran, stage=Stage.STOPPED)
    if stay:
        return replace(run, ran=ran, stage=Stage.WAITING)
    following = run.phase + 1
    stage = Stage.DONE if following >= phases else Stage.WAITING
    return replace(run, ran=ran, phase=min(following, phases - 1), stage=stage)


def require_same(run: SkillRun, skill: Found) -> None:
    """Raise `UsageError` where the skill was edited since it was started."""
    if run.digest != _digest(skill.text):
        raise UsageError(
            f"{skill.shown} was changed since it was begun; `reviewloop skills reject {run.name}`, "
            "then run it anew"
        )


def load(repository: Repository, name: str) -> SkillRun | None:
    """Return the progress of a skill, None where it was not started."""
    try:
        values: dict[str, Any] = json.loads(_path(repository, name).read_text("utf-8"))
        ran = tuple((int(one[0]), str(one[1]), int(one[2])) for one in values.pop("ran"))
        return SkillRun(**{**values, "stage": Stage(values["stage"]), "ran": ran})
    except (OSError, ValueError, KeyError, TypeError):
        return None


def save(repository: Repository, run: SkillRun) -> None:
    """Store the progress of a skill."""
    path = _path(repository, run.name)
    fresh = path.with_suffix(".new")
    fresh.write_text(json.dumps(asdict(run)), "utf-8")
    fresh.replace(path)


def open_runs(repository: Repository) -> list[str]:
    """Return the names of the started skills that wait."""
    folder = private_folder(repository.folder / _FOLDER)
    names = sorted(path.stem for path in folder.glob("*.json"))
    found = [run for name in names if (run := load(repository, name))]
    return [run.name for run in found if run.stage in (Stage.WAITING, Stage.STOPPED)]


def problem_of(command: str) -> str:
    """Return why a command of a skill is never run, or ""."""
    words = command.removeprefix("reviewloop ")
    if words.startswith(_REFUSED):
        return f"`{command}` would have a skill run skills"
    try:
        shlex.split(words)
    except ValueError:
        return f"`{command}` cannot be read as a command line"
    return ""


def _reads(words: str) -> bool:
    parts = words.split()
    options = {f"{parts[0]} {word}" for word in parts[1:] if word.startswith("-")}
    is_of_group = parts[0] in _GROUPS and len(parts) > 1 and not parts[1].startswith("-")
    names = {" ".join(parts[:2])} | options | (set() if is_of_group else {parts[0]})
    return bool(names & _READS) and not _CHANGES.intersection(parts)


def _path(repository: Repository, name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise UsageError(f"no skill {name!r} is followed")
    return private_folder(repository.folder / _FOLDER) / f"{name}.json"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
