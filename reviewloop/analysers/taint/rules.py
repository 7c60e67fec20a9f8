"""The rules of the taint pass."""
from reviewloop.analysers.rules import MUST, NIT, SECURITY, SHOULD, Rule
from reviewloop.analysers.taint.wording_slugs import SLUGS
RULES = tuple(Rule("taint/"+s, SECURITY, NIT if s in {"trust-boundary","header-injection"} else SHOULD if s in {"weak-random","secure-cookie","weak-hash"} else MUST, s) for s in SLUGS)
