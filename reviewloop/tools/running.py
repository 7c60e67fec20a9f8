"""run_gate and execute_bash: the only two ways for an agent to run something."""

import shlex
from collections.abc import Callable, Sequence

from reviewloop.dataclass import dataclass
from reviewloop.domain.gate import GateResult
from reviewloop.git.objects import TreeReader
from reviewloop.tools.arguments import (
    BadCallError,
    CallRefusedError,
    ExecuteBash,
    Output,
    RunGate,
    shown_name,
)
from reviewloop.tools.reading import plain_path

_SHELL_SIGNS = {"&&", "||", "|", ";", "&", ">", ">>", "<", "2>", "2>&1", "&>"}


@dataclass(frozen=True)
class ShellAnswer:
    """The result of a program; `tree` is the tree with the files it wrote, or the given one."""

    text: str
    exit_code: int
    tree: str


RunGateCallback = Callable[[str, tuple[str, ...], str], GateResult]
"""(name of the gate, paths to limit it to, tree) -> result."""

Shell = Callable[[tuple[str, ...], str], ShellAnswer]
"""(program and arguments, tree) -> result; runs in the sandbox that was proven."""


def run_gate(
    run: RunGateCallback, gates: Sequence[str], args: RunGate, reader: TreeReader
) -> Output:
    """Run a gate by name on the tree and return its output."""
    if args.name not in gates:
        raise BadCallError(f"there is no check {args.name!r}; there are: {', '.join(gates)}")
    paths = tuple(plain_path(path) for path in args.paths)
    for path in paths:
        # A test id may follow the file's name: tests/test_a.py::test_b
        file = path.partition("::")[0]
        if path.startswith("-") or (reader.entry(file) is None and not reader.list_dir(file)):
            raise CallRefusedError(f"there is no {shown_name(file)} to limit the check to")
    result = run(args.name, paths, reader.tree)
    note = f"{result.name}: {result.status} - {result.summary}"
    if result.exit_code is not None:
        note += f" (exit code {result.exit_code})"
    return Output(note, result.excerpt, "log")


def split_command(args: ExecuteBash) -> tuple[str, ...]:
    """Return program and arguments; refuse the syntax of a shell."""
    if isinstance(args.command, list):
        argv = args.command
    else:
        try:
            argv = shlex.split(args.command)
        except ValueError as error:
            raise BadCallError(f"the command cannot be split: {error}; give a list") from None
    if not argv or not argv[0].strip():
        raise BadCallError("the command is empty; give program and arguments as a list")
    sign = next((word for word in argv if word in _SHELL_SIGNS), None)
    if sign is not None:
        raise BadCallError(f"there is no shell, so {sign!r} means nothing; run one program a call")
    if any("\0" in word for word in argv):
        raise BadCallError("an argument holds a NUL character")
    return tuple(argv)
