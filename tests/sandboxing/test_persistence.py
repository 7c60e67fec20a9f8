"""Files left by one tree's code are gone when the next tree is evaluated."""

import hashlib
import os
from collections.abc import Callable, Iterator
from functools import cache, partial
from pathlib import Path

import pytest
from support.escape_stage import PYTHON, Stage

from reviewloop.sandbox.choose import choose

# place -> content; each names itself when it is executed
_SHELL = "echo planted\n"
_SCRIPT = f"#!/bin/sh\n{_SHELL}"
_PYTHON = "print('planted')\n"
_SITE = f".local/lib/{PYTHON}/site-packages"
PLANTED = {
    "{workspace}/sitecustomize.py": _PYTHON,
    "{workspace}/usercustomize.py": _PYTHON,
    "{workspace}/conftest.py": _PYTHON,
    "{workspace}/app.py": _PYTHON,
    "{workspace}/json.py": _PYTHON,
    "{workspace}/pytest.ini": "[pytest]\naddopts = -p planted\n",
    "{workspace}/build/lib/planted.py": _PYTHON,
    "{workspace}/packages/app/planted.js": "console.log('planted')\n",
    "{workspace}/node_modules/.bin/planted": _SCRIPT,
    "{workspace}/node_modules/planted/index.js": "console.log('planted')\n",
    "{workspace}/.venv/bin/python": _SCRIPT,
    "{workspace}/.env": "PLANTED=1\n",
    "{workspace}/.git/hooks/pre-commit": _SCRIPT,
    "{workspace}/.git/hooks/post-index-change": _SCRIPT,
    "{workspace}/.git/config": "[alias]\n\tst = !echo planted\n",
    "{workspace}/.git/info/exclude": "*\n",
    "{workspace}/nested/.git/HEAD": "ref: refs/heads/main\n",
    "{home}/.bashrc": _SHELL,
    "{home}/.profile": _SHELL,
    "{home}/.gitconfig": "[alias]\n\tst = !echo planted\n",
    "{home}/.npmrc": "script-shell=planted\n",
    "{home}/.pydistutils.cfg": "planted\n",
    "{home}/.config/pip/pip.conf": "planted\n",
    "{home}/" + _SITE + "/usercustomize.py": _PYTHON,
    "{home}/" + _SITE + "/planted.pth": "import sys; print('planted')\n",
    "{temporary}/planted": _SCRIPT,
    "{temporary}/pytest-of-root/planted": _SCRIPT,
    "{reports}/junit.xml": "<testsuites/>\n",
    "{reports}/.coverage": "planted\n",
}
_PROBES = {
    "python": ["python", "-c", "import json"],
    "python in the folder": ["python", "-m", "app"],
    "a shell": ["bash", "-i", "-c", "true"],
    "a login": ["bash", "-l", "-c", "true"],
    "git's aliases": ["git", "st"],
    "git's hooks": [
        "git",
        "-c",
        "user.name=A",
        "-c",
        "user.email=a@b",
        "commit",
        "--allow-empty",
        "-m",
        "x",
    ],
    "a program": ["sh", "-c", "planted"],
    "a temporary program": ["sh", "-c", "sh $TMPDIR/planted"],
}
_WORKS_AT_FIRST = {
    "python in the folder",
    "a shell",
    "a login",
    "git's aliases",
    "git's hooks",
    "a program",
    "a temporary program",
}


def contents(*folders: Path) -> dict[str, str]:
    """Return path -> kind and hash of all but the index of git, which has times in it."""
    found = {}
    for folder in folders:
        for place, names, files in os.walk(folder):
            for name in (*names, *files):
                path = Path(place, name)
                if path.is_symlink():
                    found[str(path)] = f"-> {path.readlink()}"
                elif path.is_dir():
                    found[str(path)] = "folder"
                elif path.name != "index":
                    found[str(path)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


Seen = tuple[dict[str, bool], dict[str, bool], dict[str, str], dict[str, str]]


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Seen]]:
    """Return what a level's commands show and what there is: after planting, and after a reset."""

    @cache
    def made(level: str) -> Seen:
        stage = Stage(tmp_path_factory.mktemp(level), partial(choose, requested=level))
        project = stage.project
        places = {
            "workspace": str(project.workspace),
            "home": project.env["HOME"],
            "temporary": project.env["TMPDIR"],
            "reports": str(project.reports),
        }
        stage.reset()
        fresh = contents(*map(Path, places.values()))
        plant = "import json, os, sys\nfor place, text in json.loads(sys.argv[1]).items():\n"
        plant += " os.makedirs(os.path.dirname(place), exist_ok=True)\n"
        plant += " open(place, 'w').write(text); os.chmod(place, 0o755)\n"
        import json

        planted = {name.format(**places): text for name, text in PLANTED.items()}
        result = stage.command("python", "-I", "-c", plant, json.dumps(planted))
        assert result.exit_code == 0, result.log.read_text()
        first = probed(stage)
        stage.reset()
        after = contents(*map(Path, places.values()))
        second = probed(stage)
        stage.remove()
        return first, second, fresh, after

    yield made


def probed(stage: Stage) -> dict[str, bool]:
    """Return for each probe whether something planted was executed."""
    shown = {}
    for name, argv in _PROBES.items():
        result = stage.command(*argv)
        shown[name] = "planted\n" in result.log.read_text(errors="replace")
    return shown


_LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]


@pytest.mark.slow_but(every=2)
@pytest.mark.parametrize("level", _LEVELS)
def test_nothing_planted_works_for_the_next_tree(level: str, seen: Callable[[str], Seen]) -> None:
    first, second, _, _ = seen(level)
    assert {name for name, worked in first.items() if worked} >= _WORKS_AT_FIRST, "the control"
    assert not [name for name, works in second.items() if works]


@pytest.mark.parametrize("level", _LEVELS)
def test_the_next_tree_finds_the_files_of_a_fresh_workspace(
    level: str, seen: Callable[[str], Seen]
) -> None:
    _, _, fresh, after = seen(level)
    assert len(fresh) > 10
    assert after == fresh
