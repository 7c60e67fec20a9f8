"""Comment locations from the local diff, checked against GitHub's own rules."""

import subprocess
from pathlib import Path

import pytest
from support.github_diff import git as output_of
from support.github_server import GitHubServer

from reviewloop.domain.finding import Finding, Placement, Severity
from reviewloop.git.private import PrivateRepo
from reviewloop.git.repository import discover
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Repo
from reviewloop.github.comments.bodies import inline_body
from reviewloop.github.posting.comment_location import Anchors

OLD = "".join(f"value_{n} = {n}\n" for n in range(1, 61))
NEW = OLD.replace("value_5 = 5\n", "value_5 = run(\n    5,\n)\n").replace(
    "value_40 = 40\n", "x = 1\n"
)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("anchored")

    def git(*args: str) -> None:
        identity = ("-c", "user.name=Ada Example", "-c", "user.email=ada@example.org")
        subprocess.run(["git", *identity, *args], cwd=folder, check=True, capture_output=True)

    def write(texts: dict[str, str]) -> None:
        for name, text in texts.items():
            (folder / name).write_bytes(text.encode())
        git("add", "-A")
        git("commit", "-q", "-m", "a step")

    git("init", "-q", "-b", "main")
    write({"app.py": OLD, "gone.py": "import os\nos.sync()\n", "image.bin": "\0a", "old.py": OLD})
    git("checkout", "-q", "-b", "feature")
    (folder / "gone.py").unlink()
    git("mv", "old.py", "moved.py")
    write(
        {
            **{"app.py": NEW, "moved.py": NEW, "image.bin": "\0b"},
            **{"crlf.py": "a = 1\r\nb = 2\r\n", "notes.md": "one\ntwo\n", "data.json": '{"a": 1}'},
            "hard.py": "a = 1  # ⟦\nb = 2\n",
        }
    )
    return folder


@pytest.fixture(scope="module")
def anchors(repository, tmp_path_factory):
    user = discover(repository)
    folder = tmp_path_factory.mktemp("private")
    private = PrivateRepo.create(folder, user, for_review=True)
    old, new = (
        private.tree_of(output_of(repository, "rev-parse", name).strip())
        for name in ("main", "feature")
    )
    yield Anchors(private.change(old, new), private, new)
    private.close()


def finding(path="app.py", line=5, end=None, **fields):
    given = {"id": "0123456789ab", "agents": ("a",), "severity": Severity.NIT, "title": "t"}
    return Finding(**given | {"path": path, "line": line, "end_line": end} | fields)


CODEOWNERS_PATHS = [
    # finding, (start, line) or None, whether GitHub shows all of its lines
    (finding(line=5), (None, 5), True),
    (finding(line=5, end=5), (None, 5), True),
    (finding(line=5, end=7), (5, 7), True),
    (finding(line=2, end=10), (2, 10), True),
    (finding(line=1, end=6), (None, 6), False),  # begins above its hunk
    (finding(line=5, end=42), (None, 42), False),  # across two hunks
    (finding(line=5, end=30), (None, 10), False),  # ends below its hunk
    (finding(line=20, end=30), None, False),
    (finding(line=60, end=62), None, False),
    (finding(line=7, end=3), (None, 7), True),
    (finding(line=None), None, False),
    (finding(line=5, placement=Placement.CONTEXT), None, False),
    (finding(line=5, placement=Placement.UNANCHORED), None, False),
    (finding(path="", line=None, placement=Placement.FILE), None, False),
    (finding("moved.py", 5, 7), (5, 7), True),
    (finding("old.py", 5), None, False),
    (finding("image.bin", 1), None, False),
    (finding("gone.py", 1), None, False),
    (finding("gone.py", 1, 2, side="old"), (1, 2), True),
    (finding("nothing.py", 1), None, False),
    (finding("data.json", 1), (None, 1), True),
    (finding("b\udcff.py", 1), None, False),
]


@pytest.mark.parametrize(("found", "lines", "whole"), CODEOWNERS_PATHS)
def test_a_place_is_inside_of_one_hunk(found, lines, whole, anchors):
    made = anchors.comment(found, inline_body(found))
    assert (made and (made.start_line, made.line)) == lines
    if made:
        assert ("_About lines" in made.body) == (not whole)
        assert made.finding == found.id


def test_github_takes_every_place_that_we_name(repository, anchors):
    made = [
        anchors.comment(found, inline_body(found)) for found, lines, _ in CODEOWNERS_PATHS if lines
    ]
    with GitHubServer(repository) as server:
        server.open_pull(head="feature")
        with GitHub(server.token, Repo.of(server.full), **server.addresses) as client:
            head = client.pull(7).head_sha
            client.create_review(7, commit_id=head, body="", comments=made)
            found = [(c.path, c.start_line, c.line, c.side) for c in client.review_comments(7)]
    assert found == [(c.path, c.start_line, c.line, c.side) for c in made]


SUGGESTIONS = [
    # path, lines, replacement, what may be committed
    ("app.py", (5, 7), "value_5 = run(5)", "value_5 = run(5)\n"),
    ("app.py", (5, 7), "value_5 = run(5)\n", "value_5 = run(5)\n"),
    ("app.py", (5, 7), "", ""),
    ("app.py", (42, 42), "x = (1\n", None),  # does not parse any more
    ("app.py", (6, 6), "    6,  # more\n", "    6,  # more\n"),
    ("app.py", (5, 5), "value_5 = 5\n", None),  # takes the opening bracket only
    ("app.py", (42, 42), "x = 1\n", None),  # changes nothing
    ("app.py", (5, 42), "x = 3\n", None),  # GitHub does not show all lines
    ("app.py", (42, 42), "x = 'sk-a…'\n", None),  # a secret that was masked
    ("app.py", (42, 42), "x = '⟦secret:KEY:0a1b2c⟧'\n", None),
    ("app.py", (42, 42), "x = 2  # \u202e\n", None),
    ("app.py", (42, 42), "x = 2  # <!-- reviewloop:finding 0123456789ab -->\n", None),
    ("app.py", (42, 42), "x = 2\r\n", None),
    ("app.py", (42, 42), f"x = '{'y' * 20_000}'\n", None),
    ("app.py", (42, 42), None, None),
    ("hard.py", (1, 1), "a = 2  # ⟦\n", "a = 2  # ⟦\n"),
    ("crlf.py", (1, 1), "a = 2\n", None),
    ("notes.md", (1, 1), "three\n", None),  # nothing says whether it parses
    ("data.json", (1, 1), '{"a": 2}', '{"a": 2}\n'),
    ("data.json", (1, 1), '{"a": 2', None),
    ("moved.py", (5, 7), "value_5 = 5\n", "value_5 = 5\n"),
]


@pytest.mark.parametrize(("path", "lines", "replacement", "offered"), SUGGESTIONS)
def test_a_suggestion_was_applied_and_parses(path, lines, replacement, offered, anchors):
    found = finding(path, *lines, replacement=replacement)
    assert anchors.suggestion(found) == offered
    assert anchors.suggestion(found.model_copy(update={"side": "old"})) is None
