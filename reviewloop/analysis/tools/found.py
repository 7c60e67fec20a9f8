"""Finds the program of a tool, and its version at no more cost than needed."""

import json
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from reviewloop.analysis.contract import Options
from reviewloop.analysis.tools.tool import FoundTool, Tool
from reviewloop.git.process import find_program
from reviewloop.sandbox.analyser_process import clean_environment, run_analyser
from reviewloop.store.places import state_root

_VERSION = re.compile(r"\d+\.\d+[\w.+-]*")
_PATIENCE = 10.0  # seconds a program has to tell its version


def find_tool(tool: Tool, options: Options | None = None) -> FoundTool | None:
    """Return where a tool is: in our own environment, then on the trusted PATH; None: nowhere.

    Tools of node are looked for first in the checkout, where the person trusts it.
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
    """Yield the folders that hold the programs of what is installed with us, the likely first."""
    yield Path(sys.executable).parent
    import site
    import sysconfig

    yield Path(sysconfig.get_path("scripts"))
    yield Path(site.getuserbase()) / "bin"


def _version(tool: Tool, program: Path) -> str:
    """Return the version: told by what lies beside the program, else by the program, once."""
    return _of_package(tool, program) or _asked_once(tool, program)


def _of_package(tool: Tool, program: Path) -> str:
    """Return the version of the Python package that a program in a bin folder belongs to."""
    name = re.sub(r"[-_.]+", "_", tool.package or tool.name)
    library = program.resolve().parent.parent / "lib"
    for found in library.glob(f"python3*/site-packages/{name}-*.dist-info"):
        return found.name.removesuffix(".dist-info").rpartition("-")[2]
    return ""


def _asked_once(tool: Tool, program: Path) -> str:
    """Return what the program says, or what it said when it was last the same file."""
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
    version = _asked(tool, program)
    _write(cache, {**known, str(program): [*sign, version]})
    return version


def _asked(tool: Tool, program: Path) -> str:
    try:
        with tempfile.TemporaryDirectory(prefix="reviewloop-") as name:
            home = Path(name)
            environment = clean_environment(home, program, dict(tool.environment))
            said = run_analyser(
                [str(program), *tool.version],
                cwd=home,
                env=environment,
                timeout_seconds=_PATIENCE,
                output_limit=1_000_000,
            )
    except OSError:
        return ""
    found = _VERSION.search((said.stdout + said.stderr).decode("utf-8", "replace"))
    return found.group() if found and said.ended == "by itself" else ""


def _read(cache: Path) -> dict[str, object]:
    try:
        known = json.loads(cache.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _write(cache: Path, known: dict[str, object]) -> None:
    """Replace the cache in one step; without it the program is asked again."""
    beside = cache.with_name(f"{cache.name}.{os.getpid()}")
    try:
        beside.write_text(json.dumps(known), "utf-8")
        beside.replace(cache)
    except OSError:
        beside.unlink(missing_ok=True)
