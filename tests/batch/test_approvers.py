"""A change that needs several people: each counts once, by number and by path."""

import pytest
from support.parts import cast, writes

FILES = {"src/__init__.py": "", "infra/__init__.py": ""}


def waiting(shop, path: str, **environ: str):
    """Return a checkout in which a run that changed one file waits."""
    checkout = shop(cast(implement=writes({path: "x = 1\n"}, "Add x")), **FILES)
    checkout.environ |= environ
    said = checkout.run("run", "-m", "Add x")
    assert said.code == 4, said.err
    return checkout


def test_two_people_have_to_approve_and_one_twice_is_one(shop):
    checkout = waiting(shop, "src/x.py", REVIEWLOOP_GOVERNANCE__APPROVERS="2")
    head = checkout.git("rev-parse", "HEAD")

    first = checkout.run("approve", LOGNAME="ann")
    again = checkout.run("approve", LOGNAME="ann")

    assert (first.code, again.code) == (4, 4), first.err + again.err
    assert "1 of 2 approvals are given (ann); another person has to approve" in first.err
    assert "ann approved it before" in again.err
    assert checkout.git("rev-parse", "HEAD") == head

    assert checkout.run("approve", LOGNAME="ben").code == 0
    assert checkout.git("rev-parse", "HEAD^") == head


@pytest.mark.parametrize(("path", "code"), [("infra/x.py", 4), ("src/x.py", 0)])
def test_the_path_decides(shop, path, code):
    by_path = '{"infra/**": 2}'
    checkout = waiting(shop, path, REVIEWLOOP_GOVERNANCE__APPROVERS_BY_PATH=by_path)

    assert checkout.run("approve", LOGNAME="ann").code == code


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
