"""What secrets look like: every rule of every family, the more telling ones first."""

from reviewloop.secrets.rule import NamedRule, SecretRule
from reviewloop.secrets.vendors_cloud import CLOUD
from reviewloop.secrets.vendors_code import CODE
from reviewloop.secrets.vendors_formats import ASSIGNED, FORMATS
from reviewloop.secrets.vendors_named import NAMED
from reviewloop.secrets.vendors_services import SERVICES

# Those with a shape of their own. Prefixes keep ordinary code from tripping them.
VENDOR_RULES: tuple[SecretRule, ...] = (*CLOUD, *CODE, *SERVICES, *FORMATS)
# The last one only guesses from a name, and therefore never stops anything and masks nothing.
RULES: tuple[SecretRule, ...] = (*VENDOR_RULES, ASSIGNED)
NAMED_RULES: tuple[NamedRule, ...] = NAMED
