"""Counts the lines of a change that do something: no blank, comment, import or moved ones."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator

from reviewloop.analysers.base import ChangeView, PathClass, SourceFile

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
    before: Counter[str] = Counter()
    for path in view.changed_paths:
        if any(path == file.path for file in chosen) or view.read_new(path) is None:
            before.update(map(str.strip, (view.read_base(path) or "").split("\n")))
    for file in chosen:
        untouched = set(range(1, len(file.lines) + 1)) - file.added_numbers
        before.subtract(file.lines[number - 1].strip() for number in untouched)
    found = {}
    for file in chosen:
        numbers = []
        for number, line in _code(file):
            stripped = line.strip()
            if before[stripped] > 0:
                before[stripped] -= 1
            else:
                numbers.append(number)
        found[file.path] = numbers
    return found


def _code(file: SourceFile) -> Iterator[tuple[int, str]]:
    """Yield the added lines that hold code; Python's docstrings are none."""
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
        yield number, line
