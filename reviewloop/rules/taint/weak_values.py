"""Calls that are weak by themselves: guessable numbers, old hashes, open cookies, XML parsers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reviewloop.rules.taint.assigning import replace
from reviewloop.rules.taint.frame import Found, Frame
from reviewloop.rules.taint.scopes import duplicate
from reviewloop.rules.taint.stores import names_secret
from reviewloop.rules.taint.syntax import Attr
from reviewloop.rules.taint.values import FLOWS, Taint, Value, constant

if TYPE_CHECKING:
    from reviewloop.rules.taint.calls import Site

_RANDOM = frozenset(
    [
        "random",
        "randint",
        "randrange",
        "choice",
        "choices",
        "sample",
        "getrandbits",
        "randbytes",
        "uniform",
        "gauss",
        "normalvariate",
        "triangular",
        "betavariate",
        "expovariate",
        "gammavariate",
        "lognormvariate",
        "paretovariate",
        "vonmisesvariate",
        "weibullvariate",
        "shuffle",
    ]
)
_RANDOM_OWNERS = frozenset({"random", "random.Random()", "numpy.random", "np.random"})
_OLD_HASHES = frozenset({"md5", "md4", "sha1", "sha", "md2"})
_PARSER_SWITCHES = ("feature_external_ges", "external-general-entities", "feature_external_pes")


def weak_call(frame: Frame, site: Site) -> Value | None:
    """Note a weak call; return its result where nothing else knows it better."""
    name = site.name
    owner = site.path.rpartition(".")[0]
    if name in _RANDOM and owner in _RANDOM_OWNERS:
        origin = frame.machine.origin(site.expr, "random")
        return Value(taints=(Taint(origin, FLOWS),), path=f"{site.path}()")
    if name == "set_cookie" or name == "set_signed_cookie":
        _cookie(frame, site)
    elif site.path == "hashlib.new":
        _old_hash(frame, site)
    elif name == "setFeature" and len(site.args) == 2:
        _switch(frame, site)
    elif name in {"XMLParser", "ETCompatXMLParser", "iterparse"}:
        return _parser(site)
    return None


def _note(frame: Frame, site: Site, rule: str, what: str, sure: bool = True) -> None:
    frame.machine.report(Found(rule, site.expr.start, site.expr.end, what, None, sure))


def _cookie(frame: Frame, site: Site) -> None:
    """A cookie that may travel unencrypted; one that must not be guessed."""
    if site.receiver.path.startswith(("requests", "httpx", "selenium")):
        return
    key = site.argument(0, "key")
    name = key.const if key is not None and isinstance(key.const, str) else ""
    value = site.argument(1, "value")
    if value is not None:
        frame.reach("weak-random", site.expr, value, f"the cookie {name}".strip())
    secure = site.keywords.get("secure")
    if secure is not None and secure.const is False:
        _note(frame, site, "secure-cookie", "is sent with secure=False")
    elif secure is None and names_secret(name) and not site.starred and frame.machine.web:
        _note(frame, site, "secure-cookie", f"holds `{name}` and is set without secure=True")


def _old_hash(frame: Frame, site: Site) -> None:
    """Only where the name comes by a variable: literals are the linter's."""
    kind = site.argument(0, "name")
    if kind is None or not isinstance(kind.const, str) or kind.const.lower() not in _OLD_HASHES:
        return
    useful = site.keywords.get("usedforsecurity")
    if useful is not None and useful.const is False:
        return
    if site.expr.arguments and not _literal(site):
        _note(frame, site, "weak-hash", kind.const)


def _literal(site: Site) -> bool:
    from reviewloop.rules.taint.syntax import Const

    return any(
        isinstance(argument.value, Const)
        for place, argument in enumerate(site.expr.arguments)
        if argument.name == "name" or (place == 0 and not argument.name)
    )


def _switch(frame: Frame, site: Site) -> None:
    """`parser.setFeature(feature_external_ges, True)`."""
    which = site.args[0].path or str(site.args[0].const)
    if not any(name in which for name in _PARSER_SWITCHES):
        return
    parser = duplicate(site.receiver)
    parser.fields = dict(parser.fields or {})
    parser.fields.pop("(external)", None)
    if site.args[1].const in (True, 1):
        parser.fields["(external)"] = constant(True)
    if isinstance(site.expr.callee, Attr):
        replace(frame, site.expr.callee.owner, parser)


def _parser(site: Site) -> Value:
    """An lxml parser; entities are loaded when it is told so."""
    made = Value(path=f"{site.path}()")
    for name, risky in (("resolve_entities", True), ("load_dtd", True), ("no_network", False)):
        value = site.keywords.get(name)
        if value is not None and value.const is risky:
            made.fields = {"(external)": constant(True)}
    entities = site.keywords.get("resolve_entities")
    if entities is not None and entities.const in (False, "internal"):
        made.fields = {"(safe)": constant(True)}
    return made
