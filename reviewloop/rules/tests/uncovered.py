"""Finds added lines that a measured test run did not reach."""

from collections.abc import Iterator, Mapping

from reviewloop.analysis.contract import ChangeView, Hit, PathClass, SourceFile, Span
from reviewloop.rules.tests import rules
from reviewloop.workspace.outline import Symbol, outline


def uncovered(
    view: ChangeView, data: Mapping[str, frozenset[int]], source_name: str
) -> Iterator[Hit]:
    """Yield the first run of uncovered added lines of each function, and of what is outside."""
    for file in view.files:
        missing = data.get(file.path, frozenset()) & file.added_numbers
        if missing and file.path_class is PathClass.PRODUCT:
            yield from _of_file(file, missing, source_name)


def _of_file(file: SourceFile, missing: frozenset[int], source_name: str) -> Iterator[Hit]:
    kinds = {"function", "method"}
    symbols = [symbol for symbol in outline(file.path, file.text) if symbol.kind in kinds]
    by_function: dict[str, list[int]] = {}
    owners = _owners(symbols, missing)
    for number in sorted(missing):
        by_function.setdefault(owners.get(number, ""), []).append(number)
    for name, numbers in by_function.items():
        last = numbers[0]
        while last + 1 in missing or (last + 1 in file.added_numbers and _is_blank(file, last + 1)):
            last += 1
        while last not in missing:
            last -= 1
        where = f" of {name}" if name else ""
        first = numbers[0]
        which = f"Line {first}" if first == last else f"Lines {first} to {last}"
        ran = "was" if first == last else "were"
        more = len(numbers) - sum(first <= number <= last for number in numbers)
        rest = f" ({more} more there were not either)" if more > 0 else ""
        message = f"{which}{where} {ran} not reached, says {source_name}{rest}."
        identity = f"{name}:{file.lines[first - 1].strip()}"
        span = Span(first, last)
        yield Hit(rules.UNCOVERED.id, file.path, span, message, identity=identity)


def _owners(symbols: list[Symbol], wanted: frozenset[int]) -> dict[int, str]:
    """Return line -> the innermost function around it."""
    owners = {}
    for symbol in sorted(symbols, key=lambda symbol: symbol.line):
        for number in range(symbol.line, symbol.end_line + 1):
            if number in wanted:
                owners[number] = symbol.name
    return owners


def _is_blank(file: SourceFile, number: int) -> bool:
    return number <= len(file.lines) and not file.lines[number - 1].strip()
