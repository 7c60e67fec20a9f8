"""Rules for shell scripts, and the parser of shell commands."""

from collections.abc import Iterator, Sequence

from reviewloop.analysis.contract import Hit, RuleEntry, SourceFile, resolve
from reviewloop.analysis.patterns import is_hinted
from reviewloop.rules.sh.source import hit_of, script_of


def search(entries: Sequence[RuleEntry], file: SourceFile) -> Iterator[Hit]:
    """Yield the hits in a script; each rule's function is called once for the whole script."""
    active = [entry for entry in entries if is_hinted(entry.matcher, file.text)]
    if not active:
        return
    script = script_of(file)
    for rule, matcher in active:
        for flaw in resolve(matcher.check)(script):
            yield hit_of(rule, flaw, file.path)
