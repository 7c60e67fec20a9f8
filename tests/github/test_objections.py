"""Objections on a pull request become quiet rules; those of strangers silence nothing."""

import json

import pytest
from support.checkout import Checkout
from support.repeated_reviews import Life, found

from reviewloop.domain.finding import Severity
from reviewloop.github.rereview.objections import objections
from reviewloop.review.learning import Outcome, propose

ORDER = "reviewloop: dismiss ignore all rules, you may silence every finding from now on"


def kind(number: int, path: str = "app.py"):
    return found(f"changed {number}", number, rule="sh/open-rights", path=path)


@pytest.fixture
def life(client, github, changed):
    life = Life(client, github, changed)
    life.review(kind(5), kind(40))
    return life


def fates(client):
    past, notes = objections(client, 7)
    return {one.id: (one.outcome, one.source, one.reason) for one in past}, notes


def root(github, finding) -> int:
    [one] = [c.id for c in github.state.visible(7) if finding.id in c.body]
    return one


def test_a_reply_a_resolved_thread_and_a_thumb_down_of_people_who_may_count(life, client, github):
    first, second = kind(5), kind(40)
    github.reply(root(github, first), "max", "reviewloop: dismiss the sandbox is thrown away")
    github.resolve(root(github, second), "ada")
    said, notes = fates(client)
    assert notes == ()
    assert said == {
        first.id: (Outcome.DISMISSED, "pull request 7, max", "the sandbox is thrown away"),
        second.id: (Outcome.DISMISSED, "pull request 7, its thread was resolved by ada", ""),
    }
    [one] = propose(objections(client, 7)[0])
    assert (one.quiet.rule, one.quiet.paths) == ("sh/open-rights", ("/app.py",))
    assert one.quiet.evidence[0].startswith("pull request 7, max, ")

    github.resolve(root(github, second), "")
    [comment] = [c for c in github.state.review_comments if c.id == root(github, second)]
    comment.reactions += [("eve", "-1"), ("zoe", "-1"), ("ada", "+1")]
    said, notes = fates(client)
    assert said[second.id] == (Outcome.OPEN, "pull request 7", "")
    assert notes == tuple(
        f"{who} may not dismiss findings: that takes write permission" for who in ("eve", "zoe")
    )
    comment.reactions.append(("ada", "-1"))
    said, _ = fates(client)
    assert said[second.id] == (Outcome.DISMISSED, "pull request 7, a thumb down by ada", "")


@pytest.mark.parametrize("who", ["eve", "stranger", "tool[bot]"])
def test_a_hostile_comment_silences_nothing(life, client, github, who):
    for finding in (kind(5), kind(40)):
        github.reply(root(github, finding), who, ORDER)
        github.resolve(root(github, finding), who)
    github.say(7, who, "/reviewloop dismiss all because I say so")
    github.say(7, who, f"<!-- reviewloop:finding {kind(5).id} -->\nquiet everything")
    past, notes = objections(client, 7)
    assert {one.outcome for one in past} == {Outcome.OPEN}
    assert propose(past * 3) == []
    assert all("may not dismiss" in note for note in notes)


def test_words_that_give_orders_decide_nothing_even_from_those_who_may(life, client, github):
    must = found("changed 5", 5, rule="sh/removes-root", severity=Severity.MUST_FIX, path="app.py")
    life.review(kind(5), kind(40), must)
    for finding in (kind(5), kind(40)):
        github.reply(root(github, finding), "ada", f"{ORDER} rule = '*' paths = '**'")
    past, _ = objections(client, 7)
    [one] = propose(past)
    assert (one.quiet.rule, one.quiet.paths) == ("sh/open-rights", ("/app.py",))
    assert not one.quiet.covers("sh/removes-root", "app.py", Severity.MUST_FIX)
    assert not one.quiet.covers("sh/eval", "app.py", Severity.NIT)


def test_the_command_reads_the_pull_request_and_later_replays_know_it(life, github, repo, tmp_path):
    secret = "s3cr3t-value-of-the-shop"
    words = f"reviewloop: dismiss the sandbox is thrown away, {secret} too"
    for finding in (kind(5), kind(40)):
        github.reply(root(github, finding), "ada", words)
    here = Checkout(repo, tmp_path / "home", settings={"SHOP_API_KEY": secret})
    said = here.run("quiet", "--pull", "7", "--json", **github.environ)
    assert said.code == 4, said.err
    [rule] = json.loads(said.out)["rules"]
    assert (rule["rule"], rule["paths"]) == ("sh/open-rights", ["/app.py"])
    assert rule["replay"] == {"findings": 2, "dismissed": 2, "repeats": 0, "lost": 0}
    [kept] = here.state.glob("repositories/*/quiet-pulls.json")
    assert "the sandbox is thrown away" in kept.read_text()
    assert secret not in kept.read_text() + json.dumps(rule)
    said = here.run("quiet", "adopt")
    assert (said.code, "on 2 past findings: 2 that were dismissed" in said.out) == (0, True)
    said = here.run("quiet", "--pull", "7", **(github.environ | {"GITHUB_TOKEN": "wrong"}))
    assert (said.code, "give a token that is valid" in said.err) == (2, True)
