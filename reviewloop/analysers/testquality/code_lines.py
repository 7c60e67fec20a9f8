"""Counts the lines of a change that do something: no blank, comment, import or moved ones."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from reviewloop.analysers.base import ChangeView, PathClass, SourceFile
from reviewloop.analysers.paths import language_of
from reviewloop.analysers.testquality.syntax import parse, walk

# Languages in which people write unit tests, by the suffixes that share them.
FAMILIES = {
    "python": "python",
    "javascript": "node",
    "typescript": "node",
    "tsx": "node",
    "go": "go",
    "java": "jvm",
    "kotlin": "jvm",
    "scala": "jvm",
    "rust": "rust",
    "ruby": "ruby",
    "php": "php",
    "csharp": "csharp",
    "swift": "swift",
    "c": "c",
    "cpp": "c",
}
_NO_CODE = re.compile(
    r"\s*(?:$|#|//|/\*|\*|--|import\b|from\s+\S+\s+import\b|using\b|package\b|use\b|require\b|"
    r"(?:const|var|let)\s+.{1,200}?\brequire\(|export\s+(?:\*|\{|type\b|interface\b)|"
    r"interface\b|type\s+\w+\s*=|@overload\b|pass$|\.\.\.$|[\])}\[({,;]+\s*$|__\w+__\s*=)"
)
_TYPES_ONLY = re.compile(r".*(?:\.pyi|\.d\.[mc]?ts|/types?\.[mc]?ts|_pb2\w*\.py|/migrations/.*)")
# What only says of which type something is: `name: type`, without a value.
_DECLARATION = re.compile(r"\s*(?:readonly\s+)?[\w$]+\??:\s*[^={(]+[;,]?\s*$")
_QUOTES = re.compile(r'"""|\'\'\'')
_LARGEST = 1_000_000  # characters in all; beyond it trees take longer than the answer is worth
_SURROGATES = re.compile("[\ud800-\udfff]")
# What stays of `a: int = 1` and `def f() -> int:` when the type is taken out.
_ANNOTATION_LEFT = re.compile(r"(?::|->) {2,}|\s+")
_IGNORED = {"setup.py", "noxfile.py", "tasks.py", "fabfile.py", "conf.py", "manage.py"}


def is_product(file: SourceFile) -> bool:
    """Whether a file is code that unit tests are written for."""
    name = file.path.rpartition("/")[2]
    return (
        file.language in FAMILIES
        and file.path_class is PathClass.PRODUCT
        and not _TYPES_ONLY.fullmatch(file.path)
        and name not in _IGNORED
        and not name.startswith("_version")
        and ".config." not in name
    )


def added_code(view: ChangeView, files: Iterable[SourceFile]) -> dict[str, list[int]]:
    """Return by path the numbers of the added lines that hold code new to the change.

    A line that one of the files had before, wherever it stood, was moved and is not counted.
    """
    chosen = list(files)
    trees = sum(len(file.text) for file in chosen) <= _LARGEST
    before: Counter[str] = Counter()
    paths = {file.path for file in chosen}
    for path in view.changed_paths:
        if path in paths or view.read_new(path) is None:
            base = view.read_base(path) or ""
            before.update(_effective(base, language_of(path) if trees else ""))
    new = {file.path: _effective(file.text, file.language if trees else "") for file in chosen}
    for file in chosen:
        untouched = set(range(1, len(file.lines) + 1)) - file.added_numbers
        before.subtract(new[file.path][number - 1] for number in untouched)
    found = {}
    for file in chosen:
        numbers = []
        for number in _code(file):
            line = new[file.path][number - 1]
            if before[line] > 0:
                before[line] -= 1
            else:
                numbers.append(number)
        found[file.path] = numbers
    return found


def _effective(source: str, language: str) -> list[str]:
    """Return the lines without white space around them; Python's without types and comments."""
    if language != "python":
        return [line.strip() for line in source.split("\n")]
    data = bytearray(_SURROGATES.sub("\ufffd", source).encode())
    for node in walk(parse(source)):
        if node.type in {"type", "comment"}:
            start, end = node.start_byte, node.end_byte
            data[start:end] = bytes(b"\n"[0] if byte == 10 else 32 for byte in data[start:end])
    lines = data.decode("utf-8", "replace").split("\n")
    return [_ANNOTATION_LEFT.sub("", line).strip() for line in lines]


def _code(file: SourceFile) -> Iterator[int]:
    """Yield the numbers of the added lines that hold code; Python's docstrings are none."""
    python = file.language == "python"
    script = FAMILIES.get(file.language) == "node"
    in_text = False
    for number, line in enumerate(file.lines, start=1):
        quotes = len(_QUOTES.findall(line)) if python else 0
        inside, in_text = in_text, in_text != bool(quotes % 2)
        starts = bool(quotes) and line.lstrip().startswith(('"""', "'''", 'r"""'))
        if inside or starts or number not in file.added_numbers or _NO_CODE.match(line):
            continue
        if (python or script) and _DECLARATION.fullmatch(line):
            continue
        yield number
