"""Detects how a Python project is compiled, tested, linted and scanned."""

import re
from collections.abc import Iterator

from reviewloop.guards.plan import DetectedGate
from reviewloop.guards.surroundings import Surroundings, table

_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")


def find(around: Surroundings) -> Iterator[DetectedGate]:
    """Yield what a tree with Python files can be judged by."""
    if not any(path.endswith(".py") for path in around.paths):
        return
    yield DetectedGate("build", "py_compile", ("python", "-m", "py_compile"), "Python files")
    yield from _tests(around)
    yield from _lint(around)
    if around.installed("bandit"):
        argv = ("python", "-m", "bandit", "--format", "json", "--quiet")
        why = "bandit is installed in the project's environment"
        yield DetectedGate("security", "bandit", argv, why)


def _tests(around: Surroundings) -> Iterator[DetectedGate]:
    config = _pytest_config(around)
    tests = sorted(path for path in around.paths if _TEST_FILE.search(path))
    django = around.has("manage.py") and not around.installed("pytest_django")
    if not config and not tests and not (django and _has_tests_module(around)):
        return
    if django and not config:
        argv = ("python", "manage.py", "test")
        yield DetectedGate("test", "unittest", argv, "manage.py of a Django project")
        return
    why = f"{config} configures pytest" if config else f"test files such as {tests[0]}"
    if around.installed("pytest"):
        yield DetectedGate("test", "pytest", ("python", "-m", "pytest", "-q"), why)
    elif config or any("pytest" in around.text(path) for path in tests[:50]):
        problem = "pytest is not installed in the project's environment; install it there"
        yield DetectedGate("test", "pytest", ("python", "-m", "pytest", "-q"), why, problem=problem)
    else:
        folder = tests[0].split("/")[0] if "/" in tests[0] else ""
        packaged = not folder or f"{folder}/__init__.py" in around.paths
        where = () if packaged else ("discover", "-s", folder)
        yield DetectedGate("test", "unittest", ("python", "-m", "unittest", *where), why)


def _pytest_config(around: Surroundings) -> str | None:
    if name := around.has("pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"):
        return name
    if table(around.toml("pyproject.toml"), "tool", "pytest"):
        return "pyproject.toml"
    if "pytest" in around.ini_sections("tox.ini"):
        return "tox.ini"
    if "tool:pytest" in around.ini_sections("setup.cfg"):
        return "setup.cfg"
    return around.has("conftest.py", "tests/conftest.py", "test/conftest.py")


def _has_tests_module(around: Surroundings) -> bool:
    return any(path.endswith(("/tests.py", "/tests/__init__.py")) for path in around.paths)


def _lint(around: Surroundings) -> Iterator[DetectedGate]:
    ruff = around.has("ruff.toml", ".ruff.toml")
    if not ruff and table(around.toml("pyproject.toml"), "tool", "ruff"):
        ruff = "pyproject.toml"
    if ruff:
        command = ("check", "--output-format", "json", "--no-cache", "--force-exclude")
        yield _linter(around, "ruff", command, f"{ruff} configures ruff")
        return
    flake8 = around.has(".flake8")
    for name in ("setup.cfg", "tox.ini"):
        if not flake8 and "flake8" in around.ini_sections(name):
            flake8 = name
    if flake8:
        yield _linter(around, "flake8", (), f"{flake8} configures flake8")


def _linter(around: Surroundings, tool: str, arguments: tuple[str, ...], why: str) -> DetectedGate:
    argv: tuple[str, ...] = ("python", "-m", tool, *arguments)
    problem = ""
    if not around.installed(tool):
        argv = (tool, *arguments)
        problem = around.missing(tool) and f"{tool} is not installed in the project's environment"
    return DetectedGate("lint", tool, argv, why, problem=problem)
