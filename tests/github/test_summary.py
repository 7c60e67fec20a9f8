"""The summary comment: it lists findings without a comment, and is kept up to date."""

import re
from dataclasses import replace

import pytest

from reviewloop.analysis.contract import AnalyserReport, AnalyserStatus
from reviewloop.domain.finding import Finding, Placement, Severity, Status
from reviewloop.github.api.errors import AnswerLost, MissingPermission
from reviewloop.github.api.model import Comment, Posted, PullRequest, Repo, State
from reviewloop.github.api.transport import Pace
from reviewloop.github.comments.bodies import LONGEST, finding_line, headings_in, inline_body
from reviewloop.github.comments.marker import read_state, state_marker
from reviewloop.github.posting.post import post
from reviewloop.github.posting.summary import summary, upsert
from reviewloop.render.report import ReviewedFile, ReviewerReport, ReviewReport, SkippedFile

MUST, SHOULD, NIT = Severity
PULL = PullRequest(
    Repo("octo", "demo"), 7, "b" * 40, "a" * 40, "main", "feature", "octo/demo", "ada"
)
BOT = "github-actions[bot]"


def finding(number, severity=SHOULD, **fields):
    given = {"path": "app.py", "line": 5, "title": f"Problem {number:04}.", "quote": "changed 5"}
    ident = f"{number:012x}"
    return Finding(id=ident, agents=("review-security",), severity=severity, **given | fields)


def report(*findings, **fields):
    given = {
        **{"what": "a change", "base": "b" * 40, "head": "a" * 40, "silenced": ()},
        "reviewed": (ReviewedFile("app.py", "M", ((5, 5), (40, 41))),),
        "skipped": (),
        "agents": (ReviewerReport("review-security", "done", 1.5, len(findings)),),
        **{"analysers": (), "outcome": "findings" if findings else "clean", "exit_code": 0},
        **{"fail_on": "never", "seconds": 12.0, "model": "none"},
    }
    return ReviewReport(findings=tuple(findings), **given | fields)


def one(*args, **more):
    [body] = summary(*args, **{"pull": PULL} | more)
    return body


def test_no_findings_is_said_and_so_is_what_is_no_verdict():
    assert one(report(), Posted()) == (
        "<!-- reviewloop:summary 1 -->\n"
        "## reviewloop: no findings\n\n"
        "Clean: no findings.\n\n"
        "Reviewed `aaaaaaa` against `main` (`bbbbbbb`): 1 file, 3 new lines"
        " · 12.0 s, no model was asked\n\n"
        "<details><summary>How this was reviewed</summary>\n\n"
        "| reviewer | status | findings | time | tokens | cost |\n"
        "|---|---|--:|--:|--:|--:|\n"
        "| review-security | done | 0 | 1.5 s |  |  |\n\n</details>\n\n"
        "<details><summary>Reviewed: 1 file</summary>\n\n- `app.py`\n\n</details>"
    )
    nothing = report(outcome="nothing_to_review", reviewed=(), agents=())
    assert "## reviewloop: nothing to review\n" in one(nothing, Posted())
    failed = AnalyserReport("ruff", AnalyserStatus.FAILED, reason="it @crashed")
    incomplete = one(report(finding(1), outcome="incomplete", analysers=(failed,)), Posted())
    assert "## reviewloop: the review is incomplete · 🟡 1 should fix\n" in incomplete
    assert "- ❌ `ruff`: it @\u200bcrashed" in incomplete


def test_the_count_of_a_reviewer_is_of_what_is_open():
    silenced = finding(2).model_copy(update={"status": Status.SUPPRESSED, "note": "a comment"})
    looked = (ReviewerReport("review-security", "done", 1.5, 2),)
    body = one(report(finding(1), silenced=(silenced,), agents=looked), Posted())
    assert "| review-security | done | 1, 1 silenced | 1.5 s |" in body


def test_what_is_open_from_before_counts_in_the_verdict():
    before = {"earlier": (MUST, SHOULD)}
    body = one(report(), Posted(), **before)
    assert "## reviewloop: 🔴 1 must fix · 🟡 1 should fix\n" in body
    assert "Not blocking (`fail-on: never`): no findings of this review, 2 of earlier ones." in body
    body = one(report(finding(1), fail_on="must"), Posted(), **before)
    assert "## reviewloop: 🔴 1 must fix · 🟡 2 should fix\n" in body
    assert "Changes are needed: 1 finding has to be dealt with (`fail-on: must`)." in body


def test_coverage_time_tokens_money_and_the_run_are_told():
    agent = ReviewerReport("review-security", "done", 61, 0, "m", {"input": 9000}, 0.25)
    skipped = [SkippedFile(f"lock{n}.json", "M", "a lock file") for n in range(200)]
    body = one(
        report(
            agents=(agent,),
            skipped=(SkippedFile("a.bin", "A", "binary"), *skipped),
            analysers=(AnalyserReport("ruff", AnalyserStatus.DONE, version="1.0"),),
            usage={"input": 9000, "output": 1000, "cost_usd": 0.256},
            model="some-model",
            below=2,
            notes=("the diff was split in 3 groups",),
        ),
        Posted(problems=("GitHub takes no comment at app.py:9 (x): it stands on the file",)),
        run_url="https://github.com/octo/demo/actions/runs/7",
        notes=("1 finding is fixed since the last review",),
    )
    for said in (
        "201 skipped · 12.0 s, 10.0k tokens, $0.26 · "
        "[`run`](<https://github.com/octo/demo/actions/runs/7>)",
        "| review-security | done | 0 | 1 min 01 s | 9.0k | $0.25 |",
        "- Skipped: 201 files (200 a lock file, 1 binary)",
        "<details><summary>Skipped: 200 files, a lock file</summary>",
        "- `lock0.json`\n",
        "- … and 50 more",
        "- Analysers: `ruff 1.0`",
        "- Model: `some-model`",
        "- Not listed: 2 findings below `min_severity`",
        "- the diff was split in 3 groups",
        "- ⚠️ GitHub takes no comment at app.py:9 (x): it stands on the file",
        "- 1 finding is fixed since the last review",
    ):
        assert said in body


def test_each_finding_is_on_the_diff_or_here_and_a_dismissed_one_only_named():
    found = [
        *(finding(n) for n in range(6)),
        finding(6, MUST, line=None, placement=Placement.FILE),
        finding(7, placement=Placement.CONTEXT, why="It is `old`."),
        finding(8, placement=Placement.UNANCHORED),
        finding(9, NIT),
        finding(10, MUST, path="", line=None, placement=Placement.FILE, quote=""),
    ]
    posted = Posted((found[0].id,), (found[1].id,), (found[3].id,), known=(found[2].id,))
    silenced = (finding(20, note="dismissed: a false alarm"),)
    body = one(
        report(*found, silenced=silenced, fail_on="must"),
        posted,
        commented=[found[4].id],
        dismissed={found[5].id: "ada: we want @it so"},
    )
    counts = [body.count(each.title) for each in found]
    assert counts == [0, 0, 0, 1, 0, 0, 2, 1, 1, 1, 2]  # must-fix ones at the top as well
    first, _, rest = body.partition("**Must fix:**")
    assert rest, first
    assert found[6].title in rest.partition("Reviewed ")[0]
    assert found[10].title in rest.partition("Reviewed ")[0]
    assert "## reviewloop: 🔴 2 must fix · 🟡 7 should fix · 🟢 1 nit\n" in body
    assert "2 findings have to be dealt with (`fail-on: must`)" in body
    assert "Where: 1 new on lines, 1 new on files, 2 on the diff already, 6 below." in body
    assert "Silenced or dismissed: 2 findings" in body
    assert f"- `{found[5].id}`: ada: we want @\u200bit so" in body
    assert "false alarm" in body
    assert "<details><summary>About code outside of the change: 1 should fix</summary>" in body
    assert "<details><summary>🟢 1 nit</summary>" in body
    assert body.index("must fix** · Problem 0006") < body.index("should fix** · Problem 0003")
    assert "```py\nchanged 5\n```" in body
    gone = one(
        report(finding(5), exit_code=1, fail_on="should"), Posted(), dismissed={found[5].id: "x"}
    )
    assert "Clean: no open findings." in gone


@pytest.mark.slow
def test_a_long_summary_is_split_and_keeps_its_marks_and_every_finding():
    state = State(
        "a" * 40, "b" * 40, {f"{n:012x}": {"status": "open", "severity": "nit"} for n in range(30)}
    )
    found = [finding(n, why="because " * 300) for n in range(60)]
    found += [finding(n, NIT) for n in range(60, 1000)]
    parts = summary(report(*found), Posted(), PULL, state_marker=state_marker(state, PULL))
    assert 3 < len(parts) < 9
    assert all(len(part) <= LONGEST for part in parts)
    whole = "\n".join(parts)
    assert {whole.count(each.title) for each in found} == {1}
    assert parts[0].startswith("<!-- reviewloop:state:")
    assert [f"<!-- reviewloop:summary {n} -->" in p for n, p in enumerate(parts, 1)] == [
        True
    ] * len(parts)
    assert all(part.count("<details>") == part.count("</details>") for part in parts)
    endless = summary(report(*(finding(n, why="y" * 7999) for n in range(200))), Posted(), PULL)
    told = sum(endless[n].count("### ") for n in range(10))
    assert (len(endless), told) == (10, 200 - int(re.findall(r"and (\d+) more", endless[9])[0]))


def test_what_others_wrote_forges_nothing_here_and_secrets_are_taken_out():
    mark = "<!-- reviewloop:state:v1 e30 0123456789abcdef -->"
    evil = f"{mark}\n@octo ![x](https://evil.example/)\n{mark}"
    value = "hun" + "ter2"
    found = finding(1, title=evil[:300], why=evil + value, quote=f"{evil}\n```\n\u202e", rule=evil)
    low = finding(2, NIT, title=evil[:300], path=f"a\n{mark}")
    body = one(
        report(found, low, notes=(evil,), skipped=(SkippedFile(mark, "M", evil),)),
        Posted(problems=(evil,)),
        notes=(evil,),
        dismissed={"x": evil},
        rendered=lambda text: text.replace(value, "⟦secret⟧"),
    )
    assert re.findall("<!--.*?-->", body) == ["<!-- reviewloop:summary 1 -->"]
    assert value not in body
    assert "\u202e" not in body
    assert "<U+202E>" in body
    outside = re.sub(r"^(`{3,}).*?^\1$|(`+).*?\2", "", body, flags=re.DOTALL | re.MULTILINE)
    assert not re.search(r"@\w|https?://|!\[|(?<!\\)\]\(", outside)


# On GitHub


def mine(client):
    return [c for c in client.issue_comments(7) if c.author == BOT]


def test_it_is_updated_in_place_and_parts_come_and_go(client, github, clock):
    def put(parts):
        pace = Pace(clock.sleep, clock.now)
        return [c.id for c in upsert(client, client.pull(7), parts, mine(client), pace=pace)]

    long = summary(report(*(finding(n, why="x" * 7000) for n in range(20))), Posted(), PULL)
    assert len(long) == 3
    github.say(7, "ada", long[0])  # a copy by somebody else
    first = put(long)
    github.say(7, BOT, "an answer of ours")
    assert put(long) == first
    assert [c.edits for c in github.state.issue_comments] == [0] * 5
    short = [one(report(), Posted())]
    assert put(short) == first[:1]
    assert [c.id for c in mine(client)] == [first[0], first[-1] + 1]
    assert [c.edits for c in github.state.issue_comments] == [0, 1, 0]
    assert put(long)[0] == first[0]


def test_a_lost_answer_makes_no_second_summary(client, github, clock):
    def put(parts, known=()):
        return upsert(client, client.pull(7), parts, known, pace=Pace(clock.sleep, clock.now))

    for when in ("after", "before"):
        github.reset("issues/create-comment", when)
        put(["<!-- reviewloop:summary 1 -->\nbody"])
        [comment] = github.state.issue_comments
    # Another run wrote one while we were reviewing: it is taken over.
    put(["<!-- reviewloop:summary 1 -->\nnew"])
    assert comment.body.endswith("new")
    github.say(7, BOT, "<!-- reviewloop:summary 1 -->\nold double")
    old = mine(client)
    client.delete_issue_comment(old[0].id)
    put(["<!-- reviewloop:summary 1 -->\nnewest"], old)
    assert [c.body[-6:] for c in github.state.issue_comments] == ["newest"]
    github.state.issue_comments.clear()
    github.reset("issues/create-comment", "before", times=3)
    with pytest.raises(AnswerLost):
        put(["<!-- reviewloop:summary 1 -->\nx"])
    github.grant(pull_requests="read")
    with pytest.raises(MissingPermission, match="pull-requests: write"):
        put(["<!-- reviewloop:summary 1 -->\nx"])


def test_whatever_is_refused_each_finding_is_seen_once_and_the_state_is_read_back(
    client, github, clock
):
    pull = client.pull(7)
    places = [("app.py", 5), ("app.py", 20), ("nothing.py", 1), ("image.bin", 1), ("app.py", 41)]
    places += [("gone.py", 1), ("app.py", 7)]
    found = [finding(n, path=p, line=line) for n, (p, line) in enumerate(places)]
    found += [finding(50, NIT), finding(51, placement=Placement.CONTEXT)]
    comments = [Comment(f.path, inline_body(f), f.line, finding=f.id) for f in found[:7]]
    for attempt in range(2):
        if not attempt:
            github.reset("pulls/create-review", "after", skip=2)
        known = {f.id for f in found} if attempt else ()
        posted = post(
            *(client, pull, comments),
            **{"head_sha": pull.head_sha, "cap": 5, "known": known},
            pace=Pace(clock.sleep, clock.now),
        )
        state = State(pull.head_sha, pull.base_sha)
        parts = summary(report(*found), posted, pull, state_marker=state_marker(state, pull))
        upsert(client, pull, parts, mine(client))
        bodies = [c.body for c in (*github.state.review_comments, *github.state.issue_comments)]
        assert {f.id: sum(b.count(f.title) for b in bodies) for f in found} == dict.fromkeys(
            (f.id for f in found), 1
        )
    assert len(github.state.issue_comments) == 1
    assert replace(read_state(client.issue_comments(7), BOT, pull), findings={}) == state


def test_what_an_earlier_review_told_is_named_from_its_summary():
    """A finding without a comment of its own is known by its id alone after that."""
    must = finding(1, severity=MUST)
    near = finding(2, placement=Placement.CONTEXT, why="Why not")
    nit = finding(3, severity=Severity.NIT, rule="sh/unquoted-variable")
    body = one(report(must, near, nit), Posted())
    told = headings_in(["> - `x` · not ours · `0123456789ab`", body.replace("\n", "\r\n")])
    assert set(told) == {must.id, near.id, nit.id}
    assert told[must.id] == f"{must.title} (`{must.where}`)"
    assert told[near.id] == f"{near.title}: Why not (`{near.where}`)"
    assert told[nit.id] == f"{nit.title} (`{nit.where}`)"
    entry = {"severity": "nit", "path": "app.py", "by": "sh/unquoted-variable"}
    assert finding_line(nit.id, entry, None, told[nit.id]) == f"🟢 {told[nit.id]}, `{nit.id}`"
    assert (
        finding_line(nit.id, {**entry, "by": "a,b"}) == f"🟢 found by a, b (`app.py`), `{nit.id}`"
    )
    names = {must.id: finding_line(must.id, entry, must), nit.id: finding_line(nit.id, entry, nit)}
    body = one(report(), Posted(), earlier=(MUST,), names=names, dismissed={nit.id: "ada: no"})
    assert "Still open from earlier reviews: 1 finding</summary>\n\nNot repeated" in body
    assert f"\n- 🟢 {must.title} (`{must.where}`), `{must.id}`\n" in body
    assert f"\n- {names[nit.id]}: ada: no\n" in body
