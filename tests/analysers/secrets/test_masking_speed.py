"""Masking takes as long as its text: four times the text is not sixteen times the work."""

import time

import pytest

from reviewloop.analysers.secrets.held import Held
from reviewloop.analysers.secrets.masking import Masking
from reviewloop.models.messages import Reply, ToolCall, masked

HELD = "kT9vQ2xLm7Rd4wZ8" + "=" * 30
TOKEN = "gl" + "pat-" + "a1b2c3d4e5f6"
LENGTH = 48_000
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


HOLDING = Held([("DB_PASSWORD", HELD)])


def mask(text):
    masking = Masking(HOLDING, b"a key")  # remembers nothing yet
    masking.for_models(text)
    masking.for_people(text)


def search_from_everywhere(text):
    for at in range(0, len(text), 4):
        text.count("a", at)


def grows_faster_than_its_text(work, text):
    """Whether four times the text takes more than ten times as long; best of two each."""

    def seconds(text):
        taken = []
        for _ in range(2):
            started = time.process_time()
            work(text)
            taken.append(time.process_time() - started)
        return min(taken)

    return seconds(text) > 10 * seconds(text[: len(text) // 4]) + 0.01


@pytest.mark.parametrize("name", HOSTILE)
def test_four_times_the_text_is_not_sixteen_times_the_work(name):
    assert not grows_faster_than_its_text(mask, HOSTILE[name] * (LENGTH // len(HOSTILE[name])))


def test_what_grows_too_fast_is_seen():
    assert grows_faster_than_its_text(search_from_everywhere, "a" * LENGTH)


def test_no_string_of_a_reply_is_masked_twice():
    asked = []
    masking = Masking(HOLDING, b"a key")
    found = masking._held.stretches  # the lowest step that sees every text

    def counted(text):
        asked.append(text)
        return found(text)

    masking._held.stretches = counted
    try:
        findings = [{"title": f"finding {n % 7}", "why": "the same"} for n in range(500)]
        reply = Reply("", (ToolCall("1", "report_findings", {"findings": findings}),))
        first = masked(reply, masking.for_models)
        assert masked(first, masking.for_models) == masked(reply, masking.for_models)
        assert len(asked) == len(set(asked)) < 20
    finally:
        del masking._held.stretches
