import pytest
from support.growth import ends_within

from reviewloop.analysis.contract import SourceFile
from reviewloop.analysis.languages import language_of, path_class
from reviewloop.domain.finding import Severity
from reviewloop.rules.diff import CONFLICTS, FILE_CHECKS, HIDDEN, SUPPRESSIONS

SHOULD, NIT = Severity.SHOULD_FIX, Severity.NIT


def file_of(path, text):
    return SourceFile(
        path, text, ((1, text.count("\n") + 1),), language_of(path, text), path_class(path)
    )


def judged(check, path, text):
    file = file_of(path, text)
    rules = {rule.id: rule for rule in check.rules}
    return [(hit.rule, hit.severity or rules[hit.rule].severity) for hit in check.run(file)]


@pytest.mark.parametrize(
    ("path", "comment", "expected"),
    [
        ("a.py", "# no" + "sec", ("diff/security-check-silenced", SHOULD)),
        ("a.py", "# no" + "sec B602", ("diff/security-check-silenced", NIT)),
        ("a.py", "# no" + "qa: S602", ("diff/security-check-silenced", NIT)),
        ("a.py", "# no" + "qa", ("diff/lint-silenced", NIT)),
        ("a.py", "# ruff: no" + "qa", ("diff/lint-silenced", SHOULD)),
        ("a.py", "# ruff: no" + "qa: S", ("diff/lint-silenced", SHOULD)),
        ("a.py", "# type: " + "ignore", ("diff/lint-silenced", NIT)),
        ("a.py", "# mypy: " + "ignore-errors", ("diff/lint-silenced", SHOULD)),
        ("a.py", "# pylint: " + "disable=all", ("diff/lint-silenced", SHOULD)),
        ("a.py", "# pylint: " + "disable=exec-used", ("diff/security-check-silenced", NIT)),
        ("a.ts", "/* eslint-" + "disable */", ("diff/lint-silenced", SHOULD)),
        ("a.ts", "// eslint-" + "disable-line no-eval", ("diff/security-check-silenced", NIT)),
        ("a.ts", "// @ts-" + "ignore", ("diff/lint-silenced", NIT)),
        ("a.go", "//no" + "lint", ("diff/lint-silenced", NIT)),
        ("a.go", "//no" + "lint:gosec", ("diff/security-check-silenced", NIT)),
        ("a.go", "// #no" + "sec G115", ("diff/security-check-silenced", NIT)),
        ("a.sh", "# shellcheck " + "disable=SC2086", ("diff/lint-silenced", NIT)),
        ("a.sh", "# shellcheck " + "disable=all", ("diff/lint-silenced", SHOULD)),
        (
            "Dockerfile",
            "# hadolint " + "ignore=DL3002",
            ("diff/infrastructure-check-silenced", NIT),
        ),
        ("a.tf", "# tfsec:" + "ignore:*", ("diff/infrastructure-check-silenced", SHOULD)),
        ("a.java", "@Suppress" + 'Warnings("all")', ("diff/lint-silenced", NIT)),
        ("a.rb", "# rubocop:" + "disable all", ("diff/lint-silenced", NIT)),
        ("a.ts", "/* istanbul " + "ignore file */", ("diff/coverage-excluded", SHOULD)),
        ("a.py", "# reviewloop: " + "ignore", ("diff/ignored-without-reason", NIT)),
    ],
)
def test_silenced_check_is_judged_by_what_is_lost(path, comment, expected):
    assert judged(SUPPRESSIONS, path, f"x = 1\n{comment}\ny = 2\n") == [expected]


OURS = "reviewloop: " + "ignore"


@pytest.mark.parametrize(
    ("comment", "rule", "said"),
    [
        (f"{OURS}[js/sql-injektion] as agreed", "diff/ignores-unknown-rule", "js/sql-injection?"),
        (f"{OURS}[js/nothing-like-it] as agreed", "diff/ignores-unknown-rule", "no effect"),
        (f"{OURS}[js/sql-injection]", "diff/ignored-without-reason", "no reason is given"),
        (f"{OURS} because it is fine", "diff/ignored-without-reason", "ignore[RULE] REASON"),
    ],
)
def test_comment_of_ours_that_has_no_effect_says_why(comment, rule, said):
    (hit,) = SUPPRESSIONS.run(file_of("a.ts", f"f(); // {comment}\n"))
    assert (hit.rule, said in hit.message) == (rule, True)


@pytest.mark.parametrize("rule", ["js/sql-injection", "js/*", "ruff/S608", "review-security"])
def test_one_word_is_a_reason_as_it_silences(rule):
    assert judged(SUPPRESSIONS, "a.ts", f"f(); // {OURS}[{rule}] clean\n") == []


def test_a_tool_that_is_switched_off_is_called_so():
    (hit,) = SUPPRESSIONS.run(file_of("a.ts", "/* eslint-" + "disable */\nrun()\n"))
    assert hit.message == "ESLint is switched off for the whole file, and no reason is given."


def test_a_comment_names_the_tool_of_its_language():
    for path, comment, tool in (
        ("a.go", "// #no" + "sec", "gosec"),
        ("a.py", "# no" + "sec", "bandit"),
    ):
        (hit,) = SUPPRESSIONS.run(file_of(path, f"{comment}\nrun()\n"))
        assert hit.message == f"{tool} is switched off here, and no reason is given."


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("a.py", "f()  # no" + "sec B602 - the command is a constant"),
        ("a.py", "f()  # no" + "qa: E501"),
        ("a.py", "f()  # type: " + "ignore[arg-type]"),
        ("a.py", "PATTERN = '# no" + "sec'"),
        ("a.ts", "// eslint-" + "disable-next-line no-eval -- the text is ours alone"),
        ("a.ts", "// @ts-" + "expect-error: the types of the library are wrong"),
        ("a.go", "f() //no" + "lint:gosec // the name is checked above"),
        ("a.rs", "#[allow(" + "dead_code)]"),
        ("notes.md", "Write `# no" + "sec` to silence it."),
        ("a.py", "if TYPE_CHECKING:  # pragma: no " + "cover"),
        ("a.py", "def f(self) -> int: ...  # pragma: no " + "cover"),
    ],
)
def test_reasoned_or_customary_exceptions_are_silent(path, line):
    assert judged(SUPPRESSIONS, path, f"x = 1\n{line}\ny = 2\n") == []


def test_reason_may_stand_in_the_comment_above():
    text = "# The command is a constant of ours.\nf()  # no" + "sec B602\n"
    assert judged(SUPPRESSIONS, "a.py", text) == []


def conflict(middle=True):
    lines = ["<" * 7 + " HEAD", "a", *(["=" * 7] if middle else []), "b", ">" * 7 + " topic"]
    return "\n".join(lines) + "\n"


def test_conflict_is_one_finding_over_its_lines():
    (hit,) = CONFLICTS.run(file_of("a.py", "x = 1\n" + conflict() + "y = 2\n"))
    assert (hit.span.line, hit.span.end_line) == (2, 6)


def test_each_conflict_is_told_also_with_carriage_returns():
    text = (conflict() + "x\n" + conflict()).replace("\n", "\r\n")
    assert len(list(CONFLICTS.run(file_of("a.txt", text)))) == 2


def test_incomplete_sets_and_headings_are_no_conflicts():
    assert list(CONFLICTS.run(file_of("a.py", conflict(middle=False)))) == []
    assert list(CONFLICTS.run(file_of("a.rst", "Title\n=======\n\n>>>>>>> x\n"))) == []


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        ("a.py", "x = 'a\u202eb'\n", [("diff/bidi-control", Severity.MUST_FIX)]),
        ("README.md", "a\u2066b\n", [("diff/bidi-control", SHOULD)]),
        ("a.go", 'x := "\u2068name\u2069 \u2067b\u2069"\n', [("diff/bidi-control", SHOULD)]),
        ("a.go", 'x := "\u2068name"\n', [("diff/bidi-control", Severity.MUST_FIX)]),
        ("a.go", "/*\u2067*/ f() /*\u2069*/\n", [("diff/bidi-control", Severity.MUST_FIX)]),
        ("e.bundle.js", f"x='\u202e';{'f();' * 600}\n", [("diff/bidi-control", SHOULD)]),
        ("e.bundle.js", "x='\u202e';\n", [("diff/bidi-control", Severity.MUST_FIX)]),
        ("e.js", f"x='\u202e';{'f();' * 600}\n", [("diff/bidi-control", Severity.MUST_FIX)]),
        ("src/lang/fa.json", '{"a": "\u202d1"}\n', [("diff/bidi-control", NIT)]),
        ("mail.html", "\u200c\u200b\u200d" * 40, [("diff/invisible-character", NIT)]),
        ("mail.html", "\u200c\u200b\u200b\u200c" * 2, [("diff/invisible-text", Severity.MUST_FIX)]),
        ("texts.json", '"a \u200d\u200d\u200d\u200d\u200d"\n', [("diff/invisible-character", NIT)]),
        ("wgsl.xml", "[a-z\U000e0100-\U000e01ef]\n", [("diff/invisible-character", NIT)]),
        ("a.js", "x = 'a\ufe0f\ufe0f\ufe0f\ufe0f'\n", [("diff/invisible-character", SHOULD)]),
        ("tests/test_a.py", "x = '\u202e'\n", [("diff/bidi-control", NIT)]),
        (
            "a.md",
            "a" + "\u200b\u200c\u200b\u2060" * 3 + "b\n",
            [("diff/invisible-text", Severity.MUST_FIX)],
        ),
        ("a.md", "a\U000e0041\n", [("diff/invisible-text", Severity.MUST_FIX)]),
        ("a.ai", "%PDF-1.5\n\ufffdz\udc80k\U000e0041\ufffd\n", []),
        ("a", f"{'a' * 99}\ufffd\U000e0041\n", [("diff/invisible-text", Severity.MUST_FIX)]),
        ("a.js", "\ufffd\ufffd\U000e0041\n", [("diff/invisible-text", Severity.MUST_FIX)]),
        ("a.js", "const \u3164 = 1\n", [("diff/invisible-text", Severity.MUST_FIX)]),
        ("a.py", "x = 'a\u200bb'\n", [("diff/invisible-character", SHOULD)]),
        ("a.md", "a\u200bb\n", [("diff/invisible-character", NIT)]),
        ("a.sh", "rm\u00a0-rf x\n", [("diff/odd-space", NIT)]),
        ("a.py", "\u0440assword = f()\n", [("diff/mixed-script-name", SHOULD)]),
    ],
)
def test_hidden_text_is_judged_by_what_it_can_do(path, text, expected):
    assert judged(HIDDEN, path, text) == expected


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("a.py", "\ufeffx = 1\r\ny = 2\r\n"),
        ("a.py", "x = 1\n\f\nclass A:\n"),
        ("a.md", "\u2764\ufe0f \U0001f468\u200d\U0001f469\u200d\U0001f467 \u0631\u200c\u062e\n"),
        ("a.md", "\u845b\U000e0100\n"),
        ("a.py", "name = '\u0438\u043c\u044f'  # \u044d\u0442\u043e x\n\u0394t = 1\n"),
        ("a.py", "x = 'a\ufffdb'\n"),
        ("a.html", "a\u00a0b\n"),
    ],
)
def test_characters_that_are_at_home_are_left_alone(path, text):
    assert judged(HIDDEN, path, text) == []


def test_hidden_text_is_told_at_most_twenty_times_a_file():
    assert len(judged(HIDDEN, "a.py", "x = 'a\u200bb'\n" * 500)) == 20


@pytest.mark.slow
def test_hostile_files_are_read_quickly():
    texts = ["# no" + "qa: " + "A1," * 100_000, ("# no" + "sec ") * 50_000, "<<<<<<< a\n" * 100_000]
    texts += [
        "a\u200b" * 200_000,
        "\u0430a" * 100_000,
        "/* eslint-" + "disable " * 50_000,
        "x = 1\n" * 100_000,
    ]
    texts += ["pass word" * 100_000, "@Suppress" + "Warnings(" * 30_000]

    def judge(text):
        for check in FILE_CHECKS:
            file = file_of("a.py", text)
            if check.understands(file):
                list(check.run(file))

    for text in texts:
        assert ends_within(lambda text=text: judge(text), 100_000 + 60 * len(text))
