"""The audit trail as text, CSV, Markdown and an HTML page that loads nothing."""

import csv
import html
import io
from collections.abc import Callable, Mapping, Sequence

Row = Mapping[str, object]
"""A row as it is stored; releases differ in what they store, so each value is looked at."""
_COLUMNS: Mapping[str, Callable[[Row], str]] = {
    "number": lambda row: _text(row, "number"),
    "when": lambda row: _text(row, "when"),
    "kind": lambda row: _text(row, "kind"),
    "run": lambda row: _text(row, "run"),
    "task": lambda row: _text(row, "task"),
    "title": lambda row: _text(row, "title"),
    "commit": lambda row: _text(row, "commit"),
    "branch": lambda row: _text(row, "branch"),
    "approved by": lambda row: _people(row),
    "act": lambda row: _act(_part(row, "act")),
    "spec": lambda row: _text(_part(row, "spec"), "path"),
    "criteria": lambda row: " ".join(
        _text(one, "id") for one in _rows(_part(row, "spec"), "criteria")
    ),
    "models": lambda row: "; ".join(
        dict.fromkeys(filter(None, (_text(one, "model") for one in _rows(row, "agents"))))
    ),
    "agents": lambda row: "; ".join(_digested(one, "name") for one in _rows(row, "agents")),
    "steering": lambda row: "; ".join(_digested(one, "path") for one in _rows(row, "steering")),
    "gates": lambda row: "; ".join(
        f"{_text(one, 'name')}: {_text(one, 'status')}" for one in _rows(row, "gates")
    ),
    "findings": lambda row: "; ".join(
        f"{count} {name}" for name, count in _part(_part(row, "findings"), "counts").items()
    ),
    "not fixed": lambda row: "; ".join(map(_not_fixed, _rows(_part(row, "findings"), "not_fixed"))),
    "dismissed": lambda row: "; ".join(
        f"{_text(one, 'title')}: {_text(one, 'reason')}" for one in _rows(row, "dismissed")
    ),
    "hooks": lambda row: "; ".join(map(str, _listed(row, "hooks"))),
    "rounds": lambda row: _text(row, "rounds"),
    "cost usd": lambda row: _cost(row.get("cost_usd")),
    "hash": lambda row: _text(row, "hash"),
}
_SHORT = ("when", "run", "title", "commit", "approved by", "gates", "findings", "cost usd")
_FORMULAS = ("=", "+", "-", "@", "\t", "\r")  # cells that a spreadsheet reads as a formula

_STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1a1a1a; background: #fff }
table { border-collapse: collapse; width: 100% } th, td { border-bottom: 1px solid #ddd;
padding: .4rem .6rem; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { position: sticky; top: 0; background: #f6f6f6 }
@media (prefers-color-scheme: dark) { body { color: #eee; background: #161616 }
th { background: #222 } th, td { border-color: #333 } }
"""


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    return "" if value is None else str(value)


def _part(row: Row, name: str) -> Row:
    part = row.get(name)
    return part if isinstance(part, Mapping) else {}


def _listed(row: Row, name: str) -> Sequence[object]:
    values = row.get(name)
    return values if isinstance(values, list | tuple) else ()


def _rows(row: Row, name: str) -> list[Row]:
    return [one for one in _listed(row, name) if isinstance(one, Mapping)]


def _digested(one: Row, name: str) -> str:
    return f"{_text(one, name)} {_text(one, 'digest')[:12]}"


def _not_fixed(one: Row) -> str:
    what = f"{_text(one, 'severity')} {_text(one, 'where')} {_text(one, 'title')}"
    return f"{what}: {_text(one, 'reason') or _text(one, 'status')}"


def _cost(usd: object) -> str:
    return f"{usd:.4f}" if isinstance(usd, int | float) else ""


def _people(row: Row) -> str:
    """Return the approvers."""
    several = "; ".join(_text(one, "by") for one in _rows(row, "approvals"))
    return several or _text(row, "approved_by")


def _act(act: Row) -> str:
    return " ".join(f"{name}={value}" for name, value in sorted(act.items()) if value)


def audit_csv(rows: Sequence[Row]) -> str:
    """Return all columns as CSV; a cell that a spreadsheet would read as a formula is quoted."""
    return csv_of([*_COLUMNS], [[cell(row) for cell in _COLUMNS.values()] for row in rows])


def csv_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table as CSV in which no cell is a formula."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(header)
    writer.writerows([_plain(cell) for cell in row] for row in rows)
    return out.getvalue()


def _plain(text: str) -> str:
    return f"'{text}" if text.startswith(_FORMULAS) else text


def audit_markdown(rows: Sequence[Row]) -> str:
    """Return the main columns as a table."""
    lines = [f"| {' | '.join(_SHORT)} |", f"|{' --- |' * len(_SHORT)}"]
    for row in rows:
        cells = (" ".join(_COLUMNS[name](row).split()) for name in _SHORT)
        lines.append(f"| {' | '.join(html.escape(c).replace('|', '&#124;') for c in cells)} |")
    return "\n".join(lines) + "\n"


def audit_text(rows: Sequence[Row]) -> str:
    """Return one paragraph for each row."""
    parts = []
    for row in rows:
        number, when, kind = (_text(row, name) for name in ("number", "when", "kind"))
        head = f"{number}. {when} {kind} {_text(row, 'commit')[:10]}"
        shown = [f"{head} {_text(row, 'title')}".rstrip()]
        for name in ("approved by", "act", "models", "gates", "findings", "not fixed", "dismissed"):
            if text := _COLUMNS[name](row):
                shown.append(f"   {name}: {text}")
        parts.append("\n".join(shown))
    return "\n".join(parts) + "\n" if parts else ""


def audit_html(rows: Sequence[Row]) -> str:
    """Return one page with a table of all columns."""
    head = "".join(f"<th>{html.escape(name)}</th>" for name in _COLUMNS)
    body = "\n".join(
        "<tr>"
        + "".join(f"<td>{html.escape(cell(row))}</td>" for cell in _COLUMNS.values())
        + "</tr>"
        for row in rows
    )
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>Audit trail</title>'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        f"style-src 'unsafe-inline'\"><style>{_STYLE}</style></head>\n<body><h1>Audit trail</h1>"
        f"<table><thead><tr>{head}</tr></thead><tbody>\n{body}\n</tbody></table></body></html>\n"
    )
