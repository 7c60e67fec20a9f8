"""Redaction takes time linear in the length of its text."""

import pytest
from support.growth import ends_soon, grows_faster_than_its_text

from reviewloop.llm.messages import Reply, ToolCall, redact_reply
from reviewloop.secrets import HeldSecrets, Redactor

HELD = "kT9vQ2xLm7Rd4wZ8" + "=" * 30
TOKEN = "gl" + "pat-" + "a1b2c3d4e5f6"
LENGTH = 12_000
HOSTILE = {
    "one letter": "a",
    "held part": HELD[:11],
    "held repetition": "=",
    "held whole": f"{HELD} ",
    "telling names": "datadog_token=",
    "names with values": 'dd_token: "abcdef0123456789" ',
    "tokens in tokens": f"{TOKEN}.",
    "keys begun": "-----BEGIN PRIVATE" + f" KEY-----{'A' * 44}\n",
    "addresses begun": "postgres://u:pppppp",
    "signed begun": "eyJ" + "a" * 20 + ".",
    "escapes": "\\u0061",
    "hidden": "a\u200bb",
    "marks begun": "⟦U+",
    "colours begun": "\x1b[0",
}


HOLDING = HeldSecrets([("DB_PASSWORD", HELD)])


def mask(text):
    redactor = Redactor(HOLDING, b"a key")  # remembers nothing yet
    redactor.for_models(text)
    redactor.for_people(text)


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_four_times_the_text_is_not_sixteen_times_the_work(name):
    assert not grows_faster_than_its_text(mask, HOSTILE[name] * (LENGTH // len(HOSTILE[name])))
    assert ends_soon(mask, HOSTILE[name])


def test_no_string_of_a_reply_is_masked_twice():
    asked = []
    redactor = Redactor(HOLDING, b"a key")
    found = redactor._held.stretches  # the lowest step that sees every text

    def counted(text):
        asked.append(text)
        return found(text)

    redactor._held.stretches = counted
    try:
        findings = [{"title": f"finding {n % 7}", "why": "the same"} for n in range(500)]
        reply = Reply("", (ToolCall("1", "report_findings", {"findings": findings}),))
        first = redact_reply(reply, redactor.for_models)
        assert redact_reply(first, redactor.for_models) == redact_reply(reply, redactor.for_models)
        assert len(asked) == len(set(asked)) < 20
    finally:
        del redactor._held.stretches
