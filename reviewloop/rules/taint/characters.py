"""What a check of single characters, or of a whole pattern, shows about a text."""

import re

from reviewloop.rules.taint.categories import CODE, COMMAND, LDAP, PATH, SQL, URL, XPATH, XSS

# Characters that a check forbids, and what cannot happen without them.
_FORBIDS: tuple[tuple[str, frozenset[str]], ...] = (
    ("..", PATH),
    ("/", PATH | URL),
    ("'", SQL | XPATH | CODE | frozenset({"nosql-code"})),
    ('"', SQL | XPATH | CODE | frozenset({"nosql-code"})),
    (";", SQL | COMMAND),
    ("--", SQL),
    ("(", LDAP | CODE),
    (")", LDAP | CODE),
    ("*", LDAP),
    ("<", XSS),
    ("&", COMMAND),
    ("|", COMMAND),
    ("`", COMMAND),
    ("$", COMMAND),
    ("\n", frozenset({"header-injection"})),
    ("\r", frozenset({"header-injection"})),
    ("{", frozenset({"template-injection"})),
    ("__", CODE | frozenset({"template-injection"})),
    ("<!", frozenset({"xxe"})),
    ("ENTITY", frozenset({"xxe"})),
)


def forbidding(text: str) -> frozenset[str]:
    """Return what cannot happen any more when a text must not be part of the data."""
    found: frozenset[str] = frozenset()
    for sign, categories in _FORBIDS:
        if sign in text:
            found |= categories
    return found


_CLASS = re.compile(r"\[(?:\\.|[^\]\\])+\]|\\[wWdDsS]|(?<!\\)\.")


_NEEDS = (
    (SQL | XPATH | CODE | frozenset({"nosql-code"}), "'\"();"),
    (COMMAND, ";&|`$\n"),
    (PATH, "/\\"),
    (XSS, "<\"'"),
    (LDAP, "()*"),
    (URL, "/:"),
    (frozenset({"header-injection"}), "\r\n"),
    (frozenset({"template-injection"}), "{"),
    (frozenset({"deserialization", "trust-boundary", "xxe", "nosql-injection"}), "!<{\x80"),
)


def matching(pattern: str, whole: bool, at_start: bool) -> frozenset[str]:
    """Return what a text that matches a regular expression is harmless for."""
    begins = at_start or pattern.startswith(("^", "\\A"))
    ends = whole or pattern.endswith(("$", "\\Z", "\\z"))
    if not (begins and ends) or len(pattern) > 300:
        return frozenset()
    admitted = _CLASS.sub("", pattern)
    for group in _CLASS.findall(pattern):
        if any(sign in group[1:] for sign in ("[", "--", "&&", "||", "~~")):
            return frozenset()  # a later Python may read it as a set operation, and warns
        try:
            compiled = re.compile(group)
        except re.error:
            return frozenset()
        admitted += "".join(sign for sign in "'\"();&|`$\n\r/\\<*:{!\x80" if compiled.match(sign))
    plain = re.sub(r"\\[AZzbB]|[\^$?+*(){}|]|\?P<\w+>|\?:", "", admitted.replace("\\\\", "\\"))
    extra = "".join(re.findall(r"\\([^\w\s])", pattern))
    cleared: frozenset[str] = frozenset()
    for categories, signs in _NEEDS:
        if not any(sign in plain + extra for sign in signs):
            cleared |= categories
    return cleared


_ALTERNATIVE = re.compile(r"(?:\[(?:\\.|[^\]\\])+\]|\\.|[^|\\])+")
_SIGNS = re.compile(r"\[((?:\\.|[^\]\\])+)\][+*]?")
_PLAIN = re.compile(r"(?:\\\W|[^\\\[\](){}.*+?^$|])+")


def excluded(pattern: str) -> frozenset[str]:
    """Return what cannot happen in a text where a regular expression finds nothing."""
    if len(pattern) > 300:
        return frozenset()
    found: frozenset[str] = frozenset()
    for alternative in _ALTERNATIVE.findall(pattern):
        signs = _SIGNS.fullmatch(alternative)
        if signs and signs[1].startswith("^"):
            found |= matching(f"[{signs[1][1:]}]*", whole=True, at_start=True)
        elif signs or _PLAIN.fullmatch(alternative):
            found |= forbidding((signs[1] if signs else alternative).replace("\\", ""))
    return found
