"""The formatter gate: by the repository's own configuration, for the files of the change."""

import shutil

import pytest

from reviewloop.domain.gate import GateStatus
from reviewloop.guards import formatting
from reviewloop.guards.registry import run_all
from reviewloop.settings import Settings

UGLY, NEAT = "x = {  'a':1 }\n", 'x = {"a": 1}\n'


@pytest.fixture
def on(with_settings):
    return with_settings(gates={"format": {"enabled": True}})


@pytest.fixture
def program(tmp_path, monkeypatch):
    """Return a function: name and script -> a program on PATH."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")

    def install(name, script, where=folder):
        where.mkdir(parents=True, exist_ok=True)
        (where / name).write_text(f"#!/bin/sh\n{script}\n")
        (where / name).chmod(0o755)

    return install


def test_ruff_judges_changed_files_and_no_other(on):
    on.commit({"ruff.toml": "[format]\n", "old.py": UGLY, "a.py": NEAT})
    result = formatting.check(on.change({"a.py": NEAT + UGLY, "b.py": NEAT, "c.txt": "x\n"}))
    assert (result.status, result.excerpt) == (GateStatus.FAILED, "a.py")
    assert result.summary == "ruff formats a.py differently"
    neat = formatting.check(on.change({"b.py": NEAT}, label="2-"))
    assert neat.status is GateStatus.PASSED
    broken = formatting.check(on.change({"b.py": "def (\n"}, label="3-"))
    assert broken.status is GateStatus.FAILED
    assert "could not read" in broken.summary


def test_nobody_who_did_not_ask_is_judged(project):
    project.commit({"ruff.toml": "[format]\n"})
    change = project.change({"a.py": UGLY})
    assert "format" not in [result.name for result in run_all(change)]


PROGRAMS = {
    "black": (
        {".pre-commit-config.yaml": "repos:\n- repo: x\n  hooks:\n  - id: black\n"},
        ("a.py", UGLY),
        'test "$1" = --check && { echo "would reformat $PWD/a.py" >&2; exit 1; }',
    ),
    "gofmt": ({"go.mod": "module a\n"}, ("a.go", "package a\n"), 'test "$1" = -l && echo a.go'),
    "rustfmt": (
        {"Cargo.toml": '[package]\nname = "a"\nedition = "2021"\n'},
        ("src/a.rs", "fn a(){}\n"),
        'test "$*" = "--edition 2021 --check -l ./src/a.rs" && { echo "$PWD/src/a.rs"; exit 1; }',
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_other_formatters_by_what_they_print(on, program, name):
    files, (path, text), script = PROGRAMS[name]
    program(name, script)
    on.commit(files)
    result = formatting.check(on.change({path: text}))
    assert (result.status, result.excerpt) == (GateStatus.FAILED, path), result


def test_prettier_comes_from_node_modules(on, program):
    program("node", "true")
    script = 'test "$1" = --list-different && { echo a.ts; exit 1; }'
    program("prettier", script, on.root / "node_modules/.bin")
    on.commit({".prettierrc": "{}\n", ".gitignore": "node_modules\n"})
    result = formatting.check(on.change({"a.ts": "let a=1\n", "b.py": UGLY}))
    assert (result.status, result.excerpt) == (GateStatus.FAILED, "a.ts"), result


@pytest.mark.skipif(shutil.which("rustfmt") is None, reason="rustfmt is not installed")
def test_rustfmt_itself(on):
    on.commit({"Cargo.toml": '[package]\nname = "a"\nversion = "0.1.0"\nedition = "2021"\n'})
    result = formatting.check(on.change({"src/lib.rs": "pub fn a( ) {}\n"}))
    assert result.status is GateStatus.FAILED


def test_a_configured_command_is_judged_by_its_end(project, with_settings):
    with_settings(gates={"format": {"command": ("sh", "-c", "echo ugly; exit 1")}})
    result = formatting.check(project.change({"a.py": UGLY}))
    assert (result.status, result.excerpt) == (GateStatus.FAILED, "ugly")


def test_a_formatter_that_is_missing_is_not_green(on, program):
    program("other", "true")
    on.commit({"go.mod": "module a\n"})
    result = formatting.check(on.change({"a.go": "package a\n"}))
    assert result.status is GateStatus.NOT_VERIFIABLE
    assert "gofmt is not installed" in result.summary


def test_fixing_on_save_asks_for_the_gate():
    assert formatting.is_requested(
        Settings.model_validate({"gates": {"format": {"fix_on_save": 1}}})
    )
    assert not formatting.is_requested(Settings())
