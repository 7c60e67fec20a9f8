"""Cases about the state of a repository: branches, histories, work that is not committed yet."""

from pathlib import Path

from pathological.making import EMPTY, WORK, Case, Maker, Spec
from pathological.shapes import BODY


def empty_repo_clean(make: Maker) -> None:
    make.start()


def unborn_with_files(make: Maker) -> None:
    make.start().write({"a": "1\n", "b/c": "2\n", ".gitignore": "*.log\n", "x.log": "no\n"})
    make.git("add", "a")
    make.write({"a": "changed\n"})


def root_commit(make: Maker) -> None:
    make.start().commit({"a": "1\n"})


def empty_commit(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).commit()


def staged_then_reverted(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"a": "2\n"})
    make.git("add", "a")
    make.write({"a": "1\n"})


def autocrlf_checkout(make: Maker) -> None:
    make.start().commit({"a": "1\n2\n", "b": "x\n"})
    make.git("config", "core.autocrlf", "true")
    make.write({"a": "1\r\n2\r\n"})


def ignored_change_only(make: Maker) -> None:
    make.start().commit({".gitignore": "*.log\nbuild/\n", "a": "1\n"})
    make.write({"x.log": "1\n", "build/out": "2\n"})
    (make.repo / ".git/info/exclude").write_text("local\n")
    make.write({"local": "3\n"})


def detached_head(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).commit({"a": "2\n"})
    make.git("checkout", "-q", "--detach")
    make.commit({"b": "3\n"}).write({"c": "4\n"})


def merge_commit(make: Maker) -> None:
    make.start().commit({"a": BODY, "b": "1\n"})
    make.git("checkout", "-q", "-b", "side")
    make.commit({"a": BODY + "side\n", "s": "side\n"})
    make.git("checkout", "-q", "main")
    make.commit({"b": "2\n"})
    make.git("merge", "-q", "--no-ff", "-m", "merged", "side")


def evil_merge(make: Maker) -> None:
    merge_commit(make)
    make.write({"b": "2\nonly the merge says this\n"})
    make.git("commit", "-q", "--amend", "-a", "-m", "evil")


def evil_line(_two, change) -> None:
    assert change.file("b").added_text == {2: "only the merge says this"}


def base_branch_moved_on(make: Maker) -> None:
    make.start().commit({"a": "1\n", "b": "1\n"})
    make.git("checkout", "-q", "-b", "feature")
    make.commit({"a": "1\n2\n"})
    make.git("checkout", "-q", "main")
    make.commit({"b": "moved on\n", "new": "on main\n"})
    make.git("checkout", "-q", "feature")
    make.write({"c": "not committed\n"})


def with_remote(make: Maker) -> None:
    """Clone: the remote's default branch is `trunk`, and ours is ahead of it."""
    make.start().commit({"a": "1\n"})
    make.git("branch", "-m", "trunk")
    upstream = make.folder / "upstream.git"
    make.git("clone", "-q", "--bare", str(make.repo), str(upstream))
    make.git("remote", "add", "origin", str(upstream))
    make.git("fetch", "-q", "origin")
    make.git("remote", "set-head", "origin", "trunk")
    make.commit({"a": "1\n2\n"}).write({"b": "3\n"})


def remote_without_head(make: Maker) -> None:
    with_remote(make)
    make.git("branch", "-q", "-m", "main")
    make.git("push", "-q", "origin", "HEAD~1:refs/heads/main")
    make.git("fetch", "-q", "origin")
    make.git("remote", "set-head", "origin", "-d")


def only_its_upstream(make: Maker) -> None:
    remote_without_head(make)
    make.git("branch", "-q", "-m", "production")
    make.git("push", "-q", "origin", "HEAD~1:refs/heads/production", ":refs/heads/main")
    make.git("fetch", "-q", "--prune", "origin")
    make.git("update-ref", "-d", "refs/remotes/origin/trunk")
    make.git("branch", "-q", "--set-upstream-to=origin/production")


def only_another_branch(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("branch", "-m", "work")
    make.write({"a": "2\n"})


def noted(two, _change) -> None:
    assert any("no base branch" in note for note in two.notes)


def two_branches(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("checkout", "-q", "-b", "left")
    make.commit({"l": "left\n"})
    make.git("checkout", "-q", "-b", "right", "main")
    make.commit({"r": "1\n"}).write({"w": "1\n"})


def sha256_repo(make: Maker) -> None:
    make.start("--object-format=sha256").commit({"a": "1\n"}).write({"a": "2\n", "b": "3\n"})


def long_ids(two, change) -> None:
    assert {len(two.old), len(two.new), len(change.files[0].new_oid)} == {64}


def replace_refs(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).commit({"a": "1\nreal\n"})
    fake = make.git("commit-tree", "HEAD^{tree}", "-m", "nothing happened")
    make.git("replace", "HEAD~1", fake)


def real_line(_two, change) -> None:
    assert change.file("a").added_text == {2: "real"}


def grafted(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).commit({"a": "2\n"}).commit({"a": "3\n"})
    head, first = make.git("rev-parse", "HEAD"), make.git("rev-parse", "HEAD~2")
    (make.repo / ".git/info/grafts").write_text(f"{head} {first}\n")


def from_two(two, _change) -> None:
    assert two.private.read(two.old, "a") == b"2\n"


def staged_unstaged_untracked(make: Maker) -> None:
    make.start().commit({"a": "1\n", "b": "1\n", "gone": "x\n"})
    make.write({"a": "2\n", "staged": "s\n"})
    make.git("add", "-A")
    make.git("rm", "-q", "--cached", "gone")
    make.write({"b": "2\n", "a": "3\n", "new": "n\n"})


def untracked_only(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"sub/new folder/x": "1\n"})


def many_untracked(make: Maker) -> None:
    make.start().commit({"a": "1\n", ".gitattributes": "*.txt text eol=crlf\n"})
    make.write({f"d{n % 9}/f{n}": f"{n}\n" * n for n in range(60)})
    make.write({"empty": "", "x.txt": "1\r\n2\r\n", "same": "1\n", "bin": b"\0" * 5000})
    (make.repo / "link").symlink_to("a")
    (make.repo / "empty").chmod(0o755)


def tracked_but_ignored(make: Maker) -> None:
    make.start().commit({"x.log": "1\n"}).commit({".gitignore": "*.log\n"})
    make.write({"x.log": "2\n", "y.log": "3\n"})


def intent_to_add(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"new": "1\n", "other": "2\n"})
    make.git("add", "-N", "new", "other")


def assume_unchanged(make: Maker) -> None:
    make.start().commit({"a": "1\n", "b": "1\n"})
    make.git("update-index", "--assume-unchanged", "a")
    make.write({"a": "2\n"})


def skip_worktree(make: Maker) -> None:
    make.start().commit({"a": "1\n", "b": "1\n"})
    make.git("update-index", "--skip-worktree", "a")
    make.write({"a": "a local secret\n", "b": "2\n"})


def said_so(two, _change) -> None:
    assert any("a is marked skip-worktree" in note for note in two.notes)


def locked_index(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"a": "2\n"})
    (make.repo / ".git/index.lock").touch()


def split_index(make: Maker) -> None:
    make.start().commit({f"f{n}": f"{n}\n" for n in range(30)})
    make.git("update-index", "--split-index")
    make.write({"f3": "changed\n", "new": "1\n"})
    make.git("add", "new")


def sparse_checkout(make: Maker) -> None:
    make.start().commit({"in/a": "1\n", "out/b": "1\n", "out/deep/c": "1\n", "top": "1\n"})
    make.git("sparse-checkout", "set", "--cone", "in")
    make.write({"in/a": "2\n"})


def sparse_index(make: Maker) -> None:
    make.start().commit({"in/a": "1\n", "out/b": "1\n", "out/deep/c": "1\n", "top": "1\n"})
    make.git("sparse-checkout", "init", "--cone", "--sparse-index")
    make.git("sparse-checkout", "set", "in")
    make.write({"in/a": "2\n"})


def merge_in_progress(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("checkout", "-q", "-b", "side")
    make.commit({"b": "side\n"})
    make.git("checkout", "-q", "main")
    make.commit({"c": "main\n"})
    make.git("merge", "-q", "--no-commit", "--no-ff", "side", ok=False)


def conflict(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("checkout", "-q", "-b", "side")
    make.commit({"a": "side\n"})
    make.git("checkout", "-q", "main")
    make.commit({"a": "main\n"})


def stopped(*command: str):
    def build(make: Maker) -> None:
        conflict(make)
        make.git(*command, ok=False)

    return build


def stash_conflict(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).write({"a": "stashed\n"})
    make.git("stash", "-q")
    make.commit({"a": "2\n"})
    make.git("stash", "pop", ok=False)


def special_files(make: Maker) -> None:
    import os

    make.start().commit({"a": "1\n", "pipe": "was a file\n"})
    (make.repo / "pipe").unlink()
    os.mkfifo(make.repo / "pipe")
    os.mkfifo(make.repo / "untracked pipe")
    make.write({"a": "2\n"})


def pipe_listed(two, _change) -> None:
    assert two.unreadable == (("pipe", "is no regular file"),)


def large_file(make: Maker) -> None:
    make.start().commit({"a": "1\n", "grown": "1\n"}).write({"b": "2\n"})
    for name in ("dump.sql", "grown"):
        with (make.repo / name).open("wb") as file:
            file.truncate(40 << 20)


def large_listed(two, _change) -> None:
    assert [path for path, _ in two.unreadable] == ["dump.sql", "grown"]
    assert "40 MB" in two.unreadable[0][1]


def nested_repository(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    inner = make.repo / "nested"
    inner.mkdir()
    make.git("init", "-q", at=inner)
    (inner / "inside").write_text("x\n")
    make.git("add", "-A", at=inner)
    make.git("commit", "-qm", "x", at=inner)
    make.write({"a": "2\n"})


def nested_bare(make: Maker) -> Path:
    make.start().commit({"a": "1\n"})
    inner = make.repo / "bare"
    make.git("init", "-q", "--bare", str(inner))
    make.git("config", "core.fsmonitor", str(make.trap()), at=inner)
    make.git("config", "core.worktree", str(make.repo), at=inner)
    make.write({"a": "2\n"})
    return inner


def no_nested(_two, change) -> None:
    assert change.paths == ("a",)


def base(expr: str, new: str = WORK, asked: Spec | None = None, **more):
    def case(build) -> Case:
        return Case(build, asked or Spec(), expr, new, **more)

    return case


NOTHING: dict[str, str] = {}
LAST_COMMIT = Spec(commit="HEAD")

CASES = {
    "empty_repo_clean": Case(empty_repo_clean, old=EMPTY, files=NOTHING),
    "unborn_branch_with_files": Case(
        unborn_with_files, old=EMPTY, files={".gitignore": "A", "a": "A", "b/c": "A"}
    ),
    "unborn_branch_staged": Case(
        unborn_with_files, Spec(staged=True), EMPTY, "", {"a": "A"}
    ),
    "root_commit": Case(root_commit, LAST_COMMIT, EMPTY, "HEAD", {"a": "A"}),
    "empty_commit": Case(empty_commit, LAST_COMMIT, "HEAD~1", "HEAD", NOTHING),
    "staged_then_reverted": Case(staged_then_reverted, files=NOTHING),
    "autocrlf_checkout": Case(autocrlf_checkout, files=NOTHING),
    "ignored_change_only": Case(ignored_change_only, files=NOTHING),
    "detached_head": Case(detached_head, old="main", files={"b": "A", "c": "A"}),
    "merge_commit": Case(merge_commit, LAST_COMMIT, "HEAD^1", "HEAD", {"a": "M", "s": "A"}),
    "evil_merge": Case(evil_merge, LAST_COMMIT, "HEAD^1", "HEAD", None, evil_line),
    "base_branch_moved_on": Case(
        base_branch_moved_on, old="main~1", files={"a": "M", "c": "A"}
    ),
    "base_named": Case(
        base_branch_moved_on, Spec(base="main"), "main~1", files={"a": "M", "c": "A"}
    ),
    "range_of_one_name": Case(
        two_branches, Spec(range="left"), "main", files={"r": "A", "w": "A"}
    ),
    "two_dots": Case(two_branches, Spec(range="left..right"), "left", "right",
                     {"l": "D", "r": "A"}),
    "three_dots": Case(two_branches, Spec(range="left...right"), "main", "right", {"r": "A"}),
    "open_range": Case(two_branches, Spec(range="main.."), "main", "right", {"r": "A"}),
    "remote_default_branch": Case(
        with_remote, old="origin/trunk", files={"a": "M", "b": "A"}
    ),
    "remote_without_head": Case(
        remote_without_head, old="origin/main", files={"a": "M", "b": "A"}
    ),
    "upstream_is_the_only_base": Case(
        only_its_upstream, old="origin/production", files={"a": "M", "b": "A"}
    ),
    "no_base_branch": Case(only_another_branch, files={"a": "M"}, check=noted),
    "sha256_repo": Case(sha256_repo, files={"a": "M", "b": "A"}, check=long_ids),
    "replace_refs": Case(replace_refs, LAST_COMMIT, "", "", {"a": "M"},
                         real_line),
    "grafts": Case(grafted, LAST_COMMIT, "", "", {"a": "M"}, check=from_two),
    "staged_unstaged_untracked": Case(
        staged_unstaged_untracked, files={"a": "M", "b": "M", "new": "A", "staged": "A"}
    ),
    "staged_only": Case(
        staged_unstaged_untracked, Spec(staged=True), new="",
        files={"a": "M", "gone": "D", "staged": "A"},
    ),
    "untracked_only": Case(untracked_only, files={"sub/new folder/x": "A"}),
    "many_untracked": Case(many_untracked),
    "tracked_but_ignored": Case(tracked_but_ignored, files={"x.log": "M"}),
    "intent_to_add": Case(intent_to_add, files={"new": "A", "other": "A"}),
    "intent_to_add_staged": Case(intent_to_add, Spec(staged=True), new="", files=NOTHING),
    "assume_unchanged": Case(assume_unchanged, new="", files={"a": "M"}),
    "skip_worktree": Case(skip_worktree, files={"b": "M"}, check=said_so),
    "locked_index": Case(locked_index, new="", files={"a": "M"}),
    "split_index": Case(split_index, files={"f3": "M", "new": "A"}),
    "sparse_checkout": Case(sparse_checkout, files={"in/a": "M"}),
    "sparse_index": Case(sparse_index, files={"in/a": "M"}),
    "merge_in_progress": Case(merge_in_progress, refused="A merge is in progress"),
    "merge_in_progress_staged": Case(
        merge_in_progress, Spec(staged=True), new="", files={"b": "A"}
    ),
    "merge_in_progress_range": Case(
        merge_in_progress, Spec(range="HEAD~1..HEAD"), "HEAD~1", "HEAD", {"c": "A"}
    ),
    "merge_conflict": Case(stopped("merge", "side"), refused="A merge is in progress"),
    "merge_conflict_staged": Case(
        stopped("merge", "side"), Spec(staged=True), refused="unresolved merge conflicts"
    ),
    "rebase_in_progress": Case(stopped("rebase", "side"), refused="A rebase is in progress"),
    "cherry_pick_in_progress": Case(
        stopped("cherry-pick", "side"), refused="A cherry-pick is in progress"
    ),
    "bisect_in_progress": Case(stopped("bisect", "start"), refused="A bisect is in progress"),
    "commit_while_rebasing": Case(
        stopped("rebase", "side"), Spec(commit="main"), "main~1", "main", {"a": "M"}
    ),
    "stash_conflict": Case(stash_conflict, refused="unresolved merge conflicts"),
    "special_files": Case(special_files, new="", files={"a": "M"}, check=pipe_listed),
    "large_file": Case(large_file, new="", files={"b": "A"}, check=large_listed),
    "nested_repository": Case(nested_repository, new="", files={"a": "M"}, check=no_nested),
    "nested_bare_repository": Case(nested_bare, new="", refused="not inside|bare|git does not"),
}  # fmt: skip
