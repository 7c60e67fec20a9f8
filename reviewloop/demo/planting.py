"""Make the repository of the review demo: a healthy `main`, a branch with planted problems."""

from pathlib import Path

from reviewloop.demo.project import commit_all, new_repository, write_files

NAME = "roombook"
BRANCH = "weekly-report"

_PLANTED = Path(__file__).with_name("planted")


def make_planted(root: Path) -> None:
    """Make the repository in a folder that is new or empty; the branch is checked out."""
    root.mkdir(parents=True, exist_ok=True)
    write_files(_PLANTED / "base", root)
    git = new_repository(root)
    commit_all(git, "Book rooms and show who has them")
    git.run("switch", "--quiet", "--create", BRANCH)
    write_files(_PLANTED / "change", root)
    commit_all(git, "Add a weekly report")
