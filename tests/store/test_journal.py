"""A recorded reply is never requested again, from any thread and after any crash."""

import threading

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.store import journal as journal_module
from reviewloop.store.journal import CallKey, Journal, hash_of

KEY = CallKey("review-security", "review", turn=1)


@pytest.fixture
def journal(tmp_path):
    opened = Journal(tmp_path / "journal.sqlite")
    yield opened
    opened.close()


def record(journal, key=KEY, request_hash="h", reply=None, **usage):
    journal.record(
        key,
        request_hash,
        "model",
        request={"text": "ask"},
        reply=reply or {"text": "answer"},
        usage=usage,
        seconds=1.5,
    )


def test_a_reply_is_found_by_its_call_and_request_only(journal):
    record(journal)
    assert journal.lookup(KEY, "h") == {"text": "answer"}
    assert journal.lookup(KEY, "other request") is None
    assert journal.lookup(CallKey("review-security", "review", turn=2), "h") is None


def test_what_was_recorded_is_there_for_the_next_process(journal, tmp_path):
    record(journal)
    again = Journal(tmp_path / "journal.sqlite")  # without closing the first, as after kill -9
    assert again.lookup(KEY, "h") == {"text": "answer"}
    again.close()


def test_the_first_reply_counts(journal):
    record(journal)
    record(journal, reply={"text": "too late"})
    assert journal.lookup(KEY, "h") == {"text": "answer"}
    assert len(list(journal.calls())) == 1


def test_a_tool_runs_once(journal):
    runs = []

    def do():
        runs.append(1)
        return {"tree": f"t{len(runs)}"}

    request = {"tool": "fs_write", "args": {"path": "a.py"}}
    assert journal.once(KEY, request, do) == {"tree": "t1"}
    assert journal.once(KEY, request, do) == {"tree": "t1"}
    assert journal.once(KEY, {**request, "args": {}}, do) == {"tree": "t2"}


def test_a_tool_that_failed_is_not_recorded(journal):
    with pytest.raises(ZeroDivisionError):
        journal.once(KEY, {"tool": "x"}, lambda: {"x": 1 // 0})
    assert journal.once(KEY, {"tool": "x"}, lambda: {"x": 1}) == {"x": 1}


def test_calls_come_back_in_order_with_everything_that_was_recorded(journal):
    record(journal, input=3)
    journal.once(KEY, {"tool": "grep"}, lambda: {"text": "ä\ud800"[:1]})
    first, second = journal.calls()
    assert (first.key, first.kind, first.request_hash) == (KEY, "model", "h")
    assert (first.usage, first.seconds) == ({"input": 3}, 1.5)
    assert (second.kind, second.reply) == ("tool", {"text": "ä"})
    assert [call.kind for call in journal.calls("tool")] == ["tool"]
    assert journal.usage_rows() == [("review-security", "review", {"input": 3}, 1.5)]


def test_reviewers_record_at_the_same_time(journal):
    def work(number):
        for turn in range(20):
            record(journal, CallKey(f"review-{number}", "review", turn=turn))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(journal.calls("model"))) == 100


def test_equal_requests_have_equal_hashes_whatever_their_order():
    assert hash_of({"a": 1, "b": {"c": 2, "d": 3}}) == hash_of({"b": {"d": 3, "c": 2}, "a": 1})
    assert hash_of({"a": 1}) != hash_of({"a": "1"})


def test_a_damaged_file_is_named(tmp_path):
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"this is no database" * 100)
    with pytest.raises(WorkspaceError, match=r"journal\.sqlite cannot be used"):
        Journal(path)


def test_only_its_owner_can_read_it(journal, tmp_path):
    assert (tmp_path / "journal.sqlite").stat().st_mode & 0o777 == 0o600


def test_a_clock_that_goes_backwards_changes_no_order(journal, monkeypatch):
    hours = iter((300.0, 200.0, 100.0))
    monkeypatch.setattr(journal_module.time, "time", lambda: next(hours))
    for name in ("c", "a", "b"):
        record(journal, key=CallKey(name, "review"), request_hash=name)
    told = [(call.key.agent, call.at) for call in journal.calls("model")]
    assert told == [("c", 300.0), ("a", 200.0), ("b", 100.0)]
    assert [agent for agent, *_ in journal.usage_rows()] == ["c", "a", "b"]
