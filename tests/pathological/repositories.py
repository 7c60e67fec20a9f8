"""Cases about locations of repositories: clones, worktrees, filters, traps."""

import os
from pathlib import Path

from pathological.making import EMPTY, Case, Maker, Spec
from pathological.shapes import BODY

POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize {}\n"


def cloned(make: Maker, *options: str, commits: int = 4) -> Maker:
    """Return a clone over the file protocol of a repository with some commits."""
    source = Maker(make.folder / "source")
    source.folder.mkdir()
    source.start()
    for number in range(commits):
        source.commit({"a": f"{number}\n" * 3, f"f{number}": BODY + f"{number}\n"})
    source.git("config", "uploadpack.allowFilter", "true")
    source.git("config", "uploadpack.allowAnySHA1InWant", "true")
    url = f"file://{source.repo}"
    make.git("clone", "-q", *options, url, str(make.repo), at=make.folder)
    return make


def shallow_dirty(make: Maker) -> None:
    cloned(make, "--depth=1").write({"a": "new\n"})


def shallow_missing_base(make: Maker) -> None:
    cloned(make, "--depth=1", "--no-single-branch")
    source = Maker(make.folder / "source")
    source.git("checkout", "-q", "-b", "side", "HEAD~2")
    source.commit({"side": "1\n"})
    make.git("fetch", "-q", "--depth=1", "origin", "side:side")
    make.git("checkout", "-q", "side")


def shallow_commit(make: Maker) -> None:
    cloned(make, "--depth=1")


def unrelated_histories(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("checkout", "-q", "--orphan", "other")
    make.commit({"a": "2\n"})


def ambiguous(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    make.git("tag", "twice")
    make.commit({"a": "2\n"})
    make.git("branch", "twice")
    make.commit({"a": "3\n"})


def linked_worktree(make: Maker) -> Path:
    make.start().commit({"a": "1\n"})
    make.git("worktree", "add", "-q", "-b", "side", str(make.folder / "side"))
    side = make.folder / "side"
    make.git("worktree", "add", "-q", "-b", "third", str(make.folder / "third"), at=side)
    make.write({"main only": "x\n"})
    (make.folder / "third/a").write_text("2\n")
    return make.folder / "third"


def dot_git_file(make: Maker) -> None:
    make.repo.mkdir()
    store = str(make.folder / "the store")
    make.git("init", "-q", "-b", "main", f"--separate-git-dir={store}")
    make.commit({"a": "1\n"}).write({"a": "2\n"})


def run_from_subfolder(make: Maker) -> Path:
    make.start().commit({"a": "1\n", "sub/deep/b": "1\n"})
    make.write({"a": "2\n", "sub/deep/b": "2\n"})
    return make.repo / "sub/deep"


def prefix_told(two, _change) -> None:
    assert two.prefix == "sub/deep/"


def through_a_link(make: Maker) -> Path:
    make.start().commit({"a": "1\n"}).write({"a": "2\n"})
    (make.folder / "link").symlink_to(make.repo)
    return make.folder / "link"


def alternates(make: Maker) -> None:
    cloned(make)
    plain = make.repo
    make.repo = make.folder / "borrower"
    make.git("clone", "-q", "--shared", str(plain), str(make.repo), at=make.folder)
    make.write({"a": "new\n"})


def not_a_repository(make: Maker) -> Path:
    make.repo.mkdir()
    return make.repo


def foreign_owner(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    for place, folders, files in os.walk(make.repo):
        for name in (".", *folders, *files):
            os.lchown(os.path.join(place, name), 12345, 12345)  # noqa: PTH118


def bare(make: Maker) -> Path:
    make.start().commit({"a": "1\n"}).commit({"a": "2\n"})
    make.git("clone", "-q", "--bare", str(make.repo), str(make.folder / "bare.git"))
    return make.folder / "bare.git"


def partial_clone(make: Maker) -> None:
    cloned(make, "--filter=blob:none", commits=3).write({"a": "new\n"})


def partial_and_sparse(make: Maker) -> None:
    cloned(make, "--filter=blob:none", "--sparse", commits=3)
    make.git("sparse-checkout", "set", "--no-cone", "/a")
    make.write({"a": "new\n"})


def treeless_clone(make: Maker) -> None:
    cloned(make, "--filter=tree:0", commits=3)


def missing_object(make: Maker) -> None:
    make.start().commit({"a": "1\n"}).commit({"a": "2\n"})
    oid = make.git("rev-parse", "HEAD~1:a")
    (make.repo / ".git/objects" / oid[:2] / oid[2:]).unlink()


def lfs_configured(make: Maker) -> None:
    trap = make.trap()
    for kind in ("clean", "smudge", "process"):
        make.git("config", f"filter.lfs.{kind}", str(trap))
    make.git("config", "filter.lfs.required", "true")


def lfs_pointer(make: Maker) -> None:
    make.start().commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    make.commit({"big.bin": POINTER.format("1" * 64, 12), "code.py": "1\n"})
    make.commit({"big.bin": POINTER.format("2" * 64, 13), "code.py": "2\n"})


def lfs_changed_on_disk(make: Maker) -> None:
    import hashlib

    same, new = b"same content\n", b"\0new content\n"
    make.start().commit({".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"})
    pointer = POINTER.format(hashlib.sha256(same).hexdigest(), len(same))
    make.commit({"same.bin": pointer, "new.bin": POINTER.format("1" * 64, 12), "x": "1\n"})
    lfs_configured(make)
    make.write({"same.bin": same, "new.bin": new, "x": "2\n"})


def lfs_listed(two, change) -> None:
    assert [path for path, _ in two.unreadable] == [p for p in change.paths if p.endswith(".bin")]
    assert all("Git LFS" in reason for _, reason in two.unreadable)


def lfs_hides_source(make: Maker) -> None:
    """A change that calls its source code LFS, but commits the code itself."""
    make.start().commit({"a.py": "1\n"})
    make.commit({"a.py": "evil\n", ".gitattributes": "*.py filter=lfs\n"})


def all_read(two, _change) -> None:
    assert two.unreadable == ()


def filter_configured(make: Maker) -> None:
    make.start().commit({".gitattributes": "*.key filter=git-crypt\n", "a.key": "x\n"})
    make.git("config", "filter.git-crypt.clean", str(make.trap()))
    make.write({"a.key": "the plain secret\n", "b.key": "another\n", "c": "1\n"})


def keys_listed(two, change) -> None:
    assert [path for path, _ in two.unreadable] == ["a.key", "b.key"]
    assert "secret" not in change.patch()


def filter_unknown_to_git(make: Maker) -> None:
    make.start().commit({"a.py": "1\n"})
    make.write({".gitattributes": "*.py filter=nobody-knows\n", "a.py": "2\n"})


HOOKS = ("post-index-change", "reference-transaction", "pre-commit", "post-checkout")


def arm(make: Maker) -> None:
    trap = make.trap()
    for name in HOOKS:
        hook = make.repo / ".git/hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(trap.read_text())
        hook.chmod(0o755)
    included = make.folder / "included"
    included.write_text(f"[core]\n\tfsmonitor = {trap}\n")
    settings = {
        "include.path": included, "core.sshCommand": trap, "core.pager": trap,
        "core.alternateRefsCommand": trap, "diff.external": trap, "diff.trap.command": trap,
        "diff.trap.textconv": trap, "filter.trap.clean": trap, "filter.trap.smudge": trap,
        "gpg.program": trap, "merge.trap.driver": trap, "remote.origin.url": f"ext::{trap}",
        "remote.origin.promisor": "true", "uploadpack.packObjectsHook": trap,
        "log.showSignature": "true", "commit.gpgSign": "true",
    }  # fmt: skip
    for key, value in settings.items():
        make.git("config", key, str(value))
    (make.repo / ".git/info").mkdir(exist_ok=True)
    text = "* diff=trap merge=trap\n*.flt filter=trap\n"
    (make.repo / ".git/info/attributes").write_text(text)


def trapped(make: Maker) -> None:
    make.start().commit({"a": "1\n", "x.flt": "1\n"}).commit({"a": "2\n"})
    arm(make)
    os.utime(make.repo / "x.flt", (1, 1))
    make.git("status")
    assert make.tripwire.exists(), "the trap does not work"
    make.tripwire.unlink()
    os.utime(make.repo / "x.flt", (2, 2))
    make.write({"a": "3\n", "new": "1\n"})


def trapped_nested(make: Maker) -> None:
    make.start().commit({"a": "1\n"})
    inner = make.repo / "nested"
    inner.mkdir()
    make.git("init", "-q", at=inner)
    make.git("commit", "-q", "--allow-empty", "-m", "x", at=inner)
    make.git("config", "core.fsmonitor", str(make.trap()), at=inner)
    make.git("add", "nested")
    make.git("commit", "-qm", "a gitlink")
    (inner / "f").write_text("x\n")
    make.write({"a": "2\n"})


def named_like_a_command(make: Maker) -> None:
    make.repo = make.folder / f"$(touch {make.tripwire.name}) `id`\nline feed"
    make.start().commit({"a": "1\n"}).write({"a": "2\n"})


CASES = {
    "shallow_clone_dirty": Case(shallow_dirty, files={"a": "M"}),
    "shallow_missing_base": Case(
        shallow_missing_base, Spec(base="origin/main"), refused=r"shallow.*fetch --deepen"
    ),
    "shallow_missing_parent": Case(
        shallow_commit, Spec(commit="HEAD"), refused=r"not in this clone.*fetch --deepen"
    ),
    "shallow_unknown": Case(
        shallow_commit, Spec(range="HEAD~2..HEAD"), refused=r"HEAD~2.*fetch --deepen"
    ),
    "unrelated_histories": Case(unrelated_histories, refused="no history in common"),
    "unrelated_but_compared": Case(
        unrelated_histories, Spec(range="main..other"), "main", "other", {"a": "M"}
    ),
    "ambiguous_ref_name": Case(
        ambiguous, Spec(range="twice..HEAD"),
        refused="ambiguous: refs/heads/twice and refs/tags/twice",
    ),
    "full_ref_name": Case(
        ambiguous, Spec(range="refs/tags/twice..HEAD"), "refs/tags/twice", "HEAD", {"a": "M"}
    ),
    "unknown_revision": Case(ambiguous, Spec(range="twize..HEAD"), refused="did you mean twice"),
    "worktree_of_worktree": Case(linked_worktree, worktree="third", files={"a": "M"}),
    "dot_git_file": Case(dot_git_file, files={"a": "M"}),
    "run_from_subfolder": Case(
        run_from_subfolder, files={"a": "M", "sub/deep/b": "M"}, check=prefix_told
    ),
    "through_a_link": Case(through_a_link, files={"a": "M"}),
    "alternates": Case(alternates, worktree="borrower", files={"a": "M"}),
    "not_a_repository": Case(not_a_repository, refused="not inside a git repository"),
    "foreign_owner": Case(foreign_owner, refused="dubious ownership", needs_root=True),
    "bare_repository": Case(
        bare, Spec(range="HEAD~1..HEAD"), "HEAD~1", "HEAD", {"a": "M"}, worktree="bare.git"
    ),
    "bare_repository_without_range": Case(bare, refused="bare repository.*A[.][.]B"),
    "partial_clone": Case(partial_clone, files={"a": "M"}),
    "partial_clone_and_sparse": Case(partial_and_sparse, files={"a": "M"}, new=""),
    "partial_clone_missing": Case(
        partial_clone, Spec(range="HEAD~2..HEAD"),
        refused=r"partial clone.*nothing.*a \([0-9a-f]{40}\)",
    ),
    "treeless_clone": Case(treeless_clone, Spec(commit="HEAD"), refused="partial clone.*nothing"),
    "missing_object": Case(
        missing_object, Spec(range="HEAD~1..HEAD"), refused=r"missing.*a \([0-9a-f]{40}\)"
    ),
    "lfs_pointer": Case(
        lfs_pointer, Spec(commit="HEAD"), "HEAD~1", "HEAD", {"big.bin": "M", "code.py": "M"},
        lfs_listed,
    ),
    "lfs_changed_on_disk": Case(
        lfs_changed_on_disk, new="", files={"new.bin": "M", "x": "M"}, check=lfs_listed
    ),
    "lfs_hides_source": Case(
        lfs_hides_source, Spec(commit="HEAD"), "HEAD~1", "HEAD",
        {".gitattributes": "A", "a.py": "M"}, all_read,
    ),
    "filter_configured": Case(filter_configured, new="", files={"c": "A"}, check=keys_listed),
    "filter_unknown_to_git": Case(
        filter_unknown_to_git, files={".gitattributes": "A", "a.py": "M"}, check=all_read
    ),
    "trapped_config_commits": Case(
        trapped, Spec(range="HEAD~1..HEAD"), "", "", {"a": "M"}
    ),
    "trapped_config_worktree": Case(trapped, old="", new="", files={"a": "M", "new": "A"}),
    "trapped_config_staged": Case(trapped, Spec(staged=True), old="", new="", files={}),
    "trapped_missing_commit": Case(
        trapped, Spec(commit="1" * 40), old="", new="", refused="is not a commit"
    ),
    "trapped_missing_range": Case(
        trapped, Spec(range=f"{'1' * 40}..HEAD"), old="", new="", refused="is not a commit"
    ),
    "trapped_nested_repository": Case(trapped_nested, new="", files={"a": "M"}),
    "named_like_a_command": Case(named_like_a_command, new="", files={"a": "M"}),
    "no_commits_and_a_range": Case(
        lambda make: make.start() and None, Spec(range="HEAD~1..HEAD"), EMPTY, refused="no commits"
    ),
}  # fmt: skip
