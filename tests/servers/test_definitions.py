"""Definitions of MCP servers, parsed like Kiro's, and one sentence for each error."""

import json

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.servers.definitions import servers_of


def read(table, own=None, agents=()):
    data = json.dumps({"mcpServers": table}).encode()
    return servers_of(
        data, None if own is None else json.dumps({"mcpServers": own}).encode(), agents
    )


def test_an_agents_own_come_before_the_projects_and_those_before_the_users():
    one = {"command": "one"}
    found = read(
        {"docs": {"command": "two"}, "off": {"command": "x", "disabled": True}},
        {"docs": one, "mine": one},
        [("agent", {"docs": {"url": "https://a.example/mcp", "headers": {"X": "${KEY}"}}})],
    )
    assert found.pop("off").is_off
    assert {name: (each.command, each.url) for name, each in found.items()} == {
        "docs": ((), "https://a.example/mcp"),
        "mine": (("one",), ""),
    }
    assert found["docs"].does == "https://a.example/mcp with X=${KEY}"


def test_what_a_project_switches_off_no_file_of_the_home_switches_on():
    found = read({"docs": {"command": "x", "disabled": True}}, {"docs": {"command": "y"}})
    assert (found["docs"].is_off, found["docs"].command) == (True, ())


def test_who_is_asked_sees_which_variables_it_gets_and_no_secret():
    env = {"MODE": "fast", "API_KEY": "hunter2hunter2", "DOCS_TOKEN": "x ${AWS_SECRET_ACCESS_KEY}"}
    one = read({"docs": {"command": "a", "env": env}})["docs"]
    assert one.does == "a with API_KEY=..., DOCS_TOKEN=${AWS_SECRET_ACCESS_KEY}, MODE=fast"
    headers = {"Authorization": "Bearer hunter2hunter2", "X": "${HOME}"}
    one = read({"docs": {"url": "https://a.example", "headers": headers}})["docs"]
    assert one.does == "https://a.example with Authorization=..., X=${HOME}"


@pytest.mark.parametrize("change", [{"args": ["b"]}, {"env": {"A": "1"}}, {"command": "other"}])
def test_what_is_started_decides_on_the_consent(change):
    row = {"command": "a", "args": ["a"]}
    before, after = read({"docs": row})["docs"], read({"docs": {**row, **change}})["docs"]
    assert before.digest != after.digest
    assert before.digest == read({"docs": {**row, "timeout": 5000}})["docs"].digest


def test_variables_are_filled_and_one_that_is_unset_is_named():
    docs = read({"docs": {"command": "a", "env": {"TOKEN": "x-${MY_TOKEN}"}}})["docs"]
    assert docs.filled({"MY_TOKEN": "7"}) == ({"TOKEN": "x-7"}, {})
    with pytest.raises(UsageError, match="docs needs the variable MY_TOKEN, which is not set"):
        docs.filled({})


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b'{"mcpServers": \n', "mcp.json:2: this is not valid JSON"),
        (b"[]", "an object with `mcpServers`"),
        (b"\x80", "not readable"),
        (b'{"mcpServers": {"a b": {"command": "x"}}}', "is no name"),
        (b'{"mcpServers": {"a": {}}}', "needs either `command`"),
        (b'{"mcpServers": {"a": {"command": "x", "url": "https://x"}}}', "needs either"),
        (b'{"mcpServers": {"a": {"url": "file:///etc/passwd"}}}', "needs either"),
        (b'{"mcpServers": {"a": {"command": "x", "args": "y"}}}', "needs either"),
        (
            b'{"mcpServers": {"a": {"command": "x", "disabledTools": 7}}}',
            "disabledTools` is a list",
        ),
        (b'{"mcpServers": {"a": {"command": "x", "timeout": NaN}}}', "counts milliseconds"),
        (b'{"mcpServers": {"a": 7}}', "the MCP server 'a' is an object"),
    ],
)
def test_what_is_wrong_is_one_sentence(data, words):
    with pytest.raises(UsageError) as raised:
        servers_of(data, None, ())
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
