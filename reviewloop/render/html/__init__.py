"""A review as one self-contained HTML page."""

from reviewloop.render.html.page import render

__all__ = ["render"]
