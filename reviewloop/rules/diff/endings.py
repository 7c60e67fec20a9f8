"""Says once for a file that its line endings were changed or mixed."""

from collections.abc import Iterator
from typing import NamedTuple

from reviewloop.analysis.contract import MAINTAINABILITY, NIT, ChangeCheck, ChangeView, Hit, Rule

_RULE = Rule(
    id="diff/line-endings",
    reviewer=MAINTAINABILITY,
    severity=NIT,
    title="Line endings were changed or mixed",
    why="Every line counts as changed although none was: the real change is lost among them, and "
    "scripts with carriage returns do not run on Unix.",
    fix="Keep the endings that the file had; `* text=auto` in `.gitattributes` settles it for all.",
    category="formatting",
    source="https://git-scm.com/docs/gitattributes#_end_of_line_conversion",
    in_tests=True,
    in_examples=True,
)


class _Endings(NamedTuple):
    crlf: int
    lf: int

    @property
    def mixed(self) -> bool:
        return self.crlf > 0 and self.lf > 0


def _endings(text: str) -> _Endings:
    crlf = text.count("\r\n")
    return _Endings(crlf, text.count("\n") - crlf)


def _run(view: ChangeView) -> Iterator[Hit]:
    for file in view.files:
        now = _endings(file.text)
        base = None if file.status == "A" else view.read_base(file.path)
        before = _endings(base) if base is not None else None
        if now.mixed and not (before and before.mixed):
            few, many = sorted((now.crlf, now.lf))
            which = "CRLF" if now.crlf < now.lf else "LF"
            message = f"{few} of {few + many} lines end with {which}, the others do not."
        elif before and before.lf > 1 and not before.crlf and now.crlf and not now.lf:
            message = "All line endings were changed from LF to CRLF."
        else:
            continue
        yield Hit(_RULE.id, file.path, None, message, identity="line endings")


LINE_ENDINGS = ChangeCheck("line endings", (_RULE,), _run)
