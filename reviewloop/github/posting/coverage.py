"""What a review read, what it left out and why, who looked, and what that cost."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import AnalyserStatus
from reviewloop.github.comments.untrusted import code, sanitised_line
from reviewloop.render.code_view import shown_path
from reviewloop.render.report import Readership, ReviewReport
from reviewloop.render.review_words import (
    counted_reason,
    found_words,
    missed_words,
    of_status,
    read_words,
    share_words,
    skipped_by_reason,
    unlisted_words,
)
from reviewloop.render.text import cached_share, counted, duration, money, share, tokens

_FILES_SHOWN = 150  # of the files read, and of those left out for one reason
_LONGEST_PATH = 150
_KINDS = ("input", "output", "cache_read", "cache_write")


def spent(report: ReviewReport) -> str:
    """Return time, tokens and money of a review in words."""
    used = sum(int(report.usage.get(kind) or 0) for kind in _KINDS)
    if report.model == "none" or not used:
        return f"{duration(report.seconds)}, no model was asked"
    about = "about " if report.usage.get("estimated") else ""
    cost = money(report.usage.get("cost_usd"))
    cached = share(cached_share(report.usage))
    from_cache = f" ({cached} of the input cached)" if report.usage.get("cache_read") else ""
    return f"{duration(report.seconds)}, {about}{tokens(used)} tokens{from_cache}, {cost}"


def coverage(report: ReviewReport) -> Iterator[str]:
    """Yield the blocks that open on a click; none when there was nothing to review at all."""
    if not report.reviewed and not report.skipped and not report.notes:
        return
    yield _folded("How this was reviewed", _how(report))
    read = [f"- {_name(file.path)}" for file in report.reviewed]
    if report.readership and not report.readership.plain:
        yield from _read_by_models(report.readership)
    if read:
        yield _folded(f"Reviewed: {counted(len(read), 'file')}", _some(read))
    for reason, files in skipped_by_reason(report):
        names = [f"- {_name(file.path)}" for file in files]
        title = f"Skipped: {counted(len(files), 'file')}, {sanitised_line(reason)}"
        yield _folded(title, _some(names))


def _read_by_models(read: Readership) -> Iterator[str]:
    """Yield which files models read, in which parts, and who did not; what nobody read first."""
    lines = [f"- {sanitised_line(line)}" for line in missed_words(read)]
    lines += ["", "| file | read | by |", "|---|---|--:|"]
    everybody = max((len(part.by) + len(part.missed) for part in read.parts), default=0)
    rows = [
        f"| {_cell(_name(file.path))} | {sanitised_line(share_words(file))} "
        f"| {len(file.by)} of {everybody} |"
        for file in sorted(read.files, key=lambda file: file.read)
    ]
    if len(rows) > _FILES_SHOWN:
        rows[_FILES_SHOWN:] = [f"| … and {len(rows) - _FILES_SHOWN} more | | |"]
    yield _folded(f"Models read: {sanitised_line(read_words(read))}", [*lines, *rows])


def _cell(text: str) -> str:
    """Return inline code that ends no cell of a table."""
    return text.replace("|", "\\|")


def _how(report: ReviewReport) -> list[str]:
    lines = ["| reviewer | status | findings | time | tokens | cost |", "|---|---|--:|--:|--:|--:|"]
    for agent in report.agents:
        used = sum(agent.tokens.values())
        cost = money(agent.cost_usd) if used else ""
        found = found_words(report, agent)
        cells = (sanitised_line(agent.name), agent.status, found, duration(agent.seconds))
        lines.append(f"| {' | '.join(map(str, cells))} | {tokens(used) if used else ''} | {cost} |")
    lines.append("")
    if report.skipped:
        reasons = ", ".join(
            counted_reason(len(files), sanitised_line(reason))
            for reason, files in skipped_by_reason(report)
        )
        lines.append(f"- Skipped: {counted(len(report.skipped), 'file')} ({reasons})")
    for label, status in (
        ("Analysers", AnalyserStatus.DONE),
        ("Not installed", AnalyserStatus.MISSING),
        ("Not checked", AnalyserStatus.NOT_CHECKED),
    ):
        names = [code(f"{one.name} {one.version}") for one in of_status(report, status)]
        lines += [f"- {label}: {', '.join(names)}"] if names else []
    if report.model != "none":
        lines.append(f"- Model: {code(report.model)}")
    if report.below:
        lines.append(f"- Not listed: {unlisted_words(report)} below `min_severity`")
    return lines + [f"- {sanitised_line(note)}" for note in report.notes]


def _name(path: str) -> str:
    shown = shown_path(path)
    return code(shown if len(shown) <= _LONGEST_PATH else f"…{shown[1 - _LONGEST_PATH :]}")


def _some(lines: Sequence[str]) -> list[str]:
    if len(lines) <= _FILES_SHOWN:
        return list(lines)
    return [*lines[:_FILES_SHOWN], f"- … and {len(lines) - _FILES_SHOWN} more"]


def _folded(title: str, lines: Sequence[str]) -> str:
    text = "\n".join(lines).strip("\n")
    return f"<details><summary>{title}</summary>\n\n{text}\n\n</details>"
