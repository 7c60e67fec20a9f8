"""The environment of gate commands: without secrets, with imports from the workspace."""

import contextlib
import hashlib
import os
import re
import stat
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.directory import read_plain
from reviewloop.git.paths import shown as shown_name
from reviewloop.git.repository import path_in_repository
from reviewloop.regex import regex
from reviewloop.sandbox.base import Confinement, Grants, Sandbox
from reviewloop.sandbox.interpreters import (
    PythonSource,
    ask_inside,
    find_python,
    lendable,
    only_lendable,
)
from reviewloop.sandbox.node import installed_node_modules, link_node_modules, verify_node_modules
from reviewloop.sandbox.probe import verify_imports
from reviewloop.sandbox.shadow import Redirection, Shadow, make_shadow
from reviewloop.sandbox.toolchains import (
    TOOL_HOMES,
    interpreter_folders,
    tool_folders,
    with_targets,
)

_VERSION = regex(r"\w*version\w*\.\w{1,5}|VERSION", re.IGNORECASE)
_LONGEST = 16 * 1024  # bytes; a version and its source


def copy_version_files(user_root: Path, workspace: Path) -> Iterator[str]:
    """Copy the version modules that setuptools-scm and hatch-vcs write at installation.

    They are ignored by git, yet packages import them. The workspace's own file names them, so only
    a short file with a version's name is copied: a checkout has secrets too.
    """
    for name in _version_files(workspace / "pyproject.toml"):
        source, target = user_root / name, workspace / name
        inside = not Path(name).is_absolute() and ".." not in Path(name).parts
        if not inside or not _VERSION.fullmatch(Path(name).name) or os.path.lexists(target):
            continue
        if _real(source) != _real(user_root) / name or not target.parent.is_dir():
            continue
        if _real(target.parent) != _real(workspace) / Path(name).parent:
            continue
        content = read_plain(source, links=False)
        if not content or len(content) > _LONGEST:
            continue
        target.write_bytes(content)
        yield f"{name} was copied from the checkout: it is generated and not in git."


def _version_files(pyproject: Path) -> Iterator[str]:
    try:
        tools = tomllib.loads(read_plain(pyproject, links=False).decode())["tool"]
    except (ValueError, RecursionError, KeyError):
        return
    candidates = (
        (("setuptools_scm",), ("version_file", "write_to")),
        (("hatch", "build", "hooks", "vcs"), ("version-file",)),
        (("pdm", "version"), ("write_to",)),
        (("pdm", "build"), ("version-file",)),
    )
    for tables, keys in candidates:
        table = tools
        for name in tables:
            table = table.get(name, {}) if isinstance(table, dict) else {}
        for key in keys:
            value = table.get(key) if isinstance(table, dict) else None
            if isinstance(value, str) and "\0" not in value:
                yield value


def _real(path: Path) -> Path:
    return Path(os.path.realpath(path))


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
_SHORT_ENOUGH = 48  # characters; Unix sockets below the folder may use 108 in all
_GIT_CONFIG = "[user]\n\tname = reviewloop gate\n\temail = gate@localhost\n"


@dataclass(frozen=True)
class ProjectEnv:
    """The environment of gates: variables, the interpreter, and notes for people."""

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
    confine: Confinement
    project: str = ""  # working folder of commands, relative to the workspace

    @property
    def given(self) -> Path:
        """Folder of files for commands, which can only read it: plugins, configuration."""
        return self.folder / "given"

    @property
    def reports(self) -> Path:
        """Folder for reports of commands."""
        return self.folder / "reports"

    def prepare(self) -> tuple[str, ...]:
        """Put files into the workspace that gates need and git does not hold; return notes.

        Call it after each reset of the workspace to a tree. The scratch folders are emptied:
        leftovers of one tree's code must not affect the results of another.
        """
        self.empty()
        inside = self.workspace / self.project
        notes = list(copy_version_files(self.user_root / self.project, inside))
        if self.node:
            notes += link_node_modules(self.user_root, self.workspace)
        return tuple(notes)

    def empty(self) -> None:
        """Empty the scratch folders; commands may have left secrets there."""
        _empty_scratch(self.folder, Path(self.env["TMPDIR"]))

    def verify(self, *, cwd_on_path: bool = False) -> str | None:
        """Return why a green gate would not be about the workspace's code, None when it would.

        `cwd_on_path` is for commands like `python -m pytest`, which import from the working folder
        first.
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
            confine=self.confine,
            project=self.project,
        )

    def discard(self) -> None:
        """Delete the temporary folder of the gates, which may be outside of the run's folder."""
        with contextlib.suppress(OSError):
            remove_tree(Path(self.env["TMPDIR"]))


def build_environment(
    *,
    user_root: Path,
    workspace: Path,
    folder: Path,
    reuse: Sequence[str] = (".venv", "venv", "node_modules"),
    python: str = "",
    pass_through: Sequence[str] = (),
    environ: Mapping[str, str] = os.environ,
    sandbox: Callable[[], Sandbox],
    objects: Sequence[Path] = (),
    readable: Sequence[str] = (),
    project: str = "",
) -> ProjectEnv:
    """Build, in the run's own `folder`, the environment for gates that run in `workspace`.

    `reuse` names what is installed in the checkout, `python` an interpreter (empty: found),
    `pass_through` variables of `environ`. Commands run in the sandbox that `sandbox` returns and
    may read git's `objects` and the user's `readable` paths. Their working folder is `project`.
    Nothing of the project is executed.
    """
    user_root, workspace, folder = user_root.absolute(), workspace.absolute(), folder.absolute()
    home = Path(environ.get("HOME", "/nonexistent"))
    (folder / "given").mkdir(parents=True, exist_ok=True)
    ask = partial(ask_inside, sandbox, user_root, folder, home)
    python = interpreter_for(user_root, project, python)
    source = find_python(user_root, setting=python, reuse=reuse, environ=environ, ask_inside=ask)
    reused = tuple(user_root / name for name in reuse)
    installed = _installed(source, user_root)
    kept = (*installed, *reused, folder)
    shadow = make_shadow(source, folder / "venv", Redirection(user_root, workspace, kept))
    node = "node_modules" in reuse
    env = _variables(folder, shadow, source, user_root, workspace, environ, pass_through, project)
    granted = (*installed, *source.visible, *shadow.outside, *reused)
    granted += interpreter_folders(source.executable)
    granted += installed_node_modules(user_root) if node else ()
    shown = (
        *(folder / "venv", folder / "given", *only_lendable(granted, user_root, home)),
        *_tools({**environ, **env}, workspace, home),
        *(*objects, *(Path(name).expanduser() for name in readable)),
    )
    scratch = (folder / "home", folder / "reports", Path(env["TMPDIR"]))
    grants = Grants(workspace, user_root, scratch, with_targets(shown))
    made = ProjectEnv(
        *(env, shadow.python, source.origin),
        (
            *_python_notes(source, shadow, user_root, home, environ),
            *_compiled(user_root, workspace, shadow),
        ),
        *(user_root, workspace, folder),
        *(source, shadow, node),
        confine=Confinement(sandbox, grants),
        project=project,
    )
    made.prepare()
    return made


def paths_for(project: str, names: Sequence[str]) -> tuple[str, ...]:
    """Return where these may be installed: in the project's folder, then in the root."""
    nearer = (path_in_repository(project, name) for name in names) if project else ()
    return (*nearer, *names)


def interpreter_for(user_root: Path, project: str, setting: str) -> str:
    """Return the named interpreter relative to the checkout; the project's folder is
    tried first.
    """
    nearer = path_in_repository(project, setting)
    return nearer if setting and os.path.lexists(user_root / nearer) else setting


def _tools(env: Mapping[str, str], workspace: Path, home: Path) -> tuple[Path, ...]:
    """Return the folders of tool chains, without any that commands created in the workspace."""
    entries = env["PATH"].split(os.pathsep)
    outer = (entry for entry in entries if not Path(entry).is_relative_to(workspace))
    return tool_folders({**env, "PATH": os.pathsep.join(outer)}, home)


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
    project: str,
) -> dict[str, str]:
    language = "en_US.UTF-8" if os.uname().sysname == "Darwin" else "C.UTF-8"
    dropped = (user_root, workspace, source.bin)
    entries = [str(shadow.bin), *_trusted(environ.get("PATH", os.defpath), dropped)]
    if not source.is_venv:
        entries.append(str(source.bin))
    here = dict.fromkeys((workspace / project, workspace))
    entries += [str(folder_ / "node_modules" / ".bin") for folder_ in here]
    env = {
        "PATH": os.pathsep.join(dict.fromkeys(entries)),
        "HOME": str(folder / "home"),
        "TMPDIR": str(_temporary(folder)),
        "LANG": language,
        "LC_ALL": language,
        "TERM": "dumb",
        "SHELL": "/bin/sh",
        "CI": "1",
        "PWD": str(workspace / project),
        "VIRTUAL_ENV": str(shadow.folder),
        "PYTHONDONTWRITEBYTECODE": "1",  # the packages are links: caches would be the user's
        "PYTHONNOUSERSITE": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_NO_INPUT": "1",
        "UV_NO_SYNC": "1",  # `uv run` must not replace the shadow by its own environment
        "UV_PROJECT_ENVIRONMENT": str(shadow.folder),
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_NOSYSTEM": "1",
    }
    user_home = Path(environ.get("HOME", "/nonexistent"))
    for name, location in TOOL_HOMES.items():
        value = environ.get(name) or str(user_home / location)
        if Path(value).is_dir():
            env[name] = value
    if "CARGO_HOME" in env:
        env["CARGO_NET_OFFLINE"] = "true"
    if "GRADLE_USER_HOME" in env:  # it must be writable; the downloaded libraries need not be
        env["GRADLE_RO_DEP_CACHE"] = str(Path(env["GRADLE_USER_HOME"]) / "caches")
        env["GRADLE_USER_HOME"] = str(folder / "home" / ".gradle")
    for name in (*_PASSED_ON, *pass_through):
        if name in environ:
            env[name] = environ[name]
    return env


def _empty_scratch(folder: Path, temporary: Path) -> None:
    home, reports = folder / "home", folder / "reports"
    for location in (home, reports, temporary):
        remove_tree(location)
        location.mkdir(mode=0o700)
    (home / ".gitconfig").write_text(_GIT_CONFIG, encoding="utf-8")


def _trusted(path: str, dropped: Sequence[Path]) -> Iterator[str]:
    """Yield the absolute entries of PATH that no repository can write."""
    resolved = tuple(location.resolve() for location in dropped)
    for entry in path.split(os.pathsep):
        folder = Path(entry)
        if folder.is_absolute() and folder.is_dir():
            location = folder.resolve()
            if not any(location.is_relative_to(other) for other in resolved):
                yield entry


def _temporary(folder: Path) -> Path:
    """Return a temporary folder with a short name, always the same one for a run."""
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


def _python_notes(
    source: PythonSource,
    shadow: Shadow,
    user_root: Path,
    home: Path,
    environ: Mapping[str, str],
) -> Iterator[str]:
    for location in shadow.outside:
        if not lendable(location, user_root, home):
            yield (
                f"{shown_name(str(location))}, which the Python environment names, is neither "
                "packages nor a project: gates cannot read it; sandbox.read could allow it."
            )
    if source.origin == "reviewloop":
        active = environ.get("VIRTUAL_ENV")
        ours = active and Path(active).resolve() == Path(sys.prefix).resolve()
        or_active = "; the active one is reviewloop's own" if ours else " or an active one"
        looked = f".venv, venv{or_active}"
        yield (
            f"No Python environment of the project was found ({looked}): "
            "gates use reviewloop's own; name another as gates.python."
        )


def _compiled(user_root: Path, workspace: Path, shadow: Shadow) -> Iterator[str]:
    """Yield notes on extension modules built inside the checkout, which the workspace lacks."""
    for location in shadow.redirected:
        if not location.is_relative_to(workspace):
            continue
        original = user_root / location.relative_to(workspace)
        for package in original.glob("*/__init__.py"):
            built = next(package.parent.rglob("*.so"), None)
            if built is not None and not (workspace / built.relative_to(user_root)).exists():
                yield (
                    f"{built.relative_to(user_root)} was compiled inside the checkout and is not "
                    "in the workspace; configure gates.build to build it there."
                )
                return
