"""`init`, `config show` and `trust` in a real repository."""

import json
import re
import stat
import tomllib

import pytest

from reviewloop.settings import Settings
from reviewloop.store.trust import TrustStore


@pytest.fixture
def python_project(project, git):
    """Return the current repository with a pytest suite in it."""
    (project / "pyproject.toml").write_text("[tool.pytest.ini_options]\naddopts = '-q'\n")
    (project / "tests").mkdir()
    (project / "tests/test_one.py").write_text("def test_one():\n    assert True\n")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "tests")
    return project


def test_init_writes_defaults_as_comments_and_says_what_was_detected(python_project, reviewloop):
    said = reviewloop("init")
    assert (said.code, said.out) == (0, "")
    text = (python_project / "reviewloop.toml").read_text()
    assert Settings.model_validate(tomllib.loads(text)) == Settings()
    named = re.findall(r"^# (\w+) = ", text, re.MULTILINE)
    assert (len(named), len(text.splitlines()) < 60) == (10, True)
    assert "# rounds = 3\n" in text
    assert "# detected: python -m pytest" in text
    assert "gates.test: detected: python -m pytest" in said.err
    assert "wrote reviewloop.toml" in said.err


def test_init_names_no_place_of_this_machine(python_project, reviewloop, tmp_path):
    text = reviewloop("init", "--print").out
    assert str(tmp_path) not in text
    assert not (python_project / "reviewloop.toml").exists()


def test_init_never_overwrites_unless_told(project, reviewloop):
    file = project / "reviewloop.toml"
    file.write_text("# mine\n")
    said = reviewloop("init")
    assert said.code == 2
    assert "reviewloop.toml is there already and was left alone" in said.err
    assert file.read_text() == "# mine\n"
    assert reviewloop("init", "--force").code == 0
    assert file.read_text() != "# mine\n"


def test_init_does_not_write_through_a_link(project, reviewloop, tmp_path):
    target = tmp_path / "elsewhere.toml"
    target.write_text("# theirs\n")
    (project / "reviewloop.toml").symlink_to(target)
    assert reviewloop("init").code == 2
    assert reviewloop("init", "--force").code == 0
    assert target.read_text() == "# theirs\n"


def test_init_leaves_settings_in_pyproject_alone(project, reviewloop):
    (project / "pyproject.toml").write_text("[tool.reviewloop.limits]\nusd = 1\n")
    said = reviewloop("init")
    assert said.code == 2
    assert "[tool.reviewloop] in pyproject.toml holds" in said.err


def test_init_outside_of_a_repository_is_refused(tmp_path, monkeypatch, reviewloop):
    monkeypatch.chdir(tmp_path)
    said = reviewloop("init")
    assert said.code == 2
    assert "not inside a git repository" in said.err


def test_config_shows_each_value_with_its_origin(project, reviewloop, monkeypatch, private_home):
    own = private_home / ".config/reviewloop"
    own.mkdir(parents=True)
    (own / "config.toml").write_text("[limits]\ntokens = 5000\n")
    (project / "reviewloop.toml").write_text("[limits]\nusd = 2.5\n")
    monkeypatch.setenv("REVIEWLOOP_LIMITS__ROUNDS", "1")
    said = reviewloop("config", "show")
    assert said.code == 0
    lines = {line.split()[0]: line for line in said.out.splitlines() if line.strip()}
    assert lines["limits.usd"].endswith("2.5  (reviewloop.toml)  Most US dollars one run may cost.")
    assert "5000  (user file)  " in lines["limits.tokens"]
    assert "1  (REVIEWLOOP_LIMITS__ROUNDS)  " in lines["limits.rounds"]
    assert "(default)  Longest active time" in lines["limits.minutes"]
    assert "none found" in lines["review"]  # an empty home


def test_config_as_json_is_one_versioned_object(project, reviewloop):
    said = reviewloop("config", "show", "--json")
    report = json.loads(said.out)
    assert (report["version"], report["kind"], said.err) == (1, "config", "")
    usd = next(entry for entry in report["settings"] if entry["name"] == "limits.usd")
    assert (usd["value"], usd["origin"]) == (10.0, "default")
    assert usd["description"]
    assert {"review", "implement", "fix"} <= {entry["step"] for entry in report["models"]}


def test_config_shows_the_settings_of_a_repository_without_commits(
    tmp_path, monkeypatch, reviewloop, git
):
    git(tmp_path, "init", "-q")
    (tmp_path / "reviewloop.toml").write_text("[limits]\nusd = 2.5\n")
    monkeypatch.chdir(tmp_path)
    said = reviewloop("config", "show")
    assert said.code == 0
    assert "2.5  (reviewloop.toml)" in said.out


def test_config_works_outside_of_a_repository(tmp_path, monkeypatch, reviewloop):
    monkeypatch.chdir(tmp_path)
    assert reviewloop("config", "show").code == 0


def test_wrong_settings_are_one_sentence(project, reviewloop):
    (project / "reviewloop.toml").write_text("[limits]\nround = 3\n")
    said = reviewloop("config", "show")
    assert said == (
        2,
        "",
        "reviewloop: reviewloop.toml: there is no setting limits.round; "
        "did you mean limits.rounds?\n",
    )


def test_users_own_file_is_named_with_its_place(project, reviewloop, private_home):
    own = private_home / ".config/reviewloop"
    own.mkdir(parents=True)
    (own / "config.toml").write_text("[limits\n")
    said = reviewloop("config", "show")
    assert said.err.startswith("reviewloop: ~/.config/reviewloop/config.toml:1: not valid TOML")


def test_two_files_with_settings_are_refused(project, reviewloop):
    (project / "reviewloop.toml").write_text("")
    (project / "pyproject.toml").write_text("[tool.reviewloop]\n")
    said = reviewloop("config", "show")
    assert said.code == 2
    assert "both hold settings; keep one" in said.err


def test_broken_pyproject_of_another_tool_is_not_our_business(project, reviewloop):
    (project / "pyproject.toml").write_text("reviewloop = [\n")
    assert reviewloop("config", "show").code == 0


@pytest.mark.usefixtures("quick_tools")
def test_trust_holds_for_exactly_the_commands_that_were_shown(project, reviewloop, private_home):
    file = project / "reviewloop.toml"
    file.write_text('[gates.test]\ncommand = ["make", "check it"]\n')
    said = reviewloop("trust")
    assert said.code == 2
    assert "add --yes" in said.err
    assert said.out == "gates.test.command (reviewloop.toml): make 'check it'\n"
    doctor = " ".join(reviewloop("doctor", "--offline").out.split())
    assert "wait for your consent (gates.test.command)" in doctor

    assert reviewloop("trust", "--yes").code == 0
    assert "already" in reviewloop("trust").err
    assert "consent" not in reviewloop("doctor", "--offline").out
    mode = (private_home / "state/trust.json").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600

    file.write_text('[gates.test]\ncommand = ["make", "evil"]\n')
    assert reviewloop("trust").code == 2
    file.write_text('[gates.test]\ncommand = ["make", "check it"]\n')
    assert reviewloop("trust", "--revoke").code == 0
    assert reviewloop("trust").code == 2


def test_trust_without_commands_has_nothing_to_ask(project, reviewloop):
    said = reviewloop("trust")
    assert said.code == 0
    assert "nothing to agree to" in said.err


@pytest.mark.usefixtures("quick_tools")
def test_interpreter_named_by_an_untrusted_repository_is_not_started(project, reviewloop):
    program = project / "tools/bin/python"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\ntouch started\n")
    program.chmod(0o755)
    (project / "reviewloop.toml").write_text('[gates]\npython = "tools/bin/python"\n')
    assert reviewloop("doctor", "--offline").code == 2
    assert reviewloop("init", "--print").code == 0
    assert not (project / "started").exists()


def test_consents_of_two_repositories_do_not_mix(tmp_path):
    store = TrustStore(tmp_path)
    store.trust("one", "d1", {"gates.test.command": ("x",)})
    assert store.is_trusted("one", "d1")
    assert not store.is_trusted("two", "d1")
    assert store.is_trusted("two", "")
    assert store.revoke("one") == 1
    assert not store.is_trusted("one", "d1")
