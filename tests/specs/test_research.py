"""Research before requirements are written: facts with sources, and constraints."""

import pytest

from reviewloop.loop.spec_research import (
    Research,
    ResearchFinding,
    claims_problem,
    constraints_problem,
    request_for,
    touches_service,
    with_findings,
)
from reviewloop.specs.checks.aws import facts_of

WRONG = ResearchFinding(
    "sqs has no operation send_messages; did you mean SendMessageBatch?",
    False, "botocore 1", "sqs.send_messages",
)  # fmt: skip
RIGHT = ResearchFinding("loans are kept in SQLite", True, "shed/storage.py")


@pytest.mark.parametrize(
    "idea",
    [
        *("put orders into an SQS queue", "charge the card with Stripe", "a Lambda that resizes"),
        *(
            "MQTT topics for sensors",
            "AWS::SQS::Queue",
            "call https://example.org",
            "step functions",
        ),
        *("sign in with OAuth", "tell a third-party API"),
    ],
)
def test_ideas_that_name_a_service_are_researched(idea):
    assert touches_service(idea)


@pytest.mark.parametrize(
    "idea",
    ["list overdue loans", "a dashboard with charts", "rows3 and paws", "a blog in src/s3/x"],
)
def test_other_ideas_are_not(idea):
    assert not touches_service(idea)


def test_a_fact_has_a_version_or_says_that_it_cannot_be_known():
    calls = "use sqs.send_messages and sqs.send_message_batch(Entries=x),\n"
    facts = {one.name: one for one in facts_of(f"{calls}aws s3 sync, aws sqs list-queues")}
    assert facts["sqs.send_messages"].supported is False
    assert "did you mean send_message?" in facts["sqs.send_messages"].detail
    assert facts["sqs.send_message_batch(Entries=x)"].supported is True
    assert facts["sqs.send_message_batch(Entries=x)"].source.startswith("botocore 1.")
    assert facts["aws s3 sync"].supported is None and facts["aws s3 sync"].source == ""
    assert facts["aws sqs list-queues"].supported is True


def test_what_is_known_already_stands_in_the_request():
    assert "- Not supported: sqs has no operation send_messages" in request_for("sqs.send_messages")
    assert "Looked up already" not in request_for("stripe")


def test_a_wrong_name_that_is_called_supported_is_sent_back():
    claim = {"claim": "sqs.send_messages sends ten", "supported": True, "source": "botocore"}
    assert "has no operation send_messages" in claims_problem({"findings": [claim]})
    assert claims_problem({"findings": [{**claim, "supported": False}]}) == ""
    assert claims_problem({"findings": "none"}) == "`findings` is no list of objects"


def test_the_section_stands_once_and_before_what_openspec_changes():
    found = Research((WRONG, RIGHT), dropped=1)
    once = with_findings("# Title\n\nText.\n", found)
    assert once == (
        "# Title\n\nText.\n\n## Research Findings\n\n"
        "- Not supported: sqs has no operation send_messages; did you mean SendMessageBatch?"
        " (botocore 1)\n- Supported: loans are kept in SQLite (shed/storage.py)\n"
        "- 1 finding without a source that could be checked: left out\n"
    )
    assert with_findings(once, found) == once
    change = with_findings("# T\n\n# specs/a/spec.md\n\n## ADDED Requirements\n", found)
    assert change.index("## Research Findings") < change.index("# specs/a/spec.md")
    assert with_findings("# T\n", Research(())) == "# T\n"


def test_what_is_not_supported_has_to_be_a_constraint():
    found = Research((WRONG, RIGHT))
    assert "there is no `## Constraints`" in constraints_problem("# T\n", found)
    other = "# T\n\n## Constraints\n\n- Ten at most\n"
    assert "does not name sqs.send_messages" in constraints_problem(other, found)
    named = "# T\n\n## Constraints\n\n- There is no send_messages in SQS (botocore 1)\n"
    assert constraints_problem(named, found) == ""
    assert constraints_problem("# T\n", Research((RIGHT,))) == ""
