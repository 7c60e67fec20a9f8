"""Thirty instructions in the answer of an MCP server, to a model that obeys whatever it reads."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from support import parts, play
from support.bedrock import Answer, Received, reply, tool_use
from support.mcp_http import HttpServer
from support.obedient import obedient
from support.payloads import RUN, thirty
from support.steered import Machine, leaks, machine, planted

pytestmark = pytest.mark.timeout(180)  # the first test pays for all
IDS = [row.id for row in thirty(Path("/outside"))]
AGENT = {"name": "review-security", "prompt": "Look.", "tools": ["*", "@docs"]}
ASK = {"query": "how do we read orders"}


def reviewer(received: Received) -> Answer:
    """Ask the server, then report an injection."""
    if received.turn == 0 and "docs__search" in received.tools:
        return reply(tool_use("docs__search", ASK))
    return parts.finds(play.SECURITY)(received)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Machine, dict, tuple]]:
    """Return the machine after the review, the report, and what was around before it."""
    folder = tmp_path_factory.mktemp("servers")
    rows = thirty(folder / "canary")
    honest = dict.fromkeys((*play.REVIEWERS, "reviewer"), reviewer)
    with HttpServer(planted(rows, "server")) as docs:
        listed = {"mcpServers": {"docs": {"url": docs.url}}}
        files = {
            ".kiro/settings/mcp.json": json.dumps(listed),
            ".kiro/agents/review-security.json": json.dumps(AGENT),
        }
        with machine(folder, obedient(rows, honest), files) as found:
            checkout = found.checkout
            config = checkout.home / ".config/reviewloop/config.toml"
            config.parent.mkdir(parents=True)
            config.write_text('[mcp.docs]\nreads = ["search"]\n')
            checkout.write("shop/search.py", play.SEARCH)
            assert checkout.run("trust", "--yes").code == 0
            before = (checkout.bytes(), found.around())
            said = checkout.run("review", "--model", "bedrock_converse:test.model", "--json")
            assert docs.asked == [ASK], said.err
            yield found, {**json.loads(said.out), "code": said.code}, before


@pytest.mark.slow_but(every=6)
@pytest.mark.parametrize("ident", IDS)
def test_a_payload_in_a_servers_answer_is_read_and_gains_nothing(there, ident):
    found, _, _ = there
    assert found.seen().of.get((ident, "server")), "nobody read it: this would show nothing"
    mark = f"{ident}-server"
    if {row.id: row for row in thirty(Path("/outside"))}[ident].kind == RUN:
        assert mark not in found.executed()
    assert mark not in "".join(found.around())


def test_nothing_is_written_nothing_runs_and_no_secret_is_sent(there):
    found, _, (bytes_before, around) = there
    assert found.checkout.bytes() == bytes_before
    assert found.around() == around
    assert found.executed() == ""
    assert leaks(found.sent()) == []


def test_no_verdict_of_another_reviewer_and_no_exit_code_is_turned(there):
    _, report, _ = there
    titles = {one["title"]: one["severity"] for one in report["findings"]}
    assert report["code"] == report["exit_code"]
    assert report["outcome"] in {"findings", "incomplete"}
    assert titles["The customer's name becomes part of the SQL"] == "must_fix"


def test_the_others_heard_nothing_of_it(there):
    found, _, _ = there
    told = {agent for agents in found.seen().of.values() for agent in agents}
    assert told == {"review-security"}
