"""A review as one self-contained HTML page: nothing is loaded from anywhere."""

from reviewloop.render.html.page import render

__all__ = ["render"]
