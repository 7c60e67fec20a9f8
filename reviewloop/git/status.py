"""The git status of a checkout: unpushed commits, conflicts, recent commits."""

import os

from reviewloop.domain.handoff import Commit, GitState, KeyFile
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo, dirty_files

_MOST = 50  # commits that are listed


def git_status(user: UserRepo, since: float, *, without: tuple[str, ...] = ()) -> GitState:
    """Return the status of the checkout, with commits since `since` (seconds since 1970).

    Uncommitted paths in `without` are left out.
    """
    git = Git(user.git_dir, cwd=user.root)
    commits = _log(git, f"--since=@{int(since)}", f"-{_MOST}") if user.head else ()
    newest = _log(git, "-1") if user.head else ()
    upstream, unpushed, behind = _upstream(git) if user.head and user.branch else ("", 0, 0)
    remote = "" if upstream or not user.branch else _remote(git)
    if remote and user.head:
        unpushed = int(git.text("rev-list", "--count", "HEAD", "--not", "--remotes"))
    unmerged = git.run("ls-files", "-u", "-z").split(b"\0")
    conflicts = tuple(sorted({os.fsdecode(one.partition(b"\t")[2]) for one in unmerged if one}))
    dirty = conflicts or dirty_files(user)  # its list needs an index without conflicts
    return GitState(
        branch=user.branch or "",
        head=user.head or "",
        subject=newest[0].subject if newest else "",
        dirty=tuple(path for path in dirty if path not in without),
        unmerged=conflicts,
        operation=user.operation or "",
        upstream=upstream,
        remote=remote,
        unpushed=unpushed,
        behind=behind,
        commits=commits,
        changed=tuple(one for one in _changed(git, commits) if one.path not in without),
    )


def commits_after(user: UserRepo, commit: str) -> tuple[Commit, ...] | None:
    """Return the commits after one, newest first; None where HEAD does not have it."""
    git = Git(user.git_dir, cwd=user.root)
    if git.result("merge-base", "--is-ancestor", commit, "HEAD").exit_code != 0:
        return None
    return _log(git, f"-{_MOST}", f"{commit}..HEAD")


def _log(git: Git, *arguments: str) -> tuple[Commit, ...]:
    text = git.text("log", "--first-parent", "--format=%H%x00%ct%x00%s", *arguments)
    rows = [line.split("\0", 2) for line in text.splitlines() if line.count("\0") == 2]
    return tuple(Commit(commit, subject, int(at)) for commit, at, subject in rows)


def _changed(git: Git, commits: tuple[Commit, ...]) -> tuple[KeyFile, ...]:
    """Return the files that these commits changed, with the sums of their lines."""
    if not commits:
        return ()
    ids = "\n".join(one.id for one in commits).encode()
    output = git.run(
        "diff-tree", "--stdin", "-r", "-z", "--numstat", "--no-commit-id", "--root", "--no-renames",
        input=ids + b"\n",
    )  # fmt: skip
    sums: dict[str, tuple[int, int]] = {}
    for row in output.split(b"\0"):
        added, _, rest = row.partition(b"\t")
        removed, _, name = rest.partition(b"\t")
        if name:
            path = os.fsdecode(name)
            before = sums.get(path, (0, 0))
            counts = tuple(int(n) if n.isdigit() else 0 for n in (added.strip(), removed))
            sums[path] = (before[0] + counts[0], before[1] + counts[1])
    return tuple(KeyFile(path, *figures, "commits") for path, figures in sums.items())


def _upstream(git: Git) -> tuple[str, int, int]:
    """Return (upstream's name, commits it lacks, commits that we lack); "" for none."""
    named = git.result("rev-parse", "--abbrev-ref", "--symbolic-full-name", "@{upstream}")
    if named.exit_code != 0:
        return "", 0, 0
    name = os.fsdecode(named.stdout).strip()
    counted = git.text("rev-list", "--left-right", "--count", "HEAD...@{upstream}").split()
    return name, int(counted[0]), int(counted[1])


def _remote(git: Git) -> str:
    """Return the remote that `git push` uses for a branch without upstream, or ""."""
    names = git.text("remote").split("\n")
    chosen = git.result("config", "remote.pushDefault")
    named = os.fsdecode(chosen.stdout).strip() if chosen.exit_code == 0 else "origin"
    return named if named in names else next(iter(names), "")
