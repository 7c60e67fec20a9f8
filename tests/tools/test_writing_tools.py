"""fs_write turns one edit into a new tree, or refuses with the right alternative."""

import pytest

from reviewloop.tools.policy import Refusal, WritePolicy, protected_files_named_in

FILE = "def a():\n    return 1\n\n\ndef b():\n    return 1\n"
LONG = "".join(f"line {n}\n" for n in range(1, 31))


def replace(tools, old, new, path="a.py", **more):
    return tools.ok("fs_write", command="str_replace", path=path, old_str=old, new_str=new, **more)


def no_replace(tools, old, new, path="a.py", **more):
    return tools.refused(
        "fs_write", command="str_replace", path=path, old_str=old, new_str=new, **more
    )


def test_a_new_file_is_created_and_its_last_line_ended(bench):
    seen = []
    tools = bench({}, on_tree=seen.append)
    text = tools.ok("fs_write", command="create", path="src/new.py", file_text="x = 1")
    assert text == "created src/new.py, 1 lines"
    assert tools.content("src/new.py") == b"x = 1\n"
    assert seen == [tools.toolbox.tree]


def test_one_place_is_replaced_and_the_answer_is_a_short_diff(bench):
    tools = bench({"a.py": FILE})
    text = replace(tools, "def b():\n    return 1", "def b():\n    return 2")
    assert text == ("changed a.py\n@@ line 4 @@\n \n def b():\n-    return 1\n+    return 2")
    assert tools.content("a.py") == FILE.encode()[:-2] + b"2\n"


def test_text_that_stands_twice_is_refused_with_both_places(bench):
    tools = bench({"a.py": FILE})
    text = no_replace(tools, "    return 1", "    return 2")
    assert "stands in the file 2 times, at the lines 2, 6" in text
    assert "1\tdef a():\n2\t    return 1" in text
    replace(tools, "return 1", "return 2", replace_all=True)
    assert tools.content("a.py").count(b"return 2") == 2


@pytest.mark.parametrize(
    ("old", "answer"),
    [
        ("def b():\n\treturn 1", "differs in white space only:\n5\tdef b():\n6\t    return 1"),
        ("def bb():\n    return 1", "the most similar place is this:\n2\t    return 1"),
        ("5\tdef b():\n6\t    return 1", "quote it without the line numbers"),
        ("completely != other", "read it again with fs_read"),
        ("", "old_str is empty"),
        ("x", "are equal"),
    ],
)
def test_text_that_is_not_there_is_refused_with_what_is(bench, old, answer):
    assert answer in no_replace(bench({"a.py": FILE}), old, "x")


def test_insert_and_append_put_whole_lines(bench):
    tools = bench({"a.txt": "1\n2", "b.txt": "1\n"})
    tools.ok("fs_write", command="insert", path="a.txt", insert_line=0, content="0")
    tools.ok("fs_write", command="insert", path="a.txt", insert_line=2, new_str="1.5\n")
    tools.ok("fs_write", command="append", path="a.txt", content="3")
    assert tools.content("a.txt") == b"0\n1\n1.5\n2\n3\n"
    tools.ok("fs_write", command="insert", path="b.txt", insert_line=1, content="2")
    assert tools.content("b.txt") == b"1\n2\n"
    beyond = tools.refused("fs_write", command="insert", path="b.txt", insert_line=9, content="x")
    assert "insert_line must be 0 to 2" in beyond


def test_a_file_is_deleted(bench):
    tools = bench({"a.txt": "1\n"})
    assert tools.ok("fs_write", command="delete", path="a.txt") == "deleted a.txt"
    assert tools.content("a.txt") is None


def test_line_ends_and_byte_order_mark_of_a_file_survive(bench):
    tools = bench({"w.txt": b"\xef\xbb\xbfa\r\nb\r\nc\r\n"})
    replace(tools, "a\nb\n", "A\nB\nB2\n", path="w.txt")
    tools.ok("fs_write", command="insert", path="w.txt", insert_line=0, content="0\n")
    tools.ok("fs_write", command="append", path="w.txt", content="d")
    assert tools.content("w.txt") == b"\xef\xbb\xbf0\r\nA\r\nB\r\nB2\r\nc\r\nd\r\n"
    tools.ok("fs_write", command="create", path="w.txt", content="all\nnew\n")
    assert tools.content("w.txt") == b"\xef\xbb\xbfall\r\nnew\r\n"


def test_a_file_in_another_encoding_keeps_its_bytes(bench):
    tools = bench({"l.txt": b"caf\xe9 = 1\n"})
    replace(tools, "caf⟦U+DCE9⟧ = 1", "caf⟦U+DCE9⟧ = 2", path="l.txt")
    assert tools.content("l.txt") == b"caf\xe9 = 2\n"
    assert "is not UTF-8" in no_replace(tools, "= 2", "= ü", path="l.txt")


def test_hidden_characters_may_stay_or_go_but_not_be_added(bench):
    tools = bench({"a.py": "x = 1 \u202e# c\ny = 1\n"})
    replace(tools, "x = 1 ⟦U+202E⟧# c", "x = 2 ⟦U+202E⟧# c")
    assert tools.content("a.py").decode() == "x = 2 \u202e# c\ny = 1\n"
    for sly in ("y = ⟦U+202E⟧2", "y = \u200b2", "\ufeffy = 2", "y = 2\0"):
        assert "hidden character" in no_replace(tools, "y = 1", sly)
    replace(tools, "x = 2 ⟦U+202E⟧# c", "x = 2")
    assert tools.content("a.py") == b"x = 2\ny = 1\n"


def test_signs_that_only_look_like_ours_are_plain_text(bench):
    tools = bench({"a.md": "shown as ⟦U+202E⟧\n"})
    replace(tools, "shown as ⟦U+202E⟧", "seen as ⟦U+202E⟧", path="a.md")
    assert tools.content("a.md").decode() == "seen as ⟦U+202E⟧\n"


@pytest.mark.parametrize(
    "stub",
    [
        "# ... rest unchanged",
        "    # … existing code …",
        "// ... (remaining methods stay the same)",
        "/* rest of the file unchanged */",
        "<!-- ... existing content ... -->",
        "... rest of the code ...",
        "# rest of the function as before",
    ],
)
def test_text_that_leaves_something_out_is_refused(bench, stub):
    tools = bench({"a.py": FILE})
    create = {"command": "create", "path": "a.py", "content": f"def a():\n    return 2\n{stub}\n"}
    assert "leaves something out" in tools.refused("fs_write", **create)
    assert "leaves something out" in no_replace(tools, "def a():", f"def a():\n{stub}")


@pytest.mark.parametrize(
    "line",
    [
        "def f(*args: int, **rest: str) -> Callable[..., str]: ...",
        "# the rest is silence",
        "print('... and the rest')",
        "x: tuple[int, ...] = other",
        "- The existing users keep their sessions.",
        "raise NotImplementedError  # TODO other cases",
        "other = matrix[...]",
        "previous: Callable[..., int]",
        "* other things ...",
        "# The rest of the fields are the same in both versions.",
    ],
)
def test_ordinary_lines_are_not_taken_for_stubs(bench, line):
    bench({}).ok("fs_write", command="create", path="n.txt", content=line + "\n")


def test_a_file_with_masked_secrets_is_not_written_anew(bench):
    tools = bench({"a.py": "key = 'hunter2'\nx = 1\n"}, redact=lambda t: t.replace("hunter2", "h…"))
    create = {"command": "create", "path": "a.py", "content": "key = 'h…'\nx = 2\n"}
    assert "shown masked" in tools.refused("fs_write", **create)
    replace(tools, "x = 1", "x = 2")
    assert tools.content("a.py") == b"key = 'hunter2'\nx = 2\n"


def test_a_rewrite_that_loses_most_of_a_file_is_refused(bench):
    tools = bench({"long.txt": LONG})
    text = tools.refused("fs_write", command="create", path="long.txt", content="line 1\n")
    assert "shrink the file from 30 to 1 lines" in text
    tools.ok("fs_write", command="create", path="long.txt", content=LONG.replace("line 9\n", ""))


@pytest.mark.parametrize(
    "path",
    [
        ".github/workflows/ci.yml",
        ".GitHub/Workflows/CI.yml",
        "sub/.github/workflows/ci.yml",
        ".kiro/agents/review-security.json",
        ".kiro/hooks/a.kiro.hook",
        ".kiro/settings/mcp.json",
        ".kiro/specs/csv/tasks.md",
        ".vscode/tasks.json",
        ".cUrSor/mcp.json",
        ".mcp.json",
        ".husky/pre-commit",
        ".gitattributes",
        ".gitmodules",
        "reviewloop.toml",
        ".reviewloop/agents/x.json",
        ".pre-commit-config.yaml",
    ],
)
def test_files_that_steer_tools_are_off_limits(bench, path):
    tools = bench({})
    text = tools.refused("fs_write", command="create", path=path, content="x\n")
    assert "steers tools" in text


@pytest.mark.parametrize(
    "path",
    [
        ".git/config", ".GIT/config", "a/.git/hooks/x", "git~1/config", ".g\u200cit/config",
        "../x", "/etc/x", "a/../x", "a//b", "a\nb", "name.", "name ./x", "x\u202etxt", "a\0b",
        "README.md/x", "n" * 300,
    ],
)  # fmt: skip
def test_unsafe_paths_are_refused(bench, path):
    bench({}).refused("fs_write", command="create", path=path, content="x\n")


def test_a_protected_file_that_the_task_names_may_be_written(bench):
    named = protected_files_named_in("Run the tests in `.github/workflows/ci.yml`, please.")
    assert named == {".github/workflows/ci.yml"}
    tools = bench({}, policy=WritePolicy(named=named))
    tools.ok("fs_write", command="create", path=".github/workflows/ci.yml", content="on: push\n")
    other = {"command": "create", "path": ".github/workflows/x.yml", "content": "x\n"}
    assert "steers tools" in tools.refused("fs_write", **other)


def test_secret_files_the_engines_own_files_and_the_callers_rule_are_refused(bench):
    policy = WritePolicy(
        secret_files=("**/.env*", "**/*secret*"),
        secret_files_allowed=("**/.env.example",),
        off_limits=("docs/csv-spec.md",),
        refuse=lambda path: Refusal("not in this finding") if path == "other.py" else None,
    )
    tools = bench({"docs/csv-spec.md": "- [ ] 1\n"}, policy=policy)

    def create(path):
        return tools("fs_write", command="create", path=path, content="x\n")

    assert "may hold secrets" in create("app/.ENV.local").text
    assert "may hold secrets" in create("my-Secret.txt").text
    assert not create(".env.example").error
    assert "by the engine only" in create("docs/CSV-spec.md").text
    assert "not in this finding" in create("other.py").text


def test_our_settings_inside_pyproject_stay_a_persons(bench):
    tools = bench({"pyproject.toml": "[tool.reviewloop.limits]\nusd = 1\n[tool.ruff]\n"})
    text = no_replace(tools, "usd = 1", "usd = 99", path="pyproject.toml")
    assert "only a person" in text
    replace(tools, "[tool.ruff]", "[tool.ruff]\nline-length = 90", path="pyproject.toml")
    broken = no_replace(tools, "usd = 1", "usd = [", path="pyproject.toml")
    assert "only a person" in broken


def test_what_cannot_be_edited_is_said(bench):
    tools = bench({"b.bin": b"\0", "link": "b.bin", "A.txt": "x\n"}, {"link": "120000"})

    def create(path):
        return tools.refused("fs_write", command="create", path=path, content="x\n")

    assert "binary file" in create("b.bin")
    assert "symlink" in create("link")
    assert "A.txt differs from this path by case only" in create("a.txt")
    assert "already holds exactly this" in create("A.txt")
    assert "there is no none.txt" in no_replace(tools, "a", "b", path="none.txt")
    assert "needs content" in tools.refused("fs_write", command="create", path="n.txt")
    assert "needs old_str" in tools.refused("fs_write", command="str_replace", path="A.txt")
    assert "needs insert_line" in tools.refused(
        "fs_write", command="insert", path="A.txt", content="x"
    )
    assert "wrong arguments" in tools.refused("fs_write", command="rename", path="A.txt")
