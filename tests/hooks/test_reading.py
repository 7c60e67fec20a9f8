"""Every format is parsed into one typed value; errors have their line."""

import copy
import hashlib
import json
from pathlib import Path

import pytest

from reviewloop.hooks.condition import ConditionError, parse_condition
from reviewloop.hooks.hook import Event
from reviewloop.hooks.reading import read_hooks
from reviewloop.specs.files import MemoryFiles

ARTICLES = Path(__file__).parents[1] / "data/hooks"
OWN = "name: a\ntrigger:\n  event: file.save\n  filter: ['*.py']\naction:\n  command: ruff check\n"


def read(path, text):
    data = text if isinstance(text, bytes) else text.encode()
    return read_hooks(MemoryFiles({path: data}))


def test_the_hooks_of_the_articles_are_taken_as_they_are_printed():
    files = {f".reviewloop/hooks/{f.name}": f.read_bytes() for f in ARTICLES.iterdir()}
    found = read_hooks(MemoryFiles(files))
    assert found.errors == ()
    named = {hook.name: hook for hook in found.hooks}
    assert len(named) == 6 + 5 + 5
    tagging = named["AWS Resource Tagging"]
    assert (tagging.event, tagging.blocking) == (Event.FILE_SAVE, True)
    assert named["template on_commit 1"].blocking
    assert named["template on_save 1"].timeout == 2
    documented = named["Auto-Documentation"]
    assert documented.fits_path("src/a/b.py")
    assert not documented.fits_path("src/a/__init__.py")
    assert not documented.fits_path("tests/a.py")


def test_three_formats_of_kiro_become_the_same():
    new = {"name": "n", "trigger": "PreTaskExec", "action": {"type": "command", "command": "x"}}
    old = {"name": "o", "when": {"type": "fileEdited", "patterns": ["**/*.py"]}}
    old |= {"then": {"type": "runCommand", "command": "ruff $KIRO_HOOK_FILE", "timeout": 5}}
    inside = {"preToolUse": [{"matcher": "fs_write", "command": "y", "timeout_ms": 2000}]}
    off = {**new, "name": "off", "enabled": False}
    files = {
        ".kiro/hooks/n.json": {"version": "v1", "hooks": [new, off]},
        ".kiro/hooks/o.kiro.hook": old,
        ".kiro/agents/mine.json": {"name": "mine", "prompt": "p", "hooks": inside},
    }
    found = read_hooks(MemoryFiles({p: json.dumps(v).encode() for p, v in files.items()}))
    assert found.problems == ()
    facts = {h.name: (h.event, h.command, h.timeout, h.blocking) for h in found.hooks}
    assert facts == {
        "n": (Event.TASK_START, "x", 60, True),
        "o": (Event.FILE_SAVE, "ruff $KIRO_HOOK_FILE", 5, False),
        "mine preToolUse": (Event.TOOL_BEFORE, "y", 2, True),
    }
    [first] = [hook for hook in found.hooks if hook.name == "n"]
    assert [first.blocks(code) for code in (0, 1, 2, None)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("path", "text", "expected"),
    [
        (".kiro/hooks/a.json", "{\n", ".kiro/hooks/a.json:2: not valid JSON"),
        (".reviewloop/hooks/a.yaml", "a: [\n", "a.yaml:2: not valid YAML"),
        (
            ".reviewloop/hooks/a.yaml",
            OWN.replace("file.save", "file.saved"),
            "a.yaml:3: there is no event 'file.saved', did you mean file.save?",
        ),
        (".reviewloop/hooks/a.yaml", OWN + "  prompt: x\n", "two actions"),
        (".reviewloop/hooks/a.yaml", OWN + "  auto_commit: true\n", "auto_commit: true is refused"),
        (
            ".reviewloop/hooks/a.yaml",
            OWN.replace("ruff check", "'ruff {fil}'"),
            "a.yaml:6: there is no placeholder {fil}",
        ),
        (".reviewloop/hooks/a.yaml", OWN.replace("command:", "comand:"), "did you mean command?"),
        (
            ".reviewloop/hooks/a.yaml",
            OWN.replace("  filter", '  condition: __import__("os")\n  filter'),
            "the condition cannot be read",
        ),
        (".reviewloop/hooks/a.yaml", "a: &x 1\nb: *x\n", "anchors"),
        (".reviewloop/hooks/a.ts", "import x from 'y'\nx()\n", "only one `export const"),
        (".kiro/hooks/a.json", '{"trigger": "Saved"}', "there is no event 'Saved'"),
        (".kiro/hooks/a.json", b'"\xff', "not valid JSON"),
    ],
)
def test_what_cannot_be_used_is_reported(path, text, expected):
    found = read(path, text)
    assert found.hooks == ()
    assert expected in found.errors[0].sentence


def test_a_hook_without_a_filter_and_a_name_given_twice():
    found = read(".reviewloop/hooks/a.yaml", OWN.replace("  filter: ['*.py']\n", ""))
    assert [(one.level, "no filter" in one.text) for one in found.problems] == [("warning", True)]
    files = {f".reviewloop/hooks/{name}.yaml": OWN.encode() for name in "ab"}
    twice = read_hooks(MemoryFiles(files))
    assert "two hooks are called 'a'" in twice.errors[0].text


def test_consent_is_bound_to_the_script_that_a_command_starts():
    text = OWN.replace("ruff check", "python tools/check.py")
    digests = set()
    for script in (b"1", b"2"):
        files = {".reviewloop/hooks/a.yaml": text.encode(), "tools/check.py": script}
        digests.add(read_hooks(MemoryFiles(files)).hooks[0].digest)
    assert len(digests) == 2


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("file_size_kb > 10 or cyclomatic_complexity > 15", True),
        ("file_size_kb > 10 and cyclomatic_complexity > 15", False),
        ("not (file_size_kb <= 12)", False),
        ("lines != 3", False),
    ],
)
def test_conditions(text, result):
    facts = {"file_size_kb": 12, "cyclomatic_complexity": 2, "lines": 3, "changed_files": 1}
    assert parse_condition(text)(facts) is result


@pytest.mark.parametrize(
    "text", ["__import__('os')", "lines", "lines > ", "a > 1", "(lines > 1", "lines > 1 lines"]
)
def test_nothing_else_is_a_condition(text):
    with pytest.raises(ConditionError):
        parse_condition(text)


def template(entry, gates=""):
    return read(".reviewloop/hooks/a.yaml", f"hooks:\n  on_commit:\n  - {entry}\n{gates}")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("{pattern: '*', action: securityScan, config: {tool: trivi}}", "tool of security-scan"),
        ("{pattern: '*', action: securityScan, tol: trivy}", "did you mean tool?"),
        ("{pattern: '*', action: securityScam}", "did you mean securityScan?"),
        ("{pattern: '*', action: regenerateTests}", "not at git.pre-commit"),
        ("{pattern: '*', action: syncSpecDesign, diff_threshold: 2}", "less than or equal to 1"),
    ],
)
def test_an_action_that_cannot_be_done_so_is_told(entry, said):
    [problem] = template(entry).errors
    assert said in problem.text
    assert problem.line in {2, 3}  # of its list, or of the entry


def test_quality_gates_tell_actions_what_their_entry_does_not():
    gates = "quality_gates: {lint_strict_mode: true, security_scan_tool: grype, other: 1}\n"
    [lint] = template("{pattern: '*', action: runLinter}", gates).hooks
    assert (dict(lint.options), lint.blocking) == ({"strict_mode": True}, True)
    [own] = template("{pattern: '*', action: security_scan, tool: trivy}", gates).hooks
    assert (dict(own.options), own.blocking) == ({"tool": "trivy"}, False)


def test_our_grammar_names_an_action_and_a_scope():
    text = "name: a\ntrigger: {event: file.save, filter: ['*.py']}\naction: "
    [hook] = read(".reviewloop/hooks/a.yaml", text + "{run: lint_and_fix}").hooks
    assert (hook.action, dict(hook.options)) == ("lint", {"fix_on_save": True})
    scoped = text + "{prompt: p, scope: documentation, writes: ['src/**']}"
    [hook] = read(".reviewloop/hooks/a.yaml", scoped).hooks
    assert (hook.scope, hook.writes) == ("documentation", ("src/**",))
    for wrong, said in (
        ("{run: runLinter, command: x}", "two actions"),
        ("{prompt: p, scope: docs}", "scope"),
        ("{run: runLinter, type: agent}", "does not fit"),
    ):
        [problem] = read(".reviewloop/hooks/a.yaml", text + wrong).errors
        assert said in problem.text


def test_what_takes_its_own_time_has_no_usual_timeout_and_consents_of_before_hold():
    text = OWN.replace("command: ruff check", "prompt: Look.")
    [hook] = read(".reviewloop/hooks/a.yaml", text).hooks
    assert hook.timeout == 0
    assert hook.digest == hook.model_copy(update={"timeout": 60.0}).digest
    [told] = read(".reviewloop/hooks/a.yaml", text + "  timeout: 5\n").hooks
    assert (told.timeout, told.digest == hook.digest) == (5, False)


def test_a_consent_of_before_scopes_still_holds():
    [hook] = read(".reviewloop/hooks/a.yaml", OWN).hooks
    facts = hook.model_dump(mode="json", exclude={"line", "scope", "writes"})
    old = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    assert hook.digest == old
    assert hook.model_copy(update={"scope": "tests"}).digest != old


STRANGE = (
    None,
    True,
    7,
    -1,
    10**400,
    float("nan"),
    float("inf"),
    "",
    "x",
    [],
    [1],
    [[]],
    {},
    {"a": 1},
)
DOCUMENTS = {
    ".kiro/hooks/a.json": {
        "name": "a",
        "trigger": "PreToolUse",
        "matcher": "write",
        "timeout": 3,
        "enabled": True,
        "confirm": False,
        "action": {"type": "command", "command": "x", "timeout": 3},
    },
    ".kiro/hooks/a.kiro.hook": {
        "name": "a",
        "when": {"type": "fileEdited", "patterns": ["*"], "toolTypes": ["write"]},
        "then": {"type": "runCommand", "command": "x", "timeout": 2},
    },
    ".kiro/agents/a.json": {"hooks": {"stop": [{"command": "x", "matcher": "", "timeout_ms": 2}]}},
    ".reviewloop/hooks/a.yaml": {
        "name": "a",
        "description": "d",
        "enabled": True,
        "trigger": {"event": "file.save", "filter": ["*"], "condition": "lines > 1", "tool": ""},
        "action": {
            **{"type": "agent", "prompt": "x", "scope": "file", "writes": ["*"], "mode": "sync"},
            **{"auto_commit": False, "require_approval": True, "blocking": True, "timeout": 1},
            "run_tests": True,
        },
    },
    ".reviewloop/hooks/b.yaml": {
        "name": "a",
        "trigger": {"event": "git.pre-commit"},
        "action": {"run": "securityScan", "config": {"tool": "trivy", "failOnCritical": True}},
    },
    ".reviewloop/hooks/c.yaml": {
        "hooks": {
            "on_commit": [
                {
                    **{"pattern": "*", "action": "security_scan", "fail_on": "high", "name": "a"},
                    **{"mode": "sync", "blocking": False, "timeout_ms": 3, "config": {}},
                }
            ]
        },
        "quality_gates": {"security_scan_tool": "trivy"},
    },
}


def _places(value, path=()):
    yield path
    inner = value.items() if isinstance(value, dict) else ()
    for key, one in enumerate(value) if isinstance(value, list) else inner:
        yield from _places(one, (*path, key))


def _with(value, path, new):
    if not path:
        return new
    copied = copy.copy(value)
    copied[path[0]] = _with(value[path[0]], path[1:], new)
    return copied


@pytest.mark.parametrize("path", DOCUMENTS)
def test_no_value_at_any_place_breaks_the_reading(path):
    whole = DOCUMENTS[path]
    assert read(path, json.dumps(whole)).errors == ()
    for place in _places(whole):
        for strange in STRANGE:
            found = read(path, json.dumps(_with(whole, place, strange)))
            assert all(one.line >= 1 and one.text for one in found.problems)
            assert all(0 <= hook.timeout < 1e9 for hook in found.hooks)
