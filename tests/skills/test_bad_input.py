"""Bad input to day, memory, steering and skills commands: a sentence each, and the exit code."""

from collections.abc import Callable

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.skill_script import SKILL

HANDOFF = ".kiro/context/session-handoff.md"
MARKS = "# Session handoff\n\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n"


def skill(name: str, text: str | bytes = SKILL) -> Callable[[Checkout], None]:
    """Return what puts a skill into the project."""

    def put(here: Checkout) -> None:
        path = here.root / f".kiro/skills/{name}/SKILL.md"
        path.parent.mkdir(parents=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())

    return put


def file(path: str, text: str) -> Callable[[Checkout], None]:
    """Return what writes a file of the project."""

    def put(here: Checkout) -> None:
        (here.root / path).parent.mkdir(parents=True, exist_ok=True)
        (here.root / path).write_text(text)

    return put


def link(path: str) -> Callable[[Checkout], None]:
    """Return what makes a path a link to a folder outside, which holds a skill and a handoff."""

    def put(here: Checkout) -> None:
        outside = here.home / "outside"
        (outside / "leak").mkdir(parents=True)
        (outside / "leak/SKILL.md").write_text(SKILL.replace("review-pr", "leak"))
        (here.root / path).parent.mkdir(parents=True, exist_ok=True)
        (here.root / path).symlink_to(outside)

    return put


def nothing(here: Checkout) -> None:
    """Leave the project as it is."""


BIG = skill("big", b"x" * 2_000_001)
PLAIN = skill("plain", "# No front matter\n")
DOTTED = skill("review.code", SKILL.replace("review-pr", "review.code"))
CASES = [
    (file(HANDOFF, MARKS), "handoff --offline", 2, f"{HANDOFF}:3 has marks of a merge conflict"),
    (file(HANDOFF, MARKS), "session resume --offline", 2, "let `reviewloop handoff` write it anew"),
    (link(".kiro/context"), "handoff --offline", 2, "is no regular file of this repository"),
    (link(".kiro/steering"), "memory add -m x", 2, "is no regular file of this repository"),
    (nothing, "session resume --offline", 2, "there is no handoff; `reviewloop handoff` writes"),
    (nothing, "handoff --model nope", 2, "'nope' names no provider; write provider:model"),
    (nothing, "memory forget zz", 2, "has the id 'zz'; `reviewloop memory list`"),
    (BIG, "skills show big", 2, "cannot be read: it has 2,000,001 bytes; at most 2,000,000"),
    (BIG, "skills run big", 2, "cannot be run: it has 2,000,001 bytes"),
    (BIG, "skills improve big -m x", 2, "cannot be improved: it has 2,000,001 bytes"),
    (BIG, "skills validate big", 1, ".kiro/skills/big/SKILL.md:1: it has 2,000,001 bytes"),
    (BIG, "skills list", 1, "big: cannot be read: it has 2,000,001 bytes"),
    (PLAIN, "skills run plain", 2, "cannot be run: it has no `## Process` with steps"),
    (PLAIN, "skills validate plain", 1, ".kiro/skills/plain/SKILL.md:1: no front matter (---)"),
    (PLAIN, "skills list", 0, "plain: no front matter (---) (line 1)"),
    (link(".kiro/skills"), "skills show leak", 2, "it is a link out of the folder project"),
    (link(".kiro/skills"), "skills run leak", 2, "it is a link out of the folder project"),
    (link(".kiro/skills"), "skills improve leak -m x", 2, "it is a link out of the folder project"),
    (link(".kiro/skills"), "skills install review-diff", 2, "no regular file of this repository"),
    (link(".kiro/skills"), "skills new mine", 2, "no regular file of this repository"),
    (DOTTED, "skills run review.code", 2, "its name may have letters, digits and hyphens only"),
    (DOTTED, "skills validate review.code", 1, "name may have letters, digits and hyphens only"),
    (nothing, "skills new review.code", 2, "cannot be called 'review.code'"),
    (nothing, "skills capture review.code -m x", 2, "; review-code would do"),
    (nothing, "skills approve --stay", 2, "no skill is in work"),
    (file(".reviewloop/quiet.toml", "[[quiet]"), "quiet show", 2, "is no TOML"),
    (nothing, "steering list --run nope", 2, "nope"),
]
OUTSIDE = [
    *("handoff", "session resume", "memory", "memory add -m x", "memory forget a", "quiet"),
    *("steering list", "steering check", "skills install all", "skills new a", "skills suggest"),
    *("skills run review-diff", "skills capture a -m x", "skills improve a -m x", "init --full"),
]


@pytest.fixture
def project(repo, tmp_path) -> Checkout:
    """Return a repository with one commit, in a folder called project."""
    return Checkout(repo, tmp_path / "home", settings=QUIET_GATES)


@pytest.mark.parametrize(("put", "command", "code", "words"), CASES)
def test_what_is_wrong_is_said_in_one_sentence_with_its_code(project, put, command, code, words):
    put(project)
    said = project.run(*command.split())
    assert (said.code, words in said.out + said.err) == (code, True), said
    assert "Traceback" not in said.err
    if code == 2:
        assert (said.out, said.err.count("\n")) == ("", 1)
        assert said.err.startswith("reviewloop: ")


@pytest.mark.parametrize("command", OUTSIDE)
def test_without_a_repository_it_is_said_where_it_is_missing(tmp_path, command):
    (tmp_path / "plain").mkdir()
    here = Checkout(tmp_path / "plain", tmp_path / "home", settings=QUIET_GATES)
    said = here.run(*command.split())
    sentence = "is not inside a git repository; run `git init` or change the folder."
    assert (said.code, said.out, sentence in said.err) == (2, "", True), said
    assert not [*(tmp_path / "plain").iterdir()]
