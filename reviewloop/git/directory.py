"""Writes git directories by hand, and reads foreign ones as untrusted."""

import hashlib
import os
import secrets
import stat
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from reviewloop.domain.errors import WorkspaceError
from reviewloop.regex import regex

MOST_BYTES = 4 << 20  # ignore rules and lists of folders are never that long
_COMMIT = regex(rb"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_OBJECTS = regex(r"[0-9a-f]{2}|info|pack|(?:tmp|incoming)[-_].*|.*\.lock|\.nfs.*|\.DS_Store")


def read_plain(path: Path | None, *, links: bool = True) -> bytes:
    """Return the content of a regular file, b"" for anything else; never blocks on a pipe.

    Without `links` the file itself must not be a symbolic link. More than 4 MB is cut off.
    """
    if path is None:
        return b""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if links else os.O_NOFOLLOW)
    try:
        with open(os.open(path, flags), "rb") as file:  # noqa: PTH123 - a descriptor
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return b""
            return file.read(MOST_BYTES)
    except (OSError, ValueError):
        return b""  # git ignores what it cannot read too


def shallow_commits(path: Path) -> bytes:
    """Return a file of shallow commits, without lines that are not a commit id."""
    lines = read_plain(path).split(b"\n")
    return b"".join(line + b"\n" for line in lines if _COMMIT.fullmatch(line))


def may_have_tags(common_dir: Path) -> bool:
    """Return False where a repository surely has no tag; only git itself reads a reftable."""
    packed = read_plain(common_dir / "packed-refs")
    if b" refs/tags/" in packed or len(packed) == MOST_BYTES:
        return True
    try:
        with os.scandir(common_dir / "refs/tags") as entries:
            return next(entries, None) is not None or (common_dir / "reftable").exists()
    except OSError:
        return True


def require_own_files(root: Path, git_dir: Path) -> None:
    """Raise for a git directory that claims a folder which does not name it in return.

    With `core.worktree` it could make us treat a home folder as the project.
    """
    named = root / ".git"
    if named.is_file():
        target = read_plain(named).decode("utf-8", "surrogateescape").rstrip("\r\n")
        named = root / target.removeprefix("gitdir:").strip()
    try:
        if named.samefile(git_dir):
            return
    except OSError:
        pass
    raise WorkspaceError(
        f"{git_dir} claims the files in {root}, which have another git directory or none "
        "(core.worktree); take that setting back, then run again."
    )


def refuse_endless(root: Path, git_dir: Path, common_dir: Path) -> None:
    """Raise for a repository on which git would block: one with a pipe in place of a file."""
    paths = [root / name for name in (".gitignore", ".gitattributes")]
    paths += [git_dir / name for name in ("HEAD", "index")]
    paths += [common_dir / name for name in ("packed-refs", "shallow", "config")]
    for path in paths:
        try:
            mode = path.stat().st_mode
        except OSError:
            continue
        if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
            raise WorkspaceError(
                f"{path} is no plain file, and git would read it without end; remove it, then "
                "run again."
            )


def is_object_folder(folder: Path) -> bool:
    """Return whether a folder holds only objects of git, so that a sandbox may read it.

    Any folder can be named as an alternate: a home folder, for example.
    """
    try:
        with os.scandir(folder) as entries:
            return all(_OBJECTS.fullmatch(entry.name) for entry in entries)
    except OSError:
        return False


_QUICK = 1  # of zlib: a run's own directory is small, and deleted within a month


def write_object(folder: Path, kind: str, content: bytes, object_format: str) -> str:
    """Store an object in the objects folder `folder` and return its id; idempotent."""
    data = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.new(object_format, data, usedforsecurity=False).hexdigest()
    path = folder / name[:2] / name[2:]
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        write_whole(path, zlib.compress(data, _QUICK), 0o444)
    return name


def write_ref(git_dir: Path, reference: str, commit: str) -> None:
    """Set a ref of our own directory to a commit."""
    path = git_dir / reference
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, f"{commit}\n".encode(), 0o644)


def write_whole(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file of ours atomically."""
    temporary = path.with_name(f"tmp_obj_{secrets.token_hex(6)}")  # git's own prefix for these
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


COPIED_SETTINGS = (
    "core.autocrlf",
    "core.eol",
    "core.safecrlf",
    "core.ignorecase",
    "core.filemode",
    "core.symlinks",
    "core.precomposeunicode",
    "core.bigfilethreshold",
)
"""The user's settings that determine how files are checked out; all are plain words."""

_PLAIN_VALUE = regex(r"[A-Za-z0-9]{1,32}")


def write_git_dir(
    folder: Path,
    *,
    objects: Iterable[Path],
    head: str,
    settings: Mapping[str, str],
    object_format: str = "sha1",
    bare: bool = True,
) -> None:
    """Write the files of a git directory into `folder`; idempotent.

    `head` is the content of HEAD: a commit id, or `ref: refs/heads/...`. Settings whose values are
    not plain words are left out.
    """
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # Atomically: other runs may read these while a shared folder is written again.
    alternates = b"".join(_alternate(path) + b"\n" for path in objects)
    write_whole(folder / "objects/info/alternates", alternates)
    write_whole(folder / "config", _config(settings, object_format, bare).encode())
    # The last line overrides `-diff` and `diff=driver` of the tree's own .gitattributes: a change
    # must not hide a text file from its review.
    (folder / "info/attributes").write_bytes(b"* !diff\n")
    write_whole(folder / "HEAD", f"{head}\n".encode())


def add_object_folder(git_dir: Path, objects: Path) -> None:
    """Add another folder of objects to a git directory of ours."""
    path = git_dir / "objects/info/alternates"
    line = _alternate(objects) + b"\n"
    before = path.read_bytes()
    if line not in before.splitlines(keepends=True):
        path.write_bytes(before + line)


def _config(settings: Mapping[str, str], object_format: str, bare: bool) -> str:
    version = 1 if object_format != "sha1" else 0
    values = {
        "core.repositoryformatversion": str(version),
        "core.bare": "true" if bare else "false",
        "core.logallrefupdates": "false",
        "core.quotepath": "false",
        "core.protectntfs": "true",
        "core.protecthfs": "true",
        "core.fsmonitor": "false",
        "gc.auto": "0",
        "maintenance.auto": "false",
        "advice.detachedhead": "false",
    }
    if not bare:  # a build that commits must not fail for a missing name
        values |= {"user.name": "reviewloop", "user.email": "reviewloop@localhost"}
    if version:
        values["extensions.objectformat"] = object_format
    for name in COPIED_SETTINGS:
        if _PLAIN_VALUE.fullmatch(settings.get(name, "")):
            values[name] = settings[name]
    lines = []
    for name, value in values.items():
        section, key = name.split(".")
        lines.append(f"[{section}]\n\t{key} = {value}\n")
    return "".join(lines)


def _alternate(path: Path) -> bytes:
    raw = os.fsencode(path)
    if b"\n" not in raw:
        return raw
    escaped = raw.replace(b"\\", b"\\\\").replace(b'"', b'\\"').replace(b"\n", b"\\n")
    return b'"' + escaped + b'"'


def object_folders(objects: Path) -> tuple[Path, ...]:
    """Return a folder of objects and its alternates, in git's order of lookup.

    A folder that holds anything else is left out: a sandbox must not open it to a build.
    """
    found: list[Path] = []
    todo = [objects]
    while todo:
        folder = todo.pop(0)
        if folder in found:
            continue
        if found and not is_object_folder(folder):
            continue
        found.append(folder)
        lines = read_plain(folder / "info/alternates").splitlines()
        # A quoted line has a line feed; a sandbox could not be given such a folder anyway.
        names = [line for line in lines if line and not line.startswith((b"#", b'"'))]
        todo += [Path(os.path.normpath(folder / os.fsdecode(name))) for name in names]
    return tuple(found)
