"""The rules of the taint pass: where request data must not get to without care."""

from reviewloop.analysis.contract import Rule
from reviewloop.rules.taint.rules_code import CODE_RULES
from reviewloop.rules.taint.rules_data import DATA_RULES
from reviewloop.rules.taint.rules_web import WEB_RULES

RULES: tuple[Rule, ...] = (*CODE_RULES, *DATA_RULES, *WEB_RULES)
