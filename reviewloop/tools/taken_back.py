"""What a program wrote is held to the same rules as fs_write: what may not change is put back."""

from reviewloop.git.paths import UnsafePathError
from reviewloop.git.private import PrivateRepo
from reviewloop.tools.answers import CallRefusedError
from reviewloop.tools.filetext import decode
from reviewloop.tools.policy import WritePolicy
from reviewloop.tools.writing import refuse_settings


def allowed_part(
    private: PrivateRepo, before: str, after: str, policy: WritePolicy
) -> tuple[str, tuple[str, ...]]:
    """Return the tree without the edits that the policy refuses, and why each was refused.

    Where a file cannot be put back by itself, nothing of the program's edits is kept.
    """
    if before == after:
        return after, ()
    old, content, modes, reasons = private.reader(before), {}, {}, []
    for file in private.change(before, after).files:
        for path in dict.fromkeys((file.path, file.old_path)):
            reason = policy.refusal(path) or _settings(private, before, after, path)
            if not reason:
                continue
            reasons.append(reason)
            entry = old.entry(path)
            content[path] = None if entry is None else private.read(before, path)
            if entry is not None:
                modes[path] = entry.mode
    if not reasons:
        return after, ()
    try:
        kept = private.edit(after, content, modes)
    except UnsafePathError as error:
        return before, (*reasons, f"so nothing was kept: {error}")
    left = [file.path for file in private.change(before, kept).files if file.path in content]
    return (before if left else kept), tuple(reasons)


def _settings(private: PrivateRepo, before: str, after: str, path: str) -> str:
    texts = [private.read(tree, path) for tree in (before, after)]
    try:
        refuse_settings(path, *(None if text is None else decode(text) for text in texts))
    except CallRefusedError as refused:
        return str(refused)
    return ""
