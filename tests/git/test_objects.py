"""Reading a tree: exact bytes, links not followed, searches bounded."""

import threading

import pytest
from support.started import programs_started

from reviewloop.domain.errors import WorkspaceError
from reviewloop.domain.globs import expand_braces
from reviewloop.git import objects
from reviewloop.git.objects import TreeReader, match_paths
from reviewloop.git.private import PrivateRepo


@pytest.fixture
def tree(private: PrivateRepo) -> str:
    files = {
        "src/app.py": b"import os\n\ndef main():\n    return os.getcwd()\n",
        "src/deep/er/x.ts": b"export const x = 1\n",
        "src/latin.txt": "naïve caf\xe9\n".encode("latin-1"),
        "bin/data": b"\x00\x01main\n",
        "link": b"src/app.py",
        "Makefile": b"all:\n\techo main\n",
        "run.sh": b"main\n",
    }
    return private.edit(
        private.tree_of(private.head), files, {"link": "120000", "run.sh": "100755"}
    )


def test_read_gives_exact_bytes_or_none(private, tree):
    reader = private.reader(tree)
    assert reader.read("src/app.py").startswith(b"import os\n")
    assert reader.read("bin/data") == b"\x00\x01main\n"
    assert reader.read("src/app.py", limit=6) == b"import"
    assert reader.read("Makefile") == b"all:\n\techo main\n"
    assert reader.read("src") is None
    assert reader.read("missing") is None


@pytest.mark.parametrize(
    "path",
    [
        "../../etc/passwd",
        "/etc/passwd",
        "/proc/self/environ",
        "./README.md",
        "link/../README.md",
        "a\0b",
    ],
)
def test_paths_outside_the_tree_are_simply_not_there(private, tree, path):
    assert private.reader(tree).read(path) is None
    assert private.reader(tree).list_dir(path) is None


def test_link_is_read_as_its_target_text(private, tree):
    entry = private.reader(tree).entry("link")
    assert entry.kind == "symlink"
    assert private.reader(tree).read("link") == b"src/app.py"


def test_entries_have_modes_and_sizes(private, tree):
    entries = {entry.path: entry for entry in private.entries(tree)}
    assert entries["run.sh"].kind == "executable"
    assert entries["run.sh"].size == 5
    assert entries["Makefile"].kind == "file"


def test_sizes_are_asked_of_git_only_for_files_that_are_new(private, tree):
    private.entries(tree)
    changed = private.edit(tree, {"run.sh": b"longer now\n", "empty": b"", "Makefile": None})
    with programs_started() as started:
        found = {entry.path: entry.size for entry in private.entries(changed)}
    told = private.git.run("ls-tree", "-r", "-l", "-z", changed).decode("utf-8", "surrogateescape")
    lines = (line.partition("\t") for line in told.split("\0") if line)
    assert found == {path: int(facts.split()[3]) for facts, _, path in lines}
    assert (found["run.sh"], found["empty"]) == (11, 0)
    assert [" -l " in f" {' '.join(one)} " for one in started if "ls-tree" in one] == [False]


def test_a_file_that_is_not_there_has_no_size_until_it_is(private, tree):
    oid = private.git.text("hash-object", "-w", "--stdin", input=b"unlike all others\n")
    private.entries(tree)
    made = private.edit(tree, {"gone": b"unlike all others\n"})
    place = private.folder / "objects" / oid[:2] / oid[2:]
    kept = place.read_bytes()
    place.unlink()
    private.pool.restart()
    sizes = []
    for _ in range(2):
        reader = TreeReader(private.git, private.pool, made)
        sizes.append(reader.entry("gone").size)
        place.write_bytes(kept)
    assert sizes == [0, 18]


def test_submodule_has_no_content(private, repo, git):
    git(repo, "update-index", "--add", "--cacheinfo", f"160000,{private.head},sub")
    git(repo, "commit", "-qm", "submodule")
    tree = private.tree_of(git(repo, "rev-parse", "HEAD"))
    assert private.reader(tree).entry("sub").kind == "submodule"
    assert private.reader(tree).entry("sub").size == 0
    assert private.reader(tree).read("sub") is None


def test_a_few_files_are_read_without_a_listing_of_the_tree(private, tree, nothing_known):
    reader = private.reader(tree)
    assert reader.read("run.sh") == b"main\n"
    with programs_started() as started:
        assert reader.read("src/app.py", 6) == b"import"
        assert [reader.read(path) for path in ("src", "src/none", "run.sh/x", "\ud800")] == [
            None
        ] * 4
        assert started == []
        for _ in range(20):
            assert reader.read("run.sh") == b"main\n"
    (listing,) = started
    assert "ls-tree" in listing


@pytest.fixture
def nothing_known(monkeypatch) -> None:
    for name in ("_trees", "_listings", "_sizes"):
        monkeypatch.setattr(objects, name, objects._Known(1000))


def test_a_tree_is_listed_once_whoever_asks(private, tree, nothing_known):
    first = private.reader(tree).entries()
    again = PrivateRepo.open(private.folder)
    with programs_started() as started:
        assert again.entries(tree) == first
        assert again.tree_of(tree) == tree  # by one process that reads objects
        assert PrivateRepo.open(private.folder).tree_of(tree) == tree
    assert len(started) == 1
    again.close()


def test_what_is_known_of_a_name_or_lacks_an_object_is_asked_again(private, tree, nothing_known):
    commit = private.keep(tree, "run", "first")
    (private.folder / "refs/heads/abc").parent.mkdir(parents=True, exist_ok=True)
    (private.folder / "refs/heads/abc").write_text(commit)
    assert private.pool.read_tree("abc")[0] == tree
    lost = private._write("tree", b"100644 gone\0" + bytes(range(20)))
    assert [entry.size for entry in private.entries(lost)] == [0]
    other = private.edit(tree, {"more.txt": b"1"})
    (private.folder / "refs/heads/abc").write_text(private.keep(other, "run", "second"))
    private.pool.restart()
    assert private.pool.read_tree("abc")[0] == other
    assert lost not in objects._listings._values


def test_what_is_known_stays_within_its_limit():
    known = objects._Known(3)
    known.keep({"a": 1, "b": 2}, 2)
    known.keep({"c": 3}, 1)
    assert (known.get("a"), known.get("c")) == (1, 3)
    known.keep({"d": 4}, 1)
    assert (known.get("a"), known.get("d")) == (None, 4)
    known.keep({"e": 5}, 4)  # more than may be held at all
    assert (known.get("d"), known.get("e")) == (None, None)


def test_folders_are_listed(private, tree):
    reader = private.reader(tree)
    assert reader.list_dir() == (
        "Makefile",
        "README.md",
        "bin/",
        "link",
        "run.sh",
        "src/",
    )
    assert reader.list_dir("src/") == ("app.py", "deep/", "latin.txt")
    assert reader.list_dir("src") == reader.list_dir("src/")
    assert reader.list_dir("nope") is None


def test_glob_patterns(private, tree):
    reader = private.reader(tree)
    assert reader.glob("*.py") == ("src/app.py",)
    assert reader.glob("src/**/*.{py,ts}") == ("src/app.py", "src/deep/er/x.ts")
    assert reader.glob("/Makefile") == ("Makefile",)
    assert reader.glob("nothing*") == ()


def test_braces_multiply_and_stay_bounded():
    assert sorted(expand_braces("{a,b}/{c,d}")) == ["a/c", "a/d", "b/c", "b/d"]
    assert expand_braces("a{b}c") == ["a{b}c"]
    assert expand_braces("}{") == ["}{"]
    assert len(expand_braces("{a,b}" * 30)) < 100
    assert match_paths("**/.env*", [".env", "a/.env.local", "env"]) == [".env", "a/.env.local"]


def test_grep_finds_lines_with_numbers(private, tree):
    hits = private.grep(tree, r"def \w+\(")
    assert [(hit.path, hit.line, hit.text) for hit in hits] == [("src/app.py", 3, "def main():")]
    assert {hit.path for hit in private.grep(tree, "main")} == {"src/app.py", "Makefile", "run.sh"}


def test_grep_options(private, tree):
    assert private.grep(tree, "MAIN", ignore_case=True)
    assert not private.grep(tree, "MAIN")
    assert [hit.path for hit in private.grep(tree, "os.getcwd()", fixed=True)] == ["src/app.py"]
    assert [hit.path for hit in private.grep(tree, "main", paths=["src", "run.sh"])] == [
        "run.sh",
        "src/app.py",
    ]
    assert private.grep(tree, "main", paths=["src/*.py"]) == []
    assert private.grep(tree, "main", paths=[":(exclude)src"]) == []
    assert {hit.path for hit in private.grep(tree, "main", without=["PY", "png"])} == {
        "Makefile",
        "run.sh",
    }
    assert private.grep(tree, "main", paths=["src"], without=["py"]) == []
    assert len(private.grep(tree, ".", limit=2)) == 2


def test_grep_keeps_foreign_bytes(private, tree):
    (hit,) = private.grep(tree, "caf")
    assert hit.text.encode("utf-8", "surrogateescape") == "naïve caf\xe9".encode("latin-1")


@pytest.mark.parametrize("pattern", ["--open-files-in-pager=touch x", "-O", "-f/etc/passwd"])
def test_pattern_is_never_an_option(private, tree, pattern):
    assert private.grep(tree, pattern) == []


def test_bad_pattern_is_a_clear_error(private, tree):
    with pytest.raises(WorkspaceError, match="git grep failed"):
        private.grep(tree, "(unclosed")
    with pytest.raises(WorkspaceError, match="cannot take this argument"):
        private.grep(tree, "a\0b")


def test_many_hits_stop_early(private):
    tree = private.edit(
        private.tree_of(private.head), {f"f{number}": b"hit\n" * 50_000 for number in range(4)}
    )
    assert len(private.grep(tree, "hit", limit=10)) == 10


def test_five_threads_read_at_the_same_time(private, tree):
    reader = private.reader(tree)
    wrong = []

    def read():
        for _ in range(40):
            if (
                not reader.read("src/app.py").startswith(b"import os\n")
                or len(reader.entries()) != 8
            ):
                wrong.append(1)

    threads = [threading.Thread(target=read) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_closed_pool_leaves_no_process(private, tree):
    private.read(tree, "Makefile")
    (process,) = private.pool._idle
    private.close()
    assert process.poll() is not None
    assert private.read(tree, "Makefile") is not None  # still right, with a process of its own


def test_missing_object_is_named(private, repo, git, tree):
    oid = git(repo, "rev-parse", "HEAD:README.md")
    reader = private.reader(tree)
    reader.entries()
    (repo / ".git/objects" / oid[:2] / oid[2:]).unlink()
    with pytest.raises(WorkspaceError, match=f"README.md .*{oid}"):
        reader.read("README.md")


def test_reads_see_what_was_written_after_the_process_started(private, tree):
    private.read(tree, "Makefile")
    later = private.edit(tree, {"later": b"x"})
    assert private.read(later, "later") == b"x"
