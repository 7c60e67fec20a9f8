"""The named actions of hooks in whole runs: linter, tests, scanner, specs."""

import json
import os
from pathlib import Path

import pytest
from support.bedrock import calls, reply
from support.checkout import QUIET_GATES
from support.drift_projects import files_of
from support.parts import cast, says, writes
from support.play import done, write
from support.shop import PLAIN_PYTEST

REPORT = Path(__file__).parents[1] / "data/scanners/trivy.json"
pytestmark = pytest.mark.needs_bubblewrap
GATES = "export const gates = {{ {lists} }};\n"
CODE = "def items_of(db, customer):\n    return []\n"
UGLY = "import os\ndef items_of( db, customer ):\n    return []\n"
NEAT = "def items_of(db, customer):\n    return []\n"
IMPORT = "from shop.search import items_of\n\n\n"
TESTED = IMPORT + "def test_items():\n    assert items_of(None, 1) == []\n"
HOLLOW = IMPORT + "def test_items():\n    items_of(None, 1)\n"


def entry(action, config, trigger="shop/**"):
    return f"{{ trigger: '{trigger}', action: '{action}', config: {json.dumps(config)} }}"


@pytest.fixture
def gated(shop):
    def opened(lists, play, more=None, settings=QUIET_GATES):
        files = {".reviewloop/hooks/gates.ts": GATES.format(lists=lists)}
        files |= PLAIN_PYTEST | (more or {})
        checkout = shop(play, files=files, settings=settings)
        assert checkout.run("hooks", "validate").code == 0
        assert checkout.run("trust", "--yes").code == 0
        return checkout

    return opened


def ends(checkout):
    return [(one["name"], one["exit_code"]) for one in checkout.json("hooks", "logs")["hooks"]]


@pytest.mark.slow
def test_the_linter_mends_what_agents_wrote_and_its_remarks_go_back_to_them(gated):
    lists = f"onFileSave: [{entry('runLinter', {'fixOnSave': True, 'strictMode': True})}]"
    broken = UGLY + "    x = undefined_name\n"
    play = cast(
        implement=writes({"shop/search.py": broken}),
        repair=says(reply(write("shop/search.py", UGLY)), done("Mended.")),
    )
    checkout = gated(lists, play, {"ruff.toml": "[format]\n"})
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    repairs = [one for one in checkout.server.of("repair") if one.turn == 0]
    assert len(repairs) == 1
    assert "undefined_name" in repairs[0].said
    assert NEAT in checkout.run("show", "--diff").out.replace("\n+", "\n")
    assert ends(checkout)[0] == ("gates onFileSave 1", 1)
    assert ends(checkout)[-1] == ("gates onFileSave 1", 0)


def test_a_scan_before_the_commit_blocks_what_is_critical(gated, tmp_path):
    lists = f"onCommit: [{entry('securityScan', {'tool': 'trivy', 'failOnCritical': True}, '*')}]"
    play = cast(implement=writes({"requirements.txt": "django==2.0.9\n"}), repair=says(done("No.")))
    checkout = gated(lists, play)
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "trivy").write_text(f"#!/bin/sh\ncat {folder}/report.json\n")
    (folder / "trivy").chmod(0o755)
    (folder / "report.json").write_bytes(REPORT.read_bytes())
    path = f"{folder}{os.pathsep}{checkout.environ['PATH']}"
    said = checkout.run("run", "next", PATH=path)
    assert said.code == 3, said.err
    assert "CVE-2019-14234" in checkout.server.of("repair")[0].said
    assert checkout.server.of("review-security") == []


def test_a_scanner_that_is_not_there_blocks_as_well(gated):
    lists = f"onCommit: [{entry('securityScan', {'tool': 'trivy', 'failOnCritical': True}, '*')}]"
    checkout = gated(lists, cast(repair=says(done("No."))))
    assert checkout.run("run", "next").code == 3
    assert "trivy could not scan" in checkout.server.of("repair")[0].said


@pytest.mark.slow
def test_a_scanner_that_takes_longer_than_its_hook_may_is_ended(gated, tmp_path):
    config = {"tool": "trivy", "failOnCritical": True}
    slow = entry("securityScan", config, "*").replace("{ trigger", "{ timeout_ms: 1000, trigger")
    checkout = gated(f"onCommit: [{slow}]", cast(repair=says(done("No."))))
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "trivy").write_text(f"#!/bin/sh\nsleep 100\ncat {folder}/report.json\n")
    (folder / "trivy").chmod(0o755)
    (folder / "report.json").write_bytes(REPORT.read_bytes())
    path = f"{folder}{os.pathsep}{checkout.environ['PATH']}"
    assert checkout.run("run", "next", PATH=path).code == 3
    asked = checkout.server.of("repair")[0].said
    assert "trivy could not scan: did not finish within 1 seconds" in asked
    assert "CVE-2019-14234" not in asked


ROUTES = "src/billing/routes/invoices.py"


@pytest.mark.parametrize(("threshold", "code"), [(0.1, 1), (0.9, 0)])
def test_a_change_that_parts_from_its_design_is_red_from_the_threshold_on(gated, threshold, code):
    lists = f"onCommit: [{entry('syncSpecDesign', {'diffThreshold': threshold}, '**')}]"
    files = files_of("kiro-fastapi")
    moved = files[ROUTES].replace('@router.get("/{invoice_id}")', '@router.get("/all")')
    checkout = gated(lists, cast(implement=writes({ROUTES: moved})), files)
    said = checkout.run("run", "-m", "List all invoices.")
    assert said.code == 4, said.err
    [(_, ended)] = ends(checkout)
    assert ended == code
    shown = json.dumps(checkout.record()["proposal"]["gates"])
    assert ("of its names drifted from the code" in shown) == bool(code)


def writer(*answers):
    part = says(*answers)
    play, asked = cast(implement=writes({"shop/search.py": CODE})), []

    def answer(received):
        if "finish_hook" in received.tools:
            asked.append(received)
            return part(received)
        return play(received)

    return answer, asked


def ended():
    return calls("finish_hook", {"summary": "I wrote tests.", "blocks": False})


REGENERATE = entry("regenerateTests", {"coverageThreshold": 0.85, "framework": "pytest"})


@pytest.mark.slow
def test_tests_are_written_until_they_run_enough_of_a_file(gated):
    answer, asked = writer(reply(write("tests/test_search.py", TESTED)), ended())
    checkout = gated(f"onFileSave: [{REGENERATE}]", answer)
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert "at least 85 % of its new lines" in asked[0].said
    assert "Use pytest." in asked[0].said
    files = [one["path"] for one in checkout.record()["proposal"]["files"]]
    assert files == ["shop/search.py", "tests/test_search.py"]
    assert ends(checkout)[0] == ("gates onFileSave 1", 0)


@pytest.mark.slow  # taking back is shown in test_shipped_hooks.py
@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("tests/test_search.py", HOLLOW, "green although the code is broken"),
        ("shop/search.py", CODE + "\n", "it edited shop/search.py, not only tests"),
        ("tests/test_store.py", TESTED, "tests of tests/test_store.py are gone"),
        ("tests/test_search.py", TESTED.replace("[]", "[1]"), "its tests are not green"),
    ],
)
def test_tests_that_show_nothing_are_taken_back(gated, path, text, why):
    answer, _ = writer(reply(write(path, text)), ended())
    checkout = gated(f"onFileSave: [{REGENERATE}]", answer)
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert [one["path"] for one in checkout.record()["proposal"]["files"]] == ["shop/search.py"]
    assert ends(checkout) == [("gates onFileSave 1", 1)]
    assert why in json.dumps(checkout.record()["proposal"]["gates"])
