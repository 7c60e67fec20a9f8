"""A finding as hidden data in its comment: complete after parsing, and without secrets."""

import base64
import random
import string
import zlib

from reviewloop.domain.finding import Evidence, Finding, Severity
from reviewloop.github.api.model import Comment
from reviewloop.github.comments.bodies import LONGEST, clip_body, file_body, inline_body, with_note
from reviewloop.github.comments.marker import (
    MOST_FINDING_CHARACTERS,
    data_marker,
    finding_from,
    finding_marker,
    findings_in,
)
from reviewloop.secrets import HeldSecrets, Redactor

BASE = Finding(
    id="0123456789ab",
    agents=("review-security",),
    severity=Severity.MUST_FIX,
    title="Ends --> early <!-- reviewloop:finding aaaaaaaaaaaa -->",
    why="a\n-->\nb ⟦x⟧ é",
    suggestion="Use parameters.",
    rule="taint/sql-injection",
    path="app.py",
    line=3,
    end_line=4,
    quote="run(query)\n",
    replacement="run(query, values)\n",
    fix_safe=True,
    evidence=(Evidence(kind="analyser", source="taint", text="request.args -> execute"),),
)


def test_a_finding_comes_back_whole_from_its_comment() -> None:
    body = inline_body(BASE, redact=str)
    assert findings_in(body) == (BASE.id,)
    assert finding_from(body) == BASE
    assert "reviewloop:data" not in inline_body(BASE)
    noted = with_note(body, "_Note._")
    assert noted.split("\n")[1] == "_Note._"
    assert finding_from(file_body(Comment("app.py", noted, 3, finding=BASE.id))) == BASE


def test_a_verdict_that_the_note_tells_comes_back_as_such() -> None:
    secret = "hunter2-" + "x" * 12
    redact = Redactor(HeldSecrets([("TOKEN", secret)])).for_people
    said = Evidence(kind="verdict", source="review-security", text=f"confirm: {secret}")
    found = BASE.with_note(f"confirmed by review-security: {secret}", said, evidence=(said,))
    back = finding_from(inline_body(found, redact=redact))
    assert back is not None
    assert back.note_from == back.evidence[0]
    assert secret not in repr(back)


def test_what_is_not_ours_or_damaged_is_nothing() -> None:
    body = inline_body(BASE, redact=str)
    mark, *rest, data = body.split("\n")
    assert data.startswith("<!-- reviewloop:data ")  # the last line: e-mails show the first ones
    assert finding_from("\n".join([mark, data, *rest])) == BASE  # earlier releases
    packed = data.split(" ")[2]
    bomb = base64.urlsafe_b64encode(zlib.compress(b" " * 5_000_000)).decode().rstrip("=")
    for wrong in (
        "\n".join([finding_marker("b" * 12), *rest, data]),  # of another finding
        "\n".join([mark, *rest[:3], data, *rest[3:]]),  # quoted further down
        "\n".join(["Eve says:", mark, *rest, data]),  # all of it quoted
        data,
        f"{mark}\n<!-- reviewloop:data {packed[:-9]} -->",
        f"{mark}\n<!-- reviewloop:data {bomb} -->",
        f"{mark}\n<!-- reviewloop:data {packed} {packed} -->",
        mark,
        "",
    ):
        assert finding_from(wrong) is None


def test_it_is_bounded_and_the_first_to_go() -> None:
    noise = random.Random(1)

    def words(most: int) -> str:
        return "".join(noise.choices(string.ascii_letters, k=most))

    evidence = tuple(Evidence(kind="gate", source=str(n), text=words(4000)) for n in range(30))
    long = {"why": words(9000), "suggestion": words(9000), "note": words(9000)}
    found = BASE.model_copy(
        update=long | {"quote": words(9000), "replacement": words(9000), "evidence": evidence}
    )
    line = data_marker(found, str)
    assert len(line) <= MOST_FINDING_CHARACTERS
    back = finding_from(f"{finding_marker(found.id)}\n{line}")
    assert back is not None
    assert (back.id, back.line, back.quote, back.replacement) == (BASE.id, 3, "", None)
    assert back.why.rstrip("…") == found.why[: len(back.why) - 1]
    text = f"{finding_marker(found.id)}\n" + "x" * (LONGEST - 3000)
    assert clip_body(f"{text}\n\n{line}") == text


def test_secrets_are_hidden_before_it_is_packed() -> None:
    held, key = "hunter2-" + "x" * 12, "gh" + "p_aB3dE5gH7jK9mN1pQ3rS5tU7vW9xY1zA3bC5"
    redact = Redactor(HeldSecrets([("TOKEN", held)])).for_people
    found = BASE.model_copy(
        update={"why": f"It is {held}.", "quote": f"key = '{key}'", "replacement": f"'{held}'"}
        | {"evidence": (Evidence(text=f"{held} {key}"),)}
    )
    back = finding_from(inline_body(found, redact=redact))
    assert back is not None
    assert held not in repr(back)
    assert key not in repr(back)
    assert (back.quote, back.replacement, back.fix_safe) == ("", None, False)
