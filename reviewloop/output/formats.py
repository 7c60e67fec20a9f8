"""The formats a review can be printed in, by the name that `--format` takes."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names are wanted by `--help`, which has to be quick
    from reviewloop.output.review_report import ReviewReport, Source
    from reviewloop.output.review_words import Rules

    Renderer = Callable[[ReviewReport, Source, Rules], str]

TERMINAL = "text"
"""The one format that is drawn on a console: `terminal_review.print_review`."""

MODULES = {  # each holds a function `render`
    "concise": "reviewloop.output.concise",
    "json": "reviewloop.output.review_json",
    "sarif": "reviewloop.output.sarif",
    "markdown": "reviewloop.output.markdown",
    "github": "reviewloop.output.github_annotations",
    "html": "reviewloop.output.html",
}

NAMES = (TERMINAL, *MODULES)


def renderer(name: str) -> "Renderer":
    """Return the function that renders a format, loaded now; `KeyError` for an unknown name."""
    render: Renderer = import_module(MODULES[name]).render
    return render
