"""Rules for shell scripts, and the reading of shell commands."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, RuleEntry, SourceFile, resolve
from reviewloop.analysis.patterns import is_hinted
from reviewloop.rules.sh.source import hit_of, script_of


def search(entries: Sequence[RuleEntry], file: SourceFile) -> Iterator[Hit]:
    """Yield what the rules find in a script; each is asked once, about all of it."""
    active = [entry for entry in entries if is_hinted(entry.matcher, file.text)]
    if not active:
        return
    script = script_of(file)
    for rule, matcher in active:
        for flaw in resolve(matcher.check)(script):
            yield hit_of(rule, flaw, file.path)
