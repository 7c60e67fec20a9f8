"""The rules about infrastructure code that functions find, by name."""

from reviewloop.rules.catalogue import rule, rules_of

OPEN_TO_THE_INTERNET = rule("infra/open-to-the-internet")
IAM_ADMIN = rule("infra/iam-admin")
IAM_WILDCARD = rule("infra/iam-wildcard")
IAM_PUBLIC_PRINCIPAL = rule("infra/iam-public-principal")
IAM_ALLOW_ALL_BUT = rule("infra/iam-allow-all-but")
IAM_MISSING_CONDITION = rule("infra/iam-missing-condition")
LITERAL_SECRET = rule("infra/literal-secret")
SECRET_NOT_SENSITIVE = rule("infra/secret-not-sensitive")
UNPINNED_MODULE = rule("infra/unpinned-module")
STATE_UNPROTECTED = rule("infra/state-unprotected")
COUPLED_STACKS = rule("infra/coupled-stacks")
HARD_CODED_ACCOUNT = rule("infra/hard-coded-account")
QUEUE_WITHOUT_DEAD_LETTERS = rule("infra/queue-without-dead-letters")
QUEUE_HIDES_TOO_BRIEFLY = rule("infra/queue-hides-too-briefly")
REQUIRED_TAGS = rule("infra/required-tags")

RULES = tuple(each for each in rules_of("infra") if each is not REQUIRED_TAGS)
"""Those of a single file."""
