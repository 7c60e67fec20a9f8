"""The formats a review can be printed in, by the name that `--format` takes."""

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING

from reviewloop.plugins import others

if TYPE_CHECKING:  # `--help` needs only the names, quickly
    from reviewloop.render.report import ReviewReport, Source
    from reviewloop.render.review_words import Rules

    Renderer = Callable[[ReviewReport, Source, Rules], str]

TERMINAL = "text"
"""The format drawn on a console: `terminal_review.print_review`."""

MODULES = {  # each holds a function `render`
    "concise": "reviewloop.render.concise",
    "json": "reviewloop.render.json",
    "sarif": "reviewloop.render.sarif",
    "markdown": "reviewloop.render.markdown",
    "github": "reviewloop.render.github_annotations",
    "html": "reviewloop.render.html",
}

NAMES = (TERMINAL, *MODULES)
"""Our formats; those of other distributions are looked up on use."""


def added_names() -> tuple[str, ...]:
    """Return the formats of other distributions, without loading them."""
    return tuple(one.name for one in others("outputs") if one.name not in NAMES)


def renderer(name: str) -> "Renderer":
    """Return the function that renders a format, loaded now; `KeyError` for an unknown name.

    Raises `UsageError` where the distribution that adds the format cannot render it, then or later.
    """
    if name in MODULES:
        own: Renderer = import_module(MODULES[name]).render
        return own
    plugin = {one.name: one for one in others("outputs")}[name]
    added = plugin.load()
    if not callable(added):
        plugin.fail(TypeError(f"{plugin.reference} is no function"))
    return plugin.shield(_text_of(added))


def _text_of(render: "Renderer") -> "Renderer":
    def call(report: "ReviewReport", source: "Source", rules: "Rules") -> str:
        text: object = render(report, source, rules)
        if not isinstance(text, str):
            raise TypeError(f"it returned {type(text).__name__}, no text")
        return text

    return call
