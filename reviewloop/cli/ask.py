"""`reviewloop ask`: a question about the repository, answered with checked quotes."""

import click

from reviewloop.cli.consoles import print_json, print_lines
from reviewloop.cli.help import Command
from reviewloop.domain.errors import ExitCode
from reviewloop.render.untrusted import one_line, safe


@click.command(cls=Command)
@click.argument("question")
@click.argument("paths", nargs=-1, metavar="[PATH]...")
@click.option("--model", metavar="PROVIDER:MODEL", help="Model that is asked.")
@click.option("--budget-usd", type=float, metavar="USD", help="Cost limit.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object on stdout.")
def ask(
    question: str,
    paths: tuple[str, ...],
    model: str | None,
    budget_usd: float | None,
    as_json: bool,
) -> ExitCode:
    """Ask about the repository; the answer quotes its files.

    PATHs say what it is about. The model reads what is committed and changes nothing. Its quotes
    are looked for in the files: those that are there have a line, others are marked. The exit code
    is 5 where none is there. The same question about the same commit is paid once.
    """
    from reviewloop.app import repository_question as app
    from reviewloop.app.question import Question
    from reviewloop.app.redactors import redactor_here

    flags = {} if budget_usd is None else {"limits.usd": budget_usd}
    found = app.ask(Question(question, model, flags), paths)
    code = ExitCode.CLEAN if found.is_shown else ExitCode.INCOMPLETE
    show = redactor_here().for_people
    if as_json:
        quotes = [
            {"path": one.path, "line": one.line or None, "quote": one.text, "found": one.line > 0}
            for one in found.quotes
        ]
        spent = {
            "calls": found.spent.calls,
            "tokens": found.spent.tokens,
            "usd": found.spent.usd,
        }
        body: dict[str, object] = {
            "answer": found.answer,
            "quotes": quotes,
            "commit": found.commit,
            "uncommitted_left_out": found.is_behind,
            "spent": spent,
            "exit_code": int(code),
        }
        print_json("ask", body)
        return code
    click.echo(safe(show(found.answer)))
    for one in found.quotes:
        location = f"{one.path}:{one.line}" if one.line else f"NOT FOUND in {one.path}"
        click.echo("  " + one_line(show(f"{location}: {one.text}")))
    if found.is_behind:
        print_lines(f"answered from commit {found.commit[:10]}; uncommitted work was not looked at")
    if not found.is_shown:
        print_lines("no quote of it stands in the files, so nothing shows that it is right")
    return code
