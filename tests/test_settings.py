"""Settings: five layers, each wrong value named at its location, nothing widened by a file."""

import re
import tomllib
from typing import Any

import pytest

from reviewloop.domain.errors import UsageError
from reviewloop.settings import Settings, load_settings, settings_template


def load(
    user: str | None = None,
    repository: str | None = None,
    environ: dict[str, str] | None = None,
    flags: dict[str, Any] | None = None,
    name: str = "reviewloop.toml",
):
    return load_settings(
        user=user.encode() if user is not None else None,
        repository=repository.encode() if repository is not None else None,
        repository_name=name,
        environ=environ or {},
        flags=flags or {},
    )


def test_later_layers_win_and_each_value_names_its_origin():
    loaded = load(
        user="[limits]\nusd = 8\ntokens = 900\nminutes = 50\nrounds = 2",
        repository="[limits]\ntokens = 800\nminutes = 40\nrounds = 1",
        environ={"REVIEWLOOP_LIMITS__MINUTES": "30", "REVIEWLOOP_LIMITS__ROUNDS": "3"},
        flags={"limits.rounds": 0, "limits.usd": None},
    )
    limits, origins = loaded.settings.limits, loaded.origins
    assert (limits.usd, limits.tokens, limits.minutes, limits.rounds) == (8, 800, 30, 0)
    assert origins["limits.usd"] == "user file"
    assert origins["limits.tokens"] == "reviewloop.toml"
    assert origins["limits.minutes"] == "REVIEWLOOP_LIMITS__MINUTES"
    assert origins["limits.rounds"] == "flag"
    assert origins["limits.repairs"] == "default"


def test_without_any_file_the_defaults_hold():
    assert load().settings == Settings()


def test_a_repository_may_deny_more_commands_and_trust_fewer():
    mine = '[tools]\ntrusted_commands = ["npm test", "git status"]\ndenied_commands = ["sudo"]\n'
    theirs = '[tools]\ntrusted_commands = ["npm test"]\ndenied_commands = ["rm -rf"]\n'
    tools = load(user=mine, repository=theirs).settings.tools
    assert tools.trusted_commands == ("npm test",)
    assert tools.denied_commands == ("sudo", "rm -rf")
    for wider in ('["npm test", "curl *"]', "[]"):
        with pytest.raises(UsageError, match=r"tools.trusted_commands is .* may only narrow it"):
            load(user=mine, repository=f"[tools]\ntrusted_commands = {wider}\n")


@pytest.mark.parametrize(
    "setting",
    ["trusted_commands = ['a | b']", "denied_commands = ['a; b']", "denied_commands = ['']"],
)
def test_a_pattern_that_is_no_command_is_refused(setting):
    with pytest.raises(UsageError, match="expected commands such as 'git push'"):
        load(user=f"[tools]\n{setting}\n")


def test_settings_are_read_from_pyproject():
    loaded = load(
        repository='[project]\nname = "x"\n[tool.reviewloop.limits]\nusd = 1\n',
        name="pyproject.toml",
    )
    assert loaded.settings.limits.usd == 1
    assert loaded.origins["limits.usd"] == "pyproject.toml"


def test_pyproject_without_our_table_says_nothing():
    assert load(repository='[project]\nname="x"', name="pyproject.toml").settings == Settings()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[limits]\nround = 2", "reviewloop.toml: there is no setting limits.round; "
         "did you mean limits.rounds?"),
        ("[limit]\nrounds = 2", "reviewloop.toml: there is no setting limit; did you mean limits?"),
        ("usd = 3", "reviewloop.toml: there is no setting usd; did you mean limits.usd?"),
        ("[gates.tests]\ncommand = []", "reviewloop.toml: there is no setting gates.tests; "
         "did you mean gates.test?"),
        ("[zebra]", "reviewloop.toml: there is no setting zebra; `reviewloop config show` lists "
         "all settings"),
        ("[limits]\nrounds = 4", "reviewloop.toml: limits.rounds is 4, expected at most 3"),
        ("[limits]\nfix_retries = 3", "reviewloop.toml: limits.fix_retries is 3, expected at "
         "most 2"),
        ("[limits]\nrepairs = 3", "reviewloop.toml: limits.repairs is 3, expected at most 2"),
        ("[limits]\nusd = 'lots'", "reviewloop.toml: limits.usd is 'lots', expected a number"),
        ("[limits]\nusd = true", "reviewloop.toml: limits.usd is true, expected a number"),
        ("[limits]\nusd = inf", "reviewloop.toml: limits.usd is inf, expected a finite number"),
        ("[limits]\nusd = 0", "reviewloop.toml: limits.usd is 0, expected more than 0"),
        ("[limits]\nagent_turns = 1.5", "reviewloop.toml: limits.agent_turns is 1.5, expected a "
         "whole number"),
        ("limits = 3", "reviewloop.toml: limits is 3, expected a table"),
        ("[gates.test]\ncommand = 'pytest'", "reviewloop.toml: gates.test.command is 'pytest', "
         "expected a list of strings"),
        ("[gates.test]\ncommand = ['pytest', 3]", "reviewloop.toml: gates.test.command is 3, "
         "expected a string"),
        ("[gates.test]\ncommand = ['']", "reviewloop.toml: gates.test.command is (''), "),
        ("[gates]\nreuse = ['../other']", "reviewloop.toml: gates.reuse is '../other', expected a "
         "path inside the repository, without '..'"),
        ("[gates.coverage]\nthreshold = 80", "reviewloop.toml: gates.coverage.threshold is 80, "
         "expected at most 1"),
        ("[models]\nper_agent = {fix = 3}", "reviewloop.toml: models.per_agent.fix is 3, expected "
         "a string"),
        ("[models]\nreasoning = ''", "reviewloop.toml: models.reasoning is '', expected a string "
         "that is not empty"),
        ("[rules]\n'py/*' = 'never'", "reviewloop.toml: rules.py/* is 'never', expected 'off', "
         "'must', 'should' or 'nit'"),
        ("[governance]\nchange_types = ['database_shema']", "reviewloop.toml: "
         "governance.change_types is 'database_shema', expected 'database_schema', "
         "'security_config', 'ci_pipeline', 'environment_variables', 'dependencies' or "
         "'public_interface'; did you mean 'database_schema'?"),
        ("[governance]\nchange_types = ['ci_cd_pipeline']", "reviewloop.toml: "
         "governance.change_types is 'ci_cd_pipeline', expected 'database_schema', "
         "'security_config', 'ci_pipeline', 'environment_variables', 'dependencies' or "
         "'public_interface'; did you mean 'ci_pipeline'?"),
        ("[commit]\nsign = 'perhaps'", "reviewloop.toml: commit.sign is 'perhaps', expected true "
         "or false"),
        ("[limits]\nusd = 3\nusd = 4\n", "reviewloop.toml:3: not valid TOML: Cannot overwrite a "
         "value"),
        ("[limits\n", "reviewloop.toml:1: not valid TOML: "),
        ("[limits]\nusd = ", "reviewloop.toml:2: not valid TOML: "),
    ],
)  # fmt: skip
def test_wrong_file_is_one_sentence_that_names_file_key_and_expectation(text, message):
    with pytest.raises(UsageError) as caught:
        load(repository=text)
    said = str(caught.value)
    assert "\n" not in said
    start = message.partition(" is (''), ")[0]
    assert said.startswith(start), said


def test_wrong_value_is_reported_even_where_a_later_layer_overrides_it():
    with pytest.raises(UsageError, match=r"limits\.rounds is 9"):
        load(repository="[limits]\nrounds = 9", flags={"limits.rounds": 1})


def test_file_that_is_not_utf8_is_named_with_its_line():
    with pytest.raises(UsageError, match=r"reviewloop\.toml:2: not UTF-8"):
        load_settings(
            user=None,
            repository=b"[limits]\n# \xff",
            repository_name="reviewloop.toml",
            environ={},
            flags={},
        )


@pytest.mark.parametrize(
    ("variable", "text", "message"),
    [
        ("REVIEWLOOP_LIMITS__ROUND", "2", "did you mean REVIEWLOOP_LIMITS__ROUNDS?"),
        ("REVIEWLOOP_LIMITS_ROUNDS", "2", "did you mean REVIEWLOOP_LIMITS__ROUNDS?"),
        ("REVIEWLOOP_X__Y", "2", "REVIEWLOOP_X__Y is no setting"),
        ("REVIEWLOOP_LIMITS__USD", "a", "REVIEWLOOP_LIMITS__USD is 'a', expected a number"),
        ("REVIEWLOOP_LIMITS__ROUNDS", "4", "REVIEWLOOP_LIMITS__ROUNDS is '4', expected at most 3"),
        ("REVIEWLOOP_GATES__TEST__COMMAND", "pytest", "expected a JSON list such as"),
        ("REVIEWLOOP_MODELS__PER_AGENT", "[]", "expected a JSON object such as"),
    ],
)
def test_wrong_environment_variable_is_named(variable, text, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        load(environ={variable: text})


def test_environment_gives_lists_tables_and_switches():
    loaded = load(
        environ={
            "REVIEWLOOP_GATES__TEST__COMMAND": '["pytest", "-x"]',
            "REVIEWLOOP_MODELS__PER_AGENT": '{"review-security": "generation"}',
            "REVIEWLOOP_COMMIT__SIGN": "true",
            "REVIEWLOOP_STATE_DIR": "/somewhere",
            "REVIEWLOOP_FAULT": "node:3",
        }
    )
    assert loaded.settings.gates.test.command == ("pytest", "-x")
    assert loaded.settings.models.per_agent == {"review-security": "generation"}
    assert loaded.settings.commit.sign
    assert loaded.origins["models.per_agent.review-security"] == "REVIEWLOOP_MODELS__PER_AGENT"


def test_agents_models_of_two_files_are_merged_by_agent():
    loaded = load(
        user='[models.per_agent]\nfix = "generation"\n"review-a.b" = "x:y"',
        repository='[models.per_agent]\nfix = "reasoning"',
    )
    assert loaded.settings.models.per_agent == {"fix": "reasoning", "review-a.b": "x:y"}


def test_repository_may_lower_what_a_run_costs():
    assert load(repository="[limits]\nusd = 2").settings.limits.usd == 2


@pytest.mark.parametrize(
    ("user", "repository", "message"),
    [
        ("", "[limits]\nusd = 11", "reviewloop.toml: limits.usd is 11, above 10 (the default)"),
        ("[limits]\nusd = 5", "[limits]\nusd = 6", "limits.usd is 6, above 5 (your own file)"),
        ("[limits]\ngate_seconds = 60", "[limits]\ngate_seconds = 61", "above 60 (your own file)"),
        ("[governance]\nfiles = 3", "[governance]\nfiles = 4", "above 3 (your own file)"),
        ("", "[tools]\nexecute_bash = true", "tools.execute_bash is True, but a repository may"),
        ("", "[models]\nendpoint_url = 'http://x'", "a repository may not decide this"),
        ("", "[models]\nrole_arn = 'arn:x'", "a repository may not decide this"),
        ("", "[models]\ntracing = true", "a repository may not decide this"),
    ],
)
def test_repository_cannot_widen_what_the_user_allows(user, repository, message):
    with pytest.raises(UsageError, match=re.escape(message)):
        load(user=user, repository=repository)


def test_user_environment_and_flag_may_raise_the_cost():
    assert load(environ={"REVIEWLOOP_LIMITS__USD": "50"}).settings.limits.usd == 50
    assert load(flags={"limits.usd": 60.0}).settings.limits.usd == 60
    assert load(user="[limits]\nusd = 70").settings.limits.usd == 70


def test_repository_adds_to_what_is_protected_and_removes_nothing():
    loaded = load(
        user="[guard]\nprotected_branches = ['main', 'live']",
        repository="[guard]\nprotected_branches = ['trunk']\nsecret_files = []",
    )
    assert loaded.settings.guard.protected_branches == ("main", "live", "trunk")
    assert loaded.settings.guard.secret_files == Settings().guard.secret_files


def test_bash_is_switched_on_by_user_file_or_flag_only():
    assert load(user="[tools]\nexecute_bash = true").settings.tools.execute_bash
    assert load(flags={"tools.execute_bash": True}).settings.tools.execute_bash
    with pytest.raises(UsageError, match="REVIEWLOOP_TOOLS__EXECUTE_BASH cannot switch"):
        load(environ={"REVIEWLOOP_TOOLS__EXECUTE_BASH": "1"})


def test_commands_of_the_repository_file_are_named_for_trust():
    text = """
        [gates]
        python = "tools/python"
        [gates.test]
        command = ["make", "check"]
        [gates.build]
        command = []
        [follow_ups]
        push_and_pr = ["./push.sh"]
    """
    loaded = load(repository=text)
    assert loaded.repository_commands == {
        "gates.python": ("tools/python",),
        "gates.test.command": ("make", "check"),
        "follow_ups.push_and_pr": ("./push.sh",),
    }
    assert len(loaded.commands_digest) == 64
    assert load(repository=text.replace("check", "all")).commands_digest != loaded.commands_digest


def test_commands_of_the_user_need_no_trust():
    loaded = load(
        user="[gates.test]\ncommand = ['pytest']",
        repository="[gates.lint]\ncommand = ['ruff']",
        environ={"REVIEWLOOP_GATES__LINT__COMMAND": '["mine"]'},
    )
    assert (loaded.repository_commands, loaded.commands_digest) == ({}, "")


def test_unknown_flag_is_refused():
    with pytest.raises(UsageError, match=r"command line: there is no setting limits\.usdd"):
        load(flags={"limits.usdd": 1})


def test_template_holds_every_setting_with_its_default():
    text = settings_template({"gates.test.command": "detected: pytest -q\n[limits]\nusd = 99"})
    assert "# detected: pytest -q [limits] usd = 99\n" in text
    assert load(repository=text).settings == Settings()
    uncommented = re.sub(r"(?m)^# (?=[a-z_]+ = )", "", text)
    assert load(repository=uncommented).settings == Settings()  # nothing a repository may not set
    values = tomllib.loads(uncommented)
    assert Settings.model_validate(values) == Settings()
    assert values["limits"]["rounds"] == 3


def test_settings_survive_the_run_record():
    settings = load(user="[gates.test]\ncommand = ['x']").settings
    assert Settings.model_validate(settings.model_dump(mode="json")) == settings


def test_a_repository_narrows_what_a_workspace_gets_and_never_widens_it():
    wide = '[workspace]\nlfs = "copy"\nsubmodules = "copy"\n'
    narrow = '[workspace]\nlfs = "pointer"\nsubmodules = "empty"\n'
    files = load(user=wide, repository=narrow).settings.workspace
    assert (files.lfs, files.submodules) == ("pointer", "empty")
    assert load(user=wide, repository=wide).settings.workspace.lfs == "copy"
    for user in (None, narrow):
        with pytest.raises(UsageError, match=r"reviewloop\.toml: workspace\.lfs is 'copy', more"):
            load(user=user, repository=wide)
    with pytest.raises(UsageError, match=r"workspace\.submodules is 'copy', more than 'empty'"):
        load(repository='[workspace]\nsubmodules = "copy"\n')
