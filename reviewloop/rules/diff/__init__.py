"""Checks what a change does to its own review: silenced checks, leftovers, hidden text, copies."""

from reviewloop.rules.diff.copies import COPIES
from reviewloop.rules.diff.hidden import HIDDEN
from reviewloop.rules.diff.leftovers import CONFLICTS, LEFTOVERS, LINE_ENDINGS
from reviewloop.rules.diff.names import ADDRESSES, NAMES
from reviewloop.rules.diff.steering import ATTRIBUTES, DISGUISES, STEERING
from reviewloop.rules.diff.suppressions import SUPPRESSIONS

FILE_CHECKS = (SUPPRESSIONS, CONFLICTS, HIDDEN, ADDRESSES, ATTRIBUTES)
CHANGE_CHECKS = (STEERING, DISGUISES, LEFTOVERS, LINE_ENDINGS, COPIES, NAMES)

__all__ = ["CHANGE_CHECKS", "FILE_CHECKS"]
