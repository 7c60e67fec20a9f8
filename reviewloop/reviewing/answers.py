"""The schemas of the answers: what `report_findings` and `report_resolution` take."""

from typing import Any

REPORT_FINDINGS = "report_findings"
REPORT_RESOLUTION = "report_resolution"

_FINDING: dict[str, Any] = {
    "type": "object",
    "required": ["severity", "title", "why", "suggestion", "path", "quote"],
    "properties": {
        "severity": {"type": "string", "enum": ["must_fix", "should_fix", "nit"]},
        "title": {"type": "string"},
        "why": {"type": "string", "description": "the risk, cost or impact in your field"},
        "suggestion": {"type": "string", "description": "what to do, concretely"},
        "path": {"type": "string", "description": "empty: the whole change"},
        "line": {"type": "integer", "description": "first line in the new file, if known"},
        "quote": {
            "type": "string",
            "description": "1 to 10 lines of code, copied exactly",
        },
        "category": {
            "type": "string",
            "description": "injection, xss, crypto, secrets, encryption, permissions, ...",
        },
        "confidence": {"type": "string", "enum": ["high", "medium", "low"]},
        "replacement": {"type": "string", "description": "exact new lines for the quote, if known"},
    },
}

_VERDICT: dict[str, Any] = {
    "type": "object",
    "required": ["id", "verdict", "reason"],
    "properties": {
        "id": {"type": "string", "description": "of the evidence, such as E3"},
        "verdict": {"type": "string", "enum": ["confirm", "raise", "lower", "reject"]},
        "reason": {"type": "string"},
    },
}

FINDINGS_SCHEMA: dict[str, Any] = {
    "type": "object",
    "required": ["findings"],
    "properties": {
        "evidence": {
            "type": "array",
            "items": _VERDICT,
            "description": "a verdict on each piece of evidence that is marked as yours",
        },
        "findings": {
            "type": "array",
            "items": _FINDING,
            "description": "what you found beyond the evidence",
        },
    },
}

DEEP_SCHEMA: dict[str, Any] = {
    **FINDINGS_SCHEMA,
    "properties": {
        **FINDINGS_SCHEMA["properties"],
        "fixed": {
            "type": "array",
            "description": "open findings that what was pushed fixes; leave out what you cannot "
            "show",
            "items": {
                "type": "object",
                "required": ["id", "quote"],
                "properties": {
                    "id": {"type": "string", "description": "id of the open finding"},
                    "quote": {
                        "type": "string",
                        "description": "pushed code that fixes it, copied exactly",
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
    *("rule", "end_line"),  # read, but not asked for: verdicts and quotes say it
    "file",  # read as path
    "fix",  # read as suggestion
}
"""Names of fields of answers that mean something; all others are ignored, and told in the log."""
