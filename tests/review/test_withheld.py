import pytest

from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.review.withheld_files import shown_tree, withheld_in
from reviewloop.secrets import is_environment_file, withheld_by_name

WITHHELD = (
    *(".env", ".env.local", "a/.env.production", ".ENV", ".envrc", "x/server.pem", "tls.key"),
    *("id_rsa", "home/id_ed25519", "id_work", "a.p12", "b.pfx", "c.jks", ".netrc", "_netrc"),
    *("terraform.tfstate", "terraform.tfstate.backup", ".aws/credentials", ".ssh/config"),
    *("kubeconfig", "prod.kubeconfig", "kubeconfig.yaml", ".kube/config", ".git-credentials"),
)
READABLE = (
    *(
        ".env.example",
        ".env.sample",
        ".env.template",
        "a/.env-dist",
        "server.pem.example",
        "docker/.env.license",
    ),
    *("environment.py", ".environment", "id_rsa.pub", "id_generator.py", "keys.py", "monkey.ts"),
    *("secrets.py", "src/credentials.py", "config.yaml", ".npmrc", "awsome/x.py"),
)


@pytest.mark.parametrize("path", WITHHELD)
def test_what_holds_secrets_by_its_nature_is_withheld(path):
    assert withheld_by_name(path)


@pytest.mark.parametrize("path", READABLE)
def test_other_files_are_shown(path):
    assert not withheld_by_name(path)


def test_environment_files_by_name():
    assert is_environment_file(".env.local")
    assert not is_environment_file("server.pem")


@pytest.fixture
def private(repo, git, tmp_path):
    contents = {
        ".env": "A=1\n",
        ".npmrc": "//r.io/:_authToken=abc\n",
        "lib/.npmrc": "save-exact=true\n",
        ".pypirc": "[pypi]\nusername = __token__\npassword = abc\n",
        "notes/a.md": "private\n",
        ".kiroignore": "notes/\n",
        "app.py": "x = 1\n",
    }
    for path, text in contents.items():
        (repo / path).parent.mkdir(exist_ok=True)
        (repo / path).write_text(text)
    (repo / "link.pem").symlink_to("app.py")
    git(repo, "add", "-A", "-f")
    git(repo, "commit", "-q", "-m", "files")
    private = PrivateRepo.create(tmp_path / "private", discover(repo))
    yield private
    private.close()


def test_the_shown_tree_holds_names_and_the_diff_that_something_changed(private):
    tree = private.tree_of("HEAD")
    hidden = withheld_in(private, tree, tree)
    assert sorted(hidden) == [".env", ".npmrc", ".pypirc", "link.pem", "notes/a.md"]
    shown = shown_tree(private, tree, hidden, lambda oid: oid[:4])
    assert [e.path for e in private.entries(shown)] == [e.path for e in private.entries(tree)]
    for path in hidden:
        assert private.read(shown, path).startswith(b"withheld by reviewloop: ")
    assert private.read(shown, "app.py") == b"x = 1\n"

    after = private.edit(tree, {".env": b"A=2\n", "app.py": b"x = 2\n"})
    both = shown_tree(private, after, withheld_in(private, after, tree), lambda oid: oid[:4])
    change = private.change(shown, both)
    assert sorted(change.paths) == [".env", "app.py"]
    assert "A=" not in change.patch()


def test_a_change_can_hide_more_but_not_less(private):
    tree = private.tree_of("HEAD")
    after = private.edit(tree, {".kiroignore": b"app.py\n"})
    hidden = withheld_in(private, after, tree)
    assert hidden["app.py"] == hidden["notes/a.md"] == "ignored (.kiroignore)"
    others = withheld_in(
        private, after, tree, withholds_more=False
    )  # who would hide their own change
    assert others == withheld_in(private, tree, tree)


def test_a_tree_without_such_files_is_shown_as_it_is(private):
    plain = private.edit(private.tree_of("HEAD"), {})
    assert shown_tree(private, plain, {}, str) == plain
