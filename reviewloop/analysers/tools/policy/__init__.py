"""The policy: which rules of other people's tools we report, to whom, and how bad they are."""

from reviewloop.analysers.rules import Rule
from reviewloop.analysers.tools.policy.ruff import RUFF
from reviewloop.analysers.tools.policy.zizmor import ZIZMOR

_POLICIES = {policy.tool: policy for policy in (RUFF, ZIZMOR)}


def tool_rule(rule_id: str) -> Rule | None:
    """Return what we say about a tool's rule ("ruff/S608"); None when it is off or unknown."""
    tool, _, code = rule_id.partition("/")
    policy = _POLICIES.get(tool)
    return policy.rule(code) if policy else None
