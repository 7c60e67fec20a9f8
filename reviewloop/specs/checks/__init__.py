"""Checks of a spec without a model: each rule has a page in `rules/spec/` and a function here.

A function takes a `SpecView` and yields hits. Rule packs of other distributions do the same.
"""

from reviewloop.specs.checks.run import SpecChecks, check_spec
from reviewloop.specs.checks.view import SpecLine, SpecView, read_view

__all__ = ["SpecChecks", "SpecLine", "SpecView", "check_spec", "read_view"]
