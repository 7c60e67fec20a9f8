"""The models' parts in the end-to-end tests: who is asked, and what they answer, over HTTP.

The play on `support.shop`: the implementer's first version fails its own test, is repaired, and
still holds an injection, an N+1 query and a missing test. The reviewers find them. The fix of the
injection breaks a test first and is retried. One nit is only listed.
"""

import re
from collections.abc import Callable
from typing import Any

from support.bedrock import Answer, Received, calls, reply, tool_use

REVIEWERS = (
    "review-infrastructure",
    "review-maintainability",
    "review-performance",
    "review-security",
    "review-test-quality",
)

INJECTION = (
    "    rows = db.execute(f\"select id from orders where customer = '{customer}'\").fetchall()"
)
N_PLUS_ONE = (
    '    item = "select item from orders where id = ?"\n'
    "    return [db.execute(item, row).fetchone()[0] for row in rows]"
)
BOUND = '    rows = db.execute("select id from orders where customer = ?", (customer,)).fetchall()'
ONE_QUERY = (
    '    rows = db.execute("select item from orders where customer = ? order by id", (customer,))\n'
    "    return [item for (item,) in rows]"
)
SEARCH = f'''"""Search."""


def items_of(db, customer):
    """Return the items of a customer, oldest first."""
{INJECTION}
{N_PLUS_ONE}
'''
BROKEN = SEARCH.replace(N_PLUS_ONE, "    return []")
TEST = """from shop.search import items_of
from shop.store import add, connect


def test_items_come_in_the_order_they_were_stored():
    db = connect()
    for item in ("pen", "ink"):
        add(db, "ada", item)
    assert items_of(db, "ada") == ["pen", "ink"]
"""
QUOTE_TEST = """

def test_a_quote_in_a_name_is_no_sql():
    db = connect()
    add(db, "o'hara", "pen")
    assert items_of(db, "o'hara") == ["pen"]
"""

SECURITY = {
    "severity": "must_fix",
    "title": "The customer's name becomes part of the SQL",
    "category": "injection",
    "why": "A name with a quote reads every order.",
    "suggestion": "Bind the name.",
    "path": "shop/search.py",
    "quote": INJECTION,
}
PERFORMANCE = {
    "severity": "should_fix",
    "title": "One query for each order",
    "category": "performance",
    "why": "1 + N queries per call.",
    "suggestion": "Select the items at once.",
    "path": "shop/search.py",
    "quote": N_PLUS_ONE,
}
TESTS = {
    "severity": "should_fix",
    "title": "No test for a name with a quote",
    "why": "The injection would go unnoticed.",
    "suggestion": "Add a test with o'hara.",
    "path": "tests/test_search.py",
    "quote": "def test_items_come_in_the_order_they_were_stored():",
}
NIT = {
    "severity": "nit",
    "title": "`rows` says little",
    "why": "",
    "suggestion": "Call it ids.",
    "path": "shop/search.py",
    "quote": INJECTION,
}
FOUND: dict[str, list[dict[str, Any]]] = {
    "review-security": [SECURITY],
    "review-performance": [PERFORMANCE],
    "review-test-quality": [TESTS],
    "review-maintainability": [NIT],
    "review-infrastructure": [],
    "review-spec": [],
}


def agent_of(received: Received) -> str:
    """Return which agent a request is from: its tools and its first message tell."""
    if "report_resolution" in received.tools:
        return "quick-review"
    if "report_findings" in received.tools:
        named = re.search(r"# Your part: (\S+)", received.said)
        return named[1] if named else "reviewer"
    if "# Fix exactly this finding" in received.said:
        return "fix"
    return "repair" if "# The checks that failed" in received.said else "implement"


def write(path: str, content: str) -> dict[str, Any]:
    """Return a call that creates a file."""
    args = {"command": "create", "path": path, "file_text": content}
    return tool_use("fs_write", args)


def replace(path: str, old: str, new: str) -> dict[str, Any]:
    """Return a call that replaces one place in a file."""
    args = {"command": "str_replace", "path": path, "old_str": old, "new_str": new}
    return tool_use("fs_write", args)


def done(words: str, subject: str = "") -> Answer:
    """Return the call that ends an agent's part."""
    return calls("finish", {"summary": words, "subject": subject})


def play(received: Received) -> Answer:
    """Answer as the play says."""
    return PARTS[agent_of(received)](received)


def implement(received: Received) -> Answer:
    """Write a first version that fails its own test."""
    steps = [
        calls("fs_read", {"path": "shop/store.py"}),
        reply(write("shop/search.py", BROKEN), write("tests/test_search.py", TEST)),
        done("Added items_of.", "Find the items of a customer"),
    ]
    return steps[received.turn]


def repair(received: Received) -> Answer:
    """Make the test pass."""
    steps = [
        reply(replace("shop/search.py", "    return []", N_PLUS_ONE)),
        done("Return the items."),
    ]
    return steps[received.turn]


def review(received: Received) -> Answer:
    """Look at the file, then report what this reviewer has to say."""
    if received.turn == 0:
        return calls("fs_read", {"path": "shop/search.py"})
    return calls("report_findings", {"findings": FOUND[agent_of(received)]})


def fix(received: Received) -> Answer:
    """Fix the finding asked for; the injection's first fix breaks a test."""
    if received.turn:
        return done("Fixed it.")
    said = received.said
    if SECURITY["title"] in said:
        if "made the checks fail" in said:
            return reply(replace("shop/search.py", "(customer.upper(),)", "(customer,)"))
        return reply(
            replace(
                "shop/search.py", INJECTION, BOUND.replace("(customer,)", "(customer.upper(),)")
            )
        )
    if PERFORMANCE["title"] in said:
        return reply(replace("shop/search.py", f"{BOUND}\n{N_PLUS_ONE}", ONE_QUERY))
    return reply(
        tool_use(
            "fs_write", {"command": "append", "path": "tests/test_search.py", "content": QUOTE_TEST}
        )
    )


def quick_review(received: Received) -> Answer:
    """Say of every finding that it is resolved, quoting what the fixes wrote."""
    answers = []
    for ident, title in re.findall(r"id: (\w+)\n.*\n.*\ntitle: (.*)", received.said):
        quote = {
            SECURITY["title"]: ONE_QUERY.split("\n")[0],
            PERFORMANCE["title"]: ONE_QUERY.split("\n")[1],
        }.get(title, "def test_a_quote_in_a_name_is_no_sql():")
        answers.append({"id": ident, "resolved": True, "quote": quote, "reason": "it is gone"})
    return calls("report_resolution", {"resolutions": answers, "new_findings": []})


PARTS: dict[str, Callable[[Received], Answer]] = {
    "implement": implement,
    "repair": repair,
    "fix": fix,
    "quick-review": quick_review,
    **dict.fromkeys((*REVIEWERS, "review-spec"), review),
}
