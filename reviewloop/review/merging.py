"""Merges findings of several reviewers or tools about one problem at one location."""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from functools import cache

from reviewloop.domain.finding import Finding, Placement, Status, by_severity
from reviewloop.regex import regex

_TOPICS = (
    # Weaknesses
    ("command", "*/command-injection ruff/S60[1245] ruff/S609 bandit/B60[1245] bandit/B609"),
    ("sql", "*/sql-injection ruff/S608 ruff/S61[01] bandit/B608 bandit/B61[01]"),
    (
        "code from text",
        "taint/code-injection js/eval js/timer-code js/vm-code sh/eval ruff/S102 ruff/S307"
        " bandit/B102 bandit/B307 oxlint/*no-eval oxlint/*no-implied-eval oxlint/*no-new-func"
        " eslint/security/detect-eval* biome/*/noGlobalEval",
    ),
    (
        "markup",
        "taint/xss js/reflected-html js/html-assigned js/html-written js/react-html"
        " js/trusted-without-check go/html-not-escaped go/reflected-html ruff/S308 ruff/S704"
        " bandit/B308 bandit/B70[34] oxlint/*no-danger eslint/no-unsanitized/*"
        " biome/*/noDangerouslySetInnerHtml*",
    ),
    ("escaping", "js/template-without-escaping ruff/S70[12] bandit/B70[12]"),
    ("unpacked data", "*/deserialization js/unsafe-deserialization ruff/S30[12] ruff/S506"
     " bandit/B30[12] bandit/B506"),
    ("xml", "taint/xxe js/xml-entities ruff/S31[3-9] ruff/S320 bandit/B31[3-9] bandit/B320"),
    ("path", "*/path-traversal"),
    ("address", "taint/ssrf */request-to-any-host ruff/S310 bandit/B310"),
    ("redirect", "*/open-redirect js/page-redirect"),
    ("hash", "*/weak-hash js/weak-library-hash ruff/S303 ruff/S324 bandit/B303 bandit/B324"),
    ("cipher", "*/weak-cipher ruff/S30[45] bandit/B30[45]"),
    ("random", "taint/weak-random */guessable-random ruff/S311 bandit/B311"),
    ("key length", "*/short-key ruff/S505 bandit/B505"),
    ("certificate", "*/certificates-not-checked js/certificates-off-for-all sh/unverified-download"
     " ruff/S323 ruff/S501 bandit/B323 bandit/B501"),
    ("host key", "*/any-host-key ruff/S507 bandit/B507"),
    ("old tls", "go/old-tls ruff/S50[234] bandit/B50[234]"),
    (
        "secret",
        "secret/* gitleaks/* infra/literal-secret k8s/literal-secret docker/secret-in-image"
        " */signing-key-in-code ruff/S10[567]"
        " bandit/B10[567] zizmor/hardcoded-container-credentials actionlint/credentials"
        " checkov/CKV_SECRET_*",
    ),
    ("open rights", "*/open-rights ruff/S103 bandit/B103"),
    ("temporary file", "*/shared-temporary-file ruff/S108 ruff/S306 bandit/B108 bandit/B306"),
    ("privileged container", "infra/privileged-container k8s/privileged checkov/CKV_K8S_16"),
    ("no limits", "infra/container-limits k8s/no-limits"),
    ("direction of text", "diff/bidi-control ruff/PLE2502"),
    ("invisible character", "diff/invisible-character ruff/PLE251?"),
    # Code
    ("blocking in async", "py/blocking-in-async py/blocking-client-in-async ruff/ASYNC2*"),
    (
        "query in loop",
        "py/execute-in-loop py/query-in-loop js/query-in-loop go/query-in-loop"
        " */query-behind-call */await-in-loop oxlint/*no-await-in-loop biome/*/noAwaitInLoop*",
    ),
    ("debugger", "js/debugger oxlint/*no-debugger biome/*/noDebugger"),
    ("console", "js/console-log oxlint/*no-console biome/*/noConsole*"),
    ("loose equality", "js/loose-equality oxlint/*eqeqeq biome/*/noDoubleEquals"),
    ("var", "js/var oxlint/*no-var biome/*/noVar"),
    ("any", "js/any oxlint/*no-explicit-any biome/*/noExplicitAny"),
    ("checks off", "js/ts-ignore diff/lint-silenced oxlint/*ban-ts-comment biome/*/noTsIgnore"),
    ("empty catch", "js/empty-catch oxlint/*no-empty biome/*/noEmptyBlockStatements"),
    ("unreachable", "*/unreachable oxlint/*no-unreachable biome/*/noUnreachable"),
    ("same case", "js/same-case oxlint/*no-duplicate-case biome/*/noDuplicateCase"),
    ("same key", "js/same-key oxlint/*no-dupe-keys biome/*/noDuplicateObjectKeys"),
    ("nan", "js/compared-with-nan oxlint/*use-isnan biome/*/useIsNan"),
    ("same sides", "js/same-sides oxlint/*no-self-compare biome/*/noSelfCompare"),
    ("assigned in condition", "js/assignment-in-condition oxlint/*no-cond-assign"
     " biome/*/noAssignInExpressions"),
    ("no such type", "js/no-such-type oxlint/*valid-typeof biome/*/useValidTypeof"),
    ("leaves finally", "js/return-in-finally oxlint/*no-unsafe-finally biome/*/noUnsafeFinally"),
    ("async executor", "js/async-executor oxlint/*no-async-promise-executor"
     " biome/*/noAsyncPromiseExecutor"),
    ("falls through", "js/case-falls-through oxlint/*no-fallthrough"
     " biome/*/noFallthroughSwitchClause"),
    ("fixed condition", "js/fixed-condition oxlint/*no-constant-condition"
     " biome/*/noConstantCondition"),
    ("thrown text", "js/thrown-text oxlint/*no-throw-literal biome/*/useThrowOnlyError"),
    ("focused test", "js/test-only oxlint/*no-focused-tests biome/*/noFocusedTests"),
    ("unused", "ruff/F401 ruff/F841 oxlint/*no-unused-vars biome/*/noUnused*"),
    ("complexity", "ruff/C901 lizard/complexity oxlint/*complexity"
     " biome/*/noExcessiveCognitiveComplexity"),
    ("empty assertion", "tests/cannot-fail ruff/F631 ruff/PLW0129 ruff/B015 ruff/PT015"),
    # Shell scripts
    ("quotes", "sh/unquoted */SC2086"),
    ("removes root", "sh/removes-root */SC2115"),
    ("backticks", "*/SC2006"),
    ("ls", "sh/loop-over-ls */SC2045"),
    ("read", "*/SC2162"),
    ("cd", "sh/cd-unchecked */SC2164"),
    ("pipe", "sh/pipe-hides-failure docker/pipe-hides-failure hadolint/DL4006"),
    # Images
    ("image version", "docker/untagged-image docker/latest-image k8s/untagged-image"
     " hadolint/DL300[67] checkov/CKV_DOCKER_7"),
    ("root", "docker/root-user docker/no-user hadolint/DL3002 checkov/CKV_DOCKER_[38]"),
    ("package version", "docker/package-unpinned docker/partly-pinned-packages"
     " hadolint/DL3008 hadolint/DL301[368] hadolint/DL3028 hadolint/DL3033"),
    ("apt lists", "docker/apt-lists-left hadolint/DL3009"),
    ("apk cache", "docker/apk-cache-left hadolint/DL3019"),
    ("rpm cache", "hadolint/DL3032 hadolint/DL3040"),
    ("asks", "docker/install-asks hadolint/DL3014"),
    ("upgrade", "docker/system-upgrade hadolint/DL3005"),
    ("relative WORKDIR", "docker/relative-workdir hadolint/DL3000"),
    ("shell form", "docker/shell-form hadolint/DL3025"),
    ("several CMD", "docker/several-cmds hadolint/DL4003"),
    ("several ENTRYPOINT", "docker/several-entrypoints hadolint/DL4004"),
    ("several HEALTHCHECK", "docker/several-healthchecks hadolint/DL3012"),
    ("stage name", "docker/stage-name-twice hadolint/DL3024"),
    ("unknown stage", "docker/unknown-stage hadolint/DL3022"),
    ("COPY of many", "docker/many-into-one hadolint/DL3021"),
    ("ENV of itself", "docker/env-uses-itself hadolint/DL3044"),
    ("port", "docker/invalid-port hadolint/DL3011"),
    ("shell link", "docker/shell-link hadolint/DL4005"),
)  # fmt: skip
"""Topic, and the rules of all analysers that are about it (patterns, separated by blanks)."""

_WORDS = (
    ("command", regex(r"\b(?:shell|commands?|subprocess)\b")),
    ("sql", regex(r"\bsql\b")),
    ("code from text", regex(r"\b(?:eval|exec)\b")),
    ("markup", regex(r"\b(?:xss|html|cross-site)\b")),
    ("unpacked data", regex(r"\b(?:pickle|unpickl\w+|deseriali[sz]\w+)\b")),
    ("path", regex(r"\bpath traversal\b|\boutside (?:of )?the (?:folder|directory)\b")),
    (
        "query in loop",
        regex(
            r"\bn ?\+ ?1\b|\b(?:one )?quer(?:y|ies) (?:for (?:each|every)|per|in (?:a|the) loop)\b"
        ),
    ),
    ("hash", regex(r"\b(?:md5|sha-?1|weak hash\w*)\b")),
    ("certificate", regex(r"\bcertificates?\b|\bverify\s?=\s?false\b")),
    ("secret", regex(r"\b(?:secrets?|passwords?|credentials?|api keys?|access keys?)\b")),
)
"""The topics of a reviewer's own words, most specific first; only unambiguous ones."""

_SYNONYMS = {
    "weak cryptography": "crypto",
    "cryptography": "crypto",
    "request forgery": "ssrf",
    "path": "path-traversal",
    "rights": "permissions",
    "reproducibility": "pinning",
    "secret": "secrets",
}
_BROAD = frozenset(
    (
        "",
        "bug",
        "code-quality",
        "complexity",
        "configuration",
        "correctness",
        "docker",
        "error-handling",
        "infrastructure",
        "injection",
        "maintainability",
        "permissions",
        "performance",
        "quality",
        "secrets",
        "security",
        "shell",
        "style",
        "supply-chain",
        "test-quality",
        "tests",
    )
)
"""Categories too broad for two findings in one to be the same."""


@cache
def topic_of(rule: str) -> str:
    """Return the topic of a rule, "" when no other analyser has a rule on it."""
    for topic, patterns in _TOPICS:
        if any(fnmatchcase(rule, pattern) for pattern in patterns.split()):
            return topic
    if rule.startswith("eslint/"):  # oxlint has ESLint's rules under the same names
        return topic_of(f"ox{rule.removeprefix('es')}")
    return ""


def topic_of_words(title: str) -> str:
    """Return the topic of a sentence, "" when it is ambiguous."""
    text = title.casefold()
    return next((topic for topic, words in _WORDS if words.search(text)), "")


def category_of(name: str) -> str:
    """Return the main name of a category that has several."""
    plain = name.strip().casefold()
    return _SYNONYMS.get(plain, plain)


def is_narrow(category: str) -> bool:
    """Return whether a category (by its main name) holds one kind of problem."""
    return category not in _BROAD


_SHORTEST_WORD = 4  # letters; shorter words ("the", "is", "may") carry no meaning
_LONG = 50  # lines; a longer finding is indexed by its file instead
_MOST_COMPARED = 200  # findings at one location, the most severe: a line may hold a whole file
_ANALYSER = "analyser"


def merge(findings: Iterable[Finding]) -> list[Finding]:
    """Return the findings with duplicates merged, most severe first.

    Two findings are the same when their fingerprints are equal, or when they are on overlapping
    lines of one file, come from different reviewers (or one from an analyser and one from a
    reviewer's own reading) and agree in rule, or, within one category, in topic, or in most of
    their words (fewer are enough within one category). The merged one has every reviewer's name,
    the higher severity and all evidence.
    """
    listed = by_severity(list(findings))
    groups = _groups(listed, _same_problem, by_id=True)
    return by_severity([_all_joined([listed[i] for i in group]) for group in groups])


def reported_by_several(findings: Sequence[Finding]) -> list[list[int]]:
    """Return groups of indices: the findings of different analysers about one problem.

    The findings are given most severe first, and so are the groups and their members. One problem
    has the same rule or topic, or the same narrow category from the same line on, at one location.
    Two findings of one analyser are two problems.
    """
    return _groups(findings, _same_for_analysers, by_id=False)


def join_findings(kept: Finding, other: Finding) -> Finding:
    """Return `kept`, which must be at least as severe, with the names and evidence of `other`."""
    updates: dict[str, object] = {
        "agents": tuple(dict.fromkeys(kept.agents + other.agents)),
        "evidence": tuple(dict.fromkeys(kept.evidence + other.evidence)),
        "why": kept.why or other.why,
        "suggestion": kept.suggestion or other.suggestion,
        "rule": kept.rule or other.rule,
        "url": kept.url or (other.url if not kept.rule else ""),
    }
    if other.rule and not kept.rule:  # an analyser's id is the same in every review
        updates["id"] = other.id
    # A replacement fits only its own lines.
    if kept.replacement is None and (kept.line, kept.end_line) == (other.line, other.end_line):
        updates |= {"replacement": other.replacement, "fix_safe": other.fix_safe}
    return kept.model_copy(update=updates)


def find_repeats(early: Sequence[Finding], late: Iterable[Finding]) -> list[int | None]:
    """Return for each late finding the index of the early one about the same problem, or None."""
    locations = _ByLocation()
    ids = {}
    for position, finding in enumerate(early):
        locations.add(finding, position)
        ids[finding.id] = position
    found: list[int | None] = []
    for finding in late:
        near = (n for n in locations.near(finding) if _same_for_analysers(early[n], finding))
        found.append(ids[finding.id] if finding.id in ids else next(near, None))
    return found


def with_late(early: Sequence[Finding], late: Sequence[Finding]) -> list[Finding]:
    """Return the findings of early and late analysers, merged, most severe first.

    A problem in both is one finding with the id and the verdict of the early one, and the higher
    severity. A rejected finding absorbs none.
    """
    open_ = [finding for finding in early if finding.status is Status.OPEN]
    result = [*open_, *(finding for finding in early if finding.status is not Status.OPEN)]
    for finding, position in zip(late, find_repeats(open_, late), strict=True):
        if position is None:
            result.append(finding)
        elif finding.status is Status.OPEN:
            result[position] = with_later(result[position], finding)
    return by_severity(result)


def with_later(early: Finding, late: Finding) -> Finding:
    """Return an early and a late finding about one problem as one with the early id."""
    more_severe = late.severity.rank < early.severity.rank
    both = join_findings(late, early) if more_severe else join_findings(early, late)
    return both.with_note(early.note, early.note_from, id=early.id)


Same = Callable[[Finding, Finding], bool]


def _groups(findings: Sequence[Finding], same: Same, *, by_id: bool) -> list[list[int]]:
    """Add each finding to the first group whose merged finding is the same problem."""
    found = _ByLocation()
    ids: dict[str, int] = {}
    groups: list[list[int]] = []
    whole: list[Finding] = []
    for position, finding in enumerate(findings):
        known = ids.get(finding.id) if by_id else None
        near = found.near(finding) if known is None else iter((known,))
        number = next((n for n in near if n == known or same(finding, whole[n])), None)
        if number is None:
            number = len(groups)
            groups.append([position])
            whole.append(finding)
            found.add(finding, number)
        else:
            groups[number].append(position)
            whole[number] = join_findings(whole[number], finding)
        ids.setdefault(finding.id, number)
    return groups


def _all_joined(findings: Sequence[Finding]) -> Finding:
    first, *others = findings
    for other in others:
        first = join_findings(first, other)
    return first


class _ByLocation:
    """Indexes findings by location, so that not every pair is compared."""

    def __init__(self) -> None:
        self._lines: dict[tuple[str, int], list[int]] = {}
        self._long: dict[str, list[int]] = {}
        self._all: dict[str, list[int]] = {}

    def add(self, finding: Finding, number: int) -> None:
        """Add a finding."""
        self._all.setdefault(finding.path, []).append(number)
        lines = _lines(finding)
        if len(lines) > _LONG:
            self._long.setdefault(finding.path, []).append(number)
        else:
            for line in lines:
                self._lines.setdefault((finding.path, line), []).append(number)

    def near(self, finding: Finding) -> Iterator[int]:
        """Yield in order the indices of all findings that may be at the same location."""
        lines = _lines(finding)
        if len(lines) > _LONG:
            yield from self._all.get(finding.path, ())[:_MOST_COMPARED]
            return
        numbers = set(self._long.get(finding.path, ()))
        for line in lines:
            numbers.update(self._lines.get((finding.path, line), ()))
        yield from sorted(numbers)[:_MOST_COMPARED]


def _lines(finding: Finding) -> range:
    first = finding.line or 0
    return range(first, max(finding.end_line or first, first) + 1)


def _same_problem(one: Finding, two: Finding) -> bool:
    # Two findings of one reviewer are two problems, unless one repeats its evidence.
    by_others = not set(one.agents) & set(two.agents) or bool(one.rule) != bool(two.rule)
    return by_others and _same_location(one, two) and _same_meaning(one, two)


def _same_for_analysers(one: Finding, two: Finding) -> bool:
    if _sources(one) & _sources(two) or not _same_location(one, two) or one.line is None:
        return False
    if _apart(one, two):
        return False
    if one.rule and one.rule == two.rule:  # by its pattern, and by data flow
        return True
    about, other = topic_of(one.rule), topic_of(two.rule)
    if about or other:
        return about == other
    category = category_of(one.category)
    same = category == category_of(two.category) and is_narrow(category)
    return same and one.line == two.line


def _sources(finding: Finding) -> set[str]:
    return {piece.source for piece in finding.evidence if piece.kind == _ANALYSER}


def _apart(one: Finding, two: Finding) -> bool:
    """Return whether both are on one line, in different columns."""
    if not (one.end_column and two.end_column) or one.end_line or two.end_line:
        return False
    return one.end_column <= two.column or two.end_column <= one.column


def _same_location(one: Finding, two: Finding) -> bool:
    if one.path != two.path or Placement.UNANCHORED in (one.placement, two.placement):
        return False
    if one.line is None or two.line is None:
        return one.line is two.line
    return one.line <= (two.end_line or two.line) and two.line <= (one.end_line or one.line)


def _same_meaning(one: Finding, two: Finding) -> bool:
    if one.rule and one.rule == two.rule:
        return True
    if one.rule and two.rule:
        return False
    same_field = one.category and category_of(one.category) == category_of(two.category)
    about = _topic(one)
    if same_field and about and about == _topic(two):
        return True
    ours, theirs = _words(one.title), _words(two.title)
    if not ours or not theirs:
        return False
    threshold = 0.3 if same_field else 0.6
    return len(ours & theirs) / min(len(ours), len(theirs)) >= threshold


def _topic(finding: Finding) -> str:
    return topic_of(finding.rule) if finding.rule else topic_of_words(finding.title)


def _words(text: str) -> set[str]:
    return {word for word in re.findall(r"\w+", text.casefold()) if len(word) >= _SHORTEST_WORD}
