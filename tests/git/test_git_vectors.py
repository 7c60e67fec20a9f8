"""The vectors by which git starts programs × everything we do with a repository: nothing fires.

Each vector is shown to work first: commands of plain git fire it in the same repository.
"""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from support.traps import DIRECT, INDIRECT, VECTORS, Trapped, Vector

from reviewloop.checkout.files import rewrite
from reviewloop.checkout.promote import promote, undo
from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.attributes import generated
from reviewloop.git.commits import export_branch
from reviewloop.git.comparison import CompareSpec, Comparison, open_comparison
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.git.revisions import branch_exists, ref_names

ADA = ("Ada Example", "ada@example.org")
EDITED = ("a.txt", "linked", "new.txt")
PATCH = b"""\
--- a/a.txt
+++ b/a.txt
@@ -1 +1 @@
-a.txt edited
+a.txt patched
"""

State = SimpleNamespace  # what earlier operations made: user, private, workspace, ...


@contextmanager
def reviewed(state: State, **asked: Any) -> Iterator[Comparison]:
    with open_comparison(state.root, CompareSpec(**asked)) as two:
        change = two.private.change(two.old, two.new)
        change.patch()
        for file in change.files:
            assert file.hunks or file.submodule or not file.added
            two.private.read(two.new, file.path)
        two.private.grep(two.new, "two")
        state.paths = change.paths
        yield two


def discovery_for_a_run(state: State) -> None:
    state.user = discover(state.root)
    assert set(state.user.dirty) >= {"a.txt", "new.txt"}


def discovery_for_reading(state: State) -> None:
    assert discover(state.root, for_reading=True).identity == ADA


def names_of_revisions(state: State) -> None:
    assert {"main", "side", "before"} <= set(ref_names(state.root))
    assert branch_exists(state.user, "side")


def review_of_the_checkout(state: State) -> None:
    with reviewed(state):
        assert {"a.txt", "new.txt"} <= set(state.paths)


def review_of_staged_changes(state: State) -> None:
    with reviewed(state, staged=True):
        assert state.paths == ()


def review_of_a_commit(state: State) -> None:
    with reviewed(state, commit="HEAD~1"):
        assert ".husky/pre-commit" in state.paths


def review_of_a_range(state: State) -> None:
    with reviewed(state, range="before~1..before"):
        assert "embedded/config" in state.paths


def review_of_a_range_that_lacks_an_object(state: State) -> None:
    with (
        pytest.raises(WorkspaceError, match=r"lost\.txt"),
        reviewed(state, range="before..after"),
    ):
        pass


def review_of_whole_files(state: State) -> None:
    with reviewed(state, whole=True, paths=("a.flt", "a.prc", "a.rcy", "embedded")):
        assert "embedded/config" in state.paths


def review_of_a_patch(state: State) -> None:
    with reviewed(state, patch=PATCH):
        assert state.paths == ("a.txt",)


def private_repository(state: State) -> None:
    state.private = PrivateRepo.create(state.folder / "run/git", state.user)
    state.base = state.private.tree_of(state.private.head)


def snapshot_of_the_checkout(state: State) -> None:
    tree = state.private.snapshot_of_checkout(state.user)
    assert state.private.read(tree, "a.txt") == b"a.txt edited\n"


def workspace_reset(state: State) -> None:
    state.workspace = Workspace(state.private, state.folder / "run/workspace")
    other = state.private.edit(state.base, {"a.flt": b"other\n", "a.prc": None})
    for tree in (state.base, other, state.base):
        folder = state.workspace.reset(tree)
    assert (folder / "a.flt").read_text() == "a.flt three\n"


def git_of_a_build_in_the_workspace(state: State) -> None:
    for command in ("status", "add -A", "diff HEAD~1", "log -p -1", "commit --allow-empty -m x"):
        args = ["git", *command.split()]
        subprocess.run(args, cwd=state.workspace.folder, capture_output=True, check=False)


def diff_of_trees(state: State) -> None:
    state.tree = state.private.edit(state.base, {"a.flt": b"new\n", "b.prc": b"new\n"})
    assert "+new" in state.private.change(state.base, state.tree).patch()


def search_and_read(state: State) -> None:
    assert {hit.path for hit in state.private.grep(state.base, "three")} >= {"a.conv", "a.flt"}
    assert state.private.reader(state.base).glob("a.*")
    assert generated(state.private, state.base, ["a.flt"]) == {}


def kept_step(state: State) -> None:
    state.private.keep(state.tree, "run", "implement", state.private.head)


def proposed_commit(state: State) -> None:
    head = state.private.head
    state.commit = state.private.commit(state.tree, [head], "task", ADA, ADA)


def promotion(state: State) -> None:
    state.record = promote(
        state.user, state.private, state.commit, branch="main",
        expected_head=state.private.head, intent=state.folder / "run/intent.json",
    )  # fmt: skip
    assert (state.root / "a.flt").read_text() == "new\n"


def undoing(state: State) -> None:
    undo(state.user, state.record, intent=state.folder / "run/undo.json")
    assert (state.root / "a.flt").read_text() == "a.flt three\n"


def promotion_to_a_new_branch(state: State) -> None:
    record = promote(
        state.user, state.private, state.commit, branch="task", new_branch=True,
        expected_head=state.private.head, intent=state.folder / "run/intent2.json",
    )  # fmt: skip
    undo(state.user, record, intent=state.folder / "run/undo2.json")


def export_as_a_branch(state: State) -> None:
    export_branch(state.user, state.private, state.commit, "saved")


def fix_in_the_checkout(state: State) -> None:
    assert rewrite(state.root, {"a.conv": (b"a.conv three\n", b"fixed\n")}) == ["a.conv"]


def clean(state: State) -> None:
    state.workspace.remove()
    state.private.close()


OPERATIONS: tuple[Callable[[State], None], ...] = (
    discovery_for_a_run,
    discovery_for_reading,
    names_of_revisions,
    review_of_the_checkout,
    review_of_staged_changes,
    review_of_a_commit,
    review_of_a_range,
    review_of_a_range_that_lacks_an_object,
    review_of_whole_files,
    review_of_a_patch,
    private_repository,
    snapshot_of_the_checkout,
    workspace_reset,
    git_of_a_build_in_the_workspace,
    diff_of_trees,
    search_and_read,
    kept_step,
    proposed_commit,
    promotion,
    undoing,
    promotion_to_a_new_branch,
    export_as_a_branch,
    fix_in_the_checkout,
    clean,
)


@pytest.fixture(scope="module", params=[DIRECT, INDIRECT])
def outcomes(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, tuple[Exception | None, list[str]]]:
    """Return what became of each operation: its error, and the vectors that fired meanwhile."""
    folder = tmp_path_factory.mktemp("vectors")
    trapped = Trapped(folder / "trapped", request.param)
    (trapped.root / "a.txt").write_text("a.txt edited\n")
    (trapped.root / "new.txt").write_text("new\n")
    assert trapped.fired() == []
    state = State(root=trapped.root, folder=folder)
    found: dict[str, tuple[Exception | None, list[str]]] = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        for name in ("GIT_DIR", "GIT_CONFIG_GLOBAL", "XDG_CONFIG_HOME"):
            patch.delenv(name, raising=False)
        for operation in OPERATIONS:
            error = None
            try:
                operation(state)
            except Exception as raised:  # noqa: BLE001 - told where the operation is asked about
                error = raised
            found[operation.__name__] = (error, trapped.fired())
    return found


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.__name__)
def test_no_vector_fires(
    outcomes: dict[str, tuple[Exception | None, list[str]]], operation: Callable[[State], None]
) -> None:
    error, fired = outcomes[operation.__name__]
    assert fired == []
    if error:
        raise error


@pytest.fixture(scope="module")
def open_to_all(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Trapped]:
    """Return repositories to run plain git in."""
    folder = tmp_path_factory.mktemp("controls")
    return {layout: Trapped(folder / layout, layout) for layout in (DIRECT, INDIRECT)}


@pytest.mark.parametrize(
    ("vector", "layout"),
    [(vector, layout) for vector in VECTORS if vector.control for layout in vector.armed],
    ids=lambda one: one.name if isinstance(one, Vector) else one,
)
def test_plain_git_fires_it(open_to_all: dict[str, Trapped], vector: Vector, layout: str) -> None:
    assert open_to_all[layout].fires(vector), f"the trap of {vector.name} is broken"


def test_there_are_as_many_as_were_found() -> None:
    assert len({vector.name for vector in VECTORS}) >= 19
    assert len(OPERATIONS) >= 19
    assert [vector.name for vector in VECTORS if not vector.control] == [
        "uploadpack.packObjectsHook"  # git takes it from a person's own files only
    ]
