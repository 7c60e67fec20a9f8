"""`review --apply-fixes`: safe fixes only, each verified by parsing and the project's tests."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from reviewloop.analysis.contract import Fix
from reviewloop.app.project import require_trusted_commands
from reviewloop.app.review.review import ReviewResult
from reviewloop.app.sandboxing import sandbox_finder
from reviewloop.checkout.files import remove_tree, rewrite
from reviewloop.checkout.workspace import Workspace, filling_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import ExitCode, UsageError
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards import tests
from reviewloop.guards.inputs import guard_input
from reviewloop.guards.registry import run_one
from reviewloop.render.report import ReviewReport
from reviewloop.render.text import counted
from reviewloop.review.fixes import apply_fixes, parses
from reviewloop.review.silencing import LEVELS
from reviewloop.sandbox import Acceptance
from reviewloop.sandbox.environment import ProjectEnv, build_environment, paths_for
from reviewloop.sandbox.interpreters import not_committed


@dataclass(frozen=True)
class Candidate:
    """One safe fix of one open finding."""

    finding: str  # id
    where: str
    path: str
    fix: Fix


@dataclass(frozen=True)
class Outcome:
    """The outcome of the safe fixes."""

    applied: tuple[Candidate, ...] = ()
    refused: tuple[tuple[Candidate, str], ...] = ()
    files: tuple[str, ...] = ()  # written
    tests: str = ""  # the result of the tests

    @property
    def sentences(self) -> tuple[str, ...]:
        """Return what happened, as sentences."""
        if not self.applied and not self.refused:
            return ("no safe fix to apply",)
        lines = []
        if self.applied:
            fixes = counted(len(self.applied), "safe fix", "safe fixes")
            lines.append(f"{fixes} applied in {', '.join(self.files)}: {self.tests}")
        lines += [f"not applied: {one.where}: {reason}" for one, reason in self.refused]
        return tuple(lines)

    def exit_code(self, report: ReviewReport) -> ExitCode:
        """Return the exit code of a review whose fixed findings no longer count."""
        fixed = {one.finding for one in self.applied}
        worst = LEVELS[report.fail_on].rank if report.fail_on in LEVELS else -1
        failing = [f for f in report.findings if f.may_fail and f.severity.rank <= worst]
        only_these = report.exit_code == ExitCode.FINDINGS and failing and not report.below
        if only_these and all(f.id in fixed for f in failing):
            return ExitCode.CLEAN
        return ExitCode(report.exit_code)


def apply_safe_fixes(done: ReviewResult, acceptance: Acceptance = "") -> Outcome:
    """Write the safe fixes that pass verification into the checkout; return the outcome.

    `acceptance` is why the tests may run without a sandbox. Raises UsageError when the review was
    not of the files on disk, or when the tests' commands are not trusted; WorkspaceError when a
    file was edited meanwhile.
    """
    if not done.compared.in_checkout:
        raise UsageError(
            "--apply-fixes needs a review of the files as they are on disk; leave out the range"
        )
    open_ids = {finding.id for finding in done.report.findings}
    candidates = [
        Candidate(p.finding.id, p.finding.where, p.finding.path, p.fix)
        for p in done.evidence
        if p.fix is not None and p.fix.safe and p.finding.id in open_ids
    ]
    if not candidates:
        return Outcome()
    require_trusted_commands(done.loaded, done.compared.user.key)
    with _bench(done, acceptance) as bench:
        return bench.settle(candidates)


@dataclass(frozen=True)
class _Bench:
    """Trees with fixes, and the tests that run on them."""

    done: ReviewResult
    folder: Path
    acceptance: Acceptance

    def settle(self, candidates: Sequence[Candidate]) -> Outcome:
        """Write the fixes that pass, alone and together, and return the outcome of all."""
        kept, refused = self._parsing(candidates)
        before = self.evaluate(self.done.compared.new)
        if before.status is not GateStatus.PASSED:
            reason = f"no green tests to verify it with ({before.summary})"
            return Outcome(refused=(*refused, *((one, reason) for one in kept)))
        if not kept:
            return Outcome(refused=tuple(refused))
        if self._verified(kept).status.stops:
            alone = [(one, self._verified([one])) for one in kept]
            refused += [(one, f"the tests: {r.summary}") for one, r in alone if r.status.stops]
            kept = [one for one, result in alone if not result.status.stops]
            if not kept or self._verified(kept).status.stops:
                reason = "the tests fail with it together with other fixes"
                return Outcome(refused=(*refused, *((one, reason) for one in kept)))
        contents = self._contents(kept)
        private, new = self.done.compared.private, self.done.compared.new
        files = {p: (private.read(new, p) or b"", data) for p, data in contents.items()}
        written = rewrite(self.done.compared.user.root, files)
        return Outcome(
            tuple(kept), tuple(refused), tuple(written), _failure_of(self._verified(kept))
        )

    def _parsing(
        self, candidates: Sequence[Candidate]
    ) -> tuple[list[Candidate], list[tuple[Candidate, str]]]:
        kept: list[Candidate] = []
        refused: list[tuple[Candidate, str]] = []
        for path in dict.fromkeys(one.path for one in candidates):
            mine = [one for one in candidates if one.path == path]
            text = self.done.text(path) or ""
            if text.encode() != self.done.compared.private.read(self.done.compared.new, path):
                refused += [(one, "the file is not UTF-8") for one in mine]
                continue
            together = apply_fixes(text, [one.fix for one in mine])
            for number, one in enumerate(mine):
                alone = apply_fixes(text, [one.fix]).text
                if number not in together.fixes:
                    refused.append((one, "it overlaps another fix; review again afterwards"))
                elif not parses(path, text, alone):
                    refused.append((one, "the file would not parse any more"))
                else:
                    kept.append(one)
        return kept, refused

    def _contents(self, chosen: Sequence[Candidate]) -> dict[str, bytes]:
        contents = {}
        for path in dict.fromkeys(one.path for one in chosen):
            fixes = [one.fix for one in chosen if one.path == path]
            contents[path] = apply_fixes(self.done.text(path) or "", fixes).text.encode()
        return contents

    def _verified(self, chosen: Sequence[Candidate]) -> GateResult:
        comparison = self.done.compared
        return self.evaluate(comparison.private.edit(comparison.new, dict(self._contents(chosen))))

    def evaluate(self, tree: str) -> GateResult:
        """Return the test result of a tree; each tree is tested once."""
        if tree not in self._results:
            self._results[tree] = run_one(
                tests.NAME,
                guard_input(
                    settings=self.done.loaded.settings,
                    private=self.done.compared.private,
                    base=self.done.compared.new,
                    tree=tree,
                    workspace=self._workspace,
                    env=self.environment,
                    logs=self.folder / "logs",
                    branch=None,
                    label=f"{len(self._results)}-",
                ),
            )
        return self._results[tree]

    @cached_property
    def _results(self) -> dict[str, GateResult]:
        return {}

    @cached_property
    def _workspace(self) -> Workspace:
        compared = self.done.compared
        filling = filling_of(self.done.loaded.settings.workspace)
        folder = self.folder / "workspace" / compared.user.root.name
        return Workspace(compared.private, folder, filling)

    @cached_property
    def environment(self) -> ProjectEnv:
        """The environment of the tests."""
        settings = self.done.loaded.settings
        gates = settings.gates
        project = self.done.compared.user.project
        return build_environment(
            user_root=self.done.compared.user.root,
            workspace=self._workspace.folder,
            folder=self.folder / "environment",
            reuse=not_committed(paths_for(project, gates.reuse), self._workspace.private),
            python=gates.python,
            sandbox=sandbox_finder(settings, {"unsandboxed": self.acceptance}),
            objects=self._workspace.needed_folders,
            readable=settings.sandbox.read,
            project=project,
        )


@contextmanager
def _bench(done: ReviewResult, acceptance: Acceptance) -> Iterator[_Bench]:
    done.compared.private.take_tags(done.compared.user)  # a review itself needs none
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
        bench = _Bench(done, Path(name), acceptance)
        try:
            yield bench
        finally:
            bench.environment.discard()
            remove_tree(bench.folder)  # commands can make folders too deep for the usual function


def _failure_of(result: GateResult) -> str:
    return f"parsed, and the tests are green: {result.summary}"
