"""Writes the files of `--report`: the report of a batch, in a format for each file name."""

from collections.abc import Sequence
from pathlib import Path

from reviewloop.app.redactors import redactor_here
from reviewloop.checkout.files import refuse_links
from reviewloop.domain.batch_report import BatchReport
from reviewloop.domain.errors import UsageError
from reviewloop.render.batch import FORMATS
from reviewloop.store.redaction import redact_record


def require_reports(names: Sequence[str]) -> None:
    """Raise `UsageError` for a file that the report could not be written to."""
    for name in names:
        if Path(name).suffix not in FORMATS:
            raise UsageError(f"--report {name}: name a file that ends in {', '.join(FORMATS)}")
        if Path(name).is_dir():
            raise UsageError(f"--report {name}: this is a folder; name a file")
        if not Path(name).absolute().parent.is_dir():
            raise UsageError(f"--report {name}: its folder does not exist; make it first")
        refuse_links(name)


def write_reports(names: Sequence[str], report: BatchReport) -> None:
    """Write the redacted report, in the formats of the files' names."""
    for name in names:
        text = FORMATS[Path(name).suffix](redact_record(report, redactor_here().redact_held))
        Path(name).write_text(text, encoding="utf-8", errors="replace")
