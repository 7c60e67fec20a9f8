"""The rules of the taint pass."""

from reviewloop.rules.catalogue import rules_of

RULES = rules_of("taint")
