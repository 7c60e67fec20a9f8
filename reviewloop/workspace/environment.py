"""The environment of gate commands: no secrets in it, and imports lead to the workspace."""

import hashlib
import os
import shutil
import stat
import tempfile
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.interpreters import PythonSource, find_python
from reviewloop.workspace.nodeenv import link_node_modules, verify_node_modules
from reviewloop.workspace.probe import verify_imports
from reviewloop.workspace.shadow import Redirection, Shadow, make_shadow

_PASSED_ON = (
    "USER",
    "LOGNAME",
    "TZ",
    "JAVA_HOME",
    "GOROOT",
    "SDKROOT",
    "DEVELOPER_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
)
# Tool chains that live in the home folder; without them a scratch home leaves nothing to run.
_TOOL_HOMES = {
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
_SHORT_ENOUGH = 48  # characters; Unix sockets below the folder may use 108 in all
_GIT_CONFIG = "[user]\n\tname = reviewloop gate\n\temail = gate@localhost\n"


@dataclass(frozen=True)
class ProjectEnv:
    """What gates run in: environment variables, the interpreter, and what people should know."""

    env: Mapping[str, str]
    python: Path  # of the shadow environment
    python_origin: str  # settings | checkout | active | reviewloop
    notes: tuple[str, ...]
    user_root: Path
    workspace: Path
    folder: Path
    source: PythonSource
    shadow: Shadow
    node: bool

    def prepare(self) -> tuple[str, ...]:
        """Put into the workspace what git does not hold but gates need; return notes.

        Call it after each reset of the workspace to a tree; calling it again changes nothing.
        """
        notes = list(_copy_version_files(self.user_root, self.workspace))
        if self.node:
            notes += link_node_modules(self.user_root, self.workspace)
        return tuple(notes)

    def verify(self, *, cwd_on_path: bool = False) -> str | None:
        """Return why a green gate would not speak for the workspace's code, None when it would.

        `cwd_on_path` is for commands like `python -m pytest`, which import from the working
        folder first.
        """
        if self.node and (problem := verify_node_modules(self.user_root, self.workspace)):
            return problem
        return verify_imports(
            python=self.python,
            env=self.env,
            workspace=self.workspace,
            user_root=self.user_root,
            installed=(self.folder, *_installed(self.source, self.user_root)),
            extra_names=self.shadow.modules,
            cwd_on_path=cwd_on_path,
            folder=self.folder,
        )

    def discard(self) -> None:
        """Remove the temporary folder of the gates, which may lie outside the run's folder."""
        shutil.rmtree(self.env["TMPDIR"], ignore_errors=True)


def build_environment(
    *,
    user_root: Path,
    workspace: Path,
    folder: Path,
    reuse: Sequence[str] = (".venv", "venv", "node_modules"),
    python: str = "",
    pass_through: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
) -> ProjectEnv:
    """Build, in the run's own `folder`, the environment for gates that run in `workspace`.

    `reuse` names what is installed in the checkout, `python` an interpreter (empty: found by
    itself), `pass_through` further variables of `environ`. Nothing of the project is executed.
    Building it again replaces it.
    """
    user_root, workspace, folder = user_root.absolute(), workspace.absolute(), folder.absolute()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    source = find_python(user_root, setting=python, reuse=reuse, environ=environ)
    kept = (*_installed(source, user_root), *(user_root / name for name in reuse), folder)
    redirection = Redirection(user_root, workspace, kept)
    shadow = make_shadow(source, folder / "venv", redirection)
    node = "node_modules" in reuse
    env = _variables(folder, shadow, source, user_root, workspace, environ, pass_through)
    project = ProjectEnv(
        env=env,
        python=shadow.python,
        python_origin=source.origin,
        notes=(*_python_notes(source), *_compiled(user_root, workspace, shadow)),
        user_root=user_root,
        workspace=workspace,
        folder=folder,
        source=source,
        shadow=shadow,
        node=node,
    )
    project.prepare()
    return project


def _installed(source: PythonSource, user_root: Path) -> tuple[Path, ...]:
    """Return the folders of installed packages; never `/usr`: a checkout may be in it."""
    if source.is_venv or source.prefix.is_relative_to(user_root):
        return (source.prefix, *source.sites)
    return source.sites


def _variables(
    folder: Path,
    shadow: Shadow,
    source: PythonSource,
    user_root: Path,
    workspace: Path,
    environ: Mapping[str, str],
    pass_through: Sequence[str],
) -> dict[str, str]:
    home = folder / "home"
    home.mkdir(exist_ok=True, mode=0o700)
    (home / ".gitconfig").write_text(_GIT_CONFIG, encoding="utf-8")
    language = "en_US.UTF-8" if os.uname().sysname == "Darwin" else "C.UTF-8"
    dropped = (user_root, workspace, source.bin)
    entries = [str(shadow.bin), *_trusted(environ.get("PATH", os.defpath), dropped)]
    if not source.is_venv:
        entries.append(str(source.bin))
    entries.append(str(workspace / "node_modules" / ".bin"))
    env = {
        "PATH": os.pathsep.join(dict.fromkeys(entries)),
        "HOME": str(home),
        "TMPDIR": str(_temporary(folder)),
        "LANG": language,
        "LC_ALL": language,
        "TERM": "dumb",
        "SHELL": "/bin/sh",
        "CI": "1",
        "PWD": str(workspace),
        "VIRTUAL_ENV": str(shadow.folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # the packages are links: caches would be the user's
        "PYTHONNOUSERSITE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_SYNC": "1",  # `uv run` must not replace the shadow by an environment of its own
        "UV_PROJECT_ENVIRONMENT": str(shadow.folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    user_home = Path(environ.get("HOME", "/nonexistent"))
    for name, place in _TOOL_HOMES.items():
        value = environ.get(name) or str(user_home / place)
        if Path(value).is_dir():
            env[name] = value
    for name in (*_PASSED_ON, *pass_through):
        if name in environ:
            env[name] = environ[name]
    return env


def _trusted(path: str, dropped: Sequence[Path]) -> Iterator[str]:
    """Yield the absolute entries of PATH that no repository can fill."""
    resolved = tuple(place.resolve() for place in dropped)
    for entry in path.split(os.pathsep):
        folder = Path(entry)
        if folder.is_absolute() and folder.is_dir():
            place = folder.resolve()
            if not any(place.is_relative_to(other) for other in resolved):
                yield entry


def _temporary(folder: Path) -> Path:
    """Return a temporary folder with a short name, the same one for the same run."""
    inside = folder / "tmp"
    if len(str(inside)) <= _SHORT_ENOUGH:
        inside.mkdir(exist_ok=True, mode=0o700)
        return inside
    digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:12]
    outside = Path(tempfile.gettempdir()) / f"rl-{os.getuid()}-{digest}"
    outside.mkdir(exist_ok=True, mode=0o700)
    found = outside.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise WorkspaceError(f"{outside} belongs to somebody else; remove it, then run again.")
    return outside


def _python_notes(source: PythonSource) -> Iterator[str]:
    if source.origin == "reviewloop":
        yield (
            "No Python environment of the project was found (.venv, venv or an active one): "
            "gates use reviewloop's own; name another as gates.python."
        )


def _compiled(user_root: Path, workspace: Path, shadow: Shadow) -> Iterator[str]:
    """Tell of extension modules that were built inside the checkout: the workspace has none."""
    for place in shadow.redirected:
        if not place.is_relative_to(workspace):
            continue
        original = user_root / place.relative_to(workspace)
        for package in original.glob("*/__init__.py"):
            built = next(package.parent.rglob("*.so"), None)
            if built is not None and not (workspace / built.relative_to(user_root)).exists():
                yield (
                    f"{built.relative_to(user_root)} was compiled inside the checkout and is not "
                    "in the workspace; configure gates.build to build it there."
                )
                return


def _copy_version_files(user_root: Path, workspace: Path) -> Iterator[str]:
    """Copy the version modules that setuptools-scm and hatch-vcs write when they install.

    They are ignored by git, yet packages import them.
    """
    for name in _version_files(workspace / "pyproject.toml"):
        source, target = user_root / name, workspace / name
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or target.exists() or target.is_symlink() or not source.is_file():
            continue
        if source.resolve() != user_root.resolve() / name or not target.parent.is_dir():
            continue
        if target.parent.resolve() != workspace.resolve() / Path(name).parent:
            continue
        shutil.copyfile(source, target)
        yield f"{name} was copied from the checkout: it is generated and not in git."


def _version_files(pyproject: Path) -> Iterator[str]:
    try:
        tools = tomllib.loads(pyproject.read_text(encoding="utf-8"))["tool"]
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError):
        return
    places = (
        (("setuptools_scm",), ("version_file", "write_to")),
        (("hatch", "build", "hooks", "vcs"), ("version-file",)),
        (("pdm", "version"), ("write_to",)),
        (("pdm", "build"), ("version-file",)),
    )
    for tables, keys in places:
        table = tools
        for name in tables:
            table = table.get(name, {}) if isinstance(table, dict) else {}
        for key in keys:
            value = table.get(key) if isinstance(table, dict) else None
            if isinstance(value, str):
                yield value
