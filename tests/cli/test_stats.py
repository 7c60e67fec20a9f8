"""`reviewloop stats`: the figures of real runs."""

import json
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.bedrock import BedrockServer, calls, reply
from support.checkout import QUIET_GATES, Checkout
from support.parts import CLEAN, cast, finds, found, replaces, resolves, says
from support.play import agent_of, done, write
from support.shop import make_shop

from reviewloop.app import stats as taken
from reviewloop.app.batch import policy
from reviewloop.app.run import changing
from reviewloop.loop.nodes import approve
from reviewloop.store.metrics import FILE, MetricsStore, RunMetrics

SPEC = ".kiro/specs/orders"
DOC, CLEARER = '"""Search."""', '"""Search, the oldest first."""'
VAGUE = found("must_fix", "The module's sentence says nothing", DOC)
BRIEF, LONGER = '"""Items."""', '"""The items of a customer."""'
TOO_SHORT = found("should_fix", "One word is too short", BRIEF)
NIT = found("nit", "Short", DOC)


class Runs:
    """A checkout after a few runs, and what its figures were along the way."""

    def __init__(self, checkout: Checkout) -> None:
        self.checkout = checkout
        self.seen = {"before": checkout.run("stats")}

    @property
    def folder(self) -> Path:
        (found,) = self.checkout.state.glob("repositories/*")
        return found

    def rows(self) -> dict[str, RunMetrics]:
        """Return the rows by what the runs are about."""
        with closing(MetricsStore(self.folder)) as store:
            return {row.task_id or row.run_id.split("-")[0]: row for row in store.all()}

    def play(self, *arguments: str, code: int, **parts) -> None:
        assert self.checkout.server
        self.checkout.server.answer = cast(**parts)
        said = self.checkout.run(*arguments)
        assert said.code == code, said.err


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> Iterator[Runs]:
    """Six kinds of ends: fixed and modified, clean, incomplete, empty, given up, by hand."""
    folder = tmp_path_factory.mktemp("stats")
    (folder / "project").mkdir()
    make_shop(folder / "project")
    with BedrockServer(cast(), agent_of=agent_of) as server:
        runs = Runs(Checkout(folder / "project", folder / "home", server, QUIET_GATES))
        fix = {
            "fix": replaces("shop/search.py", DOC, CLEARER),
            "quick_review": resolves({VAGUE["title"]: CLEARER}),
            "review_security": finds(VAGUE, NIT),
        }
        runs.play("run", "2.1", code=4, **fix)
        runs.seen["waiting"] = runs.checkout.json("stats")
        again = {
            "implement": replaces("shop/search.py", CLEARER, BRIEF),
            "fix": replaces("shop/search.py", BRIEF, LONGER),
            "quick_review": resolves({TOO_SHORT["title"]: LONGER}),
            "review_security": finds(TOO_SHORT),
        }
        runs.play("modify", "-m", "a shorter sentence", code=4, **again)
        (runs.folder / FILE).write_bytes(b"torn" * 999)  # with its log it would be mended
        for log in runs.folder.glob(f"{FILE}-*"):
            log.unlink()
        runs.play("approve", code=0)
        runs.seen["damaged"] = runs.checkout.run("stats")
        for path in runs.folder.glob(f"{FILE}*"):
            path.unlink()

        more = says(reply(write("shop/more.py", CLEAN)), done("Wrote it.", "Add more"))
        mute = {"review_performance": says(calls("no_such_tool", {}))}
        runs.play("run", "2.2", code=5, implement=more, **mute)
        runs.checkout.run("checkout", runs.checkout.record()["run_id"], "by-hand")
        runs.play("reject", code=5)
        runs.play("run", "-m", "nothing", code=3, implement=says(done("Nothing to do.")))
        runs.seen["hooked"] = runs.rows()
        yield runs


def test_without_a_run_one_sentence_is_said(runs):
    said = runs.seen["before"]
    assert said.code == 0
    assert said.out.strip() == (
        "no run of this repository has come to an end yet; `reviewloop run` starts one"
    )


def test_a_run_that_waits_is_counted_already(runs):
    body = runs.seen["waiting"]
    assert (body["version"], body["kind"], body["tasks"], body["runs"]) == (1, "stats", 1, 1)
    assert body["first_pass"]["rate"] == 0
    assert body["approval"]["waiting"] == 1
    assert body["red_left"] == {"count": 0, "runs": 0, "of_runs": 1}
    assert body["findings"]["all"]["must_fix"]["fixed"] == 1


def test_damaged_figures_cost_no_run_and_are_said(runs):
    assert runs.seen["damaged"].code == 2
    assert "clean --metrics" in runs.seen["damaged"].err
    told = runs.checkout.events("note", run="2.1-*")
    assert [event for event in told if "were not kept for `reviewloop stats`" in event["text"]]


def test_each_end_of_a_run_is_counted_for_what_it_is(runs):
    assert runs.checkout.run("stats").code == 0
    rows = runs.rows()
    approved, by_hand, empty = rows["2.1"], rows["2.2"], rows["m"]

    assert (approved.kind, approved.status, approved.decision) == ("task", "committed", "approved")
    assert (approved.first_review, approved.modifications) == ("findings", 1)
    assert approved.rounds == 2, "one round before the modification, and one after it"
    assert approved.committed_at > approved.begun_at
    proposal = runs.checkout.record(approved.run_id)["proposal"]
    assert (approved.usd, approved.calls) == (
        proposal["usage"]["cost_usd"],
        proposal["usage"]["calls"],
    )
    found = {(one.agents, one.severity, one.status): one.count for one in approved.findings}
    assert found == {
        (("review-security",), "must_fix", "fixed"): 1,
        (("review-security",), "should_fix", "fixed"): 1,
        (("review-security",), "nit", "open"): 1,
    }, "what the person asked for is no finding"

    assert (by_hand.first_review, by_hand.decision, by_hand.taken_over) == (
        "incomplete",
        "rejected",
        True,
    )
    assert (empty.kind, empty.first_review, empty.status) == ("change", "none", "blocked")
    assert (empty.decision, empty.committed_at, empty.rounds) == ("", 0.0, 0)


def test_the_sums_are_those_of_the_runs(runs):
    body = runs.checkout.json("stats")
    assert body["first_pass"] == {
        **{"rate": 0.0, "clean": 0, "findings": 1, "incomplete": 1, "unknown": 0},
        "not_reviewed": 1,
    }
    approval = body["approval"]
    assert (approval["rate"], approval["approved_after_modifications"]) == (0.5, 1)
    assert (approval["rejected"], approval["blocked"], approval["waiting"]) == (1, 1, 0)
    assert body["edits"] == {"modifications": 1, "modified_runs": 1, "taken_over": 1}
    rows = runs.rows().values()
    assert body["money"]["usd"] == pytest.approx(sum(row.usd or 0 for row in rows))
    assert body["money"]["usd"] > 0
    assert body["to_commit"]["from_begin"]["count"] == 1
    born = int(runs.checkout.git("log", "--diff-filter=A", "--format=%ct", "--", SPEC).split()[-1])
    since = runs.rows()["2.1"].committed_at - born
    assert body["to_commit"]["from_spec"]["median"] == pytest.approx(since)


def test_runs_are_chosen_by_spec_and_by_time(runs):
    for spec in (SPEC, f"./{SPEC}/", f"{SPEC}/tasks.md", "orders", ".kiro/specs"):
        body = runs.checkout.json("stats", "--spec", spec)
        assert (body["spec"], body["runs"]) == (SPEC, 2)
    assert runs.checkout.json("stats", "--since", "1d")["runs"] == 3
    said = runs.checkout.run("stats", "--since", "2100-01-01")
    assert (said.code, said.out.count("begun since 2100-01-01")) == (0, 1)
    for arguments, word in (
        (("--since", "soon"), "30d, 8w or 2026-01-31"),
        (("--since", "99999999d"), "is no time"),
        (("--spec", "nowhere"), f"there are runs of {SPEC}"),
    ):
        said = runs.checkout.run("stats", *arguments)
        assert (said.code, word in said.err) == (2, True), said.err


def test_figures_are_the_same_when_they_are_taken_in_later(runs):
    _forget(runs)
    assert runs.checkout.run("stats").code == 0
    later = runs.rows()
    for name, row in runs.seen["hooked"].items():
        # The export wrote the record once more; nothing else may differ.
        assert replace(later[name], record_at=0.0) == replace(row, record_at=0.0)
    assert set(later) == {"2.1", "2.2", "m"}, "that of the damaged file, too"


def test_runs_of_an_earlier_release_count_as_far_as_they_tell(runs):
    kept = {path: path.read_text() for path in runs.folder.glob("runs/*/events.jsonl")}
    for path, text in kept.items():
        events = [json.loads(line) for line in text.splitlines()]
        plain = [{k: v for k, v in e.items() if k not in ("left", "failed")} for e in events]
        path.write_text("".join(json.dumps(event) + "\n" for event in plain))
    _forget(runs)
    runs.checkout.run("stats")
    assert [row.first_review for row in runs.rows().values()] == ["findings", "incomplete", "none"]
    for path, text in kept.items():
        path.write_text("".join(line for line in text.splitlines(True) if '"round"' not in line))
    _forget(runs)
    runs.checkout.run("stats")
    assert runs.rows()["2.1"].first_review == "findings", "the event itself says so"
    for path, text in kept.items():
        path.write_text(text)


def test_a_run_that_cannot_be_read_is_named_and_the_others_are_counted(runs):
    _forget(runs)
    row = runs.seen["hooked"]["2.2"]
    journal = runs.folder / "runs" / row.run_id / "journal.sqlite"
    kept = journal.read_bytes()
    journal.write_bytes(b"torn" * 999)
    said = runs.checkout.run("stats")
    assert f"run {row.run_id} is not counted" in said.err
    assert (said.code, set(runs.rows())) == (0, {"2.1", "m"})
    journal.write_bytes(kept)
    assert runs.checkout.run("stats").err == ""
    assert set(runs.rows()) == {"2.1", "2.2", "m"}


def test_figures_outlive_the_runs_until_somebody_deletes_them(runs):
    _forget(runs)
    said = runs.checkout.run("clean", "--older-than", "0", "--yes")
    assert (said.code, "were not kept" in said.err) == (0, False)
    assert not list(runs.folder.glob("runs/2.*"))
    body = runs.checkout.json("stats")
    assert (body["runs"], body["edits"]["taken_over"]) == (3, 1)
    texts = b"".join(path.read_bytes() for path in runs.folder.glob(f"{FILE}*"))
    assert b"review-security" in texts
    for text in (
        VAGUE["title"],
        TOO_SHORT["title"],
        "items_of",
        "a shorter sentence",
        "Find the items",
    ):
        assert text.encode() not in texts, "no text of code, findings or specs is kept"

    said = runs.checkout.run("clean", "--older-than", "0", "--metrics", "--yes")
    assert "metrics.sqlite  the figures of all runs" in said.out
    assert runs.checkout.json("stats")["runs"] == 1, "that of the run which is still there"


def _forget(runs):
    for path in runs.folder.glob(f"{FILE}*"):
        path.unlink()


def test_the_names_by_which_others_than_people_answer_are_those_that_they_use():
    assert (taken.AUTOPILOT, taken.QUEUE) == (policy.BY, changing.BY)
    assert taken.BY_USER == approve.BY_USER
