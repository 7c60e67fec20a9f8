"""`mcp list`, `call` and `trust`, and servers in `agents list`."""

import json

import pytest
from support.checkout import Checkout
from support.mcp_http import HttpServer
from support.shop import make_shop

READS = '[mcp.docs]\nreads = ["search"]\n'


@pytest.fixture
def docs():
    with HttpServer() as server:
        server.tools = ["search", "delete_all"]
        yield server


@pytest.fixture
def checkout(tmp_path, docs):
    """A repository with a server that a reviewer and the implementer name; nobody trusts it."""
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    (root / ".kiro/settings").mkdir(parents=True)
    (root / ".kiro/agents").mkdir(exist_ok=True)
    row = {"url": docs.url, "headers": {"X-Key": "${DOCS_KEY}"}}
    (root / ".kiro/settings/mcp.json").write_text(json.dumps({"mcpServers": {"docs": row}}))
    for name in ("review-security", "implement"):
        agent = {"name": name, "prompt": "Look.", "tools": ["read", "write", "@docs"]}
        (root / f".kiro/agents/{name}.json").write_text(json.dumps(agent))
    found = Checkout(root, tmp_path / "home", settings={"DOCS_KEY": "7"})
    folder = found.home / ".config/reviewloop"
    folder.mkdir(parents=True)
    (folder / "config.toml").write_text(READS)
    return found


def servers_of(checkout, agent):
    """Return the server's row and the dropped tools of an agent."""
    rows = {row["name"]: row for row in checkout.json("agents", "list")["agents"]}
    [server] = rows[agent]["servers"]
    return server, [one for one in rows[agent]["dropped_tools"] if one.startswith("@")]


def test_agents_list_names_what_a_reviewer_gets_and_what_is_dropped(checkout):
    server, _ = servers_of(checkout, "review-security")
    assert (server["tools"], "is not trusted" in server["why_not"]) == (["search"], True)
    assert checkout.run("mcp", "trust", "docs", "--yes").code == 0
    assert checkout.run("mcp", "list").code == 0  # now it is known what it offers
    server, dropped = servers_of(checkout, "review-security")
    assert (server["tools"], server["why_not"], dropped) == (["search"], "", ["@docs/delete_all"])
    server, dropped = servers_of(checkout, "implement")
    assert (server["tools"], dropped) == (["search", "delete_all"], [])
    shown = checkout.run("agents", "list").out
    assert "@docs/delete_all" in shown


def test_a_reviewer_without_any_listed_tool_gets_none(checkout):
    (checkout.home / ".config/reviewloop/config.toml").write_text("")
    server, dropped = servers_of(checkout, "review-security")
    assert (server["tools"], dropped) == ([], ["@docs"])
    assert "mcp.docs.reads lists no tool" in checkout.run("agents", "list").out


def test_a_file_that_cannot_be_read_is_a_note_and_no_end(checkout):
    (checkout.root / ".kiro/settings/mcp.json").write_text('{"mcpServers": {')
    said = checkout.run("agents", "list")
    assert (said.code, "mcp.json:1: this is not valid JSON" in said.out) == (0, True)
    assert checkout.run("mcp", "list").code == 2


def test_a_link_that_leads_out_is_told(checkout, tmp_path):
    file = checkout.root / ".kiro/settings/mcp.json"
    file.rename(tmp_path / "mcp.json")
    file.symlink_to(tmp_path / "mcp.json")
    for command in (("mcp", "list"), ("trust", "--yes")):
        said = checkout.run(*command)
        assert (said.code, "mcp.json is no file of this project" in said.err) == (2, True)
    assert "is no file of this project" in checkout.run("agents", "list").out


def test_list_shows_tools_and_who_may_ask_them(checkout, docs):
    assert "is not trusted" in checkout.run("mcp", "list").out
    checkout.run("trust", "--yes")
    shown = checkout.run("mcp", "list").out
    assert "docs (.kiro/settings/mcp.json): http" in shown
    assert "with X-Key=${DOCS_KEY}" in shown
    assert "  search (reviewers and writers): searchs." in shown
    assert "  delete_all (writers only): delete_alls." in shown
    assert docs.asked == []
    docs.server_close()  # it is away
    docs.shutdown()
    said = checkout.run("mcp", "list", "--json")
    [row] = json.loads(said.out)["servers"]
    assert (said.code, row["tools"], "it cannot be reached" in row["why_not"]) == (5, [], True)


def test_a_tool_is_called_as_an_agent_would_call_it(checkout, docs):
    checkout.run("trust", "--yes")
    docs.answer = "at most 10\u202e \x1b[31m"
    said = checkout.run("mcp", "call", "docs/search", '{"query": "sqs"}')
    assert (said.code, docs.asked) == (0, [{"query": "sqs"}])
    assert "at most 10" in said.out
    assert "\x1b" not in said.out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("call", "docs"), "'docs' is no SERVER/TOOL"),
        (("call", "docs/serch"), "docs has no tool 'serch'; it has: search, delete_all"),
        (("call", "nobody/search"), "no MCP server is called nobody"),
        (("call", "docs/search", "{"), "the arguments are not valid JSON"),
        (("call", "docs/search", "[]"), "are one JSON object"),
        (("list", "nobody"), "no MCP server is called nobody"),
        (("trust", "nobody"), "no MCP server is called nobody"),
    ],
)
def test_what_is_wrong_is_one_sentence(checkout, docs, words, sentence):
    checkout.run("trust", "--yes")
    said = checkout.run("mcp", *words)
    assert (said.code, docs.asked) == (2, [])
    assert sentence in said.err
    assert said.err.count("\n") == 1


def test_one_server_is_trusted_and_nothing_else(checkout, docs):
    (checkout.root / ".kiro/settings/mcp.json").write_text(
        json.dumps({"mcpServers": {"docs": {"url": docs.url}, "other": {"url": docs.url}}})
    )
    said = checkout.run("mcp", "trust", "docs")
    assert (said.code, "add --yes" in said.err) == (2, True)
    assert checkout.run("mcp", "call", "docs/search").code == 2
    assert checkout.run("mcp", "trust", "docs", "--yes").code == 0
    assert checkout.run("mcp", "call", "docs/search", "{}").code == 0
    refused = checkout.run("mcp", "call", "other/search", "{}")
    assert (refused.code, "is not trusted" in refused.err) == (2, True)
