"""Rules for Dockerfiles: what ends up in the image, who runs it, and how it is built."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, RuleEntry, SourceFile, resolve
from reviewloop.analysis.patterns import is_hinted
from reviewloop.rules.docker.reading import read
from reviewloop.rules.docker.source import DockerSource, hit_of
from reviewloop.rules.lazy_regex import Regex

# A line of a heredoc may look like a template; the name tells what is built as it stands.
_TEMPLATE_NAME = Regex(r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|in|mustache|hbs|gotmpl)$")
_TEMPLATE = Regex(r"^\s*(?:\{\{|\{%|<%)", re.MULTILINE)


def search(entries: Sequence[RuleEntry], file: SourceFile) -> Iterator[Hit]:
    """Yield what the rules find in a Dockerfile; each is asked once, about all of it."""
    begins = _TEMPLATE.match(file.text)  # what is built as it stands does not begin so
    if begins or (_TEMPLATE_NAME.search(file.path) and _TEMPLATE.search(file.text)):
        return  # what the template leaves out cannot be told
    source = DockerSource(file, read(file.text))
    lower = file.text.lower()
    for rule, matcher in entries:
        if is_hinted(matcher, lower):
            for flaw in resolve(matcher.check)(source):
                yield hit_of(rule, flaw, file.path)
