"""Installed packages that point at the checkout: the workspace is tested, or the gate says no.

Whatever a kind of install does at a level, a verified gate never imports the checkout's code.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.environment import build_environment
from reviewloop.sandbox.run import read_log, run_command

_ASK = "import acme; print(acme.WHOSE)"
_FINDER = """import sys
from importlib.util import spec_from_file_location
MAPPING = {mapping}
class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(name, MAPPING[name] + "/__init__.py")
def install():
    sys.meta_path.insert(0, Finder)
"""


def path_file(site: Path, source: Path) -> None:
    (site / "__editable__.acme-1.0.pth").write_text(f"{source}\n")


def finder(site: Path, source: Path) -> None:
    name = "__editable___acme_1_0_finder"
    mapping = repr({"acme": f"{source}/acme"})
    (site / f"{name}.py").write_text(_FINDER.format(mapping=mapping))
    (site / "__editable__.acme-1.0.pth").write_text(f"import {name}; {name}.install()\n")


def egg_link(site: Path, source: Path) -> None:
    (site / "acme.egg-link").write_text(f"{source}\n../")
    (site / "easy-install.pth").write_text(f"{source}\n")


def link(site: Path, source: Path) -> None:
    (site / "acme").symlink_to(source / "acme")


def hidden_path(site: Path, source: Path) -> None:
    place = str(source).encode().hex()
    (site / "hidden.pth").write_text(
        f"import sys; sys.path.append(bytes.fromhex('{place}').decode())\n"
    )


def hidden_finder(site: Path, source: Path) -> None:
    place = f"{source}/acme".encode().hex()
    mapping = f"{{'acme': bytes.fromhex('{place}').decode()}}"
    (site / "hidden_finder.py").write_text(_FINDER.format(mapping=mapping))
    (site / "hidden.pth").write_text("import hidden_finder; hidden_finder.install()\n")


def copied(site: Path, source: Path) -> None:
    (site / "acme").mkdir()
    (site / "acme/__init__.py").write_text("WHOSE = 'user'\n")


_LEVELS = [
    pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
    pytest.param("landlock", marks=pytest.mark.needs_landlock),
]


@pytest.mark.slow_but(every=5)
@pytest.mark.parametrize("level", _LEVELS)
@pytest.mark.parametrize(
    ("install", "verified_at"),
    [
        (path_file, {"bubblewrap", "landlock"}),
        (finder, {"bubblewrap", "landlock"}),
        (egg_link, {"bubblewrap", "landlock"}),
        (link, {"bubblewrap", "landlock"}),
        (hidden_path, {"bubblewrap"}),
        (hidden_finder, {"bubblewrap"}),
        (copied, set()),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_verified_gate_tests_the_workspace(
    tmp_path: Path,
    level: str,
    install: Callable[[Path, Path], None],
    verified_at: set[str],
) -> None:
    user, workspace = tmp_path / "project", tmp_path / "run/workspace"
    for root, marker in ((user, "user"), (workspace, "workspace")):
        (root / "src/acme").mkdir(parents=True)
        (root / "src/acme/__init__.py").write_text(f"WHOSE = {marker!r}\n")
    site = user / f".venv/lib/python3.{sys.version_info.minor}/site-packages"
    site.mkdir(parents=True)
    (user / ".venv/bin").mkdir()
    (user / ".venv/bin/python").symlink_to(Path(sys.base_prefix) / "bin/python3")
    (user / ".venv/pyvenv.cfg").write_text(f"home = {sys.base_prefix}/bin\n")
    install(site, user / "src")
    control = subprocess.check_output([user / ".venv/bin/python", "-c", _ASK], text=True)
    assert control == "user\n"

    project = build_environment(
        user_root=user,
        workspace=workspace,
        folder=tmp_path / "run/environment",
        environ={"PATH": os.defpath, "HOME": str(tmp_path / "home")},
        sandbox=partial(choose, requested=level),
    )
    problem = project.verify()
    assert (problem is None) is (level in verified_at), problem
    result = run_command(
        ["python", "-c", _ASK],
        cwd=workspace,
        env=project.env,
        timeout_seconds=20,
        log=tmp_path / "log",
        confine=project.confine,
    )
    if problem is None:
        assert read_log(result.log) == "workspace\n"
    project.discard()
