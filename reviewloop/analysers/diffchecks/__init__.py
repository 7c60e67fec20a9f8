"""What a change does to its own review: silenced checks, leftovers, hidden text, copies."""

from reviewloop.analysers.diffchecks.addresses import ADDRESSES
from reviewloop.analysers.diffchecks.attributes import ATTRIBUTES
from reviewloop.analysers.diffchecks.conflicts import CONFLICTS
from reviewloop.analysers.diffchecks.copies import COPIES
from reviewloop.analysers.diffchecks.disguises import DISGUISES
from reviewloop.analysers.diffchecks.endings import LINE_ENDINGS
from reviewloop.analysers.diffchecks.hidden import HIDDEN
from reviewloop.analysers.diffchecks.leftovers import LEFTOVERS
from reviewloop.analysers.diffchecks.names import NAMES
from reviewloop.analysers.diffchecks.steering import STEERING
from reviewloop.analysers.diffchecks.suppressions import SUPPRESSIONS

FILE_CHECKS = (SUPPRESSIONS, CONFLICTS, HIDDEN, ADDRESSES, ATTRIBUTES)
CHANGE_CHECKS = (STEERING, DISGUISES, LEFTOVERS, LINE_ENDINGS, COPIES, NAMES)

__all__ = ["CHANGE_CHECKS", "FILE_CHECKS"]
