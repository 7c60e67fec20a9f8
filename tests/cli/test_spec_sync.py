"""`spec sync` on a repository: names, tests and words, with both locations, and no false drift."""

import json
import subprocess

import pytest

REQUIREMENTS = """\
# Requirements

### Requirement 1: Orders

#### Acceptance Criteria

1. WHEN a customer places an order THEN the system SHALL answer 201 within 300 ms
2. IF the basket is empty THEN the system SHALL answer 422

### Requirement 2: Limits

#### Acceptance Criteria

1. WHEN a customer has 5 open orders THEN the system SHALL answer 409
"""
DESIGN = """\
# Design

## API

| Method | Path | Purpose |
|---|---|---|
| POST | `/orders` | place one |
| GET | `/orders/{id}` | read one |

## Components

- **OrderService**: checks and stores orders
- **OrderRepository**: reads and writes the `orders` table

## Configuration

- `ORDER_LIMIT`: open orders of one customer

## Commands

- `shop import-orders FILE`: reads orders of the old shop
"""
TASKS = """\
# Tasks

- [x] 1. Place orders
  - _Requirements: 1.1, 1.2_
- [x] 2. Limit open orders
  - _Requirements: 2.1_
"""
API = """\
from fastapi import APIRouter

from shop.service import OrderService

router = APIRouter(prefix="/orders")


@router.post("")
def place(order: dict) -> dict:
    return OrderService().place(order)


@router.get(
    "/{order_id}",
    response_model=dict,
)
def read(order_id: str) -> dict:
    return OrderService().read(order_id)
"""
SERVICE = """\
import os

LIMIT = int(os.environ.get("ORDER_LIMIT", "5"))


class OrderRepository:
    def save(self, order): ...


class OrderService:
    def place(self, order): ...
"""
COMMANDS = """\
import click


@click.group()
def main() -> None: ...


@main.command("import-orders")
def import_orders() -> None: ...
"""
FILES = {
    ".kiro/specs/orders/requirements.md": REQUIREMENTS,
    ".kiro/specs/orders/design.md": DESIGN,
    ".kiro/specs/orders/tasks.md": TASKS,
    "pyproject.toml": '[project]\nname = "shop"\n\n[project.scripts]\nshop = "shop.main:main"\n',
    "shop/api.py": API,
    "shop/service.py": SERVICE,
    "shop/main.py": COMMANDS,
    "migrations/001.sql": "CREATE TABLE orders (id TEXT PRIMARY KEY);\n",
    "tests/test_orders.py": '"""Requirements 1.1 and 1.2"""\n\n\ndef test_place(): ...\n',
    "tests/test_limit.py": "def test_requirement_2_1(): ...\n",
}


def git(folder, *words: str) -> None:
    subprocess.run(("git", *words), cwd=folder, check=True, capture_output=True)


@pytest.fixture
def shop(project):
    for path, text in FILES.items():
        (project / path).parent.mkdir(parents=True, exist_ok=True)
        (project / path).write_text(text)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "orders")
    return project


def change(folder, path: str, old: str, new: str) -> None:
    file = folder / path
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def drift(reviewloop, *words: str) -> list[tuple[str, str, str, str]]:
    said = reviewloop("spec", "sync", "--json", *words)
    assert said.code == 0
    body = json.loads(said.out)
    return [(one["kind"], one["name"], one["in_spec"], one["in_code"]) for one in body["drift"]]


def test_a_spec_in_step_ends_with_0(shop, reviewloop):
    said = reviewloop("spec", "sync", "--check")

    assert (said.code, said.out) == (0, "in step: 14 compared\n"), said


def test_what_the_code_lost_and_what_the_spec_lacks_have_both_places(shop, reviewloop):
    change(shop, "shop/api.py", '@router.post("")', '@router.put("")')
    change(shop, "shop/service.py", "class OrderRepository", "class Rows")
    change(shop, "shop/service.py", "ORDER_LIMIT", "BASKET_LIMIT")
    change(shop, "migrations/001.sql", "TABLE orders", "TABLE purchases")
    change(shop, "shop/main.py", '"import-orders"', '"load"')
    folder = ".kiro/specs/orders"

    assert sorted(drift(reviewloop)) == [
        ("command", "import-orders", f"{folder}/design.md:21", ""),
        ("command", "load", "", "shop/main.py:9"),
        ("component", "OrderRepository", f"{folder}/design.md:13", ""),
        ("endpoint", "POST /orders", f"{folder}/design.md:7", ""),
        ("endpoint", "PUT /orders", "", "shop/api.py:8"),
        ("setting", "BASKET_LIMIT", "", "shop/service.py:3"),
        ("setting", "ORDER_LIMIT", f"{folder}/design.md:17", ""),
        ("table", "orders", f"{folder}/design.md:13", ""),
        ("table", "purchases", "", "migrations/001.sql:1"),
    ]
    said = reviewloop("spec", "sync", "--check", "orders")
    assert said.code == 1
    assert "✗ POST /orders · spec .kiro/specs/orders/design.md:7 · code nowhere" in said.out


def test_a_criterion_whose_only_test_is_gone(shop, reviewloop):
    (shop / "tests/test_limit.py").unlink()
    place = ".kiro/specs/orders/requirements.md:14"
    assert drift(reviewloop) == [("criterion", "2.1", place, "")]
    git(shop, "commit", "-qam", "no limit")
    assert drift(reviewloop) == [("criterion", "2.1", place, "")]

    said = reviewloop("spec", "sync")
    assert "its only test was tests/test_limit.py:1 at" in said.out


def test_words_that_changed_after_the_tick_are_shown_as_they_were_and_are(shop, reviewloop):
    change(shop, ".kiro/specs/orders/requirements.md", "5 open orders", "9 open orders")
    change(shop, ".kiro/specs/orders/tasks.md", "Place orders", "Place and cancel orders")
    git(shop, "commit", "-qam", "more")

    body = json.loads(reviewloop("spec", "sync", "--json").out)

    rows = {one["name"]: one for one in body["drift"]}
    assert set(rows) == {"task 1", "task 2: requirement 2.1"}
    assert rows["task 1"]["before"] == "Place orders"
    assert rows["task 1"]["now"] == "Place and cancel orders"
    assert "5 open orders" in rows["task 2: requirement 2.1"]["before"]
    assert "9 open orders" in rows["task 2: requirement 2.1"]["now"]
    assert rows["task 2: requirement 2.1"]["in_spec"].endswith("requirements.md:14")
    assert rows["task 2: requirement 2.1"]["in_code"].endswith("tasks.md:5")


@pytest.mark.parametrize("task", ["3. Cap orders again", "3. Read the other orders, too"])
def test_words_are_in_step_again_once_a_task_that_came_with_them_is_ticked(shop, reviewloop, task):
    change(shop, ".kiro/specs/orders/requirements.md", "5 open orders", "9 open orders")
    tasks = f"{TASKS}- [ ] {task}\n  - _Requirements: 2.1_\n"
    (shop / ".kiro/specs/orders/tasks.md").write_text(tasks)
    git(shop, "commit", "-qam", "nine")
    assert [one[1] for one in drift(reviewloop)] == ["task 2: requirement 2.1"]

    (shop / ".kiro/specs/orders/tasks.md").write_text(tasks.replace("[ ]", "[x]"))
    git(shop, "commit", "-qam", "built")

    assert drift(reviewloop) == []


def test_a_task_that_was_planned_for_other_words_quiets_no_earlier_one(shop, reviewloop):
    """It only documents the limit: that the code still has the old one is a real drift."""
    tasks = f"{TASKS}- [ ] 3. Describe the limit\n  - _Requirements: 2.1_\n"
    (shop / ".kiro/specs/orders/tasks.md").write_text(tasks)
    git(shop, "commit", "-qam", "one more")
    change(shop, ".kiro/specs/orders/requirements.md", "5 open orders", "9 open orders")
    git(shop, "commit", "-qam", "nine")
    (shop / ".kiro/specs/orders/tasks.md").write_text(tasks.replace("[ ]", "[x]"))
    git(shop, "commit", "-qam", "described")

    assert [one[1] for one in drift(reviewloop)] == ["task 2: requirement 2.1"]


def test_words_that_came_back_are_not_those_that_the_last_task_built(shop, reviewloop):
    change(shop, ".kiro/specs/orders/requirements.md", "5 open orders", "9 open orders")
    tasks = f"{TASKS}- [x] 3. Allow nine\n  - _Requirements: 2.1_\n"
    (shop / ".kiro/specs/orders/tasks.md").write_text(tasks)
    git(shop, "commit", "-qam", "nine")
    change(shop, ".kiro/specs/orders/requirements.md", "9 open orders", "5 open orders")
    git(shop, "commit", "-qam", "five again")

    assert [one[1] for one in drift(reviewloop)] == ["task 3: requirement 2.1"]


def test_what_a_spec_that_was_built_adds_parts_until_its_task_is_done(shop, reviewloop):
    """Nothing that was ticked reads otherwise, and still the code has not what the spec says."""
    change(
        shop, ".kiro/specs/orders/design.md", "| GET |", "| DELETE | `/orders/{id}` | |\n| GET |"
    )
    (shop / ".kiro/specs/orders/tasks.md").write_text(f"{TASKS}- [ ] 3. Delete orders\n")
    git(shop, "commit", "-qam", "delete")

    said = reviewloop("spec", "sync", "--check")
    assert (said.code, said.out) == (1, "1 not built yet, 15 compared\n")
    assert json.loads(reviewloop("spec", "sync", "--json").out)["in_step"] is False
    assert "orders was built whole before: it parts from the code until its tasks are" in said.err
    assert reviewloop("spec", "sync", "--check", "--threshold", "0.1").code == 0


def test_names_of_open_tasks_wait_and_are_no_drift(shop, reviewloop):
    change(shop, ".kiro/specs/orders/tasks.md", "- [x] 2. Limit", "- [ ] 2. Limit")
    git(shop, "commit", "-q", "--amend", "-am", "the limit is not built yet")
    change(
        shop, ".kiro/specs/orders/design.md", "| GET |", "| DELETE | `/orders/{id}` | |\n| GET |"
    )

    said = reviewloop("spec", "sync", "--check")

    assert said.code == 0
    assert "not built yet, tasks are open: DELETE /orders/{}" in said.err


def test_a_route_that_is_computed_is_named_as_not_compared(shop, reviewloop):
    change(shop, "shop/api.py", '"/{order_id}"', "where()")

    said = reviewloop("spec", "sync")

    assert "✗ GET /orders/{}" in said.out
    assert "not compared: endpoint, the path of the route is computed: shop/api.py:13" in said.err


@pytest.mark.parametrize(
    ("path", "text", "framework"),
    [
        ("api/main.js", "const app = require('fastify')();\napp.get('/pets', h);\n", "Fastify"),
        ("api/Pets.java", '@GetMapping("/pets")\nclass Pets {}\n', "Spring"),
        ("config/routes.rb", "Rails.application.routes.draw do\nend\n", "Rails"),
    ],
)
def test_routes_of_other_frameworks_are_not_compared_and_never_in_step(
    shop, reviewloop, path, text, framework
):
    (shop / path).parent.mkdir()
    (shop / path).write_text(text)

    said = reviewloop("spec", "sync", "--check")

    assert said.code == 0
    assert f"not compared: endpoint, routes of {framework}" in said.err
    assert f"are not read: {path}" in said.err


def test_words_that_are_no_command_of_the_program_are_no_drift(shop, reviewloop):
    """As public specs have them: drafts, rejected ideas, commands of a chat."""
    change(
        shop, ".kiro/specs/orders/design.md", "## Commands\n",
        "## Commands\n\nThe first draft proposed a `shop sync-orders` command. Considered and "
        "rejected: `shop regen`. For workflow command `propose` a file is written.\n",
    )  # fmt: skip

    assert drift(reviewloop) == []


@pytest.mark.slow
def test_endpoints_below_a_path_that_the_spec_leaves_out_are_not_compared(shop, reviewloop):
    change(shop, "shop/api.py", 'prefix="/orders"', 'prefix="/api/v1/orders"')
    assert drift(reviewloop) == []
    said = reviewloop("spec", "sync").err
    assert "not compared: endpoint, in code below a path that is left out: " in said
    assert "design.md:7 (POST /orders, POST /api/v1/orders at shop/api.py:8)" in said

    change(shop, "shop/api.py", 'prefix="/api/v1/orders"', 'prefix="/admin/orders"')
    assert len(drift(reviewloop)) == 4  # moved, and only two of them

    change(shop, "shop/api.py", 'prefix="/admin/orders"', 'prefix="/api/v1/orders"')
    design = ".kiro/specs/orders/design.md"
    change(shop, design, "| POST |", "| PUT | `/api/v1/orders/{id}` | |\n| POST |")
    assert {one[1] for one in drift(reviewloop)} >= {"POST /orders", "GET /orders/{}"}


@pytest.mark.parametrize(
    "path",
    [
        "web/app/(shop)/carts/[id]/route.ts", "src/routes/carts/[id]/+server.ts",
        "pages/carts/[id].tsx", "server/routes/carts/[id].get.ts",
    ],
)  # fmt: skip
def test_a_route_that_is_a_folder_is_in_code_and_not_compared(shop, reviewloop, path):
    design = ".kiro/specs/orders/design.md"
    change(shop, design, "| POST |", "| GET | `/carts/{id}` | |\n| POST |")
    (shop / path).parent.mkdir(parents=True)
    (shop / path).write_text("export function GET() {}\n")

    said = reviewloop("spec", "sync", "--check")

    assert said.code == 0, said.out
    assert f"design.md:7 (GET /carts/{{}}, {path}:1)" in said.err


def test_shapes_of_data_beside_a_component_need_no_spec(shop, reviewloop):
    design = ".kiro/specs/orders/design.md"
    change(shop, design, "- **OrderService**", "- **OrderProps**: its data\n- **OrderService**")
    shapes = "\n\nclass OrderProps: ...\n\n\nclass RowProps: ...\n"
    (shop / "shop/service.py").write_text(SERVICE + shapes)
    assert drift(reviewloop) == []

    (shop / "shop/service.py").write_text(f"{SERVICE}{shapes}\n\nclass StockService: ...\n")
    assert [one[1] for one in drift(reviewloop)] == ["StockService"]


def test_many_are_grouped_and_the_rest_is_counted(shop, reviewloop):
    more = "".join(f'\n\n@router.get("/by/{n}")\ndef by_{n}(): ...\n' for n in range(2))
    (shop / "shop/api.py").write_text(API + more)
    rows = "".join(f"| PUT | `/orders/x{n}` | |\n" for n in range(9))
    change(shop, ".kiro/specs/orders/design.md", "| POST |", f"{rows}| POST |")

    said = reviewloop("spec", "sync")

    assert said.code == 0
    assert said.out.count("✗") == 5
    assert "    and 6 more" in said.out
    assert reviewloop("spec", "sync", "-v").out.count("✗") == 11


def test_a_name_that_means_no_spec_ends_with_2(shop, reviewloop):
    said = reviewloop("spec", "sync", "invoices")

    assert said.code == 2
    assert "invoices" in said.err


def test_an_approval_keeps_the_revision_of_each_task(shop, reviewloop):
    first = subprocess.run(
        ("git", "rev-parse", "HEAD"), cwd=shop, capture_output=True, text=True, check=True
    ).stdout.strip()
    approved = json.loads(reviewloop("spec", "approve", "orders", "--json").out)
    assert (approved["revision"], approved["tasks"]) == (first, {"1": first, "2": first})
    change(shop, ".kiro/specs/orders/tasks.md", "Limit open", "Cap open")
    git(shop, "commit", "-qam", "other words")

    approved = json.loads(reviewloop("spec", "approve", "orders", "--json").out)

    assert approved["tasks"]["1"] == first
    assert approved["tasks"]["2"] == approved["revision"] != first


def test_words_of_a_spec_that_is_not_committed_are_those_of_its_approval(shop, reviewloop):
    git(shop, "rm", "-rq", "--cached", ".kiro")
    (shop / ".gitignore").write_text(".kiro/\n")
    git(shop, "checkout", "-q", "--orphan", "alone")
    git(shop, "add", "-A")
    git(shop, "commit", "-qm", "the spec is ours alone")
    assert reviewloop("spec", "approve", "orders").code == 0
    change(shop, ".kiro/specs/orders/requirements.md", "5 open orders", "9 open orders")

    [row] = json.loads(reviewloop("spec", "sync", "--json").out)["drift"]

    assert (row["kind"], row["name"]) == ("task", "task 2: requirement 2.1")
    assert row["note"].startswith("approved by ")


def test_a_test_that_was_there_at_a_recorded_approval_is_missed(shop, reviewloop):
    assert reviewloop("spec", "approve", "orders").code == 0
    (shop / "tests/test_limit.py").unlink()
    design = shop / ".kiro/specs/orders/design.md"
    for number in range(9):
        design.write_text(DESIGN + f"\nEdition {number}.\n")
        git(shop, "commit", "-qam", f"edition {number}")

    assert [one[:2] for one in drift(reviewloop)] == [("criterion", "2.1")]


def test_words_at_the_tick_are_found_where_the_spec_was_moved_since(shop, reviewloop):
    git(shop, "mv", ".kiro/specs/orders", ".kiro/specs/sales")
    git(shop, "commit", "-qm", "call it sales")
    change(shop, ".kiro/specs/sales/requirements.md", "5 open orders", "9 open orders")
    git(shop, "commit", "-qam", "more")

    assert [one[:2] for one in drift(reviewloop)] == [("task", "task 2: requirement 2.1")]


def test_what_code_has_and_no_spec_lists_is_counted_and_shown_where_asked_for(shop, reviewloop):
    other = "".join(f'\n\n@router.get("/{n}/all")\ndef all_{n}(): ...\n' for n in range(9))
    (shop / "shop/old.py").write_text(API.partition("@router")[0] + other)
    change(
        shop, ".kiro/specs/orders/design.md", "- `ORDER_LIMIT`: open orders of one customer\n", ""
    )

    said = reviewloop("spec", "sync", "--check")

    assert (said.code, said.out) == (0, "in step: 13 compared\n")
    assert said.err == "not compared: 10 more in code, of what no spec lists (-v shows them)\n"
    shown = reviewloop("spec", "sync", "-v").err
    assert "not compared: setting, in code, of what no spec lists: shop/service.py:3" in shown
