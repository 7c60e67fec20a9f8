"""An untrusted `.git`: read without harm, or refused with one sentence."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from reviewloop.app.project import read_settings, require_trusted_commands
from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.comparison import CompareSpec, open_comparison
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import discover
from reviewloop.store.folders import state_root
from reviewloop.store.trust import TrustStore

READERS = (discover, lambda folder: open_comparison(folder, CompareSpec()).__enter__())
SECRET = "what only the person may read\n"


def git_file(text: str) -> Callable[[Path], None]:
    def forge(repo: Path) -> None:
        shutil.rmtree(repo / ".git")
        (repo / ".git").write_text(text)

    return forge


def wrote(name: str, text: str) -> Callable[[Path], None]:
    return lambda repo: (repo / ".git" / name).write_text(text) and None


def appended(text: str) -> Callable[[Path], None]:
    def forge(repo: Path) -> None:
        with (repo / ".git/config").open("a") as file:
            file.write(text)

    return forge


FORGED = {
    "gitdir loop": git_file("gitdir: .git\n"),
    "gitdir to nowhere": git_file("gitdir: /nonexistent\n"),
    "git file of nonsense": git_file("\0\xff" * 100),
    "commondir to nowhere": wrote("commondir", "/nonexistent\n"),
    "HEAD loop": wrote("HEAD", "ref: HEAD\n"),
    "HEAD out of refs": wrote("HEAD", "ref: refs/heads/../../x\n"),
    "branch loop": wrote("refs/heads/main", "ref: refs/heads/main\n"),
    "broken configuration": wrote("config", "[core\n"),
    "endless include": appended("[include]\n\tpath = /dev/zero\n"),
    "include loop": appended("[include]\n\tpath = config\n"),
    "unknown format": appended("[core]\n\trepositoryFormatVersion = 9\n"),
    "files of another folder": appended("[core]\n\tworktree = ../..\n"),
}


@pytest.mark.parametrize("read", READERS, ids=["run", "review"])
@pytest.mark.parametrize("forged", FORGED)
def test_forged_places_are_refused_with_one_sentence(repo, forged, read) -> None:
    FORGED[forged](repo)
    with pytest.raises(WorkspaceError) as refused:
        read(repo)
    assert str(refused.value).count("\n") == 0
    assert str(refused.value).endswith(".")


def test_objects_in_a_home_are_refused(repo) -> None:
    shutil.rmtree(repo / ".git/objects")
    (repo / ".git/objects").symlink_to(Path.home())
    with pytest.raises(WorkspaceError, match="bad object"):
        discover(repo)


@pytest.mark.parametrize("read", READERS, ids=["run", "review"])
def test_a_configuration_cannot_make_us_read_the_folder_above(repo, git, read) -> None:
    (repo.parent / "private.txt").write_text(SECRET)
    git(repo, "config", "core.worktree", str(repo.parent))
    with pytest.raises(WorkspaceError, match=r"core\.worktree"):
        read(repo)


def build_files(repo: Path, folder: Path) -> bytes:
    """Return all bytes of the `.git` that builds get to see."""
    private = PrivateRepo.create(folder / "run", discover(repo))
    root = Workspace(private, folder / "workspace").reset(private.tree_of("HEAD"))
    private.close()
    return b"\n".join(p.read_bytes() for p in (root / ".git").rglob("*") if p.is_file())


def excludes_by_configuration(repo: Path, secret: Path) -> None:
    appended(f"[core]\n\texcludesFile = {secret}\n")(repo)


def excludes_by_link(repo: Path, secret: Path) -> None:
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/exclude").unlink(missing_ok=True)
    (repo / ".git/info/exclude").symlink_to(secret)


def shallow_by_link(repo: Path, secret: Path) -> None:
    (repo / ".git/shallow").symlink_to(secret)


def attributes_by_link(repo: Path, secret: Path) -> None:
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/attributes").symlink_to(secret)


@pytest.mark.parametrize(
    "forge",
    [excludes_by_configuration, excludes_by_link, shallow_by_link, attributes_by_link],
    ids=lambda one: one.__name__,
)
def test_builds_are_not_shown_a_file_that_the_repository_points_at(repo, tmp_path, forge) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    forge(repo, secret)
    try:
        shown = build_files(repo, tmp_path)
    except WorkspaceError as refused:  # git itself dies of such a list of shallow commits
        shown = str(refused).encode()
    assert SECRET.encode() not in shown


def test_builds_see_the_ignore_rules_that_are_the_persons_own(repo, tmp_path, private_home) -> None:
    (private_home / ".config/git").mkdir(parents=True)
    (private_home / ".config/git/ignore").write_text("*.swp\n")
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/exclude").write_text("mine\n")
    shown = build_files(repo, tmp_path)
    assert b"*.swp" in shown
    assert b"mine" in shown


def test_a_pipe_among_the_ignore_rules_is_passed_over(repo) -> None:
    (repo / ".git/info").mkdir(exist_ok=True)
    (repo / ".git/info/exclude").unlink(missing_ok=True)
    os.mkfifo(repo / ".git/info/attributes")
    assert discover(repo).head


def test_a_folder_to_borrow_objects_from_is_not_opened_to_builds_unless_it_is_one(
    repo, git, tmp_path
) -> None:
    home = tmp_path / "home"
    (home / ".ssh").mkdir(parents=True)
    (home / ".ssh/id").write_text(SECRET)
    git(tmp_path, "clone", "-q", "--shared", str(repo), "clone")
    clone = tmp_path / "clone"
    with (clone / ".git/objects/info/alternates").open("a") as file:
        file.write(f"{home}\n{home}/.ssh\n")
    private = PrivateRepo.create(tmp_path / "run", discover(clone))
    assert private.read(private.tree_of("HEAD"), "README.md") == b"# project\n"
    assert private.object_folders == (
        tmp_path / "run/objects", clone / ".git/objects", repo / ".git/objects"
    )  # fmt: skip
    private.close()


def test_trust_is_in_commands_not_in_a_place(repo, git, tmp_path) -> None:
    """A forged `.git` file or `commondir` names a trusted repository: its trust is not had."""
    (repo / "reviewloop.toml").write_text('[gates.test]\ncommand = ["make", "test"]\n')
    key = discover(repo).key
    loaded = read_settings(repo)
    TrustStore(state_root()).trust(key, loaded.commands_digest, loaded.repository_commands)
    require_trusted_commands(loaded, key)
    forged = tmp_path / "forged"
    forged.mkdir()
    (forged / ".git").write_text(f"gitdir: {repo}/.git\n")
    (forged / "reviewloop.toml").write_text('[gates.test]\ncommand = ["make", "tests"]\n')
    assert discover(forged).key == key
    with pytest.raises(UsageError, match="reviewloop trust"):
        require_trusted_commands(read_settings(forged), key)


def test_no_helper_of_a_remote_runs_under_a_git_that_fetches_lazily(repo, git, tmp_path) -> None:
    """Git knows GIT_NO_LAZY_FETCH since 2.39.4, and protocol.ext.allow beats protocol.allow."""
    fired = tmp_path / "fired"
    settings = {
        "core.repositoryFormatVersion": "1", "extensions.partialClone": "origin",
        "remote.origin.promisor": "true", "remote.origin.url": f"ext::touch {fired}",
        "protocol.ext.allow": "always",
    }  # fmt: skip
    for name, value in settings.items():
        git(repo, "config", name, value)
    read = Git(repo / ".git").result
    assert read("cat-file", "-p", "1" * 40, env_extra={"GIT_NO_LAZY_FETCH": "0"}).exit_code
    assert not fired.exists()
    allowed = {"GIT_NO_LAZY_FETCH": "0", "GIT_ALLOW_PROTOCOL": "ext"}
    assert read("cat-file", "-p", "1" * 40, env_extra=allowed).exit_code
    assert fired.exists(), "the trap does not work"
