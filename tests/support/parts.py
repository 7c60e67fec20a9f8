"""Parts for plays of a test's own: agents made of a few answers, on the project of `support.shop`.

    server.answer = cast(implement=writes({"a.py": "..."}), **{"review-security": finds(SECURITY)})

Whoever is given no part does what a quiet run needs: the implementer writes a clean `items_of` and
its test, reviewers find nothing, the fixer ends without an edit, quick-review resolves nothing.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from support.bedrock import Answer, Received, calls, reply
from support.play import ONE_QUERY, QUOTE_TEST, TEST, agent_of, done, replace, write

Part = Callable[[Received], Answer]

CLEAN = f'''"""Search."""


def items_of(db, customer):
    """Return the items of a customer, oldest first."""
{ONE_QUERY}
'''


def cast(**parts: Part) -> Part:
    """Return the play in which these agents play these parts; `-` is written `_`."""
    named = {name.replace("_", "-"): part for name, part in parts.items()}
    nothing = finds()

    def play(received: Received) -> Answer:
        agent = agent_of(received)
        return (named.get(agent) or QUIET.get(agent) or nothing)(received)

    return play


def says(*answers: Answer) -> Part:
    """Return the part that gives one answer per turn, the last one for ever."""
    return lambda received: answers[min(received.turn, len(answers) - 1)]


def writes(files: Mapping[str, str], subject: str = "") -> Part:
    """Return an agent that writes these files and is done."""
    made = [write(path, text) for path, text in files.items()]
    return says(reply(*made), done("Wrote it.", subject))


def replaces(path: str, old: str, new: str) -> Part:
    """Return an agent that replaces one place and is done."""
    return says(reply(replace(path, old, new)), done("Changed it."))


def finds(*findings: Mapping[str, Any]) -> Part:
    """Return a reviewer that reports these findings at once."""
    return says(calls("report_findings", {"findings": list(findings)}))


def found(severity: str, title: str, quote: str, path: str = "shop/search.py", **more: Any) -> Any:
    """Return a finding as a reviewer reports it."""
    texts = {"why": "It matters.", "suggestion": "Change it."}
    return {"severity": severity, "title": title, "quote": quote, "path": path, **texts, **more}


def resolves(quotes: Mapping[str, str], *, new: tuple[Any, ...] = ()) -> Part:
    """Return a quick-review that takes the findings of these titles as resolved, with a quote."""

    def part(received: Received) -> Answer:
        answers = [
            {
                "id": ident,
                "resolved": title in quotes,
                "quote": quotes.get(title, ""),
                "reason": "read the fix",
            }
            for ident, title in asked_about(received)
        ]
        return calls("report_resolution", {"resolutions": answers, "new_findings": list(new)})

    return part


def asked_about(received: Received) -> list[tuple[str, str]]:
    """Return (id, title) of the findings in a request to quick-review or to the fixer."""
    return re.findall(r"^id: (\w+)\n(?:.*\n){2,3}?title: (.*)$", received.said, re.MULTILINE)


QUIET: dict[str, Part] = {
    "implement": writes(
        {"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST},
        "Find the items of a customer",
    ),
    "repair": says(done("Nothing to mend.")),
    "fix": says(done("Nothing to fix.")),
    "quick-review": resolves({}),
}
