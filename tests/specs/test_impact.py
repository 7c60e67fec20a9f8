"""The impact of a change: by names and imports, each file with its kind, in several languages."""

import pytest

from reviewloop.domain.impact import Impact
from reviewloop.specs.discover import open_spec
from reviewloop.specs.files import MemoryFiles
from reviewloop.specs.impact import (
    find_impact,
    kind_of,
    names_of,
    reasons_to_ask,
    replacement_in,
    subjects,
    with_tasks,
)

SPEC = ".kiro/specs/shop"
REQUIREMENTS = """\
### Requirement 1: Orders

#### Acceptance Criteria

1. WHEN an order is paid THEN the system SHALL keep its price
"""
TASKS = """\
- [ ] 1. Keep the currency
  - shop/order.py, shop/currency.py and tests/test_order.py
  - _Requirements: 1.1_
"""
CODE = {
    f"{SPEC}/requirements.md": REQUIREMENTS,
    f"{SPEC}/tasks.md": TASKS,
    "shop/__init__.py": "",
    "shop/order.py": "class Order:\n    unit_price = 0\n",
    "shop/api.py": (
        "from shop.order import Order\n\n@app.get('/orders')\ndef listed():\n    return [Order]\n"
    ),
    "shop/page.py": "from shop import order\n",
    "shop/other.py": "x = 1\n",
    "go.mod": "module shop\n",
    "prices.bin": "\0price",
    "node_modules/a/price.js": "price\n",
    "tests/test_order.py": "def test_price(): ...\n",
    "db/001_orders.sql": "CREATE TABLE orders (price int);\n",
}


def files(**more: str) -> MemoryFiles:
    return MemoryFiles({path: text.encode() for path, text in {**CODE, **more}.items()})


def test_names_fold_plurals_and_formulas_and_leave_plain_words_out():
    assert [*names_of("Add support for CO₂ readings, please")] == ["co2", "reading"]
    assert [*names_of("const co2Level = readings")] == ["const", "co2", "level", "reading"]


def test_only_what_the_spec_speaks_about_is_a_subject():
    spec = open_spec(files(), SPEC)
    assert subjects("Show the price of a basket", spec) == ("price",)
    assert subjects("Show the weather", spec) == ()


def test_files_that_mention_import_or_are_created_are_listed_with_their_reason():
    spec = open_spec(files(), SPEC)
    found = find_impact(files(), ("price",), spec)
    assert [one.path for one in found.files] == [
        "db/001_orders.sql", "shop/order.py", "tests/test_order.py",
    ]  # fmt: skip
    assert found.left_out == 1
    reached = with_tasks(found, files(), spec, ("1",), {"shop/api.py": "shows whole orders"})
    rows = {one.path: (one.kind, one.task, one.stays, one.reason) for one in reached.files}
    assert rows == {
        "db/001_orders.sql": ("schema", "", "", "mentions price"),
        "shop/api.py": ("code", "", "shows whole orders", "imports shop/order.py"),
        "shop/currency.py": ("code", "1", "", "is new"),
        "shop/order.py": ("code", "1", "", "mentions price"),
        "shop/page.py": ("code", "", "", "imports shop/order.py"),
        "tests/test_order.py": ("test", "1", "", "mentions price"),
    }
    assert [one.path for one in reached.files if one.is_open] == [
        "db/001_orders.sql", "shop/page.py",
    ]  # fmt: skip
    assert Impact.from_plain(reached.plain()) == reached


@pytest.mark.parametrize(
    ("path", "text", "kind"),
    [
        ("src/a.ts", "", "code"),
        ("src/a.test.ts", "", "test"),
        ("src/schemas/a.json", "", "schema"),
        ("openapi.yaml", "", "schema"),
        ("db/a.prisma", "", "schema"),
        ("docs/a.mmd", "", "diagram"),
        ("docs/a.md", "```mermaid\ngraph LR\n```\n", "diagram"),
        ("README.md", "```mermaid\nxychart-beta\n```\n", "document"),
        ("README.md", "", "document"),
        ("config/a.yaml", "", "settings"),
        ("Dockerfile", "", "settings"),
        ("Makefile", "", "settings"),
        (".gitignore", "", "settings"),
    ],
)
def test_kinds(path, text, kind):
    assert kind_of(path, text) == kind


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("Replace MongoDB with PostgreSQL.", ("MongoDB", "PostgreSQL")),
        ("Please replace the Express server by Fastify", ("Express server", "Fastify")),
        ("Migrate the backend from JavaScript to TypeScript", ("JavaScript", "TypeScript")),
        ("Use Redis instead of Memcached for sessions", ("Memcached", "Redis")),
        ("Switch to Kafka", ("", "Kafka")),
        ("Take another database", ("database", "")),
        ("Add pagination", None),
        ("Show where orders move to", None),
    ],
)
def test_a_technology_that_is_replaced_asks_a_person_first(sentence, found):
    assert replacement_in(sentence) == found
    assert bool(reasons_to_ask(sentence, Impact((), ()), 10)) == (found is not None)


def test_endpoints_are_those_that_the_code_offers_and_documents_describe():
    more = {
        "shop/prices.py": (
            "from fastapi import APIRouter\n\nrouter = APIRouter(prefix='/prices')\n\n"
            "@router.get('/today')\ndef today(): ...\n"
        ),
        "web/prices.js": (
            "const express = require('express')\nconst app = express()\n"
            "app.post('/prices', price)\napp.get('/weather', other)\n"
        ),
        "docs/api.md": "- `GET /prices/today` and `GET /weather`\n",
    }
    found = find_impact(files(**more), ("price",), open_spec(files(), SPEC))
    assert {one.path: one.endpoints for one in found.files if one.endpoints} == {
        "docs/api.md": ("GET /prices/today",),
        "shop/prices.py": ("GET /prices/today",),
        "web/prices.js": ("POST /prices",),
    }


def test_files_that_mention_only_what_is_all_over_the_project_are_counted():
    many = {f"shop/part{number}.py": "price = 1\n" for number in range(41)}
    found = find_impact(files(**many), ("price", "unit"), open_spec(files(), SPEC))
    assert [one.path for one in found.files] == ["shop/order.py"]
    assert (found.common, found.common_files) == (("price",), 43)
    assert Impact.from_plain(found.plain()) == found
    assert reasons_to_ask("Round the price of a unit", found, 1) == ()
    assert reasons_to_ask("Round the price of a unit", found, 0) == (
        "1 file is about it (governance.files is 0)",
    )
    alone = find_impact(files(**many), ("price",), open_spec(files(), SPEC))
    assert (len(alone.files), alone.common_files) == (44, 0)
    assert reasons_to_ask("Round a price", alone, 42) == (
        "43 files are about it (governance.files is 42)",
    )


def test_in_a_repository_of_several_projects_only_one_is_looked_into():
    more = {"api/price.py": "price = 1\n", "web/price.js": "const price = 1\n"}
    found = find_impact(files(**more), ("price",), open_spec(files(), SPEC), under="web")
    assert [one.path for one in found.files] == ["web/price.js"]


def test_a_reason_shows_words_as_the_file_writes_them_and_no_stems():
    texts = {
        "src/db.js": "import pg from 'postgres'\n",
        "docs/run.md": "Needs PostgreSQL 16.\n",
        "docs/units.md": "Currencies: a currency is `EUR`.\n",
        "src/money.js": "export const latestCurrencies = []\n",
    }
    spec = open_spec(files(), SPEC)
    names = tuple(names_of("Replace PostgreSQL by MongoDB; list currencies"))
    found = find_impact(files(**texts), names, spec)

    assert {one.path: one.reason for one in found.files if one.path in texts} == {
        "src/db.js": "mentions postgres",
        "docs/run.md": "mentions PostgreSQL",
        "docs/units.md": "mentions currency",
        "src/money.js": "mentions latestCurrencies",
    }
    assert Impact.from_plain(found.plain()) == found
