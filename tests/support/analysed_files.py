"""Files as analysers get them."""

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of, path_class


def source(path: str, text: str) -> SourceFile:
    """Return a file that was added as a whole."""
    count = text.count("\n") + 1
    language = language_of(path, text)
    return SourceFile(path, text, ((1, count),), language, path_class(path), "A")
