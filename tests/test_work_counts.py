"""What commands load, start and open: counted, because a test of time proves nothing."""

import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from support.stored import unpack

LOAD = """
import json, sys
from reviewloop.cli.main import run
code = run(json.loads(sys.argv[1]))
print(json.dumps([int(code), sorted(sys.modules)]), file=sys.stderr)
"""
MODELS = {"langgraph", "langchain_core", "botocore", "genai_prices", "httpx"}


def loaded_by(folder: Path, *words: str) -> set[str]:
    """Return the modules that are loaded once a command has ended."""
    done = subprocess.run(
        [sys.executable, "-c", LOAD, json.dumps(words)],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        check=True,
    )
    return set(json.loads(done.stderr.splitlines()[-1])[1])


def test_a_review_without_a_model_loads_nothing_that_draws_or_asks(repo):
    (repo / "a.py").write_text("def f(x):\n    return eval(x)\n")
    modules = loaded_by(repo, "review", "--model", "none", "--format", "json")
    assert not modules & {"rich", *MODELS}
    ours = [name for name in modules if name.startswith("reviewloop.")]
    assert not [name for name in ours if name.startswith(("reviewloop.loop", "reviewloop.guards"))]
    assert len(ours) <= 190


def test_status_as_json_draws_nothing(repo):
    assert not loaded_by(repo, "status", "--json") & {"rich", *MODELS}


@pytest.mark.slow
def test_a_graph_loads_the_steps_of_a_run_when_they_run():
    text = "import sys, reviewloop.graph; print([m for m in sys.modules if '.loop.nodes.' in m])"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=True)
    steps = {name.rpartition(".")[2] for name in json.loads(done.stdout.replace("'", '"'))}
    assert steps == {"collect", "review"}


@pytest.mark.slow
def test_a_review_starts_a_few_git_processes_however_many_files_there_are(repo, tmp_path):
    counts = []
    for number in (20, 60):
        for each in range(number):
            (repo / f"m{number}_{each}.py").write_text(f"def f{each}(x):\n    return x + {each}\n")
        trace = tmp_path / f"trace-{number}"
        done = subprocess.run(
            [sys.executable, "-c", GIT, str(trace)],
            cwd=repo,
            env=dict(os.environ),
            capture_output=True,
            text=True,
            check=False,
        )
        assert trace.exists(), done.stderr
        counts.append(len(trace.read_text().splitlines()))
    assert max(counts) <= 22, counts  # of which up to two depend on how the threads meet


GIT = """
import subprocess, sys
real = subprocess.Popen
class Popen(real):
    def __init__(self, args, *rest, **more):
        if str(args[0]).endswith("git"):
            with open(sys.argv[1], "a") as file:
                print(len(args), file=file)
        super().__init__(args, *rest, **more)
subprocess.Popen = Popen
from reviewloop.cli.main import run
run(["review", "--model", "none", "--format", "json"])
"""


@pytest.mark.slow
def test_status_opens_no_journal_of_runs_it_has_summed(tmp_path):
    site = unpack("queue", tmp_path)
    environ = {**os.environ, "REVIEWLOOP_STATE_DIR": str(site.state)}
    (known,) = (site.state / "repositories").iterdir()
    with sqlite3.connect(known / "runs.sqlite") as database:
        over = database.execute("SELECT count(*) FROM runs WHERE status = 'committed'").fetchone()
    database.close()
    opened = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", OPENED],
            cwd=site.root,
            env=environ,
            capture_output=True,
            text=True,
            check=True,
        )
        opened.append(int(done.stderr.splitlines()[-1]))
    assert opened[1] <= opened[0] - over[0]


OPENED = """
import sqlite3, sys
real, seen = sqlite3.connect, []
def connect(name, *rest, **more):
    if "journal" in str(name):
        seen.append(name)
    return real(name, *rest, **more)
sqlite3.connect = connect
from reviewloop.cli.main import run
run(["status", "--json"])
print(len(seen), file=sys.stderr)
"""
