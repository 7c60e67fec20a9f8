"""The files that `--report` writes: checked before anything is paid, written at the end."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from reviewloop.app.held_values import redactor_here
from reviewloop.checkout.files import refuse_links
from reviewloop.domain.errors import UsageError
from reviewloop.render.batch import FORMATS
from reviewloop.store.redaction import hidden


def require_reports(names: Sequence[str]) -> None:
    """Raise `UsageError` for a file that the account could not be written to."""
    for name in names:
        if Path(name).suffix not in FORMATS:
            raise UsageError(f"--report {name}: name a file that ends in {', '.join(FORMATS)}")
        if Path(name).is_dir():
            raise UsageError(f"--report {name}: this is a folder; name a file")
        if not Path(name).absolute().parent.is_dir():
            raise UsageError(f"--report {name}: its folder does not exist; make it first")
        refuse_links(name)


def write_reports(names: Sequence[str], body: Mapping[str, Any]) -> None:
    """Write the account, without secrets, in the formats that the files' names ask for."""
    for name in names:
        text = FORMATS[Path(name).suffix](hidden(body, redactor_here().held))
        Path(name).write_text(text, encoding="utf-8", errors="replace")
