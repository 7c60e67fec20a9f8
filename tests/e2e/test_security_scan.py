"""A scanner as a gate of a run: its findings go back to the agent, then the run is blocked."""

import json
import os
from pathlib import Path

import pytest
from support.parts import cast, says, writes
from support.play import done

pytestmark = pytest.mark.needs_bubblewrap
REPORT = Path(__file__).parents[1] / "data/scanners/trivy.json"
ON = {"REVIEWLOOP_GATES__SECURITY__TOOL": "trivy", "REVIEWLOOP_GATES__SECURITY__ENABLED": "true"}


def scanned(shop, tmp_path, script, fail_on="critical"):
    """Return how a run ended that brings a package, with a scanner on PATH."""
    folder = tmp_path / "programs"
    folder.mkdir()
    (folder / "report.json").write_bytes(REPORT.read_bytes())
    (folder / "trivy").write_text(f"#!/bin/sh\n{script}\n")
    (folder / "trivy").chmod(0o755)
    play = cast(implement=writes({"requirements.txt": "django==2.0.9\n"}), repair=says(done("No.")))
    checkout = shop(play)
    on = {**ON, "REVIEWLOOP_GATES__SECURITY__FAIL_ON": fail_on}
    path = f"{folder}{os.pathsep}{checkout.environ['PATH']}"
    return checkout, checkout.run("run", "next", PATH=path, **on)


def test_a_critical_finding_blocks_the_run_after_two_repairs(shop, tmp_path):
    checkout, said = scanned(shop, tmp_path, 'cat "$(dirname "$0")/report.json"')
    assert said.code == 3, said.err
    repairs = [one for one in checkout.server.of("repair") if one.turn == 0]
    assert len(repairs) == 2
    assert "CVE-2019-14234" in repairs[0].said
    assert checkout.server.of("review-security") == []


def test_a_scanner_that_cannot_scan_blocks_the_run(shop, tmp_path):
    _, said = scanned(shop, tmp_path, "echo 'FATAL no data base' >&2; exit 1")
    assert said.code == 3
    assert "trivy could not scan: exit code 1 and no report" in said.err + said.out


@pytest.mark.slow
def test_what_is_less_severe_is_a_finding_for_people(shop, tmp_path):
    checkout, said = scanned(shop, tmp_path, 'cat "$(dirname "$0")/report.json"', "never")
    assert said.code == 4, said.err
    assert "trivy.CVE-2019-14234" in json.dumps(checkout.record()["proposal"]["findings"])
