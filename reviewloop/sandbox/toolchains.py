"""Finds the folders of programs and libraries that commands need, without secrets in them."""

import os
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

TOOL_HOMES = {
    "CARGO_HOME": ".cargo",
    "RUSTUP_HOME": ".rustup",
    "GOMODCACHE": "go/pkg/mod",
    "GRADLE_USER_HOME": ".gradle",
    "NVM_DIR": ".nvm",
    "VOLTA_HOME": ".volta",
    "PYENV_ROOT": ".pyenv",
    "RBENV_ROOT": ".rbenv",
    "ASDF_DATA_DIR": ".asdf",
    "SDKMAN_DIR": ".sdkman",
}
"""Tool chains in the home folder; without them a scratch home has none."""

# These folders also have registry tokens, so only parts of them are shown.
_PARTS = {
    "CARGO_HOME": ("bin", "registry", "git", "config", "config.toml", "env"),
    "GRADLE_USER_HOME": ("caches", "wrapper", "native", "jdks"),
}
_SINGLE = ("JAVA_HOME", "GOROOT", "SDKROOT", "DEVELOPER_DIR", "SSL_CERT_FILE", "SSL_CERT_DIR")
_PROGRAMS = frozenset({"bin", "sbin", "Scripts"})
_OF_THE_SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/System")


def tool_folders(env: Mapping[str, str], home: Path) -> tuple[Path, ...]:
    """Return the folders that the programs on `env`'s PATH and its tool homes need.

    `home` is the user's home folder: neither it nor a folder above it is granted whole.
    """
    found = [path for entry in _entries(env) for path in _around(entry, home)]
    for name in TOOL_HOMES:
        if name in env:
            parts = _PARTS.get(name)
            folder = Path(env[name])
            found += [folder / part for part in parts] if parts else [folder]
    found += [Path(env[name]) for name in _SINGLE if name in env]
    return with_targets(path for path in found if not _holds(path, home))


def interpreter_folders(executable: Path) -> tuple[Path, ...]:
    """Return the paths that a Python interpreter needs: its own prefix, and that of its link
    target.
    """
    real = executable.resolve()
    found = [executable.parent.parent, real.parent.parent]
    return with_targets(
        path / part for path in found for part in ("bin", "lib", "lib64", "pyvenv.cfg")
    )


def with_targets(paths: Iterable[Path]) -> tuple[Path, ...]:
    """Return the existing paths, each with its link target, without duplicates."""
    found: dict[Path, None] = {}
    for path in paths:
        if path.exists():
            found[path.absolute()] = None
            found[path.resolve()] = None
    return tuple(found)


def _entries(env: Mapping[str, str]) -> Iterator[Path]:
    for entry in env.get("PATH", "").split(os.pathsep):
        if entry and Path(entry).is_absolute() and Path(entry).is_dir():
            yield Path(entry)


def _around(entry: Path, home: Path) -> Iterator[Path]:
    """Yield a folder of PATH and the libraries of its programs beside it."""
    real = entry.resolve()
    if any(real.is_relative_to(path) for path in _OF_THE_SYSTEM):
        return
    yield entry
    if real.name not in _PROGRAMS:
        return
    prefix = real.parent
    if prefix == home / ".local":  # keyrings and state of programs are here too
        yield from (prefix / "lib", prefix / "share/pipx", prefix / "share/uv")
    elif _holds(prefix, home):
        yield prefix / "lib"
    else:
        yield prefix


def _holds(path: Path, home: Path) -> bool:
    """Return whether a folder is the home folder or contains it."""
    return home.is_relative_to(path) or home.resolve().is_relative_to(path.resolve())
