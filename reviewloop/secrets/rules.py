"""Lists the rules about secrets: one for each row of the vendors' table, and those that guess."""

from reviewloop.analysis.contract import MUST, SECURITY, SHOULD, Rule
from reviewloop.secrets.vendors import VENDOR_RULES, SecretRule

HELD = "held-value"
VENDOR_BY_NAME = "vendor-key-by-name"
_CWE = "https://cwe.mitre.org/data/definitions/798.html"
_WHY = (
    "Whoever can read the repository, now or at any later time, can use it: history keeps it, "
    "and clones, forks and build logs spread it."
)
_FIX = (
    "Revoke it and have a new one issued, because it was on a disk and may be known. Read it from "
    "the environment or a secret store; taking it out of the code alone does not help."
)


def rule_id(name: str) -> str:
    """Return the id in the rule book of a row of the table."""
    return f"secret/{name}"


def _vendor_rule(secret: SecretRule) -> Rule:
    return Rule(
        id=rule_id(secret.name),
        reviewer=SECURITY,
        severity=MUST if secret.stops else SHOULD,
        title=f"{secret.what[0].upper()}{secret.what[1:]} in the code",
        why=_WHY,
        fix=_FIX,
        category="secrets",
        source=secret.source or _CWE,
        # Tests of signatures are full of tokens that were signed with a key in the same file.
        in_tests=secret.name != "json-web-token",
        in_examples=True,
        in_fixtures=secret.name != "json-web-token",
        hard=True,
    )


# What is said about a place; the value follows, redacted.
BY_NAME = {
    "password": "A password is written down in",
    "generic-api-key": "A key is written down in",
    "basic-auth-url": "An address carries a password",
    "connection-string": "A connection string carries a password",
    "authorization-header": "A header carries credentials",
}
_HELD = Rule(
    id=rule_id(HELD),
    reviewer=SECURITY,
    severity=MUST,
    title="A secret that this machine holds stands in the code",
    why="The value of a variable of the environment, of a `.env` file, of an AWS profile or of "
    "git's configuration stands in the change, as it is or encoded. " + _WHY,
    fix=_FIX,
    category="secrets",
    source=_CWE,
    in_tests=True,
    in_examples=True,
    in_fixtures=True,
    hard=True,
)
RULES: tuple[Rule, ...] = (_HELD, *(_vendor_rule(secret) for secret in VENDOR_RULES))
