"""Offered tools, answers to wrong calls, and the end of repeated calls."""

import pytest

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.sandbox.command_policy import CommandPolicy
from reviewloop.tools.running import ShellAnswer

READ_ONLY = ("fs_read", "code", "grep", "glob")


def gate(name, paths, tree):
    return GateResult(
        name, GateStatus.FAILED, f"1 failed {' '.join(paths)}".strip(), exit_code=1, excerpt="E x"
    )


def names(tools):
    return [spec.name for spec in tools.toolbox.specs()]


def test_only_what_is_allowed_and_can_work_is_offered(bench):
    assert names(bench({}, allowed=READ_ONLY)) == list(READ_ONLY)
    assert names(bench({}, allowed=())) == []
    assert names(bench({})) == [*READ_ONLY, "fs_write"]
    everything = bench({}, run_gate=gate, gates=("test",), shell=lambda argv, tree: None)  # noqa: S604
    assert names(everything) == [*READ_ONLY, "fs_write", "run_gate", "execute_bash"]
    schema = everything.toolbox.specs()[5].schema
    assert schema["properties"]["name"]["enum"] == ["test"]


def test_a_reviewer_cannot_write_even_if_it_tries(bench):
    tools = bench({"a": "1\n"}, allowed=READ_ONLY)
    result = tools("fs_write", command="delete", path="a")
    assert result.bad_call
    assert result.error
    assert "the tools are: fs_read, code, grep, glob" in result.text
    assert tools.content("a") == b"1\n"


@pytest.mark.parametrize(
    ("name", "args"),
    [("rm", {}), ("execute_bash", {"command": "ls"}), ("run_gate", {"name": "test"}), ("code", {})],
)
def test_a_malformed_call_is_counted_as_one(bench, name, args):
    result = bench({})(name, **args)
    assert (result.error, result.bad_call) == (True, True)


def test_a_failure_of_a_sound_call_is_not_a_malformed_call(bench):
    result = bench({})("fs_read", path="none")
    assert (result.error, result.bad_call) == (True, False)


def test_kiros_other_names_for_the_tools_work(bench):
    assert "# project" in bench({}).ok("read", path="README.md")


def test_a_gate_runs_on_the_tree_as_it_stands(bench):
    seen = []

    def run(name, paths, tree):
        seen.append(tree)
        return gate(name, paths, tree)

    tools = bench({"tests/test_a.py": "x\n"}, run_gate=run, gates=("test",))
    tools.ok("fs_write", command="create", path="b.py", content="x\n")
    text = tools.ok("run_gate", name="test", paths="tests/test_a.py::test_b")
    assert text == "test: failed - 1 failed tests/test_a.py::test_b (exit code 1)\nE x"
    assert seen == [tools.toolbox.tree]
    assert "there is no check 'deploy'; there are: test" in tools.refused("run_gate", name="deploy")
    assert "there is no nope" in tools.refused("run_gate", name="test", paths=["nope"])
    assert "there is no --pdb" in tools.refused("run_gate", name="test", paths=["--pdb"])


def test_a_program_runs_without_a_shell_and_its_files_become_a_tree(bench, tree_with):
    after = tree_with({"made": "x\n"})
    ran = []

    def shell(argv, tree):
        ran.append(argv)
        return ShellAnswer("done", 0, after)

    tools = bench({}, shell=shell, command_policy=CommandPolicy(trusted=("python *",)))
    assert tools.ok("execute_bash", command="python -c 'print(1)'") == "exit code 0\ndone"
    assert ran == [("python", "-c", "print(1)")]
    assert tools.content("made") == b"x\n"
    assert "no shell" in tools.refused("execute_bash", command="python x && rm -rf .")
    assert "is not among tools.trusted" in tools.refused("execute_bash", command=["rm", "-rf", "."])
    assert "cannot be split" in tools.refused("execute_bash", command="python '")
    assert "is empty" in tools.refused("execute_bash", command=[])


def test_a_command_that_is_denied_does_not_run_and_a_person_is_told(bench):
    ran = []

    def shell(argv, tree):
        ran.append(argv)
        return ShellAnswer("", 0, tree)

    tools = bench({}, shell=shell, command_policy=CommandPolicy(denied=("rm -rf",)))
    result = tools("execute_bash", command=["bash", "-c", "cd . && rm -r -f shop"])
    assert (result.error, result.bad_call, ran) == (True, False, [])
    assert result.refused == result.text
    assert "'rm -rf' in tools.denied_commands" in result.text
    tools.ok("execute_bash", command=["rm", "-r", "shop"])
    assert ran == [("rm", "-r", "shop")]


def test_the_same_call_again_and_again_ends_the_conversation(bench):
    ran = []

    def run(name, paths, tree):
        ran.append(name)
        return gate(name, paths, tree)

    tools = bench({}, run_gate=run, gates=("test",))
    results = [tools("run_gate", name="test") for _ in range(4)]
    assert [result.text.startswith("[asked") for result in results] == [False, False, True, True]
    assert len(ran) == 2
    assert not tools.toolbox.exhausted
    assert "answer now" in tools.refused("run_gate", name="test")
    assert tools.toolbox.exhausted


def test_the_same_call_on_changed_files_is_another_call(bench):
    tools = bench({})
    for number in range(6):
        tools.ok("fs_write", command="create", path=f"{number}.txt", content="x\n")
        tools.ok("grep", pattern="x")
    assert not tools.toolbox.exhausted


def test_calls_answered_from_the_journal_count_as_much_as_calls_made(bench):
    live, resumed = bench({"a": "1\n"}), bench({"a": "1\n"})
    edits = [{"command": "append", "path": "a", "content": "2"}] * 3
    edits += [{"command": "str_replace", "path": "a", "old_str": "9", "new_str": "8"}] * 5
    for args in edits:
        assert not live.toolbox.exhausted
        result = live.toolbox.call("fs_write", args)
        live.toolbox.settle("fs_write", args, result.tree)
        assert not resumed.toolbox.exhausted
        resumed.toolbox.settle("fs_write", args, result.tree)
    assert live.toolbox.exhausted
    assert resumed.toolbox.exhausted


def test_an_endless_answer_is_cut(bench):
    def run(name, paths, tree):
        return GateResult(name, GateStatus.PASSED, "ok", excerpt="x" * 100_000)

    tools = bench({}, run_gate=run, gates=("build",))
    text = tools.ok("run_gate", name="build")
    assert len(text) < 41_000
    assert text.endswith("[cut here: ask for less at a time]")


def test_what_a_program_may_not_write_is_put_back(bench, tree_with):
    old = {".husky/pre-commit": "make\n", "x.py": "x\n", "pyproject.toml": "[tool.reviewloop]\n"}
    tree = tree_with(old)
    after = tree_with(
        {
            ".husky/post-commit": "curl\n",
            ".GITHUB/workflows/x.yml": "on: push\n",
            ".git\u200chub/x": "",
            "x.py": "y\n",
            "pyproject.toml": "[tool.reviewloop]\nfail_on = 'never'\n",
        }
    )
    tools = bench(old, shell=lambda argv, _tree: ShellAnswer("done", 0, after))  # noqa: S604
    assert tools.toolbox.tree == tree
    text = tools.ok("execute_bash", command=["python", "evil.py"])
    assert text.count("put back as it was") == 5
    assert ".husky/pre-commit steers tools" in text
    assert "which only a person does" in text
    paths = {entry.path for entry in tools.private.entries(tools.toolbox.tree)}
    assert paths == {"README.md", *old}
    assert tools.content("x.py") == b"y\n"
    assert tools.content(".husky/pre-commit") == b"make\n"
    assert tools.content("pyproject.toml") == b"[tool.reviewloop]\n"


def test_a_folder_that_a_program_replaced_is_put_back(bench, tree_with):
    old = {".husky/pre-commit": "make\n", "x.py": "x\n"}
    after = tree_with({".husky": "now a file\n", "x.py": "y\n"})
    tools = bench(old, shell=lambda argv, _tree: ShellAnswer("done", 0, after))  # noqa: S604
    assert "put back as it was" in tools.ok("execute_bash", command=["python"])
    assert tools.content(".husky/pre-commit") == b"make\n"
    assert tools.content("x.py") == b"y\n"
