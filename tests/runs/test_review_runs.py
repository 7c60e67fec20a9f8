"""A review as commands request it: its subject, and what it caches."""

import json

import pytest

from reviewloop.app.review.review import ReviewRequest, chosen, model_in_force, review
from reviewloop.app.review.review_history import dismiss, find_finding, last_findings
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.comparison import CompareSpec
from reviewloop.git.repository import discover
from reviewloop.settings import load_settings
from reviewloop.store.folders import repository_folder

YELLOW = "def f(items=[]):\n    return items\n"
NAMES = ("review-a", "review-b")


def reviewed(folder, asked: CompareSpec = CompareSpec(), **options):  # noqa: B008
    """Return the report of a review without a model."""
    with review(ReviewRequest(asked, model="none", **options), folder) as done:
        return done.report


def loaded(data: bytes = b""):
    return load_settings(
        user=None,
        user_name="user",
        repository=data,
        repository_name="reviewloop.toml",
        environ={},
        flags={},
    )


def test_the_report_can_be_drawn_from_the_code_while_it_is_open(repo):
    (repo / "a.py").write_text(YELLOW)
    with review(ReviewRequest(model="none"), repo) as done:
        assert done.text("a.py") == YELLOW
        assert done.text("gone.py") is None
        assert [(hunk.new_start, hunk.new_count) for hunk in done.hunks("a.py")] == [(1, 2)]
        assert done.hunks("README.md") == ()
        assert {p.finding.id for p in done.evidence} >= {f.id for f in done.report.findings}


def test_a_review_is_told_step_by_step(repo):
    (repo / "a.py").write_text(YELLOW)
    told = []
    with review(ReviewRequest(model="none"), repo, on_progress=told.append):
        pass

    assert told[:2] == ["reading the change", "running the analysers"]
    assert "ruff" in told


@pytest.mark.parametrize(
    ("start", "paths", "found"),
    [
        ("", ("src",), ["src/a.py"]),
        ("src", ("a.py",), ["src/a.py"]),
        ("src", ("..",), ["b.py", "src/a.py"]),
        ("src", ("../b.py", "{root}/src/a.py"), ["b.py", "src/a.py"]),
        ("src", (), ["b.py", "src/a.py"]),
    ],
)
def test_paths_are_relative_to_the_folder_one_starts_in(repo, start, paths, found):
    (repo / "src").mkdir()
    for path in ("src/a.py", "b.py"):
        (repo / path).write_text(YELLOW)
    typed = tuple(path.format(root=repo) for path in paths)
    report = reviewed(repo / start, CompareSpec(paths=typed))

    assert [file.path for file in report.reviewed] == found


def test_a_link_inside_of_the_repository_leads_to_its_files_and_one_outside_nowhere(repo):
    (repo / "src").mkdir()
    (repo / "src/a.py").write_text(YELLOW)
    (repo / "same").symlink_to("src")
    (repo / "out").symlink_to("/etc")

    assert [f.path for f in reviewed(repo, CompareSpec(paths=("same/a.py",))).reviewed] == [
        "src/a.py"
    ]
    with pytest.raises(WorkspaceError, match="no path inside"):
        reviewed(repo, CompareSpec(paths=("out/hostname",)))


def test_the_settings_name_the_base_unless_the_person_names_a_change(repo, git):
    git(repo, "checkout", "-q", "-b", "stable")
    git(repo, "checkout", "-q", "-b", "work")
    (repo / "a.py").write_text(YELLOW)
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "a")
    (repo / "reviewloop.toml").write_text('[review]\nbase = "stable"\n')

    assert "since stable" in reviewed(repo).what
    assert "since main" in reviewed(repo, CompareSpec(base="main")).what
    assert "staged" in reviewed(repo, CompareSpec(staged=True)).what


def test_reviewers_are_chosen_once_in_the_order_they_are_named(repo):
    class Agent:
        __hash__ = None

        def __init__(self, name):
            self.name = name

    team = [Agent(name) for name in NAMES]
    assert [agent.name for agent in chosen(team, ("b", "review-a", "b"))] == [
        "review-b",
        "review-a",
    ]
    assert [agent.name for agent in chosen(team, ())] == list(NAMES)
    with pytest.raises(UsageError, match="review-a, review-b"):
        chosen(team, ("c",))


def test_no_model_is_asked_unless_somebody_configured_one():
    assert model_in_force("", loaded()) == "none"
    assert model_in_force("none", loaded(b'[models]\nreasoning = "a:b"\n')) == "none"
    assert model_in_force("", loaded(b'[models]\nreasoning = "a:b"\n')) == "a:b"
    assert model_in_force("c:d", loaded()) == "c:d"


def test_what_is_remembered_is_the_last_review_and_what_others_showed_before(repo):
    key = discover(repo, for_reading=True).key
    (repo / "a.py").write_text(YELLOW)
    (first,) = reviewed(repo).findings[:1]
    (repo / "a.py").write_text("import os\n")
    (second,) = reviewed(repo).findings[:1]

    assert last_findings(key)[0].id == second.id
    assert find_finding(key, first.id[:8].upper()) == first
    with pytest.raises(UsageError):
        find_finding(key, "")


def test_a_review_that_remembers_nothing_hears_no_dismissal_and_leaves_nothing(repo):
    key = discover(repo, for_reading=True).key
    (repo / "a.py").write_text(YELLOW)
    finding = next(f for f in reviewed(repo).findings if f.rule == "ruff/B006")
    dismiss(key, finding, "meant so")
    (repository_folder(key) / "last-review.json").unlink()

    assert finding.id in {f.id for f in reviewed(repo, remembered=False).findings}
    assert last_findings(key) == ()
    assert finding.id in {f.id for f in reviewed(repo).silenced}


@pytest.mark.parametrize(
    "content", ["", "{", "[]", '{"findings": [{"id": "x"}]}', '{"findings": 3}']
)
def test_what_an_earlier_release_remembered_stops_nobody(repo, content):
    key = discover(repo, for_reading=True).key
    (repository_folder(key) / "last-review.json").write_text(content)

    assert last_findings(key) == ()
    (repo / "a.py").write_text(YELLOW)
    assert "ruff/B006" in {f.rule for f in reviewed(repo).findings}
    assert "ruff/B006" in {f.rule for f in last_findings(key)}


def test_dismissals_that_cannot_be_read_are_said_to_be(repo):
    key = discover(repo, for_reading=True).key
    (repository_folder(key) / "dismissed.json").write_text("{")
    (repo / "a.py").write_text(YELLOW)

    with pytest.raises(UsageError, match=r"dismissed\.json"):
        reviewed(repo)


def test_a_baseline_counts_from_the_files_under_review(repo, git):
    (repo / "a.py").write_text(YELLOW)
    ids = [{"id": f.id} for f in reviewed(repo).findings]
    (repo / ".reviewloop").mkdir()
    content = json.dumps({"schema": "reviewloop.baseline/1", "findings": ids})
    (repo / ".reviewloop/baseline.json").write_text(content)

    assert [f.id for f in reviewed(repo).findings] == []
    git(repo, "add", "a.py")
    assert [f.rule for f in reviewed(repo, CompareSpec(staged=True)).findings] == ["ruff/B006"]
