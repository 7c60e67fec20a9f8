"""Git attributes come from the base of a change, never from the change itself."""

import pytest

from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.attributes import attributes_in, generated, has_kiroignore, kiroignored
from reviewloop.review.withheld_files import withheld_in


@pytest.fixture
def tree(private):
    def make(**files: str) -> str:
        named = {name.replace("__", "/").replace("_", "."): text for name, text in files.items()}
        return private.edit(private.head, {name: text.encode() for name, text in named.items()})

    return make


def test_generated_and_vendored_files_are_told(private, tree):
    base = tree(
        _gitattributes="*.pb.go linguist-generated=true\nlib/** linguist-vendored\n"
        "api/*.py linguist-generated\napi/own.py -linguist-generated\n"
        "x.py linguist-generated=false\n",
        deep__folder___gitattributes="made.py linguist-generated\n",
    )
    paths = ["a.pb.go", "lib/x.js", "api/a.py", "api/own.py", "x.py", "deep/folder/made.py", "b.py"]
    assert generated(private, base, paths) == {
        "a.pb.go": "generated (linguist-generated in .gitattributes)",
        "lib/x.js": "vendored (linguist-vendored in .gitattributes)",
        "api/a.py": "generated (linguist-generated in .gitattributes)",
        "deep/folder/made.py": "generated (linguist-generated in .gitattributes)",
    }


def test_awkward_paths_and_none_at_all(private, tree):
    base = tree(_gitattributes="* linguist-generated\n")
    paths = ["-x", "line\nfeed", "\udcff", ":(top)y", 'q"', "a" * 200 + "/b"]
    assert set(generated(private, base, paths)) == set(paths)
    assert generated(private, base, []) == {}
    assert generated(private, private.tree_of(private.head), ["a"]) == {}


def test_link_called_gitattributes_is_not_followed(private, tree, tmp_path):
    (tmp_path / "attributes").write_text("* linguist-generated\n")
    target = str(tmp_path / "attributes").encode()
    base = private.edit(private.head, {".gitattributes": target}, {".gitattributes": "120000"})
    assert generated(private, base, ["a"]) == {}


def test_attributes_of_many_folders(private):
    files = {f"d{number}/.gitattributes": b"* eol=lf\n" for number in range(700)}
    base = private.edit(private.head, files)
    found = attributes_in(private, base, [f"d{number}/x" for number in range(700)], ("eol",))
    assert len(found) == 700
    assert found["d699/x"] == {"eol": "lf"}


def test_kiroignore_works_as_gitignore_does(private, tree):
    base = tree(
        _kiroignore="# private things\n*.secret\n/build\n!build/kept.py\ndocs/**/draft*\n"
        "!important.secret\r\n\\#odd\ntrailing \n***a*b*c*d*e*f*\n[\n"
    )
    ignored = ["a.secret", "x/y.secret", "build/out.py", "docs/a/b/draft-1.md", "#odd", "trailing"]
    seen = ["important.secret", "src/build/x.py", "docs/final.md", "abcdef", "\udcff.py"]
    reason = "ignored (.kiroignore)"
    assert kiroignored(private, base, ignored + seen) == dict.fromkeys(ignored, reason)


def test_the_persons_own_ignore_file_counts_in_every_repository(
    private, tree, monkeypatch, tmp_path
):
    monkeypatch.setenv("HOME", str(tmp_path))
    base = tree(_kiroignore="notes/\n!secret.md\n", secret_md="x")
    own = tmp_path / ".kiro/settings/kiroignore"
    assert kiroignored(private, base, ["secret.md"]) == {}
    own.parent.mkdir(parents=True)
    own.write_text("*.secret\nsecret.md\n")
    plain = private.tree_of(private.head)
    assert has_kiroignore(private, plain)
    mine = "ignored (~/.kiro/settings/kiroignore)"
    assert kiroignored(private, plain, ["a.secret", "b.py"]) == {"a.secret": mine}
    both = kiroignored(private, base, ["notes/a.md", "secret.md"])
    assert both == {"notes/a.md": "ignored (.kiroignore)", "secret.md": mine}
    assert withheld_in(private, base, plain)["secret.md"] == mine
    own.unlink()
    own.mkdir()
    with pytest.raises(WorkspaceError, match="kiroignore cannot be read: Is a directory"):
        kiroignored(private, base, ["a"])


def test_no_kiroignore_and_a_folder_of_that_name(private, tree):
    assert kiroignored(private, private.tree_of(private.head), ["a"]) == {}
    assert kiroignored(private, tree(_kiroignore__x="*\n"), ["a"]) == {}
