"""A shadow of the project's Python environment: same packages, with the workspace's project.

Tests in the workspace need the packages that are installed for the user's checkout. An editable
install among them points back at that checkout, so gates would test the wrong code. The shadow is a
virtual environment of links to the installed packages in which such pointers are rewritten.
"""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.regex import regex
from reviewloop.sandbox.interpreters import PythonSource

# A pip inside the shadow would follow our links and uninstall from the user's environment.
_NOT_LINKED = regex(r"__pycache__$|pip$|pip-.*\.dist-info$", re.IGNORECASE)
_NOT_SCRIPTS = regex(r"(python|pypy)[\d.]*t?$|activate|deactivate|pip[\d.]*$", re.IGNORECASE)
_SHEBANG_LIMIT = 125  # the kernel's lowest limit, with a margin
_LOCAL_POINTERS = (".pth", ".py", ".egg-link")
_POINTER_LIMIT = 4 * 1024 * 1024


class Redirection:
    """Maps paths inside the user's checkout to the same paths inside the workspace."""

    def __init__(self, user_root: Path, workspace: Path, kept: tuple[Path, ...]) -> None:
        self.workspace = workspace
        self._roots = tuple(dict.fromkeys((user_root.absolute(), user_root.resolve())))
        # Packages installed inside the checkout stay, in either spelling of the path.
        self._kept = tuple({form for path in kept for form in (path.absolute(), path.resolve())})
        spelled = "|".join(re.escape(str(r)) for r in sorted(self._roots, key=_length))
        self._pattern = re.compile(
            rf"(?:(?<=file://)|(?<![\w./-]))(?:{spelled})"
            r"(?:/[^\"'\r\n:;,)\]\\]*|(?=[\"'\r\n:;,)\]\\])|$)"
        )

    def redirected_path(self, path: Path) -> Path | None:
        """Return the workspace's counterpart of a path, None for one outside of the project's own
        code.
        """
        for candidate in (path.resolve(), Path(os.path.normpath(path))):
            if any(candidate.is_relative_to(kept) for kept in self._kept):
                return None
            for root in self._roots:
                if candidate.is_relative_to(root):
                    return self.workspace / candidate.relative_to(root)
        return None

    def text(self, text: str) -> str:
        """Return text with every path of the checkout replaced, installed packages excepted."""

        def replace(match: re.Match[str]) -> str:
            counterpart = self.redirected_path(Path(match.group()))
            trailing = "/" if match.group().endswith("/") else ""
            return match.group() if counterpart is None else f"{counterpart}{trailing}"

        if not any(str(root) in text for root in self._roots):
            return text  # the usual case; the pattern takes a hundred times as long
        return self._pattern.sub(replace, text)


def _length(path: Path) -> int:
    return -len(str(path))


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


@dataclass(frozen=True)
class Shadow:
    """A virtual environment of links; `redirected` are the workspace paths of imports."""

    folder: Path
    python: Path
    bin: Path
    redirected: tuple[Path, ...] = ()
    modules: tuple[str, ...] = ()  # names in rewritten finder modules
    outside: tuple[Path, ...] = ()  # other paths that packages are imported from


def make_shadow(source: PythonSource, folder: Path, redirection: Redirection) -> Shadow:
    """Build the shadow of `source` in `folder`, replacing an earlier one; runs nothing."""
    if folder.is_symlink() or folder.exists():
        shutil.rmtree(folder)
    binaries = folder / "bin"
    binaries.mkdir(parents=True)
    try:
        _link_interpreter(source, binaries)
        (folder / "pyvenv.cfg").write_text(_configuration(source), encoding="utf-8")
        builder = _Sites(redirection)
        library = folder / "lib" / source.library
        builder.fill(source.sites, library / "site-packages")
        if (source.prefix / "lib64").is_symlink() or (source.prefix / "lib64").is_dir():
            (folder / "lib64").symlink_to("lib")
        for name in ("share", "etc", "include"):
            if source.is_venv and (source.prefix / name).exists():
                (folder / name).symlink_to(source.prefix / name)
        _copy_scripts(source, binaries)
    except (OSError, ValueError, RuntimeError) as error:  # NUL in a path, cyclic links
        raise WorkspaceError(
            f"The Python environment {source.prefix} could not be mirrored for the gates: {error}."
        ) from error
    return Shadow(
        folder,
        binaries / "python",
        binaries,
        tuple(dict.fromkeys(builder.redirected)),
        tuple(dict.fromkeys(builder.modules)),
        tuple(dict.fromkeys(builder.outside)),
    )


def _link_interpreter(source: PythonSource, binaries: Path) -> None:
    (binaries / "python").symlink_to(source.executable)
    names = {"python3", source.executable.name, f"{source.library}"} - {"python"}
    for name in names:
        if re.fullmatch(r"(python|pypy)[\d.]*t?", name):
            (binaries / name).symlink_to("python")


def _configuration(source: PythonSource) -> str:
    settings = dict(source.settings)
    settings.setdefault("home", str(source.executable.parent))
    settings.setdefault("include-system-site-packages", "false")
    for unwanted in ("prompt", "command"):
        settings.pop(unwanted, None)
    return "".join(f"{key} = {value}\n" for key, value in settings.items())


class _Sites:
    """Fills site-packages folders with links, rewriting pointers into the checkout."""

    def __init__(self, redirection: Redirection) -> None:
        self.redirection = redirection
        self.redirected: list[Path] = []
        self.modules: list[str] = []
        self.outside: list[Path] = []

    def fill(self, sources: tuple[Path, ...], target: Path) -> None:
        """Mirror the first site folder, and further ones beside it, read in the same order."""
        target.mkdir(parents=True)
        for number, source in enumerate(sources):
            folder = target
            if number:
                folder = target.with_name(f"site-packages-{number}")
                folder.mkdir()
                line = f"import site; site.addsitedir({str(folder)!r})\n"
                (target / f"_reviewloop_{number}.pth").write_text(line, encoding="utf-8")
            for entry in sorted(os.scandir(source), key=_name):
                if _NOT_LINKED.match(entry.name):
                    continue
                if entry.is_symlink() or entry.name.endswith(_LOCAL_POINTERS):
                    self._mirror(Path(entry.path), folder / entry.name, source)
                else:  # the usual case
                    os.symlink(entry.path, f"{folder}/{entry.name}")  # noqa: PTH211 - half the time

    def _mirror(self, entry: Path, target: Path, site: Path) -> None:
        if (
            entry.is_symlink()
            and (elsewhere := self.redirection.redirected_path(entry)) is not None
        ):
            self.redirected.append(elsewhere.parent)
            target.symlink_to(elsewhere)
            return
        if entry.is_symlink():
            self.outside.append(entry.resolve())
        if entry.suffix in _LOCAL_POINTERS and entry.is_file():
            if entry.suffix == ".egg-link":
                self._link_metadata(entry, target.parent)
            rewritten = self._rewritten(entry, site)
            if rewritten is not None:
                target.write_text(rewritten, encoding="utf-8", errors="surrogateescape", newline="")
                return
        target.symlink_to(entry)

    def _rewritten(self, entry: Path, site: Path) -> str | None:
        if entry.stat().st_size > _POINTER_LIMIT:
            return None
        old = entry.read_bytes().decode("utf-8", "surrogateescape")
        if entry.suffix == ".pth":
            new = "".join(self._line(line, site) for line in old.splitlines(keepends=True))
        else:
            new = self.redirection.text(old)
            if new != old:
                self.modules += _mapped_names(old)
        return None if new == old else new

    def _line(self, line: str, site: Path) -> str:
        text = line.strip()
        if not text or text.startswith("#"):
            return line
        if text.startswith(("import ", "import\t")):
            return self.redirection.text(line)
        entry = site / text
        counterpart = self.redirection.redirected_path(entry)
        if counterpart is not None:
            self.redirected.append(counterpart)
            return f"{counterpart}\n"
        if entry.is_dir():
            self.outside.append(entry.resolve())
        # A relative line is relative to the folder of its file, which changes here.
        return line if Path(text).is_absolute() else f"{os.path.normpath(entry)}\n"

    def _link_metadata(self, egg_link: Path, folder: Path) -> None:
        """Keep `importlib.metadata` working after `setup.py develop`.

        That install has its metadata in the checkout, ignored by git, so the workspace lacks it.
        """
        project = Path(egg_link.read_text(encoding="utf-8", errors="replace").partition("\n")[0])
        for data in project.glob("*.egg-info"):
            if data.is_dir() and not (folder / data.name).exists():
                (folder / data.name).symlink_to(data)


def _mapped_names(finder: str) -> Iterator[str]:
    """Yield the import names of setuptools' MAPPING and of `map_module(name, path)` calls."""
    mapping = re.search(r"^MAPPING\b[^=\n]*= (\{.*\})", finder, re.MULTILINE)
    if mapping:
        yield from re.findall(r"['\"]([A-Za-z_][\w.]*)['\"]\s*:", mapping.group(1))
    yield from re.findall(r"map_module\(\s*['\"]([A-Za-z_][\w.]*)['\"]", finder)


def _copy_scripts(source: PythonSource, binaries: Path) -> None:
    interpreter = str(binaries / "python")
    own = tuple(os.fsencode(f"{folder}/") for folder in {source.bin, source.bin.resolve()})
    for found in sorted(os.scandir(source.bin), key=_name):
        if _NOT_SCRIPTS.match(found.name) or not os.access(found.path, os.X_OK):
            continue
        entry, target = Path(found.path), binaries / found.name
        if target.exists():
            continue
        script = _script(entry, source, own, interpreter)
        if script is not None:
            target.write_bytes(script)
            target.chmod(0o755)
        elif source.is_venv and entry.is_file():
            target.symlink_to(entry)


def _script(
    entry: Path, source: PythonSource, own: tuple[bytes, ...], interpreter: str
) -> bytes | None:
    """Return a Python script with the shadow's interpreter, None for any other program.

    `own` are the spellings of the folder with the environment's interpreter.
    """
    if not entry.is_file() or _leads_out(entry, source.prefix):
        return None
    with entry.open("rb") as file:
        if file.read(2) != b"#!":
            return None
        content = b"#!" + file.read(_POINTER_LIMIT)
    first, _, rest = content.partition(b"\n")
    if first.startswith(b"#!/bin/sh") and b"'''exec'" in rest[:20]:
        rest = rest.partition(b"\n' '''\n")[2]  # the long form that installers write for long paths
    elif not first[2:].strip().startswith(own):
        return content if source.is_venv else None
    return _shebang(interpreter) + rest


def _leads_out(entry: Path, prefix: Path) -> bool:
    """Return whether a program is a link out of the environment, whose target we may not copy."""
    if not entry.is_symlink():
        return False
    return not Path(os.path.realpath(entry)).is_relative_to(os.path.realpath(prefix))


def _shebang(interpreter: str) -> bytes:
    path = os.fsencode(interpreter)
    if len(path) <= _SHEBANG_LIMIT and b" " not in path:
        return b"#!" + path + b"\n"
    return b"#!/bin/sh\n'''exec' \"" + path + b'" "$0" "$@"\n' + b"' '''\n"
