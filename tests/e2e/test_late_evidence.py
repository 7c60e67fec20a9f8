"""Slow analysers run beside the reviewers: no waiting, and none of their hits are lost."""

import json
import os
import signal
import threading
import time

import pytest
from support.parts import CLEAN, cast, finds, found, replaces, writes
from support.play import QUOTE_TEST, REVIEWERS, TEST, agent_of
from support.slow_tool import RULE, TEMPLATE, SlowTool

MODEL = "bedrock_converse:test.model"


class Freeing:
    """Plays the parts; the tool may end when every reviewer has been asked, and not before."""

    def __init__(self, **parts):
        self.parts = cast(**parts)
        self.tool = None
        self.asked: dict[str, int] = {}  # reviewer -> how often the tool had ended then

    def __call__(self, received):
        name = agent_of(received)
        if name in REVIEWERS and name not in self.asked:
            self.asked[name] = self.tool.ended
            if len(self.asked) == len(REVIEWERS):
                self.tool.free()
        return self.parts(received)


@pytest.fixture
def opened(shop, tmp_path):
    def make(play):
        checkout = shop(play)
        play.tool = SlowTool(tmp_path / "tool", checkout)
        return checkout, play.tool

    return make


def review(checkout, *more):
    said = checkout.run("review", "--model", MODEL, "--json", *more)
    return said.code, json.loads(said.out)


def by_rule(findings):
    return {f["rule"]: f for f in findings if f["rule"]}


def status_of(report):
    return {a["name"]: (a["status"], a["reason"]) for a in report["analysers"]}["cfn-lint"]


def test_reviewers_are_asked_while_a_slow_tool_works_and_its_finding_is_in_the_report(opened):
    play = Freeing()
    checkout, tool = opened(play)
    checkout.write("stack.yaml", TEMPLATE)
    code, report = review(checkout)

    assert play.asked == dict.fromkeys(REVIEWERS, 0)
    late = by_rule(report["findings"])[RULE]
    assert late["severity"] == "should_fix"
    assert late["note"] == "not confirmed: its analyser worked beside the reviewers"
    assert status_of(report)[0] == "done"
    assert tool.asked == 1
    assert code == 0, report["notes"]


def test_what_a_reviewer_says_of_the_same_place_is_one_finding(opened):
    repeated = found("must_fix", "The value is wrong", "      DisplayName: WRONG", "stack.yaml")
    checkout, _ = opened(Freeing(review_infrastructure=finds(repeated)))
    checkout.write("stack.yaml", TEMPLATE)
    _, report = review(checkout)

    (both,) = [f for f in report["findings"] if f["line"] == 6]
    assert (both["rule"], both["severity"]) == (RULE, "must_fix")


def test_a_slow_tool_that_fails_makes_the_review_incomplete(opened):
    checkout, tool = opened(Freeing())
    tool.breaks()
    checkout.write("stack.yaml", TEMPLATE)
    code, report = review(checkout)

    assert status_of(report) == ("failed", "ended with code 1: it broke")
    assert code == 5


def test_without_a_model_the_slow_tool_is_waited_for(opened):
    checkout, tool = opened(Freeing())
    tool.free()
    checkout.write("stack.yaml", TEMPLATE)
    report = checkout.json("review", "--model", "none")
    assert RULE in by_rule(report["findings"])
    assert by_rule(report["findings"])[RULE]["note"] == ""


@pytest.mark.slow
def test_a_run_fixes_what_a_slow_tool_found_and_asks_it_once_for_each_tree(opened):
    files = {"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST}
    play = Freeing(
        implement=writes({**files, "stack.yaml": TEMPLATE}),
        fix=replaces("stack.yaml", "WRONG", "Orders"),
    )
    checkout, tool = opened(play)
    said = checkout.forked("run", "2.1", REVIEWLOOP_FAULT="fix.begin")
    assert said.code == -signal.SIGKILL
    assert play.asked == dict.fromkeys(REVIEWERS, 0)
    assert tool.asked == 1  # it was done when the reviewers' words were collected

    before = len(checkout.server.ledger)
    said = checkout.run("resume")
    assert said.code == 4, said.err
    assert tool.asked == 2  # the tree that was read before is not asked about again
    again = [r.agent for r in list(checkout.server.ledger)[before:] if r.agent in REVIEWERS]
    assert again == []
    late = {f["rule"]: f for f in checkout.record()["proposal"]["findings"]}[RULE]
    assert late["status"] == "fixed"


def test_a_slow_tool_that_fails_in_a_run_is_told_at_the_approval(opened):
    files = {"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST}
    checkout, tool = opened(Freeing(implement=writes({**files, "stack.yaml": TEMPLATE})))
    tool.breaks()
    assert checkout.run("run", "2.1").code in {4, 5}
    failed = checkout.record()["proposal"]["analysers_failed"]
    assert failed == ["cfn-lint: ended with code 1: it broke"]


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("signals", [1, 2])
def test_ctrl_c_ends_the_slow_tool(opened, signals):
    """Once: the review ends calmly. Twice, while a reply is waited for: it leaves at once."""
    asked, free = threading.Event(), threading.Event()
    play = Freeing()

    def answer(received):
        asked.set()
        if signals == 2:
            free.wait(60)
        return play.parts(received)

    checkout, tool = opened(play)
    checkout.server.answer = answer
    checkout.write("stack.yaml", TEMPLATE)
    with checkout.start("review", "--model", MODEL) as started:
        deadline = time.monotonic() + 60
        while not (tool.asked and asked.is_set()):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        for _ in range(signals):
            os.kill(started.pid, signal.SIGINT)
            time.sleep(0.3)
        out, err = started.communicate(timeout=60)
        free.set()
    assert started.returncode == 130, (out, err)
    (began,) = tool.log
    assert gone(int(began.split()[1]))


def test_ctrl_c_while_only_the_slow_tool_works_keeps_what_reviewers_said(opened):
    own = found("should_fix", "A strange name", "  Topic:", "stack.yaml")
    checkout, tool = opened(Freeing(review_security=finds(own)))
    checkout.server.answer = cast(review_security=finds(own))  # nobody lets the tool end
    checkout.write("stack.yaml", TEMPLATE)
    with checkout.start("review", "--model", MODEL, "--json") as started:
        deadline = time.monotonic() + 60
        while not (tool.asked and sum(r.complete for r in checkout.server.ledger) == 5):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.5)
        os.kill(started.pid, signal.SIGINT)
        out, err = started.communicate(timeout=60)
    assert started.returncode == 130, (out, err)
    report = json.loads(out)
    assert "A strange name" in {f["title"] for f in report["findings"]}
    assert status_of(report) == ("failed", "was stopped")
