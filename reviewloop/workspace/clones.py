"""A worker's own clone of one branch, brought to what the remote has before each use."""

import base64
import os
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.git import Git
from reviewloop.workspace.pushing import Remote, Settings, fetch, with_own_credentials
from reviewloop.workspace.userrepo import UserRepo, discover, read_config

# Nobody sits at a worker: a question about a key or a host ends the command, instead of waiting.
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=30"


def refreshed(
    folder: Path,
    address: str,
    branch: str,
    *,
    identity: tuple[str, str] | None,
    object_format: str = "sha1",
) -> UserRepo:
    """Return the clone in `folder`, made if it is not there, with the branch as it is remotely.

    What stood there otherwise is thrown away, but ignored files (an environment for the gates)
    stay. `identity` is the author of commits. No hook and no filter runs. Raises `WorkspaceError`
    when the remote cannot be reached or has no such branch.
    """
    git_dir = folder / ".git"
    if not git_dir.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Git(None, cwd=folder)
        made.run("init", "--quiet", f"--object-format={object_format}", "--template=")
    git = Git(git_dir, folder)
    (git_dir / "index.lock").unlink(missing_ok=True)  # of a worker that was killed; one at a time
    for key, value in zip(("user.name", "user.email"), identity or (), strict=False):
        git.run("config", key, value)
    there = fetch(git, remote_of(git_dir, folder, address), branch)
    git.run("checkout", "--quiet", "--force", "--no-track", "-B", branch, there)
    git.run("reset", "--quiet", "--hard", there)
    git.run("clean", "--quiet", "-ffd")
    user = discover(folder)
    if user.branch != branch:
        raise WorkspaceError(f"{folder} is not on {branch}; remove it, and it is cloned anew")
    return user


def remote_of(git_dir: Path, root: Path, address: str) -> Remote:
    """Return the remote with the credentials of whoever runs this process; nobody is asked."""
    found = with_own_credentials(address, read_config(git_dir, root), os.environ)
    url, header = _without_login(address)
    return replace(
        found,
        url=url,
        settings=(("core.sshcommand", _SSH), *found.settings[1:], *header),
        environ={**found.environ, "SSH_ASKPASS_REQUIRE": "never"},
    )


def _without_login(address: str) -> tuple[str, Settings]:
    """Return an address whose password stands in a header: git shows addresses in arguments."""
    parts = urlsplit(address) if address.startswith(("http://", "https://")) else None
    if parts is None or parts.password is None:
        return address, ()
    place = parts.netloc.rpartition("@")[2]
    login = f"{unquote(parts.username or '')}:{unquote(parts.password)}".encode()
    header = f"Authorization: Basic {base64.b64encode(login).decode()}"
    name = f"http.{parts.scheme}://{place}/.extraheader"
    return urlunsplit(parts._replace(netloc=place)), ((name, header),)


def has_commit(git_dir: Path, commit: str) -> bool:
    """Whether a clone, or a repository of ours, has this commit."""
    git = Git(git_dir)
    return git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code == 0


def is_fetched(user: UserRepo, branch: str, commit: str) -> bool:
    """Whether the branch of the remote, as it was fetched last, holds this commit."""
    git = Git(user.git_dir)
    reference = f"refs/remotes/origin/{branch}"
    return git.result("merge-base", "--is-ancestor", commit, reference).exit_code == 0
