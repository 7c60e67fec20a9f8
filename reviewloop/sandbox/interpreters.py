"""Finds the Python environment of the project's tests, and the paths of it that
commands may read.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any, Literal

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import UsageError
from reviewloop.git.directory import read_plain
from reviewloop.git.objects import find
from reviewloop.git.private import PrivateRepo
from reviewloop.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.sandbox.levels import SYSTEM
from reviewloop.sandbox.run import run_command
from reviewloop.sandbox.toolchains import interpreter_folders

_PACKAGES = frozenset({"site-packages", "dist-packages", "node_modules"})
_OF_A_PREFIX = frozenset({"bin", "lib", "lib64"})
_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg", "package.json")
_MODULE = frozenset({".py", ".pyi", ".so", ".pyd", ".pth", ".egg-link"})
_DESCRIPTION = (".dist-info", ".egg-info", ".egg", ".libs")
_LINK = "120000"
_NEVER = ("/etc", "/proc", "/run", "/sys", "/var/run")
_ABOVE = 2  # levels; `src` and `src/python` are below the file that describes a project


def lendable(path: Path, checkout: Path, home: Path) -> bool:
    """Return whether commands may read a path that an environment of `checkout` names.

    `home` is the user's home folder. A path inside the checkout, without links, may be read.
    Anything else has to be an environment, a Python installation, or packages.
    """
    try:
        real = path.resolve(strict=True)
    except (OSError, RuntimeError, ValueError):  # missing, a loop of links, or an invalid name
        return False
    root = Path(os.path.realpath(checkout))
    if root.is_relative_to(real) or Path(os.path.realpath(home)).is_relative_to(real):
        return False
    if path.is_relative_to(checkout) and real == root / path.relative_to(checkout):
        return True
    if any(real.is_relative_to(name) for name in _NEVER):
        return False
    return (
        any(real.is_relative_to(name) for name in SYSTEM)
        or bool(_PACKAGES & set(real.parts))
        or _is_environment(real)
        or (real.name in _OF_A_PREFIX and _is_environment(real.parent))
        or _is_code(real, home)
    )


def only_lendable(paths: Iterable[Path], checkout: Path, home: Path) -> tuple[Path, ...]:
    """Return the paths that may be read."""
    return tuple(path for path in paths if lendable(path, checkout, home))


def not_committed(names: Iterable[str], private: PrivateRepo) -> tuple[str, ...]:
    """Return the names below which the checked-out commit has no environment, and no link.

    A committed environment is untrusted: its `.pth` files could name other projects of a user.
    """
    if not private.head:
        return tuple(names)
    names = tuple(names)
    described = {name: f"{name}/pyvenv.cfg" for name in names}
    there = find(private.pool, private.head, (*names, *described.values()))
    links = {path for path, held in there.items() if held.mode == _LINK}
    return tuple(name for name in names if name not in links and described[name] not in there)


def _is_environment(folder: Path) -> bool:
    """Return whether a folder is a virtual environment, conda's, or a Python installation."""
    if _is_file(folder / "pyvenv.cfg") or _is_file(folder / "conda-meta/history"):
        return True
    return any(next(folder.glob(f"{name}/*py*/os.py"), None) for name in ("lib", "lib64"))


def _is_code(real: Path, home: Path) -> bool:
    """Return whether a path is a package or a module, or in a project with its own project file."""
    if _is_file(real):
        known = real.suffix in _MODULE and (
            _is_file(real.parent / "__init__.py")
            or next(real.parent.glob("*.dist-info"), None) is not None
            or _is_code(real.parent, home)
        )
        return known or real.name == "pyvenv.cfg"
    if real.name.endswith(_DESCRIPTION) or _is_file(real / "__init__.py"):
        return True
    for folder in (real, *real.parents[:_ABOVE]):
        if home.is_relative_to(folder):
            return False
        if any(_is_file(folder / name) for name in _PROJECT):
            return True
    return False


def _is_file(path: Path) -> bool:
    """Return whether there is a regular file; False, unlike `Path.is_file`, where it is
    unreadable.
    """
    return os.path.isfile(path)  # noqa: PTH113 - `Path.is_file` raises without permission


Ask = Callable[[Sequence[str]], bytes]
"""Runs a program of the checkout and returns its output."""

Origin = Literal["settings", "checkout", "active", "reviewloop"]

_ASK = """
import json, site, sys
places = site.getsitepackages() + [site.getusersitepackages()]
print(json.dumps({"version": list(sys.version_info[:2]), "sites": places, "prefix": sys.prefix,
                  "real": sys._base_executable if hasattr(sys, "_base_executable") else None}))
"""


@dataclass(frozen=True)
class PythonSource:
    """One installed environment: a virtual one, or a whole interpreter such as conda's."""

    prefix: Path
    executable: Path  # the base interpreter, links resolved
    library: str  # name of the folder below lib, `python3.12`
    sites: tuple[Path, ...]
    origin: Origin
    is_venv: bool = True
    settings: Mapping[str, str] = field(default_factory=dict)  # pyvenv.cfg

    @property
    def visible(self) -> tuple[Path, ...]:
        """All folders that it imports packages from: the base's too, if configured so."""
        if self.settings.get("include-system-site-packages", "").lower() != "true":
            return self.sites
        base = self.executable.parent.parent
        paths = [base / "lib" / self.library / name for name in ("site-packages", "dist-packages")]
        paths += [  # Debian has separate folders for its own packages and pip's
            base / "lib/python3/dist-packages",
            base / "local/lib" / self.library / "dist-packages",
        ]
        return (*self.sites, *(path for path in paths if path.is_dir()))

    @property
    def bin(self) -> Path:
        """The folder of the environment's programs."""
        return self.prefix / "bin"


def find_python(
    user_root: Path,
    *,
    setting: str,
    reuse: Sequence[str],
    environ: Mapping[str, str],
    ask_inside: Ask | None = None,
) -> PythonSource:
    """Return the project's environment: the setting, one in the checkout, the active one, or ours.

    `setting` names an interpreter, relative to the checkout or absolute; raises `UsageError` if
    unusable. An interpreter of the checkout itself is run through `ask_inside`, a sandbox. An
    environment in the checkout counts only if the targets of its links are one too.
    """
    home = Path(environ.get("HOME", "/nonexistent"))
    if setting:
        executable = user_root / Path(setting).expanduser()
        own = executable.is_relative_to(user_root) or _real(executable).is_relative_to(
            _real(user_root)
        )
        named = read_interpreter(
            executable, "settings", (ask_inside or _no_answer) if own else _run
        )
        if named is None or (own and not _is_whole(named, user_root, home)):
            raise UsageError(
                f"gates.python names {setting}, which is not a working Python interpreter; "
                "correct it or remove it to have the environment found."
            )
        return named
    for name in reuse:
        found = read_venv(user_root / name, "checkout")
        if found is not None and _is_whole(found, user_root, home):
            return found
    active = environ.get("VIRTUAL_ENV")
    if active and Path(active).resolve() != Path(sys.prefix).resolve():
        found = read_venv(Path(active), "active")
        if found is not None and _is_whole(found, user_root, home):
            return found
    ours = read_interpreter(Path(sys.executable), "reviewloop", _run)
    if ours is None:
        raise UsageError("No Python was found for the gates; name one as gates.python.")
    return ours


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


def _is_whole(source: PythonSource, user_root: Path, home: Path) -> bool:
    """Return whether all parts of an environment are real ones, and not links to anything."""
    paths = (source.prefix, source.bin, *source.sites)
    return all(lendable(path, user_root, home) for path in paths)


def read_interpreter(executable: Path, origin: Origin, ask: "Ask") -> PythonSource | None:
    """Return the environment of an interpreter, None when it cannot be used."""
    if not os.access(executable, os.X_OK) or executable.is_dir():
        return None
    venv = read_venv(executable.parent.parent, origin)
    return venv if venv is not None else _query(executable, origin, ask)


def read_venv(prefix: Path, origin: Origin) -> PythonSource | None:
    """Return the virtual environment in a folder, None when there is no working one."""
    if not os.path.isfile(prefix / "pyvenv.cfg"):  # noqa: PTH113 - `Path.is_file` raises without permission - False where nobody may look
        return None
    lines = read_plain(prefix / "pyvenv.cfg").decode("utf-8", "replace").splitlines()
    settings = {}
    for line in lines:
        key, separator, value = line.partition("=")
        if separator:
            settings[key.strip().lower()] = value.strip()
    executable = prefix / "bin" / "python"
    sites = sorted(prefix.glob("lib/*/site-packages"))
    version = settings.get("version", settings.get("version_info", ""))
    fitting = [s for s in sites if s.parent.name.endswith(".".join(version.split(".")[:2]))]
    if not executable.exists() or not sites:
        return None
    site = (fitting or sites)[0]
    paths = [site]
    extra = prefix / "lib64" / site.parent.name / "site-packages"
    if extra.is_dir() and extra.resolve() != site.resolve():
        paths.append(extra)
    prefix = prefix.absolute()
    return PythonSource(
        prefix,
        executable.resolve(),
        site.parent.name,
        tuple(path.absolute() for path in paths),
        origin,
        settings=settings,
    )


def _query(executable: Path, origin: Origin, ask: Ask) -> PythonSource | None:
    """Ask a whole interpreter for its package folders; -S keeps it from running any of them."""
    try:
        output = ask([str(executable), "-S", "-E", "-c", _ASK]).strip().rpartition(b"\n")[2]
        answer = _checked(json.loads(output))
    except (OSError, subprocess.SubprocessError, ValueError, RecursionError):
        return None
    real = _real(Path(answer["real"] or executable))
    return PythonSource(
        Path(answer["prefix"]),
        real,
        "python{}.{}".format(*answer["version"]),
        tuple(Path(path) for path in answer["sites"] if Path(path).is_dir()),
        origin,
        is_venv=False,
        settings={"version": "{}.{}".format(*answer["version"])},
    )


def _checked(answer: Any) -> dict[str, Any]:
    """Return an interpreter's answer; raise ValueError for an unexpected shape."""
    try:
        first, second = answer["version"]
        texts = [answer["prefix"], answer["real"] or "", *answer["sites"]]
    except (TypeError, KeyError, ValueError) as error:
        raise ValueError("no answer of an interpreter") from error
    numbers = all(type(part) is int for part in (first, second))
    if not numbers or not all(isinstance(text, str) and "\0" not in text for text in texts):
        raise ValueError("no answer of an interpreter")
    return dict(answer)


def _run(argv: Sequence[str]) -> bytes:
    """Run a program outside of the checkout."""
    return subprocess.run(
        argv, capture_output=True, stdin=subprocess.DEVNULL, timeout=30, check=True, cwd="/"
    ).stdout


def _no_answer(argv: Sequence[str]) -> bytes:
    raise ValueError(f"{argv[0]} is a program of the checkout and is not run")


_SECONDS = 30.0


def ask_inside(
    sandbox: Callable[[], Sandbox], user_root: Path, folder: Path, home: Path, argv: Sequence[str]
) -> bytes:
    """Return the output of a program of the checkout, confined; the output is untrusted.

    It gets a folder of its own in `folder`, and of `user_root` only what an interpreter needs.
    """
    work, log = folder / "asked", folder / "asked.log"
    work.mkdir(exist_ok=True)
    run_command(
        argv,
        cwd=work,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8"},
        timeout_seconds=_SECONDS,
        log=log,
        confine=Confinement(
            sandbox,
            Grants(
                work=work,
                read=only_lendable(interpreter_folders(Path(argv[0])), user_root, home),
            ),
        ),
    )
    return log.read_bytes()
