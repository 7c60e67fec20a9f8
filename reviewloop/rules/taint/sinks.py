"""All sinks by the last part of their name."""

from reviewloop.rules.taint import sinks_code, sinks_data, sinks_web
from reviewloop.rules.taint.sinks_code import Sink

ROWS: tuple[Sink, ...] = (
    *sinks_code.COMMAND,
    *sinks_code.CODE,
    *sinks_code.TEMPLATE,
    *sinks_code.PATHS,
    *sinks_web.PAGES,
    *sinks_web.REDIRECTS,
    *sinks_web.REQUESTS,
    *sinks_data.SQL,
    *sinks_data.LDAP,
    *sinks_data.XPATH,
    *sinks_data.OBJECTS,
    *sinks_data.XML,
    *sinks_data.NOSQL,
)


def _by_name() -> dict[str, tuple[Sink, ...]]:
    found: dict[str, list[Sink]] = {}
    for row in ROWS:
        found.setdefault(row.callee.rpartition(".")[2], []).append(row)
    return {name: tuple(rows) for name, rows in found.items()}


SINKS = _by_name()
