"""Reasons: each kind has its sentence, and records of all releases give their kind."""

import json

import pytest

from reviewloop.domain.errors import (
    BudgetExhaustedError,
    FilesInTheWayError,
    InterruptedByUserError,
    Lift,
    by_command,
    by_reviewing_again,
)
from reviewloop.domain.reason import NO_REASON, ReasonKind, reason, resume_continues
from reviewloop.render.reasons import SENTENCES, sentence
from reviewloop.store.reasons import read_reason, stored_reason
from reviewloop.store.runs import RunRecord, record_of

CAP = (
    "the cap limits.tokens of this run is reached: 90 of 100 tokens used (all in all 90 tokens, "
    "cost unknown, 0 min); nothing is lost: go on with `reviewloop resume --budget-tokens 200`, "
    "or with a higher limits.tokens in the settings"
)
IN_THE_WAY = (
    "a.py in /p was edited meanwhile; commit, revert or move it, then `reviewloop approve 1-a`. "
    "Nothing was touched. Or save the work with `reviewloop checkout 1-a NAME`, or end the run "
    "with `reviewloop reject 1-a`"
)


def record(**more):
    return RunRecord("1-a", "/p", "title", "abc", "work", **more)


def test_every_kind_has_a_row():
    assert set(SENTENCES) == set(ReasonKind)


def test_a_record_keeps_its_reason():
    saved = record()
    why = reason(ReasonKind.GATES_RED, gates=("test: 1 failed", "lint: 2 hits"), at=3, whole=True)
    saved.explain(why, sentence(why))
    assert saved.reason == "test: 1 failed; lint: 2 hits"
    assert record_of(json.loads(json.dumps(saved.plain()))) == saved


HELD = {"run": "1-a", "status": "waiting"}
HELD_IN_WORDS = (
    "run 1-a (waiting) is of 'Add it', which was task 2 when it began; approve or reject it first "
    "(`reviewloop queue`); approved, tick tasks.md:7 by hand, then the same command goes on"
)


@pytest.mark.parametrize(
    "params",
    [
        {"title": "Add it", "task": "2", "by_hand": True, "where": "tasks.md:7"},
        {"what": HELD_IN_WORDS.removeprefix("run 1-a (waiting) ")},  # as earlier releases stored it
    ],
)
def test_a_task_held_by_a_run_of_another_title_is_told_alike_by_all_releases(params):
    assert sentence(reason(ReasonKind.OTHER_RUN, **HELD, **params)) == HELD_IN_WORDS


@pytest.mark.parametrize(
    ("earlier", "called"),
    [
        (0, ""),
        (1, ", as task 3 was called before,"),
        (2, ", as task 3 may have been called before,"),
    ],
)
def test_a_task_that_was_committed_and_not_ticked_says_what_to_do(earlier, called):
    params = {"done_by": "1-a", "title": "Add it", "commit": "abc", "task": "3"}
    found = reason(ReasonKind.NOT_TICKED, **params, where="tasks.md:7", earlier=earlier)
    assert found.runs == ()  # it holds although the run is over
    assert sentence(found) == (
        f"run 1-a committed 'Add it' (abc){called} and could not tick it: tick tasks.md:7 by hand, "
        "or `reviewloop run 3` does it once more"
    )


@pytest.mark.parametrize(
    ("told", "kind", "values"),
    [
        ("", ReasonKind.NONE, {}),
        ("no good", ReasonKind.LEGACY, {}),
        ("the change is empty: all was refused", ReasonKind.CHANGE_EMPTY, {}),
        (
            CAP,
            ReasonKind.CAP_REACHED,
            {"cap": "limits.tokens", "flag": "--budget-tokens", "needed": 200.0},
        ),
        (IN_THE_WAY, ReasonKind.COMMIT_REFUSED, {"obstacle": "files_in_the_way"}),
        ("what it said. Or, then `reviewloop approve 1-a`", ReasonKind.COMMIT_REFUSED, {}),
    ],
)
def test_a_record_that_holds_a_sentence_only_gives_the_kind_and_the_sentence(told, kind, values):
    body = record(reason=told).plain()
    del body["because"]  # as the releases before wrote it
    read = record_of(body)
    assert (read.because.kind, read.reason, sentence(read.because)) == (kind, told, told)
    assert {name: read.because.params.get(name) for name in values} == values


def test_a_kind_of_a_later_release_is_read_by_its_sentence():
    later = {"version": 1, "kind": "not_yet_known", "params": {}}
    assert read_reason(later, "so it is").text("text") == "so it is"
    assert read_reason({**later, "version": 2}, "so it is").kind is ReasonKind.LEGACY


def test_an_error_is_a_reason_by_its_class():
    full = BudgetExhaustedError("spent", cap="limits.usd", flag="--budget-usd", needed=2.0)
    assert full.because == reason(
        ReasonKind.CAP_REACHED, text="spent", cap="limits.usd", flag="--budget-usd", needed=2.0
    )
    assert FilesInTheWayError("move it").because.kind is ReasonKind.FILES_IN_THE_WAY


def stopped_by_a_cap(cap: str, flag: str, value: str) -> BudgetExhaustedError:
    error = BudgetExhaustedError("", cap=cap, flag=flag, needed=float(value))
    return error.resuming("spent: go on with ", ", or raise it", Lift(cap, flag, value))


def test_what_goes_on_is_named_by_whoever_was_stopped():
    tokens = stopped_by_a_cap("limits.tokens", "--budget-tokens", "200")
    assert str(tokens) == ("spent: go on with `reviewloop resume --budget-tokens 200`, or raise it")
    named = tokens.resumed_by(by_command("reviewloop spec resume x"))
    assert str(named).startswith("spent: go on with `reviewloop spec resume x --budget-tokens 200`")
    again = tokens.resumed_by(by_reviewing_again)
    assert again.because.text("text") == "spent: go on with `limits.tokens = 200`, or raise it"
    money = stopped_by_a_cap("limits.usd", "--budget-usd", "4").resumed_by(by_reviewing_again)
    assert "`reviewloop review --budget-usd 4`" in str(money)

    stopped = InterruptedByUserError().resuming("stopped; ", " goes on")
    assert str(stopped) == "stopped; `reviewloop resume` goes on"
    assert str(stopped.resumed_by(by_reviewing_again)) == (
        "stopped; the same `reviewloop review` goes on"
    )
    plain = FilesInTheWayError("move it; `reviewloop resume` is only a word of this file")
    assert str(plain.resumed_by(by_reviewing_again)) == str(plain)


def test_what_goes_on_without_its_batch_is_no_matter_of_words():
    stopped = InterruptedByUserError().resuming("stopped; ", " goes on")
    assert resume_continues(read_reason(stored_reason(stopped.because), ""))
    assert resume_continues(read_reason(None, CAP))  # of a release that stored sentences only
    assert not resume_continues(BudgetExhaustedError("see `reviewloop resume`").because)


def test_a_refused_commit_says_once_that_nothing_was_touched():
    of = reason(
        ReasonKind.COMMIT_REFUSED,
        obstacle="files_in_the_way",
        why="a.py in /p was edited meanwhile; commit, revert or move it, then try again.",
        problem="a.py in /p was edited meanwhile; commit, revert or move it",
        run="1-a",
        try_again=True,
    )
    assert sentence(of) == IN_THE_WAY
    said = reason(
        ReasonKind.COMMIT_REFUSED, why="so nothing was touched.", run="1-a", says_untouched=True
    )
    assert "Nothing was touched." not in sentence(said)


def test_what_a_reason_holds_is_redacted_wherever_it_stands():
    held = reason(ReasonKind.GATES_RED, gates=("key s3cret",), text="s3cret", count=1)
    assert "s3cret" not in str(
        stored_reason(held.changed(lambda text: text.replace("s3cret", "*")))
    )
    assert not NO_REASON
