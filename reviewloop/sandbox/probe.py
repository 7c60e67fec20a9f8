"""Verifies where the workspace's packages are imported from, before a green gate counts."""

import configparser
import json
import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from reviewloop.checkout.files import read_written
from reviewloop.git.directory import read_plain
from reviewloop.regex import regex
from reviewloop.sandbox.base import Confinement
from reviewloop.sandbox.run import excerpt, read_log, run_command

_SECONDS = 60.0
_NEVER_IMPORTED = frozenset({"setup", "conftest", "noxfile", "tasks", "fabfile", "manage"})
_COMMON_NAMES = frozenset(
    {"tests", "test", "testing", "docs", "doc", "examples", "scripts", "tools"}
)
_NAME = regex(r"[^\W\d]\w*")

# Read-only: finders are queried, no package is imported, so no code of the project runs.
_SCRIPT = """
import sys
given, sys.path[:] = sys.path[:], [place for place in sys.path if place]
import importlib.util, json
sys.path[:] = given
names, first, answer = json.loads(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3]
sys.path[:] = first + [place for place in sys.path if place]
found = {}
for name in names:
    try:
        spec = importlib.util.find_spec(name)
    except (ImportError, ValueError, AttributeError):
        spec = None
    if spec is not None:
        places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
        found[name] = [place for place in places if isinstance(place, str)]
with open(answer, "w", encoding="utf-8") as file:
    json.dump({"path": sys.path, "found": found}, file)
"""


def verify_imports(
    *,
    python: Path,
    env: Mapping[str, str],
    workspace: Path,
    user_root: Path,
    installed: Iterable[Path],
    extra_names: Iterable[str] = (),
    cwd_on_path: bool = False,
    folder: Path,
    confine: Confinement,
    project: str = "",
) -> str | None:
    """Return why tests would not test the workspace's Python code, None when they would.

    `installed` are folders whose content is third-party even inside the checkout; `cwd_on_path`
    says that the command puts its folder first on the path, as `python -m pytest` does. The folder
    is that of the `project`.
    """
    here = workspace / project
    here = here if here.is_dir() else workspace
    names = sorted(set(_importable(here)) | set(extra_names))
    first = [str(here)] if cwd_on_path else []
    first += [str(here / location) for location in _pytest_pythonpath(here)]
    answer = Path(env["TMPDIR"]) / "probe.json"
    answer.unlink(missing_ok=True)
    argv = [str(python), "-c", _SCRIPT, json.dumps(names), json.dumps(first), str(answer)]
    log = folder / "probe.log"
    result = run_command(
        argv, cwd=here, env=env, timeout_seconds=_SECONDS, log=log, confine=confine
    )
    try:
        path, imported = _parse_answer(read_written(answer))
    except (FileNotFoundError, ValueError):
        reason = excerpt(read_log(log), 300).replace("\n", " ")
        return f"the project's Python could not be asked (exit code {result.exit_code}): {reason}"
    locations = _Locations(workspace, user_root, tuple(installed), confine.sandbox.mounts_over)
    for entry in path:
        if locations.is_users(Path(entry)):
            return f"Python's path has {entry} of the checkout on it"
    for name, found in imported.items():
        for location in found:
            problem = locations.problem(name, Path(location))
            if problem:
                return problem
    return None


def _parse_answer(answer: bytes) -> tuple[list[str], dict[str, list[str]]]:
    """Return path and modules from an answer; raise ValueError for a forged one."""
    try:
        parsed = json.loads(answer)
        path, found = list(parsed["path"]), dict(parsed["found"])
        texts = [*path, *found, *(entry for paths in found.values() for entry in paths)]
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError("not the answer that was asked for") from error
    if not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("not the answer that was asked for")
    return path, found


class _Locations:
    """Classifies paths by whose code they are, as the commands see them."""

    def __init__(
        self, workspace: Path, user_root: Path, installed: tuple[Path, ...], mounted_over: bool
    ) -> None:
        self.mounted_over = mounted_over  # the checkout's path shows the workspace
        self.workspace = _real(workspace)
        self.user_root = _real(user_root)
        self.installed = tuple(map(_real, installed))

    def is_users(self, path: Path) -> bool:
        """Return whether a path is the user's own code: in the checkout, and no installed
        package.
        """
        real = _real(path)
        return (
            not self.mounted_over
            and real.is_relative_to(self.user_root)
            and not real.is_relative_to(self.workspace)
            and not any(real.is_relative_to(folder) for folder in self.installed)
        )

    def problem(self, name: str, origin: Path) -> str | None:
        if self.is_users(origin):
            return f"`import {name}` gives {origin} of the checkout, not the workspace's code"
        inside = _real(origin).is_relative_to(self.workspace)
        if inside or name in _COMMON_NAMES or not self._is_installed(origin):
            return None
        return (
            f"`import {name}` gives an installed copy ({origin}); "
            "install the project editable (`pip install -e .`)"
        )

    def _is_installed(self, origin: Path) -> bool:
        return any(part in {"site-packages", "dist-packages"} for part in origin.parts)


def _importable(workspace: Path) -> Iterator[str]:
    """Yield the names of packages and modules at the two usual locations of a project."""
    for folder in (workspace, workspace / "src"):
        if not folder.is_dir():
            continue
        for entry in folder.iterdir():
            if entry.is_dir() and (entry / "__init__.py").is_file():
                name = entry.name
            elif entry.suffix == ".py":
                name = entry.stem
            else:
                continue
            if _NAME.fullmatch(name) and name not in _NEVER_IMPORTED:
                yield name


def _pytest_pythonpath(workspace: Path) -> list[str]:
    """Return the folders that the project's own pytest settings put first on the path."""
    try:
        text = read_plain(workspace / "pyproject.toml").decode("utf-8", "replace")
        options = tomllib.loads(text)["tool"]["pytest"]["ini_options"]
        value = options.get("pythonpath", [])
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        value = []
    for name, section in (("pytest.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser(interpolation=None)
        try:
            parser.read_string(read_plain(workspace / name).decode())
            value = value or parser.get(section, "pythonpath", fallback="")
        except (configparser.Error, UnicodeDecodeError):
            continue
    entries = value.split() if isinstance(value, str) else value
    return [entry for entry in entries if isinstance(entry, str)] if type(entries) is list else []


def _real(path: Path) -> Path:
    """Return the target of a path; unlike in `Path.resolve`, cyclic links are no error."""
    return Path(os.path.realpath(path))
