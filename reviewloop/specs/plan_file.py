"""The implementation plan beside a spec: where it lies, and what users wrote into it."""

import hashlib
import json
import re
from collections.abc import Mapping

CONSIDERATIONS = "Additional considerations"
"""The section that is the user's: it is never rewritten, and every brief has it."""

_NAME = "implementation-plan.md"
_RECORD = re.compile(r"\n*<!-- reviewloop-plan (\{.*\}) -->\s*$")
_HINT = "_Yours: what stands here reaches the brief of every task._"


def plan_path(spec_path: str) -> str:
    """Return the path of the plan of a spec, which is a folder or a file."""
    if spec_path.endswith(".md"):
        return f"{spec_path.removesuffix('.md').removesuffix('-spec')}-{_NAME}"
    return f"{spec_path}/{_NAME}"


def is_plan(path: str) -> bool:
    """Whether a file is called as plans are."""
    return path.endswith(_NAME)


def considerations_in(text: str) -> str:
    """Return what users wrote into their section, "" for nothing."""
    return sections_of(text).get(CONSIDERATIONS, "").replace(_HINT, "").strip()


def sections_of(text: str) -> dict[str, str]:
    """Return {heading: text below it} of the sections of a plan, in its order."""
    parts = re.split(r"^## (.+?)[ \t]*$", _RECORD.sub("", text), flags=re.MULTILINE)[1:]
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def edited_sections(text: str) -> frozenset[str]:
    """Return the sections that are not as they were written; all of a plan that is not ours."""
    found, sections = _RECORD.search(text), sections_of(text)
    try:
        digests: Mapping[str, str] = json.loads(found[1]) if found else {}
    except ValueError:
        digests = {}
    return frozenset(name for name, body in sections.items() if digests.get(name) != _digest(body))


def plan_text(title: str, head: str, sections: Mapping[str, str], kept: Mapping[str, str]) -> str:
    """Return a plan; `kept` are sections as users have them, `sections` are as we write them."""
    named = {**sections, **kept}
    named.setdefault(CONSIDERATIONS, _HINT)
    body = "\n\n".join(f"## {name}\n\n{text or 'none'}" for name, text in named.items())
    digests = {name: _digest(text or "none") for name, text in sections.items()}
    digests.setdefault(CONSIDERATIONS, _digest(_HINT))
    record = json.dumps(digests, sort_keys=True)
    return f"# {title}\n\n{head}\n\n{body}\n\n<!-- reviewloop-plan {record} -->\n"


def _digest(text: str) -> str:
    return hashlib.sha256(text.strip().encode()).hexdigest()[:16]
