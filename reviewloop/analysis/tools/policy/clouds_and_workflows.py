"""What cfn-lint, checkov (cloud resources) and actionlint (workflows) mean to us."""

from reviewloop.analysis.contract import INFRASTRUCTURE, MUST, NIT, SECURITY, SHOULD
from reviewloop.analysis.tools.policy.rows import Family, Policy, Row, rules_of

_CFN_PAGE = "https://github.com/aws-cloudformation/cfn-lint/blob/main/docs/rules.md"
_CFN_ROWS = (
    Row("E0000", "", MUST, "correctness", "The template cannot be parsed",
        "CloudFormation refuses it.", "Correct the syntax."),
)  # fmt: skip
_CFN_FAMILIES = (
    Family("E", SHOULD, INFRASTRUCTURE, "correctness", "CloudFormation will refuse the template",
           "The deployment fails, in the worst case half way."),
    Family("W", NIT, INFRASTRUCTURE, "correctness", "The template is valid, but hardly meant",
           "It works by chance, or holds what is not used."),
)  # fmt: skip
CFN_LINT = Policy(
    "cfn-lint", rules_of("cfn-lint", _CFN_PAGE, INFRASTRUCTURE, _CFN_ROWS), _CFN_FAMILIES,
    page=_CFN_PAGE,
)  # fmt: skip

CHECKOV = Policy(
    "checkov",
    {},
    (
        Family("CKV_SECRET", SHOULD, SECURITY, "secrets", "A secret seems to stand in the file",
               "It reaches everyone who can read the file."),
        # No severities without an account, and many hits on sound resources: hence nits.
        Family("CKV", NIT, INFRASTRUCTURE, "configuration", "A resource is not set up as advised",
               "checkov's page about the check says what is at risk."),
    ),
    page="https://www.checkov.io/5.Policy%20Index/all.html",
)  # fmt: skip

_ACTIONLINT_PAGE = "https://github.com/rhysd/actionlint/blob/main/docs/checks.md"
_ACTIONLINT_ROWS = (
    Row("syntax-check", "", MUST, "correctness", "The workflow is not valid",
        "GitHub does not run it.", "Correct it."),
    Row("expression", "", SHOULD, "correctness", "An expression that cannot be right",
        "It is empty or fails when the workflow runs.", "Correct it."),
    Row("credentials", "", MUST, "secrets", "A registry password stands in the file",
        "Everyone who can read the file has it.", "Use ${{ secrets.… }}."),
    Row("runner-label", "", NIT, "correctness", "An unknown runner", "The job waits for ever.",
        "Correct the label."),
)  # fmt: skip
ACTIONLINT = Policy(
    "actionlint",
    rules_of("actionlint", _ACTIONLINT_PAGE, INFRASTRUCTURE, _ACTIONLINT_ROWS),
    (
        Family("", SHOULD, INFRASTRUCTURE, "correctness", "The workflow does not do what it says",
               "It is noticed only when it runs."),
    ),
    page=_ACTIONLINT_PAGE,
)  # fmt: skip
