"""The error boundary: every end is one sentence and a documented exit code."""

import errno
import os
import re
import resource
import sqlite3
import subprocess
import sys
from pathlib import Path

import click
import pytest

import reviewloop
from reviewloop.cli.help import ADVANCED
from reviewloop.cli.main import COMMANDS, GROUPS, cli, run
from reviewloop.domain.errors import BudgetExhaustedError, UsageError

ROOT = Path(reviewloop.__file__).parent.parent

LOADED = [entry.load() for entry in COMMANDS.values()]


def python(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, env=environ, **options
    )


@pytest.fixture
def failing(monkeypatch):
    """Return a function that adds a command `fail`, which raises what it is given."""

    def add(error: BaseException) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setitem(cli.commands, "fail", click.Command("fail", callback=fail))

    return add


def test_help_is_fast_and_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from reviewloop.cli.main import run\n"
        "run(['--help'])\n"
        "heavy = ('langchain', 'langgraph', 'boto3', 'botocore', 'pydantic', 'rich', 'git')\n"
        "print(sorted({n.split('.')[0] for n in sys.modules if n.startswith(heavy)}))"
    )
    said = python("-c", code)
    assert said.stdout.splitlines()[-1] == "[]", said.stderr
    best = min(_seconds("-m", "reviewloop", "--help") for _ in range(5))
    assert best < 0.2


def _seconds(*arguments: str) -> float:
    """Return the processor time of a start: on a busy machine the clock tells of others."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert python(*arguments).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def test_no_command_shows_the_help(reviewloop):
    said = reviewloop()
    assert said.code == 0
    assert all(f"  {name} " in said.out for name in COMMANDS)


def test_version(reviewloop):
    assert reviewloop("--version").out == f"reviewloop {__import__('reviewloop').__version__}\n"


def test_every_command_has_a_help_line_that_fits(reviewloop):
    commands = reviewloop("--help").out.partition("\nReview:")[2]
    assert commands
    assert "..." not in commands


def test_the_help_has_five_groups_and_names_each_command_once(reviewloop):
    told = reviewloop("--help").out.partition("Options:")[2].splitlines()
    assert [line for line in told if line.endswith(":")] == [f"{name}:" for name in GROUPS]
    assert len(GROUPS) == 7
    assert [name for name, entry in COMMANDS.items() if entry.load().name != name] == []
    said = {name: entry.load().get_short_help_str(70) for name, entry in COMMANDS.items()}
    assert said == {name: entry.help for name, entry in COMMANDS.items()}


def test_each_option_stands_once_and_rare_ones_apart(reviewloop):
    for command in LOADED:
        told = reviewloop(command.name, "--help").out
        for param in command.params:
            if isinstance(param, click.Option) and not param.hidden:
                line = rf"^  (?:-\w, )?{param.opts[-1]}(?= |$)"
                assert len(re.findall(line, told, re.MULTILINE)) == 1, told
    common, _, rare = reviewloop("batch", "--help").out.partition("Advanced:")
    assert "--store" in rare
    assert "--store" not in common.partition("Options:")[2]


def test_every_rare_option_exists():
    known = {opt for command in LOADED for param in command.params for opt in param.opts}
    groups = [command for command in LOADED if isinstance(command, click.Group)]
    known |= {o for g in groups for c in g.commands.values() for p in c.params for o in p.opts}
    assert known >= ADVANCED - {"--rules-from"}


@pytest.mark.parametrize(
    ("said", "meant"), [(["config"], "config show"), (["agents"], "agents list")]
)
def test_a_group_said_alone_does_what_people_mean(project, reviewloop, said, meant):
    assert reviewloop(*said) == reviewloop(*meant.split())
    assert reviewloop(*said, "--json") == reviewloop(*meant.split(), "--json")


def test_a_group_that_needs_a_command_prints_its_help(reviewloop):
    said = reviewloop("github")
    assert (said.code, said.out) == (2, "")
    assert "\nCommands:\n" in said.err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["tsks"], "reviewloop: there is no command 'tsks'; did you mean tasks?\n"),
        (["xyzzy"], "reviewloop: there is no command 'xyzzy'; `reviewloop --help` lists all "
         "commands\n"),
        (["tasks", "--jsno"], "reviewloop: no such option"),
        (["tasks", "a"], "reviewloop: got unexpected extra argument"),
        (["config", "sho"], "reviewloop: no such command 'sho'"),
    ],
)  # fmt: skip
def test_wrong_usage_is_one_sentence_and_exit_code_2(reviewloop, arguments, sentence):
    said = reviewloop(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(sentence)
    assert said.err.count("\n") == 1


def test_expected_failure_is_its_sentence_and_code(reviewloop, failing):
    failing(BudgetExhaustedError("the cap of $3 is\nreached \x1b[2J[red]here"))
    said = reviewloop("fail")
    assert said == (6, "", "reviewloop: the cap of $3 is reached [red]here\n")


def test_interruption_before_anything_began_promises_nothing(project, reviewloop, failing):
    failing(KeyboardInterrupt())
    said = reviewloop("fail")
    assert said == (130, "", "reviewloop: interrupted; nothing was begun\n")


def test_interruption_is_130_and_says_how_to_go_on(reviewloop, failing, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # no repository: whether something can go on is not known
    failing(KeyboardInterrupt())
    said = reviewloop("fail")
    assert said.code == 130
    assert said.err.strip().startswith("reviewloop: interrupted; nothing is lost")
    assert "`reviewloop resume`" in said.err


class _Interrupted:
    """An import during which somebody presses Ctrl-C."""

    def find_spec(self, name, path=None, target=None):
        if name == "reviewloop.cli.main":
            raise KeyboardInterrupt


def test_interruption_of_the_start_is_no_traceback(monkeypatch, capsys, reviewloop):
    from reviewloop.__main__ import main

    with monkeypatch.context() as loading:
        loading.delitem(sys.modules, "reviewloop.cli.main")
        loading.setattr(sys, "meta_path", [_Interrupted(), *sys.meta_path])
        with pytest.raises(SystemExit) as ended:
            main()
    assert (ended.value.code, capsys.readouterr().err) == (130, "reviewloop: interrupted\n")
    # What speaks with GitHub leaves no run that could be resumed.
    command = COMMANDS["github"].load().commands["push"]
    monkeypatch.setattr(command, "callback", _interrupt)
    said = reviewloop("github", "push", "x")
    assert said.code == 130
    assert said.err.startswith("reviewloop: interrupted; what was posted or pushed stays")


def _interrupt(**_):
    raise KeyboardInterrupt


def test_end_of_input_is_a_sentence(reviewloop, failing):
    failing(EOFError())
    said = reviewloop("fail")
    assert (said.code, said.err) == (
        2,
        "reviewloop: the input ended before the question was answered\n",
    )


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device", "/x/y"),
        OSError(errno.EDQUOT, "Disk quota exceeded"),
        sqlite3.OperationalError("database or disk is full"),
    ],
)
def test_full_disk_is_a_sentence_and_exit_code_2(reviewloop, failing, error):
    failing(error)
    said = reviewloop("fail")
    assert said.code == 2
    assert said.err.startswith("reviewloop: the disk is full")


def test_full_disk_behind_another_error_is_still_named(reviewloop, failing):
    outer = RuntimeError("could not write")
    outer.__cause__ = OSError(errno.ENOSPC, "No space left on device")
    failing(outer)
    assert "the disk is full" in reviewloop("fail").err


def test_missing_permission_names_the_file(reviewloop, failing):
    failing(PermissionError(errno.EACCES, "Permission denied", "/x/y"))
    said = reviewloop("fail")
    assert (said.code, said.err) == (
        2,
        "reviewloop: /x/y: permission denied; check who owns it\n",
    )


def test_bug_is_70_with_a_log_that_holds_versions_and_traceback(reviewloop, failing, private_home):
    failing(ZeroDivisionError("division by zero"))
    said = reviewloop("fail")
    assert said.code == 70
    assert said.err.startswith("reviewloop: this is a bug in reviewloop (ZeroDivisionError)")
    (log,) = (private_home / "state/logs").iterdir()
    assert str(log) in said.err
    text = log.read_text()
    assert "Traceback" in text
    assert "ZeroDivisionError: division by zero" in text
    assert "python 3." in text
    assert "langgraph " in text


def test_bug_is_said_even_where_no_log_can_be_written(reviewloop, failing, monkeypatch, tmp_path):
    blocker = tmp_path / "file"
    blocker.write_text("")
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(blocker / "state"))
    failing(ZeroDivisionError("x"))
    said = reviewloop("fail")
    assert said.code == 70
    assert "Traceback" in said.err
    assert "could not be written" in said.err


def test_result_of_a_command_is_the_exit_code(monkeypatch):
    for result, code in ((None, 0), (4, 4)):
        command = click.Command("give", callback=lambda result=result: result)
        monkeypatch.setitem(cli.commands, "give", command)
        assert run(["give"]) == code


def test_windows_is_refused_with_a_way_out(reviewloop, monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    said = reviewloop("tasks")
    assert said.code == 2
    assert "WSL" in said.err


def test_closed_pipe_is_no_traceback():
    code = (
        "import click, sys\n"
        "from reviewloop.cli import main\n"
        "def flood():\n"
        "    for _ in range(200000): click.echo('x' * 80)\n"
        "main.cli.commands['flood'] = click.Command('flood', callback=flood)\n"
        "main.main(['flood'])\n"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environ
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        errors = process.stderr.read()
        assert process.wait(20) == 0
    assert errors == b""


@pytest.mark.slow
def test_sign_that_the_terminal_cannot_show_ends_nothing(repo):
    said = subprocess.run(
        [sys.executable, "-m", "reviewloop", "doctor", "--offline"],
        capture_output=True,
        cwd=repo,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
    )
    assert said.returncode in {0, 2}  # as the machine is
    assert b"Traceback" not in said.stderr
    assert b"+ python" in said.stdout


def test_error_raised_before_anything_ran_is_caught(reviewloop, monkeypatch):
    def parse(*_args, **_options):
        raise UsageError("no")

    monkeypatch.setattr(cli, "make_context", parse)
    assert reviewloop("tasks").code == 2
