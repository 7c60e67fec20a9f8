"""The files that commands run on: exactly one tree, with a disposable `.git`."""

import hashlib
import os
import shutil
import stat
import tempfile
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePosixPath

from reviewloop.checkout.files import remove_tree
from reviewloop.dataclass import dataclass
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.attributes import attributes_in
from reviewloop.git.directory import read_plain, write_git_dir
from reviewloop.git.lfs import HEADER, LARGEST, copy_content, parse_pointer
from reviewloop.git.paths import parents, shown
from reviewloop.git.private import PrivateRepo
from reviewloop.git.process import Git
from reviewloop.git.repository import BUILD_EXCLUDES
from reviewloop.git.snapshot import changed_paths, filters, store
from reviewloop.settings.schema import WorkspaceFiles

_SHOWN = 3  # groups of names in a sentence
_PROBES = ("case", "CASE", "caf\u00e9", "cafe\u0301", "stra\u00dfe", "strasse", "\ufb01n", "fin")


def require_distinct_names(private: PrivateRepo, tree: str, folder: Path) -> None:
    """Raise WorkspaceError when the disk of `folder` cannot hold the names of `tree` unchanged.

    Only doubtful names are tried, in a temporary folder.
    """
    try:
        if keeps_all_names(folder):
            return
        lost = lost_names((entry.path for entry in private.entries(tree)), folder)
    except OSError as error:
        raise WorkspaceError(f"{folder} cannot be written to: {error}.") from error
    if lost:
        more = f" and {len(lost) - _SHOWN} more" if len(lost) > _SHOWN else ""
        named = "; ".join(" and ".join(map(shown, group)) for group in lost[:_SHOWN])
        raise WorkspaceError(
            f"The disk of {folder} does not keep these names as git has them: {named}{more}; "
            "rename them, or set REVIEWLOOP_STATE_DIR to a folder on another disk "
            "(a review works as it is)."
        )


def keeps_all_names(folder: Path) -> bool:
    """Return whether the disk of a folder treats names as bytes, as nearly all do."""
    with tempfile.TemporaryDirectory(prefix=".names-", dir=folder) as probe:
        return _are_kept(_PROBES, Path(probe))


def lost_names(paths: Iterable[str], folder: Path) -> list[tuple[str, ...]]:
    """Return the groups of paths that would be the same file on the disk of `folder`.

    A group of one is a path that the disk would return under another name.
    """
    with tempfile.TemporaryDirectory(prefix=".names-", dir=folder) as name:
        return [group for group in _doubtful(paths) if not _are_kept(group, Path(name))]


def _doubtful(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    """Yield groups of paths that differ by case or form only, and single ones with
    several forms.
    """
    groups: dict[str, dict[str, None]] = {}
    for path in paths:
        for folder in (*parents(path), path):
            if folder.isascii() and folder == folder.casefold():
                key = folder
            else:
                key = unicodedata.normalize(
                    "NFKC", unicodedata.normalize("NFKC", folder).casefold()
                )
            groups.setdefault(key, {})[folder] = None
    for key, group in groups.items():
        if len(group) > 1 or (not key.isascii() and _has_forms(next(iter(group)))):
            yield tuple(group)


def _has_forms(path: str) -> bool:
    name = path.rpartition("/")[2]
    return any(unicodedata.normalize(form, name) != name for form in ("NFC", "NFD"))


def _are_kept(group: tuple[str, ...], probe: Path) -> bool:
    """Return whether a folder lists exactly the names of a group after they were written."""
    names = {path.rpartition("/")[2] for path in group}
    if len(names) < len(group):  # of folders that differ by name only
        return True
    for name in names:
        (probe / name).touch()
    listed = set(listed_names(probe))
    for name in listed:
        (probe / name).unlink()
    return names <= listed


def listed_names(folder: Path) -> list[str]:
    """Return the names in a folder as the file system returns them."""
    return [path.name for path in folder.iterdir()]


_DEEPEST = 5  # submodules in submodules


@dataclass(frozen=True)
class Filling:
    """What a workspace gets besides the files in git."""

    lfs: bool = False
    submodules: bool = False

    def fill(self, private: PrivateRepo, tree: str, folder: Path) -> None:
        """Fill a folder that holds exactly the files of `tree`.

        Unavailable content of Git LFS stays a pointer. Raises WorkspaceError for an unavailable
        submodule.
        """
        if self.lfs:
            for path, common_dir in _pointers(private, tree):
                pointer = parse_pointer(private.read(tree, path) or b"")
                if pointer:
                    copy_content(common_dir, pointer, folder / path)
        if self.submodules:
            _Submodules(private, folder).write(tree)


def filling_of(files: WorkspaceFiles) -> Filling:
    """Return the filling that the settings request."""
    return Filling(lfs=files.lfs == "copy", submodules=files.submodules == "copy")


def _pointers(private: PrivateRepo, tree: str) -> Iterator[tuple[str, Path]]:
    small = [
        entry.path
        for entry in private.entries(tree)
        if len(HEADER) < entry.size <= LARGEST and entry.kind in {"file", "executable"}
    ]
    for path, values in attributes_in(private, tree, small, ("filter",)).items():
        if values.get("filter") == "lfs":
            yield path, private.user_common_dir


class _Submodules:
    """Writes the files of submodules below a workspace, each from its own objects."""

    def __init__(self, private: PrivateRepo, folder: Path) -> None:
        self._private = private
        self._folder = folder
        self._copies = private.folder.with_name(private.folder.name + "-submodules")

    def write(self, tree: str) -> None:
        """Write all of them, nested ones included."""
        start = (self._private.git, tree, self._private.user_common_dir, "")
        todo = [(0, *start)]
        while todo:
            depth, git, tree, git_dir, prefix = todo.pop()
            if depth > _DEEPEST:
                raise WorkspaceError(f"{shown(prefix)} holds submodules in submodules without end.")
            names = _names(git, tree)
            for path, commit in _gitlinks(git, tree):
                target = prefix + path
                source = self._source(git_dir, names.get(path, path), target, nested=bool(prefix))
                inner = self._check_out(source, commit, target)
                todo.append((depth + 1, inner, commit, source, target + "/"))

    def _source(self, git_dir: Path, name: str, location: str, *, nested: bool) -> Path:
        """Return the git directory of a submodule; its name is untrusted."""
        modules = git_dir / "modules"
        parts = PurePosixPath(name).parts
        if parts and not name.startswith("/") and ".." not in parts:
            found = modules.joinpath(*parts)
            if (found / "objects").is_dir() and found.resolve().is_relative_to(modules.resolve()):
                return found
        own = self._private.user_root / location / ".git"
        root = Path(os.path.realpath(self._private.user_root))
        if not nested and own.is_dir() and Path(os.path.realpath(own)) == root / location / ".git":
            return own
        raise WorkspaceError(
            f"The submodule {shown(location)} is not in {modules}; "
            "run `git submodule update --init` in your checkout, then run again."
        )

    def _check_out(self, source: Path, commit: str, location: str) -> Git:
        target = self._folder / location
        if target.resolve() != self._folder.resolve() / location:
            raise WorkspaceError(f"The submodule {shown(location)} lies behind a link.")
        mark = hashlib.sha256(os.fsencode(location)).hexdigest()[:16]
        copy = self._copies / mark
        write_git_dir(
            copy,
            objects=(source / "objects",),
            head=commit,
            settings=self._private.settings,
            object_format=self._private.object_format,
        )
        git = Git(copy)
        if git.result("cat-file", "-e", f"{commit}^{{tree}}").exit_code:
            raise WorkspaceError(
                f"The submodule {shown(location)} is not there at {commit[:12]}; "
                "run `git submodule update` in your checkout, then run again."
            )
        (copy / "index").unlink(missing_ok=True)  # the folder was emptied, so all files are written
        target.mkdir(exist_ok=True)
        git.with_index(copy / "index", target).run("read-tree", "--reset", "-u", commit)
        return git


def _gitlinks(git: Git, tree: str) -> list[tuple[str, str]]:
    found = []
    for line in git.run("ls-tree", "-r", "-z", "--full-tree", tree).split(b"\0"):
        if line.startswith(b"160000"):
            facts, _, path = line.partition(b"\t")
            found.append((os.fsdecode(path), facts.split()[2].decode()))
    return found


def _names(git: Git, tree: str) -> dict[str, str]:
    """Return path -> name from the .gitmodules of a tree; the rest of it is ignored."""
    listed = git.run("ls-tree", "-z", "--full-tree", tree, "--", ".gitmodules")
    if not listed.startswith(b"100"):
        return {}
    oid = listed.split()[2].decode()
    answer = git.result("config", "--blob", oid, "--list", "-z")
    names = {}
    for item in answer.stdout.split(b"\0"):
        key, _, value = os.fsdecode(item).partition("\n")
        if key.startswith("submodule.") and key.endswith(".path"):
            names[value] = key.removeprefix("submodule.").removesuffix(".path")
    return names


_SUBMODULE = b"160000"
_LARGEST = 32 << 20  # bytes of a file that a command wrote


class Workspace:
    """A folder of working files. One reset at a time, under the run's lock.

    Its index is beside the folder, so that a command cannot reach it.
    """

    def __init__(self, private: PrivateRepo, folder: Path, filling: Filling | None = None) -> None:
        self.private = private
        self.folder = folder
        self.filling = filling or Filling()
        self.index = folder.with_name(folder.name + ".index")

    @property
    def needed_folders(self) -> tuple[Path, ...]:
        """The folders that a sandbox has to make readable too: git's objects."""
        return self.private.object_folders

    def reset(self, tree: str, *, history: bool = True) -> Path:
        """Put exactly the files of `tree` into the folder and return it.

        Everything else is deleted, as leftovers of one tree's code must not affect the next one.
        Without `history` its `.git` has one commit of this tree and no other object. Links are
        never followed. The folder and its `.git` are new ones, so the rights of a program that
        still runs in the old folder end with that.
        """
        self._own_folder()
        remove_tree(self.folder / ".git")
        files, submodules = self._listing(tree)
        _Sweep(self.folder, files, submodules).run()
        self._lock_file().unlink(missing_ok=True)  # left by a killed reset: the index is ours
        git = self.private.git.with_index(self.index, self.folder)
        try:
            git.run("read-tree", "--reset", "-u", tree)
        except WorkspaceError:
            # A damaged index only caches what the files show.
            self.index.unlink(missing_ok=True)
            self._lock_file().unlink(missing_ok=True)
            git.run("read-tree", "--reset", "-u", tree)
        require_distinct_names(self.private, tree, self.folder.parent)
        self.filling.fill(self.private, tree, self.folder)
        if history:
            self._write_git_dir()
        else:
            self._write_git_dir_of(tree)
        return self.folder

    def taken(self, tree: str, leave: Collection[str]) -> str:
        """Return `tree` with the changes of commands since the reset.

        Left out are files ignored by the tree's .gitignore, all below folders whose name is in
        `leave` (installed dependencies), links that lead out of the workspace, other entries than
        files, and files of more than 32 MB. Raises WorkspaceError for what git cannot store.
        """
        git = self.private.git.with_index(self.index, self.folder)
        git.run("read-tree", "--reset", tree)
        gone, there = changed_paths(git)
        filtered = filters(git, there)
        left = {os.fsencode(name) for name in leave}
        kept = [
            path
            for path in there
            if not left & set(path.split(b"/"))
            and os.fsdecode(path) not in filtered
            and self._is_ordinary(self.folder / os.fsdecode(path))
        ]
        store(git, gone, kept)
        return git.text("write-tree")

    def _is_ordinary(self, path: Path) -> bool:
        """Return whether a path that a command wrote is a file, or a link that stays inside."""
        found = path.lstat()
        if stat.S_ISLNK(found.st_mode):
            # Not `resolve`, which fails for cyclic links.
            return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(self.folder))
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return False
        if not found.st_mode & stat.S_IRUSR:
            path.chmod(found.st_mode | stat.S_IRUSR)
        return True

    def remove(self) -> None:
        """Delete the folder and its index."""
        remove_tree(self.folder)
        self.index.unlink(missing_ok=True)
        self._lock_file().unlink(missing_ok=True)

    def _own_folder(self) -> None:
        if self.folder.is_symlink() or (self.folder.exists() and not self.folder.is_dir()):
            remove_tree(self.folder)
        old = self.folder.with_name(self.folder.name + ".old")
        try:
            if old.is_symlink() or old.exists():  # left by a killed reset
                remove_tree(old)
            if self.folder.is_dir():
                self.folder.rename(old)
            self.folder.mkdir(mode=0o700, parents=True)
            if old.is_dir():
                self._take_over(old)
                remove_tree(old)
        except OSError as error:
            raise WorkspaceError(f"The workspace {self.folder} cannot be made: {error}.") from error

    def _take_over(self, old: Path) -> None:
        """Move the content of the old folder, as most of it is in the next tree too."""
        old.chmod(stat.S_IRWXU)
        with os.scandir(old) as entries:
            for entry in list(entries):
                if entry.is_dir(follow_symlinks=False):
                    os.chmod(entry.path, stat.S_IRWXU)  # noqa: PTH101 - moving it writes its `..`
                os.rename(entry.path, self.folder / entry.name)  # noqa: PTH104 - names as they are

    def _lock_file(self) -> Path:
        return self.index.with_name(self.index.name + ".lock")

    def _listing(self, tree: str) -> tuple[set[bytes], set[bytes]]:
        files: set[bytes] = set()
        submodules: set[bytes] = set()
        output = self.private.git.run("ls-tree", "-r", "-z", "--full-tree", tree)
        for line in output.split(b"\0"):
            if line:
                facts, _, path = line.partition(b"\t")
                (submodules if facts.startswith(_SUBMODULE) else files).add(path)
        return files, submodules

    def _write_git_dir(self) -> None:
        """Write the `.git` for build tools; it is never read back."""
        private = self.private
        folder = self.folder / ".git"
        branch = private.branch
        write_git_dir(
            folder,
            objects=(private.folder / "objects",),
            head=f"ref: refs/heads/{branch}" if branch else private.head,
            settings=private.settings,
            object_format=private.object_format,
            bare=False,
        )
        refs = (private.folder / "packed-refs").read_bytes()
        if branch and private.head:
            refs += f"{private.head} refs/heads/".encode() + os.fsencode(branch) + b"\n"
        (folder / "packed-refs").write_bytes(refs)
        (folder / "info/exclude").write_bytes(read_plain(private.folder / BUILD_EXCLUDES))
        if (private.folder / "shallow").is_file():
            shutil.copyfile(private.folder / "shallow", folder / "shallow")
        shutil.copy2(self.index, folder / "index")  # with its time stamp: git compares it

    def _write_git_dir_of(self, tree: str) -> None:
        private = self.private
        folder, branch = self.folder / ".git", private.branch or "main"
        write_git_dir(
            folder,
            objects=(),
            head=f"ref: refs/heads/{branch}",
            settings=private.settings,
            object_format=private.object_format,
            bare=False,
        )
        who = ("reviewloop", "reviewloop@localhost")
        commit = private.commit(tree, (), "Where you begin", who, who, date="1000000000 +0000")
        pack = str(folder / "objects/pack/pack")
        quick = ("--quiet", "--window=0")  # finding similar objects takes a second
        private.git.run("pack-objects", "--revs", *quick, pack, input=f"{commit}\n".encode())
        refs = b"# pack-refs with:\n" + f"{commit} refs/heads/".encode() + os.fsencode(branch)
        (folder / "packed-refs").write_bytes(refs + b"\n")
        shutil.copy2(self.index, folder / "index")


class _Sweep:
    """Deletes what a tree does not hold; afterwards only real folders lead to its files."""

    def __init__(self, folder: Path, files: set[bytes], submodules: set[bytes]) -> None:
        self._root = os.fsencode(folder)
        self._files = files
        self._folders = {path[:end] for path in files | submodules for end in _slashes(path)}

    def run(self) -> None:
        todo = [b""]
        while todo:
            prefix = todo.pop()
            folder = self._root + b"/" + prefix
            if os.lstat(folder).st_mode & stat.S_IRWXU != stat.S_IRWXU:
                Path(os.fsdecode(folder)).chmod(stat.S_IRWXU)  # a command may have closed it
            with os.scandir(folder) as entries:
                for entry in list(entries):
                    path = prefix + entry.name
                    if not self._belongs(path, entry):
                        remove_tree(Path(os.fsdecode(entry.path)))
                    elif path in self._folders:
                        todo.append(path + b"/")

    def _belongs(self, path: bytes, entry: "os.DirEntry[bytes]") -> bool:
        if path in self._files:
            return entry.is_symlink() or entry.is_file(follow_symlinks=False)
        # Git creates an empty folder for a submodule again.
        return path in self._folders and entry.is_dir(follow_symlinks=False)


def _slashes(path: bytes) -> Iterator[int]:
    position = path.find(b"/")
    while position >= 0:
        yield position
        position = path.find(b"/", position + 1)
