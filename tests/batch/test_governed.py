"""Autopilot stops at each kind of change, and at each row of the table of article 002."""

import pytest
from support.many import SPEC, TASKS
from support.parts import cast, writes

LONG = "".join(f"A{number} = {number}\n" for number in range(501))
BRANCHES = "".join(f"    if x == {number}:\n        return {number}\n" for number in range(8))
BEFORE = {
    "shop/branchy.py": "def f(x):\n    return x\n\n\ndef g(x):\n    return x if x else 1\n",
    "shop/__init__.py": '__all__ = ["old"]\n\nold = 1\n',
    "ci/pipeline.yaml": "on: push\njobs:\n  test:\n    runs-on: x\n    steps:\n      - run: make\n",
    "pyproject.toml": '[project]\nname = "shop"\nversion = "1"\ndependencies = ["a>=1"]\n',
}
STOPS = {
    # Patterns of files.
    "**/migrations/**": ({"db/migrations/0001.py": "A = 1\n"}, "matches **/migrations/**"),
    "**/migration/**": ({"db/migration/0001.py": "A = 1\n"}, "matches **/migration/**"),
    "**/schema/**": ({"db/schema/users.py": "A = 1\n"}, "matches **/schema/**"),
    "**/*production*": ({"shop/production_only.py": "A = 1\n"}, "matches **/*production*"),
    "**/Dockerfile": ({"images/web/Dockerfile": "FROM a\n"}, "matches **/Dockerfile*"),
    "**/.github/workflows/**": ({"sub/.github/workflows/a.py": "A = 1\n"}, "workflows"),
    # Thresholds.
    "files_changed": ({f"shop/a{n}.py": "A = 1\n" for n in range(11)}, "files changed (limit 10)"),
    "lines_added": ({"shop/long.py": LONG}, "lines changed (limit 500)"),
    "complexity_increase": (
        {"shop/branchy.py": f"{BEFORE['shop/branchy.py']}\n\ndef h(x):\n{BRANCHES}"},
        "complexity of the changed files grew by",
    ),
    # Kinds by content.
    "database_schema": (
        {"shop/users.py": 'SQL = "CREATE TABLE users (id int)"\n'},
        "database_schema (shop/users.py:1: CREATE TABLE u",
    ),
    "security_config": (
        {"shop/client.py": "def get(requests, url):\n    return requests.get(url, verify=False)\n"},
        "security_config (shop/client.py:2: verify=False",
    ),
    "ci_pipeline": (
        {"ci/pipeline.yaml": f"{BEFORE['ci/pipeline.yaml']}      - run: ship\n"},
        "ci_pipeline (ci/pipeline.yaml:7: - run: ship",
    ),
    "environment_variables": (
        {"shop/config.py": 'import os\n\nURL = os.environ["URL"]\n'},
        "environment_variables (shop/config.py:3: new URL",
    ),
    "dependencies": (
        {"pyproject.toml": BEFORE["pyproject.toml"].replace("a>=1", "a>=2")},
        "dependencies (pyproject.toml:4: a a>=1 -> a>=2",
    ),
    "public_interface": (
        {"shop/__init__.py": "__all__ = []\n\nold = 1\n"},
        "public_interface (shop/__init__.py:1: old is gone",
    ),
}


def naming(files):
    """Return the spec whose first task names these files, so that agents may write all of them."""
    return TASKS.replace("First number", f"First number in {', '.join(files)}")


def driven(shop, files):
    """Return how a batch in autopilot ended whose implementer writes these files."""
    checkout = shop(cast(implement=writes(files)), **BEFORE, **{SPEC: naming(files)})
    head = checkout.git("rev-parse", "HEAD")
    said = checkout.run("batch", "--tasks", "1", "--mode", "autopilot")
    [row] = checkout.json("status")["batch"]["tasks"]
    return said.code, row["why"], checkout.git("rev-parse", "HEAD") != head


@pytest.mark.slow_but(every=12)
@pytest.mark.parametrize("row", STOPS)
def test_autopilot_stops_and_says_why(shop, row):
    files, reason = STOPS[row]
    code, why, is_committed = driven(shop, files)
    assert (code, is_committed) == (4, False), why
    assert reason in why


def test_autopilot_commits_what_nothing_asks_a_person_about(shop):
    assert driven(shop, {"shop/quiet.py": "A = 1\n"})[::2] == (0, True)


def test_its_end_proposes_to_bring_the_spec_in_step(shop):
    """The code has a route that the design, which lists its like, does not name."""
    routes = "".join(
        f"\n\n@app.get('/{name}')\ndef {name}():\n    return []\n" for name in ("orders", "items")
    )
    files = {"shop/web.py": f"from fastapi import FastAPI\n\napp = FastAPI()\n{routes}"}
    folder = SPEC.rpartition("/")[0]
    design = {f"{folder}/design.md": "# Design\n\n## API\n\n- `GET /orders`: all orders\n"}
    checkout = shop(cast(implement=writes(files)), **BEFORE, **{SPEC: naming(files)}, **design)

    asked = ("batch", "--tasks", "1", "--mode", "autopilot")
    said = checkout.run(*asked, REVIEWLOOP_SPEC_SYNC__THRESHOLD="0.3")

    assert said.code == 0, said.err
    assert f"50% of the names in {folder} part from the code; `reviewloop spec sync" in said.err
