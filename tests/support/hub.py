"""A checkout beside its repository on the stand-in for GitHub, over HTTP."""

import contextlib
import subprocess
from pathlib import Path
from typing import Any

from support.checkout import Checkout
from support.git_http import GitHttp
from support.github_server import GitHubServer

MAY = {"contents": "write", "pull-requests": "write", "actions": "read"}
OWNERS = "/shop/ @grace\n/shop/search.py @ada @octo/shop @robo-bot mail@example.org\n"


class Hub:
    """A checkout whose `origin` is a repository on the stand-in for GitHub."""

    def __init__(self, checkout: Checkout, folder: Path) -> None:
        self.checkout, self.bare = checkout, folder / "hub/octo/demo.git"
        checkout.write(".github/CODEOWNERS", OWNERS)
        checkout.git("add", "-A")
        checkout.git("commit", "-q", "-m", "owners")
        self.bare.parent.mkdir(parents=True)
        checkout.git("clone", "-q", "--bare", ".", str(self.bare))
        self.git("update-ref", "refs/heads/main", "HEAD")
        self.git("symbolic-ref", "HEAD", "refs/heads/main")
        self.github = GitHubServer(
            self.bare, permissions=MAY, roles={"ada": "write", "linus": "read"}
        )
        self.github.state.authors = {"tests/test_search.py": ["linus", "github-actions[bot]", ""]}
        self.http = GitHttp(folder / "hub", self.github.token)

    def __enter__(self) -> "Hub":
        self.github.__enter__()
        self.http.__enter__()
        self.checkout.git("remote", "add", "origin", f"{self.http.url}/octo/demo.git")
        self.checkout.environ |= {
            "GITHUB_TOKEN": self.github.token,
            "GITHUB_API_URL": self.github.addresses["api_url"],
        }
        return self

    def __exit__(self, *error: Any) -> None:
        self.http.__exit__(*error)
        self.github.__exit__(*error)

    def git(self, *args: str) -> str:
        done = subprocess.run(
            ["git", *args], cwd=self.bare, check=True, capture_output=True, text=True
        )
        return done.stdout.strip()

    @property
    def pull(self) -> Any:
        [pull] = self.github.state.pulls.values()
        return pull

    def leaked(self, *folders: Path) -> list[str]:
        """Return the files there in which the token stands; else ours and the checkout's."""
        words = (self.github.token.encode(), self.http.word.encode())
        found = []
        places = folders or (self.checkout.home, self.checkout.root)
        for path in (path for place in places for path in place.rglob("*")):
            with contextlib.suppress(FileNotFoundError):  # SQLite takes away what it shares
                if path.is_file() and any(word in path.read_bytes() for word in words):
                    found.append(str(path))
        return found
