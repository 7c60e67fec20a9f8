"""Rows 1 to 16 and 52 to 54: what the provider does, and replies that are none."""

import json
from typing import Any

from support import bedrock as b
from support.bad_answers.stage import OTHER, QUIET_RUN, Row, Stage
from support.bedrock import Answer, Received
from support.parts import Part, says

from reviewloop.llm.checks import check_models
from reviewloop.settings import Settings

NOTHING = b.calls("report_findings", {"findings": []})
SHORT: Any = {"REVIEWLOOP_MODELS__READ_TIMEOUT_SECONDS": "0.15"}


def security(*answers: Answer) -> dict[str, Part]:
    """Return the part of the one reviewer: these answers in order of asking, then the last."""
    left = list(answers)
    return {"review_security": lambda r: left.pop(0) if len(left) > 1 else left[0]}


def healed(stage: Stage, paid: int = 1) -> None:
    """Go on with the review when the models are healthy: it ends right and pays what is missing."""
    stage.begin()
    done = stage.review(again=False)
    assert (done.said.code, done.report["outcome"]) == (0, "clean"), done.report
    assert stage.paid == paid


def row01(stage: Stage) -> None:
    stage.begin(**security(b.throttle(retry_after=7), NOTHING))
    done = stage.review()
    assert (done.said.code, stage.paid, len(stage.asked)) == (0, 1, 2)
    assert stage.clock.waited == [7]


def row02(stage: Stage) -> None:
    def busy(received: Received) -> Answer:
        return b.throttle(retry_after=60) if stage.clock.now < 600 else NOTHING

    stage.begin(review_security=busy)
    done = stage.review()
    done.failed("Too many requests", "higher quota")
    assert "resume" not in done.agent["reason"]
    assert any("the same `reviewloop review` goes on" in note for note in done.report["notes"])
    assert (stage.paid, len(stage.asked)) == (0, 6)
    assert 250 <= stage.clock.now <= 300  # it does not hold up what else could be done
    healed(stage)


def row03(stage: Stage) -> None:
    def failing(received: Received) -> Answer:
        return NOTHING if "nova" in received.model else b.server_error(503)

    stage.begin(review_security=failing)
    four: Any = {"REVIEWLOOP_MODELS__MAX_ATTEMPTS": "4"}
    stage.review(**four).failed("gave no reply in 4 attempts", "nothing was paid")
    assert (stage.paid, len(stage.asked)) == (0, 4)
    done = stage.review(**four, REVIEWLOOP_MODELS__FALLBACKS=json.dumps([OTHER]))
    assert (done.said.code, stage.paid, len(stage.asked)) == (0, 1, 4 + 4 + 1)


def row04(stage: Stage) -> None:
    stage.begin()
    nobody = {"AWS_ENDPOINT_URL_BEDROCK_RUNTIME": "http://127.0.0.1:9"}
    said = stage.run(**nobody, REVIEWLOOP_MODELS__MAX_ATTEMPTS="3")
    assert (said.code, stage.record["status"]) == (5, "paused")
    assert "gave no reply in 3 attempts" in said.err
    assert "nothing was paid" in said.err
    assert (stage.paid, len(stage.asked), len(stage.clock.waited)) == (0, 0, 2)
    stage.resumed()
    assert stage.paid == QUIET_RUN


def row05(stage: Stage, answer: Answer | None = None) -> None:
    stage.begin(**security(answer or b.stalls(0.5, after=0)))
    done = stage.review(**SHORT)
    done.failed("gave no reply in 2 attempts", "may have been billed")
    assert (stage.paid, len(stage.server.ledger) - stage._from) == (0, 2)
    assert done.report["usage"]["estimated"] is True
    healed(stage)


def row06(stage: Stage) -> None:
    stage.begin(**security(b.ends_early(), NOTHING))
    done = stage.review()
    assert (done.said.code, stage.paid, len(stage.asked)) == (0, 1, 2)
    assert done.report["usage"]["estimated"] is True


def row07(stage: Stage) -> None:
    row05(stage, b.stalls(0.5, after=2))


def row08(stage: Stage) -> None:
    stage.begin(**security(b.expired_credentials()))
    done = stage.review(REVIEWLOOP_MODELS__REGION="eu-west-1")
    assert done.said.code == 5
    told = done.agent["reason"]
    assert "the review ended early" in done.report["notes"]
    assert "have expired; sign in again" in told
    assert "resume" not in told
    assert "region eu-west-1" in told
    assert "stand-in" not in done.said.out + done.said.err  # the key
    assert (stage.paid, len(stage.asked), stage.clock.waited) == (0, 1, [])
    healed(stage)


def row09(stage: Stage) -> None:
    stage.begin(implement=says(b.invalid()))
    said = stage.run()
    assert (said.code, stage.record["status"]) == (5, "paused")
    assert "a bug worth reporting: the request is kept" in said.err
    assert (stage.paid, len(stage.asked)) == (0, 1)
    (kept,) = stage.journal("rejected")
    assert "Find the items of a customer" in json.dumps(kept.request)
    stage.resumed()
    assert stage.paid == QUIET_RUN


def row10(stage: Stage) -> None:
    stage.begin()
    said = stage.checkout.run("run", "2.1", "--again", "--model", "antropic:claude")
    assert (said.code, "did you mean anthropic?" in said.err) == (2, True)
    assert len(stage.asked) == 0
    stage.server.known_models = lambda model: False
    try:
        with stage.checkout.inside():
            (check, *_) = check_models(Settings(), [], online=True)
    finally:
        stage.server.known_models = lambda model: True
    assert "is not known or not offered" in check.problem
    stage.begin(implement=says(b.unknown_model()))
    said = stage.run()
    assert (said.code, stage.record["status"]) == (5, "paused")
    assert (stage.paid, len(stage.asked)) == (0, 1)
    stage.resumed()


def row11(stage: Stage) -> None:
    stage.begin(**security(b.filtered("blocked by the policy")))
    stage.review().failed("refused to answer: blocked by the policy")
    assert stage.paid == 1


def row12(stage: Stage) -> None:
    cut = b.cut_short(b.tool_use("report_findings", raw='{"findings": [{"severity": "nit"'))
    stage.begin(**security(cut, NOTHING))
    assert stage.review().said.code == 0
    assert stage.paid == 2
    assert "cut off; give it again, shorter" in stage.asked[1].results[0]


def row13(stage: Stage) -> None:
    stage.begin(**security(b.cut_short(b.tool_use("report_findings", {"findings": []}))))
    done = stage.review()
    assert (done.said.code, stage.paid) == (0, 1)
    assert "ended at the token limit" in done.agent["reason"]


def row14(stage: Stage) -> None:
    stage.begin(**security(b.empty()))
    stage.review().failed("gave no usable answer")
    assert stage.paid == 2
    stage.begin(**security(b.empty(), NOTHING))
    assert (stage.review().said.code, stage.paid) == (0, 2)


def row15(stage: Stage) -> None:
    for silent in (b.reply(" \n "), b.reply(b.thought("I wonder."))):
        stage.begin(**security(silent))
        stage.review().failed("gave no usable answer")
        assert stage.paid == 2


def row16(stage: Stage) -> None:
    words = "I'm sorry, but I can't review code of this kind."
    stage.begin(**security(b.reply(words)))
    done = stage.review()
    done.failed("gave no usable answer", words)
    assert stage.paid == 2
    stage.begin(**security(b.reply(words, stop_reason="refusal")))
    stage.review().failed("refused to answer", words)
    assert stage.paid == 1


def row52(stage: Stage) -> None:
    stage.checkout.write("shop/table.py", "ROWS = [\n" + "    1,\n" * 3000 + "]\n")
    try:

        def small(received: Received) -> Answer:
            return b.too_long() if "    1,\n" * 50 in received.said.replace("+", "") else NOTHING

        stage.begin(review_security=small)
        done = stage.review(REVIEWLOOP_LIMITS__CONTEXT_TOKENS="8000")
        assert (done.said.code, stage.paid) == (5, 1)  # a file that nobody read is no pass
        assert len(stage.asked) > 1
        assert "1 file was read by no model: shop/table.py" in done.report["summary"]
        assert "lower limits.context_tokens" in done.report["summary"]
        assert "too long for the model" in done.agent["reason"]
        assert "without the diff of shop/table.py" in done.agent["reason"]
        assert "items_of" in stage.asked[-1].said
    finally:
        (stage.checkout.root / "shop/table.py").unlink()


def row53(stage: Stage) -> None:
    counted = {"inputTokens": 90_000, "outputTokens": 10, "totalTokens": 90_010}
    real = stage.server.cache.usage
    stage.server.cache.usage = lambda model, body, output: counted  # type: ignore[method-assign]
    try:
        stage.begin(**security(NOTHING))
        done = stage.review()
    finally:
        stage.server.cache.usage = real  # type: ignore[method-assign]
    assert (done.said.code, stage.paid) == (0, 1)
    assert done.report["usage"]["input"] == 90_000
    assert "counted 90,000 tokens where" in " ".join(done.report["notes"])


def row54(stage: Stage) -> None:
    stage.begin(**security(b.reply(b.tool_use("report_findings", {"findings": []}), usage=False)))
    done = stage.review()
    assert (done.said.code, stage.paid) == (0, 1)
    assert done.report["usage"]["estimated"] is True
    assert done.report["usage"]["input"] > 1000
    assert "~" in " ".join(done.report["notes"])


ROWS = [
    Row(1, "429 once: back off, honour Retry-After; no round counted", row01),
    Row(2, "429 for 10 minutes: the role fails, the run can be gone on with", row02),
    Row(3, "5xx: max_attempts tries (6 unless set), then another model only if allowed", row03),
    Row(4, "no connection: back off; then stop, nothing was paid", row04),
    Row(5, "read timeout: possibly paid; asked again once", row05),
    Row(6, "stream without its end: asked again whole (no repair), usage estimated", row06),
    Row(7, "stalled stream: cut at models.read_timeout_seconds (600 unless set), as 5", row07),
    Row(8, "401/403: stop at once, no retry; the place is named, never the key", row08),
    Row(9, "400: stop; the request is kept. One reviewer of a team fails alone (DESIGN 4)", row09),
    Row(10, "unknown model: stop before the first paid call", row10),
    Row(11, "content filter: the role fails with the reason, no retry", row11),
    Row(12, "cut off inside JSON: repair, shorter; never completed by hand", row12),
    Row(13, "limit hit but JSON whole: accepted, with a note", row13),
    Row(14, "empty: repair, then fail", row14),
    Row(15, "white space or only thoughts: repair, then fail", row15),
    Row(
        16, "refusal in prose: one repair turn, for prose may be anything; then fail, quoted", row16
    ),
    Row(
        52, "context overflow: less context, fewer diffs; the report says what was left out", row52
    ),
    Row(53, "reported tokens twice the estimate: reported ones count; warn", row53),
    Row(54, "usage missing: estimated, and marked so", row54),
]
