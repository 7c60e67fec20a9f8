"""Run the taint pass over one file and put what it found into words."""

from bisect import bisect_right
from collections.abc import Iterator

from reviewloop.analysis.contract import Hit, SourceFile, Span
from reviewloop.rules.taint.routes import routed_functions
from reviewloop.rules.taint.sources import ANY_SOURCE, NO_VIEWS


def find_flows(file: SourceFile) -> Iterator[Hit]:
    """Yield a hit for every flow of outside data into a sink."""
    if not ANY_SOURCE.search(file.text):
        return
    from reviewloop.rules.taint.blocks import Import
    from reviewloop.rules.taint.defining import run_module, summarise
    from reviewloop.rules.taint.evaluating import evaluate
    from reviewloop.rules.taint.frame import Machine
    from reviewloop.rules.taint.running import execute, note_import
    from reviewloop.rules.taint.statements import read_module
    from reviewloop.rules.taint.wording import hit_for

    source = file.text.encode("utf-8", "surrogatepass")
    body = read_module(source)
    machine = Machine(source, evaluate, execute, summarise)
    machine.backstage = bool(NO_VIEWS.search(file.path))
    machine.routed = routed_functions(file.text)
    for statement in body:
        if isinstance(statement, Import):
            for bound, dotted in statement.names:
                note_import(machine, bound, dotted)
    run_module(machine, body)
    places = Places(source)
    for found in sorted(machine.found.values(), key=lambda each: (each.start, each.rule)):
        yield hit_for(file.path, found, places)


class Places:
    """Turns byte offsets into lines and columns of characters."""

    def __init__(self, source: bytes) -> None:
        self._source = source
        self._plain = source.isascii()
        self._starts = [0]
        at = source.find(b"\n")
        while at >= 0:
            self._starts.append(at + 1)
            at = source.find(b"\n", at + 1)

    def span(self, start: int, end: int) -> Span:
        """Return the span between two byte offsets."""
        line, column = self._place(start)
        last, stop = self._place(max(start, end))
        return Span(line, last, column, stop)

    def _place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        begin = self._starts[line - 1]
        if self._plain:
            return line, offset - begin + 1
        text = self._source[begin:offset].decode("utf-8", "replace")
        return line, len(text) + 1
