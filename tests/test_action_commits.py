"""The commands of the Action that end in commits, as a runner starts them: its own shell steps.

The repository, git and the processes are real, the models play parts over HTTP, and what GitHub
would do the stand-in does.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.action import REAL_PIP, Machine
from support.bedrock import BedrockServer
from support.checkout import QUIET_GATES, Checkout
from support.github_events import of_comment
from support.hub import Hub
from support.parts import CLEAN, cast, resolves, says, writes
from support.play import BOUND, INJECTION, SEARCH, TEST, agent_of, done, replace, reply
from support.shop import make_shop

from reviewloop.domain.finding import Finding, Severity, fingerprint
from reviewloop.github.api.client import GitHub
from reviewloop.github.api.model import Comment, Repo
from reviewloop.github.comments.bodies import inline_body

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(REAL_PIP in os.environ, reason="the installation is the same"),
]
PATH, TITLE = "shop/search.py", "The customer's name becomes part of the SQL"
SQL = Finding(
    id=fingerprint(PATH, INJECTION, TITLE),
    **{"title": TITLE, "agents": ("review-security",), "severity": Severity.MUST_FIX},
    **{"why": "It matters.", "suggestion": "Change it.", "path": PATH, "quote": INJECTION},
    line=SEARCH.split("\n").index(INJECTION) + 1,
)
PARTS = cast(
    implement=writes({PATH: CLEAN, "tests/test_search.py": TEST}),
    fix=says(reply(replace(PATH, INJECTION, BOUND)), done("Bound it.")),
    quick_review=resolves({TITLE: BOUND}),
)


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[Hub]:
    """A project whose branch `feature` adds what pull request 7 is about."""
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="main")
    with BedrockServer(PARTS, agent_of=agent_of) as models:
        checkout = Checkout(root, tmp_path / "home-of-ada", models, QUIET_GATES)
        checkout.git("checkout", "-q", "-b", "feature")
        checkout.write(PATH, SEARCH)
        checkout.git("add", "-A")
        checkout.git("commit", "-q", "-m", "search")
        with Hub(checkout, tmp_path) as hub:
            hub.git("update-ref", "refs/heads/main", "feature~2")
            checkout.git("update-ref", "refs/heads/main", "feature~2")
            yield hub


@pytest.mark.timeout(400)
def test_findings_are_fixed_and_a_task_is_implemented_then_pushed(hub: Hub, tmp_path: Path) -> None:
    github, root = hub.github, hub.checkout.root
    pull = github.open_pull(head="feature")
    with GitHub(github.token, Repo.of(github.full), **github.addresses) as us:
        said = Comment(PATH, inline_body(SQL, redact=str), SQL.line or 1, finding=SQL.id)
        us.create_review(7, commit_id=pull.head_sha, body="", comments=[said])
    machine = Machine(tmp_path, github, root)
    machine.variables = {
        **hub.checkout.server.env(),
        **QUIET_GATES,
        **{"GITHUB_SERVER_URL": hub.http.url, "GITHUB_REF_NAME": "main"},
        "GITHUB_REF": "refs/heads/main",
    }
    handoff = tmp_path / "temp/reviewloop-handoff"
    hub.checkout.git("checkout", "-q", "main")
    hub.checkout.git("config", "--remove-section", "user")  # a runner has no name of its own
    main, before = hub.git("rev-parse", "main"), pull.head_sha

    comment = github.say(7, "ada", f"/reviewloop fix {SQL.id}")
    event = of_comment(github, comment.id), "issue_comment"
    asked = {"pr": "7", "finding": SQL.id, "comment": str(comment.id)}
    ended = machine.run(*event, command="fix", **asked)
    assert ended.returncode == 0, ended.stderr
    assert (machine.outputs["status"], machine.outputs["must-fix"]) == ("passed", "")
    assert sorted(os.listdir(handoff)) == ["commits.bundle", "handoff.json"]
    assert hub.git("rev-parse", "feature") == before  # this job writes nothing
    ended = machine.run(*event, command="push", handoff=str(handoff))
    assert ended.returncode == 0, ended.stderr
    assert machine.outputs["head"] == hub.git("rev-parse", "feature")
    assert hub.git("rev-parse", "feature^") == before
    assert hub.git("show", f"feature:{PATH}") == SEARCH.replace(INJECTION, BOUND).rstrip()
    message = hub.git("log", "-1", "--format=%an%n%B", "feature")
    assert message.startswith(f"github-actions[bot]\nFix: {TITLE}\n")
    assert "\nApproved-by: ada\n" in message
    assert "fixed 1 finding" in github.state.issue_comments[-1].body

    github.state.approvals = [("ada", "approved", "reviewloop")]
    given = {"task": "2.1", "branch": "reviewloop/orders_2.1"}
    other, fetched = str(tmp_path / "other"), len(hub.http.received)
    ended = machine.run({}, "workflow_dispatch", command="implement", handoff=other, **given)
    assert ended.returncode == 0, ended.stderr
    assert machine.outputs["handoff-path"] == other
    assert sorted(os.listdir(other)) == ["commits.bundle", "handoff.json"]
    assert len(hub.http.received) == fetched  # the job that asks models has nothing to do with git
    assert github.state.pulls.keys() == {7}
    assert hub.checkout.git("status", "--porcelain") == ""
    ended = machine.run(
        {}, "workflow_dispatch", command="push", handoff=other, environment="reviewloop"
    )
    assert ended.returncode == 0, ended.stderr
    [draft] = [each for number, each in github.state.pulls.items() if number != 7]
    assert (draft.draft, draft.head_ref) == (True, "reviewloop/orders_2.1")
    assert hub.git("rev-parse", "reviewloop/orders_2.1^") == main == hub.git("rev-parse", "main")
    assert hub.git("show", f"{draft.head_sha}:{PATH}") == CLEAN.rstrip()
    changed = hub.git("diff", "--name-only", "main", draft.head_sha).splitlines()
    assert changed == [".kiro/specs/orders/tasks.md", PATH, "tests/test_search.py"]
    message = hub.git("log", "-1", "--format=%B", draft.head_sha)
    assert message.splitlines()[-2] == "Approved-by: ada"
    assert "Approved by **ada** by approving the environment reviewloop" in draft.body
    assert hub.leaked(machine.temp, machine.folder / "home", root, handoff, Path(other)) == []
