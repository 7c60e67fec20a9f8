"""Resolves branches, commits and history by name, and finds merge bases."""

import difflib
import os
import re
import tempfile
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path, PurePosixPath

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import shallow_commits
from reviewloop.git.paths import shown
from reviewloop.git.process import Git
from reviewloop.git.repository import UserRepo
from reviewloop.git.review_repository import ReviewRepository, locate
from reviewloop.regex import regex

OURS = "reviewloop"
"""The folder of our own branches."""
_LONGEST_PART = 40


def branch_exists(user: UserRepo, name: str) -> bool:
    """Return whether the user's repository has this branch."""
    git = Git(user.common_dir)
    return git.result("show-ref", "--verify", "--quiet", f"refs/heads/{name}").exit_code == 0


def safe_branch_name(words: str) -> str:
    """Return text as one component of a branch name: letters, digits, dots and hyphens."""
    name = re.sub(r"[^A-Za-z0-9.-]+", "-", words).strip(".-")
    name = re.sub(r"\.{2,}|\.lock$", "-", name).strip(".-")
    return name[:60] or "change"


def task_name(spec: str, task: str) -> str:
    """Return the name of a task's branch and artifact, such as `001-login_T001`.

    `spec` is the path of its spec ("": none), as each spec has its own ids. The same arguments
    always give the same name, and others give another one, which may differ in case only.
    """
    name = PurePosixPath(spec).name.removesuffix(".md")
    return "_".join(_part(words) for words in (name, task) if words)


def _part(words: str) -> str:
    """Return text as part of a name; dropped characters are represented by a few digits."""
    part = safe_branch_name(words)
    if part == words and len(part) <= _LONGEST_PART:
        return part
    return f"{part[:_LONGEST_PART].rstrip('.-')}-{sha256(words.encode()).hexdigest()[:6]}"


_KINDS = ("refs/heads", "refs/tags", "refs/remotes")


def ref_names(start: Path) -> list[str]:
    """Return branches, then tags, then remotes' branches; raise WorkspaceError outside of git."""
    output = locate(start).git.run("for-each-ref", "--format=%(refname:lstrip=2)", *_KINDS)
    names = os.fsdecode(output).splitlines()
    return [name for name in dict.fromkeys(names) if not name.endswith("/HEAD")]


_LONGEST_LOOK = 10.0  # seconds; a history of a million commits is not worth more


def first_commit_time(user: UserRepo, path: str) -> float | None:
    """Return when the first commit with this file was made, in seconds since the epoch.

    `path` is relative to the root. None when HEAD does not have it, when the history is incomplete
    (a shallow or partial clone), or when it takes too long.
    """
    if shallow_commits(user.common_dir / "shallow"):
        return None
    with tempfile.TemporaryDirectory(prefix="reviewloop-") as folder:
        git = user.mirror(Path(folder))
        try:
            if git.result("cat-file", "-e", f"{user.head}:{path}").exit_code:
                return None
            listed = git.run(
                "rev-list", "--timestamp", str(user.head), "--", path, timeout=_LONGEST_LOOK
            )
        except WorkspaceError:
            return None
    lines = listed.split(b"\n")[:-1]
    return float(lines[-1].split()[0]) if lines else None


_MOST = 20  # commits: a line of a task list is not rewritten more often


def versions_with(user: UserRepo, path: str, text: str) -> Iterator[bytes]:
    """Yield a file at HEAD, then before earlier commits.

    These are the commits that wrote or rewrote a line with this text, the newest first; only
    versions with the text are yielded.
    """
    git = Git(user.git_dir, cwd=user.root)
    if user.head is None or not text:
        return
    yield from _file(git, user.head, path, text)
    lines = re.sub(r"([\\.^$*+?()\[\]{}|])", r"\\\1", text)
    plain = ("--no-textconv", "--no-ext-diff", f"--max-count={_MOST}", "--format=%H")
    found = git.result("log", *plain, f"-G{lines}", user.head, "--", path)
    for commit in found.stdout.decode().split():
        yield from _file(git, f"{commit}^", path, text)


def _file(git: Git, commit: str, path: str, text: str) -> Iterator[bytes]:
    found = git.result("cat-file", "blob", f"{commit}:{path}")
    if found.exit_code == 0 and text.encode("utf-8", "surrogateescape") in found.stdout:
        yield found.stdout


_FILES = ("100644 ", "100755 ")


@dataclass(frozen=True)
class SideBranch:
    """A branch with work that the checkout does not have; a remote's as last fetched."""

    name: str  # as git shows it: reviewloop/2.1, origin/reviewloop/2.1
    commit: str


def side_branches(user: UserRepo, folder: str) -> tuple[SideBranch, ...]:
    """Return the branches below `folder/`, local and of all remotes, that HEAD does not contain.

    Raises `WorkspaceError` when git cannot list them.
    """
    output = Git(user.common_dir).run(
        *("for-each-ref", "--format=%(objectname) %(objecttype) %(refname:lstrip=2)"),
        *(f"--no-merged={user.head}", f"refs/heads/{folder}/**", f"refs/remotes/**/{folder}/**"),
    )
    rows = [line.split(" ", 2) for line in os.fsdecode(output).splitlines()]
    return tuple(SideBranch(name, commit) for commit, kind, name in rows if kind == "commit")


def file_in(user: UserRepo, branch: SideBranch, path: str) -> bytes | None:
    """Return a file of a branch, or None where it has no such file.

    Raises `WorkspaceError` for one whose content is missing in a partial clone.
    """
    git = Git(user.common_dir)
    found = os.fsdecode(git.run("ls-tree", "-z", branch.commit, "--", path))
    if not found.startswith(_FILES):
        return None
    blob = git.result("cat-file", "blob", found.split()[2])
    if blob.exit_code:
        raise WorkspaceError(
            f"{path} of the branch {branch.name} is not in this clone, so nobody can tell what is "
            "done there; clone without --filter"
        )
    return blob.stdout


_DEFAULT_BRANCHES = ("main", "master", "trunk", "develop")
_PREFIXES = ("", "tags/", "heads/", "remotes/")  # where git looks up a short name, in its order
_EXPRESSION = regex(r"[\^~]|@\{")  # a suffix of a name: HEAD~2, main@{upstream}, v1^{}
_ID = regex(r"[0-9a-f]{40}|[0-9a-f]{64}")
_DEEPEN = "fetch it first, for example with `git fetch --deepen=100`"


@dataclass(frozen=True)
class Named:
    """A commit and its name for people."""

    commit: str
    name: str

    def __str__(self) -> str:
        short = self.commit[:7]
        return short if self.commit.startswith(self.name) else f"{self.name} ({short})"


def resolve(repository: ReviewRepository, name: str) -> Named:
    """Return the commit of a name; raise WorkspaceError when there is none, or two."""
    if not name or name.strip() != name or any(ord(char) < 32 for char in name):
        raise WorkspaceError(f"{name!r} is no revision; name a commit, a branch or a tag.")
    git = repository.git
    if not _ID.fullmatch(name):
        _refuse_ambiguous(git, name)
    if name.startswith(":/"):  # the rest is text to search for
        found = git.result("rev-parse", "--verify", "-q", "--end-of-options", name)
        commit = found.stdout.decode().strip() + "^{commit}"
    else:
        commit = name + "^{commit}"
    answer = git.result("rev-parse", "--verify", "-q", "--end-of-options", commit)
    if answer.exit_code:
        raise _unknown(repository, name)
    return Named(answer.stdout.decode().strip(), shown(name))


def is_revision(start: Path, name: str) -> bool:
    """Return whether a word on the command line names a commit, even an ambiguous one."""
    if not name or name.startswith("-") or "\0" in name:
        return False
    git = locate(start).git
    answer = git.result("rev-parse", "--verify", "-q", "--end-of-options", name + "^{commit}")
    return answer.exit_code == 0


def near_names(repository: ReviewRepository, name: str) -> list[str]:
    """Return similar branches and tags, the most likely first."""
    output = repository.git.text("for-each-ref", "--format=%(refname)", "refs/heads", "refs/tags")
    output += "\n" + repository.git.text("for-each-ref", "--format=%(refname)", "refs/remotes")
    known = {_short(ref): None for ref in output.splitlines()}
    return difflib.get_close_matches(name, known, 3, 0.6)


def head_of(repository: ReviewRepository) -> Named:
    """Return the commit that is checked out; raise WorkspaceError on an unborn branch."""
    if repository.user.head is None:
        raise WorkspaceError(f"{repository.user.root} has no commits yet, so there is no HEAD.")
    return Named(repository.user.head, "HEAD")


def default_base(repository: ReviewRepository) -> Named | None:
    """Return the branch that work is merged into: of the remote if there is one, else a local one.

    None when there is only HEAD to compare with: no such branch, or it is checked out.
    """
    upstream = _upstream(repository)
    refs = _candidates(repository.git, upstream)
    remotes = _remotes(repository, refs)
    tries = [f"refs/remotes/{remote}/HEAD" for remote in remotes]
    tries += [f"refs/remotes/{remote}/{name}" for remote in remotes for name in _DEFAULT_BRANCHES]
    tries += [f"refs/heads/{name}" for name in _DEFAULT_BRANCHES]
    if not repository.shallow:  # there it may be all that was fetched: the branch itself
        tries.append(upstream)
    chosen = next((ref for ref in tries if ref in refs), None)
    if chosen is None or chosen == f"refs/heads/{repository.user.branch}":
        return None
    commit, target = refs[chosen]
    return Named(commit, shown(_short(target or chosen)))


def merge_base(git: Git, repository: ReviewRepository, base: Named, tip: Named) -> str:
    """Return the merge base of two histories; raise WorkspaceError when there is none."""
    answer = git.result("merge-base", base.commit, tip.commit)
    if answer.exit_code == 0:
        return answer.stdout.decode().split()[0]
    if answer.exit_code != 1:
        raise git.error(("merge-base",), answer.stderr, answer.exit_code)
    if repository.shallow:
        raise WorkspaceError(
            f"This is a shallow clone, and the commit where {tip} left {base} is not in it; "
            f"{_DEEPEN}."
        )
    raise WorkspaceError(
        f"{base} and {tip} have no history in common, so there is no change between them; "
        f"compare the two as they are with `{base.name}..{tip.name}`."
    )


def only_added(git: Git, older: str, newer: str, base: str) -> bool:
    """Return whether one commit id is only followed by own work up to another, and nothing of
    `base`.

    False after a rebase, when history of the base was merged in between, and when one of the
    commits is not in this clone.
    """
    if not all(_ID.fullmatch(commit) for commit in (older, newer, base)):
        return False
    if git.result("merge-base", "--is-ancestor", older, newer).exit_code:
        return False
    before, after = (git.result("merge-base", "--all", base, tip) for tip in (older, newer))
    met = before.exit_code == after.exit_code == 0
    return met and sorted(before.stdout.split()) == sorted(after.stdout.split())


def first_parent(git: Git, commit: Named) -> str | None:
    """Return the first parent, None for a root; raise where a shallow clone lacks it."""
    headers = git.run("cat-file", "commit", commit.commit).partition(b"\n\n")[0]
    found = re.search(rb"^parent ([0-9a-f]+)$", headers, re.MULTILINE)
    if found is None:
        return None
    parent = found.group(1).decode()
    if git.result("cat-file", "-e", parent).exit_code:
        raise WorkspaceError(f"The parent of {commit} is not in this clone; {_DEEPEN}.")
    return parent


def _refuse_ambiguous(git: Git, name: str) -> None:
    short = _EXPRESSION.split(name, maxsplit=1)[0]
    if not short or short == "@" or short.startswith(("refs/", ":", "-")):
        return
    patterns = [f"refs/{prefix}{short}" for prefix in _PREFIXES]
    output = git.run("for-each-ref", "--format=%(objectname) %(*objectname) %(refname)", *patterns)
    found: dict[str, str] = {}
    for line in os.fsdecode(output).splitlines():
        commit, peeled, ref = line.split(" ", 2)
        if ref in patterns:
            found[ref] = peeled or commit
    if len(set(found.values())) > 1:
        names = " and ".join(shown(ref) for ref in found)
        raise WorkspaceError(f"{shown(short)} is ambiguous: {names}; use the full name.")


def _unknown(repository: ReviewRepository, name: str) -> WorkspaceError:
    if repository.user.head is None and _EXPRESSION.split(name, maxsplit=1)[0] in {"HEAD", "@", ""}:
        return WorkspaceError(f"{repository.user.root} has no commits yet, so there is no HEAD.")
    near = near_names(repository, _EXPRESSION.split(name, maxsplit=1)[0])
    hint = f"did you mean {' or '.join(map(shown, near))}?" if near else ""
    if not hint and repository.shallow:
        hint = f"this is a shallow clone; {_DEEPEN}."
    if not hint and (repository.user.root / name).exists():
        hint = "it is a path; a path restricts a review, it does not name a change."
    return WorkspaceError(
        f"{shown(name)} is not a commit, branch or tag of {repository.user.root}; "
        + (hint or "look with `git log --all`.")
    )


def _upstream(repository: ReviewRepository) -> str:
    """Return the upstream of the branch, "" when it has none."""
    remote = repository.config.get(f"branch.{repository.user.branch}.remote", "")
    merge = repository.config.get(f"branch.{repository.user.branch}.merge", "")
    if not remote or not merge.startswith("refs/heads/"):
        return ""
    return merge.replace("refs/heads/", f"refs/remotes/{remote}/", 1)


def _candidates(git: Git, upstream: str) -> dict[str, tuple[str, str]]:
    """Return ref -> (commit, target if it is symbolic) of all possible bases."""
    patterns = [
        f"refs/{folder}{name}"
        for folder in ("heads/", "remotes/*/")
        for name in ("HEAD", *_DEFAULT_BRANCHES)
    ]
    patterns += [upstream] if upstream else []
    output = git.run("for-each-ref", "--format=%(objectname) %(symref) %(refname)", *patterns)
    lines = (line.split(" ", 2) for line in os.fsdecode(output).splitlines())
    return {ref: (commit, target) for commit, target, ref in lines}


def _remotes(repository: ReviewRepository, refs: dict[str, tuple[str, str]]) -> list[str]:
    """Return the remotes whose default branch to use, most likely first."""
    seen = {ref.removeprefix("refs/remotes/").rpartition("/")[0] for ref in refs if "/rem" in ref}
    own = repository.config.get(f"branch.{repository.user.branch}.remote", "")
    ordered = ["origin", own, *(sorted(seen) if len(seen) == 1 else ())]
    return [remote for remote in dict.fromkeys(ordered) if remote in seen]


def _short(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/remotes/", "refs/tags/"):
        ref = ref.removeprefix(prefix)
    return ref
