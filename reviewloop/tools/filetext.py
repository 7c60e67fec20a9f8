"""Bytes of a file as text and back, losslessly: foreign bytes, line ends and BOM survive."""

_SNIFFED = 8000  # bytes; git's own measure of what is text


def is_binary(data: bytes) -> bool:
    """Whether git would call these bytes binary."""
    return b"\0" in data[:_SNIFFED]


def decode(data: bytes) -> str:
    """Return the text; bytes that are no UTF-8 become lone surrogates."""
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Return the bytes that `decode` read."""
    return text.encode("utf-8", "surrogateescape")


def lines_of(text: str) -> list[str]:
    """Return the lines, counted by LF only, without their ends; a final LF begins no line."""
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def newline_of(text: str) -> str:
    """Return the line end that most lines have."""
    windows = text.count("\r\n")
    return "\r\n" if windows > text.count("\n") - windows else "\n"


def with_newline(text: str, newline: str) -> str:
    """Return the text with all line ends alike."""
    plain = text.replace("\r\n", "\n")
    return plain if newline == "\n" else plain.replace("\n", newline)


def numbered(lines: list[str], first: int, width: int = 2000) -> str:
    """Return the lines with their numbers before a tab; very long lines are cut and say so."""
    return "\n".join(f"{number}\t{cut(line, width)}" for number, line in enumerate(lines, first))


def cut(line: str, width: int) -> str:
    """Return the line, or its beginning and how long it is."""
    if len(line) <= width:
        return line
    return f"{line[:width]} … [{len(line):,} characters in this line]"
