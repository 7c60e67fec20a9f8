"""`spec diff` and `spec history`: requirement by requirement, without ticks and layout."""

import pytest
from support.checkout import QUIET_GATES
from support.parts import cast, writes
from support.shop import CRITERIA

SPEC = ".kiro/specs/orders"
TASKS, REQUIREMENTS = f"{SPEC}/tasks.md", f"{SPEC}/requirements.md"


def edit(checkout, path: str, old: str, new: str, subject: str = "") -> None:
    file = checkout.root / path
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))
    if subject:
        checkout.git("commit", "-q", "-am", subject)


@pytest.fixture
def checkout(shop):
    return shop(cast(), QUIET_GATES, files=CRITERIA)


def test_what_changed_is_shown_by_requirement_and_word(checkout):
    edit(checkout, REQUIREMENTS, "in the order they came", "newest first", "turn them round")
    added = "newest first\n2. WHEN nobody is named, THE Shop SHALL return nothing"
    edit(checkout, REQUIREMENTS, "newest first", added, "and nobody")
    body = checkout.json("spec", "diff", "orders", "HEAD~2..HEAD")
    how = {one["what"]: one["how"] for one in body["changed"]}
    assert how == {"1.1": "changed", "1.2": "added"}
    words = next(one["words"] for one in body["changed"] if one["what"] == "1.1")
    assert "{+newest+}" in words
    asks = {(one["requirement"], one["task"]): one for one in body["asks"]}
    assert set(asks) == {("1.1", "1.1"), ("1.1", "2.1"), ("1.1", "2.2"), ("1.2", "")}
    assert asks["1.1", "1.1"]["done"]
    said = checkout.run("spec", "diff", "orders", "HEAD~2..HEAD", "--tasks").out
    assert "task 1.1 'Store orders' (do it again): 1.1 changed" in said
    assert "no task serves 1.2, which was added" in said


def test_a_task_that_came_with_the_change_is_all_that_it_asks_for(checkout):
    edit(checkout, REQUIREMENTS, "in the order they came", "newest first")
    text = checkout.read(TASKS).rstrip("\n")
    (checkout.root / TASKS).write_text(f"{text}\n- [ ] 9. Turn it round\n  - _Requirements: 1.1_\n")
    checkout.git("commit", "-q", "-am", "turn them round")
    [asked] = checkout.json("spec", "diff", "orders", "HEAD~1..HEAD")["asks"]
    assert (asked["task"], asked["done"]) == ("9", False)
    edit(checkout, TASKS, "- [ ] 9.", "- [x] 9.", "done")
    assert checkout.json("spec", "diff", "orders", "HEAD~2..HEAD")["asks"] == []


def test_ticks_and_layout_are_no_difference(checkout):
    edit(checkout, TASKS, "- [ ] 2.1", "- [x] 2.1")
    edit(checkout, REQUIREMENTS, "return that customer's", "return\n   that customer's")
    said = checkout.run("spec", "diff", "orders", "HEAD..disk", "--tasks")
    assert said.out == ""
    assert "no difference in what .kiro/specs/orders says" in said.err


def test_without_a_second_version_it_is_compared_with_the_disk(checkout):
    edit(checkout, TASKS, "2.2 Report", "2.2 Report by day")
    body = checkout.json("spec", "diff", "orders", "HEAD")
    assert body["new"] == "disk"
    assert [one["what"] for one in body["tasks"]] == ["task 2.2"]
    assert body["changed"] == []


def test_history_names_versions_hashes_and_approvers(checkout):
    assert checkout.run("spec", "approve", "orders").code == 0
    edit(checkout, TASKS, "- [ ] 2.1", "- [x] 2.1", "tick")
    edit(checkout, REQUIREMENTS, "in the order they came", "newest first", "turn them round")
    edit(checkout, REQUIREMENTS, "newest first", "oldest first")
    assert checkout.run("spec", "approve", "orders").code == 0
    versions = checkout.json("spec", "history", "orders")["versions"]
    assert versions[0]["name"] == "v2"
    assert [bool(one["approved_by"]) for one in versions] == [True, False, True]
    assert versions[1]["subject"] == "turn them round"
    assert len({one["digest"] for one in versions}) == 3
    body = checkout.json("spec", "diff", "orders", "v1..v2")
    assert [one["what"] for one in body["changed"]] == ["1.1"]
    assert "approved by" in checkout.run("spec", "history", "orders").out


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ("v9..disk", "there is no approval v9"),
        ("nope..HEAD", "nope"),
        ("..HEAD", "names no two versions"),
        ("HEAD..", "names no two versions"),
    ],
)
def test_versions_that_do_not_exist_are_said(checkout, versions, words):
    said = checkout.run("spec", "diff", "orders", versions)
    assert said.code in (2, 3)
    assert words in said.err
    assert checkout.run("spec", "history", "nope").code == 2


def test_a_run_that_parts_from_its_spec_needs_a_person_where_the_gate_is_on(shop):
    design = "# Design\n\n## Configuration\n\n- `ORDER_DATABASE`: the file of the database\n"
    store = 'import os\n\nFILE = os.environ.get("ORDER_DATABASE", "orders.db")\n'
    files = {f"{SPEC}/design.md": design, "shop/place.py": store}
    code = 'import os\n\nMOST = os.environ["ORDER_MOST"]\n'
    checkout = shop(cast(implement=writes({"shop/search.py": code})), QUIET_GATES, files=files)
    on = {"GATES__SPEC_SYNC__ENABLED": "true", "SPEC_SYNC__THRESHOLD": "0.3"}
    named = {f"REVIEWLOOP_{name}": value for name, value in on.items()}
    assert checkout.run("run", "next", **named).code == 4
    proposal = checkout.record()["proposal"]
    [gate] = [one for one in proposal["gates"] if one["name"] == "spec_sync"]
    assert gate["status"] == "needs_person"
    row = "setting ORDER_MOST: spec nowhere, code shop/search.py:3"
    assert any(one.startswith(row) for one in proposal["governance"])
    said = checkout.run("approve")
    assert said.code == 0, said.err
    assert f"50% of the names in {SPEC} part from the code; `reviewloop spec sync" in said.err


def test_a_spec_that_was_moved_keeps_its_history(checkout):
    edit(checkout, REQUIREMENTS, "in the order they came", "newest first", "turn them round")
    checkout.git("mv", SPEC, ".kiro/specs/sales")
    checkout.git("commit", "-q", "-m", "call it sales")
    versions = checkout.json("spec", "history", "sales")["versions"]
    assert versions[0]["subject"] == "turn them round"
    assert len(versions) == 2
    body = checkout.json("spec", "diff", "sales", f"{versions[1]['name']}..HEAD")
    assert [one["what"] for one in body["changed"]] == ["1.1"]


def test_punctuation_and_emphasis_are_no_version(checkout):
    before = len(checkout.json("spec", "history", "orders")["versions"])
    edit(
        checkout,
        REQUIREMENTS,
        "customer is named, THE Shop",
        "customer is named **the** Shop",
        "set",
    )
    edit(
        checkout,
        TASKS,
        "Find the items of a customer",
        "Find the `items` of a customer.",
        "set too",
    )
    assert len(checkout.json("spec", "history", "orders")["versions"]) == before
    body = checkout.json("spec", "diff", "orders", "HEAD~2..HEAD")
    assert body["changed"] == body["tasks"] == body["asks"] == []


def test_a_changed_part_of_the_design_asks_for_the_tasks_that_it_is_about(checkout):
    design = f"{SPEC}/design.md"
    edit(
        checkout,
        design,
        "Plain functions",
        "## Search\n\n`shop/search.py` holds it.\n\n## Rest\n\nPlain",
    )
    body = checkout.json("spec", "diff", "orders", "HEAD", "--tasks")
    asks = {(one["requirement"], one["task"]) for one in body["asks"]}
    assert ("design: Search", "2.1") in asks
    assert ("design: Rest", "") in asks
    said = checkout.run("spec", "diff", "orders", "HEAD", "--tasks").out
    assert "task 2.1 'Find the items of a customer' (open): design: Search added" in said
