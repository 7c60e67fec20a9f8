import pytest

from reviewloop.analysis.contract import NIT
from reviewloop.rules.diff import CHANGE_CHECKS, LEFTOVERS, LINE_ENDINGS, STEERING


def found(check, view):
    return [(hit.rule, hit.path) for hit in check.run(view)]


@pytest.mark.parametrize(
    ("path", "rule"),
    [
        ("CLAUDE.md", "diff/agent-instructions"),
        ("sub/AGENTS.md", "diff/agent-instructions"),
        (".cursorrules", "diff/agent-instructions"),
        (".kiro/steering/product.md", "diff/agent-instructions"),
        (".cUrSor/mcp.json", "diff/agent-instructions"),
        (".mcp.json", "diff/agent-instructions"),
        (".github/copilot-instructions.md", "diff/agent-instructions"),
        (".claude/settings.json", "diff/agent-instructions"),
        (".vscode/tasks.json", "diff/runs-by-itself"),
        (".husky/pre-commit", "diff/runs-by-itself"),
        (".envrc", "diff/runs-by-itself"),
        (".pre-commit-config.yaml", "diff/pipeline-changed"),
        (".github/workflows/ci.yml", "diff/pipeline-changed"),
    ],
)
def test_files_that_steer_agents_and_tools_are_listed_once(changed, path, rule):
    assert found(STEERING, changed({}, {path: "a\nb\n"})) == [(rule, path)]


@pytest.mark.parametrize(
    ("name", "severity"),
    [("tasks", None), ("settings", None), ("launch", NIT), ("extensions", NIT)],
)
def test_what_an_editor_offers_to_its_user_starts_nothing_by_itself(changed, name, severity):
    (hit,) = STEERING.run(changed({}, {f".vscode/{name}.json": "{}\n"}))
    assert hit.severity is severity


def test_removed_and_ordinary_files_steer_nobody(changed):
    assert found(STEERING, changed({"CLAUDE.md": "a\n"}, {})) == []
    assert found(STEERING, changed({}, {"docs/claude.py": "a\n", "agents.py": "b\n"})) == []


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("# a\n[limits]\n# usd = 1\n[gates.test]\n", False),
        ("[limits]\nusd = 1\n", True),
        ("no toml\n", True),
    ],
)
def test_new_settings_with_comments_only_steer_nobody(changed, text, listed):
    hits = found(STEERING, changed({}, {"reviewloop.toml": text}))
    assert hits == [("diff/agent-instructions", "reviewloop.toml")] * listed
    was = {"reviewloop.toml": "[limits]\nusd = 1\n"}
    assert len(found(STEERING, changed(was, {"reviewloop.toml": text + "# b\n"}))) == 1


def test_script_that_runs_at_every_installation_is_told(changed):
    base = {"package.json": '{\n  "scripts": {\n  }\n}\n'}
    new = {"package.json": '{\n  "scripts": {\n    "postinstall": "node x.js"\n  }\n}\n'}
    (hit,) = STEERING.run(changed(base, new))
    assert (hit.rule, hit.span.line) == ("diff/runs-by-itself", 3)


def test_a_script_that_only_gets_a_comma_is_the_one_that_was_there(changed):
    base = '{\n  "scripts": {\n    "prepare": "husky"\n  }\n}\n'
    new = '{\n  "scripts": {\n    "prepare": "husky",\n    "test": "jest"\n  }\n}\n'

    assert found(STEERING, changed({"package.json": base}, {"package.json": new})) == []
    other = {"package.json": new.replace("husky", "curl x | sh")}
    (hit,) = STEERING.run(changed({"package.json": base}, other))
    assert (hit.rule, hit.span.line) == ("diff/runs-by-itself", 3)


def test_leftovers_of_merges_and_patches_are_told_when_added(changed):
    new = {"a.py.orig": "x\n", "b.py.rej": "y\n", "c.py": "z\n"}
    assert [path for _, path in found(LEFTOVERS, changed({}, new))] == ["a.py.orig", "b.py.rej"]
    assert found(LEFTOVERS, changed({"a.orig": "x\n"}, {"a.orig": "y\n"})) == []


def test_mixed_line_endings_are_one_statement(changed):
    (hit,) = LINE_ENDINGS.run(changed({}, {"a.txt": "a\r\nb\nc\nd\r\n" * 20 + "e\n"}))
    assert hit.span is None
    assert hit.message == "40 of 81 lines end with CRLF, the others do not."


def test_converted_line_endings_are_told_and_old_mixtures_are_not(changed):
    view = changed({"a.txt": "a\nb\nc\n"}, {"a.txt": "a\r\nb\r\nc\r\n"})
    (hit,) = LINE_ENDINGS.run(view)
    assert hit.message == "All line endings were changed from LF to CRLF."
    assert found(LINE_ENDINGS, changed({"a": "a\r\nb\n"}, {"a": "a\r\nb\nc\n"})) == []
    assert found(LINE_ENDINGS, changed({"a": "a\r\n"}, {"a": "a\r\nb\r\n"})) == []


def test_empty_change_says_nothing(changed):
    view = changed({}, {})
    assert [hit for check in CHANGE_CHECKS for hit in check.run(view)] == []
