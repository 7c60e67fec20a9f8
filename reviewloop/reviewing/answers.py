"""The schemas of the answers: what `report_findings` and `report_resolution` take."""

from typing import Any

REPORT_FINDINGS = "report_findings"
REPORT_RESOLUTION = "report_resolution"

_FINDING: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "title", "why", "suggestion", "path", "quote"],
    "properties": {
        "severity": {"type": "string", "enum": ["must_fix", "should_fix", "nit"]},
        "title": {"type": "string", "description": "one sentence: what is wrong"},
        "why": {"type": "string", "description": "the risk, cost or impact in your field"},
        "suggestion": {"type": "string", "description": "what to do, concretely"},
        "path": {"type": "string", "description": "file in the repository; empty: whole change"},
        "line": {"type": "integer", "description": "first line in the new file, if you know it"},
        "end_line": {"type": "integer"},
        "quote": {
            "type": "string",
            "description": "the code this is about, copied exactly (1 to 10 lines)",
        },
        "category": {
            "type": "string",
            "description": "one word where one fits: injection, xss, crypto, secrets, tls, "
            "public-access, encryption, permissions, dependencies, performance, correctness, "
            "maintainability, test-quality",
        },
        "confidence": {"type": "string", "enum": ["high", "medium", "low"]},
        "replacement": {"type": "string", "description": "exact new lines for the quote"},
        "rule": {"type": "string", "description": "id of the analyser rule this confirms, if any"},
    },
}

_VERDICT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "verdict", "reason"],
    "properties": {
        "id": {"type": "string", "description": "number of the piece of evidence, E3 for example"},
        "verdict": {"type": "string", "enum": ["confirm", "raise", "lower", "reject"]},
        "reason": {"type": "string", "description": "why, in one or two sentences"},
    },
}

FINDINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["findings"],
    "properties": {
        "evidence": {
            "type": "array",
            "items": _VERDICT,
            "description": "your word on every piece of evidence that is marked as yours",
        },
        "findings": {
            "type": "array",
            "items": _FINDING,
            "description": "what you found yourself, beyond the evidence",
        },
    },
}

DEEP_SCHEMA: dict[str, Any] = {
    **FINDINGS_SCHEMA,
    "properties": {
        **FINDINGS_SCHEMA["properties"],
        "fixed": {
            "type": "array",
            "description": "open findings that what was pushed mends; leave out what you cannot "
            "show",
            "items": {
                "type": "object",
                "required": ["id", "quote"],
                "properties": {
                    "id": {"type": "string", "description": "id of the open finding"},
                    "quote": {
                        "type": "string",
                        "description": "pushed code that mends it, copied exactly",
                    },
                },
            },
        },
    },
}
"""What `report_findings` takes where a push is read."""

RESOLUTION_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["resolutions", "new_findings"],
    "properties": {
        "resolutions": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id", "resolved", "quote", "reason"],
                "properties": {
                    "id": {"type": "string", "description": "id of the finding"},
                    "resolved": {"type": "boolean"},
                    "quote": {
                        "type": "string",
                        "description": "code of the fixed file that shows it, copied exactly",
                    },
                    "reason": {"type": "string"},
                },
            },
        },
        "new_findings": {
            "type": "array",
            "items": _FINDING,
            "description": "problems that the fixes themselves introduced",
        },
    },
}

KNOWN_FIELDS = frozenset(_FINDING["properties"]) | {
    *DEEP_SCHEMA["properties"],
    *RESOLUTION_SCHEMA["properties"],
    "file",  # read as path
    "fix",  # read as suggestion
}
"""Names of fields of answers that mean something; all others are ignored, and told in the log."""
