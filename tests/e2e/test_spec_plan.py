"""`spec plan`: what is built where, in which order; hand edits stay and reach the agents."""

import json

import pytest
from support.checkout import QUIET_GATES
from support.parts import CLEAN, cast, writes
from support.spec_script import written

PLAN = ".kiro/specs/orders/implementation-plan.md"


@pytest.fixture
def checkout(shop):
    return shop(cast(), QUIET_GATES)


def sections(checkout) -> dict[str, str]:
    parts = (checkout.root / PLAN).read_text().split("\n## ")[1:]
    return {part.partition("\n")[0]: part.partition("\n")[2].strip() for part in parts}


def test_a_plan_says_size_files_phases_and_risks(checkout):
    (checkout.root / ".kiro/specs/orders/tasks.md").write_text(
        (checkout.root / ".kiro/specs/orders/tasks.md")
        .read_text()
        .replace("- Add `shop/search.py`", "- Add `shop/search.py`, change `shop/store.py`")
        .replace("- [ ] 2.2 Report", "- [ ] 2.2 Report in `migrations/0002_report.sql`")
    )
    said = checkout.run("spec", "plan", "orders")
    assert (said.code, said.out) == (0, f"{PLAN} is written\n")
    found = sections(checkout)
    assert [*found] == [
        "Analysis",
        "File Structure",
        "Implementation Steps",
        "Dependencies",
        "Risk Mitigation",
        "Architectural Decisions",
        "Additional considerations",
    ]
    assert "- size: small: 2 of 3 tasks are open" in found["Analysis"]
    assert "- files that it names: 2 new, 1 to be changed" in found["Analysis"]
    assert "- time: unknown: 0 runs were committed here" in found["Analysis"]
    assert found["File Structure"].split("\n")[1:-1] == [
        "migrations/",
        "  0002_report.sql  # [NEW] task 2.2",
        "shop/",
        "  search.py        # [NEW] task 2.1",
        "  store.py         # [MODIFY] task 2.1",
    ]
    assert "- done: 1.1" in found["Implementation Steps"]
    assert "2.1 Find the items of a customer" in found["Implementation Steps"]
    assert "- 2.2 after 2.1" in found["Dependencies"]
    assert "- 2.2 touches `migrations/0002_report.sql`" in found["Risk Mitigation"]


def test_what_a_person_wrote_stays_and_the_rest_is_brought_up_to_date(checkout):
    assert checkout.run("spec", "plan", "orders").code == 0
    file = checkout.root / PLAN
    first = file.read_text()
    assert checkout.run("spec", "plan", "orders").code == 0
    assert file.read_text() == first
    hint = sections(checkout)["Additional considerations"].partition("\n")[0]
    text = first.replace("- 2.2 after 2.1", "- 2.2 after lunch").replace(hint, "Use the index.")
    file.write_text(text)
    (checkout.root / ".kiro/specs/orders/tasks.md").open("a").write("\n- [ ] 3. More\n")
    said = checkout.run("spec", "plan", "orders")
    assert "yours and kept: Dependencies, Additional considerations" in said.err
    found = sections(checkout)
    assert found["Dependencies"] == "- 2.2 after lunch"
    assert found["Additional considerations"].startswith("Use the index.")
    assert "3 More" in found["Implementation Steps"]
    said = checkout.run("spec", "plan", "orders", "--regenerate")
    assert f"what you had edited is kept as {PLAN}.bak" in said.err
    found = sections(checkout)
    assert "- 2.2 after 2.1" in found["Dependencies"]
    assert found["Additional considerations"].startswith("Use the index.")
    assert "after lunch" in (checkout.root / f"{PLAN}.bak").read_text()


def test_considerations_reach_the_implementer_and_the_reviewers(checkout):
    assert checkout.run("spec", "plan", "orders").code == 0
    file = checkout.root / PLAN
    hint = sections(checkout)["Additional considerations"].partition("\n")[0]
    file.write_text(file.read_text().replace(hint, "Search by the index, never by a scan."))
    assert checkout.run("run", "2.1").code == 4
    for agent in ("implement", "review-performance"):
        told = " ".join(one.said for one in checkout.server.ledger if one.agent == agent)
        assert "Search by the index, never by a scan." in told


def test_what_was_edited_or_added_at_the_end_reaches_them_too(checkout):
    assert checkout.run("spec", "plan", "orders").code == 0
    file = checkout.root / PLAN
    text = file.read_text().replace("- 2.2 after 2.1", "- 2.2 after 2.1, as it prints the items")
    file.write_text(f"{text}\n## Additional Considerations\n\n- Limit calls to 7 a minute\n")
    assert checkout.run("run", "2.1").code == 4
    for agent in ("implement", "review-performance"):
        told = " ".join(one.said for one in checkout.server.ledger if one.agent == agent)
        assert "- Limit calls to 7 a minute" in told
        assert "as it prints the items" in told
        assert "reviewloop-plan" not in told
        assert "- size: small" not in told  # facts that the tool wrote
    # It is one section when the plan is brought up to date, and the rest is still ours.
    said = checkout.run("spec", "plan", "orders")
    assert "yours and kept: Dependencies, Additional considerations" in said.err
    assert sections(checkout)["Additional considerations"].startswith("- Limit calls")


def test_the_marks_of_an_own_tree_are_checked(checkout):
    assert checkout.run("spec", "plan", "orders").code == 0
    tasks = checkout.root / ".kiro/specs/orders/tasks.md"
    tasks.write_text(tasks.read_text().replace("[x]", "[ ]"))
    file = checkout.root / PLAN
    body = sections(checkout)["File Structure"]
    tree = (
        "```\nshop/\n├── store.py   # [NEW] again\n├── search.py  # [NEW]\n"
        "└── nowhere.py # [MODIFY]\n```"
    )
    file.write_text(file.read_text().replace(body, tree))
    said = checkout.run("spec", "plan", "orders")
    lines = file.read_text().split("\n")
    new, gone = (lines.index(one) + 1 for one in tree.split("\n")[2::2])
    assert said.code == 1
    assert f"{PLAN}:{new}: shop/store.py is marked [NEW], and it is there" in said.err
    assert f"{PLAN}:{gone}: shop/nowhere.py is marked [MODIFY], and there is no such" in said.err
    assert "search.py" not in said.err
    body = checkout.json("spec", "plan", "orders")
    assert len(body["wrong"]) == 2


def test_time_is_told_from_committed_runs(checkout, monkeypatch):
    from reviewloop.app.spec import plan
    from reviewloop.store.metrics import RunMetrics

    rows = [
        RunMetrics(f"r{n}", "task", "committed", 1.0, 1.0, committed_at=2.0, seconds=60.0 * n)
        for n in (1, 2, 3, 4)
    ]
    monkeypatch.setattr(plan, "figures_kept", lambda folder: rows)
    assert checkout.run("spec", "plan", "orders").code == 0
    assert (
        "- time: 2 to 8 minutes of machine time, by 4 committed runs"
        in (checkout.root / PLAN).read_text()
    )


ARTICLE_SPEC = """# User Authentication System

## Overview

Users register and log in.

## Functional Requirements

### FR-1: Registration

- Email is unique

### FR-2: Login

- A wrong password gives 401

## Non-Functional Requirements

- NFR-1: Login answers within 200 ms
"""
ARTICLE_PLAN = """# Implementation Plan: User Authentication

## Analysis

1. Medium

## File Structure

1. `src/auth/router.py` [NEW]

## Implementation Steps

### Phase 1: Database (Tasks 1-2)
1. Create database migration for users table
   - `migrations/001_users.sql`, for FR-1
2. Create ORM models

### Phase 2: API (Tasks 3-4)
3. Implement login (FR-2)
4. Write tests for NFR-1

## Dependencies Between Tasks
- Task 2 depends on Task 1 (migrations before models)
- Tasks 3-4 depend on Task 2

## Risk Mitigation

1. Redis

## Additional Considerations

- GDPR for mail addresses
"""


@pytest.mark.parametrize(
    "spec", ["specs/user-authentication.md", ".kiro/specs/user-authentication"]
)
def test_the_numbered_steps_of_a_plan_become_tasks(checkout, spec):
    is_file = spec.endswith(".md")
    checkout.write(spec if is_file else f"{spec}/requirements.md", ARTICLE_SPEC)
    checkout.write("plans/user-authentication-plan.md", ARTICLE_PLAN)
    body = checkout.json("spec", "plan", spec, "--adopt")
    path = spec if is_file else f"{spec}/tasks.md"
    plan = "plans/user-authentication-plan.md"
    assert (body["path"], body["plan"], body["tasks"]) == (path, plan, 4)
    listed = checkout.json("tasks", "--spec", spec)
    assert listed["problems"] == []
    tasks = {one["id"]: one for one in listed["tasks"]}
    assert [one["title"] for one in tasks.values()] == [
        "Create database migration for users table",
        "Create ORM models",
        "Implement login (FR-2)",
        "Write tests for NFR-1",
    ]
    assert [one["depends"] for one in tasks.values()] == [[], ["1"], ["2"], ["2"]]
    assert [one["requirements"] for one in tasks.values()] == [["FR-1"], [], ["FR-2"], ["NFR-1"]]
    assert checkout.run("run", "next", "--spec", spec, "--preflight").code == 0
    name = "specs/user-authentication" if is_file else spec
    own = f"{name}-implementation-plan.md" if is_file else f"{spec}/implementation-plan.md"
    kept = f"{own} keeps File Structure, Risk Mitigation, Additional considerations of the plan"
    assert kept in body["notices"][0]
    assert checkout.run("spec", "plan", spec).code == 0
    text = (checkout.root / own).read_text()
    for one in ("1. Redis", "- GDPR for mail addresses", "2. 2 Create ORM models"):
        assert one in text

    said = checkout.run("spec", "plan", spec, "--adopt")
    assert said.code == 2
    assert "has 4 tasks; a plan is adopted where there are none" in said.err


def test_a_spec_without_tasks_is_planned_by_a_model_then_adopted(checkout, tmp_path):
    spec = "specs/user-authentication.md"
    checkout.write(spec, ARTICLE_SPEC)
    said = checkout.run("spec", "plan", spec)
    assert said.code == 0
    assert "the spec has no tasks yet: `--regenerate -m TEXT`" in said.err
    plan = checkout.root / "specs/user-authentication-implementation-plan.md"
    head = "## Implementation Steps\n\n"
    steps = "1. Create users table\n   - FR-1\n2. Implement login (FR-2)"
    new = plan.read_text().replace(f"{head}none", f"{head}{steps}")
    turns = [
        {"tool_calls": [{"name": "write_document", "args": {"document": text}}]}
        for text in (plan.read_text(), new)
    ]
    model = written(tmp_path, [{"agent": "spec-tasks", "step": "plan", "turns": turns}])
    asked = ("spec", "plan", spec, "--regenerate", "-m", "plan it", "--yes")
    assert checkout.run(*asked, "--model", model).code == 0
    assert checkout.json("spec", "plan", spec, "--adopt")["tasks"] == 2
    tasks = checkout.json("tasks", "--spec", spec)["tasks"]
    assert [one["requirements"] for one in tasks] == [["FR-1"], ["FR-2"]]


def test_what_cannot_be_adopted_is_said(checkout):
    spec = ".kiro/specs/user-authentication"
    checkout.write(f"{spec}/requirements.md", ARTICLE_SPEC)
    for options, words in (
        (("--adopt",), "there is no plan to adopt: "),
        (("--adopt", "--from", "gone.md"), "there is no plan to adopt: gone.md"),
        (("--adopt", "--from", f"{spec}/requirements.md"), "has no numbered steps"),
        (("--adopt", "--regenerate"), "are three things; give one"),
        (("--from", "x.md"), "--from names the plan"),
    ):
        said = checkout.run("spec", "plan", spec, *options)
        assert said.code == 2
        assert words in said.err
    checkout.write("ring.md", "1. A\n2. B\n\n## Task dependencies\n\nTask 1 depends on task 2\n"
                   "\nTask 2 depends on task 1\n")  # fmt: skip
    said = checkout.run("spec", "plan", spec, "--adopt", "--from", "ring.md")
    assert said.code == 2
    assert not (checkout.root / spec / "tasks.md").exists()


SCOPED = """# Plan

- [ ] 1. Find the items of a customer
  - Scope: shop/search.py, tests/
  - Estimated: 20-30 minutes
- [ ] 2. Report
  - **Estimated time:** 1.5 hours
- [ ] 3. Say thanks
  - Scope: whatever is needed
"""


def test_scope_and_estimate_of_a_task_are_used(checkout):
    checkout.write(".kiro/specs/orders/tasks.md", SCOPED)
    tasks = checkout.json("tasks")["tasks"]
    assert [one["estimated"] for one in tasks] == ["20-30 minutes", "1.5 hours", ""]
    assert [one["scope"] for one in tasks] == [["shop/search.py", "tests/"], [], []]
    assert "estimated 20-30 minutes" in checkout.run("tasks").out
    assert checkout.run("spec", "plan", "orders").code == 0
    said = "- by its own estimates: 110 to 120 minutes for 2 of 3 open tasks"
    assert said in sections(checkout)["Analysis"]
    assert checkout.run("run", "1").code == 4
    assert checkout.record()["proposal"]["governance"] == []
    assert checkout.run("approve").code == 0
    assert checkout.run("spec", "plan", "orders").code == 0
    assert (
        "- 1 was estimated as 20-30 minutes and took 1 minute of" in sections(checkout)["Analysis"]
    )


@pytest.mark.slow
def test_a_change_outside_of_the_scope_needs_a_person(shop):
    files = {"shop/search.py": CLEAN, "shop/more.py": "X = 1\n", "docs/more.md": "More.\n"}
    checkout = shop(cast(implement=writes(files)), QUIET_GATES)
    checkout.write(".kiro/specs/orders/tasks.md", SCOPED)
    assert checkout.run("run", "1").code == 4
    reason = "shop/more.py: outside of the task's scope (shop/search.py, tests/)"
    assert checkout.record()["proposal"]["governance"] == [reason]


def says(name: str, step: str, **arguments) -> dict:
    call = {"name": name, "args": arguments}
    return {"agent": "spec-tasks", "step": step, "tool_calls": [call]}


RIGHT = {"path": PLAN, "quote": "- 2.2 after 2.1"}
IN_SPEC = {"path": ".kiro/specs/orders/tasks.md", "quote": "_Depends: 2.1_"}
WRONG = {"path": PLAN, "quote": "- 2.2 after lunch"}


def explain(checkout, tmp_path, *replies, question="why is 2.2 after 2.1"):
    model = ("--model", written(tmp_path, list(replies)))
    return checkout.run("spec", "plan", "orders", "--explain", question, *model, "--json")


def test_an_explanation_quotes_the_files_and_is_paid_once(checkout, tmp_path):
    assert checkout.run("spec", "plan", "orders").code == 0
    reply = says("answer", "explain", answer="It needs the items.", quotes=[RIGHT, IN_SPEC])
    said = explain(checkout, tmp_path, reply)
    body = json.loads(said.out)
    line = (checkout.root / PLAN).read_text().split("\n").index(RIGHT["quote"]) + 1
    assert body["answer"] == "It needs the items."
    assert body["quotes"][0] == {"path": PLAN, "line": line, "quote": RIGHT["quote"]}
    assert (body["quotes"][1]["path"], body["dropped"]) == (IN_SPEC["path"], 0)
    assert body["spent"]["calls"] == 1
    assert json.loads(explain(checkout, tmp_path).out)["spent"]["calls"] == 1  # from the journal
    assert checkout.git("status", "--porcelain") == f"?? {PLAN}"


@pytest.mark.slow
def test_a_quote_that_stands_nowhere_is_sent_back_then_left_out(checkout, tmp_path):
    turns = {"agent": "spec-tasks", "step": "explain", "turns": []}
    for quotes in ([WRONG], [WRONG, RIGHT]):
        call = {"name": "answer", "args": {"answer": "So.", "quotes": quotes}}
        turns["turns"].append({"tool_calls": [call]})
    body = json.loads(explain(checkout, tmp_path, turns).out)
    assert [one["quote"] for one in body["quotes"]] == [RIGHT["quote"]]
    assert body["dropped"] == 1

    call = {"name": "answer", "args": {"answer": "So.", "quotes": [WRONG]}}
    never = {"tool_calls": [call]}
    said = explain(checkout, tmp_path, {**turns, "turns": [never, never]}, question="and why?")
    assert said.code == 5, said.out
    assert said.out == ""


@pytest.mark.slow
def test_a_plan_is_revised_after_its_difference_was_seen(checkout, tmp_path):
    assert checkout.run("spec", "plan", "orders").code == 0
    before = (checkout.root / PLAN).read_text()
    new = before.replace(
        "## Risk Mitigation\n\n", "## Risk Mitigation\n\n- calls are not limited: 10 a second\n"
    )
    wrong = new.replace("search.py  # [NEW]", "store.py  # [NEW]")
    assert len({before, new, wrong}) == 3
    turns = [
        {"tool_calls": [{"name": "write_document", "args": {"document": text}}]}
        for text in (wrong, new)
    ]
    script = [{"agent": "spec-tasks", "step": "plan", "turns": turns}]
    asked = ("spec", "plan", "orders", "--regenerate", "-m", "consider rate limiting")
    model = ("--model", written(tmp_path, script))
    said = checkout.run(*asked, *model)
    assert said.code == 4, said.err
    assert "calls are not limited: 10 a second" in said.out
    assert "nothing is written; the same with --yes writes it" in said.err
    assert (checkout.root / PLAN).read_text() == before

    written(tmp_path, [])
    body = checkout.json(*asked, *model, "--yes")
    assert (body["changed"], body["written"]) == (["Risk Mitigation"], True)
    assert "10 a second" in sections(checkout)["Risk Mitigation"]
    # It stays like an edit of the person, and the task's agents see it when it is theirs.
    assert "kept: Risk Mitigation" in checkout.run("spec", "plan", "orders").err
    assert "10 a second" in sections(checkout)["Risk Mitigation"]


def test_what_cannot_be_asked_of_a_plan_is_one_sentence(checkout):
    for options, words in (
        (("-m", "x"), "-m says what --regenerate considers"),
        (("--explain", "why", "--adopt"), "are three things; give one"),
        (("--explain", "why", "--model", "none"), "this needs a model"),
        (("--explain", "  "), "the text is empty"),
    ):
        said = checkout.run("spec", "plan", "orders", *options)
        assert said.code == 2, said.out
        assert words in said.err
    assert checkout.server.ledger == []
