"""Gate: changes that a user must see even in autopilot; it never stops the loop."""

import json
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypedDict

from reviewloop.analysis.described import public_names
from reviewloop.analysis.parsing import parse
from reviewloop.checkout.protected import Protection, fold_path, protection_of
from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.domain.globs import first_match
from reviewloop.git.diff import Change, FileChange
from reviewloop.git.repository import folders_down_to, path_in_repository
from reviewloop.guards.base import GuardInput, ReadFile, is_test_file
from reviewloop.guards.change_types import change_kinds
from reviewloop.guards.detect import Surroundings, table
from reviewloop.settings.schema import Governance

_BYTES = 2_000_000  # generated files of this size do not count for complexity


@dataclass(frozen=True)
class _Language:
    """The branches of one language: kinds of nodes, and `&&` or `||` between conditions."""

    name: str
    functions: str
    branches: str
    conditions: str = "binary_expression"


_C_LIKE = "if_statement for_statement while_statement do_statement case_statement "
_SCRIPT = _Language(
    "javascript",
    "function_declaration function_expression arrow_function method_definition "
    "generator_function_declaration",
    "if_statement for_statement for_in_statement while_statement do_statement switch_case "
    "catch_clause ternary_expression",
)
_TYPED = _Language("typescript", _SCRIPT.functions, _SCRIPT.branches)
_CPP = _Language(
    "cpp",
    "function_definition lambda_expression",
    _C_LIKE + "for_range_loop catch_clause conditional_expression",
)
_KOTLIN = _Language(
    "kotlin",
    "function_declaration",
    "if_expression for_statement while_statement do_while_statement when_entry catch_block "
    "conjunction_expression disjunction_expression",
    "",
)
_SWIFT = _Language(
    "swift",
    "function_declaration init_declaration",
    "if_statement guard_statement for_statement while_statement switch_entry catch_block "
    "ternary_expression conjunction_expression disjunction_expression",
    "",
)
_BY_ENDING = {
    "py": _Language(
        "python",
        "function_definition lambda",
        "if_statement elif_clause for_statement while_statement except_clause case_clause "
        "conditional_expression for_in_clause if_clause boolean_operator",
        "",
    ),
    "js": _SCRIPT,
    "jsx": _SCRIPT,
    "mjs": _SCRIPT,
    "cjs": _SCRIPT,
    "ts": _TYPED,
    "mts": _TYPED,
    "cts": _TYPED,
    "tsx": _Language("tsx", _SCRIPT.functions, _SCRIPT.branches),
    "java": _Language(
        "java",
        "method_declaration constructor_declaration lambda_expression",
        "if_statement for_statement enhanced_for_statement while_statement do_statement "
        "switch_label catch_clause ternary_expression",
    ),
    "go": _Language(
        "go",
        "function_declaration method_declaration func_literal",
        "if_statement for_statement expression_case type_case communication_case",
    ),
    "rs": _Language(
        "rust",
        "function_item closure_expression",
        "if_expression for_expression while_expression loop_expression match_arm try_expression",
    ),
    "c": _Language("c", "function_definition", _C_LIKE + "conditional_expression"),
    "h": _CPP,
    "cc": _CPP,
    "cpp": _CPP,
    "hpp": _CPP,
    "cs": _Language(
        "csharp",
        "method_declaration constructor_declaration local_function_statement lambda_expression",
        "if_statement for_statement foreach_statement while_statement do_statement "
        "switch_section catch_clause conditional_expression",
    ),
    "kt": _KOTLIN,
    "kts": _KOTLIN,
    "rb": _Language(
        "ruby",
        "method singleton_method",
        "if elsif unless while until for when rescue conditional if_modifier unless_modifier "
        "while_modifier",
        "binary",
    ),
    "php": _Language(
        "php",
        "function_definition method_declaration arrow_function",
        _C_LIKE + "else_if_clause foreach_statement catch_clause conditional_expression",
    ),
    "swift": _SWIFT,
    "scala": _Language(
        "scala",
        "function_definition",
        "if_expression for_expression while_expression case_clause catch_clause",
        "infix_expression",
    ),
}


def complexity(path: str, data: bytes) -> int | None:
    """Return the sum over the file's functions, None for a language without support.

    One for each function and one for each branch, loop, case, handler and `and`/`or`; code outside
    functions counts by its branches. Files of data and prose (nothing to branch) are 0.
    """
    ending = path.rsplit(".", 1)[-1].lower() if "." in path.rsplit("/", 1)[-1] else ""
    if ending in _NO_CODE:
        return 0
    language = _BY_ENDING.get(ending)
    if language is None or len(data) > _BYTES:
        return None
    if not data.strip():
        return 0
    root = parse(data.decode("utf-8", "replace"), language.name)
    return len(root.find_all(_rule(language)))


_NO_CODE = frozenset(
    (
        *("md", "rst", "txt", "json", "yaml", "yml", "toml", "ini", "cfg", "lock", "csv", "xml"),
        *("html", "css", "svg", "gitignore", "env", "example"),
    )
)


@lru_cache(maxsize=64)
def _rule(language: _Language) -> Any:
    kinds: list[dict[str, Any]] = [
        {"kind": kind} for kind in (language.functions + " " + language.branches).split()
    ]
    if language.conditions:
        operator = {"regex": r"^(&&|\|\||\?\?|and|or)$"}
        kinds.append({"kind": language.conditions, "has": {"field": "operator", **operator}})
    return {"rule": {"any": kinds}}


_WHOLE_FILES = ("pytest.ini", ".pytest.ini", "tox.ini", ".coveragerc", "ruff.toml", ".ruff.toml")
_MAKEFILES = ("Makefile", "makefile", "GNUmakefile")
_OURS = ("reviewloop.toml",)


class _Sensitive(NamedTuple):
    """Why a file of the change needs a user; `path` is "" if only a part of it does."""

    path: str
    reason: str


def changed_checks(change: GuardInput) -> Iterator[_Sensitive]:
    """Yield a reason for each file that changes how changes are checked.

    In a repository without any tests, its first tests are no reason.
    """
    for folder in folders_down_to(change.env.project):
        for name in (*_OURS, *_WHOLE_FILES, *_MAKEFILES):
            file = change.change.file(path_in_repository(folder, name))
            if file is not None and (file.status != "A" or name in _OURS):
                yield _Sensitive(file.path, f"{file.path} {_JUDGES}")
    for name, part, read in _PARTS:
        for file in change.change.files:
            if name not in {file.path.rpartition("/")[2], file.old_path.rpartition("/")[2]}:
                continue
            before = read(_files(file.old_path, change.read_base))
            after = read(_files(file.path, change.read_new))
            if before != after and (before or change.tested_before()):
                yield _Sensitive("", f"{part} of {file.path} {_JUDGES}")


def _files(path: str, read: ReadFile) -> Surroundings:
    return Surroundings(read, frozenset({path}), Path(), (), "")


def _scripts(files: Surroundings) -> dict[str, Any]:
    package = files.json(*files.paths)
    scripts = table(package, "scripts")
    names = ("build", "test", "lint", "pretest", "posttest", "prebuild", "postbuild")
    found = {name: scripts[name] for name in names if name in scripts}
    found |= {key: value for key, value in scripts.items() if key.startswith("test:")}
    return found | {name: package[name] for name in _RUNNERS if name in package}


def _tools(files: Surroundings) -> dict[str, Any]:
    tools = table(files.toml(*files.paths), "tool")
    return {name: tools[name] for name in ("pytest", "coverage", "reviewloop") if name in tools}


def _sections(files: Surroundings) -> dict[str, Any]:
    found = files.ini(*files.paths)
    return {name: found[name] for name in found if name.startswith(("tool:pytest", "coverage:"))}


_RUNNERS = ("jest", "vitest", "mocha", "ava", "karma", "tap", "nyc", "c8", "jasmine")
_PARTS: tuple[tuple[str, str, Callable[[Surroundings], dict[str, Any]]], ...] = (
    ("package.json", "a script or a test runner's table", _scripts),
    ("pyproject.toml", "a tool's table", _tools),
    ("setup.cfg", "a section", _sections),
)


_LINK = "120000"
_SUBMODULE = Protection("submodule", "brings in code of another repository", False)
_LINKED = Protection("link", "is a link: what is written to it lands elsewhere", False)
_SCRIPTS = Protection("scripts", "has scripts that package tools run by themselves", False)
# Parts of package.json that run something at install, at commit or in the checks.
_RUNNING_PARTS = ("scripts", "husky", "lint-staged", "simple-git-hooks", "pre-commit", "gypfile")


class ProtectedChange(TypedDict):
    """A change of a protected file; agents may write a `refused` one only if the user named it."""

    path: str
    status: str  # A | M | D | R | T
    kind: str
    why: str  # completes "it ..."
    refused: bool


def protected_changes(
    change: Change, read_base: ReadFile, read_new: ReadFile
) -> list[ProtectedChange]:
    """Return a record for each protected file.

    A rename counts by its old name too: moving a hook away switches it off.
    """
    return [
        ProtectedChange(
            path=path,
            status="D" if path != file.path else file.status,
            kind=found.kind,
            why=found.why,
            refused=found.refused,
        )
        for file in change.files
        for path, found in _protected_in(file, read_base, read_new)
    ]


def _protected_in(
    file: FileChange, read_base: ReadFile, read_new: ReadFile
) -> Iterator[tuple[str, Protection]]:
    if file.status == "R" and (moved := protection_of(file.old_path)):
        yield file.old_path, moved
    if found := protection_of(file.path):
        yield file.path, found
    elif file.submodule:
        yield file.path, _SUBMODULE
    elif file.new_mode == _LINK:
        yield file.path, _LINKED
    elif fold_path(file.path).rsplit("/", 1)[-1] == "package.json":
        before = None if file.status == "A" else read_base(file.old_path)
        if _running_parts(before) != _running_parts(read_new(file.path)):
            yield file.path, _SCRIPTS


def _running_parts(data: bytes | None) -> Any:
    """Return the parts that run automatically; invalid JSON is compared as text."""
    try:
        known = json.loads(data or b"{}")
    except (ValueError, RecursionError):
        return data
    return {part: known.get(part) for part in _RUNNING_PARTS} if isinstance(known, dict) else data


NAME = "governance"

_REASONS_SHOWN = 3
_JUDGES = "takes part in judging changes and is changed"


def check(change: GuardInput) -> GateResult:
    """Check size, growth of complexity, and the kinds of files in the change."""
    growth = _Growth.of(change)
    sensitive = [*_patterns(change), *changed_checks(change)]
    kinds = list(change_kinds(change, change.settings.governance.change_types))
    reasons = [
        *_sizes(change),
        *growth.reasons(change),
        *(one.reason for one in sensitive),
        *_protected(change, {one.path for one in sensitive}),
        *(f"{kind} ({where})" for kind, where in kinds),
        *_approvers(change),
    ]
    details = {
        "change_types": [kind for kind, _ in kinds],
        "reasons": reasons,
        "files": len(change.change.files),
        "lines": change.change.added + change.change.removed,
        "complexity_before": growth.before,
        "complexity_after": growth.after,
        "complexity_not_measured": growth.unknown,
        **_described(change),
    }
    if reasons:
        more = (
            f" (and {len(reasons) - _REASONS_SHOWN} more)" if len(reasons) > _REASONS_SHOWN else ""
        )
        summary = f"{'; '.join(reasons[:_REASONS_SHOWN])}{more}"
        return GateResult(
            NAME, GateStatus.NEEDS_USER, summary, excerpt="\n".join(reasons), details=details
        )
    sizes = (f"{n} {noun if n == 1 else noun + 's'}" for noun, n in _counts(change))
    summary = f"{', '.join(sizes)}{growth.remark()}"
    return GateResult(NAME, GateStatus.PASSED, summary, details=details)


def with_reason(result: GateResult, reason: str) -> GateResult:
    """Return the gate's result with one more reason for a user; one that is off stays."""
    if result.status not in {GateStatus.PASSED, GateStatus.NEEDS_USER}:
        return result
    has_others = result.status is GateStatus.NEEDS_USER
    reasons = [*(result.details.get("reasons", ()) if has_others else ()), reason]
    return replace(
        result,
        status=GateStatus.NEEDS_USER,
        summary=f"{result.summary}; {reason}" if has_others else reason,
        excerpt="\n".join(reasons),
        details={**result.details, "reasons": reasons},
    )


def _described(change: GuardInput) -> dict[str, int]:
    """Count the public names that the change adds, and those with a description."""
    found: list[bool] = []
    for file in change.change.files:
        if file.status == "D" or file.binary or file.submodule or is_test_file(file.path):
            continue
        ranges = change.change.added_lines(file.path)
        text = (change.read_new(file.path) or b"").decode("utf-8", "replace")
        found += [
            is_described
            for line, is_described in public_names(file.path, text)
            if any(first <= line <= last for first, last in ranges)
        ]
    return {"public_names": len(found), "described_names": sum(found)}


def approvers_needed(governance: Governance, paths: Iterable[str]) -> int:
    """Return how many users must approve a change of these files."""
    changed = list(paths)
    by_path: Mapping[str, int] = governance.approvers_by_path
    needed = [
        count
        for pattern, count in by_path.items()
        if any(first_match(path, (pattern,)) for path in changed)
    ]
    return max(governance.approvers, *needed, 1)


def _approvers(change: GuardInput) -> Iterator[str]:
    paths = [path for file in change.change.files for path in (file.path, file.old_path)]
    needed = approvers_needed(change.settings.governance, paths)
    if needed > 1:
        yield f"{needed} people must approve it"


def _counts(change: GuardInput) -> tuple[tuple[str, int], tuple[str, int]]:
    return ("file", len(change.change.files)), ("line", change.change.added + change.change.removed)


def _sizes(change: GuardInput) -> Iterator[str]:
    limits = change.settings.governance
    files = len(change.change.files)
    lines = change.change.added + change.change.removed
    if files > limits.files:
        yield f"{files} files changed (limit {limits.files})"
    if lines > limits.lines:
        yield f"{lines} lines changed (limit {limits.lines})"


def _patterns(change: GuardInput) -> Iterator[_Sensitive]:
    for file in change.change.files:
        for path in dict.fromkeys((file.path, file.old_path)):
            pattern = first_match(path, change.settings.governance.patterns)
            if pattern is not None:
                yield _Sensitive(path, f"{path} matches {pattern}")
                break


def _protected(change: GuardInput, reported: Collection[str]) -> Iterator[str]:
    """Yield a reason for each protected file without another reason."""
    for file in protected_changes(change.change, change.read_base, change.read_new):
        path = file["path"]
        if path not in reported:
            yield f"{path} {file['why']}"


class _Growth:
    """Cyclomatic complexity of the changed files, tests left out, before and after."""

    def __init__(self, before: int, after: int, unknown: list[str]) -> None:
        self.before = before
        self.after = after
        self.unknown = unknown  # kinds of files without support

    @classmethod
    def of(cls, change: GuardInput) -> "_Growth":
        before, after = 0, 0
        unknown: set[str] = set()
        for file in change.change.files:
            if file.binary or file.submodule or is_test_file(file.path):
                continue
            old = change.read_base(file.old_path) if file.status != "A" else b""
            new = change.read_new(file.path) if file.status != "D" else b""
            counts = complexity(file.old_path, old or b""), complexity(file.path, new or b"")
            if counts[0] is None or counts[1] is None:
                unknown.add(_kind(file.path))
                continue
            if file.status != "A":  # new files are counted by lines; growth is of existing code
                before += counts[0]
                after += counts[1]
        return cls(before, after, sorted(unknown))

    def reasons(self, change: GuardInput) -> Iterator[str]:
        limits = change.settings.governance
        limit, percent = limits.complexity_percent, self.percent
        # A share alone means little in small files, where every `if` is half of the code.
        if self.after - self.before < limits.complexity_growth:
            return
        if percent is not None and percent > limit:
            yield (
                f"complexity of the changed files grew by {percent:.0f} % "
                f"({self.before} to {self.after}, limit {limit:g} %)"
            )

    @property
    def percent(self) -> float | None:
        """Growth in percent; None without code before."""
        return None if not self.before else (self.after - self.before) / self.before * 100

    def remark(self) -> str:
        """Return a sentence on the measured complexity, and on what could not be measured."""
        growth = "" if self.percent is None else f", complexity {self.percent:+.0f} %"
        unknown = f" (not measured: {', '.join(self.unknown)})" if self.unknown else ""
        return growth + unknown


def _kind(path: str) -> str:
    name = path.rsplit("/", 1)[-1]
    return f".{name.rsplit('.', 1)[1]}" if "." in name else name
