"""Reads the front matter of a steering file: keys with a text, or with a list of texts."""

import re
from dataclasses import dataclass

_KEY = re.compile(r"^(?P<key>[A-Za-z_][\w-]*)\s*:(?:\s+(?P<value>.*)|\s*)$")
_ITEM = re.compile(r"^\s*-\s+(?P<value>.+)$")


@dataclass(frozen=True)
class FrontMatter:
    """The keys, the text below, and the lines that were not understood (1-based)."""

    values: dict[str, tuple[str, ...]]
    body: str
    unread: tuple[int, ...] = ()

    def first(self, key: str) -> str:
        """Return the only or first value of a key, or ""."""
        return next(iter(self.values.get(key, ())), "")


def read_front_matter(text: str) -> FrontMatter:
    """Split off the block between `---` lines; it counts only as the first thing in the file.

    This is the part of YAML that steering files use, and it takes `*.py` without quotes, which
    YAML would refuse.
    """
    lines = text.replace("\r\n", "\n").split("\n")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == "---"), 0)
    if lines[0].rstrip() != "---" or not end:
        return FrontMatter({}, text)
    values: dict[str, tuple[str, ...]] = {}
    unread: list[int] = []
    key = ""
    for number, line in enumerate(lines[1:end], 2):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        found, item = _KEY.match(line), _ITEM.match(line)
        if found:
            key = found["key"]
            values[key] = _values(found["value"] or "")
        elif item and key:
            values[key] = (*values[key], _scalar(item["value"]))
        elif not (key and line[:1].isspace()):  # an indented line continues a folded text
            unread.append(number)
    return FrontMatter(values, "\n".join(lines[end + 1 :]).lstrip("\n"), tuple(unread))


def _values(value: str) -> tuple[str, ...]:
    clean = value.strip()
    if clean.startswith("["):
        inner = re.sub(r"\s+#.*$", "", clean).removeprefix("[").removesuffix("]")
        parts = re.findall(r"\"[^\"]*\"|'[^']*'|(?:\{[^}]*\}|[^,])+", inner)
        return tuple(one for part in parts if (one := _scalar(part)))
    single = _scalar(clean)
    return (single,) if single and single not in (">", "|", ">-", "|-") else ()


def _scalar(value: str) -> str:
    clean = value.strip()
    for quote in "\"'":
        if clean.startswith(quote) and (end := clean.find(quote, 1)) > 0:
            return clean[1:end]
    return re.sub(r"\s+#.*$", "", clean).strip()
