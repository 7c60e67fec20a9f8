"""The sentences about what models have read of a change, the same in every format."""

from collections.abc import Iterator

from reviewloop.output.code_view import shown_path
from reviewloop.output.figures import counted
from reviewloop.output.readership import FileRead, PartRead, Readership, files_by_reason
from reviewloop.output.untrusted import one_line

_NAMED = 5  # files of one reason


def read_words(read: Readership) -> str:
    """Return `14 files in 3 parts; 2 not read: over the budget`."""
    words = counted(len(read.files), "file")
    if read.since:
        words += f" pushed since {read.since[:7]} (the rest was read before)"
    if len(read.parts) > 1:
        words += f" in {len(read.parts)} parts"
    for reason, files in files_by_reason(read.unread):
        words += f"; {len(files)} not read: {one_line(reason)}"
    return words


def unread_words(read: Readership) -> str:
    """Return `2 files were read by no model: a.py, b.py (over the budget)`, "" for none."""
    if not read.unread:
        return ""
    told = (
        f"{_names(files)} ({one_line(reason)})" for reason, files in files_by_reason(read.unread)
    )
    count = counted(len(read.unread), "file was", "files were")
    return f"{count} read by no model: {'; '.join(told)}"


def missed_words(read: Readership) -> Iterator[str]:
    """Yield a line for each part that somebody did not read: who did, who did not, and why."""
    for part in read.parts:
        if part.missed:
            yield f"part {part.number} of {len(read.parts)} {_missed(part)}"


def share_words(file: FileRead) -> str:
    """Return how one file was read: `whole`, `in parts 2, 3`, `not: over the budget`."""
    if file.share == "whole":
        return "whole"
    if file.share == "in parts":
        return f"in parts {', '.join(map(str, file.parts))}"
    return f"{'not' if file.share == 'not' else 'only partly'}: {one_line(file.reason)}"


def _missed(part: PartRead) -> str:
    everybody = len(part.by) + len(part.missed)
    reasons: dict[str, list[str]] = {}
    for name, why in part.missed:
        reasons.setdefault(one_line(why), []).append(one_line(name))
    if not part.by and len(reasons) == 1:
        told = f"nobody: {next(iter(reasons))}"
    else:
        some = (f"not by {', '.join(names)}: {why}" for why, names in reasons.items())
        told = f"{len(part.by)} of {everybody}, {'; '.join(some)}"
    return f"({counted(part.files, 'file')}): read by {told}"


def _names(files: list[FileRead]) -> str:
    names = ", ".join(shown_path(file.path) for file in files[:_NAMED])
    return names + (f" and {len(files) - _NAMED} more" if len(files) > _NAMED else "")
