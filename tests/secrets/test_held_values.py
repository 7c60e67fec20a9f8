"""Held values are found in every encoding, and nothing else is."""

import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.encodings import written, written_whole

from reviewloop.secrets import (
    HeldSecrets,
    Redactor,
    names_a_secret,
    secrets_in_address,
    secrets_in_value,
)

VALUE = "kT9v+Q2x/Lm7=Rd&4w\"Z\\8pB'3nHé"
SIGNS = st.text(st.characters(min_codepoint=33, max_codepoint=383), min_size=8, max_size=64)
DRAWN = SIGNS.filter(lambda text: len(set(text)) > 5)


@pytest.mark.parametrize("name", written(VALUE))
def test_every_encoding_is_hidden(name):
    text = f"first\nx = {written(VALUE)[name]} # end\n"
    shown = Redactor(HeldSecrets([("A_KEY", VALUE)])).redact_held(text)
    assert "⟦secret:A_KEY:" in shown
    assert shown.count("\n") == 2
    assert shown.startswith("first\nx = ") and shown.endswith(" # end\n")
    # Of base64 the signs at both ends may stay: they say less than one character of the value.
    middle = shown.removeprefix("first\nx = ").removesuffix(" # end\n")
    assert len(middle.replace(middle[middle.index("⟦") : middle.index("⟧") + 1], "")) <= 9


@pytest.mark.slow
@settings(max_examples=25, deadline=None, derandomize=True)
@given(value=DRAWN, data=st.data())
def test_no_encoding_of_any_value_survives_and_no_line_moves(value, data):
    redactor = Redactor(HeldSecrets([("K", value)]))
    lines = data.draw(st.lists(st.sampled_from(sorted(written(value).items())), max_size=6))
    text = "\n".join(f"{name}={form}" for name, form in lines)
    shown = redactor.redact_held(text)
    assert shown.count("\n") == text.count("\n")
    assert not [name for name, form in written(value).items() if form in shown and lines]
    assert redactor.names_in(shown) == ()
    assert redactor.redact_held(shown) == shown


@settings(max_examples=25, deadline=None, derandomize=True)
@given(value=DRAWN.filter(lambda v: len(v) >= 14), data=st.data())
def test_twelve_characters_of_a_value_are_enough(value, data):
    start = data.draw(st.integers(0, len(value) - 12))
    part = value[start : start + 12]
    held = HeldSecrets([("K", value)])
    for text in written(part).values():
        assert held.names_in(f"<{text}>") == ("K",), text


def test_less_than_that_is_left_alone():
    assert HeldSecrets([("K", VALUE)]).names_in(VALUE[:11] + " " + VALUE[14:25]) == ()
    assert HeldSecrets([("K", "short12")]).names_in("short12") == ()
    assert not HeldSecrets([("K", "short12")])
    assert HeldSecrets().spans("anything") == []


def test_two_values_side_by_side_are_both_hidden():
    held = HeldSecrets([("A", "kT9vQ2xLm7Rd4wZ8"), ("B", "pB3nHf5Gj1Ks6Dt0")])
    shown = Redactor(held).redact_held("kT9vQ2xLm7Rd4wZ8pB3nHf5Gj1Ks6Dt0, pB3nHf5Gj1Ks6Dt0")
    assert shown.count("⟦secret:A:") == 1
    assert shown.count("⟦secret:B:") == 2


def test_a_name_that_gives_the_value_away_is_not_shown():
    value = "kT9vQ2xLm7Rd4wZ8"
    assert value not in Redactor(HeldSecrets([(f"X_{value}", value)])).redact_held(value)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("GITHUB_TOKEN", True),
        ("AWS_SECRET_ACCESS_KEY", True),
        ("DB_PASSWORD", True),
        ("dbPassword", True),
        ("MYAPIKEY", True),
        ("GOOGLE_APPLICATION_CREDENTIALS", True),
        ("aws_session_token", True),
        ("PATH", False),
        ("KEYBOARD", False),
        ("GIT_AUTHOR_NAME", False),
        ("TOKENIZERS_PARALLELISM", False),
    ],
)
def test_names_that_tell(name, expected):
    assert names_a_secret(name) is expected


PEM = (
    "-----BEGIN PRIVATE" + " KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n-----END PRIVATE KEY-----"
)


@pytest.mark.parametrize(
    ("name", "value", "held"),
    [
        ("API_KEY", "kT9vQ2xLm7Rd", ["kT9vQ2xLm7Rd"]),
        ("DB_PASSWORD", "Berlin!Ost44", ["Berlin!Ost44"]),
        ("DB_PASSWORD", "correct horse battery staple", ["correct horse battery staple"]),
        ("SESSION", "kT9vQ2xLm7Rd", ["kT9vQ2xLm7Rd"]),  # drawn, so secret whatever its name
        ("NODE_ENV", "production", []),
        ("DB_PASSWORD", "password", []),
        ("KEY_FILE", "/home/someone/keys/server", []),
        ("APP_NAME", "shop-of-mine", []),
        ("API_TOKEN", "short", []),
        ("PASSWORD_STORE", "aaaaaaaaaaaa", []),
        ("DATABASE_URL", "postgres://app:kT9v%2FQ2xLm@db/shop", ["kT9v%2FQ2xLm", "kT9v/Q2xLm"]),
        ("HOOK_TOKEN_URL", "https://a.example/v1?sig=kT9vQ2xLm7Rd4w", ["kT9vQ2xLm7Rd4w"]),
        ("BASE_URL", "https://example.com/api/version", []),
        ("SIGNING_KEY", PEM, ["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC"]),
        ("CREDENTIALS", '{"type": "service_account", "id": "kT9vQ2xLm7Rd4w"}', ["kT9vQ2xLm7Rd4w"]),
    ],
)
def test_what_of_a_value_is_secret(name, value, held):
    assert list(secrets_in_value(name, value)) == held


def test_an_address_that_is_none_holds_nothing():
    assert list(secrets_in_address("http://[::1:kT9vQ2xLm7Rd@x")) == []


def test_clean_code_stays_as_it_is():
    # A sample; benchmarks/secrets_noise.py reads everything that is installed.
    import pydantic

    redactor = Redactor(
        HeldSecrets([("K", VALUE), ("L", "kT9vQ2xLm7Rd4wZ8pB3nHf5Gj1Ks6Dt0")]), b"k"
    )
    files = sorted(Path(pydantic.__file__).parent.glob("*.py"))
    assert len(files) > 20, sys.path
    for path in files:
        text = path.read_text("utf-8")
        assert redactor.for_models(text) == text, path.name


@pytest.mark.parametrize("name", written_whole("x"))
def test_a_whole_value_is_found_in_further_encodings(name):
    value = "kT9vQ2xLm7Rd4wZ8+pB3/"
    assert HeldSecrets([("K", value)]).names_in(f"<{written_whole(value)[name]}>") == ("K",)
