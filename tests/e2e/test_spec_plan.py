"""`spec plan`: what is built where, in which order; hand edits stay and reach the agents."""

import pytest
from support.checkout import QUIET_GATES
from support.parts import cast

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
    assert [*found][:6] == ["Analysis", "Files", "Phases", "Dependencies", "Risks", "Decisions"]
    assert "- size: small: 2 of 3 tasks are open" in found["Analysis"]
    assert "- time: unknown: 0 runs were committed here" in found["Analysis"]
    assert "| `shop/search.py` | [NEW] | 2.1 |" in found["Files"]
    assert "| `shop/store.py` | [MODIFY] | 2.1 |" in found["Files"]
    assert "- done: 1.1" in found["Phases"]
    assert "2.1 Find the items of a customer" in found["Phases"]
    assert "- 2.2 after 2.1" in found["Dependencies"]
    assert "- 2.2 touches `migrations/0002_report.sql`" in found["Risks"]


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
    assert "3 More" in found["Phases"]
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
