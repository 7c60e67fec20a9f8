"""`change` with invalid input, and with concurrent edits: a sentence, a code, no byte."""

import json
from contextlib import contextmanager

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.iot import SPEC, edit, files, make_iot, proposed, replies, story
from support.spec_script import written
from support.terminal import Terminal
from support.untouched import photograph

CO2 = story("co2")
NAME = "support-co-readings-update"
BILLING = """\
# Requirements

### Requirement 1: Invoices

#### Acceptance Criteria

1. WHEN a month ends THEN the service SHALL write an invoice
"""
PLAN = "# Tasks\n\n- [x] 1. Write invoices\n  - _Requirements: 1.1_\n"


@pytest.fixture
def iot(repo, tmp_path, git):
    """Return the IoT backend with a model that changes it."""
    make_iot(repo, git)
    model = written(tmp_path, replies("co2"))
    named = {f"REVIEWLOOP_MODELS__{kind}": model for kind in ("REASONING", "GENERATION")}
    return Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, **named})


def add_spec(checkout, name: str, requirements: str = BILLING, *, single: bool = False) -> None:
    if single:
        checkout.write(f"docs/{name}-spec.md", f"{requirements}\n{PLAN}")
    else:
        checkout.write(f".kiro/specs/{name}/requirements.md", requirements)
        checkout.write(f".kiro/specs/{name}/tasks.md", PLAN)
    checkout.git("add", ".")
    checkout.git("commit", "-q", "-m", f"spec {name}")


@contextmanager
def untouched(checkout):
    before = photograph(checkout.root)
    yield
    assert photograph(checkout.root) == before


def refused(checkout, code: int, words: str, *arguments: str) -> None:
    with untouched(checkout):
        said = checkout.run("change", *arguments)
    assert said.code == code, (said.out, said.err)
    assert words in said.err


def test_what_a_person_wrote_that_cannot_be(iot):
    refused(iot, 2, "say what is to change")
    refused(iot, 2, "say what is to change", "-m", "  ")
    refused(iot, 2, "there is no spec 'iott'; did you mean", "-m", "x y", "--spec", "iott")
    refused(iot, 2, "no change is in work", "approve")
    refused(iot, 2, "no change 'other' is in work", "show", "other")
    refused(iot, 2, "-m begins a change", "-m", "x", "list")
    iot.git("switch", "-q", "main")
    iot.git("merge", "-q", "work")
    refused(iot, 3, "the branch main is protected", "-m", CO2["sentence"])


def test_a_store_is_for_the_tasks_once_the_delta_is_pushed(iot):
    words = "`change --plan-only`, push, then `batch --store URL` has workers do the tasks"
    refused(iot, 2, words, "-m", "Keep readings longer", "--store", "postgresql://localhost/x")


def test_a_sentence_about_no_spec_or_about_several_names_them(iot):
    add_spec(iot, "billing")
    both = ".kiro/specs/billing, .kiro/specs/iot"
    words = f"no spec speaks about this; name the one that it belongs to with --spec: {both}"
    refused(iot, 2, words, "-m", "Show the weather on mars")
    words = f"2 specs speak about this ({both}); name one with --spec"
    refused(iot, 2, words, "-m", "Have an invoice for a sensor")
    iot.write(".kiro/specs/idea/requirements.md", "# Requirements of readings of sensors\n")
    said = iot.run("change", "-m", CO2["sentence"], "--json")
    assert json.loads(said.out)["spec"] == SPEC  # nobody wrote tasks of the other one yet


def test_a_spec_in_two_dialects_is_named_by_its_path(iot):
    add_spec(iot, "iot", single=True)
    refused(iot, 2, "ambiguous: 'iot' could mean 2 specs (.kiro/specs/iot, docs/iot-spec.md)",
            "-m", CO2["sentence"], "--spec", "iot")  # fmt: skip
    said = iot.run("change", "-m", CO2["sentence"], "--spec", SPEC)
    assert said.code == 4, said.err


def test_nothing_in_the_only_spec_speaks_about_it(iot, tmp_path):
    criterion = "- NFR-2: The page SHALL be dark at night"
    task = "- [ ] 4. Darken\n  - src/page.js\n  - _Requirements: NFR-2_"
    added = [
        edit("requirements", "- NFR-1: The", criterion, below=True),
        edit("tasks", "  - _Requirements: 3.1_", task, below=True),
    ]
    written(tmp_path, [proposed(added, {})])
    said = iot.run("change", "-m", "Offer dark pages")
    assert said.code == 4, said.err
    assert f"note: nothing in {SPEC} speaks about this: a new requirement is proposed" in said.out
    assert "  requirement NFR-2 new\n" in said.out
    assert "  code src/page.js: task 4; is new\n" in said.out


@pytest.mark.slow
def test_a_spec_that_is_not_committed_and_one_with_edits(iot):
    iot.write(".kiro/specs/new/requirements.md", BILLING)
    refused(iot, 2, ".kiro/specs/new is not committed; commit it first", "-m", "x", "--spec", "new")
    path = f"{SPEC}/requirements.md"
    iot.write(path, f"{files()[path]}\nmine\n")
    said = iot.run("change", "-m", CO2["sentence"], "--spec", SPEC)
    assert said.code == 4
    note = f"note: {path} has edits that are not committed; the change is of the committed text"
    assert note in said.out
    assert "mine" not in said.out
    refused(iot, 2, "commit or stash them, then approve again", "approve")
    iot.git("stash", "-q")
    assert iot.run("change", "approve").code == 4
    iot.git("stash", "pop", "-q")
    assert iot.read(path).endswith("\nmine\n")
    assert "3. IF the CO₂" in iot.read(path)


def test_what_was_committed_meanwhile_stays_and_a_quote_that_is_gone_is_named(iot):
    iot.run("change", "-m", CO2["sentence"], "--plan-only")
    iot.write(f"{SPEC}/design.md", files()[f"{SPEC}/design.md"].replace("MongoDB", "mongo"))
    iot.git("commit", "-qam", "design: mine")
    assert iot.run("change", "approve").code == 0
    assert "kept in mongo." in iot.read(f"{SPEC}/design.md")
    assert iot.git("log", "-2", "--format=%s").split("\n")[1] == "design: mine"


def test_a_spec_that_says_something_else_meanwhile_is_not_approved_and_can_be_modified(iot):
    iot.run("change", "-m", CO2["sentence"], "--plan-only")
    text = files()[f"{SPEC}/requirements.md"].replace("Sensors send temperature", "Sensors tell it")
    iot.write(f"{SPEC}/requirements.md", text)
    iot.git("commit", "-qam", "requirements: mine")
    words = f"{SPEC} is another one since the change was proposed: the quote 'Sensors send"
    refused(iot, 2, words, "approve")
    iot.git("switch", "-q", "-c", "elsewhere")
    refused(iot, 2, "the change is for work, and elsewhere is checked out", "approve")
    assert iot.run("change", "reject").code == 7


@pytest.mark.slow
def test_tasks_that_got_other_numbers_are_found_by_their_titles(iot):
    iot.run("change", "-m", CO2["sentence"], "--plan-only")
    iot.run("change", "approve")
    path = f"{SPEC}/tasks.md"
    text = iot.read(path).replace("- [ ] 5. Alert", "- [ ] 6. Alert")
    text = text.replace("- [ ] 4. Read", "- [ ] 4. Rest\n  - _Requirements: 1.2_\n- [ ] 5. Read")
    iot.write(path, text)
    assert "tasks 5, 6 are open" in iot.run("change", "list").out


def test_over_the_limit_of_governance_a_person_is_asked_before_anything_is_paid(iot):
    with untouched(iot):
        said = iot.run("change", "-m", CO2["sentence"], "--json", REVIEWLOOP_GOVERNANCE__FILES="2")
        body = json.loads(said.out)
        assert (said.code, body["waits_for"], body["spent"]["calls"]) == (4, "impact", 0)
        assert body["reasons"] == ["4 files are about it (governance.files is 2)"]
        refused(iot, 2, "nothing is proposed yet", "modify", "-m", "x")
        assert iot.run("change", "approve", "--json").code == 4
        assert iot.run("change", "reject").code == 7


@pytest.mark.slow
def test_at_a_terminal_it_asks_which_spec_and_at_each_gate(iot, tmp_path):
    add_spec(iot, "billing")
    written(tmp_path, [proposed(CO2["edits"], CO2["stays"])])
    terminal = Terminal(iot, "change", "-m", "Add an invoice for CO₂ of a sensor", "--plan-only")
    terminal.expect("which one > ")
    terminal.type("2")
    terminal.expect("criterion 1.3 new")
    terminal.expect("[a]pprove [m]odify [r]eject [l]eave > ")
    terminal.type("a")
    terminal.expect("tasks 4, 5 are open: reviewloop change resume")
    assert terminal.end() == 0


@pytest.mark.slow
def test_two_open_changes_of_one_spec_are_named_and_the_later_one_takes_no_id_twice(iot, tmp_path):
    iot.run("change", "-m", CO2["sentence"], "--plan-only")
    criterion = "3. IF a reading is from the future THEN the service SHALL drop it"
    task = (
        "- [ ] 4. Drop what is from the future\n  - src/mqtt/listener.js\n  - _Requirements: 1.3_"
    )
    other = [
        edit("requirements", "2. IF a reading lacks a field", criterion, below=True),
        edit("tasks", "test/alerts.test.js\n  - _Requirements: 3.1_", task, below=True),
    ]
    stays = {path: "is about no time" for path in files() if path not in task}
    written(tmp_path, [proposed(other, stays)])
    said = iot.run("change", "-m", "Drop readings from the future", "--plan-only")
    assert said.code == 4, said.err
    assert f"note: the change {NAME} is of this spec, too, and not decided yet\n" in said.out
    assert iot.run("change", "approve", NAME).code == 0
    words = f"{SPEC} is another one since the change was proposed: "
    refused(iot, 2, words, "approve", "drop-readings-future")
