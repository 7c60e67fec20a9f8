"""Finds the program of a tool, its version, and the repository's configuration for it."""

import json
import os
import re
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path

from reviewloop.analysis.contract import Options
from reviewloop.analysis.tools.tool import FoundTool, Tool
from reviewloop.git.process import find_program
from reviewloop.regex import regex
from reviewloop.sandbox.analyser_process import clean_environment, run_analyser
from reviewloop.store.folders import state_root


def configuration_of(tool: Tool, options: Options) -> str:
    """Return the configuration file for a tool, "" for none.

    Only if the user trusts it: all of them by a setting, or exactly this text by `reviewloop
    trust`. A symbolic link that leads out of the checkout is not followed.
    """
    if not options.checkout:
        return ""
    path = found_configuration(tool, Path(options.checkout).resolve())
    if path is None or not (options.repository_configuration or _is_trusted(tool, path, options)):
        return ""
    return str(path)


def _is_trusted(tool: Tool, path: Path, options: Options) -> bool:
    """Whether the user trusts exactly this text; never for a format that can name code."""
    if tool.configuration_is_code or options.of_others:
        return False
    text = configuration_text(tool, path)
    name = path.relative_to(Path(options.checkout).resolve()).as_posix()
    return text is not None and options.trusts(tool.name, name, text)


def configuration_text(tool: Tool, path: Path) -> str | None:
    """Return a tool's part of a configuration file, None if it cannot be read.

    Of a pyproject.toml only the tool's own part counts: a new version of the project changes
    nothing.
    """
    try:
        text = path.read_text("utf-8", "replace")
        if path.name != "pyproject.toml":
            return text
        part = tomllib.loads(text).get("tool", {}).get(tool.name)
        return json.dumps(part, sort_keys=True, default=str)
    except (OSError, ValueError):
        return None


def found_configuration(tool: Tool, root: Path) -> Path | None:
    """Return the configuration of a tool in a checkout, None where there is none."""
    for name in tool.configuration:
        path = (root / name).resolve()
        if path.is_file() and path.is_relative_to(root) and _is_meant(tool, path):
            return path
    return None


def _is_meant(tool: Tool, path: Path) -> bool:
    """Whether a file for many tools has a part for this one."""
    if path.name != "pyproject.toml":
        return True
    try:
        return f"[tool.{tool.name}" in path.read_text("utf-8", "replace")
    except OSError:
        return False


_VERSION = regex(r"\d+\.\d+[\w.+-]*")
_PATIENCE = 10.0  # seconds for a program to print its version


def find_tool(tool: Tool, options: Options | None = None) -> FoundTool | None:
    """Return the location of a tool: in our own environment, then on the trusted PATH; else None.

    Tools of node are searched first in the checkout, if the user trusts it.
    """
    program = _program(tool, options)
    return FoundTool(program, _version(tool, program)) if program else None


def _program(tool: Tool, options: Options | None) -> Path | None:
    if tool.node and options and options.repository_configuration and options.checkout:
        local = Path(options.checkout) / "node_modules" / ".bin" / tool.program
        if local.is_file():
            return local
    for folder in _own_folders():
        own = folder / tool.program
        if own.is_file() and os.access(own, os.X_OK):
            return own
    return find_program(tool.program)


def _own_folders() -> Iterator[Path]:
    """Yield the folders with programs installed beside us, the likely first."""
    yield Path(sys.executable).parent
    import site
    import sysconfig

    yield Path(sysconfig.get_path("scripts"))
    yield Path(site.getuserbase()) / "bin"


def _version(tool: Tool, program: Path) -> str:
    """Return the version, from files beside the program, else once from the program."""
    return _of_package(tool, program) or _version_once(tool, program)


def _of_package(tool: Tool, program: Path) -> str:
    """Return the version of the Python package that a program in a bin folder belongs to."""
    name = re.sub(r"[-_.]+", "_", tool.package or tool.name)
    library = program.resolve().parent.parent / "lib"
    for found in library.glob(f"python3*/site-packages/{name}-*.dist-info"):
        return found.name.removesuffix(".dist-info").rpartition("-")[2]
    return ""


def _version_once(tool: Tool, program: Path) -> str:
    """Return the version that the program prints, cached while the file is the same."""
    try:
        state = program.stat()
        cache = state_root() / "tool-versions.json"
    except OSError:
        return ""
    sign = [state.st_mtime_ns, state.st_size]
    known = _read(cache)
    before = known.get(str(program))
    if isinstance(before, list) and before[:2] == sign and isinstance(before[-1], str):
        return before[-1]
    version = _version_output(tool, program)
    _write(cache, {**known, str(program): [*sign, version]})
    return version


def _version_output(tool: Tool, program: Path) -> str:
    try:
        with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
            home = Path(name)
            environment = clean_environment(home, program, dict(tool.environment))
            output = run_analyser(
                [str(program), *tool.version],
                cwd=home,
                env=environment,
                timeout_seconds=_PATIENCE,
                output_limit=1_000_000,
            )
    except OSError:
        return ""
    found = _VERSION.search((output.stdout + output.stderr).decode("utf-8", "replace"))
    return found.group() if found and output.ended == "by itself" else ""


def _read(cache: Path) -> dict[str, object]:
    try:
        known = json.loads(cache.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(cache: Path, known: dict[str, object]) -> None:
    """Replace the cache in one step; without it the program is run again."""
    beside = cache.with_name(f"{cache.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(known), "utf-8")
        beside.replace(cache)
    except OSError:
        beside.unlink(missing_ok=True)
