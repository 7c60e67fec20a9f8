"""The formats a review can be printed in, by the name that `--format` takes."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the names are wanted by `--help`, which has to be quick
    from reviewloop.render.report import ReviewReport, Source
    from reviewloop.render.review_words import Rules

    Renderer = Callable[[ReviewReport, Source, Rules], str]

TERMINAL = "text"
"""The one format that is drawn on a console: `terminal_review.print_review`."""

MODULES = {  # each holds a function `render`
    "concise": "reviewloop.render.concise",
    "json": "reviewloop.render.json",
    "sarif": "reviewloop.render.sarif",
    "markdown": "reviewloop.render.markdown",
    "github": "reviewloop.render.github_annotations",
    "html": "reviewloop.render.html",
}

NAMES = (TERMINAL, *MODULES)


def renderer(name: str) -> "Renderer":
    """Return the function that renders a format, loaded now; `KeyError` for an unknown name."""
    render: Renderer = import_module(MODULES[name]).render
    return render
