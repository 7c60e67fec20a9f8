"""Reviewers' answers in the loop: failures, anchors, merging, fixes, rounds."""

import itertools

import pytest
from support.bedrock import calls, cut_short, empty, filtered, invalid, malformed, reply, too_long
from support.checkout import QUIET_GATES
from support.parts import (
    CLEAN,
    asked_about,
    cast,
    finds,
    found,
    replaces,
    resolves,
    says,
    writes,
)
from support.play import ONE_QUERY, QUOTE_TEST, REVIEWERS, TEST, done, replace, tool_use

BUILD_ONLY = {k: v for k, v in QUIET_GATES.items() if "BUILD" not in k}
DOC = '"""Search."""'
QUERY = ONE_QUERY.split("\n")[0]
UNCLEAR = found("should_fix", "The module's sentence says nothing", DOC)
UNSORTED = found("must_fix", "The index is missing", QUERY)


def statuses(checkout) -> dict[str, str]:
    return {title: finding["status"] for title, finding in checkout.findings().items()}


# One reviewer fails


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (invalid(), "maxTokens exceeds the model limit"),
        (too_long(), "too long"),
        (filtered("I cannot look at this"), "refused to answer: I cannot look at this"),
        (malformed("report_findings"), "not valid JSON"),
        (calls("report_findings", {"verdict": "fine"}), "no 'findings' list"),
        (reply("It all looks good to me."), "answer by calling report_findings"),
        (empty(), "answer by calling report_findings"),
        (cut_short("I think that"), "cut off"),
    ],
    ids=["rejected", "too-long", "refused", "no-json", "no-list", "prose", "empty", "cut"],
)
def test_one_failed_reviewer_leaves_the_other_fours_findings(shop, answer, reason):
    others = [name for name in REVIEWERS if name != "review-security"]
    nits = {name: found("nit", f"Nit of {name}", QUERY, category=name) for name in others}
    checkout = shop(
        cast(review_security=says(answer), **{name: finds(nit) for name, nit in nits.items()})
    )
    said = checkout.run("run", "2.1")
    assert said.code == 5, said.err
    record = checkout.record()
    assert (record["status"], record["incomplete"]) == ("waiting", ["review-security"])
    assert set(statuses(checkout)) == {nit["title"] for nit in nits.values()}
    assert record["proposal"]["incomplete"] == ["review-security"]
    failed = {r["name"]: r["reason"] for r in record["proposal"]["reviewers"] if r["reason"]}
    assert reason in failed["review-security"]
    assert "4 of 5 finished" in said.err
    assert "incomplete: review-security failed" in checkout.run("status").out
    assert "Review: 4 of 5 reviewers" in record["proposal"]["message"]
    approved = checkout.run("approve")
    assert approved.code == 0, approved.err
    assert "Its review is not complete: review-security failed." in approved.err
    assert checkout.record()["status"] == "committed"


def test_a_reviewer_that_mends_its_answer_has_not_failed(shop):
    broken = calls("report_findings", {"findings": [{**UNCLEAR, "severity": "awful"}]})
    mended = calls("report_findings", {"findings": [{**UNCLEAR, "severity": "nit"}]})
    checkout = shop(cast(review_security=says(broken, mended)))
    assert checkout.run("run", "2.1").code == 4
    assert "severity 'awful' is not one of" in checkout.server.of("review-security")[1].results[0]
    assert set(statuses(checkout)) == {UNCLEAR["title"]}


@pytest.mark.slow
def test_after_a_modification_a_reviewer_that_answers_completes_the_run(shop):
    checkout = shop(cast(review_security=says(invalid())))
    assert checkout.run("run", "2.1").code == 5
    checkout.server.answer = cast(implement=replaces("shop/search.py", "rows = db", "found = db"))
    assert checkout.run("modify", "-m", "Call it found.").code == 4
    assert checkout.record()["incomplete"] == []


def test_a_failed_re_review_confirms_nothing_and_leaves_the_run_incomplete(shop):
    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            fix=writes({"shop/doc.py": "x = 1\n"}),
            quick_review=says(invalid()),
        )
    )
    assert checkout.run("run", "2.1").code == 5
    assert checkout.record()["incomplete"] == ["quick-review"]
    finding = checkout.findings()[UNCLEAR["title"]]
    assert finding["status"] == "unresolved"
    assert "not confirmed: quick-review failed" in finding["note"]

    checkout.server.answer = cast(
        implement=replaces("shop/search.py", "rows = db", "found = db"),
        review_maintainability=finds(UNCLEAR),
        fix=writes({"shop/doc.py": "x = 2\n"}),
        quick_review=resolves({UNCLEAR["title"]: "x = 2"}),
    )
    assert checkout.run("modify", "-m", "Call it found.").code == 4
    assert checkout.record()["incomplete"] == []
    assert statuses(checkout)[UNCLEAR["title"]] == "fixed"


def test_when_no_reviewer_could_read_the_change_there_is_nothing_to_approve(shop):
    checkout = shop(cast(**{name: says(invalid()) for name in REVIEWERS}))
    said = checkout.run("run", "2.1")
    assert said.code == 3
    assert "nothing goes unreviewed" in said.err
    assert checkout.run("approve").code == 2


# Anchors and duplicates


def test_places_are_looked_up_and_what_is_nowhere_is_never_acted_on(shop):
    wrong_line = found("nit", "Wrong line", QUERY, line=77)
    prefixed = found("nit", "Prefixed path", QUERY, path="b/shop/search.py")
    elsewhere = found("should_fix", "No such file", QUERY, path="shop/invented.py")
    invented = found("must_fix", "No such code", "    return eval(customer)")
    outside = found("must_fix", "Outside", "root:", path="../../../etc/passwd")
    old = found("nit", "Old code", '"""Orders in SQLite."""', path="shop/store.py")
    checkout = shop(
        cast(review_security=finds(wrong_line, prefixed, elsewhere, invented, outside, old))
    )
    assert checkout.run("run", "2.1").code == 4
    seen = {t: (f["path"], f["line"], f["placement"]) for t, f in checkout.findings().items()}
    assert seen == {
        "Wrong line": ("shop/search.py", 6, "changed"),
        "Prefixed path": ("shop/search.py", 6, "changed"),
        "No such file": ("shop/invented.py", None, "unanchored"),
        "No such code": ("shop/search.py", None, "unanchored"),
        "Old code": ("shop/store.py", 1, "context"),
    }
    assert "Outside" in str(checkout.record()["proposal"]["warnings"])  # dropped, and said so
    assert checkout.server.of("fix") == []
    assert checkout.record()["proposal"]["rounds"]["used"] == 0
    screen = checkout.run("show").out
    assert "No such code" in screen
    assert "root:" not in screen or "quoted" in screen


def test_duplicates_are_one_finding_with_both_names_and_the_higher_severity(shop):
    one = found("should_fix", "Customer name is not validated here", QUERY, category="input")
    two = found("must_fix", "The customer name is never validated", QUERY, category="input")
    checkout = shop(
        cast(review_maintainability=finds(one), review_security=finds(two), fix=says(done("No.")))
    )
    checkout.run("run", "2.1")
    (finding,) = checkout.findings().values()
    assert set(finding["agents"]) == {"review-maintainability", "review-security"}
    assert finding["severity"] == "must_fix"
    assert len({ident for r in checkout.server.of("fix") for ident, _ in asked_about(r)}) == 1


def test_nits_are_listed_and_nobody_acts_on_them(shop):
    checkout = shop(cast(review_maintainability=finds({**UNCLEAR, "severity": "nit"})))
    said = checkout.run("run", "2.1")
    assert said.code == 4
    assert "none remaining; 0 fixed, 0 dismissed, 1 nit" in said.err
    assert {r.agent for r in checkout.server.ledger} == {"implement", *REVIEWERS}


# Fixes, re-reviews and rounds


def test_without_a_positive_answer_a_finding_stays_open_for_three_rounds_at_most(shop):
    numbers = itertools.count(1)
    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            fix=lambda r: (
                done("Done.")
                if r.turn
                else writes({"shop/NOTES.md": f"attempt {next(numbers)}\n"})(r)
            ),
        )
    )
    said = checkout.run("run", "2.1")
    assert said.code == 4
    proposal = checkout.record()["proposal"]
    assert proposal["rounds"]["used"] == 3
    assert len(checkout.server.of("quick-review")) == 3
    finding = checkout.findings()[UNCLEAR["title"]]
    assert (finding["status"], finding["attempts"]) == ("open", 3)
    assert "not resolved: read the fix" in finding["note"]
    assert f"Left open: 🟡 {UNCLEAR['title']}" in proposal["message"]
    assert UNCLEAR["title"] in said.err


@pytest.mark.slow
def test_a_re_review_that_says_nothing_of_a_fix_is_told_as_failed(shop):
    of_another = {"id": "000000000000", "resolved": True, "quote": "x", "reason": "y"}
    numbers = itertools.count(1)
    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            fix=lambda r: (
                done("Done.")
                if r.turn
                else writes({"shop/NOTES.md": f"attempt {next(numbers)}\n"})(r)
            ),
            quick_review=lambda r: calls(
                "report_resolution", {"resolutions": [of_another], "new_findings": []}
            ),
        )
    )
    said = checkout.run("run", "2.1")
    title = UNCLEAR["title"]
    assert f"quick-review: failed, it said nothing of 1 of 1 fixes: “{title}”" in said.err
    assert f"fix round 2: 1 finding, because {title}: the re-review did not answer" in said.err


@pytest.mark.slow
@pytest.mark.parametrize(
    "quote",
    [DOC, "def items_of(db, customer):", "code that is nowhere", ""],
    ids=["old-code", "untouched-code", "invented", "nothing"],
)
def test_an_edit_that_changes_nothing_about_it_does_not_pass_with_a_foreign_quote(shop, quote):
    numbers = itertools.count()
    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            fix=lambda r: (
                done("Done.")
                if r.turn
                else writes({"shop/NOTES.md": f"see the docs {next(numbers)}\n"})(r)
            ),
            quick_review=resolves({UNCLEAR["title"]: quote}),
        )
    )
    assert checkout.run("run", "2.1").code == 4
    finding = checkout.findings()[UNCLEAR["title"]]
    assert finding["status"] == "open"
    assert "the quote is no code that the fix wrote" in finding["note"]


def test_a_fixer_that_edits_nothing_goes_straight_to_the_person(shop):
    checkout = shop(cast(review_maintainability=finds(UNCLEAR)))
    assert checkout.run("run", "2.1").code == 4
    finding = checkout.findings()[UNCLEAR["title"]]
    assert (finding["status"], finding["attempts"]) == ("unresolved", 2)
    assert "no edit was made" in finding["note"]
    assert checkout.server.of("quick-review") == []
    assert checkout.record()["proposal"]["rounds"]["used"] == 1
    assert "You changed nothing" in checkout.server.of("fix")[1].said


@pytest.mark.slow
def test_a_fix_that_stays_red_after_two_retries_is_taken_back(shop):
    broken = says(reply(replace("shop/search.py", DOC, "def broken(:")), done("Broke it."))

    def fix(received):
        if UNCLEAR["title"] not in received.said:
            return replaces("shop/search.py", "order by id", "order by orders.id")(received)
        return done("As it was.") if "made the checks fail" in received.said else broken(received)

    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            review_performance=finds(UNSORTED),
            fix=fix,
            quick_review=resolves({UNSORTED["title"]: "order by orders.id"}),
        ),
        BUILD_ONLY,
    )
    assert checkout.run("run", "2.1").code == 4
    assert statuses(checkout) == {UNCLEAR["title"]: "unresolved", UNSORTED["title"]: "fixed"}
    note = checkout.findings()[UNCLEAR["title"]]["note"]
    assert "kept the checks red after 3 attempts and was taken back" in note
    asked = [r for r in checkout.server.of("fix") if UNCLEAR["title"] in r.said and not r.turn]
    assert len(asked) == 3
    assert all("SyntaxError" in r.said for r in asked[1:])
    (reviewed,) = checkout.server.of("quick-review")
    assert UNCLEAR["title"] not in reviewed.said
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/search.py") == CLEAN.replace("order by id", "order by orders.id")


def test_the_most_severe_finding_is_fixed_first(shop):
    checkout = shop(cast(review_maintainability=finds(UNCLEAR), review_performance=finds(UNSORTED)))
    checkout.run("run", "2.1")
    order = [title for r in checkout.server.of("fix") for _, title in asked_about(r)]
    assert list(dict.fromkeys(order)) == [UNSORTED["title"], UNCLEAR["title"]]


@pytest.mark.slow
def test_a_problem_that_a_fix_brings_in_is_fixed_in_the_next_round(shop):
    typo = found("should_fix", "Serach is misspelt", '"""Serach, oldest first."""')

    def fix(received):
        if typo["title"] in received.said:
            return replaces("shop/search.py", "Serach", "Search")(received)
        return replaces("shop/search.py", "Search.", "Serach, oldest first.")(received)

    rounds = [
        resolves({UNCLEAR["title"]: '"""Serach, oldest first."""'}, new=(typo,)),
        resolves({typo["title"]: '"""Search, oldest first."""'}),
    ]
    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            fix=fix,
            quick_review=lambda r: rounds.pop(0)(r),
        )
    )
    assert checkout.run("run", "2.1").code == 4
    findings = checkout.findings()
    assert statuses(checkout) == {UNCLEAR["title"]: "fixed", typo["title"]: "fixed"}
    assert (findings[typo["title"]]["agents"], findings[typo["title"]]["round_found"]) == (
        ["quick-review"],
        1,
    )
    assert checkout.record()["proposal"]["rounds"]["used"] == 2


def test_after_the_fixes_all_guard_rails_judge_again_and_a_red_one_is_repaired(shop):
    second = found("should_fix", "No module for reports", DOC)
    later = iter(["first", "second"])

    def fix(received):
        if received.turn:
            return done("Done.")
        return reply(
            tool_use(
                "fs_write",
                {
                    "command": "create",
                    "path": f"shop/{next(later)}.py",
                    "file_text": "x = 1\n",
                },
            )
        )

    checkout = shop(
        cast(
            review_maintainability=finds(UNCLEAR),
            review_test_quality=finds(second),
            fix=fix,
            quick_review=resolves({UNCLEAR["title"]: "x = 1", second["title"]: "x = 1"}),
        )
    )
    assert checkout.run("run", "2.1").code == 4
    names = [e["name"] for e in checkout.events("gate")]
    assert names.count("secrets") == names.count("branch") == names.count("governance") == 2


def test_lower_caps_are_obeyed(shop):
    numbers = itertools.count()
    settings = QUIET_GATES | {
        "REVIEWLOOP_LIMITS__ROUNDS": "1",
        "REVIEWLOOP_LIMITS__FIX_RETRIES": "0",
    }
    checkout = shop(
        cast(
            implement=writes({"shop/search.py": CLEAN, "tests/test_search.py": TEST + QUOTE_TEST}),
            review_maintainability=finds(UNCLEAR),
            fix=lambda r: (
                done("Done.") if r.turn else writes({"shop/N.md": f"{next(numbers)}\n"})(r)
            ),
        ),
        settings,
    )
    assert checkout.run("run", "2.1").code == 4
    assert len(checkout.server.of("quick-review")) == 1
    assert checkout.record()["proposal"]["rounds"] == {
        "used": 1,
        "limit": 1,
        "cycle": 0,
        "repairs": 0,
    }


def test_without_rounds_everything_is_left_to_the_person(shop):
    checkout = shop(
        cast(review_maintainability=finds(UNCLEAR)),
        QUIET_GATES | {"REVIEWLOOP_LIMITS__ROUNDS": "0"},
    )
    assert checkout.run("run", "2.1").code == 4
    assert checkout.server.of("fix") == []
    assert statuses(checkout) == {UNCLEAR["title"]: "open"}
