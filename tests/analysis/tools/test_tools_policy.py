"""The policy for tools' rules: severity, reviewer, path classes, disabled rules."""

import pytest

from reviewloop.analysis.contract import MUST, NIT, SHOULD
from reviewloop.analysis.tools import TOOLS, tool_rule
from reviewloop.analysis.tools.policy import policy_of


def split(text: str) -> list[str]:
    return text.split()


MUST_FIX = split(
    """
    F821 F811 F823 F621 F622 F631 F632 F633 F634 F701 F702 F704 F706 F707 F501
    F502 F503 F505 F506 F507 F508 F509 F521 F524 F525 E902 invalid-syntax T100 B002
    B015 B016 B030 B032 B035 PLE0101 PLE1205 PLE2502 PLW0129
    S501 S502 S503 S504 S505 S506 S507 S201 S612 S701
    """
)
SHOULD_FIX = split(
    """
    S102 S307 S301 S302 S324 S303 S304 S305 S306 S308 S321
    S323 S601 S602 S604 S605 S608 S610 S611 S103 S202 S702 S704 S113 ASYNC100
    ASYNC110 ASYNC210 ASYNC230 ASYNC251 B019 BLE001 E722 B020 B006 B008 B018 B024 B026 B904 C901
    F601 F602 F822 B005 B012 B014 B021 B022 B025 B029 B031 B039 PLE0302 PLE1310 S508 S509 S609
    SIM115 B023 PLW1509 PLW1510 B017 B011 PT017 PT028 PT031 RUF200 PLE2515
    """
)
NITS = split(
    """
    PLW1508 PT012
    PERF101 PERF401 C400 C419 SIM102 SIM118 SIM201 F401 F841 PLR0911 PLR0915 S104 S108 S110 S112
    S310 S311 EXE005 LOG009 S105 S106 S107 S313 S314 S315 S316 S317 S318 S319
    """
)
OFF = split(
    """
    S101 S401 S403 S404 S413 S415 S603 S606 S607 RUF001 RUF003 RUF012 RUF100 ANN001 D100 DOC201
    FBT001 COM812 EM101 CPY001 INP001 TID252 SLF001 TC001 PTH118 N801 ARG001 Q000 W291 I001
    ERA001 TD002 FIX001 A001 PLC0415 PLR2004 PLC1901 PLC2701 B028 B905 UP006
    pytest-fixture-autouse
    """
)


@pytest.mark.parametrize(
    ("codes", "severity"), [(MUST_FIX, MUST), (SHOULD_FIX, SHOULD), (NITS, NIT)]
)
def test_severities_of_ruff_are_as_measured(codes, severity):
    wrong = {code: rule for code in codes if not (rule := tool_rule(f"ruff/{code}"))}
    assert wrong == {}
    other = {c: r.severity for c in codes if (r := tool_rule(f"ruff/{c}")).severity != severity}
    assert other == {}


def test_rules_that_are_off_are_off():
    assert [code for code in OFF if tool_rule(f"ruff/{code}")] == []
    assert tool_rule("nobody/x") is None
    assert tool_rule("ruff") is None


@pytest.mark.parametrize(
    ("reviewer", "codes"),
    [
        ("review-security", ["ruff/S608", "ruff/S324", "bandit/B602", "gitleaks/aws",
                             "oxlint/no-eval"]),
        ("review-performance", ["ruff/PERF401", "ruff/ASYNC210", "ruff/C419", "ruff/B019",
                                "ruff/S113", "ruff/RUF015", "ruff/PLC0207"]),
        ("review-test-quality", ["ruff/PT012", "ruff/B011", "ruff/B015", "ruff/B017", "ruff/F631",
                                 "ruff/PLW0129"]),
        ("review-maintainability", ["ruff/F821", "ruff/C901", "ruff/BLE001", "ruff/SIM115",
                                    "lizard/complexity", "oxlint/no-debugger"]),
        ("review-infrastructure", ["zizmor/template-injection", "ruff/RUF200", "ruff/EXE005",
                                   "shellcheck/SC2086", "hadolint/DL3008", "cfn-lint/E3002",
                                   "actionlint/expression", "checkov/CKV_AWS_1"]),
    ],
)  # fmt: skip
def test_every_reviewer_has_its_tools(reviewer, codes):
    assert {code: tool_rule(code).reviewer for code in codes} == dict.fromkeys(codes, reviewer)


def test_workflow_rules_that_open_a_hole_are_red():
    red = """template-injection dangerous-triggers insecure-commands github-env
             hardcoded-container-credentials known-vulnerable-actions impostor-commit"""
    assert {tool_rule(f"zizmor/{name}").severity for name in red.split()} == {MUST}
    assert tool_rule("zizmor/unpinned-uses").severity is SHOULD
    assert tool_rule("zizmor/an-audit-of-next-year").severity is SHOULD


def test_rules_about_hygiene_are_silent_in_tests_and_those_about_crashes_are_not():
    for code in ("S105", "S608", "S324", "BLE001", "C901", "PLR0913", "B018", "F811", "PERF401"):
        assert not tool_rule(f"ruff/{code}").in_tests, code
        assert not tool_rule(f"ruff/{code}").in_examples, code
    for code in ("F821", "PLE1205", "invalid-syntax", "PT012", "F631", "B017"):
        assert tool_rule(f"ruff/{code}").in_tests, code
    assert not tool_rule("ruff/PT012").in_product
    assert not any(tool_rule(f"ruff/{code}").in_fixtures for code in (*MUST_FIX, *SHOULD_FIX))


def test_what_a_change_can_cause_elsewhere_is_marked():
    caused = {code for code in (*MUST_FIX, *SHOULD_FIX, *NITS) if tool_rule(f"ruff/{code}").caused}
    assert caused == {"F401", "F811", "F821", "F841"}


def test_every_row_says_why_what_to_do_and_where_it_is_explained():
    for tool in TOOLS:
        for code, rule in tool.policy.rules.items():
            assert rule.id == f"{tool.name}/{code}"
            assert rule.title, rule.id
            assert rule.why, rule.id
            assert rule.source.startswith("https://"), rule.id
            assert rule.category, rule.id
            assert rule.fix or rule.severity is NIT, rule.id


def test_address_of_a_ruff_rule_is_its_page():
    page = "https://docs.astral.sh/ruff/rules/hardcoded-sql-expression/"
    assert tool_rule("ruff/S608").source == page


def test_the_selection_asks_for_what_the_policy_knows():
    selected = policy_of("ruff").selection[1].split(",")
    asked = [c for c in (*MUST_FIX, *SHOULD_FIX, *NITS) if not c.startswith(tuple(selected))]
    assert asked == ["invalid-syntax"]


@pytest.mark.parametrize("tool", TOOLS, ids=lambda tool: tool.name)
def test_rows_are_complete(tool):
    assert tool.policy.tool == tool.name
    assert tool.get
    assert tool.licence
    assert tool.languages
    assert any("{" in argument for argument in tool.arguments)


def test_reviewers_wait_for_no_slow_tool():
    slow = {tool.name for tool in TOOLS if tool.slow}
    assert slow == {"bandit", "semgrep", "cfn-lint", "checkov", "gitleaks", "eslint"}
