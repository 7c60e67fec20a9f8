"""The script that makes the pictures of the docs draws what the real program shows."""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def script() -> ModuleType:
    spec = importlib.util.spec_from_file_location("make_pictures", ROOT / "docs/make_pictures.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def home(script, tmp_path_factory) -> Path:
    """Return a home folder with the repository of the demo."""
    home = tmp_path_factory.mktemp("home")
    said = script.on_terminal(["demo", "--review", script.REPOSITORY], home)
    assert (home / script.REPOSITORY / ".git").is_dir(), said
    return home


def words(svg: Path) -> str:
    return svg.read_text("utf-8").replace("&#160;", " ")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo terminal")
def test_a_review_is_drawn_and_loads_nothing(script, home, tmp_path):
    script.review(tmp_path, home)
    shown = words(tmp_path / "review.svg")
    assert "must fix" in shown and "Reviewed" in shown
    assert "url(" not in shown.replace("url(#", "")
    assert "@font-face" not in shown
    assert len(shown) < 150_000


@pytest.mark.slow
@pytest.mark.needs_chromium
def test_the_report_is_photographed(script, home, tmp_path):
    script.report(tmp_path, home)
    picture = (tmp_path / "report.png").read_bytes()
    assert picture.startswith(b"\x89PNG")
    assert 20_000 < len(picture) < 300_000


def test_live_table_and_question_are_taken_from_what_a_run_wrote(script, tmp_path):
    redraw = "\r\x1b[2K\x1b[1A\x1b[2K"
    said = redraw.join([
        "Search\n⠋ review-security\n",
        "Search\n✓ guard\n⠙ review-security\n⠙ review-performance\n",
        "Search\n✓ review-security\n",
        "Search\n✓ propose\nReady for your decision: Search\nchecks 7/7\n"
        "[a]pprove [s]kip > s\nSkipped\n",
    ])  # fmt: skip
    script.run(tmp_path, said)
    assert "review-performance" in words(tmp_path / "live.svg")
    asked = words(tmp_path / "decision.svg")
    assert "checks 7/7" in asked
    assert "Skipped" not in asked and "propose" not in asked
