"""After a push models read what was pushed, for a fraction of the cost, and confirm what it mends.

Repository, command line and requests are real; GitHub and Bedrock are stand-ins on this machine.
"""

import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.bedrock import BedrockServer, Received, calls
from support.github_events import of_pull
from support.github_server import GitHubServer
from support.github_state import BOT
from support.parts import cast, finds, found
from support.play import REVIEWERS, agent_of

from reviewloop.cli.main import run
from reviewloop.llm.installing import install_line

MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
SETTINGS = '[review]\nanalysers_off = ["*"]\n'
OPENS = "    handle = open(path)  # left open when parsing fails"
SLOW = "    rows = [load(row) for row in rows]"
HANDLE = found("should_fix", "The file stays open", OPENS, "shop/module_3.py")
LOOP = found("should_fix", "One query for each row", SLOW, "shop/module_5.py")
MENDS = "    with contextlib.closing(handle):"


def module(number: int) -> list[str]:
    """Return a module of a hundred lines or so."""
    lines = [f"def rule_{number}_{n}(order, path):" if n % 9 == 0 else
             f"    total_{number}_{n} = order.price_{n} * {n}  # of the order's part {n}"
             for n in range(105)]  # fmt: skip
    lines[10] = OPENS if number == 3 else SLOW if number == 5 else lines[10]
    return lines


class Desk:
    """A pull request of 1,500 lines, those who review it, and what they are paid."""

    def __init__(self, folder: Path, github: GitHubServer, models: BedrockServer) -> None:
        self.folder, self.github, self.models = folder, github, models

    def git(self, *args: str) -> None:
        identity = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *identity, *args], cwd=self.folder, check=True, capture_output=True)

    def write(self, path: str, lines: list[str]) -> None:
        (self.folder / path).parent.mkdir(exist_ok=True)
        (self.folder / path).write_text("\n".join(lines) + "\n")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "work")

    def said(self) -> list[Any]:
        return [c for c in self.github.state.visible(7) if c.author == BOT and not c.in_reply_to]

    def answers(self) -> list[Any]:
        return [c for c in self.github.state.visible(7) if c.in_reply_to]

    @property
    def summary(self) -> str:
        [comment] = [c for c in self.github.state.issue_comments if c.author == BOT]
        return comment.body


def equivalents(received: list[Received]) -> float:
    """Return what requests cost, in input tokens: written to a cache 1.25, read from it 0.1."""
    total = 0.0
    for one in received:
        total += one.usage["inputTokens"] + 5 * one.usage["outputTokens"]
        total += 1.25 * one.usage.get("cacheWriteInputTokens", 0)
        total += 0.1 * one.usage.get("cacheReadInputTokens", 0)
    return total


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    with BedrockServer(cast(), agent_of=agent_of) as models:
        desk = Desk(folder, None, models)  # type: ignore[arg-type]
        desk.git("init", "-q", "-b", "main")
        desk.write("reviewloop.toml", SETTINGS.splitlines())
        desk.git("checkout", "-q", "-b", "feature")
        for number in range(14):
            desk.write(f"shop/module_{number}.py", module(number))
        with GitHubServer(folder, roles={"ada": "write"}) as github:
            github.open_pull(head="feature")
            desk.github = github
            for name, text in (models.env() | github.environ).items():
                monkeypatch.setenv(name, text)
            yield desk


@pytest.fixture
def review(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run the command on the present head; return exit code, outputs and what models were asked."""

    def start(*options: str, model: str = MODEL) -> tuple[int, dict[str, str], list[Received]]:
        desk.github.push(7)
        out, path = tmp_path / "out", tmp_path / "event.json"
        out.write_text("")
        path.write_text(json.dumps(of_pull(desk.github, 7, "synchronize")))
        monkeypatch.setenv("GITHUB_OUTPUT", str(out))
        monkeypatch.setenv("GITHUB_EVENT_PATH", str(path))
        monkeypatch.setenv("GITHUB_EVENT_NAME", "pull_request")
        monkeypatch.setattr(time, "sleep", lambda seconds: None)
        before = len(desk.models.ledger)
        code = run(["github", "review", "--model", model, *options])
        outputs = re.findall(r"^(\S+)<<(\S+)\n(.*)\n\2$", out.read_text(), re.MULTILINE)
        asked = desk.models.ledger[before:]
        return int(code), {name: value for name, _, value in outputs}, asked

    return start


def fixes(*claims: tuple[str, str]) -> Callable[[Received], Any]:
    """Return a reviewer that calls findings fixed: (id, quote) pairs."""
    said = [{"id": name, "quote": quote} for name, quote in claims]
    return lambda received: calls("report_findings", {"findings": [], "fixed": said})


def id_of(desk: Desk, title: str) -> str:
    [body] = [c.body for c in desk.said() if title in c.body]
    found_id = re.search(r"reviewloop:finding (\w+)", body)
    assert found_id
    return found_id[1]


@pytest.mark.slow
def test_a_push_is_read_in_depth_and_what_it_mends_is_answered(desk: Desk, review: Any) -> None:
    desk.models.answer = cast(review_maintainability=finds(HANDLE), review_performance=finds(LOOP))
    code, out, first = review()
    assert (code, out["status"], out["comments-posted"]) == (0, "passed", "2")
    assert len(first) == len(REVIEWERS)
    handle, loop = id_of(desk, HANDLE["title"]), id_of(desk, LOOP["title"])

    pushed = module(3)
    pushed[11:12] = [MENDS, *(f"        total_3_{n} = order.discount_{n}" for n in range(8))]
    desk.write("shop/module_3.py", pushed)
    new = found("should_fix", "The discount is ignored", pushed[13], "shop/module_3.py")
    claims = ((handle, MENDS), (loop, MENDS), (handle, OPENS), ("0" * 12, MENDS))
    desk.models.answer = cast(
        review_security=finds(new),
        review_maintainability=fixes(*claims),
        review_performance=fixes((loop, "")),
    )
    code, out, second = review()
    assert (code, out["status"], out["comments-posted"]) == (0, "passed", "1")
    # They were shown the push, what is open in its files, and some of the change around it.
    (asked,) = {json.dumps(received.messages[0]["content"][0]) for received in second}
    assert len(second) == len(REVIEWERS)
    shared = json.loads(asked)["text"]
    push, _, around = shared.partition("# Around it")
    assert "# What was pushed since the last review" in push
    assert {line for line in push.split("\n") if re.match(r"\+ ", line)} == {
        f"+{line}" for line in pushed[11:20]
    }
    assert f"id: {handle}\n" in push
    assert HANDLE["title"] in push
    assert loop not in shared  # its file was not pushed
    assert "+def rule_3_18(order, path):" in around
    assert "shop/module_13.py (added, +105 -0)" in shared
    assert "fixed" in json.dumps(second[0].body["toolConfig"])
    assert "fixed" not in json.dumps(first[0].body["toolConfig"])
    cost = equivalents(second) / equivalents(first)
    print(f"first {equivalents(first):,.0f}, push {equivalents(second):,.0f}: {cost:.2f}")  # noqa: T201
    assert cost < 0.45
    # One is answered, because a reviewer showed the code that mends it; the other stays open.
    [answer] = desk.answers()
    assert answer.in_reply_to == next(c.id for c in desk.said() if HANDLE["title"] in c.body)
    assert "reviewer" in answer.body
    assert "1 file pushed since" in desk.summary

    # The base is merged: nothing is paid for, and nothing changes.
    desk.git("checkout", "-q", "main")
    desk.write("docs.md", ["the base goes on"])
    desk.git("checkout", "-q", "feature")
    desk.git("merge", "-q", "--no-edit", "main")
    desk.github.state.pulls[7].base_sha = desk.github.state.diffs.sha("main")
    code, out, third = review()
    assert (code, out["status"], third) == (0, "passed", [])
    assert "nothing that is read was pushed since the last review" in desk.summary
    assert len(desk.answers()) == 1

    # Who wants everything read again says so.
    desk.models.answer = cast()
    code, out, fourth = review("--full")
    assert (code, out["status"]) == (0, "passed")
    assert "# What was pushed" not in fourth[0].said
    assert "+def rule_13_18(order, path):" in fourth[0].said


@pytest.mark.slow
def test_words_without_pushed_code_confirm_nothing(desk: Desk, review: Any) -> None:
    desk.models.answer = cast(review_maintainability=finds(HANDLE), review_performance=finds(LOOP))
    review()
    names = [id_of(desk, finding["title"]) for finding in (HANDLE, LOOP)]
    pushed = [*module(3), "def added_at_the_end(order):", "    return order"]
    desk.write("shop/module_3.py", pushed)
    old = module(3)[30]
    quotes = ("", old, "def", OPENS, "no such line")
    steered = fixes(*((name, quote) for name in names for quote in quotes))
    desk.models.answer = cast(**{name.replace("-", "_"): steered for name in REVIEWERS})
    code, out, asked = review()
    assert (code, out["status"], len(asked)) == (0, "passed", len(REVIEWERS))
    assert desk.answers() == []


def test_a_change_that_only_analysers_read_is_read_whole_by_the_first_model(
    desk: Desk, review: Any
) -> None:
    assert review(model="none")[2] == []
    desk.write("shop/module_3.py", [*module(3), "x = 1"])
    _, _, asked = review()
    assert "+def rule_13_18(order, path):" in asked[0].said


@pytest.mark.slow
def test_a_model_whose_package_is_missing_is_named_with_the_line_to_add(
    desk: Desk, review: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, asked = review(model="mistralai:large")
    assert (code, out["status"], asked) == (5, "review_error", [])
    line = install_line("langchain-mistralai")  # of whatever made this environment
    assert out["reason"].count(line) == out["reason"].count(" install ") == 1
