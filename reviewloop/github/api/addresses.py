"""Which repository on GitHub an address names, and where its interface is."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from reviewloop.domain.errors import ReviewLoopError, UsageError
from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import address_of, host_and_path, shown_address
from reviewloop.github.api.client import API_URL
from reviewloop.github.api.model import Repo

_HOST = "github.com"
_ALIASES = {"ssh.github.com", "www.github.com"}


def repo_at(url: str) -> tuple[str, Repo]:
    """Return (host, repository) of a remote's address; UsageError when it is not on a host."""
    host, path = host_and_path(url)
    owner, slash, name = path.removesuffix(".git").partition("/")
    if not host or not slash or not owner or not name or "/" in name:
        raise UsageError(
            f"the remote {shown_address(url)} is not a GitHub repository; name one with "
            "--repo OWNER/NAME"
        )
    return (_HOST if host in _ALIASES else host), Repo(owner, name)


def api_of(host: str, environ: Mapping[str, str]) -> str:
    """Return the address of the interface for a host, where the token may go.

    Another host than github.com is only asked when GITHUB_API_URL or GH_HOST names it: it may be
    no GitHub at all, and must not be given the token then.
    """
    given = environ.get("GITHUB_API_URL", "").rstrip("/")
    if host in {_HOST, ""}:
        return given or API_URL
    parts = urlsplit(given)
    if given and _same_host(host, parts.netloc):
        return given
    if environ.get("GH_HOST", "").lower() == host:
        tenant = host.endswith(".ghe.com")  # GitHub's own data residency
        return f"https://api.{host}" if tenant else f"https://{host}/api/v3"
    raise UsageError(
        f"{host} is not github.com; if it is a GitHub Enterprise server, set GITHUB_API_URL to "
        f"https://{host}/api/v3"
    )


def on_github(user: UserRepo, remote: str, environ: Mapping[str, str]) -> bool:
    """Whether a remote of the checkout is a repository on a GitHub that we may speak with."""
    try:
        api_of(repo_at(address_of(user, remote))[0], environ)
    except ReviewLoopError:
        return False
    return True


def _same_host(host: str, netloc: str) -> bool:
    name = netloc.lower()
    return name in {host, f"api.{host}"} or name.partition(":")[0] == host.partition(":")[0]
