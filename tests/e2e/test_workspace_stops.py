"""Repositories in which a run must not start, or whose files it must not change."""

import unicodedata
from pathlib import Path

from support.parts import cast, writes

from reviewloop.checkout import workspace


def test_a_disk_that_confuses_names_stops_a_run_before_it_costs_anything(shop, monkeypatch):
    checkout = shop()
    checkout.write("readme.md", "one\n")
    checkout.write("README.md", "another\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "two names")
    real = workspace.listed_names

    def folded(folder: Path) -> list[str]:
        kept: dict[str, str] = {}
        for name in sorted(real(folder)):
            kept.setdefault(unicodedata.normalize("NFC", name).casefold(), name)
        return list(kept.values())

    monkeypatch.setattr(workspace, "listed_names", folded)
    said = checkout.run("run", "2.1")
    assert said.code == 2
    assert "README.md and readme.md" in said.err
    assert checkout.server.ledger == []
    assert checkout.run("review", "--model", "none").code in (0, 1)


def test_content_that_belongs_into_git_lfs_is_not_committed(shop):
    files = {"shop/search.py": "x = 1\n", "shop/logo.bin": "not a pointer\n"}
    checkout = shop(cast(implement=writes(files)))
    checkout.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    checkout.git("add", ".gitattributes")
    checkout.git("commit", "-q", "-m", "LFS")
    checkout.run("run", "2.1")
    record = checkout.record()
    assert record["status"] == "blocked"
    assert "shop/logo.bin is kept in Git LFS" in record["reason"]
    assert checkout.run("approve").code == 2
