"""Finds and redacts secrets: what vendors issue, passwords written down, what this machine holds.

This is safety of the loop, not a pack of rules: nothing that holds a secret leaves the machine, is
stored or is shown without passing here. Everybody else imports from this door only.
"""

from reviewloop.secrets.check import CHECKS, checks_with, find_new_exposures
from reviewloop.secrets.file_names import WITHHELD_PATTERNS, is_environment_file, withheld_by_name
from reviewloop.secrets.held_secrets import (
    HeldSecrets,
    names_a_secret,
    secrets_in_address,
    secrets_in_value,
)
from reviewloop.secrets.redaction import (
    MisplacedSecretError,
    Redactor,
    canonical,
    redact,
    redact_columns,
)
from reviewloop.secrets.scan import SecretHit, redact_value, scan_text
from reviewloop.secrets.vendors import HELD, SecretRule

__all__ = [
    "CHECKS",
    "HELD",
    "WITHHELD_PATTERNS",
    "HeldSecrets",
    "MisplacedSecretError",
    "Redactor",
    "SecretHit",
    "SecretRule",
    "canonical",
    "checks_with",
    "find_new_exposures",
    "is_environment_file",
    "names_a_secret",
    "redact",
    "redact_columns",
    "redact_value",
    "scan_text",
    "secrets_in_address",
    "secrets_in_value",
    "withheld_by_name",
]
