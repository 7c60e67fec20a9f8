"""Stored data passes through `redact`, at any depth of a value or a file."""

import sqlite3

from reviewloop.store.blobs import Blobs
from reviewloop.store.events import Events, read_events
from reviewloop.store.redaction import RedactedFiles, redact_plain

WORD = "kT9vQ2xLm7Rd4wZ8"


def redact(text: str) -> str:
    return text.replace(WORD, "⟦secret:K:1⟧")


def test_every_string_of_a_value_is_changed_and_nothing_else():
    value = {"a": [WORD, 1, None, {"b": (f"x{WORD}", True)}]}
    shown = "⟦secret:K:1⟧"
    assert redact_plain(value, redact) == {"a": [shown, 1, None, {"b": [f"x{shown}", True]}]}


def test_blobs_and_events_hold_no_secret_and_listeners_hear_none(tmp_path):
    blobs = Blobs(tmp_path / "blobs", redact)
    ref = blobs.put_json({"title": WORD})
    assert blobs.get_json(ref) == {"title": "⟦secret:K:1⟧"}
    heard = []
    events = Events(tmp_path / "events.jsonl", heard.append, redact)
    events.emit("note", text=WORD)
    assert [event["text"] for event, _ in read_events(tmp_path / "events.jsonl")] == [
        "⟦secret:K:1⟧"
    ]
    assert heard[0]["text"] == "⟦secret:K:1⟧"
    for path in (p for p in tmp_path.rglob("*") if p.is_file()):
        assert WORD not in path.read_text()


def test_files_that_commands_wrote_are_cleaned_once_for_each_state(tmp_path):
    asked = []

    def counted(text: str) -> str:
        asked.append(text)
        return redact(text)

    files = RedactedFiles(counted)
    log = tmp_path / "sub/a.log"
    log.parent.mkdir()
    log.write_bytes(b"\xff\0 one\r\n" + WORD.encode() + b"\n")
    outside = tmp_path.with_name(f"{tmp_path.name}-outside")
    outside.write_text(WORD)
    (tmp_path / "link").symlink_to(outside)
    with sqlite3.connect(tmp_path / "data") as database:
        database.execute("create table t (x)")
    files.clean(tmp_path)
    files.clean(tmp_path)
    assert len(asked) == 1
    assert log.read_bytes() == b"\xff\0 one\r\n" + "⟦secret:K:1⟧\n".encode()
    assert outside.read_text() == WORD
    log.write_text(f"two {WORD}")
    files.clean(tmp_path)
    assert log.read_text() == "two ⟦secret:K:1⟧"
    files.clean(tmp_path / "nowhere")
