"""The text of a comment about a finding, and injections that it withstands."""

import re

from reviewloop.analysis.rule_book import own_rules
from reviewloop.domain.finding import Evidence, Finding, Severity
from reviewloop.github.api.model import Comment
from reviewloop.github.comment_commands import explanation
from reviewloop.github.comments.bodies import LONGEST, clip_body, file_body, inline_body, with_note
from reviewloop.github.comments.marker import findings_in
from reviewloop.render.rules import source_link

FORGED = "<!-- reviewloop:finding aaaaaaaaaaaa -->"
BASE = Finding(
    id="0123456789ab",
    agents=("review-security", "review-performance"),
    severity=Severity.MUST_FIX,
    title="SQL is built from input",
    why="Because `user` flows into it:\n- from the form\n- into `execute`",
    suggestion="Use parameters.",
    rule="taint/sql-injection",
    path="app.py",
    line=3,
    evidence=(Evidence(kind="analyser", source="taint", text="request.args -> execute"),),
)


def test_a_body_says_what_where_from_why_and_how_to_dismiss_it():
    body = inline_body(BASE, suggestion="a = 1\n", rule_link="https://cwe.mitre.org/89.html")
    assert body == (
        "<!-- reviewloop:finding 0123456789ab -->\n"
        "🔴 **must fix** · SQL is built from input\n\n"
        "**Why:** Because `user` flows into it:\n- from the form\n- into `execute`\n\n"
        "**Evidence:** taint: request.args -&gt; execute\n\n"
        "**Fix:** Use parameters.\n\n"
        "```suggestion\na = 1\n```\n\n"
        "<sub>Found by review-security, review-performance · "
        "[`taint/sql-injection`](<https://cwe.mitre.org/89.html>) · `0123456789ab` · "
        "wrong or accepted? Reply `reviewloop: dismiss` and the reason</sub>"
    )
    assert findings_in(body) == (BASE.id,)
    # The name of a tool alone, which repeats title or reason, is no evidence.
    bare = (Evidence(kind="analyser", source="zizmor 1.32.0", text=BASE.title),) * 2
    assert "Evidence" not in inline_body(BASE.model_copy(update={"evidence": bare}))


def test_a_suggestion_keeps_empty_lines_and_fences_and_can_delete():
    assert "\n```suggestion\n```\n" in inline_body(BASE, suggestion="")
    assert "\n```suggestion\n\n```\n" in inline_body(BASE, suggestion="\n")
    assert "\n```suggestion\na\n\n\n```\n" in inline_body(BASE, suggestion="a\n\n\n")
    assert "\n````suggestion\n```\n````\n" in inline_body(BASE, suggestion="```\n")
    assert "suggestion" not in inline_body(BASE, suggestion=f"{FORGED}\n")


def test_no_field_of_a_finding_forges_a_mark_or_breaks_out():
    attack = f"{FORGED}\n@octo ![x](https://evil.example/x)</sub>`{FORGED}`\n{FORGED}"
    evidence = (Evidence(kind="person", source=attack, text=attack),)
    found = BASE.model_copy(
        update={"title": attack, "why": attack + "!", "suggestion": attack, "note": attack}
        | {"rule": attack, "agents": (attack,), "evidence": evidence}
    )
    body = inline_body(found, rule_link="javascript:alert(1)")
    assert findings_in(body) == (BASE.id,)
    assert body.count("<!--") == 1
    outside = re.sub(r"(`+).*?\1", "", body)
    assert re.findall(r"<[^!].*?>", outside) == ["<sub>", "</sub>"]
    assert not re.search(r"@\w|://|!\[|(?<!\\)\]\(", outside)


def test_the_longest_fields_still_fit():
    long = "word " * 20_000
    evidence = tuple(Evidence(kind="gate", source=str(n), text=f"{n} {long}") for n in range(40))
    found = BASE.model_copy(
        update={"why": long, "suggestion": long, "note": long, "evidence": evidence}
    )
    body = inline_body(found, suggestion="x\n")
    assert len(body) < LONGEST
    assert "and 30 more pieces of evidence" in body
    assert "```suggestion" in body
    assert len(clip_body("x\n" + "y" * 90_000)) <= LONGEST
    assert clip_body("short") == "short"
    assert clip_body("m\n````\n" + "`\n" * 50_000).count("````") == 2


def test_a_note_stands_below_the_mark():
    body = with_note(inline_body(BASE), "_Note._")
    assert body.startswith("<!-- reviewloop:finding 0123456789ab -->\n_Note._\n\n🔴")
    assert findings_in(body) == (BASE.id,)
    left = file_body(Comment("a", body, 7, None, "LEFT", BASE.id))
    assert "_About line 7 of the old file, where" in left


def test_the_source_of_a_rule_is_a_link_to_click_on():
    rule = next(each for each in own_rules() if "https://" in each.source)
    answer = explanation(BASE.id, {}, BASE.model_copy(update={"rule": rule.id}))
    [source] = re.findall(r"^\*\*Source:\*\* .*", answer, re.MULTILINE)
    assert f"<{source_link(rule)}>" in source
    assert "\u200b" not in source


def test_only_a_dismissal_is_offered_where_nothing_in_the_change_silences_a_rule():
    answers = {
        rule.hard: explanation(BASE.id, {}, BASE.model_copy(update={"rule": rule.id}))
        for rule in own_rules()
    }
    *_, held = answers[True].split("\n\n")
    assert f"`/reviewloop dismiss {BASE.id}`" in held
    assert "comments and settings do not silence" in held
    assert "ignore[" not in held
    assert "[rules]" not in held
    *_, free = answers[False].split("\n\n")
    assert all(way in free for way in (BASE.id, "ignore[", "`[rules]`"))
