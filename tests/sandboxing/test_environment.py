"""Gates see no secrets, run the workspace's code, and say so when that cannot be shown."""

import os
import subprocess
import sys
import tempfile
import textwrap
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import UsageError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.sandbox.choose import choose
from reviewloop.sandbox.environment import ProjectEnv, build_environment
from reviewloop.sandbox.node import verify_node_modules
from reviewloop.sandbox.run import read_log, run_command


@pytest.fixture(autouse=True)
def short_temporary_folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Keep the gates' temporary folders, whose names must be short, out of the machine's own."""
    with tempfile.TemporaryDirectory(prefix="rl-test-") as folder:
        monkeypatch.setattr(tempfile, "tempdir", folder)
        yield


@pytest.fixture
def roots(tmp_path: Path) -> tuple[Path, Path]:
    """Return a checkout whose code says "user" and a workspace whose code says "workspace"."""
    made = (tmp_path / "project", tmp_path / "workspace")
    for root, marker in zip(made, ("user", "workspace"), strict=True):
        (root / "src/acme").mkdir(parents=True)
        (root / "src/acme/__init__.py").write_text(f"WHOSE = {marker!r}\n")
        (root / "tests").mkdir()
        (root / "tests/test_acme.py").write_text(
            "import acme\ndef test_whose():\n    assert acme.WHOSE == 'workspace'\n"
        )
    return made


@pytest.fixture
def build(roots: tuple[Path, Path], tmp_path: Path) -> Callable[..., ProjectEnv]:
    def make(**more: object) -> ProjectEnv:
        return build_environment(
            user_root=roots[0],
            workspace=roots[1],
            folder=tmp_path / "env",
            **{"sandbox": choose, **more},
        )

    return make


without_mounts = partial(choose, requested="landlock")
# Plugins of the environment these tests run in cost more than a second per run of pytest.
PLUGINS = ("cacheprovider", "hypothesispytest", "anyio", "langsmith_plugin")
PYTEST = ("python", "-m", "pytest", "-q", *(f"-pno:{name}" for name in PLUGINS))


def make_venv(folder: Path, *, with_pytest: bool = False) -> Path:
    """Make a virtual environment and return its site-packages."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(folder)], check=True)
    site = next(folder.glob("lib/*/site-packages"))
    if with_pytest:
        (site / "lent.pth").write_text(str(Path(pytest.__file__).parents[1]) + "\n")
    return site


def commit_all(git: Callable[..., str], root: Path, tag: str) -> None:
    git(root, "init", "-q", "-b", "main")
    git(root, "config", "user.name", "Ada Example")
    git(root, "config", "user.email", "ada@example.org")
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "all")
    git(root, "tag", tag)


def gate(project: ProjectEnv, *argv: str) -> tuple[int, str]:
    log = project.folder / "gate.log"
    result = run_command(
        argv,
        cwd=project.workspace,
        env=project.env,
        timeout_seconds=60,
        log=log,
        confine=project.confine,
    )
    return result.exit_code, read_log(log)


def test_secrets_do_not_reach_a_gate(build: Callable[..., ProjectEnv], tmp_path: Path) -> None:
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_SECRET_ACCESS_KEY": "x",
        "GITHUB_TOKEN": "x",
        "OPENAI_API_KEY": "x",
        "DATABASE_URL": "x",
        "PYTHONPATH": "x",
        "LD_PRELOAD": "x",
        "GIT_DIR": "x",
        "TZ": "Europe/Paris",
        "MY_FLAG": "1",
    }
    env = build(environ=environ, pass_through=["MY_FLAG", "ABSENT"]).env
    assert env["TZ"] == "Europe/Paris"
    assert env["MY_FLAG"] == "1"
    assert "x" not in env.values()
    assert env["HOME"] != str(tmp_path)


def test_path_has_no_place_a_repository_could_fill(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, workspace = roots
    (user / "bin").mkdir()
    path = os.pathsep.join([".", "", "bin", str(user / "bin"), str(workspace), "/usr/bin"])
    project = build(environ={"PATH": path, "HOME": "/nonexistent"})
    entries = project.env["PATH"].split(os.pathsep)
    assert entries[0] == str(project.shadow.bin)
    assert "/usr/bin" in entries
    assert entries[-1] == str(workspace / "node_modules/.bin")
    assert not {".", "", "bin", str(user / "bin"), str(workspace)} & set(entries)


def test_tool_chains_of_the_home_folder_stay_usable(
    build: Callable[..., ProjectEnv], tmp_path: Path
) -> None:
    (tmp_path / "home/.cargo").mkdir(parents=True)
    env = build(environ={"PATH": "/usr/bin", "HOME": str(tmp_path / "home")}).env
    assert env["CARGO_HOME"] == str(tmp_path / "home/.cargo")
    assert "RUSTUP_HOME" not in env


@pytest.mark.needs_bubblewrap  # landlock lets no socket be made
def test_sockets_fit_below_the_temporary_folder(roots: tuple[Path, Path], tmp_path: Path) -> None:
    project = build_environment(
        user_root=roots[0],
        workspace=roots[1],
        folder=tmp_path / ("long" * 40),
        sandbox=partial(choose, requested="bubblewrap"),
    )
    code = """
    import multiprocessing
    with multiprocessing.Manager() as manager:
        print(manager.list([1, 2]))
    """
    exit_code, log = gate(project, str(project.python), "-c", textwrap.dedent(code))
    assert (exit_code, log.strip()) == (0, "[1, 2]")
    temporary = Path(project.env["TMPDIR"])
    assert temporary.stat().st_mode & 0o777 == 0o700
    project.discard()
    assert not temporary.exists()


def test_gates_may_commit_in_repositories_of_their_own(build: Callable[..., ProjectEnv]) -> None:
    project = build()
    script = "cd $TMPDIR && git init -q r && cd r && git commit -q --allow-empty -m x && git log"
    exit_code, log = gate(project, "sh", "-c", script)
    assert exit_code == 0, log
    project.discard()


def test_tests_of_an_editable_install_test_the_workspace(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, _ = roots
    site = make_venv(user / ".venv", with_pytest=True)
    (site / "__editable__.acme-1.0.pth").write_text(f"{user}/src\n")
    project = build()
    assert project.python_origin == "checkout"
    assert project.verify() is None
    exit_code, log = gate(project, *PYTEST)
    assert (exit_code, "1 passed" in log) == (0, True), log


@pytest.mark.slow
def test_tests_of_a_project_with_setuptools_scm(
    roots: tuple[Path, Path], tmp_path: Path, git: Callable[..., str]
) -> None:
    """Its version file is generated and ignored by git; its tests may ask git for the tag."""
    user, _ = roots
    (user / ".gitignore").write_text("_version.py\n.venv/\n")
    (user / "pyproject.toml").write_text(
        '[project]\nname = "acme"\ndynamic = ["version"]\n'
        '[tool.setuptools_scm]\nversion_file = "src/acme/_version.py"\n'
    )
    source = b"from acme._version import version\nWHOSE = 'workspace'\n"
    (user / "tests/test_version.py").write_text(
        "import subprocess, acme\n"
        "def test_version():\n"
        "    told = subprocess.check_output(['git', 'describe', '--tags'], text=True)\n"
        "    assert told.strip() == 'v' + acme.version\n"
    )
    (user / "src/acme/_version.py").write_text("version = '1.4'\n")
    commit_all(git, user, "v1.4")
    site = make_venv(user / ".venv", with_pytest=True)
    (site / "__editable__.acme-1.4.pth").write_text(f"{user}/src\n")

    private = PrivateRepo.create(tmp_path / "private.git", discover(user))
    tree = private.edit(private.tree_of(private.head), {"src/acme/__init__.py": source})
    workspace = Workspace(private, tmp_path / "reset").reset(tree)
    project = build_environment(
        user_root=user,
        workspace=workspace,
        folder=tmp_path / "env",
        sandbox=choose,
        objects=private.object_folders,
    )
    private.close()
    assert project.verify() is None
    exit_code, log = gate(project, *PYTEST)
    assert (exit_code, "2 passed" in log) == (0, True), log
    assert not (workspace / "src/acme/_version.py").is_symlink()


@pytest.mark.parametrize(
    "name",
    ["/etc/os-version", "../version.py", "link/version.py", ".env", "src/local.py", "a" * 300],
)
def test_a_version_file_cannot_name_another_place(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path], tmp_path: Path, name: str
) -> None:
    user, workspace = roots
    for place in (tmp_path / "version.py", user / ".env", user / "src/local.py"):
        place.write_text("secret")
    (tmp_path / "elsewhere").mkdir()
    (user / "link").mkdir()
    (user / "link/version.py").write_text("x")
    (workspace / "link").symlink_to(tmp_path / "elsewhere")
    (workspace / "pyproject.toml").write_text(f'[tool.setuptools_scm]\nwrite_to = "{name}"\n')
    assert build().prepare() == ()
    assert not list((tmp_path / "elsewhere").iterdir())
    assert not [path for path in workspace.rglob("*") if path.name in {".env", "local.py"}]


HOSTILE = {
    "endless": lambda path: path.symlink_to("/dev/zero"),
    "a pipe": os.mkfifo,
    "deep": lambda path: path.write_text("a = " + "[" * 100_000),
    "of another kind": lambda path: path.write_text("[tool.pytest.ini_options]\npythonpath = 5\n"),
    "a list of anything": lambda path: path.write_text(
        '[tool.pytest.ini_options]\npythonpath = [5, "src"]\n'
    ),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_settings_of_the_workspace_may_be_anything(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path], kind: str
) -> None:
    HOSTILE[kind](roots[1] / "pyproject.toml")
    HOSTILE[kind](roots[1] / "pytest.ini")
    assert build().verify() is None


@pytest.mark.parametrize(
    "answer",
    ["[]", '{"path": 1, "found": {}}', '{"path": ["\\u0000"], "found": {}}', "[" * 100_000],
)
def test_an_answer_that_the_workspace_forged_is_no_answer(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path], answer: str
) -> None:
    project = build()
    code = (
        "import os\n"
        f"open(os.environ['TMPDIR'] + '/probe.json', 'w').write({answer!r})\n"
        "os._exit(0)\n"
    )
    (roots[1] / "json.py").write_text(code)
    assert project.verify() is None  # the workspace's own modules are not imported
    site = project.shadow.folder / project.shadow.python.parent.parent / "lib"
    (next(site.glob("*/site-packages")) / "forged.pth").write_text(f"import os; exec({code!r})\n")
    assert "could not be asked" in str(project.verify())


@pytest.mark.needs_landlock
def test_an_import_from_the_checkout_is_not_verifiable(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, _ = roots
    site = make_venv(user / ".venv")
    hidden = "import sys; sys.path.append(bytes.fromhex(" + repr(f"{user}/src".encode().hex()) + ")"
    (site / "hidden.pth").write_text(hidden + ".decode())\n")
    problem = build(sandbox=without_mounts).verify()
    assert problem is not None
    assert "of the checkout" in problem


@pytest.mark.needs_landlock
def test_a_finder_that_leads_to_the_checkout_is_not_verifiable(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, _ = roots
    site = make_venv(user / ".venv")
    place = f"{user}/src/acme/__init__.py".encode().hex()
    (site / "hidden_finder.py").write_text(
        "import sys\nfrom importlib.util import spec_from_file_location\n"
        "class Finder:\n    @classmethod\n    def find_spec(cls, name, path=None, target=None):\n"
        f"        place = bytes.fromhex('{place}').decode()\n"
        "        return spec_from_file_location(name, place) if name == 'acme' else None\n"
        "sys.meta_path.insert(0, Finder)\n"
    )
    (site / "hidden.pth").write_text("import hidden_finder\n")
    problem = build(sandbox=without_mounts).verify()
    assert problem is not None
    assert "`import acme`" in problem


@pytest.mark.slow
@pytest.mark.needs_bubblewrap
def test_where_the_workspace_is_mounted_over_the_checkout_hidden_pointers_lead_to_it(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, _ = roots
    site = make_venv(user / ".venv", with_pytest=True)
    hidden = "import sys; sys.path.append(bytes.fromhex(" + repr(f"{user}/src".encode().hex()) + ")"
    (site / "hidden.pth").write_text(hidden + ".decode())\n")
    project = build(sandbox=partial(choose, requested="bubblewrap"))
    assert project.verify() is None
    exit_code, log = gate(project, *PYTEST)
    assert (exit_code, "1 passed" in log) == (0, True), log  # it is the workspace that says so
    assert (user / "src/acme/__init__.py").read_text() == "WHOSE = 'user'\n"


def test_an_installed_copy_is_not_verifiable(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, workspace = roots
    site = make_venv(user / ".venv")
    (site / "acme").mkdir()
    (site / "acme/__init__.py").write_text("WHOSE = 'installed'\n")
    project = build()
    problem = project.verify()
    assert problem is not None
    assert "pip install -e ." in problem
    assert project.verify(cwd_on_path=True) == problem, "the source is below src"
    settings = '[tool.pytest.ini_options]\npythonpath = ["src"]\n'
    (workspace / "pyproject.toml").write_text(settings)
    assert project.verify() is None


def test_an_installed_copy_of_a_flat_layout_depends_on_the_command(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, workspace = roots
    (workspace / "src/acme").rename(workspace / "acme")
    site = make_venv(user / ".venv")
    (site / "acme").mkdir()
    (site / "acme/__init__.py").write_text("WHOSE = 'installed'\n")
    project = build()
    assert project.verify() is not None
    assert project.verify(cwd_on_path=True) is None


def test_a_broken_environment_is_not_verifiable(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    site = make_venv(roots[0] / ".venv")
    (site / "broken.pth").write_text("import os; os._exit(9)\n")
    problem = build().verify()
    assert problem is not None
    assert "could not be asked (exit code 9)" in problem


def test_without_an_environment_of_its_own_the_project_gets_ours(
    build: Callable[..., ProjectEnv],
) -> None:
    project = build(environ={"PATH": os.environ["PATH"]})
    assert project.python_origin == "reviewloop"
    assert "gates.python" in project.notes[0]
    assert gate(project, "python", "-c", "import pytest")[0] == 0


def test_the_active_environment_is_used(build: Callable[..., ProjectEnv], tmp_path: Path) -> None:
    make_venv(tmp_path / "central")
    environ = {"PATH": os.environ["PATH"], "VIRTUAL_ENV": str(tmp_path / "central")}
    assert build(environ=environ).python_origin == "active"


def test_a_wrong_interpreter_setting_is_told(build: Callable[..., ProjectEnv]) -> None:
    with pytest.raises(UsageError, match=r"gates\.python names no/python"):
        build(python="no/python")


def test_modules_compiled_in_the_checkout_are_told(
    build: Callable[..., ProjectEnv], roots: tuple[Path, Path]
) -> None:
    user, _ = roots
    site = make_venv(user / ".venv")
    (site / "acme.pth").write_text(f"{user}/src\n")
    (user / "src/acme/_speed.cpython-311.so").touch()
    assert any("_speed" in note and "gates.build" in note for note in build().notes)


def package(folder: Path, name: str, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text(f'{{"name": "{name}", "main": "index.js"}}')
    (folder / "index.js").write_text(text)


@pytest.fixture
def monorepo(roots: tuple[Path, Path]) -> tuple[Path, Path]:
    """Return npm workspaces: a local package, a scoped one, third-party ones at two levels."""
    for root, marker in zip(roots, ("user", "workspace"), strict=True):
        package(root, "root", "")
        package(root / "packages/app", "app", "module.exports = require('@acme/lib')")
        package(root / "packages/lib", "@acme/lib", f"module.exports = '{marker}'")
        (root / "packages/lib/cli.js").write_text(f"#!/usr/bin/env node\nconsole.log('{marker}')\n")
        (root / "packages/lib/cli.js").chmod(0o755)
    modules = roots[0] / "node_modules"
    package(modules / "third", "third", "module.exports = 'third'")
    package(modules / "@scope/third", "@scope/third", "module.exports = 'scoped'")
    package(roots[0] / "packages/app/node_modules/third", "third", "module.exports = 'nested'")
    (modules / "@acme").mkdir()
    (modules / "@acme/lib").symlink_to("../../packages/lib")
    (modules / ".bin").mkdir()
    (modules / ".bin/lib-cli").symlink_to("../@acme/lib/cli.js")
    (modules / ".cache").mkdir()
    (modules / ".cache/old").touch()
    return roots


def test_node_packages_of_the_repository_are_the_workspaces(
    build: Callable[..., ProjectEnv], monorepo: tuple[Path, Path]
) -> None:
    user, workspace = monorepo
    project = build()
    assert project.verify() is None
    modules = workspace / "node_modules"
    assert (modules / "@acme/lib").resolve() == workspace / "packages/lib"
    assert (modules / ".bin/lib-cli").resolve() == workspace / "packages/lib/cli.js"
    assert (modules / "third").resolve() == user / "node_modules/third"
    nested = workspace / "packages/app/node_modules/third"
    assert nested.resolve() == user / "packages/app/node_modules/third"
    assert list((modules / ".cache").iterdir()) == []
    (modules / ".cache/new").touch()
    assert not (user / "node_modules/.cache/new").exists()


def test_node_runs_the_workspaces_code(
    build: Callable[..., ProjectEnv], monorepo: tuple[Path, Path]
) -> None:
    project = build()
    if gate(project, "node", "--version")[0] != 0:
        pytest.skip("node is not installed")
    script = (
        "console.log(require('@acme/lib'), require('third'), require('@scope/third'),"
        " require('./packages/app'))"
    )
    exit_code, log = gate(project, "node", "-e", script)
    assert (exit_code, log.split()) == (0, ["workspace", "third", "scoped", "workspace"])
    assert gate(project, "lib-cli")[1].strip() == "workspace"


def test_node_modules_come_back_after_a_reset_of_the_workspace(
    build: Callable[..., ProjectEnv],
    monorepo: tuple[Path, Path],
    tmp_path: Path,
    git: Callable[..., str],
) -> None:
    user, _ = monorepo
    (user / ".gitignore").write_text("node_modules\n")
    commit_all(git, user, "v1")
    private = PrivateRepo.create(tmp_path / "private.git", discover(user))
    workspace = Workspace(private, tmp_path / "reset")
    tree = private.tree_of(private.head)
    folder = workspace.reset(tree)
    project = build_environment(
        user_root=user, workspace=folder, folder=tmp_path / "other env", sandbox=choose
    )
    assert (folder / "packages/app/node_modules/third/index.js").exists()
    workspace.reset(tree)
    assert not (folder / "node_modules").exists()
    project.prepare()
    assert project.verify() is None
    assert (folder / "node_modules/@acme/lib").resolve() == folder / "packages/lib"
    assert (user / "node_modules/third/index.js").exists()
    private.close()


def test_preparing_again_follows_the_checkout(
    build: Callable[..., ProjectEnv], monorepo: tuple[Path, Path]
) -> None:
    user, workspace = monorepo
    project = build()
    package(user / "node_modules/later", "later", "")
    project.prepare()
    assert (workspace / "node_modules/later/package.json").exists()


def test_tracked_node_modules_are_used_as_they_are(
    build: Callable[..., ProjectEnv], monorepo: tuple[Path, Path]
) -> None:
    _, workspace = monorepo
    package(workspace / "node_modules/vendored", "vendored", "")
    notes = build().prepare()
    assert any("part of the repository" in note for note in notes)
    assert (workspace / "node_modules/vendored/index.js").exists()
    assert not (workspace / "node_modules/third").exists()


def test_a_node_package_of_the_checkout_is_not_verifiable(
    build: Callable[..., ProjectEnv], monorepo: tuple[Path, Path]
) -> None:
    user, workspace = monorepo
    project = build()
    link = workspace / "node_modules/@acme/lib"
    link.unlink()
    link.symlink_to(user / "packages/lib")
    assert verify_node_modules(user, workspace) is not None
    problem = project.verify()
    assert problem is not None
    assert "@acme/lib leads to the checkout" in problem


def test_the_active_environment_is_named_where_it_is_our_own(build):
    active = {**os.environ, "VIRTUAL_ENV": sys.prefix}
    notes = " ".join(build(reuse=(), environ=active).notes)
    assert "(.venv, venv; the active one is reviewloop's own)" in notes
