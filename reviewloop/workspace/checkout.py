"""The working files that commands run on: exactly one tree, with a `.git` to throw away."""

import os
import shutil
import stat
from collections.abc import Collection, Iterator
from pathlib import Path

from reviewloop.errors import WorkspaceError
from reviewloop.workspace.distrusted import read_plain
from reviewloop.workspace.filling import Filling
from reviewloop.workspace.names import require_distinct_names
from reviewloop.workspace.private import PrivateRepo
from reviewloop.workspace.skeleton import write_git_dir
from reviewloop.workspace.snapshot import changed_paths, filters, store
from reviewloop.workspace.userrepo import BUILD_EXCLUDES
from reviewloop.workspace.written import remove_tree

_SUBMODULE = b"160000"
_LARGEST = 32 << 20  # bytes of a file that a command wrote


class Workspace:
    """A folder of working files. One reset at a time; the run's lock sees to that.

    Its index stands beside the folder, not in it, so that a command cannot reach it.
    """

    def __init__(self, private: PrivateRepo, folder: Path, filling: Filling | None = None) -> None:
        self.private = private
        self.folder = folder
        self.filling = filling or Filling()
        self.index = folder.with_name(folder.name + ".index")

    @property
    def needed_folders(self) -> tuple[Path, ...]:
        """What a sandbox has to let commands read besides the folder: git's objects."""
        return self.private.object_folders

    def reset(self, tree: str) -> Path:
        """Put exactly the files of `tree` into the folder and return it.

        Everything else goes: what the code of one tree left behind must not meet the next one's.
        Links are never followed. The folder and the `.git` in it are made anew, whatever became of
        the last ones: what a program may do in a folder ends with it, should one still be alive.
        """
        self._own_folder()
        remove_tree(self.folder / ".git")
        files, submodules = self._listing(tree)
        _Sweep(self.folder, files, submodules).run()
        self._lock_file().unlink(missing_ok=True)  # of a reset that was killed: the index is ours
        git = self.private.git.with_index(self.index, self.folder)
        try:
            git.run("read-tree", "--reset", "-u", tree)
        except WorkspaceError:
            # An index damaged by a crash tells nothing that the files do not tell, only faster.
            self.index.unlink(missing_ok=True)
            self._lock_file().unlink(missing_ok=True)
            git.run("read-tree", "--reset", "-u", tree)
        require_distinct_names(self.private, tree, self.folder.parent)
        self.filling.fill(self.private, tree, self.folder)
        self._write_git_dir()
        return self.folder

    def taken(self, tree: str, leave: Collection[str]) -> str:
        """Return `tree` with what commands wrote since the folder was reset to it.

        Files that the tree's .gitignore names are left, like all below folders whose name is in
        `leave` (installed dependencies), links that lead out of the workspace, what is no file, and
        files of more than 32 MB. Raises WorkspaceError for what git cannot take.
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

    def _is_ordinary(self, place: Path) -> bool:
        """Whether a path that a command wrote is a file, or a link that stays inside."""
        found = place.lstat()
        if stat.S_ISLNK(found.st_mode):
            # Not `resolve`, for which links in a circle are an error.
            return Path(os.path.realpath(place)).is_relative_to(os.path.realpath(self.folder))
        if not stat.S_ISREG(found.st_mode) or found.st_size > _LARGEST:
            return False
        if not found.st_mode & stat.S_IRUSR:
            place.chmod(found.st_mode | stat.S_IRUSR)
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
            if old.is_symlink() or old.exists():  # of a reset that was killed
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
        """Move what stood in the folder: most of it is of the next tree, too."""
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
        """Write the `.git` that build tools ask; nothing ever reads it back."""
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


class _Sweep:
    """Removes what a tree does not hold; afterwards only real folders lead to its files."""

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
        # An empty folder for a submodule comes back by itself.
        return path in self._folders and entry.is_dir(follow_symlinks=False)


def _slashes(path: bytes) -> Iterator[int]:
    position = path.find(b"/")
    while position >= 0:
        yield position
        position = path.find(b"/", position + 1)
