"""Patterns for Dockerfiles: what ends up in the image, who runs it, and how it is built."""

import re
from collections.abc import Iterable

from reviewloop.analysis.contract import FileCheck, Hit, SourceFile
from reviewloop.rules.docker import (
    copying,
    images,
    instructions,
    languages,
    leftovers,
    packages,
    rights,
    running,
    safety,
)
from reviewloop.rules.docker.reading import read
from reviewloop.rules.docker.source import DockerSource, hit_of
from reviewloop.rules.lazy_regex import Regex

_RULES = (
    *images.RULES,
    *rights.RULES,
    *safety.RULES,
    *packages.RULES,
    *leftovers.RULES,
    *languages.RULES,
    *copying.RULES,
    *instructions.RULES,
    *running.RULES,
)
_LONGEST = 50_000  # characters of one line
# A line of a heredoc may look like a template; the name tells what is built as it stands.
_TEMPLATE_NAME = Regex(r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|in|mustache|hbs|gotmpl)$")
_TEMPLATE = Regex(r"^\s*(?:\{\{|\{%|<%)", re.MULTILINE)


def _understands(file: SourceFile) -> bool:
    return file.language == "dockerfile"


def _run(file: SourceFile) -> Iterable[Hit]:
    begins = _TEMPLATE.match(file.text)  # what is built as it stands does not begin so
    if begins or (_TEMPLATE_NAME.search(file.path) and _TEMPLATE.search(file.text)):
        return  # what the template leaves out cannot be told
    source = DockerSource(file, read(file.text))
    lower = file.text.lower()
    for row in _RULES:
        if row.hints and not any(word in lower for word in row.hints):
            continue
        for place in row.test(source):
            yield hit_of(row.rule, place, file.path)


def _is_short(line: str) -> bool:
    """Whether a line is read; 50,000 characters take 0.6 s, 800,000 a minute."""
    return len(line) <= _LONGEST


CHECK = FileCheck("dockerfile", tuple(row.rule for row in _RULES), _understands, _run, _is_short)
