"""Edits at the approval question: the message, files, hunks, or the files in an editor."""

import sys

import pytest
from support.checkout import QUIET_GATES, Said
from support.parts import CLEAN, cast, finds, found, writes
from support.play import QUOTE_TEST, REVIEWERS, TEST
from support.terminal import Terminal

NOTE = "shop/NOTES.md"
BUILD_ONLY = {name: text for name, text in QUIET_GATES.items() if "BUILD" not in name}
WITH_NOTE = {"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST, NOTE: "one\n"}


@pytest.fixture
def noted(shop):
    """A waiting run that also wrote a file nobody needs."""
    checkout = shop(cast(implement=writes(WITH_NOTE)))
    assert checkout.run("run", "2.1").code == 4
    return checkout


def asked_since(checkout, number) -> set[str]:
    return {received.agent for received in checkout.server.ledger[number:]}


def editor(checkout, script: str) -> dict[str, str]:
    """Return the environment of an editor that does this with `names`, the files it opens."""
    place = checkout.home / "editor.py"
    place.write_text(f"import sys, pathlib\nnames = sys.argv[1:]\n{script}\n")
    return {"EDITOR": f"{sys.executable} {place}"}


@pytest.mark.slow
def test_a_file_is_taken_out_judged_reviewed_and_stays_with_the_run(noted):
    asked, gates = len(noted.server.ledger), len(noted.events("gate"))
    said = noted.run("approve", "--without", NOTE)
    assert said.code == 0, said.err
    assert NOTE not in noted.git("show", "--name-only", "--format=", "HEAD")
    assert noted.read("shop/search.py") == CLEAN
    assert asked_since(noted, asked) == set(REVIEWERS)
    assert len(noted.events("gate")) > gates
    assert "A person edited the change" in noted.server.ledger[asked].said
    body = noted.git("log", "-1", "--format=%B")
    assert f"Edited by the person after the review, and reviewed again: {NOTE}" in body
    record = noted.record()
    assert record["evidence"]["edited"]["paths"] == [NOTE]
    run = record["run_id"]
    assert noted.run("checkout", run, "all", "--before-edit").code == 0
    assert noted.git("show", f"all:{NOTE}") == "one"


@pytest.mark.slow
def test_a_person_may_do_without_the_review_and_the_message_says_so(noted):
    asked = len(noted.server.ledger)
    said = noted.run(
        "approve", "--without", "shop/NOTES*", "--unreviewed", "-m", "Find items\n\nYes."
    )
    assert said.code == 0, said.err
    assert asked_since(noted, asked) == set()
    body = noted.git("log", "-1", "--format=%B")
    assert body.startswith("Find items\n\nYes.\n\nTask: 2.1 ")
    assert f"Edited by the person after the review: {NOTE}" in body
    assert noted.record()["evidence"]["edited"]["unread"] == [NOTE]


@pytest.mark.slow
def test_what_reviewers_find_in_an_edit_is_asked_about_and_no_model_changes_it(noted):
    lost = found("must_fix", "Its note is gone", "rows = db")
    noted.server.answer = cast(review_security=finds(lost))
    asked = len(noted.server.ledger)
    said = noted.run("approve", "--without", NOTE)
    assert said.code == 4, said.err
    assert "Ready for your decision: 1 must fix left" in said.err
    assert "not committed yet" in said.err
    assert asked_since(noted, asked) == set(REVIEWERS)  # nobody fixes it
    assert noted.run("approve", "--with-must-fix").code == 0


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--without", "nope.py"), "the change has no file nope.py; it touches shop/NOTES.md"),
        (("--without", "shop", "--without", "tests"), "nothing would be left of the change"),
        (("--unreviewed",), "--unreviewed says something about what --without leaves"),
        (("-m", "a", "-F", "-"), "with -m or with -F, not both"),
        (("-m", "  "), "the commit message is empty"),
    ],
)
def test_an_edit_that_cannot_be_made_is_one_sentence(noted, arguments, words):
    said = noted.run("approve", *arguments)
    assert (said.code, words in said.err) == (2, True), said.err
    assert noted.record()["status"] == "waiting"


def at_the_question(checkout, *typed: str, **environ: str) -> Said:
    """Answer the question of the waiting run line by line, then leave."""
    checkout.environ |= environ
    terminal = Terminal(checkout, "resume", "2.1")
    for line in typed:
        terminal.expect(" > ")
        terminal.type(line)
    terminal.expect("[a]pprove [m]odify [e]dit")
    terminal.expect(" > ")
    terminal.type("q")
    return Said(terminal.end(), "", terminal.screen)


def test_the_message_is_edited_in_the_persons_editor_and_our_lines_stay_true(noted):
    script = (
        "place = pathlib.Path(names[0])\n"
        "text = place.read_text()\n"
        "place.write_text('Find them\\n\\nBecause.\\n\\n' + text[text.index('Task: 2.1'):])"
    )
    said = at_the_question(noted, "e", "m", **editor(noted, script))
    assert "| Find them" in said.err
    assert noted.run("approve", "--without", NOTE).code == 0
    body = noted.git("log", "-1", "--format=%B")
    assert body.startswith("Find them\n\nBecause.\n\nTask: 2.1 ")
    assert "reviewed again: shop/NOTES.md" in body
    assert ">8" not in body


def test_hunks_are_taken_out_as_git_add_does_it(noted):
    asked = len(noted.server.ledger)
    said = at_the_question(noted, "e", "h", "n", "q", "n")
    assert f"Edited by the person after the review: {NOTE}" in said.err
    assert asked_since(noted, asked) == set()
    assert noted.run("approve").code == 0
    assert NOTE not in noted.git("ls-files")


@pytest.mark.slow
def test_the_files_are_edited_in_the_persons_editor(noted):
    script = (
        "for name in names:\n"
        "    if name.endswith('search.py') and 'test' not in name:\n"
        "        place = pathlib.Path(name)\n"
        "        place.write_text(place.read_text().replace('rows', 'found'))\n"
    )
    said = at_the_question(noted, "e", "o", "y", **editor(noted, script))
    assert "reviewed again: shop/search.py" in said.err
    assert noted.run("approve").code == 0
    assert noted.read("shop/search.py") == CLEAN.replace("rows", "found")


@pytest.mark.slow_but(every=6)
@pytest.mark.parametrize(
    ("script", "way", "words"),
    [
        ("sys.exit(3)", "m", "ended with 3; nothing was changed"),
        ("sys.exit(3)", "o", "ended with 3; nothing was changed"),
        ("pathlib.Path(names[0]).write_text('')", "m", "the message came back empty"),
        ("", "m", "the message is as it was"),
        ("", "o", "the change is as it was"),
    ],
)
def test_an_editor_that_fails_leads_back_to_the_question(noted, script, way, words):
    before = noted.record()["proposal"]
    said = at_the_question(noted, "e", way, **editor(noted, script))
    assert words in said.err
    assert "Traceback" not in said.err
    assert noted.record()["proposal"] == before


@pytest.mark.slow
def test_an_editor_that_is_not_there_is_named(noted):
    said = at_the_question(noted, "e", "m", EDITOR="no-such-editor --wait")
    assert "EDITOR (no-such-editor --wait) could not be started" in said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "point", ["advance.begin", "approve.end", "guard.begin", "guard.end", "propose.end"]
)
def test_an_edit_goes_on_after_a_kill_and_nothing_is_paid_twice(noted, point):
    asked = len(noted.server.ledger)
    killed = noted.forked("approve", "--without", NOTE, REVIEWLOOP_FAULT=f"{point}=kill")
    assert killed.code < 0
    again = noted.run("resume")
    assert again.code == 4, again.err
    assert noted.run("approve").code == 0
    assert NOTE not in noted.git("ls-files")
    readers = [received.agent for received in noted.server.ledger[asked:] if not received.turn]
    assert sorted(readers) == sorted(REVIEWERS)


@pytest.mark.slow
def test_at_the_question_of_a_batch_a_change_is_edited_as_well(shop):
    checkout = shop(cast(implement=writes(WITH_NOTE)))
    terminal = Terminal(checkout, "batch", "--mode", "each", "--tasks", "2.1")
    for line in ("e", "f", NOTE, "n", "a"):
        terminal.expect(" > ")
        terminal.type(line)
    assert terminal.end() == 0, terminal.screen
    assert NOTE not in checkout.git("ls-files")
    assert "Edited by the person" in checkout.git("log", "-1", "--format=%B")


@pytest.mark.slow
def test_a_blocked_change_is_edited_judged_and_then_read(shop):
    broken = {**WITH_NOTE, "shop/broken.py": "def broken(:\n"}
    checkout = shop(cast(implement=writes(broken)), BUILD_ONLY)
    blocked = checkout.run("run", "2.1")
    assert blocked.code == 3
    assert "--without PATH" in blocked.err
    asked = len(checkout.server.ledger)
    said = checkout.run("approve", "--without", "shop/broken.py")
    assert said.code == 0, said.err
    assert asked_since(checkout, asked) == set(REVIEWERS)
    assert "shop/broken.py" not in checkout.git("ls-files")
    assert checkout.read("shop/search.py") == CLEAN
    run = checkout.record()["run_id"]
    assert checkout.run("checkout", run, "all", "--before-edit").code == 0
    assert checkout.git("show", "all:shop/broken.py") == "def broken(:"
