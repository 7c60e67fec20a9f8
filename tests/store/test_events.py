"""The log of a run: every event reaches its listeners, and it can be read while it grows."""

import threading

from reviewloop.store.events import Events, read_events


def test_an_event_reaches_the_file_and_the_listener(tmp_path):
    heard = []
    events = Events(tmp_path / "events.jsonl", heard.append)
    events.emit("gate", name="test", status="passed")
    ((told, _),) = read_events(tmp_path / "events.jsonl")
    assert told == heard[0]
    assert (told["kind"], told["name"]) == ("gate", "test")


def test_reading_goes_on_where_it_stopped(tmp_path):
    path = tmp_path / "events.jsonl"
    events = Events(path)
    events.emit("one")
    ((_, offset),) = read_events(path)
    assert list(read_events(path, start=offset)) == []
    events.emit("two", text="ü")
    assert [event["kind"] for event, _ in read_events(path, start=offset)] == ["two"]


def test_a_half_written_line_waits_and_a_torn_one_is_passed_over(tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'{"kind": "one"}\n{"kind": "to{"kind": "three"}\n{"kind": "fo')
    Events(path)
    assert [event["kind"] for event, _ in read_events(path)] == ["one"]


def test_there_are_no_events_of_a_run_that_has_not_begun(tmp_path):
    assert list(read_events(tmp_path / "nothing.jsonl")) == []


def test_lines_of_parallel_reviewers_do_not_mix(tmp_path):
    events = Events(tmp_path / "events.jsonl")

    def talk(number):
        for _ in range(50):
            events.emit("finding", agent=str(number), title="x" * 500)

    threads = [threading.Thread(target=talk, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(list(read_events(tmp_path / "events.jsonl"))) == 250
