"""Gates test the workspace's code, never the user's, however the project is installed.

Each run writes code that its old test rejects, then code that only its new test accepts: the user's
own code would give the opposite verdict both times.
"""

import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from importlib.metadata import distribution
from pathlib import Path

import pytest
from support.bedrock import BedrockServer, reply
from support.checkout import Checkout
from support.parts import Part, cast, says
from support.play import agent_of, done, write

BORROWED = ("pytest", "pluggy", "iniconfig", "packaging", "pygments", "coverage")
PRICE = "def price():\n    return {}\n"
TEST = "from acme import price\n\n\ndef test_price():\n    assert price() == {}\n"
PYPROJECT = """[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "acme"
version = "1.0"

[tool.hatch.build]
dev-mode-dirs = ["src"]

[tool.hatch.build.targets.wheel]
packages = ["src/acme"]

[tool.pytest.ini_options]
testpaths = ["tests"]
addopts = "--disable-plugin-autoload"
"""
PYTHON_FILES = {
    "pyproject.toml": PYPROJECT,
    "src/acme/__init__.py": PRICE.format(1),
    "tests/test_price.py": TEST.format(1),
    ".gitignore": ".venv/\n*.egg-info/\nbuild/\n_version.py\nnode_modules\n",
}

FINDER = """import sys
from importlib.util import spec_from_file_location

MAPPING = {mapping!r}


class Finder:
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        if name in MAPPING:
            return spec_from_file_location(
                name, MAPPING[name] + "/__init__.py", submodule_search_locations=[MAPPING[name]]
            )
        return None


def install():
    sys.meta_path.append(Finder)
"""

Begin = Callable[[Mapping[str, str], Mapping[str, Part]], Checkout]


@pytest.fixture
def begin(tmp_path: Path) -> Iterator[Begin]:
    """Return a function that commits files as a project and opens it for agents' parts."""
    root = tmp_path / "the user's project"

    def opened(files: Mapping[str, str], parts: Mapping[str, Part]) -> Checkout:
        server = stack.enter_context(BedrockServer(cast(**parts), agent_of=agent_of))
        checkout = Checkout(root, tmp_path / "home", server)
        for path, text in files.items():
            checkout.write(path, text)
        for args in (
            ("init", "-q", "-b", "work"),
            ("config", "user.name", "Ada Example"),
            ("config", "user.email", "ada@example.org"),
            ("add", "-A"),
            ("commit", "-q", "-m", "base"),
            ("tag", "v1.2.0"),
        ):
            checkout.git(*args)
        return checkout

    with ExitStack() as stack:
        yield opened


def mending(path: str, wrong: str, right: str, test: str, new_test: str) -> dict[str, Part]:
    """Return an implementer that forgets the test, and mends code and test when it is told."""
    return {
        "implement": says(reply(write(path, wrong)), done("Raised the price.", "Raise the price")),
        "repair": says(reply(write(path, right), write(test, new_test)), done("Mended it.")),
    }


PYTHON_PARTS = mending(
    "src/acme/__init__.py",
    PRICE.format(3),
    PRICE.format(2),
    "tests/test_price.py",
    TEST.format(2),
)


def make_venv(root: Path) -> Path:
    """Make the project's own environment with a pytest in it; return its site-packages."""
    venv = root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    site = next(venv.glob("lib/*/site-packages"))
    for name in BORROWED:
        for file in distribution(name).files or ():
            top = file.parts[0]
            if top not in ("..", "__pycache__") and not (site / top).exists():
                (site / top).symlink_to(distribution(name).locate_file(top))
    return site


def with_pip(root: Path, site: Path) -> None:
    """Install for real, without a network."""
    hatchling = pytest.importorskip("hatchling")
    pytest.importorskip("pip")
    lent = site / "lent.pth"  # the build backend, for the time of the installation
    lent.write_text(str(Path(hatchling.__file__).parents[1]))
    pip = [sys.executable, "-m", "pip", "--python", str(root / ".venv/bin/python"), "install", "-q"]
    offline = ["--no-build-isolation", "--no-index", "--no-deps"]
    subprocess.run([*pip, *offline, "-e", str(root)], check=True)
    lent.unlink()


def with_path_file(root: Path, site: Path) -> None:
    """Leave what setuptools, poetry and hatchling leave for a plain layout."""
    (site / "__editable__.acme-1.0.pth").write_text(f"{root}/src\n")


def with_finder(root: Path, site: Path) -> None:
    """Leave what setuptools leaves for a layout that a path cannot express."""
    name = "__editable___acme_1_0_finder"
    (site / f"{name}.py").write_text(FINDER.format(mapping={"acme": f"{root}/src/acme"}))
    (site / "__editable__.acme-1.0.pth").write_text(f"import {name}; {name}.install()\n")


def run_and_approve(checkout: Checkout) -> None:
    """Run to the commit: red on the first version, green on the second, user's files untouched."""
    before = checkout.bytes()
    said = checkout.run("run", "-m", "Raise the price to 2")
    assert said.code == 4, said.err
    tests = [event for event in checkout.events("gate") if event["name"] == "test"]
    assert [event["status"] for event in tests] == ["failed", "passed"], tests
    assert checkout.bytes() == before
    assert checkout.run("approve").code == 0


@pytest.mark.slow
# What pip leaves is a path file.
@pytest.mark.parametrize("install", [with_pip, with_finder])
def test_editable_install_is_not_what_gates_test(
    begin: Begin, install: Callable[[Path, Path], None]
) -> None:
    checkout = begin(PYTHON_FILES, PYTHON_PARTS)
    install(checkout.root, make_venv(checkout.root))

    run_and_approve(checkout)

    python = str(checkout.root / ".venv/bin/python")
    code = "import acme; print(acme.price(), acme.__file__)"
    own = subprocess.run([python, "-c", code], cwd="/", capture_output=True, text=True, check=True)
    assert own.stdout.split(maxsplit=1)[0] == "2", "the approved code is what the user now has"
    assert str(checkout.root) in own.stdout


@pytest.mark.slow
def test_setuptools_scm_finds_its_version_in_the_workspace(begin: Begin) -> None:
    """It reads tags when it builds, and the package imports a file that git does not hold."""
    describe = ["git", "describe", "--dirty", "--tags", "--long", "--match", "*[0-9]*"]
    version_test = (
        "import subprocess\nfrom acme._version import version\n\n\n"
        "def test_version():\n    assert version == '1.2.0'\n"
        f"    said = subprocess.run({describe}, capture_output=True, text=True).stdout\n"
        "    assert said.startswith('v1.2.0-0-g')\n"
    )
    scm = '\n[tool.setuptools_scm]\nversion_file = "src/acme/_version.py"\n'
    files = {**PYTHON_FILES, "tests/test_version.py": version_test}
    files["pyproject.toml"] = PYPROJECT.replace('version = "1.0"', 'dynamic = ["version"]') + scm
    checkout = begin(files, PYTHON_PARTS)
    checkout.write("src/acme/_version.py", "version = '1.2.0'\n")
    with_path_file(checkout.root, make_venv(checkout.root))

    run_and_approve(checkout)

    assert checkout.git("show", "--format=", "--name-only").split() == [
        "src/acme/__init__.py",
        "tests/test_price.py",
    ]


@pytest.mark.slow
def test_installed_copy_is_said_to_be_not_verifiable(begin: Begin) -> None:
    checkout = begin(PYTHON_FILES, PYTHON_PARTS)
    site = make_venv(checkout.root)
    shutil.copytree(checkout.root / "src/acme", site / "acme")

    checkout.run("run", "-m", "Raise the price to 2")

    tests = [event for event in checkout.events("gate") if event["name"] == "test"]
    assert {event["status"] for event in tests} == {"not_verifiable"}
    assert "acme" in tests[0]["summary"]


@pytest.mark.slow
@pytest.mark.needs_npm
def test_linked_package_in_node_modules_is_the_workspaces(begin: Begin) -> None:
    """npm links the packages of a monorepo into node_modules, as pip does editable installs."""
    module = "module.exports = () => {};\n"
    test = (
        "const test = require('node:test');\nconst assert = require('node:assert');\n"
        "const price = require('acme-prices');\nconst trim = require('left-trim');\n"
        "test('price', () => assert.strictEqual(trim(price()), {}));\n"
    )
    files = {
        "package.json": '{"name": "shop", "private": true, "workspaces": ["packages/*"],\n'
        '"scripts": {"test": "node --test"}, "dependencies": {"left-trim": "1.0.0"}}\n',
        "packages/prices/package.json": '{"name": "acme-prices", "version": "1.0.0"}\n',
        "packages/prices/index.js": module.format(1),
        "test/price.test.js": test.format(1),
        ".gitignore": "node_modules\n",
    }
    played = mending(
        "packages/prices/index.js",
        module.format(3),
        module.format(2),
        "test/price.test.js",
        test.format(2),
    )
    checkout = begin(files, played)
    checkout.write("node_modules/left-trim/package.json", '{"name": "left-trim"}\n')
    checkout.write("node_modules/left-trim/index.js", "module.exports = (value) => value;\n")
    (checkout.root / "node_modules/acme-prices").symlink_to("../packages/prices")

    run_and_approve(checkout)

    code = "console.log(require('acme-prices')())"
    own = subprocess.run(["node", "-e", code], cwd=checkout.root, capture_output=True, text=True)
    assert own.stdout.strip() == "2"
