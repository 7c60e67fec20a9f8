"""The pushing job and its handoff: real git over HTTP, GitHub's own descriptions."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from support.git_http import GitHttp
from support.github_events import of_comment
from support.github_server import GitHubServer
from support.handoffs import OURS, scratch, task

from reviewloop.cli.main import run
from reviewloop.domain.errors import GuardRailError, ReviewLoopError, UsageError, WorkspaceError
from reviewloop.git.process import Git
from reviewloop.git.transfer import push, remote_head, with_token
from reviewloop.github.api.client import GitHub, api_of, repo_at
from reviewloop.github.api.errors import MissingPermission, StaleHead
from reviewloop.github.api.model import Comment, Repo
from reviewloop.github.artifacts.handoff import Approval, Handoff, write_handoff
from reviewloop.github.comments.marker import commands_in, finding_marker
from reviewloop.github.publishing.pull import Published
from reviewloop.github.publishing.push import PushRequest, push_handoff
from reviewloop.github.user_comments import get_request
from reviewloop.loop.approval_act import Act, record_act

TOKEN_MAY = {"contents": "write", "pull-requests": "write", "actions": "read"}
GATE = PushRequest(environment="reviewloop")


class Hub:
    """A checkout, the run's own directory, the bare repository behind GitHub, and a way to push."""

    def __init__(self, repo: Path, git: Callable[..., str], folder: Path) -> None:
        self.repo, self._git, self.folder = repo, git, folder
        self.bare = folder / "hub/octo/demo.git"
        self.bare.parent.mkdir(parents=True)
        git(folder, "clone", "-q", "--bare", str(repo), str(self.bare))
        self.run = scratch(repo, folder / "run")
        self.base = git(repo, "rev-parse", "HEAD")
        self.count = 0

    def commit(self, files: dict[str, str], message: str = "Work", parent: str = "") -> str:
        parent = parent or self.base
        index = self.run.with_index(self.folder / f"index-{self.count}")
        index.run("read-tree", parent)
        for path, text in files.items():
            blob = self.run.run("hash-object", "-w", "--stdin", input=text.encode())
            index.run(
                "update-index", "--add", "--cacheinfo", f"100644,{blob.decode().strip()},{path}"
            )
        tree = index.text("write-tree")
        made = self.run.run("commit-tree", tree, "-p", parent, "-m", message, env_extra=OURS)
        return made.decode().strip()

    def hand_over(self, handoff: Handoff) -> Path:
        self.count += 1
        folder = self.folder / f"handoff-{self.count}"
        write_handoff(folder, handoff, self.run)
        return folder

    def push(self, folder: Path, wanted: PushRequest = GATE, **event: str) -> Published:
        environ = {**self.github.environ, "GITHUB_SERVER_URL": self.http.url, **event}
        with GitHub(self.github.token, Repo.of("octo/demo"), **self.github.addresses) as client:
            return push_handoff(client, folder, wanted, start=self.repo, environ=environ)

    def at(self, branch: str) -> str:
        return self._git(
            self.bare, "for-each-ref", "--format=%(objectname)", f"refs/heads/{branch}"
        )

    def message(self, branch: str) -> str:
        return self._git(self.bare, "log", "-1", "--format=%B", branch)

    github: GitHubServer
    http: GitHttp


@pytest.fixture
def hub(repo, git, tmp_path):
    made = Hub(repo, git, tmp_path)
    with (
        GitHubServer(made.bare, permissions=TOKEN_MAY, roles={"ada": "write"}) as made.github,
        GitHttp(tmp_path / "hub", made.github.token) as made.http,
    ):
        yield made


def test_a_task_becomes_a_draft_whose_commit_names_who_let_it_pass(hub):
    commit = hub.commit({"a.py": "a = 1\n"})
    folder = hub.hand_over(task(hub.base, commit, run="run-1", body="### What was asked\n\nIt."))
    hub.github.state.approvals = [
        ("eve", "approved", "production"),
        ("github-actions[bot]", "approved", "reviewloop"),
        ("ada", "approved", "reviewloop"),
    ]
    done = hub.push(folder)
    assert (done.created, done.pushed, done.branch) == (True, True, "reviewloop/2.1")
    there = hub.at("reviewloop/2.1")
    assert there == done.commit != commit
    run = "https://github.com/octo/demo/actions/runs/77".replace("https://github.com", hub.http.url)
    approval = f"Approval: environment reviewloop, run 77 {run}"
    assert hub.message(there).splitlines()[-2:] == ["Approved-by: ada", approval]
    shape = ("show", "-s", "--format=%T %P %an %ae")
    assert Git(hub.bare).text(*shape, there) == hub.run.text(*shape, commit)
    [pull] = hub.github.state.pulls.values()
    assert (pull.draft, pull.title, pull.base_ref) == (True, "Find items", "main")
    assert (
        f"Approved by **ada** by approving the environment reviewloop, run 77 (<{run}>)."
        in pull.body
    )

    pull.body = f"Mine, above.\n\n{pull.body}\n\nMine, below.".replace("It.", "It, changed.")
    again = hub.push(folder)  # the job is run again
    assert (again.created, again.pushed, again.commit) == (False, False, done.commit)
    assert hub.github.state.pulls[pull.number].body.startswith(
        "Mine, above.\n\n<!-- reviewloop:pull"
    )
    assert hub.github.state.pulls[pull.number].body.endswith(
        "<!-- reviewloop:pull:end -->\n\nMine, below."
    )
    assert "changed" not in hub.github.state.pulls[pull.number].body
    assert len(hub.github.state.pulls) == 1

    other = hub.commit({"a.py": "a = 2\n"})  # the task was run again, and its branch is taken
    third = hub.push(hub.hand_over(task(hub.base, other, run="run-2")))
    assert third.branch.startswith("reviewloop/2.1-")
    assert third.created
    assert hub.at("reviewloop/2.1") == done.commit


def test_without_an_approval_the_commit_stays_as_it_is_and_the_text_says_so(hub):
    commit = hub.commit({"a.py": "a = 1\n"})
    folder = hub.hand_over(task(hub.base, commit, reviewers=("ada", "octo/team", "stranger")))
    done = hub.push(folder, PushRequest("reviewloop", request_reviewers=True))
    assert hub.at("reviewloop/2.1") == commit
    [pull] = hub.github.state.pulls.values()
    assert pull.draft
    assert "**Nobody has approved this commit: it stays a draft.**" in pull.body
    assert "The environment `reviewloop` asks no reviewer." in pull.body
    assert "One or more of them is not a collaborator" in done.notes[0]

    hub.github.state.approvals = [("ada", "rejected", "reviewloop")]
    with pytest.raises(UsageError, match="ada refused the environment"):
        hub.push(folder)
    hub.github.grant(actions="none")
    with pytest.raises(MissingPermission, match="`actions: read`"):
        hub.push(folder)


@pytest.mark.slow
def test_what_a_job_with_a_model_could_forge_is_refused_before_anything_is_pushed(hub):
    good = hub.commit({"a.py": "a = 1\n"})
    forged = hub.commit({"a.py": "a = 1\n"}, "Work\n\napproved-by: ada")
    second = hub.commit({"b.py": "b = 1\n"}, parent=good)
    workflow = hub.commit({".github/workflows/x.yml": "on: push\n"})
    hub.github.state.protected.add("release")
    hub._git(hub.bare, "branch", "release", "main")
    cases: list[tuple[Handoff, type[ReviewLoopError], str]] = [
        (task(hub.base, forged), UsageError, "says itself that it was approved"),
        (task(hub.base, second), UsageError, "one commit"),
        (
            task(hub.base, workflow),
            GuardRailError,
            r"\.github/workflows/x\.yml, and GitHub lets no",
        ),
        (task(hub.base, good, branch="main"), GuardRailError, "main is the base or the default"),
        (task(hub.base, good, branch="release"), GuardRailError, "release is a protected branch"),
        (task(hub.base, good, base_branch="gone"), UsageError, "has no branch gone to merge into"),
        (Handoff(**{**dict(task(hub.base, good)), "repo": "eve/demo"}), UsageError, "for eve/demo"),
    ]
    for handoff, error, said in cases:
        with pytest.raises(error, match=said):
            hub.push(hub.hand_over(handoff))
    folder = hub.hand_over(task(hub.base, good))
    about = json.loads((folder / "handoff.json").read_text())
    (folder / "handoff.json").write_text(json.dumps({**about, "commit": "1" * 40}))
    with pytest.raises(UsageError, match="does not hold it"):
        hub.push(folder)
    # A commit that nobody has looked at, given out for what the task builds on.
    hidden = hub.commit({".github/workflows/x.yml": "on: push\n"})
    above = hub.commit({"a.py": "a = 1\n"}, parent=hidden)
    folder = hub.hand_over(task(hub.base, above))
    about = json.loads((folder / "handoff.json").read_text())
    (folder / "handoff.json").write_text(json.dumps({**about, "onto": hidden}))
    with pytest.raises(UsageError, match=f"{hidden[:12]}, which is not in this clone"):
        hub.push(folder)
    assert hub.http.pushes == 0
    assert hub.github.state.pulls == {}


@pytest.mark.slow
def test_a_refusal_at_the_last_moment_is_told_and_loses_nothing(hub):
    commit = hub.commit({"a.py": "a = 1\n"})
    remote = with_token(f"{hub.http.url}/octo/demo.git", hub.github.token, {})
    with pytest.raises(WorkspaceError, match=r"main on .* has moved meanwhile"):
        push(hub.run, remote, commit, "main", "")
    hook = hub.bare / "hooks/pre-receive"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    folder = hub.hand_over(task(hub.base, commit))
    with pytest.raises(WorkspaceError, match=r"the rules of .* for reviewloop/2\.1 forbid it"):
        hub.push(folder)
    hook.unlink()
    said = "GitHub Actions is not permitted to create or approve pull requests."
    hub.github.fail("pulls/create", 403, message=said)
    with pytest.raises(UsageError, match=r"reviewloop/2\.1 was pushed, .*\(Settings, Actions"):
        hub.push(folder)
    done = hub.push(folder)
    assert (done.pushed, done.created) == (False, True)
    wrong = with_token(f"{hub.http.url}/octo/demo.git", "another" + "-token", {})
    with pytest.raises(WorkspaceError, match="does not accept these credentials") as refused:
        remote_head(hub.run, wrong, "main")
    assert "another-token" not in str(refused.value) + repr(wrong)


@pytest.mark.parametrize(
    ("address", "environ", "found"),
    [
        ("https://github.com/octo/demo.git", {}, ("octo/demo", "https://api.github.com")),
        ("git@github.com:octo/demo", {}, ("octo/demo", "https://api.github.com")),
        ("ssh://git@ssh.github.com:443/octo/demo.git", {}, ("octo/demo", "https://api.github.com")),
        (
            "git@git.acme.example:octo/demo.git",
            {"GITHUB_API_URL": "https://git.acme.example/api/v3"},
            ("octo/demo", "https://git.acme.example/api/v3"),
        ),
        (
            "https://acme.ghe.com/octo/demo",
            {"GH_HOST": "acme.ghe.com"},
            ("octo/demo", "https://api.acme.ghe.com"),
        ),
        ("https://gitlab.com/octo/demo.git", {"GITHUB_API_URL": "https://api.github.com"}, None),
        ("https://github.com.evil.example/octo/demo.git", {}, None),
        ("https://github.com/octo/group/demo.git", {}, None),
        ("/srv/git/demo.git", {}, None),
    ],
)
def test_a_token_goes_only_to_the_github_of_the_remote(address, environ, found):
    if found is None:
        with pytest.raises(UsageError, match=r"is not a GitHub repository|is not github\.com"):
            api_of(repo_at(address)[0], environ)
    else:
        host, named = repo_at(address)
        assert (named.full, api_of(host, environ)) == found


def fix(hub: Hub, commit: str, comment: int, act: Act, **more: object) -> Handoff:
    approval = Approval(act="comment", actor=act.actor, id=act.ident, url=act.url)
    plain = {"repo": "octo/demo", "pull": 7, "branch": "feature", "base": hub.at("feature")}
    plain |= {
        "commit": commit,
        "body": "Fixed.\n<!-- reviewloop:state:v1 x -->",
        "comment": comment,
    }
    return Handoff(kind="fix", approval=approval, **(plain | more))


def with_feature(hub: Hub, git: Callable[..., str]) -> str:
    """Open pull request 7 from `feature` and return its head."""
    git(hub.repo, "checkout", "-q", "-b", "feature")
    (hub.repo / "b.py").write_text("b = 1\n")
    git(hub.repo, "add", "b.py")
    git(hub.repo, "commit", "-q", "-m", "feature")
    git(hub.repo, "push", "-q", str(hub.bare), "feature")
    hub.github.open_pull(head="feature")
    return hub.at("feature")


def asks(hub: Hub, words: str) -> tuple[int, Act]:
    """Have ada comment; return the comment and the act that it is."""
    said = hub.github.say(7, "ada", words)
    url = f"https://github.com/octo/demo/pull/7#issuecomment-{said.id}"
    return said.id, Act("comment", "ada", str(said.id), url)


@pytest.mark.slow
def test_a_fix_goes_onto_the_head_it_was_made_for_and_nowhere_else(hub, git):
    head = with_feature(hub, git)
    said = hub.github.say(7, "ada", "/reviewloop fix all")
    url = f"https://github.com/octo/demo/pull/7#issuecomment-{said.id}"
    act = Act("comment", "ada", str(said.id), url)
    plain = hub.commit({"b.py": "b = 2\n"}, parent=head)
    commit = record_act(hub.run, plain, act)
    folder = hub.hand_over(fix(hub, commit, said.id, act))

    with pytest.raises(UsageError, match="records another approval"):
        hub.push(hub.hand_over(fix(hub, plain, said.id, act)))
    eve = hub.github.say(7, "eve", "/reviewloop fix all")
    with pytest.raises(UsageError, match="eve, who may not ask"):
        hub.push(hub.hand_over(fix(hub, commit, eve.id, act)))
    assert hub.http.pushes == 0

    for _ in range(2):  # a job that is run again repeats nothing
        assert hub.push(folder).pull.number == 7
    assert hub.at("feature") == commit
    [comment] = [c for c in hub.github.state.issue_comments if "Fixed." in c.body]
    assert "<!-- reviewloop:state" not in comment.body

    late = record_act(hub.run, hub.commit({"b.py": "b = 3\n"}, parent=head), act)
    with pytest.raises(WorkspaceError, match=f"at {commit[:12]}, not at {head[:12]}"):
        hub.push(hub.hand_over(fix(hub, late, said.id, act, base=head)))
    hub.github.push(7)
    with pytest.raises(StaleHead, match="ask for the fix again"):
        hub.push(hub.hand_over(fix(hub, late, said.id, act, base=head)))
    assert hub.at("feature") == commit

    nothing = fix(hub, "", said.id, act, base="", body="Not fixed: its test stays red.")
    assert hub.push(hub.hand_over(nothing)).pushed is False
    assert any("stays red" in c.body for c in hub.github.state.issue_comments)


def test_a_fix_is_no_longer_wanted_once_its_comment_asks_for_another(hub, git):
    head = with_feature(hub, git)
    said, act = asks(hub, "/reviewloop fix 0123456789ab")
    commit = record_act(hub.run, hub.commit({"b.py": "b = 2\n"}, parent=head), act)
    [comment] = hub.github.state.issue_comments
    for findings in (("0123456789ab",), ("0123456789ab", "ba9876543210"), ()):
        folder = hub.hand_over(fix(hub, commit, said, act, findings=findings))
        if len(findings) == 1:
            comment.body = "/reviewloop fix ba9876543210"
        with pytest.raises(UsageError, match="asks for"):
            hub.push(folder)
        comment.body = "/reviewloop fix 0123456789ab"
    assert (hub.http.pushes, hub.at("feature")) == (0, head)


@pytest.mark.slow
def test_a_run_pushes_only_what_it_was_started_for(hub, git, tmp_path):
    head = with_feature(hub, git)
    old, past = asks(hub, "/reviewloop fix all")
    said, act = asks(hub, "/reviewloop fix all")
    payload = tmp_path / "event.json"
    payload.write_text(json.dumps(of_comment(hub.github, said)))
    commented = {"GITHUB_EVENT_NAME": "issue_comment", "GITHUB_EVENT_PATH": str(payload)}
    by_hand = tmp_path / "dispatched.json"
    by_hand.write_text("{}")
    started = {"GITHUB_EVENT_NAME": "workflow_dispatch", "GITHUB_EVENT_PATH": str(by_hand)}
    plain = hub.commit({"b.py": "b = 2\n"}, parent=head)
    reused = fix(hub, record_act(hub.run, plain, past), old, past)
    good = fix(hub, record_act(hub.run, plain, act), said, act)
    for handoff, event, reason in (
        (reused, commented, f"answers the comment {old} on pull request 7"),
        (good.model_copy(update={"pull": 8}), commented, "on pull request 8"),
        (task(hub.base, hub.commit({"a.py": "a = 1\n"})), commented, "a comment asks for none"),
        (good, started, "did not start this run"),
    ):
        with pytest.raises(UsageError, match=reason):
            hub.push(hub.hand_over(handoff), **event)
    assert (hub.http.pushes, len(hub.github.state.pulls)) == (0, 1)
    # The answer says which command it answers, so that the run may be started again.
    hub.push(hub.hand_over(good), **commented)
    answer = hub.github.state.issue_comments[-1].body
    assert commands_in(answer) == (said,)
    marks = "<!-- reviewloop:x --> " * 3200
    long = fix(hub, "", said, act, base="", body=f"{marks[:64_000]}end")
    hub.push(hub.hand_over(long), **commented)
    assert len(hub.github.state.issue_comments[-1].body) <= 65_536


def test_in_a_thread_of_somebody_else_nothing_is_meant(hub, git):
    head = with_feature(hub, git)
    hub.github.identity("token-of-eve", "eve", {"pull-requests": "write"})
    threads = {}
    for token in (hub.github.token, "token-of-eve"):
        body = f"{finding_marker('0123456789ab')}\nIt is wrong."
        with GitHub(token, Repo.of("octo/demo"), **hub.github.addresses) as client:
            comment = Comment("b.py", body, 1, finding="0123456789ab")
            client.create_review(7, commit_id=head, body="", comments=[comment])
        root = hub.github.state.review_comments[-1]
        reply = hub.github.reply(root.id, "ada", "/reviewloop fix")
        with GitHub(hub.github.token, Repo.of("octo/demo"), **hub.github.addresses) as client:
            threads[root.author] = get_request(client, client.pull(7), reply.id).thread
    assert threads == {"github-actions[bot]": ("0123456789ab",), "eve": ()}


def test_a_workflow_hears_why_nothing_was_pushed(hub, tmp_path, monkeypatch):
    out = tmp_path / "out"
    monkeypatch.chdir(hub.repo)
    for name, value in {**hub.github.environ, "GITHUB_OUTPUT": str(out)}.items():
        monkeypatch.setenv(name, value)
    folder = hub.hand_over(task(hub.base, hub.commit({"a.py": "a = 1\n"}), branch="main"))
    for words, code, reason in (
        (["github", "push", str(folder)], 3, "main is the base or the default branch"),
        (["github", "push", str(tmp_path / "none")], 2, "cannot be read"),
        (["publish", "--handoff", str(tmp_path / "new")], 2, "no run of this repository"),
    ):
        out.write_text("")
        assert run(words) == code
        said = out.read_text().split("\n")
        assert (said[0].partition("<<")[0], said[1]) == ("status", "review_error")
        assert (said[3].partition("<<")[0], reason in said[4]) == ("reason", True)
    assert hub.http.pushes == 0
