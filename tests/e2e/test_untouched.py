"""Until it is approved, a run leaves every byte of the checkout and of `.git` as it was.

Also in a repository that is one trap: nothing of what it brings is executed.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.bedrock import BedrockServer, access_denied
from support.checkout import QUIET_GATES, Checkout
from support.crash import KILLED
from support.parts import cast, says
from support.play import agent_of
from support.shop import FILES
from support.traps import DIRECT, Trapped
from support.untouched import changes, photograph, untouched

PROGRAMS = ("git", "bwrap", "python", "python3", "sh", "gitleaks", "ruff", "gh")
ENVIRONMENT = """\
REVIEWLOOP_STATE_DIR={0}/state
REVIEWLOOP_MODELS__ENDPOINT_URL=http://127.0.0.1:1
AWS_ENDPOINT_URL_BEDROCK_RUNTIME=http://127.0.0.1:1
GIT_DIR={0}/embedded
PATH={0}
"""
WORKED_ON = {
    "shop/mine.py": "not committed\n",
    "shop/store.py": FILES["shop/store.py"] + "# edited\n",
}
LANDED = re.compile(
    r"""[+~-](?:
        \.git/(?:index | HEAD | objects/.* | refs/heads/.* | logs/.* | packed-refs)
        | shop/search\.py | tests/test_search\.py | \.kiro/specs/orders/tasks\.md
    )""",
    re.VERBOSE,
)


@pytest.fixture
def busy(shop) -> Checkout:
    """Return a checkout with staged, unstaged, untracked and ignored work in it."""
    checkout = shop()
    checkout.write(".git/info/exclude", "*.log\n")
    for path, text in WORKED_ON.items():
        checkout.write(path, text)
    checkout.git("add", "shop/mine.py")
    checkout.write("notes.log", "ignored\n")
    checkout.write("draft.md", "untracked\n")
    (checkout.root / "empty").mkdir()
    (checkout.root / "link").symlink_to("/nowhere")
    checkout.git("tag", "v1")
    return checkout


def test_a_run_that_waits_is_modified_and_rejected(busy: Checkout) -> None:
    with untouched(busy.root):
        for command in (["run", "2.1"], ["status"], ["show", "--diff"], ["modify", "-m", "again"]):
            assert busy.run(*command).code in (0, 4), command
        assert busy.run("reject").code == 7
        assert busy.run("clean", "--yes", "--older-than", "0").code == 0


def test_a_run_that_fails(busy: Checkout) -> None:
    busy.server.answer = cast(implement=says(access_denied()))
    with untouched(busy.root):
        assert busy.run("run", "2.1").code not in (0, 4)
        assert busy.run("resume").code not in (0, 4)


def test_a_review(busy: Checkout) -> None:
    with untouched(busy.root):
        for arguments in ([], ["--staged"], ["HEAD"], ["--no-model", "shop"]):
            assert busy.run("review", *arguments).code in (0, 1, 2), arguments


@pytest.mark.slow
def test_a_run_that_is_killed_and_resumed(busy: Checkout) -> None:
    with untouched(busy.root):
        assert busy.forked("run", "2.1", REVIEWLOOP_FAULT="review-security.end").code == KILLED
        assert busy.run("resume").code == 4


@pytest.mark.slow
def test_an_approval_touches_the_files_of_its_commit_and_nothing_else(busy: Checkout) -> None:
    busy.run("run", "2.1")
    before = photograph(busy.root)
    assert busy.run("approve").code == 0
    changed = changes(before, photograph(busy.root))
    assert [path for path in sorted(changed) if not LANDED.fullmatch(path)] == []
    assert "+shop/search.py" in changed
    assert busy.run("undo").code == 0
    left = changes(before, photograph(busy.root))
    assert [path for path in left if not path.startswith((*"+~",))] == []
    assert {path for path in left if not path[1:].startswith((".git/objects", ".git/logs"))} <= {
        "~.git/index"
    }


@pytest.fixture(scope="module")
def trapped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Checkout, Trapped]]:
    """Return a checkout of the shop in which everything is a trap, its name and its owner too."""
    folder = tmp_path_factory.mktemp("trapped")
    touch = f"touch {folder}/trapped/fired/name"
    modules = f'[submodule "x"]\n\tpath = linked\n\turl = ext::{touch}\n\tupdate = !{touch}\n'
    made = Trapped(
        folder / "trapped",
        DIRECT,
        name=f"$({touch.replace('/', '${PWD%%[!/]*}')})",
        files={**FILES, ".gitmodules": modules},
        settings={
            "user.name": f'"; {touch}; "',
            "submodule.x.update": f"!{touch}",
            "submodule.x.url": f"ext::{touch}",
        },
    )
    made.git("replace", "HEAD:shop/store.py", "HEAD:a.txt")
    made.git("switch", "-q", "-C", "work")
    for program in PROGRAMS:
        (made.root / program).write_text(f"#!/bin/sh\n{touch}\n")
        (made.root / program).chmod(0o755)
    (made.root / ".env").write_text(ENVIRONMENT.format(made.root))
    made.git("add", "-f", *PROGRAMS, ".env")
    made.git("commit", "-q", "-m", "programs")
    made.make_racy()
    made.fired()
    (folder / "temporary").mkdir()
    path = os.pathsep.join([".", "", str(made.root), os.environ["PATH"]])
    settings = {**QUIET_GATES, "PATH": path, "TMPDIR": str(folder / "temporary")}
    with BedrockServer(cast(), agent_of=agent_of) as server:
        yield Checkout(made.root, folder / "home", server, settings), made


@pytest.mark.slow
def test_a_trapped_repository_is_reviewed(trapped: tuple[Checkout, Trapped]) -> None:
    checkout, made = trapped
    checkout.write("a.txt", "edited\n")
    with untouched(checkout.root):
        for arguments in ([], ["--staged"], ["HEAD~1"], ["before..after"], ["--no-model", "a.flt"]):
            said = checkout.run("review", *arguments)
            assert said.code in (0, 1, 2), said.err
            assert "bug in reviewloop" not in said.err
    assert made.fired() == []


@pytest.mark.slow
def test_a_trapped_repository_is_worked_in(trapped: tuple[Checkout, Trapped]) -> None:
    checkout, made = trapped
    with untouched(checkout.root):
        said = checkout.run("run", "2.1")
        assert said.code == 4, said.err
    for command in (["approve"], ["undo"], ["checkout", checkout.record()["run_id"], "saved"]):
        said = checkout.run(*command)
        assert said.code == 0, said.err
    assert checkout.run("clean", "--yes").code == 0
    assert made.fired() == []
    assert [path.name for path in checkout.home.iterdir()] == ["state"]
    assert checkout.state.stat().st_mode & 0o077 == 0
    assert os.listdir(checkout.environ["TMPDIR"]) == []
    assert Path(made.root, "shop/store.py").read_text() == FILES["shop/store.py"]
