"""The audit trail as text, CSV, Markdown and an HTML page that loads nothing."""

import csv
import html
import io
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = Mapping[str, Any]
_COLUMNS: dict[str, Callable[[Row], str]] = {
    "number": lambda row: str(row["number"]),
    "when": lambda row: str(row.get("when", "")),
    "kind": lambda row: str(row["kind"]),
    "run": lambda row: str(row["run"]),
    "task": lambda row: str(row.get("task", "")),
    "title": lambda row: str(row.get("title", "")),
    "commit": lambda row: str(row["commit"]),
    "branch": lambda row: str(row.get("branch", "")),
    "approved by": lambda row: _people(row),
    "act": lambda row: _act(row.get("act", {})),
    "spec": lambda row: str(row.get("spec", {}).get("path", "")),
    "criteria": lambda row: " ".join(one["id"] for one in row.get("spec", {}).get("criteria", ())),
    "models": lambda row: "; ".join(
        dict.fromkeys(one["model"] for one in row.get("agents", ()) if one["model"])
    ),
    "agents": lambda row: "; ".join(
        f"{a['name']} {a['digest'][:12]}" for a in row.get("agents", ())
    ),
    "steering": lambda row: "; ".join(
        f"{one['path']} {one['digest'][:12]}" for one in row.get("steering", ())
    ),
    "gates": lambda row: "; ".join(
        f"{one['name']}: {one['status']}" for one in row.get("gates", ())
    ),
    "findings": lambda row: "; ".join(
        f"{count} {name}" for name, count in row.get("findings", {}).get("counts", {}).items()
    ),
    "not fixed": lambda row: "; ".join(
        f"{one['severity']} {one['where']} {one['title']}: {one['reason'] or one['status']}"
        for one in row.get("findings", {}).get("not_fixed", ())
    ),
    "dismissed": lambda row: "; ".join(
        f"{one['title']}: {one['reason']}" for one in row.get("dismissed", ())
    ),
    "hooks": lambda row: "; ".join(map(str, row.get("hooks", ()))),
    "rounds": lambda row: str(row.get("rounds", "")),
    "cost usd": lambda row: "" if row.get("cost_usd") is None else f"{row['cost_usd']:.4f}",
    "hash": lambda row: str(row["hash"]),
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


def _people(row: Row) -> str:
    """Return the approvers."""
    several = "; ".join(str(one["by"]) for one in row.get("approvals", ()))
    return several or str(row.get("approved_by", ""))


def _act(act: Mapping[str, Any]) -> str:
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
        head = f"{row['number']}. {row.get('when', '')} {row['kind']} {row['commit'][:10]}"
        shown = [f"{head} {row.get('title', '')}".rstrip()]
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
