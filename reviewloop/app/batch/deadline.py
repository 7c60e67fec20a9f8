"""When a batch has to stop: a time of day, a time from now, or a date with its time."""

import re
import time
from datetime import datetime, timedelta

from reviewloop.domain.errors import UsageError

_SPAN = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?:in)?)?")
_CLOCK = re.compile(r"(\d{1,2}):(\d{2})")


def read_deadline(text: str, now: float | None = None) -> float:
    """Return the deadline in seconds since the epoch, 0 for "none".

    Raises `UsageError` for what is no time, and for a time that has passed.
    """
    written = text.strip()
    if written.lower() == "none":
        return 0.0
    at = time.time() if now is None else now
    try:
        found = _read(written, datetime.fromtimestamp(at).astimezone())
        ends = found.timestamp() if found else 0.0
    except (OverflowError, ValueError):  # before the first year or after the last one
        found = None
    if found is None:
        raise UsageError(
            f"--deadline {text!r} is no time; write 07:00, 8h, 90m, 2026-01-31T07:00, or none"
        )
    if ends <= at:
        raise UsageError(f"--deadline {text!r} has passed already")
    return ends


def _read(text: str, now: datetime) -> datetime | None:
    span = _SPAN.fullmatch(text)
    if span and any(span.groups()):
        return now + timedelta(hours=int(span[1] or 0), minutes=int(span[2] or 0))
    if clock := _CLOCK.fullmatch(text):
        hour, minute = int(clock[1]), int(clock[2])
        if hour > 23 or minute > 59:
            return None
        today = now.replace(hour=hour, minute=minute, second=0, microsecond=0)
        return today if today > now else today + timedelta(days=1)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.astimezone()
