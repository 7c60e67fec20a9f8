"""The questions and answers of `spec new`, at a terminal and without one."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.spec_script import (
    QUESTION,
    REQUIREMENTS,
    TASKS,
    document,
    questions,
    replies,
    written,
)
from support.terminal import Terminal

IDEA = "tell members of replies"
NEW = ("spec", "new", "notify", "-m", IDEA)


@pytest.fixture
def here(repo, tmp_path):
    """Return a checkout; `script.json` in its home holds what the model says."""
    checkout = Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, "EDITOR": "false"})
    written(checkout.home, replies())
    checkout.environ["REVIEWLOOP_MODELS__REASONING"] = f"script:{checkout.home}/script.json"
    checkout.environ["REVIEWLOOP_MODELS__GENERATION"] = f"script:{checkout.home}/script.json"
    return checkout


def test_questions_are_asked_one_by_one_and_an_end_of_input_leaves(here):
    written(here.home, [questions(QUESTION, {"question": "Which hours?"}), *replies()[1:]])
    terminal = Terminal(here, *NEW)
    terminal.expect("Enter takes what stands in brackets; - leaves a question open.")
    terminal.expect("1. Which channels? (email, SMS) [email]\n1. answer > ")
    assert "Which hours?" not in terminal.screen
    terminal.type("")
    terminal.expect("2. Which hours?\n2. answer > ")
    terminal.type("\x04")  # Ctrl-D
    assert terminal.end() == 4, terminal.screen
    assert "questions wait for you: reviewloop spec answer notify 1=..." in terminal.screen


def test_what_is_typed_is_the_answer_and_a_dash_leaves_it_open(here):
    assumed = REQUIREMENTS.replace("SMS.", "SMS (assumed).").replace('? "email"', '? "pigeon"')
    written(
        here.home,
        [
            questions(QUESTION, {"question": "Which hours?", "default": "all"}),
            document("spec-requirements", "requirements", assumed),
        ],
    )
    terminal = Terminal(here, *NEW)
    for text in ("pigeon", "-"):
        terminal.expect("answer > ")
        terminal.type(text)
    terminal.expect("[l]eave > ")
    terminal.type("l")
    assert terminal.end() == 4, terminal.screen
    assert "the requirements wait for you: reviewloop spec approve notify" in terminal.screen


def test_a_gate_shows_the_whole_phase_and_outlives_an_editor_that_fails(here):
    assert here.run(*NEW).code == 4
    assert here.run("spec", "answer", "notify", "1=email").code == 4
    terminal = Terminal(here, "spec", "resume")
    for text in ("m", "push is out, too"):
        terminal.expect(" > ")
        terminal.type(text)
    terminal.expect("{+ and push+}")
    assert terminal.screen.count("# Requirements Document") == 1  # before it was changed
    terminal.expect("[w]hole")
    terminal.type("w")
    terminal.expect("# Requirements Document")
    terminal.expect("[l]eave > ")
    terminal.type("e")
    terminal.expect("EDITOR (false) ended with 1; nothing was changed")
    terminal.expect("[l]eave > ")
    terminal.type("a")
    terminal.expect("requirements approved, written to .kiro/specs/notify/requirements.md")
    terminal.expect("[l]eave > ")
    terminal.interrupt()
    assert terminal.end() == 130, terminal.screen
    assert "nothing was decided; the high-level design waits for you" in terminal.screen


def test_a_wrong_key_is_answered_and_an_edit_without_a_change_asks_again(here):
    here.run(*NEW)
    here.run("spec", "answer", "notify", "1=email")
    choices = "please answer with one of: approve, modify, edit, whole, reject, leave"
    terminal = Terminal(here, "spec", "edit", "notify")
    terminal.expect("EDITOR (false) ended with 1; nothing was changed")
    assert terminal.end() == 2
    here.environ["EDITOR"] = "true"
    terminal = Terminal(here, "spec", "edit", "notify")
    terminal.expect("== Requirements (1/4) ==\nnothing changed")
    for key in ("?", "d", "approved", ""):
        terminal.expect("[l]eave > ")
        terminal.type(key)
        terminal.expect(choices)
    terminal.expect("[l]eave > ")
    terminal.type("leave")
    assert terminal.end() == 4, terminal.screen


def test_who_looks_for_the_tasks_of_a_spec_in_work_is_told_what_waits(here):
    here.run(*NEW)
    here.run("spec", "answer", "notify", "1")
    waits = "the task plan waits for you: reviewloop spec approve notify"
    for _ in range(3):
        here.run("spec", "approve")
    for command in ("tasks", "tasks --spec notify", "run next --preflight", "batch"):
        said = here.run(*command.split())
        problem = "the spec .kiro/specs/notify has no tasks.md yet"
        assert (said.code, said.err) == (2, f"reviewloop: {problem}: {waits}\n"), command
    traced = here.run("spec", "trace")  # there is one, so it needs no name
    assert (traced.code, traced.err) == (1, f".kiro/specs/notify is in work: {waits}\n")
    here.run("spec", "approve")
    assert here.run("spec", "trace").err == ""


def test_a_command_at_a_terminal_shows_what_is_asked_next(here):
    assert here.run(*NEW).code == 4
    terminal = Terminal(here, "spec", "answer", "notify", "1")
    assert terminal.end() == 4
    assert "== Requirements (1/4) ==\n# Requirements Document\n" in terminal.screen
    assert terminal.screen.endswith("wait for you: reviewloop spec approve notify\n")


def test_without_a_terminal_questions_are_printed_and_what_is_approved_is_confirmed(here):
    asked = here.run(*NEW)
    assert (asked.code, asked.out) == (4, "1. Which channels? (email, SMS) [email]\n")
    assert here.run("spec", "answer", "notify", "1").code == 4
    ends = [here.run("spec", "approve") for _ in range(4)]
    folder = ".kiro/specs/notify"
    for end, line in zip(
        ends,
        (
            f"requirements approved, written to {folder}/requirements.md; the high-level design is"
            " next",
            f"high-level design approved, written to {folder}/design.md; the low-level design is"
            " next",
            f"low-level design approved, written to {folder}/design.md; the task plan is next",
            f"task plan approved, written to {folder}/tasks.md",
        ),
        strict=True,
    ):
        assert end.err.splitlines()[0] == line


def test_what_stopped_says_why_and_asks_nothing_old(here):
    vague = "# Requirements\n\nBe fast.\n"
    written(here.home, [questions(QUESTION), document("spec-requirements", "requirements", vague)])
    assert here.run(*NEW).code == 4
    failed = here.run("spec", "answer", "notify", "1")
    assert failed.code == 5
    assert failed.err.endswith(
        "`reviewloop spec resume notify` asks anew, `reviewloop spec answer notify 1=...` corrects "
        "an answer, `reviewloop spec reject notify` gives it up\n"
    )
    shown = here.run("spec", "show")
    assert (shown.code, shown.out) == (5, "")
    assert "no requirement has an id" in shown.err
    assert "notify: it stopped: reviewloop spec resume notify" in shown.err
    assert json.loads(here.run("spec", "show", "--json").out)["questions"] == []
    again = here.run("spec", "modify", "notify", "-m", "x")
    assert (again.code, "asks nothing now: it stopped" in again.err) == (2, True)
    written(here.home, replies())
    assert here.run("spec", "resume").code == 4
    assert "# Requirements Document" in here.run("spec", "show").out


def test_an_answer_that_nothing_can_be_made_of_is_corrected(here):
    """The model quotes "email" whatever was answered; the other answer stands as it was given."""
    decided = REQUIREMENTS.replace('"email"', '"email", "at night"', 1)
    hours = {"question": "Which hours?", "default": "all"}
    first = [questions(QUESTION, hours), document("spec-requirements", "requirements", decided)]
    written(here.home, [*first, *replies()[3:]])
    assert here.run(*NEW).code == 4
    failed = here.run("spec", "answer", "notify", "1=pigeon", "2=at night")
    assert failed.code == 5
    assert "does not quote the answer to 'Which channels?': 'pigeon'" in failed.err
    assert here.run("spec", "resume").code == 5  # it asks the model anew, and nobody else
    assert "answers: reviewloop spec answer notify 1=..." in here.run("spec", "show").err

    said = here.run("spec", "answer", "notify", "1=email")

    assert said.code == 4, said.err
    assert here.run("spec", "answer", "notify", "1=email").code == 2
    assert [here.run("spec", "approve").code for _ in range(4)] == [4, 4, 4, 0]


def test_an_answer_in_a_criterion_is_no_decision(here):
    """Which would hold for every short answer: its letters stand somewhere."""
    undecided = REQUIREMENTS.replace('"email"', '"emails"', 1)
    first = [questions(QUESTION), document("spec-requirements", "requirements", undecided)]
    written(here.home, first)
    here.run(*NEW)
    failed = here.run("spec", "answer", "notify", "1=email")
    assert (failed.code, "does not quote the answer to" in failed.err) == (5, True)


def test_a_vague_description_is_asked_about_whatever_the_model_wants(here):
    """The model asks nothing, and writes; the person is asked first, and nothing is on disk."""
    decided = REQUIREMENTS.replace("SMS.", "SMS (assumed).").replace(
        'Which channels? "email"', '"members see", "300 ms"'
    )
    written(
        here.home, [questions(), document("spec-requirements", "requirements", decided, turn=0)]
    )
    begun = here.run("spec", "new", "better", "-m", "make it fast and better")
    assert begun.code == 4
    assert [line[:2] for line in begun.out.splitlines()] == ["1.", "2.", "3.", "4."]
    assert 'How much is "fast"? Give a number.' in begun.out
    assert here.git("status", "--short") == ""
    assert here.run("spec", "approve").code == 2

    said = here.run("spec", "answer", "better", "2=members see", "4=300 ms")
    assert said.code == 4, said.err
    assert "# Requirements Document" in here.run("spec", "show").out


def test_what_the_agent_asks_itself_is_not_asked_twice(here):
    own = {"question": "Who logs in: staff or customers?", "about": "user"}
    word = {"question": "What is fast here?"}
    written(here.home, [questions(own, word)])
    said = here.run("spec", "new", "login", "-m", "a fast login")
    assert said.out.splitlines() == [
        "1. What can they do with it that they cannot do now: what goes in, what comes out?",
        "2. Who logs in: staff or customers?",
        "3. What is fast here?",
    ]


def test_a_revision_is_of_something_that_is_described_already(here):
    here.write(".kiro/specs/notify/requirements.md", REQUIREMENTS)
    written(here.home, [questions(), *replies()[1:]])
    said = here.run("spec", "new", "notify", "-m", "push", "--revise")
    assert (said.code, said.err.splitlines()[0]) == (
        4,
        "the requirements wait for you: reviewloop spec approve notify",
    )


def of_tasks(text: str, **about):
    return document("spec-tasks", "tasks", text, **about)


def test_a_name_that_its_service_does_not_have_is_sent_back_and_then_shown(here):
    wrong = TASKS.replace("test it", "call sqs.send_messages and sqs.purge_queues; test it")
    right = TASKS.replace("test it", "call sqs.send_message_batch; test it")
    written(here.home, [*replies()[:-1], of_tasks(wrong, turn=0), of_tasks(right, turn=1)])
    assert here.run(*NEW).code == 4
    assert here.run("spec", "answer", "notify", "1").code == 4
    assert [here.run("spec", "approve").code for _ in range(3)] == [4, 4, 4]
    shown = json.loads(here.run("spec", "show", "--json").out)
    assert (shown["document"], shown["notes"]) == (right, [])

    written(here.home, [of_tasks(wrong, cycle=1)])
    assert here.run("spec", "modify", "-m", "purge").code == 4  # our data may be the older one
    said = here.run("spec", "show").err.splitlines()
    assert said[0].startswith("not supported: sqs has no operation send_messages; did you mean ")
    assert said[1].startswith("not supported: sqs has no operation purge_queues; did you mean ")
    assert here.run("spec", "approve").code == 0


def test_what_is_assumed_is_listed_at_the_gate(here):
    text = REQUIREMENTS.replace("SMS.", "- SMS (assumed)\n- Push: none (assumed)")
    written(here.home, [questions(), document("spec-requirements", "requirements", text)])
    assert here.run(*NEW).code == 4
    said = here.run("spec", "show").err.splitlines()
    assert said[:2] == ["assumed: SMS (assumed)", "assumed: Push: none (assumed)"]


@pytest.mark.slow
def test_an_edge_that_no_task_serves_is_sent_back(here):
    edges = "\n## Edge Cases\n\n- EC-1: nobody is subscribed: nothing is sent\n"
    bad = [*replies()[2:], questions(), document("spec-requirements", "requirements",
           REQUIREMENTS + edges, cycle=0)]  # fmt: skip
    written(here.home, bad)
    assert here.run(*NEW).code == 4
    ends = [here.run("spec", "approve") for _ in range(3)]
    assert [one.code for one in ends] == [4, 4, 5]
    assert "EC-1" in ends[-1].err
    written(here.home, [of_tasks(TASKS.replace("1.2_", "1.2, EC-1_"))])
    assert here.run("spec", "resume").code == 4
    assert here.run("spec", "approve").code == 0
    assert here.run("spec", "trace", "notify").out.count("EC-1") >= 1
