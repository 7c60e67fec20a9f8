"""An approved commit reaches the checkout whole, or not at all, whatever happens in between."""

import os
import shutil
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.checkout.promote import Promotion, promote, resume_promotion, undo
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover

ADA = ("Ada Example", "ada@example.org")
CHANGES: dict[str, bytes | None] = {
    "src/app.py": b"print('new')\n",
    "src/added/deep/new.py": b"added\n",
    "old/only.txt": None,
    "run.sh": b"#!/bin/sh\necho new\n",
    "link": b"src/app.py",
    "na\xefve name\n.txt".encode().decode(): b"odd\n",
}
MODES = {"run.sh": "100755", "link": "120000"}


class Case:
    """A repository, the run's private one, and a commit that waits for approval."""

    def __init__(self, repo: Path, state: Path, git: Callable[..., str]) -> None:
        self.repo = repo
        self.state = state
        self._git = git
        self.private_folder = state / "private.git"
        self.intent = state / "intent.json"
        self.undo_intent = state / "undo.json"

    def git(self, *args: str) -> str:
        return self._git(self.repo, *args)

    def write(self, path: str, text: str) -> None:
        (self.repo / path).parent.mkdir(parents=True, exist_ok=True)
        (self.repo / path).write_text(text)

    def commit_all(self, message: str = "base") -> str:
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD")

    def propose(self, changes: dict[str, bytes | None], modes: dict[str, str] | None = None) -> str:
        self.private = PrivateRepo.create(self.private_folder, discover(self.repo))
        self.head = self.git("rev-parse", "HEAD")
        tree = self.private.tree_of(self.head)
        removed = {path: None for path, content in changes.items() if content is None}
        written = {path: content for path, content in changes.items() if content is not None}
        tree = self.private.edit(self.private.edit(tree, removed), written, modes or {})
        self.commit = self.private.commit(tree, [self.head], "add: the task\n\nWhy.", ADA, ADA)
        self.private.close()
        return self.commit

    def promote(self, **more: object) -> Promotion:
        arguments: dict[str, object] = {"branch": "main", "expected_head": self.head}
        return promote(
            discover(self.repo, for_reading=True),
            self.private,
            self.commit,
            intent=self.intent,
            **(arguments | more),
        )

    def undo(self, record: Promotion) -> Promotion:
        user = discover(self.repo, for_reading=True)
        return undo(user, record, intent=self.undo_intent)

    def status(self) -> str:
        return self.git("status", "--porcelain", "-uall")

    def photograph(self) -> dict[str, object]:
        """Return the checkout's files and what git knows, the reflog and objects apart."""
        files = {}
        for folder, names, found in os.walk(self.repo):
            if ".git" in names:
                names.remove(".git")
            for name in [*found, *(n for n in names if Path(folder, n).is_symlink())]:
                path = Path(folder, name)
                content = os.readlink(path) if path.is_symlink() else path.read_bytes()
                files[str(path.relative_to(self.repo))] = (content, path.lstat().st_mode)
        folders = sorted(f for f, _, _ in os.walk(self.repo) if ".git" not in f)
        index = self.git("ls-files", "--stage", "-v")
        refs = self.git("for-each-ref", "--format=%(refname) %(objectname)")
        return {
            "files": files,
            "folders": folders,
            "index": index,
            "refs": refs,
            "HEAD": (self.repo / ".git/HEAD").read_text(),
        }


@pytest.fixture(scope="module")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder for the repository that all cases are copies of: making it takes a while."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture
def case(shelf: Path, tmp_path: Path, git: Callable[..., str]) -> Case:
    """Return a proposed commit in a repository with edits of the person next to it."""
    made = Case(tmp_path / "project", tmp_path / "state", git)
    if not (shelf / "commit").exists():
        made.state.mkdir()
        made.repo.mkdir()
        made.git("init", "-q", "-b", "main")
        made.git("config", "user.name", ADA[0])
        made.git("config", "user.email", ADA[1])
        made.write("README.md", "# project\n")
        made.commit_all("first")
        made.write("src/app.py", "print('old')\n")
        made.write("src/other.py", "mine\n")
        made.write("src/staged.py", "mine\n")
        made.write("old/only.txt", "goes\n")
        made.write("run.sh", "#!/bin/sh\n")
        made.commit_all()
        commit = made.propose(CHANGES, MODES)
        made.write("src/other.py", "mine, unsaved\n")
        made.write("src/staged.py", "mine, staged\n")
        made.git("add", "src/staged.py")
        made.write("notes.txt", "untracked\n")
        shutil.rmtree(made.repo / ".git/hooks")
        made.repo.rename(shelf / "project")
        made.state.rename(shelf / "state")
        (shelf / "commit").write_text(commit)
    shutil.copytree(shelf / "project", made.repo, symlinks=True)
    shutil.copytree(shelf / "state", made.state, symlinks=True)
    user = discover(made.repo, for_reading=True)
    made.private = PrivateRepo.create(made.private_folder, user)
    made.head, made.commit = user.head, (shelf / "commit").read_text()
    return made


OWN_EDITS = {"M src/other.py", "M  src/staged.py", "?? notes.txt"}


def assert_promoted(case: Case, notes: str = "untracked\n") -> None:
    assert case.git("rev-parse", "HEAD") == case.commit
    assert {line.strip() for line in case.status().splitlines()} == OWN_EDITS
    assert (case.repo / "src/app.py").read_bytes() == CHANGES["src/app.py"]
    assert (case.repo / "src/added/deep/new.py").read_bytes() == b"added\n"
    assert not (case.repo / "old").exists()
    assert os.access(case.repo / "run.sh", os.X_OK)
    assert os.readlink(case.repo / "link") == "src/app.py"
    assert (case.repo / "src/other.py").read_text() == "mine, unsaved\n"
    assert (case.repo / "src/staged.py").read_text() == "mine, staged\n"
    assert (case.repo / "notes.txt").read_text() == notes
    assert not list(case.repo.rglob(".reviewloop*"))
    assert not (case.repo / ".git/index.lock").exists()
    case.git("fsck", "--strict", "--connectivity-only")


def test_a_commit_reaches_files_index_and_branch(case: Case) -> None:
    record = case.promote()
    assert_promoted(case)
    assert record.checkout_updated
    assert set(record.files) == set(CHANGES)
    assert record.notes == ()
    assert Promotion.from_plain(record.plain()) == record
    assert case.git("log", "-g", "-1", "--format=%gs", "main") == "reviewloop: add: the task"
    assert case.git("log", "-g", "-1", "--format=%gs", "HEAD") == "reviewloop: add: the task"
    assert not list(case.state.glob("intent.json.files"))


def test_promoting_again_changes_nothing(case: Case) -> None:
    record = case.promote()
    before = case.photograph()
    assert case.promote() == record
    assert resume_promotion(case.intent) == record
    assert case.photograph() == before


POINTS = [
    "promote.intent",
    "promote.objects",
    "promote.file",
    "promote.file:3",
    "promote.file:6",
    "disk.temp:4",
    "promote.index",
    "promote.ref",
    "promote.moved",
    "promote.extra",
    "promote.done",
]


def killed_at(case: Case, point: str, way: str = "promote") -> None:
    """Run it in a copy of this process that kills itself at a point."""
    child = os.fork()
    if child == 0:
        try:
            os.environ["REVIEWLOOP_FAULT"] = point
            if way == "undo":
                case.undo(Promotion(case.commit, "main", case.head, False, True, ()))
            else:
                case.promote(extra={"notes.txt": (b"untracked\n", b"ticked\n")})
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL, f"{point} was never passed"


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("point", POINTS)
def test_a_promotion_killed_anywhere_is_finished(case: Case, point: str) -> None:
    killed_at(case, point)
    finish(case)
    assert_promoted(case, "ticked\n")


def finish(case: Case) -> Promotion:
    if case.intent.exists():
        return resume_promotion(case.intent)
    return case.promote(extra={"notes.txt": (b"untracked\n", b"ticked\n")})


def work_elsewhere(case: Case) -> Callable[[], None] | None:
    case.write("src/other.py", "mine, typed just now\n")
    case.write("mine.txt", "new\n")
    case.write("src/staged.py", "mine, staged again\n")
    case.git("add", "src/staged.py")
    return None


def edit_a_file_of_the_commit(case: Case) -> Callable[[], None] | None:
    seen = (case.repo / "run.sh").read_bytes()
    case.write("run.sh", "my own idea\n")
    return lambda: (case.repo / "run.sh").write_bytes(seen) and None


def commit_on_the_branch(case: Case) -> Callable[[], None] | None:
    before = case.git("rev-parse", "main")
    index = (case.repo / ".git/index").read_bytes()
    case.git("commit", "-q", "--allow-empty", "--only", "-m", "mine")

    def back() -> None:
        case.git("update-ref", "refs/heads/main", before)
        (case.repo / ".git/index").write_bytes(index)

    return back


MEANWHILE = [work_elsewhere, edit_a_file_of_the_commit, commit_on_the_branch]
LANDED = {"promote.moved", "promote.extra", "promote.done"}


@pytest.mark.slow_but(every=8)
@pytest.mark.parametrize("meanwhile", MEANWHILE, ids=lambda one: one.__name__)
@pytest.mark.parametrize("point", POINTS)
def test_work_between_a_kill_and_the_resume_is_kept(
    case: Case, point: str, meanwhile: Callable[[Case], Callable[[], None] | None]
) -> None:
    """Either the promotion is finished around it, or it is refused until the person decided."""
    killed_at(case, point)
    back = meanwhile(case)
    mine = {p: (case.repo / p).read_bytes() for p in ("src/other.py", "src/staged.py", "run.sh")}
    staged = case.git("ls-files", "--stage", "src/staged.py")
    tip = case.git("rev-parse", "main")
    if back and point not in LANDED:
        with pytest.raises(WorkspaceError, match=r"run\.sh|main moved"):
            finish(case)
        assert {path: (case.repo / path).read_bytes() for path in mine} == mine
        assert case.git("rev-parse", "main") == tip
        back()
        tip = case.commit
        mine["run.sh"] = b"#!/bin/sh\necho new\n"
    elif not back:
        tip = case.commit
        mine["run.sh"] = b"#!/bin/sh\necho new\n"
    assert finish(case).commit == case.commit
    assert case.git("rev-parse", "main") == tip
    assert {path: (case.repo / path).read_bytes() for path in mine} == mine
    assert case.git("ls-files", "--stage", "src/staged.py") == staged
    assert (case.repo / "notes.txt").read_text() == "ticked\n"
    assert (case.repo / "src/added/deep/new.py").read_bytes() == b"added\n"
    assert not list(case.repo.rglob(".reviewloop*"))
    assert finish(case).commit == case.commit


def test_an_edit_made_after_the_kill_is_not_overwritten(case: Case) -> None:
    killed_at(case, "promote.file:3")
    case.write("run.sh", "my own idea\n")
    with pytest.raises(WorkspaceError, match=r"run\.sh"):
        resume_promotion(case.intent)
    assert (case.repo / "run.sh").read_text() == "my own idea\n"
    assert case.git("rev-parse", "HEAD") == case.head
    case.git("checkout", "--", "run.sh")
    resume_promotion(case.intent)
    assert_promoted(case, "ticked\n")


def test_leaving_the_branch_after_the_kill_is_refused(case: Case) -> None:
    killed_at(case, "promote.file:3")
    case.git("symbolic-ref", "HEAD", "refs/heads/elsewhere")
    case.git("update-ref", "refs/heads/elsewhere", case.head)
    with pytest.raises(WorkspaceError, match="git switch main"):
        resume_promotion(case.intent)
    case.git("symbolic-ref", "HEAD", "refs/heads/main")
    resume_promotion(case.intent)
    case.git("update-ref", "-d", "refs/heads/elsewhere")
    assert_promoted(case, "ticked\n")


def edit_touched_file(case: Case) -> None:
    case.write("src/app.py", "my own\n")


def make_touched_file_executable(case: Case) -> None:
    (case.repo / "src/app.py").chmod(0o755)


def delete_touched_file(case: Case) -> None:
    (case.repo / "src/app.py").unlink()


def untracked_file_in_the_way(case: Case) -> None:
    case.write("src/added/deep/new.py", "mine\n")


def folder_in_the_way(case: Case) -> None:
    case.write("link/mine.txt", "mine\n")


def file_where_a_folder_goes(case: Case) -> None:
    case.write("src/added", "mine\n")


def link_where_a_folder_goes(case: Case) -> None:
    outside = case.state / "outside"
    (outside / "deep").mkdir(parents=True)
    (case.repo / "src/added").symlink_to(outside)


def source_folder_became_a_link(case: Case) -> None:
    shutil.copytree(case.repo / "src", case.state / "src")
    shutil.rmtree(case.repo / "src")
    (case.repo / "src").symlink_to(case.state / "src")


def staged_change(case: Case) -> None:
    case.write("src/app.py", "staged\n")
    case.git("add", "src/app.py")
    case.write("src/app.py", "print('old')\n")


def staged_addition(case: Case) -> None:
    case.write("src/added/deep/new.py", "staged\n")
    case.git("add", "src/added/deep/new.py")
    shutil.rmtree(case.repo / "src/added")


def branch_moved(case: Case) -> None:
    case.git("commit", "-q", "--allow-empty", "-m", "mine")


def branch_deleted(case: Case) -> None:
    case.git("switch", "-q", "-c", "elsewhere")
    case.git("branch", "-q", "-D", "main")


def locked_index(case: Case) -> None:
    (case.repo / ".git/index.lock").touch()


def merge_in_progress(case: Case) -> None:
    (case.repo / ".git/MERGE_HEAD").write_text(case.head + "\n")


def branch_in_another_worktree(case: Case) -> None:
    case.git("switch", "-q", "-c", "elsewhere")
    case.git("worktree", "add", "-q", str(case.state / "second"), "main")


REFUSALS = {
    edit_touched_file: r"src/app\.py .*edited",
    make_touched_file_executable: r"src/app\.py .*edited",
    delete_touched_file: r"src/app\.py .*edited",
    untracked_file_in_the_way: r"src/added/deep/new\.py .*edited",
    folder_in_the_way: "link .*edited",
    file_where_a_folder_goes: r"src/added/deep/new\.py .*edited",
    link_where_a_folder_goes: r"src/added/deep/new\.py .*edited",
    source_folder_became_a_link: r"src/.* edited",
    staged_change: r"src/app\.py has staged changes",
    staged_addition: r"new\.py has staged changes",
    branch_moved: "main moved",
    branch_deleted: "main moved",
    locked_index: r"index\.lock exists",
    merge_in_progress: "merge is in progress",
    branch_in_another_worktree: "checked out in",
}


@pytest.mark.parametrize("disturb", REFUSALS, ids=lambda disturb: disturb.__name__)
def test_refused_and_nothing_touched(case: Case, disturb: Callable[[Case], None]) -> None:
    disturb(case)
    before = case.photograph()
    outside = sorted(str(p) for p in case.state.rglob("*") if "private.git" not in str(p))
    with pytest.raises(WorkspaceError, match=REFUSALS[disturb]) as refusal:
        case.promote()
    assert int(refusal.value.exit_code) == 2
    assert case.photograph() == before
    assert not case.intent.exists()
    assert outside == sorted(str(p) for p in case.state.rglob("*") if "private.git" not in str(p))


def test_a_branch_that_cannot_move_takes_the_files_back(case: Case) -> None:
    before = case.photograph()
    lock = case.repo / ".git/refs/heads/main.lock"
    lock.touch()
    with pytest.raises(WorkspaceError, match="update-ref"):
        case.promote()
    lock.unlink()
    assert case.photograph() == before
    assert not case.intent.exists()


def test_content_that_is_already_new_is_accepted(case: Case) -> None:
    case.write("src/app.py", "print('new')\n")
    case.write("src/added/deep/new.py", "added\n")
    case.promote()
    assert_promoted(case)


def test_a_branch_that_is_not_checked_out_only_moves(case: Case) -> None:
    case.git("switch", "-q", "-c", "elsewhere")
    before = case.photograph()
    record = case.promote()
    after = case.photograph()
    assert not record.checkout_updated
    assert "checkout is as it was" in record.notes[0]
    assert case.git("rev-parse", "main") == case.commit
    assert {**before, "refs": ""} == {**after, "refs": ""}


def test_a_new_branch_leaves_the_checkout_alone(case: Case) -> None:
    before = case.photograph()
    record = case.promote(branch="reviewloop/task-1", new_branch=True)
    assert record.created_branch
    assert not record.checkout_updated
    assert case.git("rev-parse", "reviewloop/task-1") == case.commit
    assert {**case.photograph(), "refs": ""} == {**before, "refs": ""}
    case.undo(record)
    assert case.photograph() == before


def test_a_new_branch_never_takes_an_existing_name(case: Case) -> None:
    case.git("branch", "taken")
    with pytest.raises(WorkspaceError, match="exists already"):
        case.promote(branch="taken", new_branch=True)
    with pytest.raises(UsageError, match="not a name git allows"):
        case.promote(branch="a..b", new_branch=True)


def test_a_commit_on_another_base_is_refused(case: Case) -> None:
    with pytest.raises(WorkspaceError, match="does not follow"):
        case.promote(expected_head=case.git("rev-parse", "HEAD~1"))


def test_nothing_of_the_repository_is_executed(case: Case) -> None:
    fired = case.state / "fired"
    hooks = case.repo / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    script = f"#!/bin/sh\necho $0 >> '{fired}'\ncat\n"
    for name in ("post-index-change", "reference-transaction", "post-checkout", "post-commit"):
        (hooks / name).write_text(script)
        (hooks / name).chmod(0o755)
    trap = case.state / "trap"
    trap.write_text(script)
    trap.chmod(0o755)
    for key in ("filter.x.clean", "filter.x.smudge", "filter.x.process", "core.fsmonitor"):
        case.git("config", key, str(trap))
    case.git("config", "diff.x.textconv", str(trap))
    (case.repo / ".git/info/attributes").write_text("* filter=x diff=x\n")
    # An index as young as its files makes git compare contents, which is where filters run.
    now = (case.repo / ".git/index").stat().st_mtime
    for path in (case.repo / "src/other.py", case.repo / "README.md"):
        os.utime(path, (now, now))
    fired.unlink(missing_ok=True)
    case.undo(case.promote())
    assert not fired.exists()
    case.git("status")
    assert fired.exists(), "the traps were not armed"


def test_line_ends_follow_the_users_settings(
    repo: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    case = Case(repo, tmp_path / "state", git)
    case.state.mkdir()
    case.git("config", "core.autocrlf", "true")
    case.write(".gitattributes", "*.sh text eol=lf\n*.bin -text\n")
    case.write("a.txt", "one\n")
    case.write("kept.txt", "one\n")
    case.write("a.sh", "one\n")
    case.commit_all()
    for name in ("a.txt", "kept.txt", "a.sh"):
        (repo / name).unlink()
    case.git("checkout", "--", ".")
    assert (repo / "a.txt").read_bytes() == b"one\r\n"
    (repo / "kept.txt").write_bytes(b"one\n")  # the same to git
    names = ("a.txt", "kept.txt", "a.sh", "a.bin")
    case.propose(dict.fromkeys(names, b"one\ntwo\n"))
    record = case.promote()
    found = {name: (repo / name).read_bytes() for name in names}
    crlf, lf = b"one\r\ntwo\r\n", b"one\ntwo\n"
    assert found == {"a.txt": crlf, "kept.txt": crlf, "a.sh": lf, "a.bin": lf}
    assert case.status() == ""
    case.undo(record)
    assert case.status() == ""
    assert (repo / "a.txt").read_bytes() == b"one\r\n"


def test_files_and_folders_may_swap(repo: Path, tmp_path: Path, git: Callable[..., str]) -> None:
    case = Case(repo, tmp_path / "state", git)
    case.state.mkdir()
    case.write("folder/inside.txt", "a\n")
    case.write("file", "b\n")
    case.commit_all()
    case.propose(
        {"folder/inside.txt": None, "folder": b"now a file\n", "file": None, "file/x": b"below\n"}
    )
    before = case.photograph()
    record = case.promote()
    assert case.status() == ""
    assert (repo / "folder").read_text() == "now a file\n"
    assert (repo / "file/x").read_text() == "below\n"
    case.undo(record)
    assert case.photograph() == before


def test_an_ignored_file_keeps_its_folder_from_becoming_a_file(
    repo: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    case = Case(repo, tmp_path / "state", git)
    case.state.mkdir()
    case.write(".gitignore", "*.log\n")
    case.write("folder/inside.txt", "a\n")
    case.commit_all()
    case.propose({"folder/inside.txt": None, "folder": b"now a file\n"})
    case.write("folder/mine.log", "mine\n")
    with pytest.raises(WorkspaceError, match="folder"):
        case.promote()
    assert (repo / "folder/mine.log").read_text() == "mine\n"
    assert (repo / "folder/inside.txt").exists()


def test_files_outside_a_sparse_checkout_stay_outside(
    repo: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    case = Case(repo, tmp_path / "state", git)
    case.state.mkdir()
    case.write("in/a.txt", "a\n")
    case.write("out/b.txt", "b\n")
    case.write("out/c.txt", "c\n")
    case.commit_all()
    case.git("sparse-checkout", "set", "in")
    case.propose({"in/a.txt": b"A\n", "out/b.txt": b"B\n", "out/c.txt": None})
    case.promote()
    assert not (repo / "out").exists()
    assert (repo / "in/a.txt").read_text() == "A\n"
    assert case.status() == ""
    assert case.git("show", "HEAD:out/b.txt") == "B"


def test_a_linked_worktree_is_a_checkout_like_any_other(
    repo: Path, tmp_path: Path, git: Callable[..., str]
) -> None:
    second = tmp_path / "second"
    git(repo, "worktree", "add", "-q", "-b", "side", str(second))
    case = Case(second, tmp_path / "state", git)
    case.state.mkdir()
    case.propose({"README.md": b"new\n"})
    record = case.promote(branch="side")
    assert record.checkout_updated
    assert (second / "README.md").read_text() == "new\n"
    assert (case.status(), git(repo, "status", "--porcelain")) == ("", "")
    assert (repo / "README.md").read_text() == "# project\n"


def test_a_sha256_repository(tmp_path: Path, git: Callable[..., str]) -> None:
    repo = tmp_path / "project"
    repo.mkdir()
    git(repo, "init", "-q", "-b", "main", "--object-format=sha256")
    git(repo, "config", "user.name", "Ada")
    git(repo, "config", "user.email", "ada@example.org")
    case = Case(repo, tmp_path / "state", git)
    case.state.mkdir()
    case.write("a.txt", "a\n")
    case.commit_all()
    case.propose({"a.txt": None, "b.txt": b"b\n"})
    record = case.promote()
    assert (case.status(), (repo / "b.txt").read_text()) == ("", "b\n")
    case.undo(record)
    assert case.status() == ""


# Untracked files that follow, such as the tick in a spec that git does not know


def test_an_untracked_file_is_changed_afterwards(case: Case) -> None:
    record = case.promote(extra={"notes.txt": (b"untracked\n", b"ticked\n")})
    assert (case.repo / "notes.txt").read_text() == "ticked\n"
    assert record.notes == ()
    case.undo(record)
    assert (case.repo / "notes.txt").read_text() == "untracked\n"


def test_an_untracked_file_that_was_edited_is_left_alone(case: Case) -> None:
    record = case.promote(extra={"notes.txt": (b"something else\n", b"ticked\n")})
    assert_promoted(case)
    assert "notes.txt was edited meanwhile" in record.notes[0]


# Undo


def test_undo_restores_everything(case: Case) -> None:
    before = case.photograph()
    record = case.promote()
    case.undo(record)
    assert case.photograph() == before
    assert case.git("log", "-g", "-1", "--format=%gs", "main").startswith("reviewloop: take back")
    case.undo(record)
    assert case.photograph() == before


@pytest.mark.slow_but(every=8)
@pytest.mark.parametrize("point", ["promote.file:3", "disk.temp:3", "promote.index", "promote.ref"])
def test_an_undo_killed_anywhere_is_finished(case: Case, point: str) -> None:
    before = case.photograph()
    case.promote()
    killed_at(case, point, "undo")
    resume_promotion(case.undo_intent)
    assert case.photograph() == before


def test_a_pushed_commit_is_not_taken_back(case: Case) -> None:
    record = case.promote()
    case.git("update-ref", "refs/remotes/origin/main", case.commit)
    before = case.photograph()
    with pytest.raises(WorkspaceError, match="origin/main already"):
        case.undo(record)
    assert case.photograph() == before


def test_a_commit_that_was_built_upon_is_not_taken_back(case: Case) -> None:
    record = case.promote()
    case.git("commit", "-q", "-m", "mine")
    before = case.photograph()
    with pytest.raises(WorkspaceError, match="main moved"):
        case.undo(record)
    assert case.photograph() == before


def test_edits_are_not_undone(case: Case) -> None:
    record = case.promote()
    case.write("src/app.py", "mine\n")
    before = case.photograph()
    with pytest.raises(WorkspaceError, match=r"src/app\.py"):
        case.undo(record)
    assert case.photograph() == before


def test_a_created_branch_that_is_in_use_goes_back_instead_of_away(case: Case) -> None:
    record = case.promote(branch="task", new_branch=True)
    case.git("stash", "-q")
    case.git("switch", "-q", "task")
    case.undo(record)
    assert case.git("rev-parse", "task") == case.head
    assert case.status() == "?? notes.txt"
