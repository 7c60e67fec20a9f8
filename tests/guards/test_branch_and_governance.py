import pytest

from reviewloop.domain.gate import GateStatus
from reviewloop.guards import branch, governance
from reviewloop.settings import Settings

PLAIN = "def f(a):\n    if a:\n        return 1\n    return 2\n"


@pytest.mark.parametrize("name", ["main", "master", "refs/heads/main"])
def test_protected_branch_is_a_hard_stop(name):
    assert branch.check_branch(name, Settings()).status is GateStatus.HARD_STOP


def test_other_branch_passes():
    assert branch.check_branch("mainline", Settings()).status is GateStatus.PASSED


def test_detached_head_is_a_hard_stop():
    assert branch.check_branch(None, Settings()).status is GateStatus.HARD_STOP


def test_branch_protected_by_a_pattern_is_named_with_it(project, with_settings):
    with_settings(guard={"protected_branches": ("release/*",)})
    result = branch.check(project.change({"a.py": "x = 1\n"}, branch="release/2.0"))
    assert result.status is GateStatus.HARD_STOP
    assert "by the pattern release/*" in result.summary


def test_small_change_passes_and_says_what_it_measured(project):
    project.commit({"a.py": PLAIN})
    result = governance.check(project.change({"a.py": PLAIN.replace("2", "3")}))
    assert result.status is GateStatus.PASSED
    assert result.summary == "1 file, 2 lines, complexity +0 %"


def test_many_files_need_a_person(project):
    change = project.change({f"f{n}.txt": "x\n" for n in range(11)})
    result = governance.check(change)
    assert result.status is GateStatus.NEEDS_USER
    assert result.details["reasons"] == ["11 files changed (limit 10)"]


def test_many_lines_need_a_person(project):
    result = governance.check(project.change({"data.txt": "x\n" * 501}))
    assert result.details["reasons"] == ["501 lines changed (limit 500)"]


def test_sensitive_paths_need_a_person(project):
    paths = [
        *(".github/workflows/ci.yml", "Dockerfile", "app/migrations/1.py", "db/schema.sql"),
        *("db/migration/V1.sql", "infra/production_stack.ts", "infra/production-eu/a.tf"),
        *("src/schema/x.ts", "sub/.github/workflows/x.yml"),
    ]
    result = governance.check(project.change(dict.fromkeys(paths, "x\n")))
    assert result.status is GateStatus.NEEDS_USER
    by_path = [r.split(" matches ")[0] for r in result.details["reasons"] if " matches " in r]
    assert sorted(by_path) == sorted(paths)


@pytest.mark.parametrize(
    ("path", "before", "branch"),
    [
        ("a.py", PLAIN, "def g(a):\n    while a and not f(1):\n        a -= 1\n"),
        (
            "a.js",
            "function f(a) { if (a) { return 1 } return 2 }\n",
            "function g(a) { if (a && b) { return 1 } }\n",
        ),
    ],
)
def test_growth_of_complexity_needs_a_person(project, with_settings, path, before, branch):
    project.commit({path: before})
    result = governance.check(project.change({path: before + 2 * branch}))
    assert result.details["complexity_before"] == 2
    assert result.details["complexity_after"] == 8
    assert "grew by 300 %" in result.details["reasons"][0]
    # A share of little is little, unless the settings say otherwise.
    result = governance.check(project.change({path: before + branch}))
    assert result.details["complexity_after"] == 5
    assert result.status is GateStatus.PASSED
    assert "complexity +150 %" in result.summary
    with_settings(governance={"complexity_growth": 3})
    result = governance.check(project.change({path: before + branch}))
    assert "grew by 150 % (2 to 5, limit 20 %)" in result.details["reasons"][0]


def test_tests_may_be_as_many_as_they_like(project):
    project.commit({"a.py": PLAIN, "tests/test_a.py": "def test_a():\n    pass\n"})
    more = "".join(f"def test_{n}():\n    pass\n" for n in range(20))
    result = governance.check(project.change({"tests/test_a.py": more}))
    assert result.status is GateStatus.PASSED


def test_language_without_measure_is_said(project):
    result = governance.check(project.change({"a.zig": "fn f() void {}\n"}))
    assert result.summary == "1 file, 1 line (not measured: .zig)"


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("package.json", '{"scripts": {"test": "jest"}}', '{"scripts": {"test": "true"}}'),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = --co\n"),
        (
            "pyproject.toml",
            "[tool.pytest.ini_options]\n",
            "[tool.pytest.ini_options]\naddopts = '--co'\n",
        ),
        ("web/package.json", '{"jest": {}}', '{"jest": {"testPathIgnorePatterns": ["a"]}}'),
        ("setup.cfg", "[tool:pytest]\n", "[tool:pytest]\naddopts = --co\n"),
    ],
)
def test_change_of_what_judges_it_needs_a_person(project, path, before, after):
    project.commit({path: before})
    result = governance.check(project.change({path: after}))
    assert result.status is GateStatus.NEEDS_USER
    assert "takes part in judging changes" in result.summary


@pytest.mark.parametrize(
    ("path", "before", "after"),
    [
        ("pyproject.toml", "[project]\n", "[project]\n[tool.pytest]\naddopts = ['--co']\n"),
        ("setup.cfg", "[metadata]\n", "[metadata]\n[tool:pytest]\naddopts = --co\n"),
        ("package.json", "{}", '{"jest": {"testPathIgnorePatterns": ["a"]}}'),
    ],
)
def test_new_rules_for_tests_need_a_person_where_there_are_tests(project, path, before, after):
    project.commit({path: before})
    assert governance.check(project.change({path: after})).status is GateStatus.PASSED
    project.commit({"tests/test_a.py": "def test_a():\n    pass\n"})
    result = governance.check(project.change({path: after}, label="guard-2-"))
    assert f"{path} takes part in judging changes" in result.summary


def test_other_parts_of_a_project_file_do_not_judge(project):
    project.commit({"package.json": '{"scripts": {"test": "jest"}}'})
    added = '{"scripts": {"test": "jest"}, "keywords": ["a"]}'
    result = governance.check(project.change({"package.json": added}))
    assert result.status is GateStatus.PASSED


def test_protected_files_need_a_person_and_are_said_once(project):
    project.commit({".vscode/tasks.json": "{}", "package.json": "{}", "a.py": PLAIN})
    change = project.change(
        {
            ".vscode/tasks.json": None,
            ".Mcp.json": "{}",
            "web/.GITHUB/workflows/x.yml": "on: push\n",
            ".github/workflows/ci.yml": "on: push\n",
            "package.json": '{"scripts": {"postinstall": "x"}}',
            "uv.lock": "version = 1\n",
            "a.py": PLAIN + "\n",
        }
    )
    result = governance.check(change)
    kinds = result.details["change_types"]
    reasons = [one for one in result.details["reasons"] if one.split(" ")[0] not in kinds]
    said = {reason.split(" ")[0]: reason for reason in reasons}
    assert len(said) == len(reasons) == 6
    assert "a.py" not in said
    assert said[".vscode/tasks.json"].endswith("runs when somebody opens the folder")
    assert said["package.json"].endswith("has scripts that package tools run by themselves")


def test_public_names_that_a_change_brings_are_counted_with_their_descriptions(project):
    project.commit({"a.py": 'def old():\n    """Old."""\n\n\ndef bare(): ...\n'})
    new = 'def told():\n    """Told."""\n\n\nclass Bare:\n    def _own(self): ...\n'
    details = governance.check(
        project.change(
            {
                "a.py": f'def old():\n    """Old."""\n\n\ndef bare(): ...\n\n\n{new}',
                "web.ts": "/** Told. */\nexport function told() {}\nexport class Bare {}\n",
                "tests/test_a.py": "def test_a(): ...\n",
            }
        )
    ).details
    assert (details["public_names"], details["described_names"]) == (4, 2)
