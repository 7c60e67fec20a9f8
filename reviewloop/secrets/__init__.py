"""Finds and redacts secrets: vendors' tokens, passwords in code, values held by this machine.

This is a safety layer of the loop, not a rule pack: no text leaves the machine, is stored or is
shown without it. All other packages import from this module only.
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
