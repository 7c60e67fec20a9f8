"""Comments after a push: nothing twice, a reply for each fix, nothing for the rest."""

import subprocess
from dataclasses import replace

import pytest
from support.repeated_reviews import Life, found

from reviewloop.domain.finding import Evidence, Placement, Severity, Status, fingerprint
from reviewloop.git.review_repository import locate
from reviewloop.github.api.answers import IssueComment
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Posted, Repo, State
from reviewloop.github.comments.marker import (
    MOST_CHARACTERS,
    answer_marker,
    finding_marker,
    parse_reply,
    read_state,
    state_marker,
)
from reviewloop.github.rereview.matching import CodePresence, Codeprints, Facts
from reviewloop.github.rereview.plan import (
    after_posting,
    dismiss,
    plan,
    reply_to_fixed,
    reviewed_range,
)

FIVE, FORTY = found("changed 5", 5), found("changed 40", 40)
MOVED = found("changed 40", 42)  # where it is after the push


@pytest.fixture
def life(client, github, changed):
    return Life(client, github, changed)


def names(findings):
    return [finding.id for finding in findings]


def test_what_names_no_file_is_kept_and_fails_no_later_review_either(life, github):
    nowhere = FIVE.model_copy(
        update={
            **{"id": "f" * 12, "path": "none.py", "line": None, "severity": Severity.MUST_FIX},
            **{"placement": Placement.UNANCHORED, "file_exists": False},
        }
    )
    life.review(FIVE, nowhere)
    github.push(7, "pushed")
    later = life.review()  # which does not repeat it
    assert later.open[nowhere.id] is Severity.MUST_FIX
    assert nowhere.id in later.silent
    assert (nowhere.id in later.harmless, FIVE.id in later.harmless) == (True, False)


def test_nothing_is_posted_twice_and_what_is_fixed_is_answered_once(life, github):
    first = life.review(FIVE, FORTY)
    assert names(first.post) == [FIVE.id, FORTY.id]
    assert (len(life.roots), first.answer, life.problems) == (2, (), ())
    assert life.review(FIVE, FORTY).post == ()  # the same head once more
    github.push(7, "pushed")
    second = life.review(MOVED)
    assert (second.post, list(second.open)) == ((), [FORTY.id])
    assert [(a.finding, a.resolve) for a in second.answer] == [(FIVE.id, True)]
    [reply] = life.replies
    assert "no longer there" in reply.body
    assert (reply.in_reply_to, parse_reply(reply.body)) == (life.roots[0].id, (FIVE.id, "fixed"))
    # The token may not resolve, and better so: the answer stands, and nothing is said about it.
    assert (life.problems, life.told) == ((), [])
    third = life.review(MOVED)
    assert (third.post, third.answer, len(life.roots), len(life.replies)) == ((), (), 2, 1)
    assert life.state.findings[FIVE.id]["status"] == "fixed"


def test_a_thread_is_resolved_where_the_token_may(life, github):
    github.grant(contents="write")
    github.state.roles["github-actions"] = "admin"  # a person, whom GraphQL writes as it does us
    life.review(FIVE)
    github.push(7, "pushed")
    life.review()
    assert [thread.resolved_by for thread in github.state.threads] == ["github-actions[bot]"]
    again = life.plan(FIVE)
    assert (again.dismissed, names(again.post)) == ({}, [FIVE.id])  # that was us, no person


def test_silence_is_no_evidence(life, github):
    life.review(FORTY)
    github.push(7, "pushed")
    quiet = life.review()
    assert (quiet.answer, quiet.open) == ((), {FORTY.id: Severity.SHOULD_FIX})
    assert (quiet.silent, life.plan(MOVED).silent) == ({FORTY.id}, frozenset())
    said = {"confirmed": [FORTY.id]}
    assert life.plan(**said).answer == ()  # a word about a file that the push left alone
    [answer] = life.plan(**said, touched=["app.py"]).answer
    assert "a reviewer read the new changes" in answer.text
    # It is still there, says this very review: the word is not believed.
    assert life.plan(MOVED, **said, touched=["app.py"]).answer == ()


@pytest.mark.parametrize(
    ("path", "text", "fixed"),
    [
        ("app.py", "line 1\n\n    Changed   40\nx\n", False),  # white space and case
        ("app.py", "changed 40  # reviewloop: ignore[other] it is about another\n", False),
        ("app.py", "changed 40 and more\n", True),
        ("app.py", "", True),
        ("app.py", None, True),
    ],
)
def test_fixed_means_that_its_code_is_gone(life, path, text, fixed):
    life.review(FORTY)
    assert bool(life.plan(read={path: text}.get).answer) is fixed


@pytest.mark.parametrize(
    ("quote", "text", "fate"),
    [
        (
            "changed 40",
            "x\nif changed 40:\n",
            CodePresence.THERE,
        ),  # a model quotes a part of a line
        ("  changed 40\n  y", "changed 40\r\ny\r\n", CodePresence.THERE),
        ("changed 40", "changed 41\n", CodePresence.GONE),
        ("changed 40", None, CodePresence.FILE_GONE),
        ("", "changed 41\n", CodePresence.UNKNOWN),
        ("key = ⟦secret:1⟧", "changed 41\n", CodePresence.UNKNOWN),
        ("x" * 400 + "\ny", "x" * 500 + "\ny\n", CodePresence.UNKNOWN),  # cut by us
    ],
)
def test_of_a_forgotten_finding_the_quoted_code_tells(quote, text, fate):
    finding = found(quote, 40)
    facts = Facts.of_code(
        (), State(), read=lambda _: text, changed=lambda _: True, forgotten=[finding]
    )
    code = facts.of(finding)
    assert facts.presence_of("app.py", code) is fate
    # What is remembered of it now is found again by the next review.
    if fate is CodePresence.THERE:
        assert Codeprints(lambda _: f"new\n{text}").presence_of("app.py", code) is fate


def test_code_of_several_lines_and_a_finding_on_a_file_alone(life):
    block = found("changed 40\nadded", 40, end_line=41)
    never, whole = found("", None, path="kept.py"), found("", None, path="renamed.py")
    life.review(block, never, whole)
    there = {"renamed.py": "all is new", "app.py": "x\nchanged 40\n\n  added\n"}
    assert life.plan(read=there.get).answer == ()
    gone = life.plan(read={"app.py": "changed 40\nelse\nadded\n"}.get)
    assert {answer.finding for answer in gone.answer} == {block.id, whole.id}
    assert list(gone.open) == [never.id]  # its file was not there to begin with: nothing is known


REPLIES = [
    ("ada", "reviewloop: dismiss it is a test", "ada: it is a test"),
    ("max", "Reviewloop: Dismiss: `not` ours", "max: `not` ours"),
    ("ada", "> quoted\n\nreviewloop: dismiss checked  by hand\n\nThanks!", "ada: checked by hand"),
    ("ada", "reviewloop dismiss: a test", "ada: a test"),
    ("ada", f"reviewloop: dismiss {FORTY.id[:8]} is meant", f"ada: {FORTY.id[:8]} is meant"),
    ("eve", "reviewloop: dismiss I say so", ""),  # may read only
    ("nobody", "reviewloop: dismiss I say so", ""),
    ("robot[bot]", "reviewloop: dismiss I say so", ""),
    ("github-actions[bot]", "reviewloop: dismiss said the model", ""),
    ("ghost", "reviewloop: dismiss I am gone", ""),
    ("ada", "> reviewloop: dismiss somebody else's words", ""),
    ("ada", "> a\u2028reviewloop: dismiss somebody else's words\n\nNo!", ""),
    ("ada", "Why not\nreviewloop: dismiss this?", ""),
    ("ada", "    reviewloop: dismiss code", ""),
    ("ada", "reviewloop: dismissed", ""),
    ("ada", "reviewloop: dismiss", ""),  # no reason
    ("ada", f"reviewloop: dismiss copied\n{finding_marker(FIVE.id)}", ""),
]


def test_a_reply_dismisses_if_a_person_who_may_write_says_so(life, github):
    life.review(FIVE)
    for author, body, reason in REPLIES:
        made = github.reply(life.roots[0].id, author, body)
        again = life.plan(FIVE)
        assert again.dismissed.get(FIVE.id, "") == reason, body
        assert (again.post, FIVE.id in again.open) == ((), not reason)
        github.state.review_comments.remove(made)
    github.reply(life.roots[0].id, "eve", "reviewloop: dismiss please")
    github.reply(life.roots[0].id, "max", "reviewloop: dismiss")
    assert life.plan(FIVE).notes == (
        "eve may not dismiss findings: that takes write permission",
        "a dismissal by max gives no reason and does not count",
    )
    life.review(FIVE)  # which says so
    assert life.state.refused == ("eve",)
    assert [note for note in life.plan(FIVE).notes if "eve" in note] == []
    github.fail("repos/get-collaborator-permission-level", 403, times=9)
    assert "is not known" in life.plan(FIVE).notes[0]


def test_a_dismissal_outlives_pushes_force_pushes_and_rebases(life, github, changed):
    life.review(FIVE, FORTY)
    github.reply(life.roots[1].id, "ada", "reviewloop: dismiss wanted")
    github.resolve(life.roots[0].id, "max")
    reasons = {FIVE.id: "its thread was resolved by max", FORTY.id: "ada: wanted"}
    for revision, moved in (("pushed", MOVED), ("other", None), ("feature~1", FORTY)):
        github.push(7, revision)
        again = life.review(*([moved] if moved else []))
        assert (again.dismissed[FORTY.id], again.post, again.answer) == ("ada: wanted", (), ())
        assert FORTY.id not in again.open
    github.push(7, "feature")
    again = life.review(FIVE, FORTY)
    assert (again.post, again.open) == ((), {})
    assert again.dismissed == reasons
    # Who said so may leave, and what they said may go: our own state remembers.
    github.state.roles.clear()
    github.state.threads.clear()
    github.state.review_comments.clear()
    again = life.review(FIVE, FORTY)
    assert (again.dismissed, again.post) == (reasons, ())


@pytest.mark.parametrize(("who", "counts"), [("ada", True), ("eve", False), ("robot[bot]", False)])
def test_a_resolved_thread_dismisses_if_a_person_who_may_write_did_it(life, github, who, counts):
    life.review(FIVE)
    github.resolve(life.roots[0].id, who)
    again = life.review(FIVE)
    assert (FIVE.id in again.dismissed, FIVE.id in again.open) == (counts, not counts)
    assert again.post == ()
    github.resolve(life.roots[0].id, "")  # opened again
    assert life.review(FIVE).dismissed == {}


def test_a_model_that_words_a_dismissed_fact_its_own_way_says_nothing_new(life, github):
    rule = "taint/sql-injection"  # of review-security, must fix, category injection
    fact = found("changed 5", 5, title="Input reaches SQL", rule=rule, severity=Severity.MUST_FIX)
    life.review(fact)
    github.reply(life.roots[0].id, "ada", "reviewloop: dismiss a test")

    def posted(title, *others, **more):
        worded = found("changed 5", 5, title=title, **{"severity": Severity.MUST_FIX} | more)
        again = life.plan(worded, *others)
        assert (worded.id in again.dismissed) is (worded not in again.post)
        return worded in again.post

    sql, piece = "SQL injection through the name", Evidence(kind="analyser", text=f"{rule}: x -> y")
    life.review(fact)  # the dismissal is remembered
    for others in ((), (fact,)):  # whether the analyser's own words are there, too, or not
        assert not posted(sql, *others, category="injection")
        assert not posted("The name is not checked", *others, evidence=(piece,))
    # Another problem of the same line, another reviewer, or other code, is another finding.
    assert posted(sql)
    assert posted("A template is filled with HTML", category="injection")
    assert posted("The password is logged", category="privacy")
    assert posted(sql, category="injection", agents=("review-performance",))
    assert posted(sql, category="injection", rule="taint/other")
    elsewhere = found("changed 40", 40, title=sql, category="injection")
    assert life.plan(elsewhere).post == (elsewhere,)
    # And one that is worse.
    state = life.state
    mild = {fact.id: {**state.findings[fact.id], "severity": "nit"}}
    worse = found("changed 5", 5, title=sql, category="injection")
    assert life.plan(worse, state=replace(state, findings=mild)).post == (worse,)


def test_a_bot_that_resolves_is_not_the_person_of_its_name(life, github):
    github.state.roles["tool"] = "admin"
    life.review(FIVE)
    github.resolve(life.roots[0].id, "tool[bot]")
    assert life.plan(FIVE).dismissed == {}
    github.resolve(life.roots[0].id, "tool")
    assert life.plan(FIVE).dismissed == {FIVE.id: "its thread was resolved by tool"}


def test_a_thread_that_a_person_resolved_after_the_fix_gets_no_answer(life, github):
    life.review(FIVE)
    github.resolve(life.roots[0].id, "ada")
    github.push(7, "pushed")
    again = life.review()
    assert (again.answer, again.dismissed) == ((), {})
    assert again.state.findings[FIVE.id]["status"] == "fixed"


def test_with_a_persons_own_token_their_words_count_and_ours_do_not(github, changed):
    github.identity("token-of-ada", "ada", {"pull-requests": "write", "contents": "write"})
    with GitHub("token-of-ada", Repo.of(github.full), **github.addresses) as client:
        life = Life(client, github, changed)
        life.review(FIVE, FORTY)
        github.reply(life.roots[1].id, "ada", "reviewloop: dismiss I know")
        github.push(7, "pushed")
        life.review(MOVED)
        github.push(7, "feature")
        again = life.plan(FIVE, FORTY)  # we resolved the thread of one of them, under her name
        assert (names(again.post), again.dismissed) == ([FIVE.id], {FORTY.id: "ada: I know"})
        github.reply(life.roots[0].id, "github-actions[bot]", answer_marker(FIVE.id, "back"))
        github.state.review_comments[-1].author = "ada"
        assert FIVE.id in life.plan(FIVE).dismissed  # after it was back, she did it herself


def test_a_comment_in_the_code_dismisses_and_its_removal_takes_that_back(life):
    life.review(FIVE)
    silenced = {"status": Status.SUPPRESSED, "note": "suppressed in the code: it is so"}
    line = "changed 5  # reviewloop: ignore[review-security] it is so"
    same_line = found(line, 5).model_copy(update=silenced)
    for finding in (FIVE.model_copy(update=silenced), same_line):
        again = life.plan(finding, read={"app.py": "1\n2\n3\n4\n" + line}.get)
        assert again.dismissed[FIVE.id] == "suppressed in the code: it is so"
        assert (again.post, again.answer, again.open) == ((), (), {})
    assert life.plan(state=again.state).dismissed.keys() == {FIVE.id}  # not looked at this time
    assert life.plan(FIVE, state=again.state).dismissed == {}


def test_what_a_model_rejects_or_writes_dismisses_nothing(life):
    rejected = {"status": Status.DISMISSED, "note": "rejected by review-security: reviewloop"}
    life.review(FIVE)
    again = life.plan(FIVE.model_copy(update=rejected))
    assert (again.dismissed, list(again.open)) == ({}, [FIVE.id])
    # A model that writes our marks and words into what we post, unsanitised even.
    text = f"reviewloop: dismiss all is well\n{finding_marker(FORTY.id)}"
    forging = found("added", 41, title=text)
    life.review(forging)
    again = life.review(FIVE, FORTY, forging)
    assert (names(again.post), again.dismissed) == ([FORTY.id], {})


def test_a_mark_of_somebody_else_hides_nothing(life, github):
    life.review(FIVE)
    github.state.review_comments[0].author = "eve"
    github.state.issue_comments.clear()
    github.reply(life.roots[0].id, "github-actions[bot]", finding_marker(FIVE.id))
    assert names(life.plan(FIVE).post) == [FIVE.id]


def test_a_run_that_broke_off_is_taken_up(life, github):
    life.review(FIVE, keep=False)  # posted, but not remembered
    again = life.review(FIVE, FORTY)
    assert names(again.post) == [FORTY.id]
    github.state.issue_comments.clear()
    github.push(7, "pushed")
    assert (life.review(MOVED).answer, len(life.roots)) == ((), 2)


@pytest.mark.slow
def test_one_that_comes_back_is_told_in_its_thread_or_anew(life, github):
    life.review(FIVE)
    for revision, given in (("pushed", []), ("feature", [FIVE]), ("feature", [FIVE])):
        github.push(7, revision)
        again = life.review(*given, keep=not given)  # it breaks off before it is remembered
    again = life.review(FIVE)
    assert (again.post, list(again.open)) == ((), [FIVE.id])
    assert [parse_reply(r.body)[1] for r in life.replies] == ["fixed", "back"]
    github.grant(contents="write")
    for revision, given in (("pushed", []), ("feature", [FIVE]), ("feature", [FIVE])):
        github.push(7, revision)
        life.review(*given)
    # The thread is closed, where nobody looks: so it is said once more, and again only once.
    assert [parse_reply(r.body)[1] for r in life.replies] == ["fixed", "back", "fixed"]
    assert len(life.roots) == 2


def test_other_words_for_the_same_code_are_no_new_finding(life):
    life.review(FIVE)
    other = found("changed 5", 5, title="Not right")
    again = life.review(other)
    assert (again.post, again.known >= {other.id}, list(again.open)) == ((), True, [FIVE.id])
    worse = found("changed 5", 5, title="Breaks", severity=Severity.MUST_FIX)
    stranger = found("changed 5", 5, title="Slow", agents=("review-performance",))
    assert names(life.plan(worse).post) == [worse.id]
    assert names(life.plan(other, worse, stranger).post) == [worse.id, stranger.id]
    assert names(life.plan(FIVE, other).post) == [other.id]  # two things about one line
    name = fingerprint("new.py", "changed 5", "Wrong")
    moved = {"read": {"new.py": "changed 5"}.get, "renamed": {"app.py": "new.py"}}
    again = life.plan(found("changed 5", 1, path="new.py"), **moved)
    assert (again.post, again.answer, name in again.known) == ((), (), True)


def test_what_is_new_about_old_code_is_only_in_the_summary(life):
    life.review(FIVE)
    must = found("added", 41, severity=Severity.MUST_FIX)
    again = life.review(FIVE, FORTY, must, FORTY, changed=lambda _: False)
    assert (names(again.post), names(again.quiet)) == ([must.id], [FORTY.id])
    again = life.review(FORTY)
    assert (again.post, again.quiet, FORTY.id in again.known) == ((), (), True)


def test_what_got_no_comment_is_in_the_summary_or_told_by_the_next_run(life, client):
    planned = life.plan(FIVE, FORTY)
    posted = Posted(inline=(FIVE.id,), left=(FORTY.id,))
    whole = after_posting(planned.state, posted, client.pull(7))
    assert whole.reviewed_sha == client.pull(7).head_sha
    assert [e["status"] for e in whole.findings.values()] == ["open", "reported"]
    assert life.plan(FORTY, state=whole).post == ()
    broken = after_posting(planned.state, posted)
    assert (broken.reviewed_sha, list(broken.findings)) == ("", [FIVE.id])
    assert names(life.plan(FORTY, state=broken).post) == [FORTY.id]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_lost_answer_is_looked_for_and_given_once(life, github, when):
    life.review(FIVE)
    github.push(7, "pushed")
    github.reset("pulls/create-reply-for-review-comment", when)
    life.review()
    assert (len(life.replies), life.problems) == (1, ())


def test_an_answer_that_fails_is_told_and_given_by_the_next_run(life, github):
    life.review(FIVE, FORTY)
    github.fail("pulls/create-reply-for-review-comment", 422)
    github.push(7, "pushed")
    life.review(MOVED)
    assert FIVE.id in life.problems[0]
    life.review(MOVED)
    assert (len(life.replies), life.problems) == (1, ())
    gone = life.plan(read={}.get)
    github.state.review_comments.clear()  # a person deletes what we said
    assert life.review(MOVED).post == ()
    told = []
    assert reply_to_fixed(life.client, life.client.pull(7), gone, notify=told.append) == ()
    assert FORTY.id in told[0]


def test_only_what_was_pushed_on_top_is_reviewed_in_depth(changed, client):
    def git(*args):
        who = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
        asked = ["git", *who, *args]
        done = subprocess.run(asked, cwd=changed, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    names = ("main", "feature~1", "feature", "pushed", "other")
    main, half, feature, pushed, other = git("rev-parse", *names).split()
    newer = git("commit-tree", "main^{tree}", "-p", main, "-m", "newer")
    rebased = git("commit-tree", "feature^{tree}", "-p", newer, "-m", "rebased")
    merged = git("commit-tree", "feature^{tree}", "-p", feature, "-p", newer, "-m", "merged")
    place, pull = locate(changed), client.pull(7)
    for last, head, base, since in (
        (half, feature, main, True),
        (feature, pushed, newer, True),  # the base went on, this does not know of it
        ("", feature, main, False),  # the first review
        (feature, feature, main, False),
        (feature, half, main, False),  # force-pushed to an earlier commit
        (other, feature, main, False),
        (feature, rebased, newer, False),
        (feature, merged, newer, False),  # what others did would be reviewed once more
        ("f" * 40, feature, main, False),  # not in this clone any more
        ("--all", feature, main, False),
    ):
        now = replace(pull, head_sha=head, base_sha=base)
        wanted = f"{last}..{head}" if since else f"{base}...{head}"
        assert reviewed_range(place, State(reviewed_sha=last), now) == wanted


@pytest.mark.slow
def test_five_thousand_findings_are_planned_and_remembered(client):
    pull = client.pull(7)
    text = "\n".join(f"value {number}" for number in range(5000))
    many = [found(f"value {number}", number + 1) for number in range(5000)]

    def planned(findings, state, text):
        asked = {"threads": (), "comments": (), "me": "x", "may_dismiss": lambda _: False}
        seen = {"changed": lambda _: True, "read": lambda _: text}
        return plan(findings, state, facts=Facts.of_code(findings, state, **seen), **asked)

    first = planned(many, State(), text)
    assert len(first.post) == 5000
    state = dismiss(first.state, many[7].id, "ada", "on purpose")
    fixed = planned(many[:200], state, text.replace("value 4", "other 4"))
    assert fixed.state.findings[many[4999].id]["status"] == "fixed"
    marker = state_marker(fixed.state, pull)
    assert len(marker) <= MOST_CHARACTERS
    [kept] = [read_state([IssueComment(1, "x", False, marker)], "x", pull)]
    assert kept.findings[many[7].id]["reason"] == "ada: on purpose"
    assert "fixed" not in {entry["status"] for entry in kept.findings.values()}
    assert planned(many, kept, text).dismissed == {many[7].id: "ada: on purpose"}
