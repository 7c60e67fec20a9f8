"""Rules for Dockerfiles: contents of the image, its user, and its build."""

import re
from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, RuleEntry, SourceFile, resolve
from reviewloop.analysis.patterns import is_hinted
from reviewloop.regex import regex
from reviewloop.rules.docker.reading import read
from reviewloop.rules.docker.source import DockerSource, hit_of

# A line of a heredoc may look like a template; only the file's name decides.
_TEMPLATE_NAME = regex(r"\.(?:j2|jinja2?|tmpl|tpl|template|erb|in|mustache|hbs|gotmpl)$")
_TEMPLATE = regex(r"^\s*(?:\{\{|\{%|<%)", re.MULTILINE)


def search(entries: Sequence[RuleEntry], file: SourceFile) -> Iterator[Hit]:
    """Yield the hits in a Dockerfile; each rule's function is called once for the whole file."""
    begins = _TEMPLATE.match(file.text)  # a real Dockerfile does not begin so
    if begins or (_TEMPLATE_NAME.search(file.path) and _TEMPLATE.search(file.text)):
        return  # the parts that a template leaves out are unknown
    source = DockerSource(file, read(file.text))
    lower = file.text.lower()
    for rule, matcher in entries:
        if is_hinted(matcher, lower):
            for flaw in resolve(matcher.check)(source):
                yield hit_of(rule, flaw, file.path)
