"""Unused Kiro files are reported, one sentence per kind."""

import json
import os

from support.checkout import Checkout

FILES = {
    ".kiro/skills/release/SKILL.md": "---\nname: release\n---\n",
    ".kiro/settings/mcp.json": json.dumps(
        {"mcpServers": {"docs": {"command": "x"}, "old": {"disabled": True}}}
    ),
}
TOLD = [
    "1 Kiro skill is not used: release",
    "1 MCP server of Kiro is asked only where an agent's tools name it, as @NAME: docs",
]


def test_doctor_tells_what_of_kiro_is_not_used(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    checkout = Checkout(root, tmp_path / "home", settings={"PATH": os.defpath})
    checkout.git("init", "-q", "-b", "work")
    for path, text in FILES.items():
        checkout.write(path, text)
    checkout.git("add", "-A")
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    checkout.git(*who, "commit", "-q", "-m", "base")
    checks = json.loads(checkout.run("doctor", "--offline", "--json").out)["checks"]
    assert [c["text"] for c in checks if c["name"] == "kiro"] == TOLD


def test_nothing_is_told_where_nothing_is(tmp_path):
    from reviewloop.specs.files import DiskFiles
    from reviewloop.specs.kiro import unused_kiro_files

    assert unused_kiro_files(DiskFiles(tmp_path)) == ()
