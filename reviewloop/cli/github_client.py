"""Builds the GitHub client of a checkout's commands: for a named repository, or for origin."""

import os

import click

from reviewloop.git.repository import UserRepo
from reviewloop.git.transfer import address_of
from reviewloop.github.api.client import GitHub, api_of, repo_at
from reviewloop.github.api.model import Repo


def client_for(user: UserRepo, named: str) -> GitHub:
    """Return a client with the token of the environment.

    `named` is OWNER/NAME; "" means the one of a workflow, else the URL of `origin`. Raises
    `BadParameter` for an invalid name, and `UsageError` without a token.
    """
    named = named or os.environ.get("GITHUB_REPOSITORY", "")
    environ = {**os.environ}
    if named:
        try:
            where = Repo.of(named)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--repo") from None
    else:
        host, where = repo_at(address_of(user, "origin"))
        environ["GITHUB_API_URL"] = api_of(host, os.environ)
    return GitHub.from_environment(environ, where)
