"""A store written by an older release: its batch is resumed and approved."""

import subprocess
from pathlib import Path

import psycopg
import pytest
from support.checkout import Checkout
from support.postgres import Postgres
from support.stored import BOUND, HEAD, REPORT, SETTINGS, TAIL, replies, store_of, unpack

pytestmark = pytest.mark.needs_postgresql


@pytest.mark.slow
def test_a_batch_in_a_store_goes_on_after_its_worker_died(
    tmp_path: Path, postgres: Postgres
) -> None:
    site, url = unpack("store", tmp_path), postgres.url()
    with psycopg.connect(url) as database:
        database.execute(store_of(site).encode())
    # The models have nothing to say about the task that is done.
    site.play([reply for reply in replies() if "2.1" not in reply.get("when", "")])
    settings = {**SETTINGS, "REVIEWLOOP_STORE": url}
    person = Checkout(site.root, site.home, settings=settings)
    (site.folder / "elsewhere").mkdir()
    worker = Checkout(site.folder / "elsewhere", site.folder / "its-home", settings=settings)
    assert states(person) == {"2.1": "waiting", "2.2": "open"}

    said = worker.forked("worker", "--once", "--heartbeat", "0.3")

    assert said.code == 0, said.err
    assert states(person) == {"2.1": "waiting", "2.2": "waiting"}
    assert BOUND in person.run("queue", "show", "2.1", "--diff").out
    said = person.run("queue", "approve", "--all")
    assert said.code == 0, said.err
    said = worker.forked("worker", "--once", "--heartbeat", "0.3")
    assert said.code == 0, said.err
    assert states(person) == {"2.1": "committed", "2.2": "committed"}
    assert at_remote(site.folder, "work:shop/search.py") == HEAD + BOUND + TAIL
    assert at_remote(site.folder, "work:shop/report.py") == REPORT
    assert "- [x] 2.2" in at_remote(site.folder, "work:.kiro/specs/orders/tasks.md")


def states(checkout: Checkout) -> dict[str, str]:
    """Return what became of the tasks of the only batch."""
    (batch,) = checkout.json("status")["batches"]
    return {row["task"]: row["state"] for row in batch["tasks"]}


def at_remote(folder: Path, name: str) -> str:
    """Return a file at the remote."""
    argv = ["git", "--git-dir", str(folder / "remote.git"), "show", name]
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
