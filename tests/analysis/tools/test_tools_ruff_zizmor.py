"""The two tools that are always there, run for real."""

from dataclasses import replace

import pytest
from support.analysed_files import source

from reviewloop.analysis.contract import AnalyserStatus, Options
from reviewloop.analysis.tools import TOOLS, find_tool, run_tool, tool_rule
from reviewloop.domain.finding import Severity

RUFF, ZIZMOR = TOOLS[:2]


def said(tool, *files, options=None):
    done = run_tool(tool, files, options or Options())
    return {(h.rule, h.path, h.span.line if h.span else 0) for h in done.hits}


@pytest.mark.parametrize("tool", [RUFF, ZIZMOR], ids=lambda tool: tool.name)
def test_core_tools_are_found_without_path_and_without_being_started(tool, monkeypatch):
    monkeypatch.setenv("PATH", "")
    found = find_tool(tool)
    assert found is not None
    assert found.version.count(".") == 2


def test_each_finding_lands_on_its_line_and_columns():
    text = 'import os\n\n\ndef f(é):\n    "ü"; os.system("ls " + é)\n    return eval(é)\n'
    done = run_tool(RUFF, [source("pkg/a.py", text)], Options())
    spans = {hit.rule: hit.span for hit in done.hits}
    assert spans["ruff/S605"] == (5, 5, 10, 19)
    assert spans["ruff/S307"] == (6, 6, 12, 19)
    assert done.report.status is AnalyserStatus.DONE


def test_comments_silence_everything_but_security():
    text = (
        "import os, sys  # noqa\nx = eval('1')  # noqa: S307\ny = eval('1')  # ruff: ignore[S307]\n"
    )
    rules = {rule for rule, _, _ in said(RUFF, source("a.py", text))}
    assert rules == {"ruff/S307"}
    assert len(said(RUFF, source("a.py", text))) == 2
    assert ("ruff/F401", "b.py", 1) in said(RUFF, source("b.py", "import os\n"))
    whole = "# ruff: noqa\nimport os\nx = eval('1')\n"
    assert said(RUFF, source("c.py", whole)) == {("ruff/S307", "c.py", 3)}


def test_syntax_error_is_one_red_finding_and_not_a_failure():
    done = run_tool(RUFF, [source("a.py", "def f(:\n    pass\nx = (\n")], Options())
    (hit,) = done.hits
    assert (hit.rule, hit.span.line) == ("ruff/invalid-syntax", 1)
    assert tool_rule(hit.rule).severity is Severity.MUST_FIX
    assert done.report.status is AnalyserStatus.DONE


def test_template_of_python_is_not_taken_for_python():
    path = "{{cookiecutter.name}}/app.py"
    assert said(RUFF, source(path, "import {{ cookiecutter.name }}\n")) == set()


def test_modern_syntax_is_no_error():
    text = "type A = int\n\n\ndef f[T](x: T) -> str:\n    match x:\n        case _:\n"
    text += "            return f'{f'{x}'}'\n"
    assert said(RUFF, source("a.py", text)) == set()


@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_line_ends_do_not_move_lines(end):
    text = end.join(["import json", "", "x = eval(json)", "y = eval(json)", ""])
    assert {line for _, _, line in said(RUFF, source("a.py", text))} == {3, 4}


def test_lone_carriage_returns_are_no_lines_of_ours():
    text = "x = 1\ry = eval('1')\nz = eval('2')\n"
    done = run_tool(RUFF, [source("a.py", text)], Options())
    assert {tuple(hit.span) for hit in done.hits} == {(1, 1, 11, 20), (2, 2, 5, 14)}


def test_form_feed_and_line_separators_are_no_lines():
    text = "x = '\u2028'\n\x0c\ny = eval(x)  # \x0b \u0085\nz = eval(x)\n"
    assert {line for _, _, line in said(RUFF, source("a.py", text))} == {3, 4}


def test_names_of_files_cannot_become_options():
    path = "--select=X\n; touch /tmp/x/ü\u202e.py"
    assert said(RUFF, source(path, "eval('1')\n")) == {("ruff/S307", path, 1)}


@pytest.mark.parametrize("name", ["ruff.toml", ".ruff.toml", "pyproject.toml"])
def test_configuration_of_the_repository_changes_nothing_unless_trusted(
    tmp_path, monkeypatch, name
):
    table = "[lint]\n" if name != "pyproject.toml" else "[tool.ruff.lint]\n"
    (tmp_path / name).write_text(f'{table}ignore = ["S307"]\n')
    monkeypatch.chdir(tmp_path)
    file = source("a.py", "eval('1')\n")
    config = source(name, (tmp_path / name).read_text())
    assert ("ruff/S307", "a.py", 1) in said(RUFF, file, config)
    trusted = Options(repository_configuration=True, checkout=str(tmp_path))
    assert ("ruff/S307", "a.py", 1) not in said(RUFF, file, options=trusted)


def test_ignores_for_some_files_hold_where_the_configuration_is_trusted(tmp_path):
    (tmp_path / "ruff.toml").write_text('[lint.per-file-ignores]\n"scripts/*" = ["S3"]\n')
    trusted = Options(repository_configuration=True, checkout=str(tmp_path))
    files = [source("scripts/a.py", "eval('1')\n"), source("pkg/a.py", "eval('1')\n")]
    assert said(RUFF, *files, options=trusted) == {("ruff/S307", "pkg/a.py", 1)}


def test_link_out_of_the_checkout_is_no_configuration(tmp_path):
    outside = tmp_path / "outside.toml"
    outside.write_text('lint.ignore = ["S307"]\n')
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / "ruff.toml").symlink_to(outside)
    trusted = Options(repository_configuration=True, checkout=str(checkout))
    assert said(RUFF, source("a.py", "eval('1')\n"), options=trusted)


def test_fixes_say_whether_they_are_safe():
    done = run_tool(RUFF, [source("a.py", "import os\nprint(f'x')\n")], Options())
    fixes = {hit.rule: hit.fix for hit in done.hits}
    assert fixes["ruff/F401"].safe
    (edit,) = fixes["ruff/F401"].edits
    assert (tuple(edit.span), edit.text) == ((1, 2, 1, 1), "")


@pytest.mark.slow
def test_more_files_than_a_command_line_holds():
    files = [source(f"pkg/m{n}.py", "eval('1')\n") for n in range(4000)]
    done = run_tool(RUFF, files, Options())
    assert done.report.status is AnalyserStatus.DONE
    assert {hit.path for hit in done.hits} == {file.path for file in files}


def test_repeated_import_is_a_nit_and_a_lost_function_is_not():
    imports = (
        "import sys\nimport sys\nfrom os import (\n    sep,\n)\nfrom os import sep\nimport json\n"
    )
    text = imports + "\n\ndef f():\n    return sep\n\n\ndef f():\n    return 2\n\n\ndef json():\n"
    text += "    return sys\n"
    done = run_tool(RUFF, [source("a.py", text)], Options())
    told = {hit.span.line: hit.severity for hit in done.hits if hit.rule == "ruff/F811"}
    assert told == {2: Severity.NIT, 6: Severity.NIT, 14: None, 18: Severity.SHOULD_FIX}
    assert tool_rule("ruff/F811").severity is Severity.MUST_FIX
    assert "test" not in tool_rule("ruff/F811").why


def test_package_hands_on_what_it_imports():
    text = "from os import path\n"
    assert said(RUFF, source("pkg/__init__.py", text)) == set()
    assert said(RUFF, source("pkg/a.py", text)) == {("ruff/F401", "pkg/a.py", 1)}


def test_package_and_stub_files_are_told_apart_from_modules():
    assert said(RUFF, source("pkg/__init__.py", "eval('1')\n"), source("a.pyi", "x: int\n"))
    assert said(RUFF, source("bin/tool", "#!/usr/bin/env python3\neval('1')\n"))


def test_another_ruff_may_not_know_a_rule():
    place = RUFF.arguments.index("{selection}")
    arguments = (*RUFF.arguments[:place], "--select", "ZZZ9,S,XYZ", *RUFF.arguments[place + 1 :])
    done = run_tool(replace(RUFF, arguments=arguments), [source("a.py", "eval('1')\n")], Options())
    assert done.report.status is AnalyserStatus.DONE
    assert [hit.rule for hit in done.hits] == ["ruff/S307"]


WORKFLOW = """name: é
on: issue_comment
jobs:
  x:
    runs-on: ubuntu-latest
    steps:
      - run: echo "é${{ github.event.comment.body }}"
"""


def test_workflow_is_read_with_its_lines_and_columns():
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", WORKFLOW)], Options())
    (hit,) = [h for h in done.hits if h.rule == "zizmor/template-injection"]
    assert hit.path == ".github/workflows/a.yml"
    line = WORKFLOW.split("\n")[hit.span.line - 1]
    assert line[hit.span.column - 1 : hit.span.end_column - 1] == "github.event.comment.body"
    assert tool_rule(hit.rule).severity is Severity.MUST_FIX
    assert hit.severity is None


@pytest.mark.parametrize(
    ("said", "on", "severity"),
    [
        ("github.event.comment.body", "issue_comment", None),
        ("github.event.comment.body", "{issue_comment: {types: [created]}}", None),
        ("github.event.comment.body", "[push, workflow_call]", None),
        ("github.event.comment.body", "[push, release]", Severity.SHOULD_FIX),
        ("github.head_ref", "pull_request_target", None),
        ("github.event.pull_request.head.ref", "pull_request_target", None),
        ("github.event.pull_request.base.ref", "pull_request_target", Severity.SHOULD_FIX),
        ("github.head_ref", "pull_request", Severity.SHOULD_FIX),
        ("github.event.workflow_run.head_branch", "workflow_run", None),
        ("github.event.workflow_run.head_branch", "release", Severity.SHOULD_FIX),
        ("github.event.head_commit.message", "push", None),
        ("github.ref_name", "issue_comment", Severity.SHOULD_FIX),
        ("inputs.tag", "issue_comment", Severity.SHOULD_FIX),
        (
            "github.event.pull_request.head.repo.full_name",
            "pull_request_target",
            Severity.SHOULD_FIX,
        ),
    ],
)
def test_only_what_strangers_write_into_a_run_with_rights_makes_a_script_critical(
    said, on, severity
):
    text = WORKFLOW.replace("github.event.comment.body", said)
    text = text.replace("on: issue_comment", f"on: {on}")
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", text)], Options())

    hits = [hit for hit in done.hits if hit.rule == "zizmor/template-injection"]
    found = [hit.severity or tool_rule(hit.rule).severity for hit in hits]
    assert all(level is not Severity.MUST_FIX for level in found) == (severity is not None)
    assert found


@pytest.mark.parametrize(
    ("reads", "critical"),
    [
        ("", False),
        ("          ref: ${{ github.event.pull_request.head.sha }}\n", True),
        ("          ref: ${{ env.HEAD }}\n", True),
        ("          name: ${{ env.HEAD }}\n", False),
        ("#          ref: ${{ env.HEAD }}\n", False),
        ('      - run: git fetch origin "$HEAD"\n', False),
        ('      - run: git fetch origin "$HEAD" && git diff "$HEAD" | wc -l\n', False),
        ('      - run: git fetch origin "$HEAD" && git checkout FETCH_HEAD\n', True),
        ('      - run: git -C code reset --hard "$HEAD"\n', True),
    ],
)
def test_a_trigger_is_critical_where_code_of_strangers_is_read(reads, critical):
    named = "HEAD" in reads and "env:\n  HEAD: ${{ github.event.pull_request.head.sha }}\n"
    text = (
        "name: a\non: pull_request_target\n"
        + (named or "")
        + "jobs:\n  x:\n    runs-on: ubuntu-latest\n    steps:\n"
        "      - uses: actions/checkout@v4\n        with:\n          persist-credentials: false\n"
    )
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", text + reads)], Options())

    (hit,) = [hit for hit in done.hits if hit.rule == "zizmor/dangerous-triggers"]
    severity = hit.severity or tool_rule(hit.rule).severity
    assert severity is (Severity.MUST_FIX if critical else Severity.SHOULD_FIX)


@pytest.mark.parametrize(
    ("step", "critical"),
    [
        ("      - uses: actions/checkout@v4\n        with:\n          ref: SHA\n", True),
        ("      - run: echo SHA\n", False),
        (
            "      - uses: actions/checkout@v4\n        with:\n          ref: refs/pull/1/merge\n",
            False,
        ),
    ],
)
def test_a_run_after_another_is_critical_where_it_takes_that_code(step, critical):
    text = (
        "name: a\non:\n  workflow_run:\n    workflows: [b]\njobs:\n  x:\n"
        "    runs-on: ubuntu-latest\n    steps:\n"
        + step.replace("SHA", "${{ github.event.workflow_run.head_sha }}")
    )
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", text)], Options())

    (hit,) = [hit for hit in done.hits if hit.rule == "zizmor/dangerous-triggers"]
    severity = hit.severity or tool_rule(hit.rule).severity
    assert (severity is Severity.MUST_FIX) == critical


_ASKED = [
    "if: contains(fromJSON('[\"OWNER\"]'), github.event.comment.author_association)",
    "if: github.event.pull_request.head.repo.full_name == github.repository",
    "if: github.event.workflow_run.event != 'pull_request'",
]


@pytest.mark.parametrize("asked", ["", *_ASKED])
def test_code_is_taken_from_somebody_whose_rights_were_asked_for_before(asked):
    step = "      - uses: actions/checkout@v4\n        with:\n          ref: refs/pull/1/merge\n"
    late = f"      - run: make\n        {asked}\n" if asked else ""
    for before, after, critical in ((f"    {asked}\n", "", not asked), ("", late, True)):
        text = (
            "name: a\non: issue_comment\njobs:\n  x:\n    runs-on: ubuntu-latest\n"
            f"{before}    steps:\n{step}{after}"
        )
        done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", text)], Options())

        (hit,) = [hit for hit in done.hits if hit.rule == "zizmor/dangerous-triggers"]
        severity = hit.severity or tool_rule(hit.rule).severity
        assert (severity is Severity.MUST_FIX) == critical


def test_what_github_takes_and_zizmor_refuses_is_read_all_the_same():
    computed = (
        "name: a\non: issue_comment\njobs:\n  x:\n    runs-on: ubuntu-latest\n    outputs:\n"
        "      strategy: ${{ steps.a.outputs.b }}\n    steps:\n      - run: true\n"
        "  y:\n    needs: x\n    strategy: ${{ fromJSON(needs.x.outputs.strategy || '{}') }}\n"
        "    runs-on: ubuntu-latest\n    steps:\n"
        "      - run: echo ${{ github.event.comment.body }}\n"
    )
    commented_out = "#on: push\n#jobs:\n\n  # x\n"
    files = [
        source(".github/workflows/a.yml", computed),
        source(".github/workflows/b.yml", commented_out),
    ]

    done = run_tool(ZIZMOR, files, Options())

    assert done.report.status is AnalyserStatus.DONE
    assert ("zizmor/template-injection", 15) in {(hit.rule, hit.span.line) for hit in done.hits}
    assert run_tool(ZIZMOR, files[1:], Options()).report.status is AnalyserStatus.DONE


def test_malformed_workflow_costs_only_itself():
    good = source(".github/workflows/a.yml", WORKFLOW)
    bad = source(".github/workflows/b.yml", "on: push\njobs: 5\n")
    done = run_tool(ZIZMOR, [good, bad], Options())
    assert done.report.status is AnalyserStatus.PARTIAL
    assert done.report.reason.startswith(".github/workflows/b.yml: ")
    assert "zizmor/template-injection" in {hit.rule for hit in done.hits}
    alone = run_tool(ZIZMOR, [bad], Options())
    assert alone.report.status is AnalyserStatus.FAILED
    assert "failed to validate .github/workflows/b.yml as workflow" in alone.report.reason


@pytest.mark.parametrize("text", ["on: push\njobs: [\n", "on: push\non: release\njobs: {}\n"])
def test_what_is_no_yaml_is_left_to_our_check_of_syntax(text):
    good = source(".github/workflows/a.yml", WORKFLOW)
    bad = source(".github/workflows/b.yml", text)
    for files in ((good, bad), (bad,)):
        assert run_tool(ZIZMOR, files, Options()).report.status is AnalyserStatus.DONE
    assert "zizmor/template-injection" in {rule for rule, _, _ in said(ZIZMOR, good, bad)}


@pytest.mark.parametrize(
    ("used", "severity"),
    [
        ("actions/checkout@v4", Severity.NIT),
        ("github/codeql-action/init@v3.1.2", Severity.NIT),
        ("actions/checkout@main", None),
        ("somebody/action@v4", None),
        ("actions-rs/toolchain@v1", None),
    ],
)
def test_release_of_the_runners_own_makers_is_a_nit(used, severity):
    workflow = WORKFLOW.split("      - run")[0] + f"      - uses: {used}\n"
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", workflow)], Options())
    (hit,) = [hit for hit in done.hits if hit.rule == "zizmor/unpinned-uses"]
    assert (hit.severity, tool_rule(hit.rule).severity) == (severity, Severity.SHOULD_FIX)


def test_clean_workflow_is_done_and_silent():
    text = (
        "name: a\non: push\npermissions: {}\njobs:\n  x:\n    name: x\n    runs-on: ubuntu-latest\n"
    )
    text += "    steps:\n      - run: make\n"
    done = run_tool(ZIZMOR, [source(".github/workflows/a.yml", text)], Options())
    assert (done.report.status, done.hits) == (AnalyserStatus.DONE, ())


ACTION = """name: x
runs:
  using: composite
  steps:
    - run: echo ${{ inputs.a }} # zizmor: ignore[template-injection]
      shell: bash
"""


@pytest.mark.parametrize(
    ("value", "severity"),
    [
        ("$OWNER", Severity.NIT),
        ("${{ inputs.owner }}", None),
        ("${{ github.event.pull_request.title }}", None),
    ],
)
def test_a_variable_of_later_steps_is_critical_where_a_caller_writes_it(value, severity):
    action = f"""name: a
description: b
runs:
  using: composite
  steps:
    - run: make
      shell: bash
    - run: echo "A={value}" >> $GITHUB_ENV
      shell: bash
    - run: echo "${{{{ inputs.other }}}}"
      shell: bash
"""
    done = run_tool(ZIZMOR, [source("own/action.yml", action)], Options())

    assert [h.severity for h in done.hits if h.rule == "zizmor/github-env"] == [severity]


def test_action_is_read_and_a_comment_does_not_silence_its_hole():
    done = run_tool(ZIZMOR, [source("tools/setup/action.yml", ACTION)], Options())
    assert [(hit.rule, hit.path) for hit in done.hits] == [
        ("zizmor/template-injection", "tools/setup/action.yml")
    ]
