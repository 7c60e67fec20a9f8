"""Formats help: everyday options first, rare ones under Advanced."""

import importlib
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import click

NOTHING: Mapping[str, str] = MappingProxyType({})

ADVANCED = frozenset(
    {
        *(
            "--store",
            "--remote",
            "--record",
            "--no-sandbox",
            "--no-hooks",
            "--again",
            "--plan",
            "--max-tasks",
        ),
        *(
            "--budget-tokens",
            "--minutes",
            "--turns",
            "--until-failure",
            "--steering",
            "--agents",
            "--rules-from",
        ),
    }
)
"""Rarely needed options of any command, by their long name."""


class Command(click.Command):
    """A command with a section for its rare options."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in one or two sections."""
        write_options(self, ctx, formatter)


class Group(click.Group):
    """A group of such commands; without a subcommand it runs `default`, if any.

    `later` names commands, as "module:function", that are imported on use.
    """

    command_class = Command

    def __init__(
        self, *args: Any, default: str = "", later: Mapping[str, str] = NOTHING, **kwargs: Any
    ) -> None:
        kwargs.setdefault("invoke_without_command", bool(default))
        super().__init__(*args, **kwargs)
        self.default = default
        self.later = later

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of all commands, also of those not imported yet."""
        return [*self.later, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return the command of a name."""
        if reference := self.later.get(cmd_name):
            module, _, name = reference.partition(":")
            command: click.Command = getattr(importlib.import_module(module), name)
            return command
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Insert the default command where none is named."""
        asks_for_help = {"-h", "--help"}.intersection(args)
        if self.default and not asks_for_help and (not args or args[0].startswith("-")):
            args = [self.default, *args]
        return super().parse_args(ctx, args)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options as of any command, then the commands."""
        write_options(self, ctx, formatter)
        self.format_commands(ctx, formatter)


def write_options(command: click.Command, ctx: click.Context, fmt: click.HelpFormatter) -> None:
    """Write the options of a command in up to two sections, Options and Advanced."""
    common: list[tuple[str, str]] = []
    rare: list[tuple[str, str]] = []
    for param in command.get_params(ctx):
        record = param.get_help_record(ctx)
        if record is not None:
            (rare if ADVANCED.intersection(param.opts) else common).append(record)
    for title, records in (("Options", common), ("Advanced", rare)):
        if records:
            with fmt.section(title):
                fmt.write_dl(records)
