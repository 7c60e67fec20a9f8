"""`skills run`: phases with gates, our commands only, and no unrequested change."""

import json

import pytest
from support.skill_script import BODY, SKILL
from support.terminal import Terminal

from reviewloop.app.skills.running import steps_of
from reviewloop.skills import shipped_skills
from reviewloop.skills.parts import Phase, phases_of

PATH = ".kiro/skills/day/SKILL.md"
TEXT = """\
---
name: day
description: Ends a day. Use it in the evening.
---

# Day

## Process

### Phase 1: Look

1. `reviewloop status` and `reviewloop skills show NAME`, then `git log`.

### Phase 2: Write

1. `reviewloop handoff --offline -m NOTE`, or `reviewloop memory add -m NOTE`.
2. Verify that it is there.

### Phase 3: Tell

1. Tell the team.
"""


@pytest.fixture
def day(here):
    (here.root / PATH).parent.mkdir(parents=True)
    (here.root / PATH).write_text(TEXT)
    return here


def test_a_skill_is_followed_gate_by_gate(day):
    said = day.run("skills", "run", "day")
    assert said.code == 4
    assert said.out.splitlines()[0] == "== Phase 1: Look (1/3) =="
    assert "[1] reviewloop status (runs at your yes)" in said.out
    assert "[2] reviewloop skills show NAME (--run 2; needs NAME)" in said.out
    assert "git log" not in said.out.split("[1] reviewloop status")[1]

    said = day.run("skills", "approve", "day", "--run", "2")
    assert (said.code, "needs --set NAME=..." in said.err) == (2, True)
    said = day.run("skills", "approve", "day", "--run", "1", "--run", "2", "--set", "NAME=day")
    assert said.code == 4
    assert "$ reviewloop skills show day" in said.err
    assert "# Day" in said.out
    assert "== Phase 2: Write (2/3) ==" in said.out
    assert not (day.root / ".kiro/steering/memory.md").exists()

    note = ("--set", "NOTE=use the clock", "--run", "2")
    assert day.run("skills", "approve", *note).code == 4
    assert "use the clock" in (day.root / ".kiro/steering/memory.md").read_text()
    said = day.run("skills", "approve", "day")
    assert (said.code, "day is done" in said.err) == (0, True)
    assert day.run("skills", "approve", "day").code == 2


def test_what_changes_something_runs_only_when_it_is_named(day):
    day.run("skills", "run", "day", "--set", "NOTE=x")
    day.run("skills", "approve", "day")
    said = day.run("skills", "approve", "day", "--json")
    rows = json.loads(said.out)["phases"][1]["commands"]
    assert [(row["reads"], row["exit_code"]) for row in rows] == [(False, None), (False, None)]
    assert not (day.root / ".kiro/context").exists()


def test_a_phase_that_stays_can_act_upon_what_its_command_printed(day):
    day.run("skills", "run", "day")
    said = day.run("skills", "approve", "--run", "1", "--stay")
    assert (said.code, "== Phase 1: Look (1/3) ==" in said.out) == (4, True)
    said = day.run("skills", "approve", "--stay")
    assert (said.code, "--stay goes with --run N" in said.err) == (2, True)
    rows = day.json("skills", "resume")["phases"][0]["commands"]
    assert [row["exit_code"] for row in rows] == [0, None]
    assert "== Phase 2: Write (2/3) ==" in day.run("skills", "approve").out


@pytest.mark.slow
def test_at_a_terminal_commands_run_one_after_the_other_until_yes(day):
    terminal = Terminal(day, "skills", "run", "day")
    terminal.expect("[q]uit > ")
    terminal.type("1")
    terminal.expect("Phase 1: Look (1/3)")
    terminal.expect("[q]uit > ")
    terminal.type("2")
    terminal.expect("NAME > ")
    terminal.type("day")
    terminal.expect("# Day")
    terminal.expect("[y]es to go on, [q]uit > ")
    terminal.type("y")
    terminal.expect("Phase 2: Write (2/3)")
    terminal.expect("[y]es to go on, [q]uit > ")
    terminal.type("q")
    assert terminal.end() == 4


def test_a_command_that_fails_stops_it_and_the_same_gate_asks_again(day):
    (day.root / PATH).write_text(TEXT.replace("reviewloop status", "reviewloop show nope"))
    day.run("skills", "run", "day")
    said = day.run("skills", "approve", "day")
    assert said.code == 2
    assert "`reviewloop show nope` ended with 2" in said.err
    shown = json.loads(day.run("skills", "resume", "day", "--json").out)
    assert (shown["stage"], shown["phase"]) == ("stopped", 1)
    assert day.run("skills", "reject", "day").code == 7
    assert day.run("skills", "run", "day").code == 4


def test_an_edited_skill_is_not_gone_on_with(day):
    day.run("skills", "run", "day")
    (day.root / PATH).write_text(TEXT.replace("status", "doctor"))
    said = day.run("skills", "approve", "day")
    assert (said.code, "was changed since it was begun" in said.err) == (2, True)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("reviewloop status", "reviewloop nope", "`reviewloop nope` is no command"),
        ("reviewloop status", "reviewloop skills run day", "would have a skill run skills"),
        ("reviewloop status", "reviewloop show 'a", "cannot be read as a command line"),
        ("## Process", "## Else", "it has no `## Process` with steps"),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_is(day, old, new, words):
    (day.root / PATH).write_text(TEXT.replace(old, new))
    said = day.run("skills", "run", "day")
    assert (said.code, words in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "nope"), "there is no skill 'nope'"),
        (("run", "day.md"), "there is no skill 'day.md'"),
        (("run", "day", "--set", "x=1"), "write NAME=TEXT"),
        (("approve", "day"), "no skill 'day' is in work"),
    ],
)
def test_what_a_person_wrote_wrongly_is_one_sentence_and_2(day, arguments, words):
    said = day.run("skills", *arguments)
    assert (said.code, words in said.err) == (2, True), said.err


@pytest.mark.parametrize(
    ("command", "reads"),
    [
        ("review main...HEAD --json", True),
        ("review -o FILE", False),
        ("review --apply-fixes", False),
        ("queue", True),
        ("queue approve 2.1", False),
        ("memory add ID", False),
        ("run next", False),
        ("run next --preflight", True),
        ("ship --plan", True),
        ("ship --yes", False),
        ("trust --yes", False),
    ],
)
def test_only_what_reads_runs_by_itself(command, reads):
    [step] = steps_of(Phase("x", "", (f"reviewloop {command}",)))
    assert step.reads is reads
    assert "HEAD" not in step.values


def test_every_shipped_skill_has_phases_and_begins(here):
    for one in shipped_skills():
        assert phases_of(one.skill.body), one.name
        assert here.run("skills", "run", one.name, "--json").code == 4, one.name


def test_phases_of_a_process_without_headings_and_with_code():
    plain = "# A\n\n## Process\n\n1. `reviewloop status`\n\n```sh\n# no heading\n```\n"
    [phase] = phases_of(plain)
    assert phase.commands == ("reviewloop status",)
    assert [one.title for one in phases_of(BODY)] == ["Phase 1: Read", "Phase 2: Verify"]
    assert SKILL.startswith("---\n")
