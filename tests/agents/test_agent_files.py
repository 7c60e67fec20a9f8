"""Existing agent files: parsed leniently, granted strictly."""

import json

import pytest

from reviewloop.agents import (
    AgentFile,
    build_team,
    collect_agent_files,
    parse_agent,
    prompt_reader,
    shipped_agent_files,
)
from reviewloop.domain.errors import UsageError

READ_ONLY = ("fs_read", "code", "grep", "glob")


def agent_file(data, path=".kiro/agents/review-api.json", place="kiro") -> AgentFile:
    if isinstance(data, dict):
        data = json.dumps(data)
    return AgentFile(place, path, data.encode() if isinstance(data, str) else data)


def parse(data, **kwargs):
    return parse_agent(agent_file(data, **kwargs), lambda _path: None)


def test_raw_line_feeds_inside_json_strings_are_read():
    agent = parse('{"name": "review-api",\n "prompt": "You read.\nThen\tyou report.", "tools": []}')
    assert agent.prompt == "You read.\nThen\tyou report."


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_and_utf_16_are_read(encoding):
    assert parse('{"name": "review-api", "prompt": "é"}'.encode(encoding)).prompt == "é"


def test_unknown_keys_are_kept_and_ignored_ones_are_mentioned():
    agent = parse(
        {
            "$schema": "x",
            "prompt": "p",
            "keyboardShortcut": "ctrl+r",
            "hooks": {"agentSpawn": [{"command": "touch x"}]},
            "mcpServers": {"a": {"command": "evil"}},
            "toolsSettings": {},
        }
    )
    assert agent.name == "review-api"
    assert agent.extra["keyboardShortcut"] == "ctrl+r"
    assert set(agent.extra) == {
        "$schema", "keyboardShortcut", "hooks", "toolsSettings",
    }  # fmt: skip
    assert agent.own_servers == {
        "a": {"command": "evil"}
    }  # started by nobody who does not trust it
    assert [note.partition(":")[0] for note in agent.notes] == ["hooks"]


def test_a_mistyped_key_or_tool_is_told_with_the_nearest_name():
    agent = parse({"prompt": "p", "allowedTols": [], "tools": ["greb", "web_fetch"]})
    assert agent.notes == ("allowedTols: no such key; did you mean allowedTools?",)
    assert agent.dropped_tools == ("greb (did you mean grep?)", "web_fetch")


@pytest.mark.parametrize("tools", [None, [], "*", ["*"], ["@builtin"], ["read"], ["fs_read"]])
def test_a_reviewer_reads_whatever_its_file_says(tools):
    fields = {"prompt": "p"} if tools is None else {"prompt": "p", "tools": tools}
    agent = parse(fields)
    assert agent.tools == READ_ONLY
    assert agent.dropped_tools == ()


def test_what_a_reviewer_may_not_have_is_dropped_by_name():
    asked = ["read", "write", "fs_write", "shell", "execute_bash", "use_aws", "@git/push", "code"]
    agent = parse({"prompt": "p", "tools": asked})
    assert agent.tools == READ_ONLY
    assert agent.dropped_tools == tuple(asked[1:6])
    assert agent.servers == ("@git/push",)


def test_an_implementer_gets_what_its_file_asks_for_and_no_tools_without_the_key():
    path = ".kiro/agents/implement.json"
    agent = parse({"prompt": "p", "tools": ["read", "write", "web_fetch"]}, path=path)
    assert agent.tools == ("fs_read", "grep", "glob", "fs_write", "run_gate")
    assert agent.dropped_tools == ("web_fetch",)
    assert parse({"prompt": "p"}, path=path).tools == ()
    star = parse({"prompt": "p", "tools": ["*"], "excludedTools": ["shell"]}, path=path)
    assert star.tools == (*READ_ONLY, "fs_write", "run_gate")


def test_the_re_reviewer_gets_no_tools_because_it_sees_the_fix_diff_only():
    agent = parse({"prompt": "p", "tools": ["fs_read"]}, path=".kiro/agents/quick-review.json")
    assert agent.tools == ()
    assert agent.dropped_tools == ("fs_read",)


def test_a_markdown_agent_is_read():
    text = "---\r\nname: review-docs\r\ntools: [read]\r\nmodel: m\r\n---\r\nYou read docs.\r\n"
    agent = parse(text, path=".kiro/agents/docs.md")
    assert (agent.name, agent.prompt, agent.model) == ("review-docs", "You read docs.", "m")


@pytest.mark.parametrize(
    ("text", "line", "advice"),
    [
        ('{"name": "a",\n "prompt": "p",\n}', 2, "comma before }"),
        ('{"name": "a"\n "prompt": "p"}', 2, "comma is missing"),
        ('{\n// me\n"name": "a"}', 2, "no comments"),
        ("{\n'name': 'a'}", 2, "double quotes"),
        ('{"name": "a,\n"prompt": "p"}', 2, "double quote"),
        ('{"prompt": "a \\d b"}', 1, "backslash"),
        ('{"name": "a"', 1, "ends before"),
        ('{"name": NULL}', 1, "not valid JSON"),
        ("", 1, "empty"),
        ("[]", 1, "one JSON object"),
        ('{"name": "review-a",\n"prompt": 3}', 2, "prompt must be a text"),
        ('{"name": "review-a",\n"prompt": "p",\n"tools": {"a": 1}}', 3, "tools must be a list"),
        ('{"name":\n"review-a"}', 1, "no prompt"),
        ('{"prompt": "p",\n"name": "review-a b"}', 2, "must be letters"),
        ('{"prompt": "p",\n"resources": 1}', 2, "resources must be a list"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_a_malformed_file_is_named_with_its_line_and_what_to_do(text, line, advice):
    with pytest.raises(UsageError) as caught:
        parse(text)
    assert str(caught.value).startswith(f".kiro/agents/review-api.json:{line}: ")
    assert advice in str(caught.value)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("---\nname: [\n---\nhi", ":3:"),
        ("---\nname: x\nhi", ":1:"),
        ("---\n- a\n---\nhi", ":2:"),
        ("---\nd: 2024-99-99\n---\nhi", ":1:"),
    ],
)
def test_a_malformed_front_matter_is_named_with_its_line(text, place):
    with pytest.raises(UsageError, match=rf"^\.kiro/agents/review-x\.md{place} "):
        parse(text, path=".kiro/agents/review-x.md")


def test_a_byte_that_is_not_utf_8_is_named_with_its_line():
    with pytest.raises(UsageError, match=r":2: byte 16 is not utf-8"):
        parse(b'{"prompt": "p",\n\xff')


def test_resources_stay_texts_and_others_are_mentioned():
    agent = parse({"prompt": "p", "resources": ["file://docs/**/*.md", {"type": "knowledgeBase"}]})
    assert agent.resources == ("file://docs/**/*.md",)
    assert "resources" in agent.notes[0]


# Prompts in files


@pytest.fixture
def home(private_home):
    (private_home / ".kiro/agents").mkdir(parents=True)
    return private_home


def put(folder, name, text):
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_prompt_file_is_found_relative_to_the_agent_file(tmp_path, home):
    put(tmp_path, ".kiro/agents/prompts/api.md", "\ufeffRead.\r\n")
    put(tmp_path, ".kiro/shared.md", "Shared.")
    read = prompt_reader(tmp_path, home)
    near = agent_file({"prompt": "file://./prompts/api.md"})
    above = agent_file({"prompt": "file://../shared.md"})
    assert parse_agent(near, read).prompt == "Read."
    assert parse_agent(above, read).prompt == "Shared."


@pytest.mark.parametrize(
    ("target", "problem"),
    [
        ("file:///etc/passwd", "absolute"),
        ("file://~/.ssh/id_rsa", "absolute"),
        ("file://../../../secret", "leaves the project"),
        ("file://missing.md", "does not exist"),
    ],
)
def test_a_project_file_cannot_read_prompts_from_elsewhere(tmp_path, home, target, problem):
    project = tmp_path / "a/b"
    put(tmp_path, "secret", "s")
    with pytest.raises(UsageError, match=problem):
        parse_agent(agent_file({"prompt": target}), prompt_reader(project, home))


def test_a_prompt_link_that_leaves_the_project_is_refused(tmp_path, home):
    project = tmp_path / "project"
    secret = put(tmp_path, "secret", "s")
    link = project / ".kiro/agents/p.md"
    link.parent.mkdir(parents=True)
    link.symlink_to(secret)
    with pytest.raises(UsageError, match="outside the project"):
        parse_agent(agent_file({"prompt": "file://p.md"}), prompt_reader(project, home))


def test_a_users_file_may_name_prompts_in_its_kiro_folder_only(tmp_path, home):
    put(home, ".kiro/prompts/p.md", "Mine.")
    put(home, "elsewhere.md", "Not this.")
    read = prompt_reader(tmp_path, home)

    def user(target):
        file = agent_file({"prompt": target}, path="~/.kiro/agents/review-me.json", place="user")
        return parse_agent(file, read).prompt

    assert user("file://../prompts/p.md") == "Mine."
    assert user(f"file://{home}/.kiro/prompts/p.md") == "Mine."
    for outside in ("file://../../elsewhere.md", f"file://{home}/elsewhere.md"):
        with pytest.raises(UsageError, match=r"leaves the ~/\.kiro|outside the project"):
            user(outside)


# The team


def test_the_first_file_of_a_name_wins_and_the_others_are_listed(tmp_path, home):
    for folder in (tmp_path / ".reviewloop", tmp_path / ".kiro", home / ".kiro"):
        put(folder, "agents/s.json", json.dumps({"name": "review-security", "prompt": folder.name}))
    put(tmp_path, ".kiro/agents/team/review-api.json", '{"prompt": "nested"}')
    put(tmp_path, ".kiro/agents/README.md", "# no agent")
    put(tmp_path, ".kiro/agents/planner.json", '{"name": "planner", "tools": 3}')
    team = build_team(collect_agent_files(tmp_path, home), prompt_reader(tmp_path, home))
    names = [agent.name for agent in team.reviewers]
    assert names == sorted([
        "review-api", "review-infrastructure", "review-maintainability", "review-performance",
        "review-security", "review-test-quality",
    ])  # fmt: skip
    security = next(agent for agent in team.reviewers if agent.name == "review-security")
    assert security.origin == ".reviewloop/agents/s.json"
    assert [(s.winner, s.loser) for s in team.shadowed] == [
        (".reviewloop/agents/s.json", ".kiro/agents/s.json"),
        (".reviewloop/agents/s.json", "~/.kiro/agents/s.json"),
        (".reviewloop/agents/s.json", "agents/review-security.json (shipped)"),
    ]


def test_a_team_without_reviewers_is_refused():
    files = [f for f in shipped_agent_files() if not f.path.startswith("agents/review-")]
    with pytest.raises(UsageError, match="no reviewers"):
        build_team(files, lambda _path: None)


def test_an_implementer_that_cannot_write_is_refused():
    mine = agent_file({"prompt": "p", "tools": ["read"]}, path=".kiro/agents/implement.json")
    with pytest.raises(UsageError, match=r"implement\.json:1: implement cannot change files"):
        build_team([mine, *shipped_agent_files()], lambda _path: None)


def test_an_agent_file_that_links_out_of_the_project_is_refused(tmp_path, home):
    project = tmp_path / "project"
    link = project / ".kiro/agents/review-x.json"
    link.parent.mkdir(parents=True)
    link.symlink_to(put(tmp_path, "x.json", "{}"))
    with pytest.raises(UsageError, match="leaves the project"):
        collect_agent_files(project, home)


def test_a_resource_of_another_kind_is_said_to_be_not_read():
    agent = parse({"prompt": "p", "resources": ["skill://a/SKILL.md", "https://example.org/a"]})
    assert "the others are not" in agent.notes[0]
    assert not parse({"prompt": "p", "resources": ["skill://a/SKILL.md", "file://a"]}).notes
