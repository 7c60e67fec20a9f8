"""The input of every gate, and shared helpers for logs, findings and quotes."""

import os
import posixpath
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path

from reviewloop.checkout.files import take_written
from reviewloop.dataclass import dataclass
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
"""Returns the content of a file in one tree, None for a missing file."""

EXCERPT_CHARS = 6000
QUOTE_LINES = 12


@dataclass(frozen=True)
class GuardInput:
    """One change, and what a gate needs to evaluate it."""

    settings: Settings
    change: Change  # from the run's base to the evaluated tree
    read_base: ReadFile
    read_new: ReadFile
    folder: Callable[[], Path]  # workspace; its first call resets it to the tree, if anything runs
    env: ProjectEnv
    plan: GatePlan  # the commands for this repository: see `detect.detect`
    logs: Path  # folder that exists
    branch: str | None  # target branch of the commit; None: HEAD is detached
    label: str = ""  # prefix of every file name in `logs`, so that one folder serves many trees
    selection: tuple[str, ...] | None = None  # ids of the tests to run; None means all
    stop: Callable[[], bool] | None = None  # checked while a command runs
    redactor: Redactor = field(default_factory=Redactor)  # knows the secrets of this machine
    spec_drift: Callable[[], Sequence[Drift]] = tuple  # specs that the change makes diverge
    tested_before: Callable[[], bool] = lambda: True  # the base has test files
    # The base's test results, by command; None: the tests are evaluated by themselves.
    base_tests: Mapping[str, Ran] | None = None
    tests_ran: dict[str, Ran] = field(default_factory=dict)  # the same of this tree, after they ran

    def base_result(self, entry: DetectedGate) -> Ran | None:
        """Return the base's test results for one command."""
        return None if self.base_tests is None else self.base_tests.get(entry.command, Ran())

    def log(self, name: str) -> Path:
        """Return the path of a file of this evaluation in the log folder."""
        return self.logs / f"{self.label}{name}"

    def given(self, name: str) -> Path:
        """Return the path of a read-only input file for commands of this evaluation."""
        return self.env.given / f"{self.label}{name}"

    def written(self, name: str) -> Path:
        """Return the path where a command of this evaluation may write a report; see `take`."""
        return self.env.reports / f"{self.label}{name}"

    def take(self, name: str) -> Path | None:
        """Move a report out of the commands' reach, to the logs; None if none was written."""
        kept = self.log(name)
        return kept if take_written(self.written(name), kept) else None

    def timeout(self, gate: str) -> float:
        """Return the timeout of the gate's command in seconds."""
        settings = getattr(self.settings.gates, gate, None)  # gates of plugins have none
        own = settings.timeout_seconds if settings else None
        return float(own or self.settings.limits.gate_seconds)

    def project_folder(self) -> Path:
        """Return the working folder of commands in the workspace: the project's."""
        folder = self.folder()
        nested = folder / self.env.project
        inside = Path(os.path.realpath(nested)) == Path(os.path.realpath(folder)) / self.env.project
        return nested if inside and nested.is_dir() else folder

    def relative(self, path: str) -> str:
        """Return a path of the repository relative to the commands' folder."""
        return posixpath.relpath(path, self.env.project or ".")

    def run(
        self,
        argv: Sequence[str],
        *,
        gate: str,
        log: Path,
        variables: dict[str, str] | None = None,
    ) -> CommandResult:
        """Run a command in the project's folder of the workspace.

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
        """Return the relevant part of a log: redacted, with paths of the repository."""
        return excerpt(self.repository_terms(read_log(log)), limit)

    def repository_terms(self, text: str) -> str:
        """Return text without secrets and without the folders that only exist for this run."""
        for path, shown in self._locations():
            text = text.replace(path + "/", shown + "/" if shown else "").replace(
                path, shown or "."
            )
        return redact(text)

    def repository_path(self, path: str) -> str:
        """Return a path that a tool printed as one of the repository: `././a.py` is `a.py`."""
        for root, _ in self._locations():
            if path.startswith(root + "/"):
                return posixpath.normpath(path.removeprefix(root + "/"))
        return posixpath.normpath(posixpath.join(self.env.project, path))

    def shown(self, argv: Sequence[str]) -> tuple[str, ...]:
        """Return a command as users would type it in the repository."""
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
    """Return a finding of a gate for the responsible reviewer.

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
    """Return a file's lines as text, separated by LF only; none for a missing file."""
    return (data or b"").decode("utf-8", "replace").split("\n")


def quote_lines(lines: Sequence[str], first: int, last: int) -> str:
    """Return the lines first..last (1-based), at most a dozen of them, with secrets redacted."""
    return redact("\n".join(lines[first - 1 : min(last, first - 1 + QUOTE_LINES)]))


def is_test_file(path: str) -> bool:
    """Whether a path looks like a test: coverage and complexity leave such files out."""
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
