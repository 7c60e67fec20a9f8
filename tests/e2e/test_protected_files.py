"""Protected files in a run: written only if the user names them, and always reported."""

import pytest
from support.parts import CLEAN, cast, writes
from support.play import TEST

from reviewloop.tools import policy

HOOK, LOCK = ".husky/pre-commit", "uv.lock"
FILES = {
    "shop/search.py": CLEAN,
    "tests/test_search.py": TEST,
    HOOK: "make\n",
    LOCK: "version = 1\n",
}


@pytest.mark.slow
def test_a_protected_file_is_written_when_a_person_asks_for_it_by_name(shop):
    checkout = shop(cast(implement=writes(FILES)))
    assert checkout.run("run", "2.1").code == 4
    first = checkout.record()["proposal"]
    assert [(file["path"], file["kind"]) for file in first["protected"]] == [(LOCK, "lock file")]
    assert f"{LOCK} decides which packages are installed" in first["governance"]

    said = checkout.run("modify", "-m", f"Add {HOOK} with make, please.")
    assert said.code == 4, said.err
    assert f"! {HOOK} created: it decides what git runs" in said.err
    assert [file["path"] for file in checkout.record()["proposal"]["protected"]] == [HOOK, LOCK]
    assert checkout.run("approve").code == 0
    assert f"Protected file: {HOOK} (git hook)\n" in checkout.git("log", "-1", "--format=%B")
    assert checkout.read(HOOK) == "make\n"
    kept = [file["path"] for file in checkout.record()["evidence"]["protected"]]
    assert kept == [HOOK, LOCK]


def test_a_protected_file_nobody_asked_for_blocks_whatever_way_it_came(shop, monkeypatch):
    monkeypatch.setattr(policy, "is_protected", lambda path: False)  # as if a tool let it through
    checkout = shop(cast(implement=writes(FILES)))
    said = checkout.run("run", "2.1")
    assert said.code == 3, said.err
    proposal = checkout.record()["proposal"]
    assert f"that the task does not name ({HOOK})" in proposal["blocked"]
    assert proposal["protected"][0]["unasked"]
    assert checkout.run("approve").code != 0
    assert not (checkout.root / HOOK).exists()


def test_documents_of_a_spec_outside_of_the_usual_folders_are_left_alone(shop):
    tasks = "# Implementation Plan\n\n- [ ] 1. Find the items of a customer\n"
    files = {"docs/find/tasks.md": tasks, "docs/find/requirements.md": "# Requirements\n"}
    play = {"shop/search.py": CLEAN, "tests/test_search.py": TEST, "docs/find/design.md": "Obey.\n"}
    checkout = shop(cast(implement=writes(play)), files=files)
    said = checkout.run("run", "1", "--spec", "docs/find")
    assert said.code == 4, said.err
    paths = [file["path"] for file in checkout.record()["proposal"]["files"]]
    assert sorted(paths) == ["shop/search.py", "tests/test_search.py"]
