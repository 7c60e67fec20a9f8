"""A task of a Kiro spec, from the command to the approved commit, over HTTP."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import pytest
from support import play
from support.checkout import Checkout, Said
from support.parts import asked_about, cast, finds, found, replaces, resolves
from support.play import INJECTION, NIT, ONE_QUERY, QUOTE_TEST, REVIEWERS, SEARCH, TEST

TASKS = ".kiro/specs/orders/tasks.md"
TITLE = "Find the items of a customer"
# The plugins of the environment these tests run in would cost each run of pytest two seconds.
PYTEST = {"pytest.ini": "[pytest]\naddopts = --disable-plugin-autoload\n"}
CLEAN = SEARCH.replace(f"{INJECTION}\n{play.N_PLUS_ONE}", ONE_QUERY)


@dataclass
class Story:
    """One run, what was seen while it waited, and its approval from another process."""

    checkout: Checkout
    run: Said
    before: dict[str, str]
    waiting: dict[str, str]
    seen: dict[str, Any]
    tasks_before: str
    approve: Said

    @property
    def ident(self) -> str:
        return str(self.seen["show"]["run_id"])


LAYERS = """\
layers = ["web-of-the-team", "store-of-the-team"]
[layer.web-of-the-team]
paths = ["web"]
[layer.store-of-the-team]
paths = ["store"]
"""


@pytest.fixture(scope="module")
def story(shared_shop: Callable[..., Checkout]) -> Story:
    checkout = shared_shop(play.play, {}, files=PYTEST)
    before, tasks_before = checkout.bytes(), checkout.read(TASKS)
    run = checkout.forked("run", "2.1")
    waiting = checkout.bytes()
    seen = {
        "status": checkout.run("status").out,
        "status.json": checkout.json("status"),
        "tasks": checkout.run("tasks").out,
        "tasks.json": checkout.json("tasks"),
        "show": checkout.json("show"),
        "screen": checkout.run("show", "--diff").out,
        "logs": checkout.run("logs").out,
    }
    approve = checkout.run("approve")
    return Story(checkout, run, before, waiting, seen, tasks_before, approve)


@pytest.mark.slow
def test_run_without_a_terminal_waits_with_exit_code_4(story):
    assert story.run.code == 4, story.run.err
    assert story.run.out == ""
    assert f"reviewloop approve {story.ident}" in story.run.err
    assert "Traceback" not in story.run.err


@pytest.mark.slow
def test_checkout_index_and_git_folder_are_untouched_before_approval(story):
    assert story.waiting == story.before
    assert ".git/index" in story.before


@pytest.mark.slow
def test_the_loop_goes_through_every_box(story):
    agents = [agent for agent, _ in groupby(r.agent for r in story.checkout.server.ledger)]
    assert agents[:2] == ["implement", "repair"]
    assert set(agents[2:-2]) == set(REVIEWERS)
    assert agents[-2:] == ["fix", "quick-review"]
    steps = [event["step"] for event in story.checkout.events("step.start")]
    assert steps == [
        *("implement", "guard", "repair", "guard", "collect"),
        *("fix", "guard", "re_review", "collect", "propose", "commit"),
    ]


@pytest.mark.slow
def test_a_red_gate_is_repaired_before_anybody_reviews(story):
    verdicts = [e["status"] for e in story.checkout.events("gate") if e["name"] == "test"]
    assert verdicts == ["failed", "passed", "passed"]
    asked = story.checkout.server.of("repair")[0].said
    assert "assert [] == ['pen', 'ink']" in asked


@pytest.mark.slow
def test_five_reviewers_read_the_same_prefix_at_the_same_time(story):
    ledger = story.checkout.server.ledger
    first = [next(r for r in ledger if r.agent == name) for name in REVIEWERS]
    shared = {json.dumps(r.messages[0]["content"][0]) for r in first}
    assert len(shared) == 1
    assert sum(r.usage["cacheWriteInputTokens"] > 0 for r in first) == 1
    assert sum(r.usage["cacheReadInputTokens"] > 0 for r in first) == 4
    told = story.checkout.events()
    kinds = [e["kind"] for e in told if e["kind"] in ("reviewer.start", "reviewer.end")]
    assert kinds[:2] == ["reviewer.start"] * 2  # benchmarks/ measures how parallel they are


@pytest.mark.slow
def test_a_fix_that_breaks_a_test_is_retried_with_its_log(story):
    results = [(e["title"], e["result"]) for e in story.checkout.events("fix")]
    assert results == [
        (play.SECURITY["title"], "red"),
        (play.SECURITY["title"], "fixed"),
        (play.PERFORMANCE["title"], "fixed"),
        (play.TESTS["title"], "fixed"),
    ]
    retry = story.checkout.server.of("fix")[2]
    assert "Attempt 1 made the checks fail" in retry.said
    assert "assert [] == ['pen', 'ink']" in retry.said


@pytest.mark.slow
def test_quick_review_sees_the_fix_diffs_and_nothing_else(story):
    (asked,) = story.checkout.server.of("quick-review")
    assert {title for _, title in asked_about(asked)} == {
        finding["title"] for finding in (play.SECURITY, play.PERFORMANCE, play.TESTS)
    }
    assert "-    rows = db.execute(f" in asked.said
    assert "create table orders" not in asked.said
    assert "+def test_items_come_in_the_order_they_were_stored" not in asked.said


@pytest.mark.slow
def test_no_reply_is_paid_twice(story):
    assert story.checkout.server.paid_twice() == []


@pytest.mark.slow
def test_the_implementer_is_told_the_task_and_the_requirement_it_names(story):
    asked = story.checkout.server.of("implement")[0].said
    assert "Add `shop/search.py`" in asked
    assert "WHEN a customer is named, THE Shop SHALL return" in asked
    assert "Plain functions over sqlite3." in asked
    assert "shop/store.py" in asked


@pytest.mark.slow
def test_the_figures_of_the_run_are_kept_for_stats(story):
    body = story.checkout.json("stats")
    assert (body["tasks"], body["first_pass"]["findings"]) == (1, 1)
    (gate,) = [g for g in story.seen["show"]["proposal"]["gates"] if g["name"] == "coverage"]
    assert body["coverage"]["rate"] == gate["coverage"]
    assert body["coverage"]["new_lines"] > 0
    assert (body["approval"]["approved_as_shown"], body["red_left"]["count"]) == (1, 0)
    usage = story.seen["show"]["proposal"]["usage"]
    assert (body["money"]["usd"], body["money"]["calls"]) == (usage["cost_usd"], usage["calls"])


@pytest.mark.slow
def test_a_waiting_run_is_shown_from_another_terminal(story):
    (row,) = story.seen["status.json"]["runs"]
    assert (row["run"], row["status"], row["task"]) == (story.ident, "waiting", "2.1")
    assert row["exit_code"] == 4
    assert re.search(rf"^{story.ident} +waiting .*2\.1 {TITLE}", story.seen["status"], re.M)
    assert f"reviewloop show {story.ident}" in story.seen["status"]


@pytest.mark.slow
def test_tasks_marks_the_task_in_work_although_the_file_does_not(story):
    assert f"[-] 2.1 {TITLE}  waits for you: run {story.ident}" in story.seen["tasks"]
    states = {
        task["id"]: (task["state"], task["run"]) for task in story.seen["tasks.json"]["tasks"]
    }
    assert states["2.1"] == ("in_progress", story.ident)
    assert states["2.2"] == ("open", "")
    assert "- [ ] 2.1" in story.tasks_before


@pytest.mark.slow
def test_show_json_holds_what_the_screen_shows(story):
    shown = story.seen["show"]
    proposal = shown["proposal"]
    assert (shown["version"], shown["kind"], shown["status"]) == (1, "run", "waiting")
    assert [(f["path"], f["status"]) for f in proposal["files"]] == [
        ("shop/search.py", "A"),
        ("tests/test_search.py", "A"),
    ]
    assert proposal["tests"] == {"passed": 3, "failed": 0, "skipped": 0}
    assert proposal["coverage"]["covered"] == 1.0
    assert proposal["rounds"]["used"] == 1
    assert proposal["spec_progress"]["newly_eligible"] == [{"id": "2.2", "title": "Report"}]
    assert {f["title"]: f["status"] for f in proposal["findings"]} == {
        play.SECURITY["title"]: "fixed",
        play.PERFORMANCE["title"]: "fixed",
        play.TESTS["title"]: "fixed",
        NIT["title"]: "open",
    }
    assert 0 < proposal["seconds"] < 60
    assert proposal["usage"]["calls"] == len(story.checkout.server.ledger)
    assert "nonce" not in shown


@pytest.mark.slow
def test_the_screen_shows_files_tests_coverage_findings_cost_message_and_diff(story):
    screen = story.seen["screen"]
    for line in (
        "files      2 created, +22 -0",
        "tests      3/3 passing",
        "coverage   100 % of the new lines (wanted: 80 %)",
        "rounds     1 of 3 fix rounds",
        "reviewers  5 of 5 finished",
        "Findings: none remaining; 3 fixed, 0 dismissed, 1 nit",
        "spec       2/3 tasks done after approval",
        "can start next: 2.2 Report",
        "  | Review: 5 reviewers, 1 fix round; 3 findings, 3 fixed, 0 left open, 1 nit",
        "+def test_a_quote_in_a_name_is_no_sql():",
    ):
        assert line in screen
    assert re.search(r"spent .*tokens in.*\$0\.\d\d", screen)


@pytest.mark.slow
def test_the_log_tells_the_run_from_task_to_question(story):
    lines = [line.split("  ", 1)[1] for line in story.seen["logs"].splitlines()]
    told = [
        "implement: started",
        "test: failed",
        "repair: started",
        "review-security: started",
        "fix round 1: 3 findings",
        "quick-review: started",
        "ready for your decision",
        "run: waiting",
    ]
    places = [next(i for i, line in enumerate(lines) if line.startswith(t)) for t in told]
    assert places == sorted(places)


@pytest.mark.slow
def test_approval_commits_exactly_the_files_of_the_change(story):
    assert story.approve.code == 0, story.approve.err
    git = story.checkout.git
    assert git("show", "--name-status", "--format=", "HEAD").splitlines() == [
        f"M\t{TASKS}",
        "A\tshop/search.py",
        "A\ttests/test_search.py",
    ]
    assert git("rev-list", "--count", "HEAD") == "2"
    assert story.checkout.read("shop/search.py") == CLEAN
    assert story.checkout.read("tests/test_search.py") == TEST + QUOTE_TEST


@pytest.mark.slow
def test_the_commit_is_the_proposed_one_on_the_persons_branch_in_their_name(story):
    git = story.checkout.git
    assert git("rev-parse", "work") == story.seen["show"]["proposal"]["commit"]
    assert git("symbolic-ref", "HEAD") == "refs/heads/work"
    assert git("branch", "--format=%(refname:short)") == "work"
    assert git("show", "-s", "--format=%an <%ae> | %cn <%ce>") == (
        "Ada Example <ada@example.org> | Ada Example <ada@example.org>"
    )


@pytest.mark.slow
def test_the_message_carries_the_review_statistics(story):
    assert story.checkout.git("show", "-s", "--format=%B").rstrip() == (
        f"{TITLE}\n"
        "\n"
        "Added items_of.\n"
        "\n"
        f"Task: 2.1 {TITLE} (orders)\n"
        "Review: 5 reviewers, 1 fix round; 3 findings, 3 fixed, 0 left open, 1 nit\n"
        "Tests: 3 passed\n"
        "Coverage of new lines: 100%"
    )


@pytest.mark.slow
def test_the_task_is_ticked_by_exactly_one_byte(story):
    old, new = story.tasks_before.encode(), story.checkout.read(TASKS).encode()
    assert len(old) == len(new)
    changed = [i for i, (a, b) in enumerate(zip(old, new, strict=True)) if a != b]
    assert changed == [old.index(b"- [ ] 2.1") + 3]
    assert new[changed[0] : changed[0] + 1] == b"x"
    assert story.checkout.git("show", f"HEAD:{TASKS}").encode() == new.rstrip(b"\n")


@pytest.mark.slow
def test_the_checkout_is_clean_and_nothing_else_is_left_in_it(story):
    checkout = story.checkout
    assert checkout.git("status", "--porcelain", "--ignored") == ""
    assert checkout.git("for-each-ref", "--format=%(refname)") == "refs/heads/work"
    assert checkout.git("stash", "list") == ""
    new = set(checkout.bytes()) - set(story.before)
    assert {path for path in new if not path.startswith(".git/objects/")} == {
        "shop/search.py",
        "tests/test_search.py",
    }


@pytest.mark.slow
def test_the_record_keeps_who_approved_which_agents_and_models_and_the_evidence(story):
    record = story.checkout.record()
    evidence = record["evidence"]
    assert (record["status"], record["exit_code"], record["approved_by"] != "") == (
        "committed",
        0,
        True,
    )
    assert evidence["approved_by"] == record["approved_by"]
    models = {agent["agent"]: agent["model"] for agent in evidence["agents"]}
    assert set(REVIEWERS) | {"implement", "fix", "quick-review"} == set(models)
    assert all(model.startswith("bedrock_converse:") for model in models.values())
    gates = {gate["name"]: gate for gate in evidence["gates"]}
    assert gates["test"]["status"] == "passed"
    assert gates["test"]["exit_code"] == 0
    assert story.checkout.json("status")["runs"][0]["commit"] == record["commit"]


@pytest.mark.slow
def test_the_task_is_done_and_the_next_one_can_start(story):
    tasks = {task["id"]: task for task in story.checkout.json("tasks")["tasks"]}
    assert (tasks["2.1"]["state"], tasks["2.1"]["run"]) == ("done", "")
    assert tasks["2.2"]["eligible"]


AGENT = """{
  "name": "%(name)s",
  "description": "of the project",
  "prompt": "You are %(name)s of this project.

\tMARK-%(name)s

Answer in the way you were told.",
  "tools": ["fs_read", "fs_write", "execute_bash"],
  "resources": ["file://NOTES.md", "skill://.kiro/skills/**/SKILL.md"],
  "hooks": {"agentSpawn": [{"command": "touch /tmp/never"}]},
  "somethingKiroAddsLater": true
}
"""


@pytest.fixture(scope="module")
def own_team(shared_shop: Callable[..., Checkout]) -> Checkout:
    """A run with the project's own reviewers, a sixth one, and steering."""
    undocumented = found("should_fix", "The order is not documented", '"""Search."""')
    checkout = shared_shop(
        cast(
            review_docs=finds(undocumented),
            fix=replaces("shop/search.py", '"""Search."""', '"""Search, oldest first."""'),
            quick_review=resolves({undocumented["title"]: '"""Search, oldest first."""'}),
        )
    )
    for name in (*REVIEWERS, "review-docs", "implement", "fix", "quick-review"):
        checkout.write(f".kiro/agents/{name}.json", AGENT % {"name": name})
    checkout.write(
        ".kiro/skills/sql/SKILL.md",
        "---\nname: sql\ndescription: SKILL-OF-THE-TEAM\n---\nBODY-OF-THE-SKILL\n",
    )
    checkout.write("NOTES.md", "RESOURCE-OF-THE-TEAM\n")
    checkout.write(".kiro/steering/tech.md", "STEERING-OF-THE-PROJECT: no ORM.\n")
    checkout.write(".reviewloop/architecture.toml", LAYERS)
    checkout.write("AGENTS.md", "STEERING-FROM-AGENTS-MD\n")
    checkout.write(
        ".kiro/steering/web.md",
        '---\ninclusion: fileMatch\nfileMatchPattern: "web/**"\n---\nSTEERING-FOR-THE-WEB\n',
    )
    checkout.write(".kiro/steering/sql.md", "---\ninclusion: manual\n---\nMANUAL-RULES\n")
    theirs = checkout.home / ".kiro/steering/tech.md"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("STEERING-OF-THE-PERSON: short lines.\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "team")
    assert checkout.run("run", "2.1", "--steering", "sql").code == 4
    return checkout


def test_manual_steering_is_given_where_it_is_asked_for(own_team):
    for agent in ("implement", "review-docs"):
        assert "MANUAL-RULES" in own_team.server.of(agent)[0].said
    said = own_team.run("run", "-m", "Say it", "--steering", "sqll")
    assert said.code == 2, said
    assert "there is no steering file 'sqll'; there are: AGENTS, sql, tech, web" in said.err
    said = own_team.run("batch", "--steering", "sql", "--store", "postgresql://127.0.0.1/none")
    assert (said.code, "leave it out with --store" in said.err) == (2, True)


@pytest.mark.parametrize("agent", ["implement", "fix", "review-docs", "quick-review"])
def test_each_agent_gets_the_resources_and_skills_of_its_file(own_team, agent):
    said = own_team.server.of(agent)[0].said
    assert "RESOURCE-OF-THE-TEAM" in said
    assert "SKILL-OF-THE-TEAM" in said
    assert "Read this file with fs_read when it fits." in said
    assert "BODY-OF-THE-SKILL" not in said


def test_agent_files_with_raw_newlines_win_over_the_shipped_ones(own_team):
    listed = own_team.json("agents", "list")
    files = {agent["name"]: agent["file"] for agent in listed["agents"]}
    shadowing = {*REVIEWERS, "implement", "fix", "quick-review"}
    assert all(files[name] == f".kiro/agents/{name}.json" for name in (*shadowing, "review-docs"))
    mine = (*REVIEWERS, "review-docs")
    assert {one["name"] for one in listed["shadowed"]} == shadowing
    dropped = {agent["name"]: agent["dropped_tools"] for agent in listed["agents"]}
    assert all(dropped[name] == ["fs_write", "execute_bash"] for name in mine)


@pytest.mark.parametrize("name", [*REVIEWERS, "review-docs"])
def test_the_prompts_of_the_projects_agents_reach_the_model(own_team, name):
    (asked,) = own_team.server.of(name)
    assert f"\n\n\tMARK-{name}\n\n" in asked.said
    assert "RESOURCE-OF-THE-TEAM" in asked.said
    assert set(asked.tools) == {"fs_read", "grep", "glob", "code", "report_findings"}


def test_steering_reaches_implementer_and_reviewers_the_persons_first(own_team):
    asked = [own_team.server.of(name)[0].said for name in ("implement", *REVIEWERS)]
    for said in asked:
        theirs, projects = (said.index(f"STEERING-OF-THE-{who}") for who in ("PERSON", "PROJECT"))
        assert theirs < projects
        assert "STEERING-FROM-AGENTS-MD" in said
        assert "STEERING-FOR-THE-WEB" not in said


def test_the_architecture_is_in_the_part_of_the_prompt_that_reviewers_share(own_team):
    rule = "- web-of-the-team (web): may import store-of-the-team"
    assert rule in own_team.server.of("implement")[0].said
    for name in REVIEWERS:
        said = own_team.server.of(name)[0].said
        assert said.index(rule) < said.index(f"MARK-{name}")


def test_the_log_says_which_steering_was_given_and_why_not(own_team):
    told = json.dumps(own_team.events("steering"))
    assert ".kiro/steering/tech.md" in told
    assert ".kiro/steering/web.md" in told
    assert "not given" in told


def test_a_sixth_reviewers_finding_is_fixed_and_committed(own_team):
    assert own_team.findings()["The order is not documented"]["agents"] == ["review-docs"]
    assert own_team.run("approve").code == 0
    message = own_team.git("show", "-s", "--format=%B")
    assert "Review: 6 reviewers, 1 fix round; 1 finding, 1 fixed, 0 left open" in message
    assert own_team.read("shop/search.py").startswith('"""Search, oldest first."""')
    assert own_team.git("status", "--porcelain") == ""


def test_the_preflight_says_which_hooks_are_not_run(shop):
    then = '{"type": "askAgent", "prompt": "Lint it."}'
    hook = f'{{"name": "lint on save", "when": {{"type": "fileEdited"}}, "then": {then}}}'
    checkout = shop(files={".kiro/hooks/lint.kiro.hook": hook})
    said = checkout.run("run", "2.1", "--preflight")
    assert said.code == 0, said.err
    assert "hooks that nobody trusts are not run: lint on save" in said.out + said.err
