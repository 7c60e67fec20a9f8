"""The recorded pull request: its repository, and how its recording is made anew.

    python tests/support/recorded.py

After a change of prompts, agents or tools the recording no longer fits; run this, look at the
difference, and commit tests/data/recorded. The replies are those of replies.json beside it.
"""

import json
import shutil
import sys
import tempfile
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from support.action import git  # noqa: E402
from support.github_server import GitHubServer  # noqa: E402
from support.play import SEARCH  # noqa: E402

DATA = ROOT / "tests/data/recorded"
RECORDING = "tests/data/recorded/pull_request.jsonl"
ANEW = "the recording no longer fits; run python tests/support/recorded.py"
# What analysers say changes with their versions, and would be part of the prompts.
SETTINGS = '[review]\nanalysers_off = ["*"]\n'
STORE = '''"""Where orders are kept."""

import sqlite3


def connect():
    """Return a new store."""
    db = sqlite3.connect(":memory:")
    db.execute("create table orders (id integer primary key, customer, item)")
    return db
'''
BASE = {"reviewloop.toml": SETTINGS, "shop/store.py": STORE, "shop/__init__.py": ""}
HEAD = {"shop/search.py": SEARCH}


def make_repository(folder: Path) -> Path:
    """Make the repository, the same down to its commits; `feature` is the pull request's head."""
    folder.mkdir(parents=True)
    dates = {f"GIT_{who}_DATE": "2026-01-05T09:00:00Z" for who in ("AUTHOR", "COMMITTER")}
    git(folder, "init", "-q", "-b", "main")
    for subject, files in (("Keep orders", BASE), ("Find the items of a customer", HEAD)):
        for name, text in files.items():
            place = folder / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(text)
        git(folder, "add", "-A")
        git(folder, "commit", "-q", "-m", subject, **dates)
        if files is BASE:
            git(folder, "checkout", "-q", "-b", "feature")
    return folder


def record(target: Path) -> int:
    """Review the pull request with the scripted replies, record that, and return how many calls."""
    from support.checkout import Checkout

    from reviewloop.llm.replay import export_journal
    from reviewloop.store.journal import Journal

    with tempfile.TemporaryDirectory() as place:
        work = make_repository(Path(place, "work"))
        checkout = Checkout(work, Path(place, "home"))
        with GitHubServer(work) as github:
            github.open_pull(head="feature")
            shutil.copy(DATA / "replies.json", place)  # no path of this machine is to be recorded
            model = "script:../replies.json"
            asked = ("github", "review", "--pr", "7", "--comments", "none", "--model", model)
            said = checkout.process(*asked, **github.environ)
        if said.code:
            raise SystemExit(f"the review ended with {said.code}:\n{said.out}{said.err}")
        [journal] = checkout.state.glob("repositories/*/reviews/*/journal.sqlite")
        with closing(Journal(journal)) as kept:
            count = export_journal(kept, target)
    first, *lines = target.read_text().splitlines()
    calls = sorted(
        (json.loads(line) for line in lines), key=lambda call: list(call["key"].values())
    )
    for call in calls:  # what differs from one recording to the next without meaning anything
        call["reply"]["seconds"] = 0.0
    rest = (json.dumps(call, sort_keys=True) for call in calls)
    target.write_text("".join(f"{line}\n" for line in (first, *rest)))
    target.chmod(0o644)  # nothing in it is anybody's
    return count


if __name__ == "__main__":
    print(f"{record(ROOT / RECORDING)} calls recorded in {RECORDING}")  # noqa: T201
