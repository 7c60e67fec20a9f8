"""Moves commits between machines: bundles, pushes and fetches of one branch, a worker's clone."""

import base64
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from fnmatch import fnmatch
from pathlib import Path
from textwrap import shorten
from urllib.parse import unquote, urlsplit, urlunsplit

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.process import Git, GitResult
from reviewloop.git.repository import ConfigValue, UserRepo, discover, read_config
from reviewloop.regex import regex

LARGEST = 256 * 1024 * 1024  # bytes of a bundle
_LONGEST_HEADER = 64 * 1024
_REF = "refs/heads/reviewloop-handoff"
_FORMAT = regex(rb"@object-format=sha(1|256)")
_SIGNATURES = (b"# v2 git bundle", b"# v3 git bundle")


def write_bundle(git: Git, commit: str, onto: str, file: Path) -> None:
    """Write the commits after `onto` up to `commit` into a file.

    `git` works on a directory of ours: a bundle needs names, so the commit gets one temporarily.
    """
    git.run("update-ref", _REF, commit)
    try:
        git.run("bundle", "create", "--quiet", str(file.absolute()), _REF, f"^{onto}")
    finally:
        git.run("update-ref", "-d", _REF)
    if file.stat().st_size > LARGEST:
        file.unlink()
        raise WorkspaceError(
            f"The commits after {onto[:12]} take more than {LARGEST // 1024 // 1024} MB; "
            "push them from a checkout instead."
        )


def read_bundle(git: Git, file: Path) -> None:
    """Read the objects of a bundle into a directory of ours, each checked as a host would.

    Names in the bundle are ignored. Raises UsageError for an invalid or broken bundle, or one that
    builds on missing commits.
    """
    try:
        with file.open("rb") as opened:
            data = opened.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > LARGEST:
        raise UsageError(f"{file} is larger than a handoff may be")
    header, blank, pack = data.partition(b"\n\n")
    lines = header.split(b"\n")
    if not blank or len(header) > _LONGEST_HEADER or lines[0] not in _SIGNATURES:
        raise UsageError(f"{file} is no bundle of git")
    for line in lines[1:]:
        if line.startswith(b"@") and not _FORMAT.fullmatch(line):
            raise UsageError(f"{file} is a bundle of a kind that is not taken")
        if line.startswith(b"-"):
            require_known(git, line[1:].split(b" ", 1)[0].decode("ascii", "replace"))
    result = git.result("index-pack", "--stdin", "--fix-thin", "--strict", input=pack)
    if result.exit_code:
        output_lines = result.stderr.decode("utf-8", "replace").splitlines()
        reasons = [
            line.partition(": ")[2]
            for line in output_lines
            if line.startswith(("error: ", "fatal: "))
        ]
        raise UsageError(f"{file} is refused: {(reasons or ['git does not take it'])[0]}")


def require_known(git: Git, commit: str) -> None:
    """Raise UsageError unless the base commit of a handoff is here."""
    known = re.fullmatch(r"[0-9a-f]{40}|[0-9a-f]{64}", commit)
    if not known or git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code:
        raise UsageError(
            f"the handoff builds on the commit {commit[:12]}, which is not in this clone: check "
            "out with `fetch-depth: 0`, or fetch it first"
        )


Settings = tuple[tuple[str, str], ...]

_NAME = "reviewloop"  # of the remote, in the environment of one command
_LOOPBACK = {"127.0.0.1", "::1", "localhost"}
_OWN_SCOPES = {"system", "global"}
_OWN_SETTINGS = ("credential.", "http.", "ssh.", "core.sshcommand", "core.askpass")
_OWN_VARIABLES = {"GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT", "GIT_ASKPASS"}
_NETWORK = regex(r"(https?|all|no)_proxy|SSL_CERT_(FILE|DIR)|GIT_SSL_CAINFO", re.IGNORECASE)
_LONGEST = 300  # characters quoted of a server's message
_SCP = regex(r"(?:[\w.-]+@)?(?P<host>[\w.-]+):(?!//)(?P<path>.+)")
_REASONS = (
    (
        r"stale info|fetch first|non-fast-forward|already exists|incorrect old value",
        "{branch} on {where} has moved meanwhile; look at what is there, then try again",
    ),
    (
        r"refusing to allow .*(workflow|GitHub App|OAuth App)",
        "GitHub lets this token push no change below .github/workflows; push it with credentials "
        "that may (a token with the scope `workflow`)",
    ),
    (
        r"protected branch|GH006|GH013|repository rule|pre-receive hook declined",
        "the rules of {where} for {branch} forbid it",
    ),
    (
        r"Authentication failed|could not read (Username|Password)|Permission (to .* )?denied|"
        r"error: 40[13]|publickey|Repository not found",
        "{where} does not accept these credentials; a push needs the right to write (in a "
        "workflow: `contents: write`)",
    ),
    (
        r"Host key verification failed",
        "the host key of {where} is not the one that is known here, or none is; put it into "
        "~/.ssh/known_hosts of this account",
    ),
    (
        r"Could not resolve|Failed to connect|Connection (refused|reset|timed out)|"
        r"unable to access",
        "{where} cannot be reached",
    ),
)


@dataclass(frozen=True)
class Remote:
    """The URL and credentials for a push; `shown` is the URL without a password."""

    url: str = field(repr=False)
    settings: Settings = field(default=(), repr=False)
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def shown(self) -> str:
        """Return the URL without secrets."""
        return shown_address(self.url)


def with_token(url: str, token: str, environ: Mapping[str, str]) -> Remote:
    """Return a remote with a token in a header, and no other credentials."""
    parts = urlsplit(url)
    if parts.scheme != "https" and (parts.scheme, parts.hostname in _LOOPBACK) != ("http", True):
        raise UsageError(f"a token goes to https:// addresses only, not to {shown_address(url)}")
    # As in actions/checkout: any user name works with the token.
    word = base64.b64encode(f"x-access-token:{token}".encode()).decode()
    settings = (
        (f"http.{parts.scheme}://{parts.netloc}/.extraheader", f"Authorization: Basic {word}"),
        ("http.followRedirects", "false"),
    )
    return Remote(url, settings, {k: v for k, v in environ.items() if _NETWORK.fullmatch(k)})


def with_own_credentials(
    url: str, values: Iterable[ConfigValue], environ: Mapping[str, str]
) -> Remote:
    """Return a remote reached as by the user's own git: with their helpers and keys.

    Only the user's own git settings count, as a repository must not name what we run.
    """
    settings = [("core.sshcommand", "ssh")]
    settings += [(v.key, v.value) for v in _own(values) if v.key.startswith(_OWN_SETTINGS)]
    own = {k: v for k, v in environ.items() if not k.startswith("GIT_") or k in _OWN_VARIABLES}
    return Remote(
        url, tuple(settings), {k: v for k, v in own.items() if k not in {"PATH", "LC_ALL"}}
    )


def has_helper(values: Iterable[ConfigValue], url: str) -> bool:
    """Return whether the user's own git asks a helper for credentials of this URL."""
    host = urlsplit(url).hostname or ""
    for _, key, value in _own(values):
        found = re.fullmatch(r"credential\.(?:(.*)\.)?helper", key)
        if found and value and (not found[1] or fnmatch(host, urlsplit(found[1]).hostname or "")):
            return True
    return False


def own_settings(user: UserRepo) -> tuple[ConfigValue, ...]:
    """Return git's configuration as the user's git reads it."""
    return read_config(user.git_dir, user.root)


def default_branch_of(user: UserRepo, name: str) -> str:
    """Return the default branch of a remote as the clone stores it, or ""."""
    git = Git(user.git_dir, cwd=user.root)
    found = git.text("symbolic-ref", "-q", f"refs/remotes/{name}/HEAD", ok=(0, 1, 128))
    return found.strip().removeprefix(f"refs/remotes/{name}/")


def address_of(user: UserRepo, name: str) -> str:
    """Return the URL of `git push NAME`; raise UsageError when there is no such remote."""
    git = Git(user.git_dir, cwd=user.root, user_config=True)
    result = git.result("remote", "get-url", "--push", "--", name)
    if result.exit_code:
        names = ", ".join(git.text("remote").split()) or "none"
        raise UsageError(
            f"there is no remote {name!r} here (there is: {names}); name one with --remote"
        )
    return os.fsdecode(result.stdout).split("\n")[0]


def addresses_of(user: UserRepo) -> set[tuple[str, str]]:
    """Return host and path of each remote of a repository."""
    names = Git(user.git_dir, cwd=user.root, user_config=True).text("remote").split()
    return {host_and_path(address_of(user, name)) for name in names}


def remote_head(git: Git, remote: Remote, branch: str) -> str:
    """Return the commit of a remote's branch, "" when it does not exist.

    Raises WorkspaceError with the reason when it cannot be read.
    """
    reference = f"refs/heads/{branch}"
    result = _ask(git, remote, "ls-remote", _NAME, reference)
    if result.exit_code:
        raise _error(remote, branch, result, "the remote could not be looked at")
    rows = [line.partition("\t") for line in os.fsdecode(result.stdout).splitlines()]
    return next((commit for commit, _, name in rows if name == reference), "")


def push(git: Git, remote: Remote, commit: str, branch: str, expected: str) -> None:
    """Move the branch from `expected` ("": it must not exist) to `commit`, or raise.

    `expected` has to be an ancestor, so nothing is ever lost. Raises WorkspaceError with the reason
    of a refusal; nothing has changed then.
    """
    reference = f"refs/heads/{branch}"
    if expected:
        require_descendant(git, commit, expected, f"{branch} on {remote.shown}")
    result = _ask(
        git,
        remote,
        "push",
        *("--porcelain", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"),
        f"--force-with-lease={reference}:{expected}",
        _NAME,
        f"{commit}:{reference}",
    )
    if result.exit_code:
        raise _error(remote, branch, result, detail=_remote_message(result))


def fetch(git: Git, remote: Remote, branch: str) -> str:
    """Fetch a branch of the remote and its tags; return the name of its ref.

    Raises WorkspaceError with the reason. Submodules are not fetched.
    """
    kept = f"refs/remotes/origin/{branch}"
    options = ("--quiet", "--tags", "--force", "--no-recurse-submodules", "--no-write-fetch-head")
    result = _ask(git, remote, "fetch", *options, _NAME, f"+refs/heads/{branch}:{kept}")
    if result.exit_code:
        raise _error(remote, branch, result, f"{branch} was not fetched")
    return kept


def require_descendant(git: Git, commit: str, ancestor: str, what: str) -> None:
    """Raise WorkspaceError unless `commit` follows `ancestor`, the commit of `what`."""
    known = git.result("cat-file", "-e", f"{ancestor}^{{commit}}").exit_code == 0
    if not known or git.result("merge-base", "--is-ancestor", ancestor, commit).exit_code:
        raise WorkspaceError(
            f"{what} is at {ancestor[:12]}, which {commit[:12]} does not follow; nothing was "
            "pushed, because a push of ours only ever adds to a branch"
        )


def shown_address(url: str) -> str:
    """Return a URL without user and password."""
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname:
        return url
    port = f":{parts.port}" if parts.port else ""
    return urlunsplit((parts.scheme, parts.hostname + port, parts.path, "", ""))


def host_and_path(url: str) -> tuple[str, str]:
    """Return (host, path) of a URL; an empty host for a folder of this machine."""
    if "://" not in url:
        scp = _SCP.fullmatch(url)
        return (scp["host"].lower(), scp["path"].strip("/")) if scp else ("", url)
    parts = urlsplit(url)
    try:
        port = f":{parts.port}" if parts.port and parts.scheme in {"http", "https"} else ""
    except ValueError:
        raise UsageError(f"{url.rpartition('@')[2]} is no address of a repository") from None
    return (parts.hostname or "") + port, parts.path.strip("/")


def _own(values: Iterable[ConfigValue]) -> list[ConfigValue]:
    return [value for value in values if value.scope in _OWN_SCOPES]


def _ask(git: Git, remote: Remote, *args: str) -> GitResult:
    """Run git with the remote's settings, whose values are only in the environment."""
    configuration = ((f"remote.{_NAME}.url", remote.url), *remote.settings)
    names, environ = [], dict(remote.environ)
    for number, (key, value) in enumerate(configuration):
        environ[f"REVIEWLOOP_GIT_{number}"] = value
        names.append(f"--config-env={key}=REVIEWLOOP_GIT_{number}")
    environ["GIT_ALLOW_PROTOCOL"] = _protocol(remote.url)
    return git.result(*names, *args, env_extra=environ)


def _protocol(url: str) -> str:
    scheme = urlsplit(url).scheme if "://" in url else ""
    if scheme in {"https", "ssh", "file"}:
        return scheme
    if scheme == "http" and urlsplit(url).hostname in _LOOPBACK:
        return scheme
    if scheme:
        raise UsageError(f"{shown_address(url)}: pushing goes over https, ssh or a file path")
    return "ssh" if _SCP.fullmatch(url) else "file"


def _error(
    remote: Remote,
    branch: str,
    result: GitResult,
    outcome: str = "nothing was pushed",
    detail: str = "",
) -> WorkspaceError:
    """Return the reason in words; git's output is only quoted where the reason is unknown."""
    output = (result.stdout + b"\n" + result.stderr).decode("utf-8", "replace")
    for pattern, reason in _REASONS:
        if re.search(pattern, output, re.IGNORECASE):
            why = reason.format(branch=branch, where=remote.shown)
            return WorkspaceError(f"{outcome}: {why}" + (f" ({detail})" if detail else ""))
    lines = [
        line
        for line in output.splitlines()
        if line.startswith(("fatal:", "error:", "!", "remote:"))
    ]
    first = " ".join((lines or [f"exit code {result.exit_code}"])[0].split())[:_LONGEST]
    why = detail or first.replace(remote.url, remote.shown)
    return WorkspaceError(f"{outcome} ({branch} on {remote.shown}): {why}")


def _remote_message(result: GitResult) -> str:
    """Return the server's own message as one short line, as a hook may give the reason there."""
    lines = result.stderr.decode("utf-8", "replace").splitlines()
    words = [line.removeprefix("remote:") for line in lines if line.startswith("remote:")]
    seen = "".join(c if c.isprintable() else " " for c in " ".join(words)).split()
    message = " ".join(word for word in seen if any(map(str.isalnum, word)))
    # Whole words only: redaction does not recognise half of one.
    return f"it said: {shorten(message, _LONGEST, placeholder=' …')}" if message else ""


# A worker has no user: a question about a key or a host ends the command, instead of waiting.
_SSH = "ssh -o BatchMode=yes -o ConnectTimeout=30"


def refresh_clone(
    folder: Path,
    address: str,
    branch: str,
    *,
    identity: tuple[str, str] | None,
    object_format: str = "sha1",
) -> UserRepo:
    """Return the clone in `folder`, created if missing, with the current branch of the remote.

    Other content is deleted, except ignored files (an environment for the gates). `identity` is the
    author of commits. No hook and no filter runs. Raises `WorkspaceError` when the remote cannot be
    reached or has no such branch.
    """
    git_dir = folder / ".git"
    if not git_dir.is_dir():
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = Git(None, cwd=folder)
        made.run("init", "--quiet", f"--object-format={object_format}", "--template=")
    git = Git(git_dir, folder)
    (git_dir / "index.lock").unlink(missing_ok=True)  # left by a killed worker; one at a time
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
    """Return the remote with the credentials of this process's user, without questions."""
    found = with_own_credentials(address, read_config(git_dir, root), os.environ)
    url, header = _without_login(address)
    return replace(
        found,
        url=url,
        settings=(("core.sshcommand", _SSH), *found.settings[1:], *header),
        environ={**found.environ, "SSH_ASKPASS_REQUIRE": "never"},
    )


def _without_login(address: str) -> tuple[str, Settings]:
    """Return a URL with its password moved to a header, as git shows URLs in arguments."""
    parts = urlsplit(address) if address.startswith(("http://", "https://")) else None
    if parts is None or parts.password is None:
        return address, ()
    host = parts.netloc.rpartition("@")[2]
    login = f"{unquote(parts.username or '')}:{unquote(parts.password)}".encode()
    header = f"Authorization: Basic {base64.b64encode(login).decode()}"
    name = f"http.{parts.scheme}://{host}/.extraheader"
    return urlunsplit(parts._replace(netloc=host)), ((name, header),)


def has_commit(git_dir: Path, commit: str) -> bool:
    """Return whether a clone, or a repository of ours, has this commit."""
    git = Git(git_dir)
    return git.result("cat-file", "-e", f"{commit}^{{commit}}").exit_code == 0


def is_fetched(user: UserRepo, branch: str, commit: str) -> bool:
    """Return whether the remote's branch, as last fetched, holds this commit."""
    git = Git(user.git_dir)
    reference = f"refs/remotes/origin/{branch}"
    return git.result("merge-base", "--is-ancestor", commit, reference).exit_code == 0
