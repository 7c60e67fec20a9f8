"""`--store`: whether a command works on this machine or on a shared store."""

import functools
import importlib.util
import os
from collections.abc import Callable
from contextlib import closing
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from reviewloop.app.fleet.local import LocalFleet
from reviewloop.cli.consoles import print_lines
from reviewloop.domain.errors import UsageError
from reviewloop.installed import how_to_install

if TYPE_CHECKING:
    from reviewloop.app.fleet.port import Fleet

P = ParamSpec("P")
T = TypeVar("T")
VARIABLE = "REVIEWLOOP_STORE"
_STORE_HELP = "postgresql://… of the database that machines share; also REVIEWLOOP_STORE."


def fleet_at(url: str) -> "Fleet":
    """Return the fleet of a command; raise `UsageError` where packages for it are missing."""
    if not url:
        return LocalFleet(print_lines)
    require_driver()
    from reviewloop.app.fleet.postgres import PostgresFleet

    return PostgresFleet(url)


def require_driver() -> None:
    """Raise `UsageError` unless the PostgreSQL driver is installed."""
    names = ("psycopg", "procrastinate", "langgraph.checkpoint.postgres")
    if not all(importlib.util.find_spec(name) for name in names):
        raise UsageError(f"a shared store needs more packages: {how_to_install('postgres')}")


def _hidden_anywhere(
    context: click.Context, option: click.Parameter, url: str | None
) -> str | None:
    """Put the URL into the environment, whose values are redacted everywhere."""
    if url:
        os.environ[VARIABLE] = url
    return url


address_option = click.option(
    "--store",
    metavar="URL",
    envvar=VARIABLE,
    callback=_hidden_anywhere,
    default="",
    help=_STORE_HELP,
)


def fleet_option(command: Callable[..., T]) -> Callable[..., T]:
    """Add `--store` to a command, which is called with the `fleet` that it names.

    A group with a default command passes the URL on to that: see `own_fleet_option`.
    """

    @address_option
    @functools.wraps(command)
    def on_a_fleet(*args: Any, store: str, **given: Any) -> T:
        context = click.get_current_context()
        context.obj = store
        if context.invoked_subcommand:
            return command(*args, fleet=None, **given)
        return _with_fleet(command, store, *args, **given)

    return on_a_fleet


def own_fleet_option(command: Callable[..., T]) -> Callable[..., T]:
    """Add `--store` to a subcommand; without it the group's `--store` applies."""

    @click.option("--store", metavar="URL", callback=_hidden_anywhere, help=_STORE_HELP)
    @functools.wraps(command)
    def on_the_groups(*args: Any, store: str | None, **given: Any) -> T:
        url = click.get_current_context().obj if store is None else store
        return _with_fleet(command, url or "", *args, **given)

    return on_the_groups


def _with_fleet(command: Callable[..., T], url: str, *args: Any, **given: Any) -> T:
    with closing(fleet_at(url)) as fleet:
        return command(*args, fleet=fleet, **given)
