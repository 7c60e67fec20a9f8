"""Editable installs of every kind lead to the workspace; nothing else changes."""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.environment import ProjectEnv, build_environment
from reviewloop.sandbox.shadow import Redirection

FINDER = """
import sys
from importlib.machinery import PathFinder
from importlib.util import spec_from_file_location
from pathlib import Path

MAPPING: dict[str, str] = {mapping!r}
NAMESPACES: dict[str, list[str]] = {{}}


class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            init = Path(MAPPING[name], "__init__.py")
            return spec_from_file_location(name, init, submodule_search_locations=[MAPPING[name]])
        return None


def install():
    sys.meta_path.append(Finder)
"""


@pytest.fixture(autouse=True)
def short_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the gates' temporary folders, whose names must be short, out of the machine's own."""
    with tempfile.TemporaryDirectory(prefix="rl-test-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


class Project:
    """A checkout with a virtual environment, and a workspace that holds other code."""

    def __init__(self, base: Path) -> None:
        self.user = base / "the user's project"
        self.workspace = base / "workspace"
        self.folder = base / "env"
        for root, marker in ((self.user, "user"), (self.workspace, "workspace")):
            for package in (root / "src/acme", root / "src/acme/part"):
                package.mkdir(parents=True)
                (package / "__init__.py").write_text(f"WHOSE = {marker!r}\n")
        self.venv = self.user / ".venv"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(self.venv)], check=True)
        self.site = next(self.venv.glob("lib/*/site-packages"))

    def write(self, name: str, text: str) -> Path:
        path = self.site / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def environment(self, **more: object) -> ProjectEnv:
        return build_environment(
            user_root=self.user,
            workspace=self.workspace,
            folder=self.folder,
            sandbox=choose,
            **more,
        )

    def whose(self, code: str = "import acme.part; print(acme.part.WHOSE)") -> str:
        project = self.environment()
        done = subprocess.run(
            [str(project.python), "-c", code],
            cwd=self.workspace,
            env=dict(project.env),
            capture_output=True,
            text=True,
        )
        return done.stdout.strip() or done.stderr


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def setuptools_static(project: Project) -> None:
    project.write("__editable__.acme-1.0.pth", f"{project.user}/src\n")


def setuptools_finder(project: Project) -> None:
    mapping = {"acme": f"{project.user}/src/acme"}
    project.write("__editable___acme_1_0_finder.py", FINDER.format(mapping=mapping))
    name = "__editable___acme_1_0_finder"
    project.write("__editable__.acme-1.0.pth", f"import {name}; {name}.install()")


def setuptools_develop(project: Project) -> None:
    data = project.user / "src/acme.egg-info"
    data.mkdir()
    (data / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: acme\nVersion: 1.0\n")
    project.write("easy-install.pth", f"{project.user}/src\n")
    project.write("acme.egg-link", f"{project.user}/src\n../")


def hatchling(project: Project) -> None:
    project.write("_acme.pth", str(project.user / "src"))


def editables_module(project: Project) -> None:
    mapping = {"acme": f"{project.user}/src/acme"}
    project.write("_editable_impl_acme.py", FINDER.format(mapping=mapping) + "\ninstall()\n")
    project.write("_acme.pth", "import _editable_impl_acme")


def poetry(project: Project) -> None:
    project.write("acme.pth", f"{project.user}/src")


def flit_symlink(project: Project) -> None:
    (project.site / "acme").symlink_to(project.user / "src/acme")


def relative_path_file(project: Project) -> None:
    project.write("acme.pth", "../../../../src\n")


def path_inserted_by_code(project: Project) -> None:
    project.write("acme.pth", f"import sys; sys.path.insert(0, {str(project.user / 'src')!r})\n")


INSTALLS = [
    setuptools_static,
    setuptools_finder,
    setuptools_develop,
    hatchling,
    editables_module,
    poetry,
    flit_symlink,
    relative_path_file,
    path_inserted_by_code,
]


@pytest.mark.slow_but(every=3)
@pytest.mark.parametrize("install", INSTALLS, ids=lambda install: install.__name__)
def test_editable_install_leads_to_the_workspace(
    project: Project, install: Callable[[Project], None]
) -> None:
    install(project)
    before = {path: path.read_bytes() for path in project.site.rglob("*") if path.is_file()}
    direct = subprocess.run(
        [str(project.venv / "bin/python"), "-B", "-c", "import acme; print(acme.WHOSE)"],
        cwd=project.workspace,
        capture_output=True,
        text=True,
    )
    assert direct.stdout.strip() == "user", "the reused environment alone tests the wrong code"
    assert project.whose() == "workspace"
    assert project.environment().verify() is None
    after = {path: path.read_bytes() for path in project.site.rglob("*") if path.is_file()}
    assert after == before


def test_metadata_of_a_develop_install_is_found(project: Project) -> None:
    setuptools_develop(project)
    code = "import importlib.metadata as m; print(m.version('acme'))"
    assert project.whose(code) == "1.0"


@pytest.mark.slow
def test_a_real_editable_install(project: Project) -> None:
    pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    settings = (
        '[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n'
        '[project]\nname = "acme"\nversion = "1.0"\n'
        '[project.scripts]\nacme-tool = "acme:main"\n'
        '[tool.hatch.build]\ndev-mode-dirs = ["src"]\n'
        '[tool.hatch.build.targets.wheel]\npackages = ["src/acme"]\n'
    )
    (project.user / "pyproject.toml").write_text(settings)
    for root in (project.user, project.workspace):
        with (root / "src/acme/__init__.py").open("a") as file:
            file.write("def main():\n    print(WHOSE)\n")
    ours = next(p for p in map(Path, sys.path) if (p / "hatchling").is_dir())
    lent = project.write("lent.pth", str(ours))
    pip = [sys.executable, "-m", "pip", "--python", str(project.venv / "bin/python")]
    offline = ["--no-build-isolation", "--no-index", "--no-deps"]
    subprocess.run([*pip, "install", "-q", *offline, "-e", str(project.user)], check=True)
    lent.unlink()
    assert project.whose() == "workspace"
    built = project.environment()
    tool = subprocess.run(
        ["acme-tool"], env=dict(built.env), capture_output=True, text=True, cwd=project.workspace
    )
    assert tool.stdout.strip() == "workspace"
    assert built.verify() is None


def test_installed_packages_are_the_users(project: Project) -> None:
    project.write("other/__init__.py", "NAME = 'other'\n")
    project.write("single.py", "NAME = 'single'\n")
    project.write("other-2.0.dist-info/METADATA", "Name: other\nVersion: 2.0\n")
    code = (
        "import other, single, importlib.metadata as m;"
        "print(other.NAME, single.NAME, m.version('other'))"
    )
    assert project.whose(code) == "other single 2.0"
    assert not list(project.site.rglob("__pycache__"))


def test_paths_of_other_projects_are_left_alone(project: Project, tmp_path: Path) -> None:
    for name in ("elsewhere", "the user's project-2"):
        (tmp_path / name).mkdir()
        (tmp_path / name / f"module_{len(name)}.py").write_text(f"NAME = {name!r}\n")
    project.write("other.pth", f"{tmp_path}/elsewhere\n{project.user}-2\n")
    code = "import module_9, module_20; print(module_9.NAME, '+', module_20.NAME)"
    assert project.whose(code) == "elsewhere + the user's project-2"


def test_a_checkout_reached_through_a_link_is_recognised(project: Project, tmp_path: Path) -> None:
    alias = tmp_path / "alias"
    alias.symlink_to(project.user)
    project.write("acme.pth", f"{project.user}/src\n")
    built = build_environment(
        user_root=alias, workspace=project.workspace, folder=project.folder, sandbox=choose
    )
    done = subprocess.run(
        [str(built.python), "-c", "import acme; print(acme.WHOSE)"],
        env=dict(built.env),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "workspace"


def test_console_scripts_use_the_shadow(project: Project) -> None:
    scripts = {
        "plain": f"#!{project.venv}/bin/python\nimport acme; print(acme.WHOSE)\n",
        "long": (
            f"#!/bin/sh\n'''exec' \"{project.venv}/bin/python3\" \"$0\" \"$@\"\n' '''\n"
            "import acme; print(acme.WHOSE)\n"
        ),
    }
    for name, text in scripts.items():
        (project.venv / "bin" / name).write_text(text)
        (project.venv / "bin" / name).chmod(0o755)
    (project.venv / "bin/native").symlink_to("/bin/echo")
    poetry(project)
    env = dict(project.environment().env)
    for name in scripts:
        done = subprocess.run([name], env=env, capture_output=True, text=True)
        assert done.stdout.strip() == "workspace", done.stderr
    echo = subprocess.run(["native", "hi"], env=env, capture_output=True, text=True)
    assert echo.stdout.strip() == "hi"


def test_a_shadow_in_a_deep_folder_has_working_scripts(tmp_path: Path) -> None:
    project = Project(tmp_path)
    project.folder = tmp_path / ("deep" * 20) / ("folder " * 10)
    script = project.venv / "bin/plain"
    script.write_text(f"#!{project.venv}/bin/python\nimport acme; print(acme.WHOSE)\n")
    script.chmod(0o755)
    poetry(project)
    env = dict(project.environment().env)
    done = subprocess.run(["plain"], env=env, capture_output=True, text=True)
    assert done.stdout.strip() == "workspace", done.stderr


def test_pip_in_the_shadow_cannot_reach_the_users_packages(project: Project) -> None:
    project.write("pip/__init__.py", "")
    project.write("pip-23.0.dist-info/METADATA", "Name: pip\nVersion: 23.0\n")
    assert "No module named 'pip'" in project.whose("import pip")


def test_a_whole_interpreter_can_be_named(project: Project) -> None:
    base = Path(os.path.realpath(project.venv / "bin/python"))
    built = project.environment(python=str(base))
    assert built.python_origin == "settings"
    done = subprocess.run(
        [str(built.python), "-c", "import sys; print(sys.prefix, sys.version_info[:2])"],
        env=dict(built.env),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == f"{built.shadow.folder} {sys.version_info[:2]}"


def test_building_again_follows_the_users_environment(project: Project) -> None:
    project.environment()
    project.write("later.py", "NAME = 'later'\n")
    assert project.whose("import later; print(later.NAME)") == "later"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/home/ada/proj", "/ws"),
        ("x = '/home/ada/proj/src'", "x = '/ws/src'"),
        ("file:///home/ada/proj/src", "file:///ws/src"),
        ("/home/ada/proj/", "/ws/"),
        ("/home/ada/project/src", None),
        ("/mnt/home/ada/proj/src", None),
        ("/home/ada/proj/.venv/lib/x", None),
        ("/home/ada/proj/.venvs/lib/x", "/ws/.venvs/lib/x"),
        ('["/home/ada/proj/a","/home/ada/proj/b"]', '["/ws/a","/ws/b"]'),
    ],
)
def test_only_paths_of_the_checkout_are_redirected(text: str, expected: str | None) -> None:
    root = Path("/home/ada/proj")
    redirection = Redirection(root, Path("/ws"), (root / ".venv",))
    assert redirection.text(text) == (expected or text)


def test_direct_url_is_left_as_it_is(project: Project) -> None:
    record = {"url": f"file://{project.user}", "dir_info": {"editable": True}}
    project.write("acme-1.0.dist-info/direct_url.json", json.dumps(record))
    built = project.environment()
    shadowed = next(built.shadow.folder.glob("lib/*/site-packages/acme-1.0.dist-info"))
    assert json.loads((shadowed / "direct_url.json").read_text()) == record
    assert re.match(r"python3", built.source.library)
