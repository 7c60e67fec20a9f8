"""Files of a checkout open nothing of the machine: links, `.pth` lines, interpreters."""

import os
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.environment import ProjectEnv, build_environment
from reviewloop.sandbox.interpreters import not_committed
from reviewloop.sandbox.run import read_log, run_command

LIBRARY = f"lib/python{sys.version_info[0]}.{sys.version_info[1]}"
SITE = f".venv/{LIBRARY}/site-packages"


class Place:
    """A home with a secret, a checkout that strangers filled, and a workspace."""

    def __init__(self, base: Path) -> None:
        self.home, self.user, self.work = (
            base / name for name in ("home", "project", "state/project")
        )
        self.folder = base / "state/environment"
        for name in ("home/.ssh", "project/pkg/node_modules", "state/project/pkg"):
            (base / name).mkdir(parents=True)
        self.secret = self.home / ".ssh"
        (self.secret / "id").write_text("private\n")
        for root in (self.user, self.work):
            (root / "pkg/package.json").write_text("{}")

    def build(self, level: str = "auto", **more: object) -> ProjectEnv:
        return build_environment(
            user_root=self.user,
            workspace=self.work,
            folder=self.folder,
            environ={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            **{"sandbox": partial(choose, requested=level), **more},
        )

    def link(self, name: str, target: Path | None = None, root: Path | None = None) -> None:
        place = (root or self.user) / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target or self.secret)

    def environment(self) -> Path:
        """Make what passes for a virtual environment; return its site-packages."""
        site = self.user / SITE
        site.mkdir(parents=True)
        (self.user / ".venv/pyvenv.cfg").write_text("home = /usr/bin\n")
        self.link(".venv/bin/python", Path(sys.executable).resolve())
        return site

    def pth(self) -> None:
        (self.environment() / "x.pth").write_text(f"{self.secret}\n/run\n{self.home}\n/tmp\n")

    def linked_site(self) -> None:
        self.environment().rmdir()
        self.link(SITE)

    def linked_package(self) -> None:
        self.environment()
        self.link(f"{SITE}/package")

    def own_interpreter(self) -> None:
        self.environment()
        (self.user / ".venv/bin/python").unlink()
        (self.user / "fake/bin").mkdir(parents=True)
        (self.user / "fake/bin/python").touch(mode=0o755)
        self.link("fake/lib")
        self.link(".venv/bin/python", self.user / "fake/bin/python")

    def linked_script(self) -> None:
        self.environment()
        (self.secret / "id").write_text("#!/bin/sh\n# private\n")
        (self.secret / "id").chmod(0o755)
        self.link(".venv/bin/id", self.secret / "id")

    def linked_module(self) -> None:
        (self.secret / "keys.py").touch()
        self.link(
            str((self.environment() / "keys.py").relative_to(self.user)), self.secret / "keys.py"
        )

    def linked_programs(self) -> None:
        (self.secret / "id").chmod(0o755)
        self.link("node_modules/.bin")

    def left_by_a_command(self) -> None:
        (self.work / "node_modules").mkdir()
        (self.work / "node_modules/.reviewloop").touch()
        self.link("node_modules/.bin", root=self.work)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


TRAPS: dict[str, Callable[[Place], object]] = {
    "a linked environment": lambda place: place.link(".venv"),
    "linked dependencies": lambda place: place.link("node_modules"),
    "the whole home": lambda place: place.link("node_modules", place.home),
    "the whole machine": lambda place: place.link("venv", Path("/")),
    "a line of a .pth file": Place.pth,
    "a linked site": Place.linked_site,
    "a linked package": Place.linked_package,
    "an interpreter of its own": Place.own_interpreter,
    "a linked module": Place.linked_module,
    "a linked script": Place.linked_script,
    "linked programs": Place.linked_programs,
    "programs that a command left": Place.left_by_a_command,
}


@pytest.mark.parametrize("trap", TRAPS)
def test_nothing_of_the_machine_is_opened(place: Place, trap: str) -> None:
    TRAPS[trap](place)
    granted = place.build().confine.grants.read
    opened = [Path(os.path.realpath(name)) for name in granted]
    assert not [name for name in opened if place.secret.is_relative_to(name)]
    assert not [name for name in opened if name.is_relative_to(place.secret)]
    assert not {Path("/run"), Path("/tmp"), Path("/")} & set(granted)
    copied = [name for root in (place.work, place.folder) for name in root.rglob("id")]
    assert not [name for name in copied if name.is_file() and not name.is_symlink()]


@pytest.mark.parametrize(
    "level",
    [
        pytest.param("bubblewrap", marks=pytest.mark.needs_bubblewrap),
        pytest.param("landlock", marks=pytest.mark.needs_landlock),
    ],
)
def test_commands_widen_nothing_for_the_next_command(place: Place, level: str) -> None:
    (place.user / "node_modules/.bin").mkdir(parents=True)
    (place.work / "node_modules/.bin").mkdir(parents=True)
    project = place.build(level)

    def run(script: str) -> str:
        log = place.folder / "log"
        argv = ("/bin/sh", "-c", script)
        run_command(
            argv,
            cwd=place.work,
            env=project.env,
            timeout_seconds=20,
            log=log,
            confine=project.confine,
        )
        return read_log(log)

    run(f"rm -r node_modules/.bin; ln -s {place.secret} node_modules/.bin")
    run(f"mv pkg other; ln -s /oldroot{place.home} pkg")
    assert (place.work / "node_modules/.bin/id").exists()
    assert (place.work / "pkg").is_symlink()
    said = run("echo started; cat node_modules/.bin/id")
    assert "started" in said
    assert "private" not in said
    assert [entry.name for entry in place.home.iterdir()] == [".ssh"]


def test_what_is_packages_is_still_lent(place: Place, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    for name in ("env/lib/python3/site-packages", "sibling/src", "package", "main/node_modules"):
        (elsewhere / name).mkdir(parents=True)
    (elsewhere / "sibling/pyproject.toml").touch()
    (elsewhere / "package/__init__.py").touch()
    site = place.environment()
    (site / "x.pth").write_text(
        f"{elsewhere}/env/lib/python3/site-packages\n{elsewhere}/sibling/src\n"
    )
    place.link(f"{SITE}/package", elsewhere / "package")
    place.link("node_modules", elsewhere / "main/node_modules")
    granted = place.build().confine.grants.read
    names = ("env/lib/python3/site-packages", "sibling/src", "package", "main/node_modules")
    assert {elsewhere / name for name in names} <= set(granted)


def test_a_person_reads_what_is_not_lent(place: Place) -> None:
    place.pth()
    assert any(".ssh, which the Python" in note for note in place.build().notes)


def test_a_committed_environment_is_not_used(repo, tmp_path: Path, git) -> None:
    (repo / ".venv").mkdir()
    (repo / ".venv/pyvenv.cfg").touch()
    (repo / "venv").symlink_to("/")
    (repo / "node_modules").mkdir()
    (repo / "node_modules/x.js").touch()
    names = (".venv", "venv", "node_modules")
    before = PrivateRepo.create(tmp_path / "before", discover(repo))
    git(repo, "add", "-A", "-f")
    git(repo, "commit", "-q", "-m", "environments")
    after = PrivateRepo.create(tmp_path / "after", discover(repo))
    assert not_committed(names, before) == names
    assert not_committed(names, after) == ("node_modules",)


@pytest.mark.parametrize("text", ["a\0b\n", "a" * 5000 + "\n", None])
def test_an_environment_that_cannot_be_read_is_refused(place: Place, text: str | None) -> None:
    site = place.environment()
    if text is None:
        (site / "x").symlink_to("x")
    else:
        (site / "x.pth").write_text(text)
    with pytest.raises(WorkspaceError, match="could not be mirrored"):
        place.build()


def test_an_endless_description_is_no_environment(place: Place) -> None:
    place.environment()
    (place.user / ".venv/pyvenv.cfg").unlink()
    place.link(".venv/pyvenv.cfg", Path("/dev/zero"))
    assert place.build().python_origin != "checkout"


@pytest.mark.parametrize("answer", ["{}", '{"version": ["../..", 1]}', "[" * 100_000])
def test_an_interpreter_of_the_checkout_is_asked_inside(
    place: Place, answer: str, tmp_path: Path
) -> None:
    (place.user / "tool/bin").mkdir(parents=True)
    program = place.user / "tool/bin/python"
    told = place.user / "tool/lib"
    told.mkdir()
    (told / "answer").write_text(answer)
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\ncat {told}/answer\n")
    program.chmod(0o755)
    with pytest.raises(UsageError, match="not a working Python"):
        place.build(python="tool/bin/python")
    assert not (tmp_path / "ran").exists()
    assert answer in (place.folder / "asked.log").read_text()
