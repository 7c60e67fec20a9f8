"""`spec publish`: a spec as a draft pull request, and a review there that approves it."""

import pytest
from support.checkout import QUIET_GATES
from support.github_state import Review
from support.hub import Hub
from support.parts import cast
from support.shop import CRITERIA, REQUIREMENTS
from support.untouched import changes

ON = {**QUIET_GATES, "REVIEWLOOP_SPEC__REQUIRE_APPROVAL": "true"}
BRANCH = "reviewloop/spec-orders"
SPEC = ".kiro/specs/orders"


@pytest.fixture
def hub(shop, tmp_path):
    with Hub(shop(cast(), ON, files=CRITERIA), tmp_path) as hub:
        edit(hub, "in the order they came", "newest first")
        yield hub


def edit(hub, old: str, new: str) -> None:
    file = hub.checkout.root / REQUIREMENTS
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def reviewed(hub, author: str, state: str = "APPROVED", commit: str = "") -> None:
    ids = hub.github.state
    ident = ids.next_id()
    at = commit or hub.git("rev-parse", BRANCH)
    made = Review(ident, hub.pull.number, author, "", state, at, ids.moment(ident))
    ids.reviews.append(made)


@pytest.mark.slow
def test_a_draft_holds_the_spec_its_criteria_and_who_should_look(hub):
    checkout = hub.checkout
    before = checkout.bytes()
    body = checkout.json("spec", "publish", "orders", "--request-reviewers")
    assert (body["created"], body["pushed"], body["draft"]) == (True, True, True)
    assert body["approved_by"] == []
    assert changes(before, checkout.bytes()) == set()
    files = hub.git("diff", "--name-only", "main", BRANCH).splitlines()
    assert files == [REQUIREMENTS]
    assert "newest first" in hub.git("show", f"{BRANCH}:{REQUIREMENTS}")
    pull = hub.pull
    assert (pull.title, pull.base_ref, pull.head_ref) == ("Spec: orders", "main", BRANCH)
    assert "**Nobody has approved this spec yet.**" in pull.body
    assert "- [ ] `1.1` WHEN a customer is named, THE Shop SHALL return" in pull.body
    assert "| `shop/search.py` | [NEW] | `2.1` |" in pull.body
    assert "`ada`, `octo/shop`, by the files that are planned." in pull.body
    assert pull.reviewers == ["ada", "shop"]

    again = checkout.json("spec", "publish", "orders")
    assert (again["created"], again["pushed"], again["commit"]) == (False, False, body["commit"])
    edit(hub, "newest first", "by name")
    newer = checkout.json("spec", "publish", "orders")
    assert (newer["created"], newer["pushed"], newer["pull"]) == (False, True, body["pull"])
    assert hub.git("rev-parse", f"{BRANCH}~1") == body["commit"]


def test_criteria_without_ids_are_a_checklist_too(hub):
    text = (
        "# Orders\n\n## Acceptance Criteria\n\n- [ ] Items come newest first\n- Nothing is lost\n"
    )
    (hub.checkout.root / REQUIREMENTS).write_text(f"{text}\n## Out of Scope\n\n- Prices\n")
    assert hub.checkout.run("spec", "publish", "orders").code == 0
    listed = "### Acceptance criteria\n\n- [ ] Items come newest first\n- [ ] Nothing is lost\n\n"
    assert listed in hub.pull.body


@pytest.mark.slow
def test_an_approving_review_counts_for_require_approval(hub):
    checkout = hub.checkout
    assert checkout.run("spec", "publish", "orders").code == 0
    said = checkout.run("run", "2.1", "--preflight")
    assert said.code == 3
    assert "`reviewloop spec publish orders` reads who approved pull request" in said.err

    reviewed(hub, "linus")  # who may only read
    assert checkout.json("spec", "publish", "orders")["approved_by"] == []
    assert checkout.run("run", "2.1", "--preflight").code == 3
    reviewed(hub, "ada")
    said = checkout.run("spec", "publish", "orders")
    assert f"ada approved {SPEC} as it was published" in said.out
    assert checkout.run("run", "2.1", "--preflight").code == 0
    assert checkout.json("spec", "publish", "orders")["approved_by"] == ["ada"]
    (one,) = checkout.json("spec", "history", "orders")["versions"][0]["approved_by"]
    assert one == "ada"

    # What she has not seen is not approved.
    edit(hub, "newest first", "by name")
    said = checkout.run("run", "2.1", "--preflight")
    assert said.code == 3
    assert "changed since ada approved it" in " ".join(said.err.split())
    told = checkout.json("spec", "publish", "orders")
    assert told["approved_by"] == []
    assert "ada approved an earlier commit" in told["notes"][-1]
    assert checkout.run("run", "2.1", "--preflight").code == 3


@pytest.mark.slow
def test_who_asks_for_changes_holds_it_up(hub):
    checkout = hub.checkout
    hub.github.state.roles["grace"] = "admin"
    assert checkout.run("spec", "publish", "orders").code == 0
    reviewed(hub, "ada")
    reviewed(hub, "grace", "CHANGES_REQUESTED")
    told = checkout.json("spec", "publish", "orders")
    assert told["approved_by"] == []
    assert told["notes"] == ["grace asked for changes, so nobody's approval counts"]
    reviewed(hub, "grace")
    assert checkout.json("spec", "publish", "orders")["approved_by"] == ["ada", "grace"]


def test_nothing_is_pushed_that_is_there_or_holds_a_secret(hub):
    checkout = hub.checkout
    edit(hub, "newest first", "in the order they came")
    said = checkout.run("spec", "publish", "orders")
    assert said.code == 2
    assert f"main of octo/demo holds {SPEC} as it is here" in said.err
    edit(hub, "in the order they came", "with ghp_" + "x8Kd93mZpQ4rT7vW2yB5nC6hJ1gL0sAfEuIo")
    said = checkout.run("spec", "publish", "orders")
    assert said.code == 3
    assert f"{REQUIREMENTS} holds a secret; nothing was pushed" in said.err
    assert checkout.run("spec", "publish", "nowhere").code == 2
    assert BRANCH not in hub.git("branch", "--list")
    assert hub.github.state.pulls == {}
