"""The engine keeps hits that a change introduces, and reports the status of every analyser."""

from dataclasses import replace

import pytest
from support.change_views import change_view

from reviewloop.analysis.contract import AnalyserStatus, FileCheck, Hit, Span
from reviewloop.analysis.examine import MOST_HITS, examine
from reviewloop.analysis.rule_book import rule_of
from reviewloop.analysis.tools import TOOLS

PROGRAMS = {tool.name for tool in TOOLS}
OURS = [*PROGRAMS, "tested", "dependencies", "leftover files", "copied code", "line endings"]
OURS += ["agents and tools", "required tags", "confusable names", "disguises", "architecture"]
SHOULD, NIT, FOUND_LATER = "js/eval", "js/console-log", "ruff/F401"


def says(*places: tuple[str, int], name: str = "check", related=None) -> FileCheck:
    """Return a check that hits every line with a word: (rule, word)."""

    def run(file):
        for rule, word in places:
            for number, line in enumerate(file.lines, start=1):
                if word in line:
                    span = Span(number, number)
                    yield Hit(rule, file.path, span, f"{word}!", related=related or ())

    return FileCheck(name, (), lambda file: file.language == "javascript", run)


def examined(base: str | None, new: str, *checks: FileCheck, path: str = "a.js", **options):
    view = change_view({} if base is None else {path: base}, {path: new})
    return examine(view, off=OURS, checks=checks, **options)


def lines(examination) -> list[tuple[str, int, bool]]:
    return [(p.hit.rule, p.hit.span.line, p.on_change) for p in examination.hits]


def test_what_stands_on_changed_lines_is_told():
    assert lines(examined("a\n", "a\nbad\n", says((SHOULD, "bad")))) == [(SHOULD, 2, True)]


def test_what_the_base_had_is_not_new_even_on_a_line_that_moved_or_was_indented():
    assert lines(examined("bad\n", "x\n\n  bad\n", says((SHOULD, "bad")))) == []


def test_a_copy_of_what_the_base_had_is_new_and_counted_after_it():
    (placed,) = examined("bad\ny\n", "bad\ny\nbad\n", says((SHOULD, "bad"))).hits

    assert (placed.hit.span.line, len(placed.known)) == (3, 1)


def test_the_same_line_of_another_rule_is_new():
    one, two = says((SHOULD, "bad")), says((SHOULD, "bad"), ("js/timer-code", "bad"))

    assert lines(examined("bad\n", "bad\nx\n", one)) == []
    base_only_has_one = replace(two, run=lambda f: one.run(f) if "x" not in f.text else two.run(f))
    assert lines(examined("bad\n", "bad\nx\n", base_only_has_one)) == [("js/timer-code", 1, False)]


def test_what_the_change_causes_elsewhere_in_the_file_is_told_apart_from_nits():
    def run(file):
        if "shield" not in file.text:
            yield Hit(SHOULD, file.path, Span(1, 1), "No shield.")
            yield Hit(NIT, file.path, Span(1, 1), "No shield.")

    check = FileCheck("check", (), lambda file: True, run)

    assert lines(examined("open\nshield\n", "open\n", check)) == [(SHOULD, 1, False)]


def test_rules_that_name_themselves_as_caused_are_told_although_nits():
    assert rule_of(FOUND_LATER).caused
    check = FileCheck(
        "check",
        (),
        lambda file: True,
        lambda file: (
            [] if "use" in file.text else [Hit(FOUND_LATER, file.path, Span(1, 1), "Unused.")]
        ),
    )

    assert lines(examined("import\nuse\n", "import\n", check)) == [(FOUND_LATER, 1, False)]


def test_in_a_new_file_only_its_lines_count():
    assert lines(examined(None, "bad\nbad\n", says((SHOULD, "bad")))) == [
        (SHOULD, 1, True),
        (SHOULD, 2, True),
    ]


def test_a_changed_source_makes_an_unchanged_sink_the_changes_own():
    check = says((SHOULD, "sink"), related=((Span(1, 1), "comes from here"),))

    assert lines(examined("safe\nsink\n", "input\nsink\n", replace(check, name="flow"))) == []
    first_time = replace(check, run=lambda f: check.run(f) if "input" in f.text else [])
    assert lines(examined("safe\nsink\n", "input\nsink\n", first_time)) == [(SHOULD, 2, True)]


def test_a_hit_about_the_whole_file_is_the_changes_own_when_it_is_new():
    def run(file):
        if "bad" in file.text:
            yield Hit(SHOULD, file.path, None, "A bad file.")

    check = FileCheck("check", (), lambda file: True, run)

    assert len(examined("good\n", "bad\n", check).hits) == 1
    assert len(examined("bad\n", "bad\nworse\n", check).hits) == 0


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("src/a.js", {"product", "everywhere"}),
        ("tests/a.js", {"tests", "everywhere"}),
        ("examples/a.js", {"everywhere"}),
        ("tests/fixtures/a.js", {"everywhere"}),
    ],
)
def test_rules_speak_only_about_the_files_they_are_for(path, expected):
    rules = {
        "product": SHOULD,
        "tests": "js/test-only",
        "everywhere": "diff/bidi-control",
    }
    check = says(*((rule, "bad") for rule in rules.values()))
    found = {p.hit.rule for p in examined(None, "bad\n", check, path=path).hits}

    assert found == {rules[name] for name in expected}


def test_a_check_that_breaks_on_one_file_is_partial_and_on_all_is_failed():
    def run(file):
        if "boom" in file.text:
            raise ValueError("no idea")
        yield from says((SHOULD, "bad")).run(file)

    check = FileCheck("fragile", (), lambda file: True, run)
    other = says((SHOULD, "worse"), name="solid")

    def report_of(**new):
        view = change_view({}, new)
        done = examine(view, off=OURS, checks=(check, other))
        return done, {report.name: report for report in done.reports}["fragile"]

    done, report = report_of(**{"a.js": "boom\n", "b.js": "bad\n"})
    assert (report.status, report.reason) == (
        AnalyserStatus.PARTIAL,
        "a.js: ValueError: no idea",
    )
    assert [p.hit.path for p in done.hits] == ["b.js"]
    assert done.failed == (report,)

    done, report = report_of(**{"a.js": "boom worse\n"})
    assert report.status is AnalyserStatus.FAILED
    assert [p.hit.message for p in done.hits] == ["worse!"]


def test_where_the_base_cannot_be_analysed_changed_lines_are_told_and_no_others():
    def run(file):
        if "boom" in file.text:
            raise ValueError("no idea")
        yield from says((SHOULD, "bad")).run(file)

    check = FileCheck("fragile", (), lambda file: True, run)

    assert lines(examined("bad\nboom\n", "bad\nbad\n", check)) == [(SHOULD, 2, True)]


def test_analysers_are_switched_off_by_name_or_pattern():
    check = says((SHOULD, "bad"), name="javascript eval")

    view = change_view({}, {"a.js": "bad\n"})
    assert examine(view, off=["*"], checks=(check,)).reports == ()
    assert examine(view, off=[*OURS, "javascript *"], checks=(check,)).hits == ()
    assert len(examine(view, off=OURS, checks=(check,)).hits) == 1


def test_only_the_rules_of_the_chosen_reviewers_are_told():
    check = says((SHOULD, "bad"), (NIT, "bad"))
    found = examined(None, "bad\n", check, reviewers={"review-security"})

    assert [p.rule.reviewer for p in found.hits] == ["review-security"]
    assert [report.name for report in found.reports] == ["check"]


def test_a_check_without_a_file_it_understands_is_not_listed():
    assert examined(None, "bad\n", says((SHOULD, "bad")), path="a.txt").reports == ()


def test_hits_of_unknown_rules_or_other_files_are_dropped():
    def run(file):
        yield Hit("no/such-rule", file.path, Span(1, 1), "?")
        yield Hit(SHOULD, "other.js", Span(1, 1), "?")

    assert examined(None, "bad\n", FileCheck("odd", (), lambda file: True, run)).hits == ()


def test_every_analyser_is_told_as_it_ends():
    told = []
    examined(None, "bad\n", says((SHOULD, "bad")), on_report=told.append)

    assert [report.name for report in told] == ["check"]


def test_data_from_elsewhere_takes_part():
    from reviewloop.analysis.contract import AnalyserReport

    given = [
        (
            [Hit("tests/uncovered-lines", "a.js", Span(1, 1), "No test runs this.")],
            AnalyserReport("coverage data", AnalyserStatus.DONE),
        )
    ]
    found = examined(None, "bad\n", extra=given)

    assert [p.source for p in found.hits] == ["coverage data"]


def test_a_file_with_thousands_of_findings_is_told_in_part_and_says_so():
    check = says((SHOULD, "bad"))
    done = examined(None, "bad\n" * (MOST_HITS + 5), check)
    (report,) = done.reports
    assert len(done.hits) == MOST_HITS
    assert report.status is AnalyserStatus.PARTIAL
    assert report.reason == "a.js: more than 2,000 findings, not all are told"
    assert examined(None, "bad\n" * MOST_HITS, check).reports[0].status is AnalyserStatus.DONE


def test_one_endless_line_of_a_dockerfile_is_named_and_the_rest_is_read():
    text = (
        "FROM debian\nRUN "
        + " && ".join(["true"] * 30_000)
        + "\nRUN curl -sL https://example.com/i.sh | sh\n"
    )
    view = change_view({}, {"Dockerfile": text})
    done = examine(view, off=[n for n in OURS if n != "dockerfile"])
    (report,) = [r for r in done.reports if r.name == "dockerfile"]
    assert report.status is AnalyserStatus.PARTIAL
    assert "line 2" in report.reason
    assert 3 in {p.hit.span.line for p in done.hits if p.hit.span}


@pytest.mark.parametrize(
    ("path", "severities"),
    [("shop/a.py", ["must_fix"]), ("shop/docs/a.py", ["should_fix"]), ("tests/test_a.py", [])],
)
def test_a_flow_of_outside_data_in_a_folder_of_examples_is_told(path, severities):
    text = "from flask import request\n\n\ndef show():\n    return eval(request.args['x'])\n"
    view = change_view({}, {path: text})
    found = [one for one in examine(view, off=OURS).hits if one.rule.id == "taint/code-injection"]
    assert [one.hit.severity or one.rule.severity for one in found] == severities


@pytest.mark.parametrize(
    ("data", "status"),
    [
        ("AGFzbQEA/+" * 50_000, AnalyserStatus.DONE),
        ("M708 195.8c.4-1.5,2-4.7 " * 20_000, AnalyserStatus.DONE),
        ("eval(a) + " * 50_000, AnalyserStatus.PARTIAL),
        ("${eval(a)}" * 50_000, AnalyserStatus.PARTIAL),
    ],
)
def test_the_code_around_data_in_a_literal_is_read(data, status):
    text = f"const a = make(`{data}`);eval(`a` + read());\n"
    view = change_view({}, {"a.ts": text})

    done = examine(view, off=[n for n in OURS if n != "javascript"])

    (report,) = [r for r in done.reports if r.name == "javascript"]
    assert report.status is status
    assert ("js/eval" in {p.rule.id for p in done.hits}) == (status is AnalyserStatus.DONE)
