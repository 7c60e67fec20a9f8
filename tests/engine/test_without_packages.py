"""Without the packages of a shared store every command that needs them says how to install them."""

import json
import subprocess
import sys

import pytest
from support.checkout import Checkout

from reviewloop.installed import how_to_install

_HIDING = """
import contextlib, io, json, sys
from importlib.machinery import PathFinder

import click

found = PathFinder.find_spec
hidden = ("psycopg", "psycopg_pool", "procrastinate")

def find_spec(cls, name, path=None, target=None):
    away = name.partition(".")[0] in hidden or name.startswith("langgraph.checkpoint.postgres")
    return None if away else found(name, path, target)

PathFinder.find_spec = classmethod(find_spec)
from reviewloop.cli.main import COMMANDS, run

def said(*argv):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run(argv)
    return [int(code), err.getvalue()]

def needed(command):
    for parameter in command.params:
        if parameter.required:
            option = parameter.opts[:1] if isinstance(parameter, click.Option) else []
            yield from [*option, "x"]

def told(command, path):
    subs = getattr(command, "commands", {})
    if any(p.name == "store" for p in command.params):
        yield " ".join(path), said(*path, *needed(command))
        yield " ".join(path) + " --help", said(*path, "--help")
    for name, sub in subs.items():
        yield from told(sub, [*path, name])

ends = (end for one in COMMANDS.values() for end in told(one.load(), [one.name]))
print(json.dumps(dict(ends)))
"""
# About this machine, whatever the variable says.
_HERE = {"dismiss", "dismiss --help", "change", "change --help"}


@pytest.mark.slow
def test_every_command_about_a_store_says_what_is_to_be_installed(tmp_path):
    person = Checkout(tmp_path, tmp_path / "home")
    store = {"REVIEWLOOP_STORE": "postgresql://reviewloop@127.0.0.1:1/reviewloop"}
    done = subprocess.run(
        [sys.executable, "-c", _HIDING],
        cwd=tmp_path,
        env={**person.environ, **store},
        check=True,
        capture_output=True,
        text=True,
    )
    told = json.loads(done.stdout)
    assert {"status", "queue approve", "resume", "batch", "worker", "stats"} <= set(told)
    extra = f"reviewloop: a shared store needs more packages: {how_to_install('postgres')}\n"
    ends = {name: end for name, end in told.items() if name not in _HERE}
    helps = {name: ends.pop(name) for name in [*ends] if name.endswith("--help")}
    assert ends == {name: [2, extra] for name in ends}
    assert helps == {name: [0, ""] for name in helps}
    assert "postgres]" not in told["dismiss"][1]
