"""A machine of GitHub that runs the Action: its shell steps, in a clean environment, from a clone.

Only what `actions/setup-python` does is left out. pip is a stand-in that notes its arguments and
lets Python find the sources, unless REAL_PIP is set: then it installs what is pinned.
"""

import atexit
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.github_server import GitHubServer

ROOT = Path(__file__).resolve().parents[2]
ACTION = yaml.safe_load((ROOT / "action.yml").read_text())
STEPS = [step for step in ACTION["runs"]["steps"] if "run" in step]
REAL_PIP = "REAL_PIP"
_INPUT = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")
# Variable of the last step -> the input that it holds.
_GIVEN = {k: found[1] for k, v in STEPS[-1]["env"].items() if (found := _INPUT.fullmatch(v))}
_EXPRESSION = re.compile(r"\$\{\{ (\S+)( != '')? \}\}")
_HEREDOC = re.compile(r"^(\S+)<<(\S+)\n(.*)\n\2$", re.MULTILINE)
_OF_PIP = re.compile(r"PIP_\w+|SSL_CERT_FILE|https?_proxy|no_proxy", re.IGNORECASE)
_PIP = """
import sys, sysconfig
from pathlib import Path

arguments = sys.argv[1:]
assert sys.flags.isolated
with open({log!r}, "a") as log:
    print(*arguments, sep="\\t", file=log)
if "--no-deps" in arguments:
    packages = Path(sysconfig.get_path("purelib"))
    (packages / "installed.pth").write_text(arguments[-1] + "\\n" + {packages!r} + "\\n")
"""
# The environment gets our pip in place of its own; everything else about it is real.
_PYTHON = """#!/bin/bash -e
{python} "$@" --without-pip
cp {pip} "${{@: -1}}"/lib/python3.*/site-packages/
"""


def git(folder: Path, *args: str, **environ: str) -> str:
    """Run git there as Ada, without anybody's configuration, and return what it printed."""
    named = {f"GIT_{who}_NAME": "Ada Example" for who in ("AUTHOR", "COMMITTER")}
    named |= {f"GIT_{who}_EMAIL": "ada@example.org" for who in ("AUTHOR", "COMMITTER")}
    env = {**os.environ, **named, "GIT_CONFIG_GLOBAL": os.devnull, **environ}
    done = subprocess.run(["git", *args], cwd=folder, env=env, check=True, capture_output=True)
    return done.stdout.decode().strip()


def starts(command: str) -> list[str]:
    """Return the words with which `.ci/act` starts a command; its options follow."""
    words = {"implement": ["run"], "batch": ["batch", "--plan=matrix"]}
    return words.get(command, ["github", command])


Acted = tuple[int, list[list[str]], str]  # exit code, arguments of each start, stderr


def run_act(folder: Path, /, ends: int = 4, **inputs: str) -> Acted:
    """Run `.ci/act` beside a Python that only notes what it is asked to do.

    Each noted line ends with the token that was given; `ends` is how `reviewloop run` ends.
    """
    python, log = folder / "reviewloop/bin/python", folder / "log"
    python.parent.mkdir(parents=True, exist_ok=True)
    python.write_text(
        '#!/bin/bash\n{ printf "%s\\t" "$@"; echo "${GITHUB_TOKEN-none}"; } >>"$LOG"\n'
        '{ echo "$4"; compgen -e | grep _API_KEY; } >>"$LOG.keys"\n'
        'echo "${GIT_AUTHOR_NAME-} ${GIT_AUTHOR_EMAIL-}" >"$LOG.author"\n'
        'if [[ $4 == run ]]; then exit "$RUN_ENDS"; fi\n'
    )
    python.chmod(0o755)
    log.write_text("")
    env = {"PATH": os.environ["PATH"], "RUNNER_TEMP": str(folder), "LOG": str(log)}
    env |= {"RUN_ENDS": str(ends), "GITHUB_TOKEN": "given", "GIT_CONFIG_NOSYSTEM": "1"}
    every = dict.fromkeys(ACTION["inputs"], "") | inputs  # as action.yml gives them
    env |= {name: every[_GIVEN[name]] for name in _GIVEN if name != "GITHUB_TOKEN"}
    done = subprocess.run(
        ["bash", ROOT / ".ci/act"],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    said = [line.split("\t") for line in log.read_text().splitlines()]
    assert all(line[:3] == ["-I", "-m", "reviewloop"] for line in said)
    return done.returncode, [line[3:] for line in said], done.stderr


@cache
def fresh_clone() -> Path:
    """Return a clone of what is committed, made once; nobody writes into it."""
    folder = tempfile.mkdtemp(prefix="reviewloop-action-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    git(Path(folder), "clone", "-q", "--depth", "1", ROOT.as_uri(), "action")
    return Path(folder, "action")


class Machine:
    """Holds a checkout at `work` and a fresh clone of the Action; runs its steps."""

    def __init__(self, folder: Path, github: GitHubServer, work: Path) -> None:
        self.folder, self.github, self.work = folder, github, work
        self.action, self.temp = fresh_clone(), folder / "temp"
        for place in (self.temp, folder / "home"):
            place.mkdir()
        self.real_pip = bool(os.environ.get(REAL_PIP))
        self.python = Path(sys.executable) if self.real_pip else self._without_pip()
        self.installed = False  # set to False to have it installed over what is there
        self.source = ("octo/reviewloop", "c0ffee")  # where `uses:` takes the Action from
        self.variables: dict[str, str] = {}  # of the runner, more or others than usual
        self.outputs: dict[str, str] = {}  # of the Action's last run

    @property
    def asked_of_pip(self) -> list[list[str]]:
        """The arguments of each start of the stand-in for pip."""
        return [line.rstrip("\n").split("\t") for line in (self.folder / "pip.log").open()]

    @property
    def page(self) -> str:
        """The summary of the job."""
        return (self.folder / "page.md").read_text()

    def run(
        self, event: Mapping[str, Any], name: str = "pull_request", **inputs: str
    ) -> subprocess.CompletedProcess[str]:
        """Run the shell steps until one fails; note the outputs of the Action.

        `name` is the event's; inputs are written with _ for -. What is installed stays, which
        saves the time of doing it again.
        """
        given = {key.replace("_", "-"): value for key, value in inputs.items()}
        assert set(given) <= set(ACTION["inputs"])
        asked = {key: one.get("default", "") for key, one in ACTION["inputs"].items()} | given
        (self.folder / "event.json").write_text(json.dumps(event))
        (self.folder / "out").write_text("")
        install, act = STEPS
        done = None if self.installed else self._step(install, asked, name)
        if done is None or not done.returncode:
            self.installed = True
            done = self._step(act, asked, name)
        found = _HEREDOC.findall((self.folder / "out").read_text())
        values = {f"steps.act.outputs.{key}": value for key, _, value in found}
        self.outputs = {
            key: values.get(one["value"].removeprefix("${{ ").removesuffix(" }}"), "")
            for key, one in ACTION["outputs"].items()
        }
        return done

    def _step(
        self, step: Mapping[str, Any], asked: Mapping[str, str], name: str
    ) -> subprocess.CompletedProcess[str]:
        known = {f"inputs.{key}": value for key, value in asked.items()} | {
            "github.token": self.github.token,
            "steps.python.outputs.python-path": str(self.python),
            **{"github.action_repository": self.source[0], "github.action_ref": self.source[1]},
        }

        def value(match: re.Match[str]) -> str:
            found = known[match[1]]
            return found if match[2] is None else str(bool(found)).lower()

        def told(text: str) -> str:
            for _ in range(2):  # the default of an input is an expression, too
                text = _EXPRESSION.sub(value, text)
            return text

        server = {k: v for k, v in self.github.environ.items() if k != "GITHUB_TOKEN"}
        env = server | {
            **{"PATH": os.environ["PATH"], "HOME": str(self.folder / "home"), "CI": "true"},
            **{"RUNNER_TEMP": str(self.temp), "RUNNER_OS": "Linux"},
            **{"GITHUB_ACTIONS": "true", "GITHUB_EVENT_NAME": name},
            "GITHUB_ACTION_PATH": str(self.action),
            "GITHUB_EVENT_PATH": str(self.folder / "event.json"),
            "GITHUB_OUTPUT": str(self.folder / "out"),
            "GITHUB_STEP_SUMMARY": str(self.folder / "page.md"),
            "GITHUB_WORKSPACE": str(self.work),
            "PYTHONPATH": ".",  # a careless workflow
        }
        if self.real_pip:
            env |= {name: text for name, text in os.environ.items() if _OF_PIP.fullmatch(name)}
        env |= self.variables
        env |= {key: told(value) for key, value in step.get("env", {}).items()}
        script = self.folder / "step.sh"
        script.write_text(step["run"])
        assert step["shell"] == "bash"
        return subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
            cwd=self.work,
            env=env,
            capture_output=True,
            text=True,
            timeout=300 if self.real_pip else 120,
            check=False,
        )

    def _without_pip(self) -> Path:
        pip, python = self.folder / "pip.py", self.folder / "python"
        packages = str(Path(pytest.__file__).parents[1])
        pip.write_text(_PIP.format(log=str(self.folder / "pip.log"), packages=packages))
        python.write_text(_PYTHON.format(python=shlex.quote(sys.executable), pip=pip))
        python.chmod(0o755)
        return python
