"""`mcp serve` with the official client: what an assistant sees, and what it cannot do."""

import asyncio
import json
import re
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.parts import cast
from support.shop import make_shop

if TYPE_CHECKING:
    from mcp import ClientSession

READING = {
    "review_diff", "explain", "tasks", "status", "show_proposal", "logs", "queue", "spec_check",
    "findings",
}  # fmt: skip
Ask = Callable[["ClientSession"], Awaitable[Any]]


def asked(checkout: Checkout, ask: Ask, *options: str) -> Any:
    """Start the server as an assistant does, and return what the conversation yields."""
    # Here: it takes a second, and every worker collects every test.
    from mcp import ClientSession, StdioServerParameters
    from mcp.client.stdio import stdio_client

    @asynccontextmanager
    async def session():
        server = StdioServerParameters(
            command=sys.executable,
            args=["-m", "reviewloop", "mcp", "serve", *options],
            cwd=checkout.root,
            env=dict(checkout.environ),
        )
        async with stdio_client(server) as (source, target), ClientSession(source, target) as one:
            await one.initialize()
            yield one

    async def converse() -> Any:
        async with session() as one:
            return await ask(one)

    return asyncio.run(converse())


async def said(session: "ClientSession", tool: str, **given: Any) -> str:
    answer = await session.call_tool(tool, given)
    assert not answer.is_error, answer.content[0].text
    return str(answer.content[0].text)


def without_times(text: str) -> str:
    return re.sub(r'"seconds": [\d.]+', "", text)


@pytest.mark.slow
def test_an_assistant_reads_the_same_as_json_prints(shop):
    checkout = shop(cast())
    checkout.environ["REVIEWLOOP_REVIEW__ANALYSERS_OFF"] = "[]"
    (checkout.root / "shop/store.py").write_text(
        "import os\n\n\ndef go(name):\n    os.system(name)\n"
    )

    async def ask(session):
        tools = {tool.name: tool for tool in (await session.list_tools()).tools}
        assert set(tools) == {*READING, "run_task"}
        assert {name for name, one in tools.items() if one.annotations} == READING
        answer = await session.call_tool("review_diff", {"without_model": True})
        assert not answer.is_error
        assert answer.structured_content == json.loads(answer.content[0].text)
        return (
            answer.content[0].text,
            await said(session, "tasks"),
            await said(session, "status"),
            await said(session, "explain", what="infra/iam-admin"),
        )

    review, tasks, status, explained = asked(checkout, ask)
    printed = checkout.run("review", "--json", "--model", "none").out
    assert json.loads(review)["findings"]
    assert without_times(review) == without_times(printed)
    assert tasks == checkout.run("tasks", "--json").out
    assert status == checkout.run("status", "--json").out
    assert "infra/iam-admin" in explained


REFUSED = [
    ("approve", {"run": "x"}, "no such tool"),
    ("run_task", {"task": "99"}, "there is no task '99'"),
    ("show_proposal", {}, "there are no runs in this repository yet"),
    ("review_diff", {"model": "dear"}, "has no argument 'model'"),
    ("review_diff", {"range": "--output=/tmp/x"}, "--output=/tmp/x"),
    ("explain", {}, "explain needs what"),
    ("tasks", {"spec": 7}, "spec is no string"),
]


@pytest.mark.parametrize(
    ("number", "words"),
    [(number, words) for number, (_, _, words) in enumerate(REFUSED)],
    ids=[tool for tool, _, _ in REFUSED],
)
def test_what_cannot_be_called_is_a_failed_call_with_a_sentence(refusals, number, words):
    assert words in refusals[number]


@pytest.fixture(scope="module")
def refusals(tmp_path_factory):
    """Return the sentence by which each call fails; one server answers them all."""
    folder = tmp_path_factory.mktemp("served")
    root = folder / "project"
    root.mkdir()
    make_shop(root)
    checkout = Checkout(root, folder / "home", None, {"REVIEWLOOP_MODELS__REASONING": "none"})

    async def ask(session):
        said = []
        for tool, given, _ in REFUSED:
            try:
                answer = await session.call_tool(tool, given)
            except Exception as error:  # noqa: BLE001 - each is told
                said.append(str(error))
            else:
                assert answer.is_error
                said.append(answer.content[0].text)
        return said

    return asked(checkout, ask)


@pytest.mark.slow
def test_a_run_is_begun_and_goes_on_and_only_a_person_lets_it_be_approved(shop):
    checkout = shop(cast(), QUIET_GATES)

    async def begin(session):
        begun = json.loads(await said(session, "run_task", task="2.1"))
        assert begun["task"] == "2.1"
        return begun["run"]

    run = asked(checkout, begin)

    async def wait(session):
        until = time.monotonic() + 100
        while time.monotonic() < until:
            (row,) = json.loads(await said(session, "status"))["runs"]
            if row["status"] == "waiting":
                break
            await asyncio.sleep(0.5)
        shown = json.loads(await said(session, "show_proposal", run=run))
        found = json.loads(await said(session, "findings", run=run))
        assert found["run"] == run
        tools = {tool.name for tool in (await session.list_tools()).tools}
        assert tools == {*READING, "run_task", "approve"}
        return shown, json.loads(await said(session, "approve", run=run))

    shown, approved = asked(checkout, wait, "--allow", "approve")
    assert shown["proposal"]["files"]
    assert approved["status"] == "committed"
    assert checkout.git("log", "-1", "--format=%s").strip()


@pytest.mark.parametrize("program", ["kiro", "claude", "cursor", "codex"])
def test_settings_for_each_program_are_printed(shop, program):
    text = shop(cast()).run("mcp", "serve", "--allow", "approve", "--print", program).out
    if program == "codex":
        import tomllib

        server = tomllib.loads(text)["mcp_servers"]["reviewloop"]
    else:
        server = json.loads(text)["mcpServers"]["reviewloop"]
    assert server["command"] == "reviewloop"
    assert server["args"] == ["mcp", "serve", "--allow", "approve"]
