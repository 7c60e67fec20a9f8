"""Users' decisions about findings are respected: comments, baseline, dismissals, with reasons."""

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Evidence, Finding, Severity, Status
from reviewloop.review.silencing import (
    Silences,
    is_user_dismissal,
    read_baseline,
    reason_of,
    silence,
    write_baseline,
)


def finding(line: int | None = 2, *, rule: str = "tf/open", ident: str = "abc", **more) -> Finding:
    values = {"agents": ("review-security",), "severity": Severity.MUST_FIX, "title": "Open"}
    return Finding(id=ident, path="main.tf", line=line, rule=rule, **{**values, **more})


def silenced(text: str, *findings: Finding, silences: Silences = Silences(), hard=(), added=()):  # noqa: B008
    return silence(
        findings or (finding(),),
        silences,
        read=lambda path: text,
        added=lambda path, line: line in added,
        hard=hard,
    )


@pytest.mark.parametrize(
    "text",
    [
        "a\nopen = true # reviewloop: ignore[tf/open] a public web server\n",
        "# reviewloop: ignore[tf/open] a public web server\nopen = true\n",
        "// reviewloop: ignore[js/eval, tf/*]: a public web server\nopen = true\n",
        "<!-- reviewloop: ignore[tf/open] a public web server -->\nopen\n",
        "/* reviewloop: ignore[review-security] a public web server */\nopen\n",
    ],
)
def test_a_comment_with_a_reason_silences_at_its_line_or_the_next(text):
    stay, gone = silenced(text)

    assert stay == []
    assert gone[0].status is Status.SUPPRESSED
    assert gone[0].note == "suppressed in the code: a public web server"


@pytest.mark.parametrize(
    "text",
    [
        "a\nopen = true # reviewloop: ignore[tf/open]\n",
        "a\nopen = true # reviewloop: ignore[tf/open] -->\n",
        "a\nopen = true # reviewloop: ignore[tf/other] because\n",
        "x = 1 # reviewloop: ignore[tf/open] about this line only\nopen = true\n",
        "# reviewloop: ignore[tf/open] too far away\n\nopen = true\n",
        "a\nopen = true # reviewloop: ignore because\n",
    ],
    ids=["no reason", "only a closer", "other rule", "other line", "too far", "no rule"],
)
def test_other_comments_silence_nothing(text):
    line = 3 if text.count("\n") == 3 else 2
    stay, gone = silenced(text, finding(line))

    assert (len(stay), gone) == (1, [])


SHELL = "run(x, shell=True)  # no" + "qa: "


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("S602 - the command is ours", "the command is ours"),
        ("S602, S607 -- ours", "ours"),
        ("S603 S602: ours", "ours"),
        ("S602 # ours", "ours"),
    ],
)
def test_a_noqa_with_a_reason_silences_ruffs_security_rule_at_its_line(said, reason):
    stay, gone = silenced(SHELL + said + "\n", finding(1, rule="ruff/S602"))

    assert (stay, gone[0].note) == ([], f"suppressed in the code: {reason}")


@pytest.mark.parametrize("said", ["S602", "S602 -", "S307 - ours", "E501 - S602", "all - S602"])
def test_another_noqa_silences_no_security_rule(said):
    text = SHELL + said + "\n"

    assert len(silenced(text, finding(1, rule="ruff/S602"))[0]) == 1


def test_a_noqa_silences_no_rule_of_ours_and_no_hard_one():
    text = SHELL + "S602 - ours\n"

    assert len(silenced(text, finding(1, rule="taint/command-injection"))[0]) == 1
    hard = finding(1, rule="ruff/S602")
    assert len(silenced(text, hard, hard={"abc"}, added={1})[0]) == 1


def test_several_comments_may_stand_above_a_line():
    text = "# reviewloop: ignore[tf/open] one\n# reviewloop: ignore[tf/b] two\nopen\n"

    assert silenced(text, finding(3))[0] == []


def test_a_comment_the_change_brings_cannot_silence_a_hard_rule():
    text = "a\nkey # reviewloop: ignore[tf/open] trust me\n"

    stay, _ = silenced(text, hard={"abc"}, added={2})
    assert [one.note for one in stay] == [
        "the comment in line 2 cannot silence this: the change itself adds it"
    ]
    assert len(silenced(text, hard={"abc"}, added=())[0]) == 0


def test_a_dismissal_keeps_its_reason():
    silences = Silences(dismissed={"abc": "known and accepted"})
    _, gone = silenced("", silences=silences)

    assert (gone[0].status, gone[0].note) == (Status.DISMISSED, "dismissed: known and accepted")
    assert (is_user_dismissal(gone[0]), reason_of(gone[0])) == (True, "known and accepted")


def test_who_dismissed_a_finding_is_no_matter_of_its_words():
    word = "dismissed: the reviewer took it back"
    by_reviewer = finding(status=Status.DISMISSED, note=word, dismissal=None)
    stored = finding().model_dump() | {"status": "dismissed", "note": "dismissed: meant so"}
    del stored["dismissal"]  # of a release that kept the reason in the note only

    assert not is_user_dismissal(by_reviewer)
    assert reason_of(Finding.model_validate(stored)) == "meant so"


def test_a_baseline_silences_what_it_holds_and_nothing_else():
    known, fresh = finding(ident="abc"), finding(ident="def")
    silences = Silences(baseline=read_baseline(write_baseline([known])))
    stay, gone = silenced("", known, fresh, silences=silences)

    assert [f.id for f in stay] == ["def"]
    assert gone[0].note == "in the baseline"
    assert gone[0].note_from == Evidence(kind="baseline")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"schema": "other", "findings": []}'])
def test_a_broken_baseline_is_an_error_and_no_empty_one(data):
    with pytest.raises(UsageError, match="no baseline file"):
        read_baseline(data)


def test_the_longest_pattern_of_the_settings_counts():
    silences = Silences(rules={"tf/*": "off", "tf/open": "must"})

    assert silences.level("tf/open") == "must"
    assert silences.level("tf/other") == "off"
    assert silences.level("js/eval") == ""


def test_a_baseline_the_change_brings_cannot_silence_a_hard_rule():
    brought = Silences(baseline=frozenset({"abc"}))
    known = Silences(baseline=frozenset({"abc"}), old_baseline=frozenset({"abc"}))

    assert len(silenced("", silences=brought, hard={"abc"})[0]) == 1
    assert silenced("", silences=known, hard={"abc"})[0] == []


def test_only_the_persons_own_settings_speak_of_hard_rules():
    silences = Silences(rules={"secret/*": "off"}, own_rules={})

    assert silences.level("secret/aws", True) == ""
    assert silences.level("secret/password", False) == "off"
