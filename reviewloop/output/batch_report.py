"""The account of a batch as a file: Markdown, JSON or one HTML page that loads nothing."""

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

from reviewloop.output.batch_words import sums, task_lines, why_stopped
from reviewloop.output.html.markup import joined, words
from reviewloop.output.json_report import json_report
from reviewloop.output.markdown_text import code, plain

Body = Mapping[str, Any]

_STYLE = (
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;"
    "overflow-wrap:anywhere}"
    "table{border-collapse:collapse;width:100%}td,th{border-bottom:1px solid #8886;"
    "padding:.4rem .6rem;text-align:left;vertical-align:top}"
    "td:nth-child(-n+2){white-space:nowrap}small{display:block}code{font-size:.9em}"
    "@media(max-width:36rem){thead{display:none}tr,td{display:block}td{border:0;padding:0 .2rem}"
    "td:nth-child(-n+2){display:inline-block;font-weight:600}"
    "tr{border-bottom:1px solid #8886;padding:.5rem 0}}"
)
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def markdown(body: Body) -> str:
    """Return the account as Markdown."""
    lines = [f"# Batch of {code(body['spec'])}", "", plain(_about(body)), ""]
    lines += ["| task | state | what |", "|---|---|---|"]
    for row in body["tasks"]:
        said = "<br>".join([f"**{plain(row['title'])}**", *map(_marked, task_lines(row))])
        lines.append(f"| {plain(row['task'])} | {plain(row['state'])} | {said} |")
    lines += ["", *(f"{plain(text)}  " for text in sums(body)), ""]
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
<p>{"<br>".join(map(words, sums(body)))}</p>
{f"<ul>{left}</ul>" if left else ""}
</body></html>
"""


def _json(body: Body) -> str:
    return json_report("batch", body) + "\n"


FORMATS: Mapping[str, Callable[[Body], str]] = {".md": markdown, ".json": _json, ".html": html}
"""How the account is written, by the ending of the file's name."""


def _about(body: Body) -> str:
    began = datetime.fromtimestamp(body["began_at"]).strftime("%Y-%m-%d %H:%M")
    why = f": {why}" if (why := why_stopped(body)) else ""
    where = f" on {body['branch']}" if body.get("branch") else ""
    return f"Begun {began}{where}, mode {body['mode']}, {body['state']}{why}"


def _marked(text: str) -> str:
    """Return a line as Markdown inside a table, with its commands as code."""
    return "".join(_pieces(text, plain, lambda part: code(part).replace("|", "\\|")))


def _row(row: Mapping[str, Any]) -> str:
    said = joined(f"<small>{_shown(line)}</small>" for line in task_lines(row))
    cells = f"<td>{words(row['task'])}</td><td>{words(row['state'])}</td>"
    return f"<tr>{cells}<td>{words(row['title'])}{said}</td></tr>"


def _shown(text: str) -> str:
    """Return a line as HTML, with its commands as code."""
    return "".join(_pieces(text, words, lambda part: f"<code>{words(part)}</code>"))


def _pieces(
    text: str, outside: Callable[[str], str], inside: Callable[[str], str]
) -> Iterator[str]:
    """Yield the pieces of a line; what stands between a pair of backticks is code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:  # one of them is alone, so it is no mark
        pieces = [text]
    for number, piece in enumerate(pieces):
        if number % 2:
            yield inside(piece)
        elif piece:  # the spaces beside a command are not lost
            yield " " * piece[0].isspace() + outside(piece) + " " * piece[-1].isspace()
