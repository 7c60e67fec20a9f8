"""Rows 17 to 26 and 55 to 56: answers in a wrong shape, and what may stand in them."""

import base64
import json
import time
from typing import Any

from support import bedrock as b
from support.bad_answers.stage import QUERY, Reviewed, Row, Stage
from support.bad_answers.transport import security
from support.parts import found

from reviewloop.review.intake import read_findings

KEY = "AKIA" + "Z7Q2M5XW3PLK6RTB"
GOOD = found("should_fix", "The query is built anew for each call", QUERY)


def reported(*findings: Any, **more: Any) -> b.Answer:
    """Return a whole report."""
    return b.calls("report_findings", {"findings": list(findings), **more})


def raw(text: str) -> b.Answer:
    """Return a report whose arguments are these characters."""
    return b.malformed("report_findings", text)


def accepted(stage: Stage, *answers: b.Answer, paid: int) -> Reviewed:
    """Check that these answers end in the one good finding, after so many paid calls."""
    stage.begin(**security(*answers))
    done = stage.review()
    assert list(done.findings) == [GOOD["title"]], done.report
    assert (done.said.code, done.agent["status"], stage.paid) == (0, "done", paid)
    return done


def repaired(stage: Stage, *answers: b.Answer, told: str) -> None:
    """Check that each of these is sent back once with this word, and mended."""
    for answer in answers:
        accepted(stage, answer, reported(GOOD), paid=2)
        last = stage.asked[1]
        assert told in " ".join([*last.results, last.messages[-1]["content"][0].get("text", "")])


def row17(stage: Stage) -> None:
    text = json.dumps({"findings": [GOOD]})
    accepted(stage, raw(f"Here it is: {text} That is all."), paid=1)
    accepted(stage, b.reply(f"I found one thing.\n\n{text}\n"), paid=1)
    repaired(stage, raw(f"{text} or {text}"), told="more than one JSON object")
    repaired(stage, b.reply(f"{text}\n{text}"), b.reply('{"findings": []}'), told="answer by")
    quoted = stage.checkout.write("shop/report.py", f"REPORT = '''{text}'''\n")
    try:  # what stands in the change is quoted, not answered
        stage.begin(**security(b.reply(f"The file holds {text}.")))
        stage.review().failed("gave no usable answer")
    finally:
        quoted.unlink()


def row18(stage: Stage) -> None:
    slips = json.dumps(GOOD).replace('"line"', "'line'").removesuffix("}")
    text = "```json\n{'findings': [" + slips + ", 'score': NaN, // sure\n},],}\n```"
    accepted(stage, raw(text), paid=1)
    repaired(stage, raw("{findings = 1}"), told="not valid JSON")


def row19(stage: Stage) -> None:
    text = json.dumps(GOOD)
    twice = '{"findings": [], "findings": [' + text + "]}"
    repaired(stage, raw(twice), told="given twice")
    inside = b.calls("report_findings", {"findings": twice})
    repaired(stage, inside, told="must be a list")


def row20(stage: Stage) -> None:
    stage.begin(**security(reported({**GOOD, "severity": "blocker"})))
    done = stage.review()
    assert done.findings[GOOD["title"]]["severity"] == "must_fix"
    assert (done.said.code, stage.paid) == (1, 1)
    repaired(stage, reported({**GOOD, "severity": "odd"}), told="is not one of must_fix")


def row21(stage: Stage) -> None:
    untitled = {**GOOD, "title": ""}
    repaired(stage, reported(untitled), told="title is missing")
    repaired(stage, reported({**GOOD, "path": ""}), told="no path given")
    done = accepted(stage, reported(GOOD, untitled), paid=2)
    assert "could not be read: finding 2: title is missing" in done.agent["reason"]


def row22(stage: Stage) -> None:
    accepted(stage, reported({**GOOD, "cwe": 89}, mood="good"), paid=1)
    (told,) = [e for e in stage.told() if e["kind"] == "ignored"]
    assert told["fields"] == ["cwe", "mood"]


def row23(stage: Stage) -> None:
    lines = ((8, "8"), (8, "8-9"), (8, 8.0), (None, 8.5), (None, "about 8"))
    for right, line in lines:
        assert read_findings({"findings": [{**GOOD, "line": line}]}).findings[0].line == right
    done = accepted(stage, *[reported({**GOOD, "line": "about 8"})], paid=1)
    finding = done.findings[GOOD["title"]]
    assert (finding["line"], finding["placement"]) == (6, "changed")


def row24(stage: Stage) -> None:
    text = json.dumps(GOOD)
    repaired(stage, raw(f"[[{text}]]"), told="a list stands where")
    repaired(stage, b.calls("report_findings", {"findings": [[GOOD]]}), told="must be an object")


def row25(stage: Stage) -> None:
    worst = {**GOOD, "severity": "must_fix"}
    huge = [{**GOOD, "severity": "nit", "why": "x" * 2000} for _ in range(5000)]
    read = read_findings({"findings": [*huge, worst]})
    assert (len(read.findings), read.cut, read.findings[0].severity.rank) == (200, 4801, 0)
    # Over the network with fewer, because secrets are looked for in every word of a reply.
    many = [{"severity": "nit", "title": f"Nit {n}"} for n in range(300)]
    stage.begin(**security(reported(*many, worst)))
    done = stage.review()
    assert GOOD["title"] in done.findings
    assert (done.said.code, stage.paid) == (1, 1)
    assert "101 more than 200 were cut" in done.agent["reason"]


def row26(stage: Stage) -> None:
    odd = {**GOOD, "why": "a\x1b[31mred\x00 \ud800 end"}
    done = accepted(stage, reported(odd), paid=1)
    why = done.findings[GOOD["title"]]["why"]
    assert why.startswith("a")
    assert why.endswith("end")
    assert not {"\x1b", "\x00", "\ud800"} & set(why)
    again = stage.review(again=False)  # what is kept is what was told
    assert (again.findings, stage.paid) == (done.findings, 1)


def row55(stage: Stage) -> None:
    german = {**GOOD, "why": "Jeder Aufruf baut die Abfrage neu.", "suggestion": "Als Architekt: …"}
    done = accepted(stage, b.reply("Als Architekt sage ich:", *reported(german).blocks), paid=1)
    assert done.findings[GOOD["title"]]["why"] == german["why"]
    assert done.findings[GOOD["title"]]["agents"] == ["review-security"]


def row56(stage: Stage) -> None:
    held = "9f2KqLm8" + "1xVw0Tz7RbN4eHd5"
    coded = base64.b64encode(held.encode()).decode()
    secrets = (KEY, held, coded)
    begun = time.time() - 1  # files' clock is a little behind; what other rows left is large
    for secret in secrets:
        stage.begin(**security(reported({**GOOD, "why": f"It logs {secret} to the screen."})))
        done = stage.review(SHOP_API_TOKEN=held)
        assert (done.agent["status"], stage.paid) == ("done", 1)
        assert GOOD["title"] in done.findings
        assert secret not in done.said.out + done.said.err
    looked = set()
    for path in stage.checkout.state.rglob("*"):
        if path.is_file() and "git" not in path.parts and path.stat().st_mtime > begun:
            content = path.read_bytes()
            assert not [secret for secret in secrets if secret.encode() in content], path
            looked.add(path.name)
    assert {"journal.sqlite", "events.jsonl"} <= looked


ROWS = [
    Row(17, "prose around JSON: exactly one object is taken; two: repair", row17),
    Row(18, "fence, trailing comma, comment, NaN, single quotes: one lenient pass", row18),
    Row(19, "a key given twice: repair", row19),
    Row(20, "wrong enum: documented synonyms only, else repair, never a default", row20),
    Row(21, "missing field: repair, then drop that finding", row21),
    Row(22, "unknown fields: ignored, logged", row22),
    Row(23, "odd lines: coerced if exact, else that number is dropped; the quote decides", row23),
    Row(24, "list instead of object: repair", row24),
    Row(25, "10 MB, 5 000 findings: capped at 200 by severity, the number cut is said", row25),
    Row(26, "surrogates, NUL, ANSI codes: replaced before anything stores them", row26),
    Row(55, "another language or role: the schema decides, the text is kept", row55),
    Row(56, "a held secret or its base64: masked before it is stored; the run goes on", row56),
]
