"""What oxlint and biome (JavaScript and TypeScript) mean to us."""

from reviewloop.analysis.contract import MAINTAINABILITY, MUST, NIT, PERFORMANCE, SECURITY, SHOULD
from reviewloop.analysis.tools.policy.rows import Family, Policy, Row, rules_of

_OX_PAGE = "https://oxc.rs/docs/guide/usage/linter/rules.html"
_EVAL = "If any of the text comes from outside, so does the code."
_DEBUGGER = "The program stops there for whoever has the tools open."
_WRONG = "oxlint counts it among code that is wrong or useless."
_SLOW = "oxlint counts it among code that could be quicker."
_OX_SECURITY = (
    Row("no-eval", "", SHOULD, "injection", "`eval` runs text as code", _EVAL, "Use JSON.parse."),
    Row("no-script-url", "", SHOULD, "xss", "A javascript: address", _EVAL, "Use a handler."),
)  # fmt: skip
_OX_ROWS = (
    Row("no-debugger", "", MUST, "debug", "A debugger statement", _DEBUGGER, "Remove it."),
    Row("no-unused-vars", "", NIT, "unused", "Something is declared and never used",
        "Readers look for the use.", "Remove it."),
    Row("OXL0001", "", SHOULD, "correctness", "The file cannot be parsed", "It does not run.",
        "Correct the syntax."),
    Row("no-const-assign", "", MUST, "correctness", "A constant is assigned to", "It throws.",
        "Declare it with let, or do not assign."),
    Row("no-dupe-keys", "", MUST, "correctness", "A key stands twice in an object",
        "Only the last value is kept.", "Remove one of them."),
)  # fmt: skip
_OX_PERFORMANCE = ("no-await-in-loop", "no-accumulating-spread", "no-map-spread", "prefer-set-has",
                   "no-useless-call", "prefer-array-find", "prefer-array-flat-map")  # fmt: skip
OXLINT = Policy(
    "oxlint",
    {
        **rules_of("oxlint", _OX_PAGE, SECURITY, _OX_SECURITY),
        **rules_of("oxlint", _OX_PAGE, MAINTAINABILITY, _OX_ROWS),
        **rules_of("oxlint", _OX_PAGE, PERFORMANCE, [
            Row(code, "", NIT, "loop", "This can be done with less work", _SLOW, "")
            for code in _OX_PERFORMANCE
        ]),
    },
    (Family("", SHOULD, MAINTAINABILITY, "correctness", "Code that does not do what it says",
           _WRONG),),
    page=_OX_PAGE,
)  # fmt: skip

_BIOME_PAGE = "https://biomejs.dev/linter/"
_BIOME_ROWS = (
    Row("suspicious/noDebugger", "", MUST, "debug", "A debugger statement", _DEBUGGER,
        "Remove it."),
    Row("correctness/noUnusedVariables", "", NIT, "unused",
        "Something is declared and never used", "Readers look for the use.", "Remove it."),
    Row("correctness/noUnusedImports", "", NIT, "unused", "An import is not used",
        "Readers look for the use.", "Remove it."),
    Row("correctness/noUnusedFunctionParameters", "", NIT, "unused", "A parameter is not used",
        "Readers look for the use.", "Remove it."),
    Row("suspicious/noDoubleEquals", "", NIT, "style", "== converts before it compares",
        "Unlike values are equal.", "Use ===."),
    Row("parse", "", SHOULD, "correctness", "The file cannot be parsed", "It does not run.",
        "Correct the syntax."),
)  # fmt: skip
BIOME = Policy(
    "biome",
    rules_of("biome", _BIOME_PAGE, MAINTAINABILITY, _BIOME_ROWS),
    (
        Family("security/", SHOULD, SECURITY, "injection", "A call that can be dangerous", _EVAL),
        Family("correctness/", SHOULD, MAINTAINABILITY, "correctness", "Code that is not right",
               "biome counts it among code that is wrong or useless."),
        Family("suspicious/", SHOULD, MAINTAINABILITY, "correctness", "Code that is hardly meant",
               "biome counts it among code that is most likely wrong."),
        Family("performance/", NIT, PERFORMANCE, "loop", "This can be done with less work",
               "biome counts it among code that could be quicker."),
        Family("complexity/", NIT, MAINTAINABILITY, "complexity", "This can be said more simply",
               "biome counts it among code that could be simpler."),
    ),
    page=_BIOME_PAGE,
)  # fmt: skip
