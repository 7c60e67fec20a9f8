"""The rules of a SARIF log: what each finding is an instance of, with help for people."""

from collections.abc import Iterable
from typing import Any

from reviewloop.analysis.contract import SECURITY, Rule
from reviewloop.findings import Finding, Severity
from reviewloop.output.markdown_text import code, plain
from reviewloop.output.review_words import Rules
from reviewloop.output.rule_links import explained_at, rule_link, weaknesses
from reviewloop.output.untrusted import one_line, safe

LEVELS = {Severity.MUST_FIX: "error", Severity.SHOULD_FIX: "warning", Severity.NIT: "note"}
# GitHub's scale: from 7.0 on "high", from 4.0 on "medium", below "low".
_SECURITY_SEVERITY = {Severity.MUST_FIX: "8.0", Severity.SHOULD_FIX: "5.0", Severity.NIT: "2.0"}
_CONFIDENCE = ("high", "medium", "low")


def rule_id(finding: Finding) -> str:
    """Return the id of a finding's rule; what a reviewer says by itself has one of its own."""
    if finding.rule:
        return one_line(finding.rule)
    return f"reviewer/{one_line(finding.agents[0]) if finding.agents else 'unknown'}"


def descriptors(findings: Iterable[Finding], rules: Rules) -> list[dict[str, Any]]:
    """Return the descriptors of all rules that findings are of, sorted by id."""
    groups: dict[str, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(rule_id(finding), []).append(finding)
    return [_descriptor(key, groups[key], rules) for key in sorted(groups)]


def _descriptor(key: str, findings: list[Finding], rules: Rules) -> dict[str, Any]:
    rule = rules(findings[0].rule) if findings[0].rule else None
    worst = min((finding.severity for finding in findings), key=lambda s: s.rank)
    title = one_line(rule.title) if rule else _untitled(key, findings)
    descriptor: dict[str, Any] = {
        "id": key,
        "name": _name(key),
        "shortDescription": {"text": title},
        "fullDescription": {"text": safe(rule.why) if rule and rule.why else title},
        "help": _help(key, title, rule),
        "defaultConfiguration": {"level": LEVELS[rule.severity if rule else worst]},
        "properties": {"tags": _tags(findings, rule), "precision": _precision(findings)},
    }
    if url := explained_at(rule) if rule else rule_link(findings[0], rules):
        descriptor["helpUri"] = url
    if _is_security(findings, rule):
        descriptor["properties"]["security-severity"] = _SECURITY_SEVERITY[worst]
    return descriptor


def _untitled(key: str, findings: list[Finding]) -> str:
    if findings[0].rule:
        return one_line(findings[0].title).replace("](", "] (")  # no link of others
    return f"What {key.partition('/')[2]} found by reading"


def _name(key: str) -> str:
    """Return the id in the form that SARIF viewers show: `TaintSqlInjection`."""
    words = key.replace("/", "-").replace("_", "-").split("-")
    return "".join(word[:1].upper() + word[1:] for word in words)


def _help(key: str, title: str, rule: Rule | None) -> dict[str, str]:
    told = [("Why", rule.why), ("Fix", rule.fix), ("Source", rule.source)] if rule else []
    parts = [(label, safe(text)) for label, text in told if text]
    hint = f"reviewloop explain {key}"
    text = "\n\n".join([f"{title}.", *(f"{label}: {body}" for label, body in parts), hint])
    head = f"{title}." if rule else f"{plain(title)}."
    lines = [head, *(f"**{label}:** {body}" for label, body in parts), code(hint)]
    return {"text": text, "markdown": "\n\n".join(lines)}


def _tags(findings: list[Finding], rule: Rule | None) -> list[str]:
    tags = {one_line(finding.category) for finding in findings}
    tags |= {one_line(agent).removeprefix("review-") for f in findings for agent in f.agents}
    if _is_security(findings, rule):
        tags.add("security")
    if rule:
        tags.add(rule.category)
        tags |= {f"external/cwe/cwe-{number:03}" for number in weaknesses(rule)}
    return sorted(tags - {""})[:20]


def _precision(findings: list[Finding]) -> str:
    said = {finding.confidence for finding in findings}
    return next((level for level in _CONFIDENCE if level in said), "medium")


def _is_security(findings: list[Finding], rule: Rule | None) -> bool:
    if rule:
        return rule.reviewer == SECURITY
    return any(SECURITY in finding.agents for finding in findings)
