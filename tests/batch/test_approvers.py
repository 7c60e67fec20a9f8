"""A change that needs several approvers: each user counts once, by number and by path."""

import csv
import io
import os
import pwd
from contextlib import closing

import pytest
from support.parts import cast, writes

from reviewloop.store.runs import RunStore

FILES = {"src/__init__.py": "", "infra/__init__.py": ""}


def waiting(shop, path: str, **environ: str):
    """Return a checkout in which a run that changed one file waits."""
    checkout = shop(cast(implement=writes({path: "x = 1\n"}, "Add x")), **FILES)
    checkout.environ |= environ
    said = checkout.run("run", "-m", "Add x")
    assert said.code == 4, said.err
    return checkout


def gave(checkout, name: str) -> None:
    """Make somebody else the one who gave the approvals so far: all tests have one account."""
    with closing(RunStore(checkout.folder().parent.parent)) as store:
        (record,) = store.all()
        for approvals in record.options["approvals"].values():
            for one in approvals:
                one |= {"by": name, "act_actor": name}
        store.save(record)


def test_two_people_have_to_approve_and_one_twice_is_one(shop):
    checkout = waiting(shop, "src/x.py", REVIEWLOOP_GOVERNANCE__APPROVERS="2")
    head, me = checkout.git("rev-parse", "HEAD"), pwd.getpwuid(os.getuid()).pw_name

    first = checkout.run("approve")
    again = checkout.run("approve", LOGNAME="ben", USER="ben")  # which anybody can say

    assert (first.code, again.code) == (4, 4), first.err + again.err
    assert f"1 of 2 approvals are given ({me}); another person has to approve" in first.err
    assert f"{me} approved it before" in again.err
    assert checkout.git("rev-parse", "HEAD") == head

    gave(checkout, "ann")
    assert checkout.run("approve").code == 0
    assert checkout.git("rev-parse", "HEAD^") == head
    (row,) = checkout.json("audit")["rows"]
    assert [(one["by"], one["act"]["kind"]) for one in row["approvals"]] == [
        ("ann", "command"),
        (me, "command"),
    ]
    (cells,) = csv.DictReader(io.StringIO(checkout.run("audit", "--format", "csv").out))
    assert cells["approved by"] == f"ann; {me}"


@pytest.mark.parametrize(("path", "code"), [("infra/x.py", 4), ("src/x.py", 0)])
def test_the_path_decides(shop, path, code):
    by_path = '{"infra/**": 2}'
    checkout = waiting(shop, path, REVIEWLOOP_GOVERNANCE__APPROVERS_BY_PATH=by_path)

    assert checkout.run("approve").code == code


@pytest.mark.slow
def test_a_repository_asks_for_more_people_never_for_fewer(shop):
    checkout = shop(**{"reviewloop.toml": "[governance]\napprovers = 2\n"})

    assert checkout.run("config", "show").code == 0
    own = checkout.home / ".config/reviewloop/config.toml"
    own.parent.mkdir(parents=True)
    own.write_text("[governance]\napprovers = 3\n")
    said = checkout.run("config", "show")
    assert said.code == 2
    assert "governance.approvers is 2, fewer than 3" in said.err


def test_autopilot_is_nobody(shop):
    checkout = shop()
    checkout.environ |= {"REVIEWLOOP_GOVERNANCE__APPROVERS_BY_PATH": '{"*.py": 2}'}

    said = checkout.run("batch", "--tasks", "1", "--mode", "autopilot")

    assert said.code == 4, said.err
    assert "2 people must approve it" in said.out + said.err
