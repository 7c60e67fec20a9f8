"""`skills improve`: targeted edits with evidence, checked by rules first; a rewrite is refused."""

import json

import pytest
from support.skill_script import BODY, GUARD, SKILL, edit, edits
from support.spec_script import written

PATH = ".kiro/skills/review-pr/SKILL.md"
FETCH = edit(
    "1. `reviewloop review main...HEAD` says what the analysers find.",
    "1. Fetch the branch.\n2. `reviewloop review main...HEAD` says what the analysers find.",
)
ASK = "- Ask instead of guessing."


@pytest.fixture
def improve(here, tmp_path):
    """Return a function that improves review-pr with a model that answers these."""
    path = here.root / PATH
    path.parent.mkdir(parents=True)
    path.write_text(SKILL)

    def call(*arguments: str, replies=()):
        model = written(tmp_path, [*replies])
        return here.run("skills", "improve", *arguments, "--model", model)

    return call


def test_guards_come_first_and_each_edit_names_its_evidence(here, improve):
    rule = edit(ASK, "- MANDATORY: ask instead of guessing.", "rule", reason="it guessed")
    words = ("review-pr", "-m", "it guessed, and I fetched by hand")
    said = improve(*words, replies=[edits(FETCH, rule, guards=(GUARD,))])
    assert said.code == 4
    lines = said.out.splitlines()
    assert lines[0] == "setting: review.fail_on = should"
    assert lines.index("== review-pr ==") > 0
    assert "+ 1. Fetch the branch." in lines
    assert "  a step was missing: it was done by hand" in lines
    evidence = "  E1 (what the user says): it guessed, and I fetched by hand"
    assert lines.count(evidence) == 3
    assert (here.root / PATH).read_text() == SKILL

    said = here.run("skills", "approve")
    assert said.code == 0
    assert said.out == (
        "review-pr: a step was missing, it was done by hand\n"
        "review-pr: a rule was broken or missing, it guessed\n"
    )
    text = (here.root / PATH).read_text()
    assert "1. Fetch the branch.\n2. `reviewloop" in text
    assert "- MANDATORY: ask" in text
    assert here.run("skills", "validate", "review-pr", "--strict").code == 0


def test_more_than_forty_per_cent_is_refused_whatever_the_model_says(here, improve):
    whole = edit(BODY.rstrip("\n"), BODY.replace("\n\n", "\n- more\n\n").rstrip("\n"))
    said = improve("review-pr", "-m", "x", replies=[edits(whole)])
    assert said.code == 1
    assert "of its lines, at most 40% may be" in said.out
    assert (here.root / PATH).read_text() == SKILL
    assert here.run("skills", "approve", "improve-review-pr").code == 2


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize(
    ("row", "words"),
    [
        (edit("not in it", "x"), "is not in review-pr"),
        (edit("## ", "x"), "stands 5 times in review-pr"),
        (edit(ASK, ASK), "changes nothing"),
        (edit(ASK, "- Do ask.", "rule"), "strengthened visibly, with MANDATORY"),
        (edit(ASK, "- Do ask.", "mood"), "`gap` is one of output, step, rule, format"),
        (edit(ASK, "- Do ask.", evidence="E9"), "names its evidence by id; there are E1"),
        (edit(ASK, "- Do ask.", skill="other"), "'other' is none of the skills"),
    ],
)
def test_an_edit_that_does_not_hold_is_sent_back_once_then_it_failed(improve, row, words):
    good = edits(FETCH, turn=1)
    assert improve("review-pr", "-m", "x", replies=[edits(row, turn=0), good]).code == 4
    said = improve("review-pr", "-m", "y", replies=[])
    assert said.code == 2  # one is in work


def test_what_stays_wrong_is_failed(here, improve):
    said = improve("review-pr", "-m", "x", replies=[edits(edit("not in it", "x"))])
    assert said.code == 5
    assert "is not in review-pr" in said.err
    guard = {**GUARD, "key": "review.nothing"}
    here.run("skills", "reject")
    said = improve("review-pr", "-m", "x", replies=[edits(FETCH, guards=(guard,))])
    assert (said.code, "'review.nothing' is no setting" in said.err) == (5, True)


def test_several_skills_are_one_approval_and_one_can_be_chosen(here, improve):
    other = here.root / ".kiro/skills/blog/SKILL.md"
    other.parent.mkdir()
    other.write_text(SKILL.replace("review-pr", "blog"))
    both = edits(FETCH, {**FETCH, "skill": "blog"})
    assert improve("-m", "fetch first", replies=[both]).code == 4
    assert here.run("skills", "approve", "--only", "nope").code == 2
    said = here.run("skills", "approve", "--only", "blog", "--json")
    assert json.loads(said.out)["summary"] == "blog: a step was missing, it was done by hand"
    assert (here.root / PATH).read_text() == SKILL
    assert "Fetch the branch." in other.read_text()


def test_what_changed_on_disk_meanwhile_is_not_overwritten(here, improve):
    assert improve("review-pr", "-m", "x", replies=[edits(FETCH)]).code == 4
    (here.root / PATH).write_text(SKILL + "\nmine\n")
    said = here.run("skills", "approve")
    assert (said.code, "was changed since" in said.err) == (2, True)
    assert (here.root / PATH).read_text().endswith("mine\n")


def test_no_gap_is_an_answer_and_writes_nothing(here, improve):
    said = improve("review-pr", "-m", "all went well", replies=[edits()])
    assert said.code == 1
    assert "the evidence shows no gap" in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "which skill needs improvement, and what went wrong?"),
        (("review-pr",), "which skill needs improvement, and what went wrong?"),
        (("nope", "-m", "x"), "this project has no skill 'nope' of its own"),
        (("create-spec", "-m", "x"), "`skills install create-spec` brings one of ours"),
        (("review-pr", "--from", "nope-run"), "nope-run"),
        (("review-pr", "--text", "nope.md"), "nope.md: No such file"),
    ],
)
def test_what_a_person_wrote_wrongly_is_one_sentence_and_2(improve, arguments, words):
    said = improve(*arguments)
    assert said.code == 2
    assert words in said.err


def test_a_text_of_their_own_needs_no_model_and_a_byte_equal_one_is_refused(
    here, improve, tmp_path
):
    text = tmp_path / "new.md"
    text.write_text(SKILL)
    said = improve("review-pr", "--text", str(text))
    assert (said.code, "is byte-equal" in said.err) == (2, True)
    text.write_text(SKILL.replace(ASK, f"{ASK}\n- Say what was not read."))
    assert improve("review-pr", "--text", str(text)).code == 4
    assert here.run("skills", "approve").code == 0
    assert (here.root / PATH).read_text() == text.read_text()


def test_skills_that_cannot_be_read_are_said(here, improve, tmp_path):
    folder = here.root / ".kiro/skills"
    (folder / "big").mkdir()
    (folder / "big/SKILL.md").write_bytes(b"x" * 2_000_001)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/SKILL.md").write_text(SKILL)
    (folder / "out").symlink_to(tmp_path / "outside")
    (folder / "plain").mkdir()
    (folder / "plain/SKILL.md").write_text("no front matter\n")
    for command in (("improve", "big", "-m", "x"), ("run", "big")):
        said = here.run("skills", *command)
        assert (said.code, "2,000,001 bytes" in said.err) == (2, True), said.err
    for command in (("improve", "out", "-m", "x"), ("run", "out")):
        said = here.run("skills", *command)
        assert (said.code, "it is a link out of the folder" in said.err) == (2, True), said.err
    said = here.run("skills", "run", "plain")
    assert (said.code, "it has no `## Process` with steps" in said.err) == (2, True)
