"""The built-in rule pack: its checks, the rules of each and the files they read."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from reviewloop.analysis.contract import (
    AnalyserReport,
    ChangeCheck,
    ChangeView,
    FileCheck,
    Hit,
    RuleEntry,
    RulePack,
    SourceFile,
    resolve,
)
from reviewloop.analysis.patterns import pattern_check
from reviewloop.rules.catalogue import entries_of, node_rules, rules_of

_RETIRED = {
    "docker/add-for-copy": "hadolint/DL3020",
    "docker/apt-in-script": "hadolint/DL3027",
    "docker/archive-unpacked-later": "hadolint/DL3010",
    "docker/cd": "hadolint/DL3003",
    "docker/command-without-use": "hadolint/DL3001",
    "docker/copy-without-workdir": "hadolint/DL3045",
    "docker/fixed-platform": "hadolint/DL3029",
    "docker/label-name": "hadolint/DL3048",
    "docker/maintainer": "hadolint/DL4000",
    "docker/pip-cache-left": "hadolint/DL3042",
    "docker/pip-unpinned": "hadolint/DL3013",
    "docker/recommended-packages": "hadolint/DL3015",
    "docker/rpm-cache-left": "hadolint/DL3040",
    "docker/sudo": "hadolint/DL3004",
    "docker/useradd-large-id": "hadolint/DL3046",
    "docker/wget-and-curl": "hadolint/DL4001",
    "docker/yarn-cache-left": "hadolint/DL3060",
    "sh/backticks": "shellcheck/SC2006",
    "sh/read-without-r": "shellcheck/SC2162",
    "sh/test-unquoted": "shellcheck/SC2086",
}
"""Retired style rules and their replacements; comments and settings may still name them."""
_LONGEST_INSTRUCTION = 50_000  # characters take 0.6 s to read, 800,000 of them a minute

Run = Callable[[SourceFile], Iterable[Hit]]


def load_pack() -> RulePack:
    """Return the built-in pack. Rule code is imported when a file of its language is reviewed."""
    from reviewloop import secrets
    from reviewloop.rules import deps, diff, infra, syntax, taint, tests

    python = node_rules("py")
    trust = [entry for entry in python if entry.rule.reviewer == "review-security"]
    fast = [entry for entry in python if entry not in trust]
    (secret,) = secrets.CHECKS
    checks: tuple[FileCheck, ...] = (
        *syntax.CHECKS,
        replace(secret, rules=(*secret.rules, *rules_of("secret"))),
        *taint.CHECKS,
        pattern_check("javascript", node_rules("js")),
        pattern_check("go", node_rules("go")),
        pattern_check("python-performance", fast),
        pattern_check("python-security", trust),
        _check("shell", entries_of("sh"), {"shell"}, "reviewloop.rules.sh:search"),
        _check(
            "dockerfile",
            entries_of("docker"),
            {"dockerfile"},
            "reviewloop.rules.docker:search",
            reads=lambda line: len(line) <= _LONGEST_INSTRUCTION,
        ),
        _check(
            "kubernetes",
            entries_of("k8s"),
            {"yaml"},
            "reviewloop.rules.k8s:search",
            understands="reviewloop.rules.k8s:understands",
            reads=lambda line: bool(resolve("reviewloop.rules.k8s.manifests:readable")(line)),
        ),
        *infra.CHECKS,
        *tests.FILE_CHECKS,
        *diff.FILE_CHECKS,
    )
    change_checks: tuple[ChangeCheck, ...] = (
        *deps.CHANGE_CHECKS,
        *diff.CHANGE_CHECKS,
        *tests.CHANGE_CHECKS,
        *infra.CHANGE_CHECKS,
        ChangeCheck("architecture", (*rules_of("arch"), *rules_of("style")), _architecture),
    )
    found = [rule for check in checks for rule in check.rules]
    found += [rule for check in change_checks for rule in check.rules]
    spec_rules = entries_of("spec")
    found += [entry.rule for entry in spec_rules]
    rules = {rule.id: rule for rule in found}  # several checks may share rules
    return RulePack(
        tuple(rules.values()), checks, change_checks, spec_rules, _RETIRED, (_advisories,)
    )


def _architecture(view: ChangeView) -> Iterable[Hit]:
    hits: Iterable[Hit] = resolve("reviewloop.architecture.change:find_new")(view)
    return hits


def _advisories(view: ChangeView) -> AnalyserReport | None:
    from reviewloop.rules.deps import advisory_status

    return advisory_status(view.options, view.files)


def _check(
    name: str,
    entries: Collection[RuleEntry],
    languages: Collection[str],
    engine: str,
    *,
    understands: str = "",
    reads: Callable[[str], bool] | None = None,
) -> FileCheck:
    """Return the check that runs the functions of a family over files of a language."""

    def is_read(file: SourceFile) -> bool:
        if file.language not in languages:
            return False
        return not understands or bool(resolve(understands)(file))

    def run(file: SourceFile) -> Iterable[Hit]:
        hits: Iterable[Hit] = resolve(engine)(entries, file)
        return hits

    return FileCheck(name, tuple(entry.rule for entry in entries), is_read, run, reads)
