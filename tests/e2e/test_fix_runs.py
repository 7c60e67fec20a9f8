"""A run that starts from known findings, in the user's own checkout."""

import pytest
from support.checkout import QUIET_GATES
from support.parts import CLEAN, cast, finds, found, replaces, resolves, writes
from support.play import BOUND, INJECTION, REVIEWERS, SEARCH

from reviewloop.app.project import open_repository
from reviewloop.app.run.fixing import FixRequestText, plan_fix
from reviewloop.app.run.start import begin
from reviewloop.domain.errors import UsageError
from reviewloop.domain.finding import Finding, Severity, fingerprint

PATH = "shop/search.py"
TITLE = "The customer's name becomes part of the SQL"
BUILD_ONLY = {name: text for name, text in QUIET_GATES.items() if "BUILD" not in name}
SQL = Finding(
    id=fingerprint(PATH, INJECTION, TITLE),
    agents=("review-security",),
    severity=Severity.NIT,  # a person wants it fixed all the same
    title=TITLE,
    path=PATH,
    line=99,
    quote=INJECTION,
)


@pytest.mark.slow
def test_known_findings_are_fixed_on_the_branch_and_wait_for_the_person(shop):
    play = cast(fix=replaces(PATH, INJECTION, BOUND), quick_review=resolves({TITLE: BOUND}))
    checkout = shop(play, BUILD_ONLY)
    checkout.write(PATH, SEARCH)
    checkout.write("shop/long.sql", f"select\n{'x' * 500}\nfrom y\n")
    checkout.write("reviewloop.toml", '[gates.build]\ncommand = ["true"]\n')
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "search")
    head = checkout.git("rev-parse", "HEAD")

    def started(*findings: Finding) -> str:
        with checkout.inside():
            repository = open_repository(checkout.root)
            planned = plan_fix(repository, FixRequestText(findings, base=head, branch="work"))
            assert [each.line for each in planned.findings] == [6]
            return begin(planned.at, planned.plan).run_id

    # Nobody merged these settings, so their commands need the person's own word.
    with pytest.raises(UsageError, match="reviewloop trust"):
        started(SQL)
    assert checkout.run("trust", "--yes").code == 0
    gone = SQL.model_copy(update={"quote": "    return None", "title": "It returns nothing"})
    with pytest.raises(UsageError, match="nothing can be fixed: It returns nothing: its code is"):
        started(gone)
    # An analyser's quote: its long lines are cut.
    cut = SQL.model_copy(update={"path": "shop/long.sql", "quote": f"{'x' * 400}\nfrom y"})
    with checkout.inside():
        wish = FixRequestText((cut,), base=head, branch="work")
        [again] = plan_fix(open_repository(checkout.root), wish).findings
    assert (again.line, again.end_line, again.quote) == (2, 3, f"{'x' * 500}\nfrom y")
    run = started(SQL)
    assert checkout.run("resume", run).code == 4
    assert {r.agent for r in checkout.server.ledger} == {"fix", "quick-review"}
    proposal = checkout.record(run)["proposal"]
    assert f"Fix: {TITLE}\n" in proposal["message"]
    assert "Review: re-review of the fixes, 1 fix round; 1 finding, 1 fixed" in proposal["message"]

    # What a person asks for beyond it is a task like any other: all reviewers read it.
    nameless = found("should_fix", "The name says nothing", "def items_of(db, customer):")
    checkout.server.answer = cast(
        implement=writes({PATH: CLEAN}, "Another subject"), **{"review-security": finds(nameless)}
    )
    assert checkout.run("modify", run, "-m", "Ask for the items at once.").code == 4
    assert set(REVIEWERS) < {r.agent for r in checkout.server.ledger}
    assert checkout.record(run)["proposal"]["message"].startswith(f"Fix: {TITLE}\n")
    assert checkout.run("approve", run).code == 0
    assert checkout.read(PATH) == CLEAN
    assert checkout.git("rev-parse", "HEAD^") == head
    assert "Approved-by" not in checkout.git("show", "-s", "--format=%B")
