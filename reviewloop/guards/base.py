"""What every guard-rail is given, and what they share: where logs go and how they are quoted."""

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from reviewloop.checkout.files import take_written
from reviewloop.domain.drift import Drift
from reviewloop.domain.finding import Evidence, Finding, Placement, Severity, fingerprint
from reviewloop.git.diff import Change
from reviewloop.guards.against_base import Ran
from reviewloop.guards.plan import DetectedGate, GatePlan
from reviewloop.sandbox.environment import ProjectEnv
from reviewloop.sandbox.run import CommandResult, excerpt, read_log, run_command
from reviewloop.secrets import Redactor, redact
from reviewloop.settings import Settings

ReadFile = Callable[[str], bytes | None]
"""Content of a file in one tree, None when the tree does not hold it."""

EXCERPT_CHARS = 6000
QUOTE_LINES = 12


@dataclass(frozen=True)
class GuardInput:
    """One change to judge, and the means to judge it."""

    settings: Settings
    change: Change  # from the run's base to the tree that is judged
    read_base: ReadFile
    read_new: ReadFile
    folder: Callable[[], Path]  # workspace; its first call resets it to the tree, if anything runs
    env: ProjectEnv
    plan: GatePlan  # which commands judge this repository: see `detect.detect`
    logs: Path  # folder that exists
    branch: str | None  # where the change would be committed; None: HEAD is detached
    label: str = ""  # begins every file name in `logs`, so that one folder serves many trees
    selection: tuple[str, ...] | None = None  # ids of the tests to run; None means all
    stop: Callable[[], bool] | None = None  # asked while a command runs
    redactor: Redactor = field(default_factory=Redactor)  # knows the secrets this machine holds
    spec_drift: Callable[[], Sequence[Drift]] = tuple  # what the change makes diverge
    tested_before: Callable[[], bool] = lambda: True  # the base has test files
    # What the base's tests say, by command; None: the tests are judged by themselves.
    base_tests: Mapping[str, Ran] | None = None
    tests_ran: dict[str, Ran] = field(default_factory=dict)  # the same of this tree, once they ran

    def base_result(self, entry: DetectedGate) -> Ran | None:
        """Return what the base's tests say for one command."""
        return None if self.base_tests is None else self.base_tests.get(entry.command, Ran())

    def log(self, name: str) -> Path:
        """Return the path of a file of this judgement in the log folder."""
        return self.logs / f"{self.label}{name}"

    def given(self, name: str) -> Path:
        """Return the path of a file that commands of this judgement are handed, to read only."""
        return self.env.given / f"{self.label}{name}"

    def written(self, name: str) -> Path:
        """Return where a command of this judgement may write a report; see `take`."""
        return self.env.reports / f"{self.label}{name}"

    def take(self, name: str) -> Path | None:
        """Move a report out of the commands' reach, to the logs; None when none was written."""
        kept = self.log(name)
        return kept if take_written(self.written(name), kept) else None

    def timeout(self, gate: str) -> float:
        """Return how many seconds the gate's command may take."""
        settings = getattr(self.settings.gates, gate, None)  # gates of others have none
        own = settings.timeout_seconds if settings else None
        return float(own or self.settings.limits.gate_seconds)

    def project_folder(self) -> Path:
        """Return the folder of the workspace that commands run in: the project's."""
        folder = self.folder()
        nested = folder / self.env.project
        inside = Path(os.path.realpath(nested)) == Path(os.path.realpath(folder)) / self.env.project
        return nested if inside and nested.is_dir() else folder

    def relative(self, path: str) -> str:
        """Return a path of the repository as commands are given it."""
        return posixpath.relpath(path, self.env.project or ".")

    def run(
        self,
        argv: Sequence[str],
        *,
        gate: str,
        log: Path,
        variables: dict[str, str] | None = None,
    ) -> CommandResult:
        """Run a command where the project stands in the workspace.

        The word `python` means the project's interpreter.
        """
        program = str(self.env.python) if argv[0] == "python" else argv[0]
        return run_command(
            (program, *argv[1:]),
            cwd=self.project_folder(),
            env={**self.env.env, **(variables or {})},
            timeout_seconds=self.timeout(gate),
            log=log,
            stop=self.stop,
            confine=self.env.confine,
        )

    def quote_log(self, log: Path, limit: int = EXCERPT_CHARS) -> str:
        """Return the part of a log that matters: masked, with paths as the repository has them."""
        return excerpt(self.repository_terms(read_log(log)), limit)

    def repository_terms(self, text: str) -> str:
        """Return text without secrets and without the folders that only exist for this run."""
        for path, shown in self._locations():
            text = text.replace(path + "/", shown + "/" if shown else "").replace(
                path, shown or "."
            )
        return redact(text)

    def repository_path(self, path: str) -> str:
        """Return a path that a tool printed as the repository has it: `././a.py` is `a.py`."""
        for root, _ in self._locations():
            if path.startswith(root + "/"):
                return posixpath.normpath(path.removeprefix(root + "/"))
        return posixpath.normpath(posixpath.join(self.env.project, path))

    def shown(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command as people would type it in the repository."""
        words = [self.repository_terms(word) for word in argv]
        if words and argv[0] in {"python", str(self.env.python)}:
            words[0] = "python"
        return tuple(words)

    def _locations(self) -> list[tuple[str, str]]:
        known = {
            str(self.logs): "logs",
            str(self.env.folder): "environment",
            str(self.env.workspace): "",
        }
        for path, shown in list(known.items()):
            known.setdefault(str(Path(path).resolve()), shown)
        return sorted(known.items(), key=lambda item: -len(item[0]))


def gate_finding(
    *,
    gate: str,
    agent: str,
    rule: str,
    severity: Severity,
    title: str,
    path: str,
    lines: tuple[int, int] | None = None,
    quote: str = "",
    why: str = "",
    suggestion: str = "",
    category: str = "",
    confidence: str = "high",
    proof: str = "",
    identity: str = "",
) -> Finding:
    """Return a finding that a gate made, for the reviewer whose concern it is.

    `identity` keeps its id when the quoted code changes: the name of a function, say.
    """
    first, last = lines or (None, None)
    return Finding(
        id=fingerprint(path, identity or quote, rule if identity or quote else f"{rule} {title}"),
        agents=(agent,),
        severity=severity,
        title=title[:300],
        why=why,
        suggestion=suggestion,
        path=path,
        line=first,
        end_line=last if last != first else None,
        category=category,
        rule=rule,
        confidence=confidence,
        quote=quote,
        evidence=(Evidence(kind="gate", source=gate, text=proof or quote),),
        placement=Placement.CHANGED if lines else Placement.FILE,
    )


def text_lines(data: bytes | None) -> list[str]:
    """Return a file's lines as text, separated by LF only; none for a file that is not there."""
    return (data or b"").decode("utf-8", "replace").split("\n")


def quoted(lines: Sequence[str], first: int, last: int) -> str:
    """Return the lines first..last (1-based), at most a dozen of them, secrets masked."""
    return redact("\n".join(lines[first - 1 : min(last, first - 1 + QUOTE_LINES)]))


def is_test_file(path: str) -> bool:
    """Whether a path looks like a test: such code is not what coverage and complexity are about."""
    camel = path.rsplit("/", 1)[-1].split(".")[0]
    parts = path.lower().split("/")
    name = parts[-1]
    stem = name.split(".")[0]
    return (
        bool({"test", "tests", "__tests__", "spec", "specs", "testing", "e2e"} & set(parts[:-1]))
        or stem.startswith("test_")
        or stem.endswith(("_test", "_spec"))
        or stem in {"conftest", "tests"}
        or camel.endswith(("Test", "Tests"))
        or ".test." in name
        or ".spec." in name
    )
