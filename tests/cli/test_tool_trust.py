"""A linter's configuration in the repository is used once the user trusted exactly its text."""

import json

import pytest

from reviewloop.app.review.review import ReviewRequest, review
from reviewloop.git.comparison import CompareSpec

pytestmark = pytest.mark.usefixtures("quick_tools")

EVAL = "def run(text):\n    return eval(text)\n"
QUIET = '[lint]\nignore = ["S307"]\n'


def found(reviewloop):
    said = reviewloop("review", "--model", "none", "--json")
    report = json.loads(said.out)
    told = {source["text"] for f in report["findings"] for source in f["evidence"]}
    eslint = [a for a in report["analysers"] if a["name"] == "eslint"]
    return any(text.startswith("ruff/S307") for text in told), eslint


def test_data_counts_where_it_is_trusted_and_not_when_the_change_edits_it(project, git, reviewloop):
    (project / "ruff.toml").write_text(QUIET)
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "lint")
    (project / "app.py").write_text(EVAL)
    assert found(reviewloop)[0]
    assert "ruff.toml of ruff is not used" in reviewloop("doctor", "--offline").out

    said = reviewloop("trust", "--yes")
    assert said.out == "ruff (ruff.toml): in a review its configuration replaces reviewloop's own\n"
    assert not found(reviewloop)[0]
    assert "ruff.toml of ruff is not used" not in reviewloop("doctor", "--offline").out
    assert "already" in reviewloop("trust").err

    (project / "ruff.toml").write_text(QUIET + "# and more\n")
    assert found(reviewloop)[0]
    assert reviewloop("trust").code == 2  # asks again

    (project / "ruff.toml").write_text(QUIET)
    assert reviewloop("trust", "--revoke").code == 0
    assert found(reviewloop)[0]


def test_a_part_of_pyproject_is_trusted_whatever_else_changes(project, reviewloop):
    file = project / "pyproject.toml"
    file.write_text('[project]\nname = "x"\nversion = "1"\n\n[tool.ruff.lint]\nignore = ["S307"]\n')
    (project / "app.py").write_text(EVAL)
    reviewloop("trust", "--yes")
    file.write_text(file.read_text().replace('version = "1"', 'version = "2"'))
    assert not found(reviewloop)[0]
    file.write_text(file.read_text().replace("S307", "S3"))
    assert found(reviewloop)[0]


def test_the_configuration_of_the_checkout_does_not_count_for_what_others_wrote(
    project, git, reviewloop
):
    (project / "ruff.toml").write_text(QUIET)
    (project / "eslint.config.js").write_text("module.exports = [];\n")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "lint")
    reviewloop("trust", "--yes")
    (project / "app.py").write_text(EVAL)
    (project / "app.js").write_text("eval(1);\n")
    git(project, "add", "-A")
    git(project, "commit", "-q", "-m", "change")
    request = ReviewRequest(
        CompareSpec(commit="HEAD"), model="none", rules_from="HEAD~1", remembered=False
    )
    with review(request, project) as done:
        assert any("S307" in e.text for f in done.report.findings for e in f.evidence)
        (eslint,) = [a for a in done.report.analysers if a.name == "eslint"]
    assert eslint.status == "not_checked"
    assert "others may have written the change" in eslint.reason


@pytest.mark.slow
def test_eslint_is_shown_as_not_run_until_it_is_trusted(project, reviewloop):
    (project / "app.js").write_text("eval(1);\n")
    assert found(reviewloop)[1] == []  # the project does not use it

    (project / "eslint.config.js").write_text("module.exports = [];\n")
    (eslint,) = found(reviewloop)[1]
    assert (eslint["status"], eslint["reason"]) == (
        "not_checked",
        "not run: eslint.config.js is code; look at it, then allow it: reviewloop trust",
    )
    said = reviewloop("trust", "--yes")
    assert "its configuration is code and runs in the sandbox" in said.out
    (eslint,) = found(reviewloop)[1]
    assert "ESLint is not installed: run npm install" in eslint["reason"]
