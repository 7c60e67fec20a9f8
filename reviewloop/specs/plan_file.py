"""The implementation plan beside a spec: its path, and the text that users wrote in it."""

import hashlib
import json
import re
from collections.abc import Mapping

from reviewloop.regex import regex

ANALYSIS = "Analysis"
FILES = "File Structure"
STEPS = "Implementation Steps"
DEPENDENCIES = "Dependencies"
RISKS = "Risk Mitigation"
DECISIONS = "Architectural Decisions"
CONSIDERATIONS = "Additional considerations"
"""The section that belongs to the user: it is never rewritten, and every briefing has it."""

_NAME = "implementation-plan.md"
_RECORD = regex(r"\n*^<!-- reviewloop-plan (\{.*\}) -->[ \t]*(?:\n|\Z)", re.MULTILINE)
_HINT = "_Yours: what stands here reaches the brief of every task._"


def plan_path(spec_path: str) -> str:
    """Return the path of a spec's plan; the spec is a folder or a file."""
    if spec_path.endswith(".md"):
        return f"{spec_path.removesuffix('.md').removesuffix('-spec')}-{_NAME}"
    return f"{spec_path}/{_NAME}"


def is_plan(path: str) -> bool:
    """Whether a file has the name of a plan."""
    return path.endswith(_NAME)


def additions_in(text: str) -> str:
    """Return the text that users added to a plan of ours, under its headings, "" for none.

    Of another plan it is only the user's section, found by its name.
    """
    edited = edited_sections(text) if _RECORD.search(_lined(text)) else frozenset((CONSIDERATIONS,))
    bodies = {name: body for name, body in sections_of(text).items() if name in edited}
    bodies.pop(ANALYSIS, None)  # facts, not decisions
    bodies[CONSIDERATIONS] = bodies.pop(CONSIDERATIONS, "").replace(_HINT, "").strip()
    return "\n\n".join(f"## {name}\n\n{body}" for name, body in bodies.items() if body)


def without_record(text: str) -> str:
    """Return the plan without the record of what we wrote."""
    return _RECORD.sub("\n", _lined(text))


def sections_of(text: str) -> dict[str, str]:
    """Return {heading: text below it} of the sections of a plan, in its order.

    The user's section is found in any letter case; sections of the same name are joined.
    """
    parts = re.split(r"^## (.+?)[ \t]*$", _RECORD.sub("\n\n", _lined(text)), flags=re.MULTILINE)[1:]
    found: dict[str, str] = {}
    for written, body in zip(parts[::2], parts[1::2], strict=True):
        is_own = written.casefold() == CONSIDERATIONS.casefold()
        name = CONSIDERATIONS if is_own else written
        before = found.get(name, "").replace(_HINT, "").strip() if name in found else ""
        found[name] = "\n\n".join(filter(None, (before, body.strip())))
    return found


def edited_sections(text: str) -> frozenset[str]:
    """Return the sections that differ from what we wrote; all of a plan that is not ours."""
    found, sections = _RECORD.search(_lined(text)), sections_of(text)
    try:
        digests: Mapping[str, str] = json.loads(found[1]) if found else {}
    except ValueError:
        digests = {}
    return frozenset(name for name, body in sections.items() if digests.get(name) != _digest(body))


def plan_text(title: str, head: str, sections: Mapping[str, str], kept: Mapping[str, str]) -> str:
    """Return the text of a plan; `kept` are sections as users have them, `sections` are ours."""
    named = {**sections, **kept}
    named.setdefault(CONSIDERATIONS, _HINT)
    body = "\n\n".join(f"## {name}\n\n{text or 'none'}" for name, text in named.items())
    digests = {name: _digest(text or "none") for name, text in sections.items()}
    digests.setdefault(CONSIDERATIONS, _digest(_HINT))
    record = json.dumps(digests, sort_keys=True)
    return f"# {title}\n\n{head}\n\n{body}\n\n<!-- reviewloop-plan {record} -->\n"


def _lined(text: str) -> str:
    """Return a text with our line ends."""
    return text.replace("\r\n", "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
