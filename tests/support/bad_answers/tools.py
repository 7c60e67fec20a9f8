"""Rows 47 to 51 and 57 to 60: calls that lead nowhere, and what must not depend on luck."""

import os
import signal
import time
from typing import Any

import pytest
from support import bedrock as b
from support.bad_answers.stage import FILE, QUIET_RUN, Row, Stage
from support.bad_answers.transport import NOTHING, security
from support.parts import QUIET

from reviewloop.app.project import open_repository
from reviewloop.app.run.advance import advance
from reviewloop.domain.errors import UsageError


def reads(path: str) -> b.Answer:
    """Return a call that reads a file."""
    return b.calls("fs_read", {"path": path})


def row47(stage: Stage) -> None:
    stage.begin(**security(b.calls("fs_reed", {"path": FILE})))
    done = stage.review()
    done.failed("called tools wrongly 3 times in a row", "there is no tool fs_reed")
    assert "report_findings" in stage.asked[1].results[0]  # the way out is named
    assert stage.paid == 3
    stage.begin(**security(b.malformed("fs_read", '{"path": '), NOTHING))
    assert (stage.review().said.code, stage.paid) == (0, 2)
    assert "not valid JSON" in stage.asked[1].results[0]


def row48(stage: Stage) -> None:
    stage.begin(review_security=lambda r: NOTHING if r.turn == 5 else reads(FILE))
    done = stage.review()
    assert (done.said.code, stage.paid) == (0, 6)
    texts = [received.results[0] for received in stage.asked[1:]]
    assert ["asked 3 times" in text for text in texts] == [False, False, True, False, False]
    assert "answer now" in texts[4]
    assert "Your last turn" in stage.asked[-1].said


def row49(stage: Stage) -> None:
    circle: Any = {"REVIEWLOOP_LIMITS__AGENT_TURNS": "6"}
    stage.begin(review_security=lambda r: b.calls("grep", {"pattern": f"x{r.turn}"}))
    stage.review(**circle).failed("no answer within its caps (6 turns")
    assert stage.paid == 6
    stage.begin(
        review_security=lambda r: (
            NOTHING if "Your last turn" in r.said else b.calls("grep", {"pattern": f"x{r.turn}"})
        )
    )
    assert (stage.review(**circle).said.code, stage.paid) == (0, 6)
    few: Any = {"REVIEWLOOP_LIMITS__AGENT_TOKENS": "100"}
    assert (stage.review(**few).said.code, stage.paid) == (0, 6 + 2)


def row50(stage: Stage) -> None:
    both = b.reply(*(reads(path).blocks[0] for path in (FILE, "shop/none.py")))
    stage.begin(**security(both, NOTHING))
    assert (stage.review().said.code, stage.paid) == (0, 2)
    content = stage.asked[1].messages[-1]["content"]
    results = [block["toolResult"]["status"] for block in content if "toolResult" in block]
    assert results == ["success", "error"]


def row51(stage: Stage) -> None:
    pipe_there = stage.checkout.root / "pipe"
    os.mkfifo(pipe_there)
    try:
        paths = ("big.txt", "blob.bin", "shop", "pipe")
        stage.begin(**security(b.reply(*(reads(p).blocks[0] for p in paths)), NOTHING))
        assert (stage.review().said.code, stage.paid) == (0, 2)
        big, blob, folder, pipe = stage.asked[1].results
        assert "use grep" in big
        assert len(big) < 30_000
        assert "is a binary file of 20 bytes" in blob
        assert "folder shop" in folder
        assert "there is no pipe" in pipe
    finally:
        pipe_there.unlink()


def row57(stage: Stage) -> None:
    stage.begin(**security(reads("shop/store.py"), NOTHING))
    stage.review()
    stage.begin(**security(reads("shop/store.py"), NOTHING))
    stage.review(again=False)
    assert stage.paid == 0  # the same trees: nothing is asked again
    before = stage.checkout.read("shop/store.py")
    stage.checkout.write("shop/store.py", before.replace("Orders", "orders"))
    try:
        stage.review(again=False)
        assert stage.paid == 2  # one byte is another: everything is
        assert '"""orders in SQLite."""' in stage.asked[-1].results[0]
    finally:
        stage.checkout.write("shop/store.py", before)


def row58(stage: Stage) -> None:
    times = iter(range(2_000_000_000, 0, -86_400))  # each look at the clock is a day earlier
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: float(next(times)))
        stage.begin(**security(b.throttle(), b.server_error(), NOTHING))
        done = stage.review()
    assert (done.said.code, stage.paid, len(stage.asked)) == (0, 1, 3)
    throttled, failed = stage.clock.waited
    assert 1 <= throttled <= 2
    assert 0.5 <= failed <= 1
    assert 0 < done.report["seconds"] < 60


def row59(stage: Stage) -> None:
    def interrupted(received: b.Received) -> b.Answer:
        if not received.turn:
            os.kill(os.getpid(), signal.SIGINT)  # while the reply is on its way
        return QUIET["implement"](received).after(0.3, 0.1)

    stage.begin(implement=interrupted)
    said = stage.run()
    assert said.code == 130
    assert "reviewloop resume" in said.err
    assert (stage.record["status"], stage.paid) == ("paused", 1)
    stage.resumed()
    assert stage.paid == QUIET_RUN  # the reply on its way was kept
    assert stage.server.paid_twice() == [] or stage.paid == QUIET_RUN


def row60(stage: Stage) -> None:
    stage.begin()
    assert stage.run().code == 4
    stale = {"choice": "approve", "by": "ada", "text": "", "proposal": "0" * 64}
    before = stage.checkout.bytes()
    with stage.checkout.inside():
        repository = open_repository()
        with pytest.raises(UsageError, match="has changed since you looked"):
            advance(repository, stage.run_id, answer=stale)
        repository.runs.close()
    assert stage.checkout.bytes() == before
    assert (stage.record["status"], stage.paid) == ("waiting", QUIET_RUN)
    assert stage.run("reject").code == 7


ROWS = [
    Row(47, "unknown tool or bad arguments: told so, three strikes, then fail", row47),
    Row(48, "same call: the 3rd from memory with a notice, the 5th ends the loop", row48),
    Row(49, "calls without end: caps, a forced last answer, else fail", row49),
    Row(50, "one of several calls fails: all results come back, that one marked", row50),
    Row(
        51, "a file beyond all limits, binary, folder, pipe: a page, said, listed, not there", row51
    ),
    Row(57, "journal keys: one byte of the tree and nothing is taken from it", row57),
    Row(58, "clock going backwards while waiting: nobody looks at it", row58),
    Row(59, "Ctrl-C in a paid call: the reply is kept (twice: tests/e2e/test_bad_input.py)", row59),
    Row(60, "approval for another tree: refused, by the proposal's id", row60),
]
