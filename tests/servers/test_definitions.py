"""What files say of MCP servers, read as Kiro does, and what is wrong with them in one sentence."""

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
    assert {name: (each.command, each.url) for name, each in found.items()} == {
        "docs": ((), "https://a.example/mcp"),
        "mine": (("one",), ""),
    }
    assert found["docs"].does == "https://a.example/mcp with X"


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
    ],
)
def test_what_is_wrong_is_one_sentence(data, words):
    with pytest.raises(UsageError) as raised:
        servers_of(data, None, ())
    assert words in str(raised.value)
    assert "\n" not in str(raised.value)
