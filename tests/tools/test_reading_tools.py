"""fs_read, grep, glob and code read one tree of git objects and nothing else."""

import pytest

APP = '''import os


class Store:
    """Keeps things."""

    def save(self, item):
        return os.fsync(item)


def main():
    Store().save(1)
'''


def test_a_file_comes_with_its_line_numbers(bench):
    text = bench({"src/app.py": APP}).ok("fs_read", path="./src/app.py", start_line=4, end_line=5)
    assert text == 'src/app.py, lines 4-5 of 12\n4\tclass Store:\n5\t    """Keeps things."""'


def test_negative_lines_count_from_the_end(bench):
    text = bench({"a.txt": "1\n2\n3\n"}).ok("fs_read", path="a.txt", start_line=-2, end_line=-1)
    assert text.endswith("\n2\t2\n3\t3")


@pytest.mark.parametrize(
    "args",
    [
        {
            "operations": [
                {"mode": "Line", "path": "src/app.py", "start_line": "4", "end_line": 4.0}
            ]
        },
        {"operations": '[{"mode": "Line", "path": "src/app.py", "start_line": 4, "end_line": 4}]'},
        {"file_path": "src/app.py", "startLine": 4, "endLine": "4", "reason": "curious"},
    ],
)
def test_the_shapes_that_kiro_uses_are_understood(bench, args):
    assert "4\tclass Store:" in bench({"src/app.py": APP}).ok("fs_read", **args)


def test_several_readings_in_one_call_answer_each(bench):
    operations = [{"path": "src"}, {"path": "none"}, {"path": "src/app.py", "end_line": 1}]
    text = bench({"src/app.py": APP}).ok("fs_read", operations=operations)
    assert "folder src, 1 entries\napp.py" in text
    assert "there is no none" in text
    assert "1\timport os" in text


def test_a_long_file_comes_in_pages_that_say_how_to_go_on(bench):
    tools = bench({"long.txt": "".join(f"line {n}\n" for n in range(1, 2001))})
    first = tools.ok("fs_read", path="long.txt")
    assert first.startswith("long.txt, lines 1-600 of 2000; go on with start_line=601\n")
    assert "601\tline 601" in tools.ok("fs_read", path="long.txt", start_line=601)


def test_a_very_large_file_is_cut_in_every_direction(bench):
    tools = bench({"big.js": "x" * 9_000_000 + "\nend\n"})
    text = tools.ok("fs_read", path="big.js")
    assert len(text) < 5_000
    assert "beyond 8,000,000 use grep" in text
    assert "big.js:2: end" in tools.ok("grep", pattern="^end$")


def test_what_is_no_text_file_is_said(bench, tree_with, private):
    files = {"b.bin": b"\0\1", "link": "src/app.py", "src/app.py": APP, "empty": ""}
    tools = bench(files, {"link": "120000"})
    assert "binary file of 2 bytes" in tools.refused("fs_read", path="b.bin")
    assert "symbolic link to src/app.py" in tools.refused("fs_read", path="link")
    assert tools.ok("fs_read", path="empty") == "empty is empty"
    assert "link" in tools.ok("fs_read", path="")
    assert tools.ok("fs_read", path="src/").endswith("app.py")


def test_a_submodule_is_named_and_not_entered(bench, private, git, repo):
    commit = git(repo, "rev-parse", "HEAD")
    base = private.tree_of(private.head)
    entry = f"160000 commit {commit}\tvendor\n".encode()
    tree = private.git.text("mktree", "--missing", input=private.git.run("ls-tree", base) + entry)
    tools = bench({})
    tools.toolbox.tree = tree
    assert "submodule at" in tools.refused("fs_read", path="vendor")
    assert "vendor" in tools.refused("fs_write", command="create", path="vendor/x", content="x")


@pytest.mark.parametrize("path", ["/proc/self/environ", "../../etc/passwd", "~/.aws/credentials"])
def test_paths_outside_the_repository_are_refused(bench, path):
    assert "not inside the repository" in bench({}).refused("fs_read", path=path)


def test_a_wrong_path_brings_similar_ones(bench):
    tools = bench({"src/shop/orders.py": "x\n"})
    assert "src/shop/orders.py" in tools.refused("fs_read", path="src/orders.py")
    assert "src/shop/orders.py" in tools.refused("fs_read", path="src/shop/order.py")
    assert "find files with glob" in tools.refused("fs_read", path="zzz")


def test_lines_beyond_the_end_are_refused_with_the_length(bench):
    tools = bench({"a": "1\n"})
    assert "a has 1 lines" in tools.refused("fs_read", path="a", start_line=5)
    assert "swap them" in tools.refused("fs_read", path="README.md", start_line=1, end_line=-9)


def test_hidden_characters_are_shown_and_lines_keep_their_numbers(bench):
    tools = bench({"a.py": "ok = 1\nif x\u202e: \u200b\n\xa0y\n", "b.txt": b"caf\xe9\n"})
    text = tools.ok("fs_read", path="a.py")
    assert "2\tif x⟦U+202E⟧: ⟦U+200B⟧\n3\t\xa0y" in text
    assert "caf⟦U+DCE9⟧" in tools.ok("fs_read", path="b.txt")
    assert "⟦U+202E⟧" in tools.ok("grep", pattern="if x")


def test_crlf_is_said_and_not_shown(bench):
    text = bench({"w.txt": "a\r\nb\r\n"}).ok("fs_read", path="w.txt")
    assert text == "w.txt, lines 1-2 of 2 (CRLF line ends)\n1\ta\n2\tb"


def test_secrets_are_masked_before_lines_are_numbered(bench):
    def mask(text: str) -> str:
        return text.replace("hunter2\nsecond", "…\n…")

    files = {"a.txt": "1\nhunter2\nsecond\n4\n"}
    tools = bench(files, redact=mask)
    assert tools.ok("fs_read", path="a.txt").endswith("1\t1\n2\t…\n3\t…\n4\t4")
    # also when the page holds only half of the secret
    assert "second" not in tools.ok("fs_read", path="a.txt", start_line=3)


def test_what_is_quoted_is_fenced_and_what_we_say_is_not(bench):
    tools = bench({"a.txt": "x\n"}, fence=lambda label, text: f"<{label}|{text}>")
    assert tools.ok("fs_read", path="a.txt") == "a.txt, lines 1-1 of 1\n<file|1\tx>"
    assert tools.ok("grep", pattern="nothing here") == "no match"


def test_grep_finds_lines_and_says_when_there_are_more(bench):
    tools = bench({"src/a.py": "def f():\n    f()\n", "docs/f.md": "F()\n"})
    assert tools.ok("grep", pattern=r"f\(\)", include="*.py").startswith("2 lines\nsrc/a.py:1: ")
    assert "docs/f.md:1: F()" in tools.ok("grep", pattern=r"f\(\)", ignore_case=True)
    assert tools.ok("grep", pattern="f", path="docs") == "no match"
    assert tools.ok("grep", pattern="f", max=1).startswith("more than 1 lines, the first 1")
    assert "no file matches" in tools.ok("grep", pattern="f", include="*.rs")


def test_a_bad_search_is_an_answer_not_an_exception(bench):
    tools = bench({})
    assert "the search failed" in tools.refused("grep", pattern="(")
    assert "there is no nowhere" in tools.refused("grep", pattern="a", path="nowhere")
    assert "NUL" in tools.refused("grep", pattern="a\0b")
    assert "wrong arguments" in tools.refused("grep")
    assert "wrong arguments" in tools.refused("fs_read", path="a", start_line="12-14")
    assert "wrong arguments" in tools.refused("grep", pattern="\ud800")


def test_patterns_and_paths_are_never_options(bench):
    tools = bench({"a.txt": "--open-files-in-pager=x\n"})
    assert "a.txt:1" in tools.ok("grep", pattern="--open-files-in-pager")
    assert "no" in tools.refused("grep", pattern="x", path="--open-files-in-pager=touch x")


def test_glob_matches_at_any_depth_or_inside_a_folder(bench):
    tools = bench({"src/a.py": "", "src/b/test_c.py": "", "x.ts": ""})
    assert tools.ok("glob", pattern="*.py") == "2 files\nsrc/a.py\nsrc/b/test_c.py"
    assert tools.ok("glob", pattern="./src/*.py") == "1 file\nsrc/a.py"
    assert tools.ok("glob", pattern="**/*.{ts,js}") == "1 file\nx.ts"
    assert tools.ok("glob", pattern="b/*", path="src") == "1 file\nsrc/b/test_c.py"
    assert tools.ok("glob", pattern="*.rs") == "no file matches"


def test_code_outlines_finds_definitions_and_mentions(bench):
    tools = bench({"src/app.py": APP, "README.md": "Store it.\n"})
    outline = tools.ok("code", operation="outline", path="src/app.py")
    assert "4-8: class Store  class Store" in outline
    assert "Store.save" in outline
    assert "src/app.py\n  4-8: class Store" in tools.ok("code", operation="outline", path="src")
    assert "src/app.py:7-8" in tools.ok("code", operation="search_symbols", symbol_name="save")
    assert "1 similar" in tools.ok("code", operation="symbols", name="stor")
    references = tools.ok("code", operation="references", name="Store.save")
    assert references.startswith("2 lines\nsrc/app.py:7: ")
    assert "README.md" in tools.ok("code", operation="find_references", name="Store")
    assert "README.md" not in tools.ok("code", operation="references", name="Store", path="src")
    assert tools.ok("code", operation="symbols", name="nope") == "no definition found; try grep"
    assert "needs the name" in tools.refused("code", operation="symbols")
    assert "no outline for x.unknown" in bench({"x.unknown": "x\n"}).ok(
        "code", operation="outline", path="x.unknown"
    )
