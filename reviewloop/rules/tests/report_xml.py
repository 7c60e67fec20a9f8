"""Reads the XML of reports, which tests of unknown code wrote: no entities, a cap on the size."""

from collections.abc import Callable
from xml.parsers import expat

StartHandler = Callable[[str, dict[str, str]], None]
EndHandler = Callable[[str], None]

MOST_BYTES = 64 * 1024 * 1024


class UnreadableReportError(Exception):
    """A report that is missing, too long, malformed, or tries more than a report needs."""


def parse_xml(name: str, data: bytes, start: StartHandler, end: EndHandler) -> None:
    """Hand over a document's elements; entities are refused, because a report needs none.

    `name` is what errors call the report. Raises UnreadableReportError.
    """
    refuse_long(name, len(data))
    parser = expat.ParserCreate()
    parser.StartElementHandler = lambda tag, attributes: start(_local(tag), attributes)
    parser.EndElementHandler = lambda tag: end(_local(tag))
    parser.EntityDeclHandler = _refuse_entity
    try:
        parser.Parse(data, True)
    except expat.ExpatError as error:
        raise UnreadableReportError(f"{name} cannot be read: {error}") from error


def refuse_long(name: str, size: int) -> None:
    """Raise UnreadableReportError for a report of too many bytes."""
    if size > MOST_BYTES:
        raise UnreadableReportError(f"{name} is longer than {MOST_BYTES // 1024 // 1024} MB")


def _local(tag: str) -> str:
    return tag.rsplit(":", 1)[-1]


def _refuse_entity(*_: object) -> None:
    raise UnreadableReportError("the report declares entities")
