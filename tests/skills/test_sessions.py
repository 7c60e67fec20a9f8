"""A skill in work: killed on the way, answered at a terminal, and shown without secrets."""

from contextlib import closing

import pytest
from support.skill_script import SKILL, edit, edits, skill
from support.spec_script import written
from support.terminal import Terminal

from reviewloop.store.journal import Journal

PATH = ".kiro/skills/review-pr/SKILL.md"
_MOST = 6  # commands that bring a session to its end


def calls(here) -> int:
    """Return how many replies were paid."""
    [path] = here.state.glob("repositories/*/skill-sessions/runs/review-pr/journal.sqlite")
    with closing(Journal(path)) as journal:
        return len(list(journal.calls("model")))


def drive(here, model: str, fault: str = "") -> list[int]:
    """Bring a capture to its end, killed once on the way; return the exit codes."""
    new = ("capture", "review-pr", "-m", "list findings", "--model", model)
    step, codes = new, []
    while len(codes) < _MOST and (not codes or codes[-1] != 0):
        pending = fault and (fault.startswith("@") or not any(code < 0 for code in codes))
        if pending:
            said = here.forked("skills", *step, REVIEWLOOP_FAULT=fault)
        else:
            said = here.run("skills", *step)
        codes.append(said.code)
        # What was killed goes on; before it was kept at all, it begins anew.
        step = {4: ("approve",), 2: new}.get(codes[-1], ("resume",))
    return codes


QUICK = ["skill.begun", "reply.recorded", "skill.saved"]


@pytest.mark.slow
@pytest.mark.parametrize("which", ["some", "all"])
def test_a_session_that_is_killed_ends_as_any_other_and_keeps_one_reply(here, tmp_path, which):
    model = written(tmp_path, [skill()])
    log = tmp_path / "passed"
    assert drive(here, model, f"@{log}") == [4, 0]
    points = [*dict.fromkeys(log.read_text().split())]
    assert set(QUICK) < set(points)
    for point in points if which == "all" else QUICK:
        (here.root / PATH).unlink()
        codes = drive(here, model, point)
        assert min(codes) < 0, point
        assert codes[-1] == 0, (point, codes)
        assert (here.root / PATH).read_text() == SKILL
        assert calls(here) == 1, point


def test_at_a_terminal_it_asks_to_save_change_or_name(here, tmp_path):
    again = SKILL.partition("---\n\n")[2].replace("A list of", "A table of")
    model = written(tmp_path, [skill(cycle=0), skill(again, cycle=1)])
    terminal = Terminal(here, "skills", "capture", "-m", "list findings", "--model", model)
    terminal.expect("name of the skill > ")
    terminal.type("review-pr")
    terminal.expect("[s]ave [c]hange [n]ame [q]uit > ")
    assert not (here.root / ".kiro/skills").exists()
    terminal.type("c")
    terminal.expect("what is to be changed > ")
    terminal.type("a table")
    terminal.expect("{+table+}")
    terminal.expect("[s]ave [c]hange [n]ame [q]uit > ")
    terminal.type("n")
    terminal.expect("name > ")
    terminal.type("read.pr")
    terminal.expect("read-pr would do")
    terminal.expect("name > ")
    terminal.type("read-pr")
    assert terminal.end() == 0
    assert "A table of findings." in (here.root / ".kiro/skills/read-pr/SKILL.md").read_text()


def test_no_secret_of_a_model_or_a_session_becomes_an_example(here, tmp_path):
    path = here.root / PATH
    path.parent.mkdir(parents=True)
    path.write_text(SKILL)
    secret = "hunter2-of-this-machine"
    ask = "- Ask instead of guessing."
    row = edit(ask, f"{ask} For example with DEPLOY_TOKEN={secret}.")
    model = written(tmp_path, [edits(row)])
    new = ("skills", "improve", "review-pr", "-m", f"it used {secret}", "--model", model)
    said = here.run(*new, DEPLOY_TOKEN=secret)
    assert said.code == 4, said.err
    assert here.run("skills", "approve", DEPLOY_TOKEN=secret).code == 0
    assert "For example" in path.read_text()
    assert secret not in path.read_text() + said.out + said.err


@pytest.mark.parametrize("command", ["approve", "modify", "reject", "resume"])
def test_several_in_work_are_told_apart_by_name(here, tmp_path, command):
    model = written(tmp_path, [skill()])
    for name in ("one", "two"):
        assert here.run("skills", "capture", name, "-m", "x", "--model", model).code == 4
    more = ("-m", "y") if command == "modify" else ()
    said = here.run("skills", command, *more)
    assert (said.code, "several skills are in work (" in said.err) == (2, True)
