"""The policy: which rules of other people's tools we report, to whom, and how bad they are."""

from functools import cache

from reviewloop.analysers.rules import Rule
from reviewloop.analysers.tools.policy.rows import Policy


@cache
def policies() -> dict[str, Policy]:
    """Return what we make of each tool, by the family of its rule ids."""
    from reviewloop.analysers.tools.policy import (
        clouds_and_workflows,
        javascript,
        many_languages,
        ruff,
        scripts_and_images,
        zizmor,
    )

    known = (
        *(ruff.RUFF, zizmor.ZIZMOR, scripts_and_images.SHELLCHECK, scripts_and_images.HADOLINT),
        *(clouds_and_workflows.CFN_LINT, clouds_and_workflows.CHECKOV),
        *(clouds_and_workflows.ACTIONLINT, javascript.OXLINT, javascript.BIOME),
        *(many_languages.BANDIT, many_languages.LIZARD, many_languages.SEMGREP),
        many_languages.GITLEAKS,
    )
    return {policy.tool: policy for policy in known}


def tool_rule(rule_id: str) -> Rule | None:
    """Return what we say about a tool's rule ("ruff/S608"); None when it is off or unknown."""
    tool, _, code = rule_id.partition("/")
    policy = policies().get(tool)
    return policy.rule(code) if policy else None
