"""Writes git directories by hand, without a process: objects by alternates, settings as data."""

import hashlib
import os
import re
import secrets
import zlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from reviewloop.git.distrusted import is_object_folder, read_plain

_QUICK = 1  # of zlib: a run's own directory is small, and gone in a month


def write_object(folder: Path, kind: str, content: bytes, object_format: str) -> str:
    """Store an object in the objects folder `folder` and return its id; again changes nothing."""
    data = f"{kind} {len(content)}\0".encode() + content
    name = hashlib.new(object_format, data, usedforsecurity=False).hexdigest()
    place = folder / name[:2] / name[2:]
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        write_whole(place, zlib.compress(data, _QUICK), 0o444)
    return name


def write_ref(git_dir: Path, reference: str, commit: str) -> None:
    """Point a ref of our own directory at a commit, whatever it pointed at before."""
    place = git_dir / reference
    place.parent.mkdir(parents=True, exist_ok=True)
    write_whole(place, f"{commit}\n".encode(), 0o644)


def write_whole(place: Path, data: bytes, mode: int = 0o644) -> None:
    """Write a file of ours so that it is there as a whole, or not at all."""
    temporary = place.with_name(f"tmp_obj_{secrets.token_hex(6)}")  # git's own prefix for these
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(place)
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
"""What of the person's configuration decides how files look; all of it is plain words."""

_PLAIN_VALUE = re.compile(r"[A-Za-z0-9]{1,32}")


def write_git_dir(
    folder: Path,
    *,
    objects: Iterable[Path],
    head: str,
    settings: Mapping[str, str],
    object_format: str = "sha1",
    bare: bool = True,
) -> None:
    """Write the files of a git directory into `folder`; writing it again changes nothing.

    `head` is the content of HEAD: a commit id, or `ref: refs/heads/...`. Settings whose values
    are not plain words are left out.
    """
    for name in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    # As a whole: other runs may read these while a folder that they share is written again.
    alternates = b"".join(_alternate(path) + b"\n" for path in objects)
    write_whole(folder / "objects/info/alternates", alternates)
    write_whole(folder / "config", _config(settings, object_format, bare).encode())
    # The last line undoes `-diff` and `diff=driver` of the tree's own .gitattributes: a change
    # must not be able to hide a text file from its review.
    (folder / "info/attributes").write_bytes(b"* !diff\n")
    write_whole(folder / "HEAD", f"{head}\n".encode())


def borrow(git_dir: Path, objects: Path) -> None:
    """Let a git directory of ours see the objects of one more folder."""
    place = git_dir / "objects/info/alternates"
    line = _alternate(objects) + b"\n"
    before = place.read_bytes()
    if line not in before.splitlines(keepends=True):
        place.write_bytes(before + line)


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
    if not bare:  # a build that commits something must not fail for want of a name
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
    """Return a folder of objects and all that it borrows from, in the order git asks them.

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
        # A quoted line holds a line feed; a sandbox could not be told of such a folder anyway.
        names = [line for line in lines if line and not line.startswith((b"#", b'"'))]
        todo += [Path(os.path.normpath(folder / os.fsdecode(name))) for name in names]
    return tuple(found)
