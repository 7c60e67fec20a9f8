"""JavaScript rules on code that misleads its next reader."""

from typing import TYPE_CHECKING

from reviewloop.analysis.contract import NIT, SHOULD
from reviewloop.analysis.patterns import Found, Source
from reviewloop.regex import regex
from reviewloop.rules.js.syntax import receiver, text_of

if TYPE_CHECKING:
    from ast_grep_py import SgNode

_LOOSE = regex(r"[^=!<>][=!]=(?!=)(?!\s*(?:null|undefined)\b)")
_STRICT = regex(r"[=!]==")
_HABIT = 4
PROGRAMS = regex(
    r"(?:^|/)(?:bin|cli|scripts?|tools?|build|examples?|bench\w*)/|cli\.\w+$|\.config\.\w+$|logger"
    r"|(?:example|bench\w*)\.\w+$"
)


def find_empty_catch(node: "SgNode", source: Source) -> Found | None:
    """Find js/empty-catch."""
    body = node.field("body")
    if body is None or body.named_children():
        return None
    attempt = node.parent()
    tried = attempt.field("body") if attempt is not None else None
    small = tried is not None and len(tried.named_children()) < 2 and "await" not in tried.text()
    return Found(node, severity=NIT if small else SHOULD)


def find_loose_equality(node: "SgNode", source: Source) -> Found | None:
    """Find js/loose-equality."""
    sign = node.field("operator")
    if sign is None or sign.text() not in {"==", "!="}:
        return None
    sides = [node.field("left"), node.field("right")]
    for side in sides:
        if side is None or side.kind() in {"null", "undefined"} or side.text()[:6] == "typeof":
            return None
        if side.text() == "undefined":
            return None
    return None if _loose_throughout(source) else Found(node)


def _loose_throughout(source: Source) -> bool:
    """Whether == is the style of the file: one more of them is no slip."""
    known = source.memo.get("js loose")
    if known is None:
        loose, strict = len(_LOOSE.findall(source.text)), len(_STRICT.findall(source.text))
        source.memo["js loose"] = known = loose >= _HABIT and loose >= _HABIT * strict
    return bool(known)


def find_var(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/var."""
    return node if source.mentions(r"^\s*(?:const|let|import|export)\s") else None


def find_console_log(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/console-log."""
    if receiver(node) != "console" or source.text.startswith("#!"):
        return None
    return None if PROGRAMS.search(source.file.path) else node


def find_thrown_text(node: "SgNode", source: Source) -> "SgNode | None":
    """Find js/thrown-text."""
    value = node.named_children()[:1]
    return node if value and (text_of(value[0]) or value[0].kind() == "template_string") else None
