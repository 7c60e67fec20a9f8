"""The rules about files that cannot be parsed."""

from reviewloop.rules.catalogue import rule, rules_of

JSON = rule("syntax/json")
YAML = rule("syntax/yaml")
TOML = rule("syntax/toml")
CODE = rule("syntax/code")
RULES = rules_of("syntax")
