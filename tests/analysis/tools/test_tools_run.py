"""Reports of tool runs: every failure has its status and never counts as clean."""

import os
import tempfile
from pathlib import Path

import pytest
from support.analysed_files import source

from reviewloop.analysis.contract import MAINTAINABILITY, AnalyserStatus, Options
from reviewloop.analysis.tools import run_tool
from reviewloop.domain.finding import Severity

SPELLER = """
def result(path, number, line):
    column = line.index("teh") + 1
    at = {"startLine": number, "startColumn": column, "endColumn": column + 3}
    where = {"physicalLocation": {"artifactLocation": {"uri": "file://" + path}, "region": at}}
    return {"ruleId": "typo", "level": "note", "message": {"text": "teh"}, "locations": [where]}

if sys.argv[1:] == ["--version"]:
    print("speller 1.2.3")
    sys.exit()
results = []
for path in sys.argv[2:]:
    for number, line in enumerate(open(path, newline="\\n"), start=1):
        if "teh" in line:
            results.append(result(path, number, line))
        if "CRASH" in line:
            sys.exit("error: it hurts")
print(json.dumps({"version": "2.1.0", "runs": [{"tool": {}, "results": results}]}))
sys.exit(1 if results else 0)
"""
FILES = [source("pkg/a.py", "x = 1\n# teh\n"), source("pkg/b.py", "# fine\n")]


def test_a_sarif_tool_is_one_row(script, row):
    script("speller", SPELLER)
    done = run_tool(row(), FILES, Options())
    assert done.report.status is AnalyserStatus.DONE
    assert (done.report.version, done.report.files) == ("1.2.3", 2)
    (hit,) = done.hits
    assert (hit.rule, hit.path, hit.span) == ("speller/typo", "pkg/a.py", (2, 2, 3, 6))
    assert hit.severity is Severity.NIT
    rule = row().policy.rule("typo")
    assert rule.reviewer == MAINTAINABILITY
    assert rule.source == "https://speller.example/rules/typo"


def test_one_file_that_breaks_the_tool_costs_only_itself(script, row):
    script("speller", SPELLER)
    files = [source(f"pkg/m{n}.py", "# teh\n") for n in range(20)]
    files.append(source("pkg/evil.py", "# CRASH\n"))
    done = run_tool(row(), files, Options())
    assert done.report.status is AnalyserStatus.PARTIAL
    assert done.report.reason == "pkg/evil.py: wrote nothing: error: it hurts"
    assert len(done.hits) == 20


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("", "wrote nothing"),
        ("print('no JSON')", "not JSON"),
        ("print('{}')", "another form"),
        ("print('[]')", "another form"),
        ("print('[' * 100000)", "not JSON"),
        ("sys.exit('fatal: out of order')", "fatal: out of order"),
        ("print(json.dumps({'runs': []})); sys.exit(7)", "code 7"),
        (
            "print(json.dumps({'runs': [{'results': [{'ruleId': 'x', 'locations': [{"
            "'physicalLocation': {'artifactLocation': {'uri': '/etc/passwd'}}}]}]}]}))",
            "was not given",
        ),
        (
            "print(json.dumps({'runs': [{'invocations': [{'executionSuccessful': False}]}]}))",
            "failed",
        ),
    ],
)
def test_unusable_output_is_a_failure_with_its_reason(script, row, code, reason):
    script("speller", code or "pass")
    done = run_tool(row(), FILES, Options())
    assert done.report.status is AnalyserStatus.FAILED
    assert reason in done.report.reason
    assert done.hits == ()


def test_tool_that_hangs_is_ended_and_said_so(script, row):
    script("speller", "if '--version' not in sys.argv: time.sleep(600)\nprint('1.0')")
    done = run_tool(row(), FILES, Options(timeout_seconds=1))
    assert done.report.status is AnalyserStatus.FAILED
    assert done.report.reason == "took longer than 1 s"


@pytest.mark.slow
def test_tool_that_floods_is_ended(script, row):
    script("speller", "while True: sys.stdout.write('x' * 1000000)")
    done = run_tool(row(version=("--none",)), FILES[:1], Options())
    assert done.report.status is AnalyserStatus.FAILED
    assert done.report.reason == "wrote more than 64 MB"


def test_missing_tool_is_missing_only_where_it_had_something_to_read(script, row):
    del script
    done = run_tool(row(program="no-such-speller"), FILES, Options())
    assert done.report.status is AnalyserStatus.MISSING
    assert "pip install speller" in done.report.reason
    none = run_tool(row(program="no-such-speller"), [source("x.tf", "")], Options())
    assert none.report.status is AnalyserStatus.NOT_APPLICABLE


def test_tool_sees_neutral_names_in_a_folder_of_its_own(script, row):
    code = (
        "seen = [(p, oct(os.stat(p).st_mode), open(p).read()) for p in sys.argv[2:]]\n"
        "sys.exit('error: ' + json.dumps([os.getcwd(), os.listdir('.'), seen]))"
    )
    script("speller", code)
    hostile = source("--config=x; rm -rf ~\n/é\u202e'\".py", "text\n")
    done = run_tool(row(), [hostile], Options())
    assert "/0/source.py" in done.report.reason
    assert "rm -rf" not in done.report.reason
    assert '/empty", [], ' in done.report.reason
    assert str(Path.cwd()) not in done.report.reason


def test_nothing_is_left_behind(script, row, tmp_path, monkeypatch):
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    monkeypatch.setenv("TMPDIR", str(temporary))
    monkeypatch.setattr(tempfile, "tempdir", None)
    script("speller", SPELLER)
    run_tool(row(), FILES, Options())
    assert os.listdir(temporary) == []


def test_what_was_not_asked_for_is_dropped(script, row):
    script("speller", SPELLER)
    off = row(own_policy=row().policy.__class__("speller", {}, ()))
    done = run_tool(off, FILES, Options())
    assert done.hits == ()
    assert done.report.status is AnalyserStatus.DONE


def test_stopping_ends_the_tool(script, row):
    script("speller", "if '--version' not in sys.argv: time.sleep(600)\nprint('1.0')")
    done = run_tool(row(), FILES, Options(), stop=lambda: True)
    assert done.report.status is AnalyserStatus.FAILED
    assert done.report.reason == "was stopped"


def test_report_file_is_read_in_the_place_of_output(script, row):
    code = (
        "if '--version' in sys.argv: sys.exit()\n"
        "open(sys.argv[1].partition('=')[2], 'w').write(json.dumps({'runs': [{'results': []}]}))"
    )
    script("speller", code)
    tool = row(arguments=("--out={report}", "{folder}"))
    assert run_tool(tool, FILES, Options()).report.status is AnalyserStatus.DONE
