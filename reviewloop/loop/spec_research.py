"""Researches services before requirements are written: what they support, with sources.

Only for ideas that name AWS or another service. The source of a finding is installed data or a file
of the repository; one without either is dropped and counted.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from reviewloop.dataclass import dataclass
from reviewloop.llm.messages import ToolSpec
from reviewloop.loop.context import RunContext
from reviewloop.regex import regex
from reviewloop.specs.checks.aws import Fact, facts_of
from reviewloop.specs.lines import read_document, sections

TITLE = "Research Findings"

_AWS = r"""
    aws|amazon|boto3|botocore|cloudformation|cdk|s3|sqs|sns|ses|ec2|ecs|eks|rds|iam|dynamodb|lambda|
    cloudfront|cloudwatch|kinesis|cognito|eventbridge|bedrock|fargate|route\s?53|api\ gateway|
    step\ functions|aurora|redshift|secrets\ manager
"""
_OTHERS = r"""
    azure|gcp|google\ cloud|firebase|stripe|paypal|twilio|sendgrid|mailgun|slack|auth0|okta|oauth2?|
    openid|mqtt|kafka|rabbitmq|redis|elasticsearch|opensearch|smtp|openai|web\s?hooks?|
    (?:third[- ]party|external|remote)\ (?:api|service)s?
"""
_SERVICE = regex(
    rf"(?<![\w./-])(?:{_AWS}|{_OTHERS})(?![\w-])|\bAWS::\w+|https?://", re.IGNORECASE | re.VERBOSE
)
_PATH = regex(r"^(?P<path>[^\s:]+?)(?::\d+(?:-\d+)?)?$")
_DELTA = regex(
    r"^(?:# `?specs/[\w./-]+|## (?:ADDED|MODIFIED|REMOVED|RENAMED) Requirements)", re.MULTILINE
)

ENDING = ToolSpec(
    name="write_findings",
    description="Hand in what you found, or an empty list. Nothing you write after it is read.",
    schema={
        "type": "object",
        "required": ["findings"],
        "properties": {
            "findings": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["claim", "supported", "source"],
                    "properties": {
                        "claim": {"type": "string", "description": "one sentence"},
                        "supported": {"type": "boolean"},
                        "source": {
                            "type": "string",
                            "description": (
                                "a path of this repository, botocore, cfn-lint, or @SERVER"
                            ),
                        },
                    },
                },
            }
        },
    },
)


@dataclass(frozen=True)
class ResearchFinding:
    """A fact about a service for the requirements."""

    text: str
    supported: bool | None  # None: it could not be looked up
    source: str
    name: str = ""  # the name it is about, if there is one


@dataclass(frozen=True)
class Research:
    """All findings, and how many had no source that could be checked."""

    findings: tuple[ResearchFinding, ...]
    dropped: int = 0

    def plain(self) -> dict[str, Any]:
        """Return JSON-plain values."""
        return asdict(self)

    @classmethod
    def from_plain(cls, values: Mapping[str, Any]) -> "Research":
        """Rebuild what `plain` returned."""
        found = tuple(ResearchFinding(**one) for one in values.get("findings", ()))
        return cls(found, values.get("dropped", 0))


def touches_service(idea: str) -> bool:
    """Return whether an idea names AWS or another service."""
    return _SERVICE.search(idea) is not None


def request_for(idea: str, servers: Sequence[str] = ()) -> str:
    """Return the research request for the agent, with the facts that are known already."""
    more = f"Ask the tools of {', '.join(servers)}; their source is the server's name. "
    facts = [f"- {_label(one.supported)}: {one.detail} ({one.source or 'nothing to look it up in'})"
             for one in facts_of(idea)]  # fmt: skip
    known = "\n".join(["Looked up already:", *facts, ""]) if facts else ""
    return (
        f"{known}What do requirements have to respect of the services that are named: what they "
        "can do, what not, limits, rights, and what this repository uses of them already? Write "
        "names in full, as in `sqs.send_message_batch`, `aws sqs list-queues` or "
        "`AWS::SQS::Queue.DelaySeconds`: they are looked up. "
        f"{more if servers else ''}What has no source is dropped. Call `write_findings`."
    )


def research_of(idea: str, claims: Sequence[Mapping[str, object]], context: RunContext) -> Research:
    """Return the findings with a source: facts about names, and files of the repository."""
    found: dict[str, ResearchFinding] = {}
    for fact in facts_of(idea):
        found[fact.name] = _of_fact(fact)
    dropped = 0
    for one in claims:
        claim = " ".join(str(one.get("claim", "")).split())
        facts = facts_of(claim)
        for fact in facts:
            found.setdefault(fact.name, _of_fact(fact))
        if any(fact.supported is False for fact in facts):
            continue  # the looked-up facts replace it
        source = _source(str(one.get("source", "")).strip(), context)
        source = source or next((fact.source for fact in facts if fact.source), "")
        if not claim or not source:
            dropped += 1
            continue
        found.setdefault(claim, ResearchFinding(claim, bool(one.get("supported")), source))
    return Research(tuple(found.values()), dropped)


def claims_problem(arguments: Mapping[str, Any]) -> str:
    """Return what is wrong with an agent's claims: unsupported names called supported."""
    findings = arguments.get("findings")
    if not isinstance(findings, list) or not all(isinstance(one, Mapping) for one in findings):
        return "`findings` is no list of objects"
    for one in findings:
        for fact in facts_of(str(one.get("claim", ""))):
            if fact.supported is False and one.get("supported"):
                return f"this is not supported: {fact.detail} ({fact.source})"
    return ""


def with_findings(document: str, research: Research) -> str:
    """Return the requirements with the section of findings, replacing an older one."""
    if not research.findings and not research.dropped:
        return document
    lines = document.split("\n")
    for part in sections(read_document(document.encode("utf-8", "surrogateescape")).lines):
        if part.title == TITLE:
            start, end = part.lines[0].number - 1, part.lines[-1].number
            lines[start:end] = [""] * (end - start)
    text = re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip() + "\n"
    at = delta.start() if (delta := _DELTA.search(text)) else len(text)
    rest = f"\n{text[at:]}" if text[at:] else ""
    return f"{text[:at].rstrip()}\n\n{_section(research)}{rest}"


def constraints_problem(document: str, research: Research) -> str:
    """Return the finding that is missing in the constraints of the requirements, or ""."""
    against = [one for one in research.findings if one.supported is False]
    if not against:
        return ""
    parts = sections(read_document(document.encode("utf-8", "surrogateescape")).lines)
    text = "\n".join(part.text for part in parts if "constraint" in part.title.casefold())
    if not text:
        return f"there is no `## Constraints` that says: {against[0].text} ({against[0].source})"
    left = [one for one in against if one.name and _last(one.name) not in text]
    return f"`## Constraints` does not name {left[0].name}: {left[0].text}" if left else ""


def _last(name: str) -> str:
    """Return the last part of a name, as it is written in a sentence."""
    return re.split(r"[.:\s]+", name.partition("(")[0])[-1]


def _section(research: Research) -> str:
    rows = [f"## {TITLE}", ""]
    for one in research.findings:
        source = f" ({one.source})" if one.source else ""
        rows.append(f"- {_label(one.supported)}: {one.text}{source}")
    if research.dropped:
        count = research.dropped
        noun = "finding" if count == 1 else "findings"
        rows.append(f"- {count} {noun} without a source that could be checked: left out")
    return "\n".join(rows) + "\n"


def _label(supported: bool | None) -> str:
    return {True: "Supported", False: "Not supported", None: "Unverified"}[supported]


def _of_fact(fact: Fact) -> ResearchFinding:
    return ResearchFinding(fact.detail, fact.supported, fact.source, fact.name)


def _source(given: str, context: RunContext) -> str:
    """Return a source that is a file of the repository, or a server that was asked; else ""."""
    if given.startswith("@"):
        return given if _has_answered(given, context) else ""
    match = _PATH.match(given.strip("`"))
    return match[0] if match and context.holds(context.base_tree, match["path"]) else ""


def _has_answered(server: str, context: RunContext) -> bool:
    """Return whether a server that the user named answered in this session."""
    name = server.partition("/")[0]
    named = {one.partition("/")[0] for one in context.record.options.get("servers", ())}
    beginning = f"{name.removeprefix('@')}__"
    return name in named and any(
        str(call.request.get("tool", "")).startswith(beginning) and not call.reply.get("error")
        for call in context.journal.calls("tool")
    )
