"""`reviewloop review` with a model, over HTTP: verdicts, anchors, merged findings."""

import json
import re

import pytest
from support.bedrock import calls, invalid, reply
from support.parts import cast, finds, found, says
from support.play import REVIEWERS, agent_of

from reviewloop.store.locks import hold

CODE = '''import hashlib
import subprocess


def digest(data: bytes) -> str:
    """Return the checksum."""
    return hashlib.md5(data).hexdigest()


def listing(folder):
    """List a folder."""
    return subprocess.run("ls " + folder, shell=True, capture_output=True).stdout
'''
MD5, SHELL = "ruff/S324", "ruff/S602"


def changed(shop, *args, **parts):
    """Return a checkout with uncommitted work whose reviewers play these parts."""
    checkout = shop(cast(**parts), {}, *args)
    (checkout.root / "shop/digest.py").write_text(CODE)
    return checkout


def reviewed(checkout, *more: str):
    """Run the review and return its code and report."""
    said = checkout.run("review", "--model", MODEL, "--json", *more)
    assert said.code in {0, 1, 5, 6}, said.err
    return said.code, json.loads(said.out)


MODEL = "bedrock_converse:test.model"


def evidence_numbers(received) -> dict[str, str]:
    """Return rule -> number of the evidence that a prompt puts before a reviewer."""
    return {
        rule: number
        for number, owner, rule in re.findall(r"(E\d+) for (\S+): \[([^\]]+)\]", received.said)
        if owner == agent_of(received)
    }


def judges(verdicts: dict[str, tuple[str, str]], *findings):
    """Return a reviewer that judges evidence by rule and reports findings of its own."""

    def part(received):
        numbers = evidence_numbers(received)
        said = [
            {"id": numbers[rule], "verdict": word, "reason": reason}
            for rule, (word, reason) in verdicts.items()
        ]
        return calls("report_findings", {"evidence": said, "findings": list(findings)})

    return part


def by_rule(findings) -> dict[str, dict]:
    return {f["rule"]: f for f in findings if f["rule"]}


def test_evidence_is_confirmed_or_rejected_with_a_reason(shop):
    checkout = changed(
        shop,
        review_security=judges(
            {
                MD5: ("reject", "A checksum of a cache, nothing depends on it."),
                SHELL: ("raise", "The folder comes from a request."),
            }
        ),
    )
    code, report = reviewed(checkout)
    shell = by_rule(report["findings"])[SHELL]
    assert shell["severity"] == "must_fix"
    assert "raised by review-security: The folder comes from a request." in shell["note"]
    assert code == 1
    silenced = by_rule(report["silenced"])[MD5]
    assert silenced["status"] == "dismissed"
    assert "A checksum of a cache" in silenced["note"]


def test_evidence_nobody_answered_stands_unconfirmed(shop):
    _, report = reviewed(changed(shop))
    shell = by_rule(report["findings"])[SHELL]
    assert shell["severity"] == "should_fix"
    assert shell["note"] == "not confirmed by review-security"


def test_a_verdict_without_a_reason_or_on_others_evidence_does_not_count(shop):
    checkout = changed(
        shop,
        review_security=judges({SHELL: ("reject", "")}),
        review_performance=lambda received: calls(
            "report_findings",
            {"evidence": [{"id": "E1", "verdict": "reject", "reason": "no"}], "findings": []},
        ),
    )
    _, report = reviewed(checkout)
    assert by_rule(report["findings"])[SHELL]["status"] == "open"


def test_a_wrong_line_is_corrected_and_a_file_that_is_not_there_is_unanchored(shop):
    checkout = changed(
        shop,
        review_maintainability=finds(
            found(
                "should_fix", "Says nothing", '    """List a folder."""', "shop/digest.py", line=99
            ),
            found("should_fix", "From nowhere", "import nothing", "shop/nowhere.py", line=1),
        ),
    )
    _, report = reviewed(checkout)
    findings = {f["title"]: f for f in report["findings"]}
    assert (findings["Says nothing"]["line"], findings["Says nothing"]["placement"]) == (
        11,
        "changed",
    )
    assert findings["From nowhere"]["placement"] == "unanchored"


@pytest.mark.parametrize(
    ("path", "code", "level"), [("shop/nowhere.py", 0, "note"), ("shop/digest.py", 1, "error")]
)
def test_only_a_finding_that_names_a_file_that_exists_fails_a_review(shop, path, code, level):
    checkout = changed(
        shop, review_security=finds(found("must_fix", "Eval of input", "eval(text)", path, line=1))
    )
    checkout.write("reviewloop.toml", '[review]\nanalysers_off = ["*"]\n')
    got, report = reviewed(checkout)
    [finding] = report["findings"]
    assert (finding["placement"], finding["severity"]) == ("unanchored", "must_fix")
    assert (got, report["exit_code"], report["outcome"]) == (code, code, "findings")
    said = "Nothing here fails" if code == 0 else "The review fails: 1 finding"
    assert report["summary"].startswith(said)
    text = checkout.run("review", "--model", MODEL)
    assert text.code == code
    below = text.out.split("Without a place")[1]
    assert "Eval of input" in below
    sarif = checkout.run("review", "--model", MODEL, "--format", "sarif")
    [result] = json.loads(sarif.out)["runs"][0]["results"]
    assert (sarif.code, result["level"]) == (code, level)
    annotated = checkout.run("review", "--model", MODEL, "--format", "github")
    assert ("::error " in annotated.out) is bool(code)


def test_what_three_reviewers_say_of_one_place_is_one_finding(shop):
    same = found(
        "should_fix",
        "The folder's name becomes part of a shell command",
        '    return subprocess.run("ls " + folder, shell=True, capture_output=True).stdout',
        "shop/digest.py",
        category="injection",
    )
    checkout = changed(
        shop,
        review_security=judges({SHELL: ("confirm", "Anybody can name a folder.")}),
        review_infrastructure=finds(same),
        review_maintainability=finds(same),
        review_performance=finds({**same, "severity": "must_fix"}),
    )
    _, report = reviewed(checkout)
    about = [f for f in report["findings"] if f["line"] == 12 and f["category"] == "injection"]
    assert len(about) == 1
    assert about[0]["severity"] == "must_fix"
    assert set(about[0]["agents"]) == set(REVIEWERS) - {"review-test-quality"}


def test_a_failed_reviewer_keeps_its_evidence_and_makes_the_review_incomplete(shop):
    code, report = reviewed(changed(shop, review_security=says(invalid())))
    assert code == 5
    assert report["outcome"] == "incomplete"
    failed = {a["name"]: a for a in report["agents"]}["review-security"]
    assert failed["status"] == "failed"
    assert "maxTokens" in failed["reason"]
    assert SHELL in by_rule(report["findings"])


def test_reviewers_that_fail_for_one_reason_are_told_in_one_line(shop):
    mute = says(reply("Nothing to say."))
    checkout = changed(shop, review_security=mute, review_performance=mute)
    said = checkout.run("review", "--model", MODEL)
    assert said.code == 5
    text = " ".join(said.out.split())
    assert "review-performance, review-security" in text
    assert "it gave no usable answer: answer by calling report_findings" in text
    assert "review-security gave no usable answer" not in text


def test_the_same_review_again_pays_for_nothing(shop):
    checkout = changed(shop)
    reviewed(checkout)
    asked = len(checkout.server.ledger)
    reviewed(checkout)
    assert len(checkout.server.ledger) == asked
    reviewed(checkout, "--again")
    assert len(checkout.server.ledger) == 2 * asked

    # Not while another process reads the same change: it would lose what it has paid for.
    [journal] = checkout.state.glob("repositories/*/reviews/*/journal.sqlite")
    with hold(journal.parent / "lock", "the review"):
        said = checkout.run("review", "--model", MODEL, "--again")
    assert (said.code, journal.exists()) == (2, True)
    assert "the review of this very change is in use by process" in said.err
    assert len(checkout.server.ledger) == 2 * asked


def test_a_spent_budget_says_so_and_keeps_what_the_analysers_found(shop):
    priced = "bedrock_converse:amazon.nova-pro-v1:0"
    said = changed(shop).run("review", "--model", priced, "--json", "--budget-usd", "0.0000001")
    report = json.loads(said.out)
    assert said.code == 6
    assert "the same `reviewloop review --budget-usd" in " ".join(report["notes"])
    assert SHELL in by_rule(report["findings"])


def test_a_cap_in_money_that_cannot_be_kept_is_told(shop):
    _, report = reviewed(changed(shop), "--budget-usd", "5")
    assert [note for note in report["notes"] if "price of the model is not known" in note]


def test_without_a_configured_model_nobody_is_asked(shop):
    checkout = changed(shop)
    said = checkout.run("review", "--json")
    assert len(checkout.server.ledger) == 0
    assert json.loads(said.out)["model"] == "none"


def test_a_reviewer_is_given_its_evidence_as_facts(shop):
    checkout = changed(shop)
    reviewed(checkout)
    received = checkout.server.of("review-security")[0]
    assert evidence_numbers(received).keys() >= {MD5, SHELL}


@pytest.mark.parametrize("name", ["security", "review-security"])
def test_only_the_named_reviewers_are_asked(shop, name):
    checkout = changed(shop)
    _, report = reviewed(checkout, "--agents", name)
    assert [a["name"] for a in report["agents"]] == ["review-security"]
    assert {a for f in report["findings"] for a in f["agents"]} == {"review-security"}


def test_what_a_review_leaves_out_reaches_no_model(shop):
    reads = calls("fs_read", {"path": "shop/private.py"})
    checkout = shop(
        cast(review_security=says(reads, calls("report_findings", {"findings": []}))), {}
    )
    (checkout.root / ".kiroignore").write_text("private.py\n")
    (checkout.root / "shop/private.py").write_text("HIDDEN_BEFORE = 1\n")
    checkout.git("add", "-A")
    checkout.git("commit", "-qm", "Keep something from agents")
    (checkout.root / "shop/private.py").write_text("HIDDEN_NOW = 2\n")
    (checkout.root / "package-lock.json").write_text('{"locked": "LOCKED_UP"}\n')
    (checkout.root / "shop/digest.py").write_text(f"# @generated\n{CODE}")
    _, report = reviewed(checkout, "--base", "HEAD")
    assert {s["path"] for s in report["skipped"]} == {"shop/private.py", "package-lock.json"}
    sent = json.dumps([received.messages for received in checkout.server.ledger])
    assert "HIDDEN" not in sent
    assert "LOCKED_UP" not in sent
    # What only the change says is no secret: models read it, or are told that it is there.
    assert "package-lock.json (lock file; only security analysers read it; not shown)" in sent
    assert "+# @generated" in sent
