"""What is said about the tests of a change as a whole."""

from dataclasses import replace

import pytest
from support.change_views import change_view

from reviewloop.domain.finding import Severity
from reviewloop.rules.tests import CHANGE_CHECKS, coverage_hits, read_coverage
from reviewloop.rules.tests.reports import UnreadableReportError


def hits(base, new):
    (check,) = CHANGE_CHECKS
    return list(check.run(change_view(base, new)))


def told(base, new):
    return [(hit.rule.removeprefix("tests/"), hit.path) for hit in hits(base, new)]


CODE = "def total(cart):\n    return sum(cart)\n"
CHANGED = "def total(cart):\n    return sum(cart) or None\n"
TEST = """\
import pytest
from shop import total


def test_total():
    assert total([1, 2]) == 3
    assert total([]) == 0


def test_negative():
    assert total([-1]) == -1


def test_kind():
    assert total([1])
"""


def change(test, code=CHANGED):
    before = {"shop.py": CODE, "tests/test_shop.py": TEST}
    return told(before, {"shop.py": code, "tests/test_shop.py": test})


def test_deleted_test():
    removed = TEST.replace("def test_negative():\n    assert total([-1]) == -1\n", "")
    assert change(removed) == [("test-deleted", "tests/test_shop.py")]
    assert change(removed, CODE) == []  # nothing but tests was changed


def test_deleted_test_file():
    before = {"shop.py": CODE, "tests/test_shop.py": TEST}
    (hit,) = hits(before, {"shop.py": CHANGED})
    assert (hit.rule, hit.path, hit.span) == ("tests/test-deleted", "tests/test_shop.py", None)
    assert "test_total, test_negative, test_kind were deleted" in hit.message


def test_renamed_and_moved_tests_are_not_deleted():
    assert change(TEST.replace("test_negative", "test_below_zero")) == []
    moved = TEST.replace("def test_negative():\n    assert total([-1]) == -1\n", "")
    before = {"shop.py": CODE, "tests/test_shop.py": TEST}
    new = "def test_negative():\n    assert total([-1]) == -1\n"
    after = {"shop.py": CHANGED, "tests/test_shop.py": moved, "tests/test_new.py": new}
    assert told(before, after) == []


def test_tests_may_go_with_what_they_tested():
    code = CODE + "\n\ndef tax(cart):\n    return 1\n"
    test = TEST + "\n\ndef test_tax():\n    assert tax([]) == 1\n"
    before = {"shop.py": code, "tests/test_shop.py": test}
    assert told(before, {"shop.py": CHANGED, "tests/test_shop.py": TEST}) == []


def test_fewer_assertions():
    before = {"shop.py": CODE, "tests/test_shop.py": TEST}
    thinner = TEST.replace("    assert total([]) == 0\n", "")
    (hit,) = hits(before, {"shop.py": CHANGED, "tests/test_shop.py": thinner})
    assert (hit.rule, hit.span.line) == ("tests/assertions-removed", 5)
    assert hit.message.endswith("gone is: assert total([]) == 0")


def test_rewritten_test_may_have_fewer_assertions():
    rewritten = TEST.replace(
        "    assert total([1, 2]) == 3\n    assert total([]) == 0\n",
        "    assert total([1, 2, 0, 4]) == 7\n",
    )
    assert change(rewritten) == []


def test_assertions_in_a_loop_are_not_fewer():
    looped = TEST.replace(
        "    assert total([1, 2]) == 3\n    assert total([]) == 0\n",
        "    for given, sum in CASES:\n        assert total(given) == sum\n",
    )
    assert change(looped) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assert total(a) == 3", "assert total(a) is not None"),
        ("assert total(a) == 3", "assert total(a)"),
        ("assert out == 'ab'", "assert 'a' in out"),
        ("assert len(a) == 3", "assert a"),
        ("self.assertEqual(out, 'ab')", "self.assertIn('a', out)"),
        ("self.assertEqual(3, total(a))", "self.assertTrue(total(a))"),
        ("assert 'a' in out", "assert isinstance(out, str)"),
        ("assert total(a) == 3", "assert total(a) > 0"),
    ],
)
def test_weakened_assertion(old, new):
    before, after = (f"def test_a():\n    a = 1\n    {each}\n" for each in (old, new))
    (hit,) = hits({"tests/test_a.py": before}, {"tests/test_a.py": after})
    assert (hit.rule, hit.span.line) == ("tests/assertion-weakened", 3)
    assert hit.message == f"It was: {old} - and is: {new}"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("assert total(a) == 3", "assert total(a) == 4"),
        ("assert total(a) == True", "assert total(a)"),
        ("assert total(a)", "assert total(a) == 3"),
        ("assert out == 'ab'", "assert 'a' in out\n    assert out == 'ac'"),
        ("assert out == 'ab'", "assert 'a' in err"),
        ("self.assertEqual(out, 'ab')", "assert out == 'ab'"),
        ("assert len(a) == 0", "assert not a"),
        ("self.assertFalse(out)", "assert not out"),
        ("self.assertTrue(out)", "assert out"),
        ("self.assertRegexpMatches(out, 'a+')", "self.assertRegex(out, 'a+')"),
        ("expect(out).to_be_true()", "assert out is True"),  # how strict a helper is, is unknown
        ("assert_shown(out)", "assert out is not None"),
    ],
)
def test_assertion_as_strict_as_before(old, new):
    before, after = (f"def test_a():\n    {each}\n" for each in (old, new))
    assert told({"tests/test_a.py": before}, {"tests/test_a.py": after}) == []


@pytest.mark.parametrize(
    ("test", "code", "text"),
    [
        ("a.test.ts", "a.ts",
         "it('adds', () => {\n  expect(a()).toBe(1)\n  expect(b()).toBe(2)\n})\n"),
        ("a_test.go", "a.go", 'func TestA(t *testing.T) {\n\tt.Error("a")\n\tt.Error("b")\n}\n'),
        ("src/test/ATest.java", "A.java",
         "@Test\npublic void adds() {\n  assertEquals(1, a());\n  assertEquals(2, b());\n}\n"),
        ("tests/a.rs", "a.rs", "#[test]\nfn adds() {\n  assert_eq!(1, a());\n  assert!(b());\n}\n"),
    ],
)  # fmt: skip
def test_other_languages(test, code, text):
    before = {test: text, code: "a\n"}
    assert told(before, {code: "b\n"}) == [("test-deleted", test)]
    lines = text.split("\n")
    thinner = "\n".join(line for line in lines if line is not lines[-3])
    assert told(before, {test: thinner, code: "b\n"}) == [("assertions-removed", test)]


def lines_of_code(count):
    return "def total(a):\n" + "".join(f"    a += {n}\n" for n in range(count - 1))


UNTYPED = """\
def f(a: t.Optional[int], b: "B" = None, *, c=1):
    rows: t.List[int] = []
    return rows
"""
TYPED = """\
def f(a: int | None, b: B | None = None, *, c: int = 1) -> list[int]:
    rows: list[int] = []
    return rows  # type: ignore
"""
WITH_TESTS = {"tests/test_old.py": "def test_a():\n    assert total\n"}


def test_change_without_a_test():
    (hit,) = hits(WITH_TESTS, WITH_TESTS | {"shop.py": lines_of_code(10)})
    assert (hit.rule, hit.path, hit.span) == ("tests/no-test-change", "shop.py", None)
    assert hit.severity is None


def test_part_of_a_change_says_nothing_of_missing_tests():
    new = WITH_TESTS | {"shop.py": lines_of_code(40)}
    assert told(WITH_TESTS, new)
    (check,) = CHANGE_CHECKS
    assert list(check.run(replace(change_view(WITH_TESTS, new), partial=True))) == []


OTHER_TESTS = {"tests/test_old.py": "def test_a():\n    assert other\n"}


def test_new_module_that_no_test_names_is_to_be_acted_on():
    new = {"a.py": "x = f()\n", "shop.py": lines_of_code(30)}
    (hit,) = (h for h in hits(OTHER_TESTS, OTHER_TESTS | new) if h.span is None)
    assert (hit.severity, hit.path) == (Severity.SHOULD_FIX, "shop.py")
    (hit,) = hits(WITH_TESTS, WITH_TESTS | new)  # a test names total()
    assert hit.severity is None
    (hit,) = hits({}, {"shop.py": lines_of_code(30)})
    assert hit.severity is None  # a repository without tests


@pytest.mark.parametrize(
    "test",
    [
        "tests/test_shop.py",
        "tests/test_others.py",
        "suite/shop.caddyfiletest",
    ],
)
def test_new_module_beside_a_touched_test_must_be_named_by_a_test(test):
    shown_of = told(OTHER_TESTS, OTHER_TESTS | {"shop.py": lines_of_code(30), test: "x = 1\n"})
    untested = [("no-test-change", "shop.py")]
    assert shown_of == ([] if "shop" in test else untested)


def test_large_change_of_old_functions_is_only_listed():
    old = {"shop.py": "def total(a):\n    return a\n"}
    (hit,) = hits(OTHER_TESTS | old, OTHER_TESTS | {"shop.py": lines_of_code(40)})
    assert (hit.rule, hit.severity) == ("tests/no-test-change", None)


def test_large_change_with_new_functions_that_no_test_names_is_to_be_acted_on():
    old = {"shop.py": "def total(a):\n    return a\n"}
    new = {"shop.py": old["shop.py"] + "\n\n" + lines_of_code(40).replace("total", "fresh")}
    found = hits(OTHER_TESTS | old, OTHER_TESTS | new)
    assert [h.severity for h in found if h.rule == "tests/no-test-change"] == [Severity.SHOULD_FIX]


@pytest.mark.parametrize(
    "path",
    [
        "scripts/once.py",
        "ui/dist/assets/index-4f3a9c1b.js",
        "website/src/pages/team.ts",
        "tools/release.py",
        "static/app.js",
    ],
)
def test_scripts_and_built_files_need_no_test(path):
    code = {path: lines_of_code(60)}
    assert told(OTHER_TESTS, OTHER_TESTS | code) == []
    beside = {f"shop/{path.rpartition('/')[2].replace('-4f3a9c1b', '')}": lines_of_code(60)}
    assert ("no-test-change", *beside) in told(OTHER_TESTS, OTHER_TESTS | beside)


def test_a_file_that_is_started_as_a_program_and_a_table_of_content_need_no_test():
    program = "#!/usr/bin/env python3\n" + lines_of_code(60)
    table = "SPONSORS = [\n" + '    {\n        "name": "A",\n    },\n' * 60 + "]\n"
    assert told(OTHER_TESTS, OTHER_TESTS | {"shop.py": program}) == []
    assert told(OTHER_TESTS, OTHER_TESTS | {"sponsors.py": table}) == []


HELPERS = {
    "a_test.go": (
        "func TestA(t *testing.T) {\n\tassert.Equal(t, 1, a())\n}\n",
        "func TestB(t *testing.T) {\n\twant := `{\n}`\n\tassert.Equal(t, want, b())\n}\n",
        "func check(t *testing.T) {\n\tassert.True(t, c())\n\trequire.True(t, d())\n}\n",
    ),
    "a.test.js": (
        "it('a', () => {\n  expect(a()).toBe(1);\n});\n",
        "it('b', async () => {\n  expect(b()).toBe(1);\n}, 1000);\n",
        "function check(x) {\n  expect(x).toBe(1);\n  expect(y).toBe(2);\n}\n",
    ),
    "ATest.java": (
        "  @Test\n  void a() {\n    assertEquals(1, a());\n  }\n",
        "  @Test\n  void b() {\n    assertEquals(1, b());\n  }\n",
        "  void check(int x) {\n    assertEquals(1, x);\n    assertTrue(y);\n  }\n",
    ),
}


@pytest.mark.parametrize("path", HELPERS)
def test_a_test_added_before_a_helper_takes_no_assertions_away(path):
    first, second, helper = HELPERS[path]
    test, code = f"tests/{path}", "src/shop.py"
    before = {test: first + helper, code: CODE}
    assert told(before, {test: first + second + helper, code: CHANGED}) == []
    (check,) = (line for line in first.splitlines(True) if "assert" in line or "expect" in line)
    fuller = first.replace(check, check + check.replace("1", "7"))
    assert told({test: fuller + helper, code: CODE}, {test: first + helper, code: CHANGED}) == [
        ("assertions-removed", test)
    ]


@pytest.mark.parametrize(
    ("base", "new"),
    [
        ({}, {"README.md": "text\n" * 50}),
        ({}, {"config.yaml": "a: 1\n" * 50}),
        ({}, {"docs/conf.py": "a = f()\n" * 50}),
        ({}, {"shop/types.pyi": "def a(): ...\n" * 50}),
        ({}, {"shop.py": '"""A text.\n' + "more\n" * 50 + '"""\n' + "# comment\n" * 50}),
        ({}, {"a.ts": "interface A {\n" + "  name: string;\n" * 50 + "}\n"}),
        ({}, {"a.js": "// This file is autogenerated\n" + "f()\n" * 50}),
        ({"a.py": lines_of_code(40)}, {"b.py": lines_of_code(40)}),
        ({"a.py": lines_of_code(40)}, {"a.py": lines_of_code(9)}),
        ({"a.py": UNTYPED * 9}, {"a.py": TYPED * 9}),
        ({}, {"shop.py": lines_of_code(40), "tests/data/a.txt": "x\n"}),
        ({}, {"lib.rs": lines_of_code(40) + "#[cfg(test)]\nmod tests {}\n"}),
    ],
    ids=["docs", "config", "docs code", "types", "comments", "ts types", "generated", "moved",
         "deleted", "annotated", "data", "inline"],
)  # fmt: skip
def test_changes_that_need_no_test(base, new):
    assert told(WITH_TESTS | base, WITH_TESTS | new) == []


def test_new_functions_that_no_test_names():
    text = "".join(f"def named_{n}(a):\n    return a + {n}\n\n\n" for n in range(6))
    tests = {"tests/test_a.py": "def test_a():\n    assert named_0(1)\n"}
    found = [hit for hit in hits(tests, tests | {"shop.py": text}) if hit.span]
    assert [hit.message for hit in found] == [
        "No test mentions named_1.",
        "No test mentions named_2.",
        "No test mentions named_3.",
    ]


def test_a_large_new_function_beside_a_touched_test_must_be_named_by_a_test():
    base = OTHER_TESTS | {"shop.py": "x = 1\n"}
    large = lines_of_code(20).replace("total", "fresh")
    touched = {"tests/test_other.py": "def test_other():\n    assert 1 + x() == 2\n"}
    found = hits(base, base | touched | {"shop.py": "x = 1\n\n\n" + large})
    assert [(h.rule, h.message) for h in found] == [
        ("tests/unnamed-function", "No test mentions fresh.")
    ]
    small = lines_of_code(8).replace("total", "fresh")
    assert hits(base, base | touched | {"shop.py": "x = 1\n\n\n" + small}) == []
    named = {"tests/test_other.py": "def test_fresh():\n    assert fresh(1) == 2\n"}
    assert hits(base, base | named | {"shop.py": "x = 1\n\n\n" + large}) == []


def test_uncovered_added_lines():
    base = "def a():\n    return 1\n"
    new = (
        "def a():\n    if x:\n        y()\n\n        z()\n    return 1\n    w()\n\n\n"
        "class B:\n    def c(self):\n        d()\n\n\ne()\n"
    )
    view = change_view({"shop.py": base}, {"shop.py": new})
    data = {"shop.py": frozenset({3, 5, 6, 7, 12}), "other.py": frozenset({1})}
    found = [(hit.span[:2], hit.message) for hit in coverage_hits(view, data, "coverage.xml")]
    assert found == [
        ((3, 5), "Lines 3 to 5 of a were not reached, says coverage.xml (1 more there were not"
         " either)."),
        ((12, 12), "Line 12 of B.c was not reached, says coverage.xml."),
    ]  # fmt: skip


REPORTS = {
    "json": '{"files": {"shop/a.py": {"executed_lines": [1], "missing_lines": [2]}}}',
    "lcov": "SF:/build/shop/a.py\nDA:1,2\nDA:2,0\nend_of_record\n",
    "cobertura": '<coverage><class filename="./shop/a.py"><line number="2" hits="0"/></class>'
    "</coverage>",
}


@pytest.mark.parametrize("text", REPORTS.values(), ids=REPORTS)
def test_reports_of_three_formats(text):
    assert read_coverage("report", text.encode(), "/build/") == {"shop/a.py": frozenset({2})}


@pytest.mark.parametrize("data", [b"", b"{}", b"<a>", b"\xff\xfe"])
def test_what_is_no_report_is_refused(data):
    with pytest.raises(UnreadableReportError):
        read_coverage("report", data, "/")


def test_of_many_new_modules_those_are_told_that_no_test_names():
    body = "".join(f"    step_{n} = cart + {n}\n" for n in range(40))
    new = {f"shop/part{n}.py": f"def part{n}(cart):\n{body}    return step_1\n" for n in range(60)}
    new["tests/test_part0.py"] = "".join(f"# part{n}\n" for n in range(2, 60)) + TEST
    assert [path for _, path in told({}, new)] == ["shop/part1.py"]
