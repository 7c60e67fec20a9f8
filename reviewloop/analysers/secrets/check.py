"""The check for secrets: vendors' tokens, and literals whose name says that they are secret."""

from collections.abc import Iterator

from reviewloop.analysers.base import FileCheck, Hit, PathClass, SourceFile
from reviewloop.analysers.secrets.book import RULES, rule_id
from reviewloop.analysers.secrets.scanning import SecretHit, masked_value, scan_for_vendors
from reviewloop.analysers.secrets.stretches import Lines, Stretches
from reviewloop.findings import Severity

_NOT_SEARCHED = (".lock", ".min.js", ".map", ".svg", ".ipynb", "package-lock.json", ".sum")
_DOCUMENTATION = ("* ", "///", ">>>", "/**")  # a line that only shows how something is used


def run(file: SourceFile) -> Iterator[Hit]:
    """Yield every secret of a file, at most one for each stretch of text; values are masked."""
    taken = Stretches()
    places = Lines(file.text)
    for secret in scan_for_vendors(file.text):
        taken.take(secret.start, secret.end)
        yield _vendor_hit(file, secret, places)
    if file.path.lower().endswith(_NOT_SEARCHED):
        return
    from reviewloop.analysers.secrets.guesses import guessed  # its patterns take a while to compile

    for guess in guessed(file):
        if taken.take(guess.start, guess.end):
            span = places.span(guess.start, guess.end)
            value = masked_value(file.text[guess.start : guess.end])
            severity = _lowered(file, span.line, guess.severity)
            yield Hit(
                rule_id(guess.slug),
                file.path,
                span,
                f"{guess.what}: {value}",
                severity=severity,
                confidence="high" if severity is Severity.MUST_FIX else "medium",
            )


CHECKS: tuple[FileCheck, ...] = (
    FileCheck("secrets", RULES, understands=lambda file: bool(file.text), run=run),
)


def _vendor_hit(file: SourceFile, secret: SecretHit, places: Lines) -> Hit:
    rule = secret.rule
    what = rule.what[0].upper() + rule.what[1:]
    shown = secret.masked.split("\n")[0]
    return Hit(
        rule=rule_id(rule.name),
        path=file.path,
        span=places.span(secret.start, secret.end),
        message=f"{what} in the code: {shown}",
        severity=_vendor_severity(file.path_class, secret),
    )


def _vendor_severity(path_class: PathClass, secret: SecretHit) -> Severity | None:
    """Return what a token is worth where it stands: tests often need one that opens nothing."""
    if path_class is PathClass.PRODUCT or secret.rule.live:
        return None
    return Severity.NIT if secret.rule.public_in_tests else Severity.SHOULD_FIX


def _lowered(file: SourceFile, line: int, severity: Severity) -> Severity:
    """Return a severity that fits the place: documentation is full of made-up passwords."""
    told = file.language == "markdown" or file.lines[line - 1].lstrip().startswith(_DOCUMENTATION)
    return Severity.NIT if told or file.path_class is not PathClass.PRODUCT else severity
