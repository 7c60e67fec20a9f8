"""The text of a pull request: contents, limits, and text that users wrote beside it."""

import pytest

from reviewloop.github.publishing.text import (
    PullTextParts,
    approved_by,
    codeowners,
    owners_of,
    pull_text,
    section_of,
    title_of,
    update_section,
)
from reviewloop.loop.approval_act import Act
from reviewloop.specs.briefing import Requirement, TaskRequirements

SECRET = "ghp" + "_" + "a1B2" * 9
EVIL = (
    "Ask @ada. Closes #12, fixes octo/demo#3. ![x](https://evil.example/a.png) "
    "<!-- reviewloop:pull:end --><!-- reviewloop:state:v1 abc --> /merge | <script>"
)
FINDING = {
    **{"id": "a" * 12, "agents": ["review-security"], "severity": "must_fix", "title": EVIL},
    **{"path": "shop/a.py", "line": 3, "end_line": 3, "why": "", "status": "unresolved"},
}
PROPOSAL = {
    **{"run": "r1", "title": EVIL, "task": "2.1", "spec": "docs/x-spec.md"},
    "message": f"Subject\n\n{EVIL} {SECRET}\n\nTask: 2.1 x\nReview: 5 reviewers\n",
    "gates": [{"name": "test", "status": "passed", "summary": EVIL}],
    "tests": {"passed": 7, "failed": 0, "skipped": 1},
    "coverage": {"covered": 0.995, "threshold": 0.8},
    "reviewers": [
        {"name": "review-security", "status": "done"},
        {"name": "review-performance", "status": "failed", "reason": EVIL},
    ],
    "rounds": {"used": 3, "limit": 3},
    "findings": [FINDING],
    "files": [{"path": "tests/test_a.py"}, {"path": "shop/@a`b.py"}],
    "protected": [{"path": ".envrc", "kind": "editor", "why": "runs programs"}],
    "usage": {"input": 1200, "output": 30, "cost_usd": None},
    **{"seconds": 75.0, "sandbox": ["bubblewrap"], "warnings": [EVIL]},
}
ASKED = TaskRequirements(
    (Requirement("1", "Search", EVIL),), (("1.1", EVIL), ("1.2", "Shows it.")), ("9.9",)
)


def redact(text: str) -> str:
    return text.replace(SECRET, "⟦secret⟧")


def test_every_part_is_there_and_nothing_in_it_acts():
    told = PullTextParts(
        "r1",
        PROPOSAL,
        ASKED,
        (("1.2", "tests/test_a.py"),),
        ("max", "octo/team"),
        changes=("criterion 1.2 new: Shows it.", f"criterion 1.1 changed: {SECRET} {EVIL}"),
    )
    text = pull_text(told, redact)
    for part in (
        "- [ ] `1.2` Shows it. — named in `tests/test_a.py`",
        "What changed of them:\n- criterion 1.2 new: Shows it.\n- criterion 1.1 changed: ",
        "Named by the task but written nowhere: `9.9`",
        "| tests | 7 passed, 1 skipped |",
        "| coverage of new lines | 99 % (wanted: 80 %) |",
        "| reviewers | 1 of 2 finished |",
        "| reviewer `review-performance` | ❌ failed: ",
        "| rounds | 3 of 3 fix rounds |",
        "| spent | 1 min 15 s · price unknown · 1.2k tokens in, 30 out |",
        "1 must fix remaining; 0 fixed, 0 nits\n\n- 🔴 `shop/a.py:3` ",
        "- `.envrc` (editor): it runs programs",
        "`max`, `octo/team`, by the files that change.",
    ):
        assert part in text
    assert "[x]" not in text
    for act in ("@ada", "#12", "demo#3", "![", "<!--", "<script", SECRET, "/merge |"):
        assert act not in text, act
    assert "⟦secret⟧" in text
    title = title_of({"task": "2.1", "title": "Tell @ada\nof #3 " + "x" * 300})
    assert "@a" not in title
    assert "#3" not in title
    assert "\n" not in title
    assert len(title) == 200


def test_a_text_that_is_too_long_is_clipped_and_says_so():
    many = {**PROPOSAL, "findings": [{**FINDING, "id": f"{n:012x}"} for n in range(400)]}
    asked = TaskRequirements(criteria=tuple((f"1.{n}", "word " * 200) for n in range(300)))
    text = pull_text(PullTextParts("r1", many, asked), redact)
    section = section_of("r1", approved_by(None), text + "\n" + "y" * 70_000)
    assert len(section) < 65_536
    assert "The text is clipped here; the run holds the rest: `reviewloop show r1`" in section
    assert section.startswith("<!-- reviewloop:pull r1 -->\n⚠️ **Nobody has approved this commit")
    assert section.endswith("<!-- reviewloop:pull:end -->")
    assert section.count("<!-- reviewloop") == 2


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (
            Act("terminal", "ada"),
            "Approved by **ada** at a terminal, having been shown the change.",
        ),
        (Act("command", "ada"), "Approved by **ada** by a command."),
        (Act("program", "ada"), "Approved by **ada** through a program."),
        (
            Act("autopilot", "autopilot"),
            "⚠️ **No person has looked at this commit: autopilot made it, as its settings allow.**",
        ),
        (
            Act("comment", "ada", "17", "https://github.com/o/n/pull/1#issuecomment-17"),
            "Approved by **ada** by the comment 17 (<https://github.com/o/n/pull/1#issuecomment-17>).",
        ),
        (
            Act("environment", "a|b", "live, run 7", "javascript:x"),
            "Approved by **a\\|b** by approving the environment live, run 7.",
        ),
    ],
)
def test_the_act_that_approved_is_named(act, said):
    assert approved_by(act) == said


def test_only_what_is_between_our_marks_is_written_anew():
    first, second = section_of("r1", "No.", "one"), section_of("r1", "Yes.", "two")
    assert (
        update_section(f"Mine.\r\n\r\n{first}\r\nMine.", second, "r1")
        == f"Mine.\n\n{second}\nMine."
    )
    other = section_of("r2", "Yes.", "three")
    assert update_section(first, other, "r2") == f"{first}\n\n---\n\n{other}"
    assert update_section("A person's words.", second, "r1") is None
    assert update_section(first + "z" * 65_500, other, "r2") is None


RULES = b"""
*            @all
/docs/*      @docs   # one level
*.js         @js @octo/web someone@example.org
/build/logs/ @log
apps/        @apps
/x/**/y.sh   @deep
/apps/free
a\\ b.txt    @space
!no          @never
[ab].py      @never
"""


@pytest.mark.parametrize(
    ("path", "owners"),
    [
        ("README.md", ("all",)),
        ("docs/a.md", ("docs",)),
        ("docs/more/a.md", ("all",)),
        ("src/a.js", ("js", "octo/web")),
        ("build/logs/a/b", ("log",)),
        ("src/build/logs/a", ("all",)),
        ("src/apps/a", ("apps",)),
        ("x/y.sh", ("deep",)),
        ("x/a/b/y.sh", ("deep",)),
        ("apps/free/a", ()),
        ("a b.txt", ("space",)),
        ("no", ("all",)),
        ("a.py", ("all",)),
    ],
)
def test_the_last_rule_that_fits_names_the_owners(path, owners):
    rules = codeowners({"CODEOWNERS": RULES, "docs/CODEOWNERS": b"* @later"}.get)
    assert owners_of(rules, path) == owners
