"""Autopilot stops at each row of the checklist of governance, and at each kind of change."""

import re

import pytest
from support.bedrock import Answer, Received
from support.many import SPEC
from support.parts import cast, writes

pytestmark = pytest.mark.with_tests

CORE = 'def f(a):\n    """F."""\n    if a:\n        return 1\n    return 2\n'
GROWN = (
    "\n\ndef g(a, b):\n    while a and b:\n        for x in a:\n            if x:\n"
    "                b = b or x\n    return b\n"
)
WORKFLOW = "on: push\njobs:\n  t:\n    runs-on: x\n    steps:\n      - run: make\n"
MANIFEST = '{\n  "name": "x",\n  "dependencies": {}\n}\n'
BASE = {
    "shop/core.py": CORE,
    "shop/api.py": '__all__ = ["keep", "gone"]\n',
    "ci/pipeline.yaml": WORKFLOW,
    "package.json": MANIFEST,
}
PATTERNS = {
    "db/migration/V1__x.txt": "**/migration/**",
    "infra/production_stack.txt": "**/*production*",
    "schema/users.txt": "**/schema/**",
    "shop/migrations/n1.txt": "**/migrations/**",
    "sub/.github/workflows/x.yml": "**/.github/workflows/**",
    "sub/Dockerfile": "**/Dockerfile*",
}
CASES = [
    ({"shop/plain.py": "X = 1\n"}, None),
    # files_changed, lines_added, complexity_increase
    ({f"data/{n}.txt": "x\n" for n in range(11)}, "11 files changed (limit 10)"),
    ({"data/long.txt": "x\n" * 501}, "501 lines changed (limit 500)"),
    (
        {"shop/core.py": CORE + GROWN},
        "complexity of the changed files grew by 300 % (2 to 8, limit 20 %)",
    ),
    # file_patterns
    (
        dict.fromkeys(PATTERNS, "x\n") | {"sub/.github/workflows/x.yml": WORKFLOW},
        "; ".join(f"{path} matches {pattern}" for path, pattern in PATTERNS.items())
        + "; ci_pipeline (sub/.github/workflows/x.yml:1: on: push)",
    ),
    # change_types
    (
        {
            "shop/queries.py": 'SQL = "ALTER TABLE users ADD age int"\n',
            "shop/server.py": "HOSTS = 1\nALLOWED_HOSTS = ['*']\n",
            "ci/pipeline.yaml": f"{WORKFLOW}      - run: ship\n",
            "shop/config.py": 'import os\n\nURL = os.environ["API_URL"]\n',
            "package.json": MANIFEST.replace("{}", '{"left-pad": "1.0.0"}'),
            "shop/__init__.py": "",
        },
        "database_schema (shop/queries.py:1: ALTER TABLE u); "
        "security_config (shop/server.py:2: ALLOWED_HOSTS =); "
        "ci_pipeline (ci/pipeline.yaml:7: - run: ship); "
        "environment_variables (shop/config.py:3: new API_URL); "
        "dependencies (package.json:3: adds left-pad); "
        "public_interface (shop/__init__.py:1: gone is gone)",
    ),
]


def play(received: Received) -> Answer:
    """Write the files of the task that is asked for."""
    found = re.search(r"Row (\d+)\b", received.said)
    assert found, received.said
    return writes(CASES[int(found[1])][0], f"Add row {found[1]}")(received)


@pytest.mark.slow
def test_autopilot_stops_at_each_row_and_says_which(shop):
    tasks = "".join(
        f"- [ ] {number + 1}. Row {number}: {', '.join(files)}\n  - _Depends: none_\n"
        for number, (files, _) in enumerate(CASES)
    )
    files = {**BASE, "shop/__init__.py": '__all__ = ["gone"]\n', SPEC: f"# Plan\n\n{tasks}"}
    checkout = shop(cast(implement=play), **files)

    said = checkout.run("batch", "--mode", "autopilot")

    assert said.code == 4, said.err
    ends: dict[int, str] = {}
    for number, end in re.findall(
        r"^\d+ Row (\d+): .*?: ((?:waiting|committed).*)$", said.err, re.M
    ):
        ends.setdefault(int(number), end)
    assert ends[0].startswith("committed by autopilot: ")
    because = {
        n: re.sub(r"^waiting: |; \d+ files?, .*$", "", ends[n]) for n in range(1, len(CASES))
    }
    assert because == {n: why for n, (_, why) in enumerate(CASES) if n}
    assert checkout.git("rev-list", "--count", "HEAD") == "2"  # the base, and what is plain
    (row,) = checkout.json("audit")["rows"]
    assert (row["approved_by"], row["act"]["kind"]) == ("autopilot", "autopilot")
