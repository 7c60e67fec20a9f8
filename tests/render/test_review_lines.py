import re

import pytest
from support.sample_review import SampleSource, failed_report, finding, sample_report

from reviewloop.domain.finding import Severity
from reviewloop.render import concise, formats, github_annotations
from reviewloop.render.report import ReviewReport
from reviewloop.render.review_words import counted_reason

COMMAND = re.compile(r"^::(error|warning|notice) ?([^:]*)::(.*)$")


def annotations(report: ReviewReport) -> list[str]:
    return github_annotations.render(report, SampleSource()).splitlines()


def unescaped(text: str) -> str:
    for code, char in (("%2C", ","), ("%3A", ":"), ("%0A", "\n"), ("%0D", "\r"), ("%25", "%")):
        text = text.replace(code, char)
    return text


def parsed(line: str) -> tuple[str, dict[str, str], str]:
    level, properties, message = COMMAND.match(line).groups()
    pairs = (pair.partition("=") for pair in properties.split(",") if pair)
    return level, {key: unescaped(value) for key, _, value in pairs}, unescaped(message)


def test_concise_lines_are_what_editors_jump_to():
    text = concise.render(sample_report(), SampleSource())
    line = r"^infra/bucket.tf:3:12: error tf/s3-public-acl Everyone can read this bucket \[(.*)\]$"
    (short,) = re.findall(line, text, re.MULTILINE)
    (found,) = (f for f in sample_report().findings if f.rule == "tf/s3-public-acl")
    assert short == found.id[:8]
    assert "tests/test_db.py:4:1: warning tests/no-assertion test_totals asserts nothing [" in text
    assert "app/settings.py:1:1: warning The setting may be missing in production (the" in text
    places = [line.split(":")[0] for line in text.splitlines()]
    assert places == sorted(places)
    assert all(re.match(r"[^\n]+:\d+:\d+: (error|warning|note) ", x) for x in text.splitlines())


def test_concise_lines_tell_failures_and_are_empty_without_findings():
    text = concise.render(failed_report(), SampleSource())
    assert text.endswith("reviewloop: error: cfn-lint failed: timed out after 60 s\n")
    assert concise.render(sample_report(findings=()), SampleSource()) == ""


class StartedIn(SampleSource):
    """The files of a change, reviewed from a folder below the root."""

    def __init__(self, prefix: str) -> None:
        super().__init__()
        self.prefix = prefix


def test_concise_paths_are_those_of_the_folder_one_stands_in():
    text = concise.render(sample_report(), StartedIn("tests/"))
    assert text.startswith("(change):1:1: ")
    assert "\ntest_db.py:4:1: " in text
    assert "\n../infra/bucket.tf:3:12: " in text
    below = concise.render(sample_report(), StartedIn("web/src/"))
    assert "\n../greet.js:3:44: " in below
    assert "\n../../docs/caf\\xe9.py:1:1: " in below


def test_concise_findings_take_one_line_whatever_they_hold():
    odd = finding("a\n\x1b[2Jb.py", 1, "x/y", "one\ntwo\x1b[31m\r\u2028three")
    text = concise.render(sample_report(findings=(odd,)), SampleSource())
    assert text == f"a␊␛[2Jb.py:1:1: warning x/y one two three [{odd.id[:8]}]\n"


def test_an_annotation_stands_at_its_lines():
    lines = annotations(sample_report())
    found = next(line for line in lines if "s3-public-acl" in line)
    level, where, message = parsed(found)
    assert level == "error"
    assert where == {
        "file": "infra/bucket.tf",
        "line": "3",
        "endLine": "3",
        "col": "12",
        "endColumn": "25",
        "title": "Everyone can read this bucket (tf/s3-public-acl)",
    }
    assert message.splitlines()[-1] == "by: review-infrastructure, review-security"


def test_columns_are_left_out_where_a_finding_has_several_lines():
    _, where, _ = parsed(next(x for x in annotations(sample_report()) if "query-in-loop" in x))
    assert where["line"] == "20" and where["endLine"] == "23" and "col" not in where


@pytest.mark.parametrize("text", ["100% sure", "a:b,c", "a::error::b", "%0A::error::x", "a\r\nb"])
def test_words_of_others_survive_the_escaping_and_end_no_command(text):
    odd = finding("dir,a:b%.py", 3, "x/y", text, why=text)
    lines = annotations(sample_report(findings=(odd,)))
    assert len(lines) == 2
    _, where, message = parsed(lines[0])
    flat = " ".join(text.split())
    assert where["file"] == "dir,a:b%.py"
    assert where["title"] == f"{flat} (x/y)"
    assert lines[0].isprintable()
    assert "by: review-security" in message


def test_each_level_is_capped_worst_first_and_the_rest_is_counted():
    many = [
        finding("a.py", n, "x/y", f"t{n}", severity=severity)
        for severity in Severity
        for n in range(1, 16)
    ]
    lines = annotations(sample_report(findings=tuple(reversed(many))))
    levels = [COMMAND.match(line).group(1) for line in lines if COMMAND.match(line)]
    assert levels == ["error"] * 10 + ["warning"] * 10 + ["notice"] * 10
    assert "... and 5 errors, 5 warnings, 5 notices more" in lines[-2]


def test_failures_come_before_the_findings():
    lines = annotations(failed_report())
    assert lines[0].startswith("::error title=review-security failed::no answer within 30 s")


def test_only_commands_can_be_read_as_commands():
    report = failed_report()
    agents = (*report.agents[1:],)
    bad = finding("a.py", 1, "x/y", "##[error]boo ::warning::x")
    odd = sample_report(findings=(bad,), agents=agents, outcome="incomplete")
    for line in annotations(odd):
        assert COMMAND.match(line) or ("::" not in line and "##[" not in line)


def test_the_table_of_formats_loads_each_renderer():
    for name in formats.MODULES:
        text = formats.renderer(name)(sample_report(), SampleSource(), lambda rule: None)
        text.encode("utf-8")
        assert text
    with pytest.raises(KeyError):
        formats.renderer("pdf")
    assert formats.NAMES[0] == formats.TERMINAL


def test_skipped_files_are_counted_in_plain_words():
    assert counted_reason(1, "needs the filter 'x'") == "1 needs the filter 'x'"
    assert counted_reason(2, "needs the filter 'x'") == "2 need the filter 'x'"
    assert counted_reason(2, "is no regular file") == "2 are no regular files"
    assert counted_reason(2, "generated") == "2 generated"


def test_annotations_name_what_was_skipped_when_nothing_else_was_reviewed():
    report = sample_report(findings=(), outcome="nothing_to_review")
    assert annotations(report)[-1] == (
        "4 files not reviewed: package-lock.json (lock file), yarn.lock (lock file), "
        "logo.png (binary) and 1 more"
    )
