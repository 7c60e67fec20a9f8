"""`reviewloop completion`: the script that lets a shell complete commands and options."""

import click

from reviewloop.errors import ExitCode

_HOW = {
    "bash": 'add to ~/.bashrc:  eval "$(reviewloop completion bash)"',
    "zsh": 'add to ~/.zshrc:  eval "$(reviewloop completion zsh)"',
    "fish": "reviewloop completion fish > ~/.config/fish/completions/reviewloop.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(tuple(_HOW)))
@click.pass_context
def completion(context: click.Context, shell: str) -> ExitCode:
    """Print a shell's completion script.

    Its first line says where it goes.
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click knows no completion for {shell}")
    group = context.find_root().command
    script = kind(group, {}, "reviewloop", "_REVIEWLOOP_COMPLETE").source()
    click.echo(f"# {_HOW[shell]}\n{script}")
    return ExitCode.CLEAN
