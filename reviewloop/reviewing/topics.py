"""What a rule is about, whoever's it is: two analysers that say one thing of one place agree."""

import re
from fnmatch import fnmatchcase
from functools import cache

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
        "secret/* gitleaks/* infra/literal-secret docker/secret-in-image ruff/S10[567]"
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
    ("query in loop", "py/execute-in-loop py/query-in-loop js/query-in-loop go/query-in-loop"),
    ("await in loop", "*/await-in-loop oxlint/*no-await-in-loop biome/*/noAwaitInLoop*"),
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
    ("quotes", "sh/unquoted sh/test-unquoted */SC2086"),
    ("removes root", "sh/removes-root */SC2115"),
    ("backticks", "sh/backticks */SC2006"),
    ("ls", "sh/loop-over-ls */SC2045"),
    ("read", "sh/read-without-r */SC2162"),
    ("cd", "sh/cd-unchecked */SC2164"),
    ("pipe", "sh/pipe-hides-failure docker/pipe-hides-failure hadolint/DL4006"),
    # Images
    ("image version", "docker/untagged-image docker/latest-image k8s/untagged-image"
     " hadolint/DL300[67] checkov/CKV_DOCKER_7"),
    ("root", "docker/root-user docker/no-user hadolint/DL3002 checkov/CKV_DOCKER_[38]"),
    ("sudo", "docker/sudo hadolint/DL3004"),
    ("package version", "docker/pip-unpinned docker/package-unpinned docker/partly-pinned-packages"
     " hadolint/DL3008 hadolint/DL301[368] hadolint/DL3028 hadolint/DL3033"),
    ("recommended packages", "docker/recommended-packages hadolint/DL3015"),
    ("apt lists", "docker/apt-lists-left hadolint/DL3009"),
    ("apk cache", "docker/apk-cache-left hadolint/DL3019"),
    ("rpm cache", "docker/rpm-cache-left hadolint/DL3032 hadolint/DL3040"),
    ("pip cache", "docker/pip-cache-left hadolint/DL3042"),
    ("yarn cache", "docker/yarn-cache-left hadolint/DL3060"),
    ("asks", "docker/install-asks hadolint/DL3014"),
    ("apt in script", "docker/apt-in-script hadolint/DL3027"),
    ("upgrade", "docker/system-upgrade hadolint/DL3005"),
    ("ADD", "docker/add-for-copy hadolint/DL3020"),
    ("cd in RUN", "docker/cd hadolint/DL3003"),
    ("relative WORKDIR", "docker/relative-workdir hadolint/DL3000"),
    ("shell form", "docker/shell-form hadolint/DL3025"),
    ("several CMD", "docker/several-cmds hadolint/DL4003"),
    ("several ENTRYPOINT", "docker/several-entrypoints hadolint/DL4004"),
    ("several HEALTHCHECK", "docker/several-healthchecks hadolint/DL3012"),
    ("wget and curl", "docker/wget-and-curl hadolint/DL4001"),
    ("MAINTAINER", "docker/maintainer hadolint/DL4000"),
    ("platform", "docker/fixed-platform hadolint/DL3029"),
    ("stage name", "docker/stage-name-twice hadolint/DL3024"),
    ("unknown stage", "docker/unknown-stage hadolint/DL3022"),
    ("COPY of many", "docker/many-into-one hadolint/DL3021"),
    ("COPY without WORKDIR", "docker/copy-without-workdir hadolint/DL3045"),
    ("ENV of itself", "docker/env-uses-itself hadolint/DL3044"),
    ("port", "docker/invalid-port hadolint/DL3011"),
    ("useless command", "docker/command-without-use hadolint/DL3001"),
    ("shell link", "docker/shell-link hadolint/DL4005"),
    ("large id", "docker/useradd-large-id hadolint/DL3046"),
    ("archive", "docker/archive-unpacked-later hadolint/DL3010"),
)  # fmt: skip
"""Topic, and the rules of all analysers that are about it (patterns, separated by blanks)."""

_WORDS = (
    ("command", re.compile(r"\b(?:shell|commands?|subprocess)\b")),
    ("sql", re.compile(r"\bsql\b")),
    ("code from text", re.compile(r"\b(?:eval|exec)\b")),
    ("markup", re.compile(r"\b(?:xss|html|cross-site)\b")),
    ("unpacked data", re.compile(r"\b(?:pickle|unpickl\w+|deseriali[sz]\w+)\b")),
    ("path", re.compile(r"\bpath traversal\b|\boutside (?:of )?the (?:folder|directory)\b")),
    (
        "query in loop",
        re.compile(
            r"\bn ?\+ ?1\b|\b(?:one )?quer(?:y|ies) (?:for (?:each|every)|per|in (?:a|the) loop)\b"
        ),
    ),
    ("hash", re.compile(r"\b(?:md5|sha-?1|weak hash\w*)\b")),
    ("certificate", re.compile(r"\bcertificates?\b|\bverify\s?=\s?false\b")),
    ("secret", re.compile(r"\b(?:secrets?|passwords?|credentials?|api keys?|access keys?)\b")),
)
"""What a reviewer's own words are about, most telling first; only few are that plain."""

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
"""Categories that hold too many different problems to make two of them one."""


@cache
def topic_of(rule: str) -> str:
    """Return what a rule is about, "" when no other analyser has a rule about it."""
    for topic, patterns in _TOPICS:
        if any(fnmatchcase(rule, pattern) for pattern in patterns.split()):
            return topic
    if rule.startswith("eslint/"):  # whose rules oxlint has under the same names
        return topic_of(f"ox{rule.removeprefix('es')}")
    return ""


def topic_of_words(title: str) -> str:
    """Return what a sentence is about, "" when that is not plain."""
    text = title.casefold()
    return next((topic for topic, words in _WORDS if words.search(text)), "")


def category_of(name: str) -> str:
    """Return the one name of a category that has several."""
    plain = name.strip().casefold()
    return _SYNONYMS.get(plain, plain)


def is_narrow(category: str) -> bool:
    """Whether a category (by its one name) stands for one kind of problem."""
    return category not in _BROAD
