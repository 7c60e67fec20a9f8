"""The account of a batch as a file: Markdown, JSON or one HTML page that loads nothing."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from reviewloop.output.batch_words import sums, task_lines
from reviewloop.output.html.markup import joined, words
from reviewloop.output.json_report import json_report
from reviewloop.output.markdown_text import code, plain

Body = Mapping[str, Any]

_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8884;"
    "padding:.4rem .6rem;text-align:left;vertical-align:top}small{display:block;opacity:.75}"
    ":root{color-scheme:light dark}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def markdown(body: Body) -> str:
    """Return the account as Markdown."""
    lines = [f"# Batch of {code(body['spec'])}", "", plain(_about(body)), ""]
    lines += ["| task | state | what |", "|---|---|---|"]
    for row in body["tasks"]:
        said = "<br>".join([f"**{plain(row['title'])}**", *map(plain, _lines(row))])
        lines.append(f"| {plain(row['task'])} | {plain(row['state'])} | {said} |")
    lines += ["", plain(sums(body)), ""]
    lines += [f"- left out: {plain(sentence)}" for sentence in body["left_out"]]
    return "\n".join(lines).rstrip() + "\n"


def html(body: Body) -> str:
    """Return the account as a page."""
    rows = joined(_row(row) for row in body["tasks"])
    left = joined(f"<li>left out: {words(sentence)}</li>" for sentence in body["left_out"])
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_POLICY}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Batch of {words(body["spec"])}</title><style>{_STYLE}</style></head>
<body><h1>Batch of {words(body["spec"])}</h1>
<p>{words(_about(body))}</p>
<table><thead><tr><th>task</th><th>state</th><th>what</th></tr></thead>
<tbody>
{rows}
</tbody></table>
<p>{words(sums(body))}</p>
{f"<ul>{left}</ul>" if left else ""}
</body></html>
"""


def _json(body: Body) -> str:
    return json_report("batch", body) + "\n"


FORMATS: Mapping[str, Callable[[Body], str]] = {".md": markdown, ".json": _json, ".html": html}
"""How the account is written, by the ending of the file's name."""


def _about(body: Body) -> str:
    began = datetime.fromtimestamp(body["began_at"]).strftime("%Y-%m-%d %H:%M")
    why = f": {body['reason']}" if body["reason"] else ""
    return f"Begun {began}, mode {body['mode']}, {body['state']}{why}"


def _lines(row: Mapping[str, Any]) -> list[str]:
    done = [row["subject"]] if row["subject"] else []
    return [*done, *task_lines(row)]


def _row(row: Mapping[str, Any]) -> str:
    said = joined(f"<small>{words(line)}</small>" for line in _lines(row))
    cells = f"<td>{words(row['task'])}</td><td>{words(row['state'])}</td>"
    return f"<tr>{cells}<td>{words(row['title'])}{said}</td></tr>"
