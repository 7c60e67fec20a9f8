"""Exports a tree to files for a coding agent in its cage, and imports its edits."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from reviewloop.checkout.export import steers_agents
from reviewloop.checkout.workspace import Workspace
from reviewloop.domain.errors import NoAnswerError, WorkspaceError
from reviewloop.git.diff import FileChange
from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.llm.messages import RecordedEdit, Taken
from reviewloop.secrets import MisplacedSecretError, Redactor
from reviewloop.tools.arguments import shown_name
from reviewloop.tools.reading import decode, encode, is_binary

_LARGEST_RECORD = 4 << 20  # bytes


@dataclass
class AgentWorkspace:
    """A folder with the files of a redacted tree, and the import of the edits made there.

    `leave` are names of folders that are never imported, `allow` returns a tree without the edits
    that the agent may not make; `readable` returns what agents may read of a tree, `redacted` that
    without secrets and steering.
    """

    private: PrivateRepo
    workspace: Workspace
    redactor: Redactor
    leave: tuple[str, ...]
    allow: Callable[[str, str], tuple[str, tuple[str, ...]]]
    readable: Callable[[str], str]
    redacted: Callable[[str], str]

    @contextmanager
    def of(self, tree: str) -> Iterator[Path]:
        """Yield the folder with the files of `tree`."""
        self._begin(tree)
        yield self.workspace.reset(self._shown, history=False)  # kept for the next tree

    def replayed(self, tree: str, turn: Mapping[str, Any]) -> Taken:
        """Return the result of a recorded turn, replayed in another repository.

        Raises `NoAnswerError` for a turn whose edits were too large to be recorded.
        """
        if turn.get("edits") is None:
            raise NoAnswerError(
                "the recording does not hold the files of this turn: they are binary or too large"
            )
        self._begin(tree)
        content: dict[str, bytes | None] = {}
        modes: dict[str, str] = {}
        for edit in turn["edits"]:
            if edit["old"] != edit["path"]:
                content[edit["old"]] = None
            content[edit["path"]] = None if edit["text"] is None else encode(edit["text"])
            if edit["text"] is not None:
                modes[edit["path"]] = edit["mode"]
        return self._taken_of(self.private.edit(self._shown, content, modes))

    def _begin(self, tree: str) -> None:
        self._tree, self._readable = tree, self.readable(tree)
        self._shown = self.redacted(tree)

    def taken(self) -> Taken:
        """Return the tree with the edits that are in the folder now, with secrets restored."""
        try:
            written = self.workspace.taken(self._shown, leave=self.leave)
        except WorkspaceError as error:
            return Taken(self._tree, (f"nothing of the edits was kept: {error}",))
        return self._taken_of(written)

    def _taken_of(self, written: str) -> Taken:
        content: dict[str, bytes | None] = {}
        modes: dict[str, str] = {}
        refused: list[str] = []
        for file in self.private.change(self._shown, written).files:
            try:
                self._take(file, written, content, modes)
            except _RefusedError as error:
                refused.append(str(error))
        try:
            tree = self.private.edit(self._tree, content, modes)
        except UnsafePathError as error:
            return Taken(self._tree, (*refused, f"nothing of the edits was kept: {error}"))
        tree, more = self.allow(self._tree, tree)
        return Taken(tree, (*refused, *more), self._edits(written))

    def _edits(self, written: str) -> tuple[RecordedEdit, ...] | None:
        """Return the edits for a recording; None where that would be too large."""
        found: list[RecordedEdit] = []
        room = _LARGEST_RECORD
        for file in self.private.change(self._shown, written).files:
            data = None if file.status == "D" else self.private.read(written, file.path)
            room -= len(data or b"")
            if room < 0 or (data is not None and is_binary(data)):
                return None
            text = None if data is None else decode(data)
            mode = "" if data is None else file.new_mode
            found.append({"path": file.path, "old": file.old_path, "mode": mode, "text": text})
        return tuple(found)

    def _take(
        self,
        file: FileChange,
        written: str,
        content: dict[str, bytes | None],
        modes: dict[str, str],
    ) -> None:
        for path in dict.fromkeys((file.old_path, file.path)):
            if steers_agents(PurePosixPath(path)):
                raise _RefusedError(
                    f"{shown_name(path)} steers coding agents, so none of them may write it; leave "
                    "it, and mention in your summary what should change there"
                )
            if self._is_withheld(path):
                raise _RefusedError(
                    f"{shown_name(path)} is withheld from agents, so it cannot be written; leave it"
                )
        if file.old_path != file.path:
            content[file.old_path] = None
        if file.status == "D":
            content[file.path] = None
            return
        content[file.path] = self._unredacted(file, written)
        modes[file.path] = file.new_mode

    def _is_withheld(self, path: str) -> bool:
        trees = (self._tree, self._readable)
        real, readable = (self.private.reader(tree).entry(path) for tree in trees)
        return (real and real.oid) != (readable and readable.oid)

    def _unredacted(self, file: FileChange, written: str) -> bytes:
        data = self.private.read(written, file.path) or b""
        if data == self.private.read(self._shown, file.old_path):  # its mode or its name changed
            return self.private.read(self._tree, file.old_path) or data
        if is_binary(data):
            return data
        before = self.private.read(self._tree, file.old_path) or b""
        try:
            return encode(self.redactor.restored(decode(before), decode(data)))
        except MisplacedSecretError as error:
            raise _RefusedError(
                f"{shown_name(file.path)}: the new text holds {error.placeholder}, which stands "
                "for a secret, in a line that the file does not hold; leave such lines as they "
                "are, and read secrets from the environment"
            ) from None


def redacted_tree(
    private: PrivateRepo, readable: str, redactor: Redactor, known: dict[str, bytes | None]
) -> str:
    """Return the tree without steering files, and with placeholders for secrets.

    `known` caches the redacted content by blob, None for one without secrets.
    """

    def without_secrets(path: str) -> bytes | None:
        data = private.read(readable, path)
        if data is None or is_binary(data):
            return None
        text = decode(data)
        redacted = redactor.for_models(text)
        return None if redacted == text else encode(redacted)

    content: dict[str, bytes | None] = {}
    for entry in private.entries(readable):
        if steers_agents(PurePosixPath(entry.path)):
            content[entry.path] = None
        elif entry.kind in {"file", "executable"}:
            if entry.oid not in known:
                known[entry.oid] = without_secrets(entry.path)
            if (data := known[entry.oid]) is not None:
                content[entry.path] = data
    return private.edit(readable, content) if content else readable


class _RefusedError(Exception):
    """An edit that is not imported."""
