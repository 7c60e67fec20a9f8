"""How help reads: what people need every day comes first, rare options stand under Advanced."""

from typing import Any

import click

ADVANCED = frozenset(
    {
        *("--store", "--remote", "--record", "--no-sandbox", "--again", "--plan", "--max-tasks"),
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
"""Options that most people never need, by their long name, in whichever command they stand."""


class Command(click.Command):
    """A command whose rare options stand apart, below the others."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options in one or two sections."""
        write_options(self, ctx, formatter)


class Group(click.Group):
    """A group whose commands read alike; said alone it does what `default` names, if anything."""

    command_class = Command

    def __init__(self, *args: Any, default: str = "", **kwargs: Any) -> None:
        kwargs.setdefault("invoke_without_command", bool(default))
        super().__init__(*args, **kwargs)
        self.default = default

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the default command in where none is named."""
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
