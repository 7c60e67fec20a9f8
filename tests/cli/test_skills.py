"""`skills`: those we ship are valid and name commands that exist; verdicts are the reference's."""

import re
import shlex

import click
import pytest
import skills_ref

from reviewloop.cli.main import cli
from reviewloop.skills import problems_of, read_skill, shipped_skills, warnings_of
from reviewloop.skills.parts import missing_parts

NAMES = {
    "implement-and-review-loop", "create-spec", "session-handoff", "session-resume",
    "auto-memory", "capture-skill", "improve-skill", "push-and-pr", "review-diff",
    "build-and-deploy",
}  # fmt: skip
COMMAND = re.compile(r"`(reviewloop [^`]+)`")
GOOD = "---\nname: pdf\ndescription: Reads PDF files\n---\n\n# PDF\n\n1. Check it.\n"

FIXTURES = {
    "good": ("pdf", GOOD),
    "no front matter": ("pdf", "# PDF\n"),
    "not closed": ("pdf", "---\nname: pdf\n"),
    "not first": ("pdf", f"\n{GOOD}"),
    "other folder": ("doc", GOOD),
    "upper case": ("Pdf", GOOD.replace("pdf", "Pdf")),
    "hyphen at the end": ("pdf-", GOOD.replace("pdf", "pdf-")),
    "two hyphens": ("p--df", GOOD.replace("pdf", "p--df")),
    "underscore": ("p_df", GOOD.replace("pdf", "p_df")),
    "letters of another script": ("документ", GOOD.replace("pdf", "документ")),
    "long name": ("p" * 65, GOOD.replace("pdf", "p" * 65)),
    "no name": ("pdf", GOOD.replace("name: pdf\n", "")),
    "no description": ("pdf", GOOD.replace("description: Reads PDF files\n", "")),
    "empty description": ("pdf", GOOD.replace("Reads PDF files", '""')),
    "long description": ("pdf", GOOD.replace("Reads PDF files", "x" * 1025)),
    "unknown field": ("pdf", GOOD.replace("name:", "version: 1\nname:")),
    "long compatibility": ("pdf", GOOD.replace("name:", f"compatibility: {'x' * 501}\nname:")),
    "metadata": ("pdf", GOOD.replace("name:", "metadata:\n  author: me\n  n: 1\nname:")),
    "flow list": ("pdf", GOOD.replace("name:", "metadata: {author: me}\nname:")),
    "twice": ("pdf", GOOD.replace("name: pdf", "name: pdf\nname: pdf")),
    "broken": ("pdf", GOOD.replace("Reads PDF files", "a: b: c")),
    "anchor": ("pdf", GOOD.replace("Reads PDF files", "&a Reads")),
    "a list": ("pdf", "---\n- name\n---\n"),
    "a number": ("7", GOOD.replace("pdf", "7")),
    "dashes inside": ("pdf", GOOD.replace("Reads PDF files", "Reads --- files")),
    "folded": ("pdf", GOOD.replace("Reads PDF files", ">\n  Reads\n  files")),
}


@pytest.mark.parametrize("case", FIXTURES)
def test_the_verdict_is_that_of_the_reference(tmp_path, case):
    folder, text = FIXTURES[case]
    (tmp_path / folder).mkdir()
    (tmp_path / folder / "SKILL.md").write_text(text)
    ours = [*problems_of(read_skill(text), folder)]
    assert bool(ours) == bool(skills_ref.validate(tmp_path / folder)), (ours, text)


def test_what_we_ship_is_valid_and_strong():
    shipped = shipped_skills()
    assert {one.name for one in shipped} == NAMES
    for one in shipped:
        assert skills_ref.validate(one.path.parent) == []
        assert [*problems_of(one.skill, one.name)] == []
        assert [*warnings_of(one.text)] == []
        assert missing_parts(one.skill.body) == []


@pytest.mark.parametrize("skill", sorted(NAMES))
def test_each_command_of_a_shipped_skill_exists(skill):
    (one,) = [found for found in shipped_skills() if found.name == skill]
    lines = [" ".join(line.split()) for line in COMMAND.findall(one.text)]
    assert lines
    for line in lines:
        words = shlex.split(line)[1:]
        command: click.Command = cli
        while isinstance(command, click.Group) and words:
            found = command.get_command(click.Context(command), words[0])
            if found is None:
                break
            command, words = found, words[1:]
        assert command is not cli, line
        known = {name for p in command.params for name in p.opts}
        assert {word for word in words if word.startswith("-")} <= known, line


def test_skills_are_installed_byte_by_byte_where_the_project_has_a_folder(project, reviewloop):
    (project / ".claude").mkdir()
    assert reviewloop("skills", "install", "all").code == 0
    for one in shipped_skills():
        there = project / f".claude/skills/{one.name}/SKILL.md"
        assert there.read_bytes() == one.path.read_bytes()
    assert reviewloop("skills", "validate").code == 0


def test_a_skill_that_was_edited_is_not_replaced_unasked(project, reviewloop):
    to = ("skills", "install", "review-diff", "--to", ".kiro/skills")
    path = project / ".kiro/skills/review-diff/SKILL.md"
    assert reviewloop(*to).code == 0
    assert reviewloop(*to).code == 0
    path.write_text(path.read_text() + "mine\n")
    said = reviewloop(*to)
    assert said.code == 2
    assert "was changed since it was installed; --force replaces it" in said.err
    assert path.read_text().endswith("mine\n")
    assert reviewloop(*to, "--force").code == 0
    assert not path.read_text().endswith("mine\n")


def test_skills_of_every_place_are_listed_and_the_hidden_are_named(project, reviewloop):
    for folder, text in (
        (".kiro/skills/pdf", GOOD),
        (".claude/skills/pdf", GOOD),
        (".kiro/skills/blog", "# Blog\n"),
    ):
        (project / folder).mkdir(parents=True)
        (project / folder / "SKILL.md").write_text(text)
    said = reviewloop("skills", "list")
    assert said.code == 0
    lines = said.out.splitlines()
    assert "pdf: Reads PDF files [.kiro/skills/pdf/SKILL.md]" in lines
    assert any("(not used: .kiro/skills/pdf/SKILL.md)" in line for line in lines)
    assert "blog: no front matter (---) (line 1) [.kiro/skills/blog/SKILL.md]" in lines
    assert any(line.startswith("review-diff: ") and "[shipped]" in line for line in lines)
    assert reviewloop("skills", "list", "--json").code == 0
    said = reviewloop("skills", "validate")
    assert said.code == 1
    assert ".kiro/skills/blog/SKILL.md:1: no front matter (---)" in said.out


def test_what_cannot_be_read_is_said_and_a_link_out_is_not_followed(project, reviewloop, tmp_path):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside/SKILL.md").write_text(GOOD)
    (project / ".kiro/skills").mkdir(parents=True)
    (project / ".kiro/skills/pdf").symlink_to(tmp_path / "outside")
    (project / ".kiro/skills/big").mkdir()
    (project / ".kiro/skills/big/SKILL.md").write_bytes(b"x" * 2_000_001)
    said = reviewloop("skills", "list")
    assert said.code == 1
    assert "it is a link out of the folder" in said.out
    assert "it has 2,000,001 bytes" in said.out


def test_a_new_skill_is_valid_at_once(project, reviewloop):
    said = reviewloop("skills", "new", "deploy-stacks", "-m", "Deploys. Use it to deploy.")
    path = ".agents/skills/deploy-stacks/SKILL.md"
    assert said.out.startswith(f"{path} is written")
    assert skills_ref.validate(project / path.removesuffix("/SKILL.md")) == []
    said = reviewloop("skills", "validate", "deploy-stacks", "--strict")
    assert (said.code, said.out) == (0, "")
    assert reviewloop("skills", "new", "deploy-stacks").code == 2


def test_a_name_that_people_may_type_is_written_as_the_format_wants_it(project, reviewloop):
    about = 'Deploys: "web" #1 - use it, [then] rest'
    said = reviewloop("skills", "new", "My_Skill", "-m", about)
    assert (said.code, "My_Skill is written my-skill" in said.err) == (0, True)
    folder = project / ".agents/skills/my-skill"
    assert skills_ref.validate(folder) == []
    assert skills_ref.read_properties(folder).description == about
    assert reviewloop("skills", "validate", "my-skill").code == 0


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("my skill", "my-skill"),
        ("review.code", "review-code"),
        ("x" * 51, "x" * 50),
    ],
)
def test_a_name_that_does_not_fit_is_answered_with_the_nearest(project, reviewloop, name, near):
    said = reviewloop("skills", "new", name)
    assert said.code == 2
    assert f"; {near} would do" in said.err
    assert not (project / ".agents").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("install", "nope"), "no skill of ours is called 'nope'"),
        (("install", "review-diff", "--to", "../x"), "name a folder of this repository"),
        (("show", "nope"), "there is no skill 'nope'"),
    ],
)
def test_what_is_not_there_is_said(project, reviewloop, arguments, words):
    said = reviewloop("skills", *arguments)
    assert said.code == 2
    assert words in said.err


def test_a_weak_skill_is_warned_of(tmp_path):
    text = (
        f"{GOOD}{'x' * 9}\n".replace("Check", "Read") + "## Process\n\n## Workflow\n" + "\n" * 500
    )
    assert {problem.line for problem in warnings_of(text)} == {12, 501, text.count("\n") + 1}
