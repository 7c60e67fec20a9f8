"""Commands in comments over HTTP: who is obeyed, what it does once, and what outlives a push.

The repository, git, the command line and the analysers are real; only GitHub is not.
"""

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.action import ACTION, ROOT
from support.checkout import Checkout
from support.ends import REPLY, TALK, make_repository
from support.finding_locations import on_diff, summaries
from support.github_events import of_comment
from support.github_server import GitHubServer
from support.github_state import BOT
from support.runner import Ran, Runner

from reviewloop.github.api.model import Status
from reviewloop.github.comment_commands import CommandOutcome, handle_comment
from reviewloop.github.comments.marker import (
    command_marker,
    commands_in,
    dismissal_marker,
    findings_in,
    read_state,
    state_marker,
)
from reviewloop.github.user_comments import FOR_OTHER_JOBS

REACT = "reactions/create-for-issue-comment"
PERMISSION = "repos/get-collaborator-permission-level"


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repository(tmp_path_factory.mktemp("heard") / "work")


@pytest.fixture
def github(repository: Path) -> Iterator[GitHubServer]:
    roles = {"ada": "write", "max": "maintain", "eve": "read", "tool[bot]": "admin"}
    with GitHubServer(repository, roles=roles) as server:
        server.grant(issues="write")
        server.open_pull(head="feature")
        yield server


class Hearing(Runner):
    """`handle_comment` has somebody comment and runs what the comment starts."""

    def handle_comment(self, body: str, who: str = "ada", *, root: int = 0, **changed: Any) -> Ran:
        """Comment in the conversation, or in the thread that `root` began."""
        made = self.github.reply(root, who, body) if root else self.github.say(7, who, body)
        return self.run_for(made.id, on_diff=bool(root), **changed)

    def run_for(self, made: int, *, on_diff: bool = False, **changed: Any) -> Ran:
        payload = of_comment(self.github, made, on_diff=on_diff) | changed
        event = "pull_request_review_comment" if on_diff else "issue_comment"
        file, out = self.folder / "event.json", self.folder / "out"
        file.write_text(json.dumps(payload))
        out.write_text("")
        files = {"GITHUB_EVENT_PATH": str(file), "GITHUB_OUTPUT": str(out)}
        named = {"GITHUB_EVENT_NAME": event, "GITHUB_ACTIONS": "true"}
        before = len(self.github.received)
        said = self.checkout.run("github", "hear", **self.github.environ, **files, **named)
        found = re.findall(r"^(\S+)<<(\S+)\n(.*)\n\2$", out.read_text(), re.MULTILINE)
        outputs = {name: value for name, _, value in found}
        requests = tuple(self.github.received[before:])
        return Ran(said.code, outputs, "", said.out + said.err, {}, "", requests)

    def reviewed(self, *options: str, **more: Any) -> Ran:
        """Have the pull request reviewed by the analysers."""
        return self.review("synchronize", "--model=none", *options, **more)


@pytest.fixture
def runner(
    github: GitHubServer, repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Hearing:
    monkeypatch.setitem(handle_comment.__kwdefaults__, "sleep", lambda seconds: None)
    return Hearing(github, Checkout(repository, tmp_path / "home"), tmp_path)


def said(github: GitHubServer) -> list[str]:
    """Return our answers, in the conversation and in threads."""
    rows = [*github.state.issue_comments, *github.state.visible(7)]
    return [c.body for c in rows if c.author == BOT and "reviewloop:command" in c.body]


def finding(github: GitHubServer, word: str) -> tuple[int, str]:
    """Return the comment and the id of the finding that a word stands in."""
    [root] = [c for c in on_diff(github) if word in c.body]
    return root.id, findings_in(root.body)[0]


def test_only_a_person_who_may_write_is_obeyed(github: GitHubServer, runner: Hearing) -> None:
    body = "/reviewloop pause"
    for who, role in (("eve", "read"), ("eve", "triage"), ("zoe", ""), ("zoe", "none")):
        github.state.roles |= {who: role} if role else {}
        heard = runner.handle_comment(body, who)
        assert (heard.code, heard.out["status"], heard.out["verb"]) == (0, "skipped", "")
        assert f"{who} may not give commands: that takes write permission" in heard.out["reason"]
        assert heard.writes == [REACT]
        assert github.state.issue_comments[-1].reactions == [(BOT, "confused")]
    github.fail(PERMISSION, 404)  # no user of that name
    assert runner.handle_comment(body).out["status"] == "skipped"
    github.fail(PERMISSION, 403)  # it is not known: that is no leave
    heard = runner.handle_comment(body)
    assert (heard.code, heard.out["status"], heard.writes) == (2, "review_error", [])
    # GitHub's word counts, not that of the payload: neither association nor sender.
    made = github.say(7, "eve", body)
    payload = of_comment(github, made.id)
    comment = payload["comment"] | {"author_association": "OWNER"}
    assert runner.run_for(made.id, comment=comment).out["status"] == "skipped"
    heard = runner.run_for(made.id, sender=github.state.user("ada"))
    assert (heard.out["status"], heard.requests) == ("skipped", ())
    for bot in ("tool[bot]", "ada[bot]", BOT):
        heard = runner.handle_comment(body, bot)
        assert (heard.out["status"], heard.requests) == ("skipped", ())
    made = github.say(7, "ada", body)
    sender = github.state.user("ada") | {"type": "Bot"}
    assert runner.run_for(made.id, sender=sender).requests == ()
    assert said(github) == []


def test_a_comment_that_is_no_command_costs_no_request(
    github: GitHubServer, runner: Hearing
) -> None:
    for body in ("Looks good", "> /reviewloop fix all", "```\n/reviewloop fix all\n```"):
        heard = runner.handle_comment(body)
        assert (heard.code, heard.out["status"], heard.requests) == (0, "skipped", ())
    made = github.say(7, "ada", "/reviewloop pause")
    assert runner.run_for(made.id, action="edited").requests == ()
    issue = of_comment(github, made.id)["issue"]
    del issue["pull_request"]
    assert runner.run_for(made.id, issue=issue).requests == ()


def test_what_cannot_be_obeyed_is_said_once(github: GitHubServer, runner: Hearing) -> None:
    for body, word in (
        ("/reviewloop review --model bedrock_converse:x", "no options, keys, models or addresses"),
        (
            "/reviewloop reviwe",
            "There is no command `reviwe`. Did you mean `/reviewloop review`? "
            "`/reviewloop help` lists the commands.",
        ),
        ("/reviewloop help", "`/reviewloop dismiss ID reason`"),
    ):
        heard = runner.handle_comment(body)
        assert (heard.code, heard.out["verb"]) == (0, "")
        assert heard.writes == [REACT, TALK]
        assert word in said(github)[-1]
        command = int(heard.out["comment"])
        assert said(github)[-1].startswith(f"{command_marker(command)}\n")
        again = runner.run_for(command)
        assert (again.code, again.writes) == (0, [REACT])
    github.reset(TALK, "after")  # the answer of GitHub gets lost
    runner.handle_comment("/reviewloop help")
    assert len(said(github)) == 4
    # Somebody copies our mark: the command is answered all the same.
    made = github.say(7, "ada", "/reviewloop help")
    github.say(7, "eve", f"{command_marker(made.id)}\nanswered")
    runner.run_for(made.id)
    assert len(said(github)) == 5


def test_a_missing_permission_is_named_and_a_reaction_is_not_missed(
    github: GitHubServer, runner: Hearing
) -> None:
    github.grant(issues="none")
    assert runner.handle_comment("/reviewloop help").out["status"] == "passed"
    github.grant(pull_requests="read")
    heard = runner.handle_comment("/reviewloop help")
    assert (heard.code, heard.out["status"]) == (2, "review_error")
    assert "pull-requests: write" in heard.out["reason"]


def test_what_takes_a_model_or_the_code_is_handed_on(github: GitHubServer, runner: Hearing) -> None:
    assert runner.reviewed("--comments=none").log.count("::warning file=deploy.sh,line=") == 3
    silent = runner.reviewed("--comments=none", "--annotations=false")
    assert " file=" not in silent.log + runner.reviewed().log  # or all of it has its comment
    root, name = finding(github, "download")
    pull = github.state.pulls[7]
    pull.draft = True
    for words, where, verb, wanted in (
        ("review", 0, "review", ""),
        ("full-review", 0, "full-review", ""),
        (f"fix {name[:6]}", 0, "fix", name),
        ("fix all", 0, "fix", "all"),
        ("fix", root, "fix", name),
    ):
        heard = runner.handle_comment(f"/reviewloop {words}", "max", root=where)
        out = heard.out
        assert (heard.code, out["status"], out["verb"], out["finding"]) == (
            *(0, "passed"),
            *(verb, wanted),
        )
        assert (out["pull"], out["actor"], out["head"]) == ("7", "max", pull.head_sha)
        assert out["comment"].isdecimal()
        assert len(heard.writes) == 1  # eyes
    assert said(github) == []
    for words, word in (("fix", "which finding?"), ("fix fedcba", "no finding `fedcba`")):
        assert runner.handle_comment(f"/reviewloop {words}").out["verb"] == ""
        assert re.search(word, said(github)[-1], re.IGNORECASE)
        listed = re.findall(r"^- .*", said(github)[-1], re.MULTILINE)
        assert len(listed) == 3  # the nit has no comment, so it cannot be fixed
        [line] = [line for line in listed if name in line]
        assert re.fullmatch(rf"- 🟡 .*download.* \(`deploy.sh:4`\), `{name}`", line)
    pull.head_repo = "eve/demo"
    assert runner.handle_comment("/reviewloop fix all").out["verb"] == ""
    assert "comes from a fork" in said(github)[-1]
    pull.state = "closed"
    assert runner.handle_comment("/reviewloop pause").out["verb"] == ""
    assert "is closed: nothing was done" in said(github)[-1]


def test_a_finding_is_explained_where_the_question_was_asked(
    github: GitHubServer, runner: Hearing
) -> None:
    runner.reviewed()
    root, name = finding(github, "download")
    heard = runner.handle_comment("/reviewloop explain", root=root)
    assert heard.writes[1:] == [REPLY]
    runner.handle_comment(f"/reviewloop explain `{name[:7]}`")
    in_thread, answer = (text.partition("\n")[2] for text in reversed(said(github)))
    assert in_thread == answer
    for words in (
        *("🟡 **should fix**", f"`{name}` · `deploy.sh:4`", "\ncurl -fsSL https://example.com/"),
        *("**Rule** [`sh/", "**Why:**", "own example of what it finds, not your code:\n\n```sh\n"),
        *("\n\n```sh\ncurl", "/reviewloop dismiss {name}", "**Source:** "),
        *("ignore[sh/", " · open"),
    ):
        assert words.format(name=name) in answer
    # Of a nit only the summary tells.
    [nit] = re.findall(r"`([0-9a-f]{12})`", summaries(github)[0].body)
    runner.handle_comment(f"/reviewloop explain {nit}")
    assert "🟢 **nit**" in said(github)[1]
    assert "open, told in the summary" in said(github)[1]
    [line] = [each for each in summaries(github)[0].body.split("\n") if nit in each]
    assert all(part in said(github)[1] for part in line.removeprefix("- ").split(" · ")[:2])


@pytest.mark.slow
def test_a_dismissal_by_command_outlives_pushes_and_force_pushes(
    github: GitHubServer, runner: Hearing
) -> None:
    runner.reviewed()
    root, name = finding(github, "Everybody")
    runner.handle_comment(f"/reviewloop dismiss {name}")
    assert "needs a reason" in said(github)[-1]
    value = "Qw8Zr5" + "Tn2Kv7Lp4Xc9"
    runner.checkout.environ["SHOP_TOKEN"] = value
    heard = runner.handle_comment(f"/reviewloop dismiss {name[:8]} shared with @octo, {value}")
    assert heard.writes == [REACT, "issues/update-comment", REPLY]
    [answer] = [c for c in github.state.visible(7) if c.in_reply_to]
    assert answer.in_reply_to == root
    assert "Dismissed by ada: shared with @\u200bocto" in answer.body
    everything = json.dumps([c.body for c in github.state.issue_comments if c.author == BOT])
    assert value not in everything + answer.body
    again = runner.run_for(int(heard.out["comment"]))
    assert again.writes == [REACT]
    # The nit that only the summary tells can be dismissed, too; a word may look like an id.
    [nit] = re.findall(r" · `([0-9a-f]{12})`", summaries(github)[0].body)
    runner.handle_comment(f"/reviewloop dismiss {nit} it runs as root anyway")
    host, ssh = finding(github, "SSH")
    # As our comment asks for, and nearly so.
    heard = runner.handle_comment("reviewloop dismiss: facade of the test network", root=host)
    assert heard.out["status"] == "passed"
    body = summaries(github)[0].body
    assert "## reviewloop: 🟡 1 should fix\n" in body
    assert len(re.findall(r"^- dismissed by `ada`: .*`\), `[0-9a-f]{12}`$", body, re.M)) == 3

    github.push(7, "fixed")
    ran = runner.reviewed("--fail-on=nit")
    assert (ran.code, ran.out["status"], ran.out["comments-posted"]) == (0, "passed", "0")
    assert "no findings" in summaries(github)[0].body
    github.push(7, "rebased")  # the history is written anew
    ran = runner.reviewed("--fail-on=nit")
    assert (ran.out["should-fix"], ran.out["nits"]) == ("1", "0")
    text = summaries(github)[0].body
    for word in ("shared with", "it runs as root anyway", "facade of the test network"):
        assert f"ada: {word}" in text
    # Somebody deletes what we remember: the answers in the threads still say it.
    github.state.issue_comments = [
        c for c in github.state.issue_comments if c not in summaries(github)
    ]
    ran = runner.reviewed("--fail-on=should")
    assert ran.out["should-fix"] == "1"
    assert ssh in summaries(github)[0].body


@pytest.mark.slow
def test_a_dismissal_is_taken_back(github: GitHubServer, runner: Hearing) -> None:
    runner.reviewed()
    root, name = finding(github, "download")
    runner.handle_comment(f"/reviewloop reopen {name}")
    assert "This is not dismissed" in said(github)[-1]
    for place, order, back in (
        (root, "reviewloop: dismiss a mirror of ours", "reopen"),
        (0, f"/reviewloop dismiss {name} a mirror of ours", "undismiss"),
    ):
        runner.handle_comment(order, root=place)
        assert "## reviewloop: 🟡 2 should fix · " in summaries(github)[0].body
        assert runner.handle_comment(f"/reviewloop {back} {name[:6]}").out["status"] == "passed"
        body = summaries(github)[0].body
        assert "## reviewloop: 🟡 3 should fix · " in body
        assert re.search(r"^- opened again by `ada`: .*`deploy.sh:4`", body, re.M)
        ran = runner.reviewed("--fail-on=should")
        assert (ran.out["should-fix"], ran.out["comments-posted"]) == ("3", "0")
        assert "Since then" not in summaries(github)[0].body
    github.resolve(root, "ada")
    runner.reviewed()
    runner.handle_comment("/reviewloop reopen", root=root)
    assert "unresolve it" in said(github)[-1]


@pytest.mark.slow
def test_nobody_dismisses_with_a_copy_of_our_marks(github: GitHubServer, runner: Hearing) -> None:
    runner.reviewed()
    root, name = finding(github, "download")
    mark = dismissal_marker(name, "ada: by design")
    github.reply(root, "eve", f"{mark}\nDismissed by ada: by design")
    github.reply(root, BOT, f"eve says:\n{mark}")  # another program that repeats a stranger
    ran = runner.reviewed("--fail-on=should")
    assert (ran.code, ran.out["should-fix"]) == (1, "3")


@pytest.mark.slow
def test_a_paused_pull_request_is_left_alone_until_it_is_resumed(
    github: GitHubServer, runner: Hearing
) -> None:
    heard = runner.handle_comment("/reviewloop pause")
    assert heard.writes == [REACT, TALK, TALK]  # nothing was remembered before
    ran = runner.reviewed()
    assert (ran.code, ran.out["status"], ran.writes) == (0, "skipped", [])
    assert "paused" in ran.out["reason"]
    # A review that was asked for by a comment is one by hand.
    github.state.pulls[7].draft = True
    made = github.say(7, "ada", "/reviewloop review")
    asked = {"event": "issue_comment", "payload": of_comment(github, made.id)}
    ran = runner.reviewed("--pr=7", "--full", **asked)
    assert (ran.out["status"], ran.out["comments-posted"]) == ("passed", "3")
    assert len(summaries(github)) == 1
    github.state.pulls[7].draft = False
    assert runner.reviewed().out["status"] == "skipped"
    runner.handle_comment("/reviewloop resume")
    assert "the next push is reviewed" in said(github)[-1]
    assert runner.reviewed().out["status"] == "passed"
    assert runner.reviewed(**asked).out["status"] == "skipped"  # no pull request was named


@pytest.mark.slow
def test_orders_given_while_a_review_runs_are_kept(github: GitHubServer, runner: Hearing) -> None:
    from reviewloop.github.reviewing.review import PullReviewRequest, review_pull

    runner.reviewed()
    [nit] = re.findall(r"`([0-9a-f]{12})`", summaries(github)[0].body)
    given: list[str] = []

    def order(what: str) -> None:
        if what == "posting":
            given.append(what)
            runner.handle_comment(f"/reviewloop dismiss {nit} not here")
            runner.handle_comment("/reviewloop pause")

    with runner.checkout.inside():
        options = PullReviewRequest(pull=7, repo=github.full, model="none")
        review_pull(options, github.environ, start=runner.checkout.root, on_progress=order)
    assert given
    assert runner.reviewed().out["status"] == "skipped"
    runner.handle_comment("/reviewloop resume")
    assert runner.reviewed().out["nits"] == "0"
    assert "ada: not here" in summaries(github)[0].body


def test_what_another_run_overwrites_is_written_again(
    github: GitHubServer, runner: Hearing
) -> None:
    from reviewloop.github.api.client import GitHub
    from reviewloop.github.api.errors import GitHubError
    from reviewloop.github.api.model import Repo, State
    from reviewloop.github.api.transport import Pace
    from reviewloop.github.posting.memory import remember

    class Overwritten(GitHub):
        times = 2

        def update_issue_comment(self, comment: int, body: str) -> Any:
            made = super().update_issue_comment(comment, body)
            self.times -= 1
            if self.times >= 0:  # a review ends just now and writes what it read before
                super().update_issue_comment(comment, f"{old}\nanother summary")
            return made

    def paused(state: State) -> State:
        return State(paused=True)

    with Overwritten(github.token, Repo.of(github.full), **github.addresses) as client:
        pull = client.pull(7)
        old = state_marker(State(), pull)
        client.create_issue_comment(7, old)
        pace = Pace(lambda seconds: None)
        assert remember(client, pull, paused, pace).paused
        comments = client.issue_comments(7)
        assert read_state(comments, client.me(), pull).paused
        assert comments[0].body.endswith("\nanother summary")
        client.times = 0
        entry = {"status": "dismissed", "severity": "nit", "path": "a" * 2000, "reason": "b" * 300}
        long = State(findings={"a" * 12: entry | {"comment_id": 5, "code": "", "by": "c" * 300}})
        assert "a" * 12 in remember(client, pull, lambda state: long, pace).findings
        client.times = 9
        with pytest.raises(GitHubError, match="give the command again"):
            remember(client, pull, lambda state: State(spent_tokens=5), pace)


def test_the_workflow_gives_each_job_the_rights_it_needs() -> None:
    text = (ROOT / "workflows/commands.yml").read_text()
    parsed = yaml.safe_load(text)
    assert (set(parsed[True]), parsed["permissions"]) == (
        *({"issue_comment", "pull_request_review_comment"}, {}),
    )
    jobs = parsed["jobs"]
    read, write = "read", "write"
    assert {name: job["permissions"] for name, job in jobs.items()} == {
        "hear": {"pull-requests": write, "issues": write},
        "review": {
            **{"contents": read, "pull-requests": write},
            **{"checks": write, "id-token": write},
        },
        "fix": {"contents": read, "pull-requests": read, "id-token": write},
        "push": {"contents": write, "pull-requests": write},
        "tell": {"pull-requests": write},
    }
    hearing, *others = (job for job in jobs.values())
    [step] = hearing["steps"]  # no checkout, no model
    assert step["with"] == {"command": "hear"}
    assert all("hear" in job["needs"] and "if" in job for job in others)
    # The project's code runs nowhere but in `fix`, in the sandbox that is installed there.
    assert "bubblewrap" in "".join(each.get("run", "") for each in jobs["fix"]["steps"])
    assert {n for n, job in jobs.items() if "run:" in yaml.dump(job)} == {"fix", "tell"}
    for word in ("secrets.", "head.sha", "head.ref"):
        assert word not in yaml.dump(jobs)  # keys are offered in comments of the file
    assert re.findall(r"\bcomment\.body\b.*", text) == [
        "comment.body, '/reviewloop')",
        "comment.body, 'reviewloop'))",
    ]
    handed = {verb for verb in FOR_OTHER_JOBS if f"verb == '{verb}'" in text}
    assert handed == set(FOR_OTHER_JOBS)
    taken = set(re.findall(r"needs\.hear\.outputs\.(\w+)", text))
    assert taken <= set(hearing["outputs"]) <= set(CommandOutcome(Status.SKIPPED).outputs)
    for job in jobs.values():
        for each in job["steps"]:
            if "reviewloop@" in each.get("uses", ""):
                assert set(each["with"]) <= set(ACTION["inputs"])
            if "checkout" in each.get("uses", ""):
                assert each["with"]["ref"] == "${{ github.event.repository.default_branch }}"
                assert each["with"]["persist-credentials"] is False


@pytest.mark.skipif(not shutil.which("jq"), reason="the step needs jq, which runners have")
def test_what_broke_off_is_told_to_who_asked(github: GitHubServer) -> None:
    job = yaml.safe_load((ROOT / "workflows/commands.yml").read_text())["jobs"]["tell"]
    assert job["needs"] == ["hear", "review", "fix", "push"]
    assert job["if"].startswith("${{ always() && (")
    assert "outputs.verb == 'fix' && needs.push.outputs.status != 'passed')" in job["if"]
    [step] = job["steps"]
    environ = {k: github.environ[k] for k in github.environ if k != "GITHUB_TOKEN"}
    for reason in ("", 'it "moved"\n```\n@ada ![x](https://evil.example/) `$(id)`\\'):
        given = {"TOKEN": github.token, "NUMBER": "7", "COMMENT": "99", "REASON": reason}
        assert set(step["env"]) == set(given)
        done = subprocess.run(
            ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", step["run"]],
            **{"env": {"PATH": os.environ["PATH"], **environ, **given}, "text": True},
            **{"capture_output": True, "check": False, "timeout": 20},
        )
        assert done.returncode == 0, done.stderr
        assert github.token not in done.stdout + done.stderr
        body = github.state.issue_comments[-1].body
        assert commands_in(body) == (99,)
        assert "/octo/demo/actions/runs/77)" in body
        assert body.count("```") == 2  # nothing closes the block before its end
    assert 'it "moved" @ada ![x](https://evil.example/) $(id) \\' in body
