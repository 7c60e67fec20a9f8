"""What bandit, lizard, semgrep and gitleaks mean to us."""

from dataclasses import replace

from reviewloop.analysis.contract import MAINTAINABILITY, MUST, SECURITY, SHOULD, Rule
from reviewloop.analysis.tools.policy.rows import Family, Policy, Row, rules_of
from reviewloop.analysis.tools.policy.ruff import RUFF

_BANDIT_PAGE = "https://bandit.readthedocs.io/en/latest/plugins/index.html"


def _as_bandit(rule: Rule) -> Rule:
    """Return a rule of ruff's S family under the number it has in bandit, where it is from."""
    code = rule.id.removeprefix("ruff/S")
    return replace(rule, id=f"bandit/B{code}", source=_BANDIT_PAGE)


_shared = {
    f"B{code[1:]}": _as_bandit(rule) for code, rule in RUFF.rules.items() if code[1:].isdigit()
    and code.startswith("S")
}  # fmt: skip
BANDIT = Policy(
    "bandit",
    _shared,
    (Family("B3", SHOULD, SECURITY, "security", "A call that can be dangerous",
            "bandit knows it as one that is often misused."),
     Family("B6", SHOULD, SECURITY, "injection", "A call that can be dangerous",
            "bandit knows it as one that is often misused."),
     Family("B7", SHOULD, SECURITY, "xss", "Text may reach a page unescaped",
            "A value with HTML in it becomes part of the page.")),
    frozenset({"B603", "B606", "B607"}),
    page=_BANDIT_PAGE,
)  # fmt: skip

_LIZARD_PAGE = "https://github.com/terryyin/lizard"
LIZARD = Policy(
    "lizard",
    rules_of("lizard", _LIZARD_PAGE, MAINTAINABILITY, (
        Row("complexity", "", SHOULD, "complexity", "The function has too many paths",
            "What does not fit into the head is changed with mistakes and hard to test.",
            "Move a part that has a name of its own into a function."),
    )),
    page=_LIZARD_PAGE,
)  # fmt: skip

SEMGREP = Policy(
    "semgrep",
    {},
    (Family("", SHOULD, SECURITY, "project-rule", "A rule of this project says no",
            "The rule's own message says why."),),
    page="https://semgrep.dev/docs/writing-rules/overview",
)  # fmt: skip

_GITLEAKS_PAGE = "https://github.com/gitleaks/gitleaks"
_GENERIC = Row("generic-api-key", "", SHOULD, "secrets", "A secret seems to stand in the file",
               "It reaches everyone who can read the file.",
        "Keep it outside, and replace it.")  # fmt: skip
GITLEAKS = Policy(
    "gitleaks",
    rules_of("gitleaks", _GITLEAKS_PAGE, SECURITY, (_GENERIC,)),
    (Family("", MUST, SECURITY, "secrets", "A secret stands in the file",
            "It reaches everyone who can read the file, and its history keeps it.",
            "Replace it where it is valid, and keep the new one outside."),),
    page=_GITLEAKS_PAGE,
)  # fmt: skip
