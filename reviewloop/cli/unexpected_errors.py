"""Messages for failures that are not a `ReviewLoopError`: of the machine, and our own bugs."""

import errno
import os
import platform
import sqlite3
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from reviewloop import __version__
from reviewloop.store.folders import private_folder, state_root

_LIBRARIES = ("langgraph", "langchain", "langchain-aws", "boto3", "pydantic", "rich", "click")
_DISK_FULL = {errno.ENOSPC, errno.EDQUOT}
_NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}


def expected_failure(error: BaseException) -> str:
    """Return one sentence for a failure of the machine that the user can fix, else ""."""
    for cause in _causes(error):
        if isinstance(cause, MemoryError):
            return "the memory that this process may use is not enough; nothing is lost: give more"
        if isinstance(cause, OSError) and cause.errno in _DISK_FULL:
            where = f" (writing {cause.filename})" if cause.filename else ""
            return _full(where)
        if isinstance(cause, sqlite3.OperationalError) and "full" in str(cause):
            return _full("")
        if isinstance(cause, sqlite3.OperationalError) and _is_not_writable(cause):
            return f"the state folder cannot be written ({cause}); check its disk and who owns it"
        if isinstance(cause, OSError) and cause.errno in _NOT_ALLOWED and cause.filename:
            return f"{cause.filename}: {os.strerror(cause.errno or 0).lower()}; check who owns it"
    return ""


def bug_report(error: BaseException, arguments: Sequence[str] | None) -> str:
    """Write a log with versions and traceback; return the sentence that names it."""
    head = f"this is a bug in reviewloop ({type(error).__name__})"
    trace = without_secrets("".join(traceback.format_exception(error)))
    try:
        path = _log_path()
        facts = without_secrets("\n".join(_facts(arguments)))
        path.write_text(f"{facts}\n\n{trace}", encoding="utf-8", errors="replace")
    except OSError as problem:
        sys.stderr.write(trace)
        return f"{head}; the log above could not be written to a file ({problem.strerror})"
    return f"{head}; nothing is lost; please report it with the log {path}"


def without_secrets(text: str) -> str:
    """Return the redacted text; "" where redaction fails."""
    try:
        from reviewloop.app.redactors import redactor_here

        return redactor_here().for_people(text)
    except Exception as error:  # noqa: BLE001  # the last message of all must not fail
        return f"(left out, because its secrets could not be hidden: {type(error).__name__})\n"


def _is_not_writable(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended code
    return code in {sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN}


def _full(where: str) -> str:
    return (
        f"the disk is full{where}; the run is kept as it was: free some space "
        "(`reviewloop clean` removes old runs), then `reviewloop resume`"
    )


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _log_path() -> Path:

    folder = private_folder(state_root() / "logs")
    return folder / f"bug-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"


def _facts(arguments: Sequence[str] | None) -> Iterator[str]:
    from importlib.metadata import PackageNotFoundError, version

    yield f"reviewloop {__version__}"
    yield f"python {platform.python_version()} on {platform.platform()}"
    for name in _LIBRARIES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is not installed"
    yield f"arguments: {list(sys.argv[1:] if arguments is None else arguments)}"
