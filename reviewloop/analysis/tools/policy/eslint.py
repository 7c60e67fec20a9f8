"""What the rules of a project's own ESLint mean to us; the project chose them.

An error of a plugin about security, or of a rule about code that cannot be right, should be fixed.
The rest is a nit, a warning always is, and what a formatter does by itself is off.
"""

from reviewloop.analysis.contract import (
    MAINTAINABILITY,
    MUST,
    NIT,
    PERFORMANCE,
    SECURITY,
    SHOULD,
    TEST_QUALITY,
)
from reviewloop.analysis.tools.policy.rows import Family, Policy, Row, rules_of

_PAGE = "https://eslint.org/docs/latest/rules/{slug}"
_CHOSEN = "The project's own ESLint configuration asks for it."
_TEXT = "If any of the text comes from outside, so does the code."
_WRONG = "ESLint counts it among code that cannot be right."
_ROWS = (
    Row("no-debugger", "", MUST, "debug", "A debugger statement",
        "The program stops there for whoever has the tools open.", "Remove it."),
    Row("no-const-assign", "", MUST, "correctness", "A constant is assigned to", "It throws.",
        "Declare it with let, or do not assign."),
    Row("no-dupe-keys", "", MUST, "correctness", "A key stands twice in an object",
        "Only the last value is kept.", "Remove one of them."),
    Row("parse", "", SHOULD, "correctness", "The file cannot be parsed", "It does not run.",
        "Correct the syntax."),
    *(
        Row(code, "", SHOULD, "correctness", "Code that cannot be right", _WRONG,
            "Write what ESLint's page about the rule shows.")
        for code in (
            "array-callback-return", "constructor-super", "for-direction", "getter-return",
            "no-async-promise-executor", "no-class-assign", "no-compare-neg-zero",
            "no-cond-assign", "no-constant-binary-expression", "no-constant-condition",
            "no-dupe-args", "no-dupe-class-members", "no-dupe-else-if", "no-duplicate-case",
            "no-empty-pattern", "no-fallthrough", "no-func-assign", "no-import-assign",
            "no-loss-of-precision", "no-new-native-nonconstructor", "no-obj-calls",
            "no-promise-executor-return", "no-self-assign", "no-self-compare",
            "no-setter-return", "no-sparse-arrays", "no-this-before-super", "no-undef",
            "no-unexpected-multiline", "no-unmodified-loop-condition", "no-unreachable",
            "no-unreachable-loop", "no-unsafe-finally", "no-unsafe-negation",
            "no-unsafe-optional-chaining", "no-unused-private-class-members",
            "no-use-before-define", "require-atomic-updates", "use-isnan", "valid-typeof",
        )
    ),
)  # fmt: skip
_SECURITY = (
    *(
        Row(code, "", SHOULD, "injection", "Text is run as code", _TEXT, "Use JSON.parse.")
        for code in ("no-eval", "no-implied-eval", "no-new-func", "no-script-url")
    ),
)
ESLINT = Policy(
    "eslint",
    {
        **rules_of("eslint", _PAGE, MAINTAINABILITY, _ROWS),
        **rules_of("eslint", _PAGE, SECURITY, _SECURITY),
    },
    (
        *(
            Family(prefix, SHOULD, SECURITY, "injection", "A call that can be dangerous", _CHOSEN)
            for prefix in ("security/", "no-unsanitized/", "no-secrets/", "xss/", "sonarjs/sql-",
                           "react/no-danger", "@typescript-eslint/no-implied-eval")
        ),
        *(
            Family(prefix, SHOULD, MAINTAINABILITY, "correctness", "Code that is hardly meant",
                   _CHOSEN)
            for prefix in ("react-hooks/", "@typescript-eslint/no-floating-promises",
                           "@typescript-eslint/no-misused-promises",
                           "@typescript-eslint/await-thenable",
                           "@typescript-eslint/no-unsafe-", "promise/catch-or-return",
                           "import/no-unresolved", "n/no-missing-")
        ),
        Family("no-await-in-loop", NIT, PERFORMANCE, "loop", "Each round waits for the one before",
               _CHOSEN),
        *(
            Family(prefix, NIT, TEST_QUALITY, "tests", "A test is not written as agreed", _CHOSEN,
                   in_tests=True)
            for prefix in ("jest/", "vitest/", "testing-library/", "playwright/", "mocha/",
                           "cypress/")
        ),
        Family("", NIT, MAINTAINABILITY, "convention", "The project's linter objects", _CHOSEN),
    ),
    off=frozenset({
        "arrow-parens", "arrow-spacing", "block-spacing", "brace-style", "comma-dangle",
        "comma-spacing", "comma-style", "curly", "eol-last", "func-call-spacing", "indent",
        "jsx-quotes", "key-spacing", "keyword-spacing", "linebreak-style", "max-len",
        "no-extra-parens", "no-extra-semi", "no-mixed-spaces-and-tabs", "no-multi-spaces",
        "no-multiple-empty-lines", "no-tabs", "no-trailing-spaces", "object-curly-newline",
        "object-curly-spacing", "operator-linebreak", "padded-blocks", "quote-props", "quotes",
        "semi", "semi-spacing", "sort-imports", "sort-keys", "space-before-blocks",
        "space-before-function-paren", "space-in-parens", "space-infix-ops", "spaced-comment",
    }),
    off_prefixes=("prettier/", "@stylistic/", "simple-import-sort/", "perfectionist/",
                  "import/order"),
    page=_PAGE,
)  # fmt: skip
