"""Placeholders: what a model reads in place of a secret, and how the secret is restored."""

import pytest

from reviewloop.domain.finding import fingerprint
from reviewloop.secrets import HeldSecrets, MisplacedSecretError, Redactor, canonical, scan_text
from reviewloop.secrets.vendors import VENDOR_RULES, sample_of

TOKEN = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
OTHER = TOKEN[:-1] + "7"
LINE = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7VJTUt9Us8cKj"
KEY = "-----BEGIN PRIVATE" + f" KEY-----\n{LINE}\n{LINE[::-1]}\n-----END PRIVATE" + " KEY-----\n"
HELD = "kT9vQ2xLm7Rd4wZ8"
MASKING = Redactor(HeldSecrets([("DB_PASSWORD", HELD)]), b"a key")
CODE = f'import os\nTOKEN = "{TOKEN}"\n\ndef send():\n    return post(TOKEN, "{HELD}")\n'


def test_each_value_has_a_number_of_its_own_that_depends_on_the_key():
    shown = MASKING.for_models(f"{TOKEN} {OTHER} {TOKEN}")
    first, second, third = shown.split(" ")
    assert first == third != second
    assert first.startswith("⟦secret:github-token:")
    assert Redactor(key=b"another").for_models(TOKEN) != first
    assert canonical(first) == canonical(second) == "⟦secret:github-token⟧"


@pytest.mark.parametrize("rule", VENDOR_RULES, ids=lambda rule: rule.name)
def test_what_every_rule_finds_is_hidden_whole(rule):
    for number, shape in enumerate(rule.shapes, 1):
        value = sample_of(shape, number)
        shown = MASKING.for_models(f"a\nvalue = '{value}'\nb\n")
        assert value[4:] not in shown
        assert shown.split("\n")[1].count("⟦secret:") >= 1
        assert shown.count("\n") == 3


def test_a_key_that_only_its_vendors_name_betrays_is_hidden():
    value = "9f3c1b7e" + "d5a24860" * 2 + "c7e10b9d"
    shown = MASKING.for_models(f'DATADOG_API_KEY = "{value}"\ndigest = "{value}"\n')
    assert "⟦secret:datadog-by-name:" in shown
    assert shown.count(value) == 1  # a digest is none


def test_hiding_twice_is_hiding_once_and_lines_keep_their_numbers():
    text = f"one\n{KEY}two {HELD}\n{TOKEN}\n"
    shown = MASKING.for_models(text)
    assert MASKING.for_models(shown) == MASKING.for_people(shown) == shown
    assert shown.count("\n") == text.count("\n")
    assert shown.split("\n")[5].startswith("two ⟦secret:DB_PASSWORD:")
    assert LINE not in shown and LINE[::-1] not in shown


def test_people_read_how_a_token_begins():
    assert MASKING.for_people(f"{TOKEN} {HELD}").startswith("ghp_… ⟦secret:DB_PASSWORD:")


def test_findings_keep_their_line_and_their_id():
    text = f"a = 1\nB = '{TOKEN}'\n" + KEY + f"C = '{OTHER}'\n"
    lines = [hit.line for hit in scan_text(text)]
    shown = MASKING.for_models(text).split("\n")
    assert [n for n, line in enumerate(shown, 1) if line.startswith(("B", "C"))] == [2, 7]
    assert lines[0] == 2 and lines[-1] == 7
    one, two = (m.for_models(f"B = '{TOKEN}'") for m in (MASKING, Redactor(key=b"b")))
    assert one != two
    assert fingerprint("a.py", one, "x") == fingerprint("a.py", two, "x")


def test_a_line_that_stays_gets_its_secret_back_whatever_changes_around_it():
    shown = MASKING.for_models(CODE)
    changed = shown.replace("import os\n", "import os\nimport sys\n").replace("    ret", "  ret")
    expected = CODE.replace("import os\n", "import os\nimport sys\n").replace("    ret", "  ret")
    assert MASKING.restored(CODE, changed) == expected
    fewer = "\n".join(line for line in shown.split("\n") if "post" not in line)
    assert MASKING.restored(CODE, fewer) == CODE.replace(f'    return post(TOKEN, "{HELD}")\n', "")
    assert MASKING.restored(KEY + CODE, MASKING.for_models(KEY + CODE)) == KEY + CODE


@pytest.mark.parametrize(
    "edit",
    [
        lambda text, mark: text + f"print({mark})\n",  # somewhere else
        lambda text, mark: text.replace("TOKEN = ", "LEAK = "),  # the line is another one
        lambda text, mark: text + f'TOKEN = "{mark}"\n',  # once more
        lambda text, mark: text.replace(mark, mark[:-3]),  # a part of it
        lambda text, mark: text.replace(mark, f"{mark}{mark}"),
        lambda text, mark: text.replace(mark, "⟦secret:github-token:000000⟧"),
    ],
)
def test_a_placeholder_in_any_other_place_is_refused(edit):
    shown = MASKING.for_models(CODE)
    mark = shown[shown.index("⟦") : shown.index("⟧") + 1]
    with pytest.raises(MisplacedSecretError):
        MASKING.restored(CODE, edit(shown, mark))
    with pytest.raises(MisplacedSecretError):
        MASKING.restored("", f"new = {mark}\n")


def test_signs_that_only_look_like_a_placeholder_may_stay_where_they_were():
    text = "see ⟦secret:KIND:NUMBER⟧ and ⟦secret:a:123abc⟧\n"
    assert MASKING.restored(text, text + "more\n") == text + "more\n"


APART = (
    *("\u200b", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\x00", "\x08", "\r"),
    *("\ufe0f", "\U000e0041", "\u200b\u2060", "\x1b[31m"),
    *("⟦U+200B⟧", "<U+200B>", "\\u200b", "\\u00AD"),  # as models, people and JSON are shown them
)


@pytest.mark.parametrize("apart", APART, ids=ascii)
def test_hidden_characters_inside_of_a_secret_do_not_save_it(apart):
    token, held = (
        apart.join(value[at : at + 5] for at in range(0, 60, 5)) for value in (TOKEN, HELD)
    )
    text = f"one\r\n{token}\r\ntwo {held} {TOKEN}\n"
    for shown in (MASKING.for_models(text), MASKING.for_people(text)):
        assert shown.count("\n") == text.count("\n")
        assert TOKEN[5:10] not in shown and TOKEN[-6:] not in shown
        assert not any(HELD[at : at + 5] in shown for at in range(len(HELD) - 4))
        assert shown.startswith("one\r\n") and "two " in shown
        assert MASKING.for_models(shown) == shown
    assert MASKING.names_in(text) == ("DB_PASSWORD",)
    shown = MASKING.for_models(text)
    assert MASKING.restored(text, shown) == text
    assert canonical(shown).count("⟦secret:github-token⟧") == 2


def test_a_secret_is_found_behind_a_hidden_character_that_ends_the_word_before_it():
    shown = MASKING.for_models(f"word\u200b{TOKEN}\u200bword")
    assert TOKEN[:12] not in shown and shown.startswith("word\u200b⟦secret:github-token:")


def test_hidden_characters_alone_change_nothing():
    text = "a\u200bb \ufeff⟦U+200B⟧ \\u200b\x1b[0m\r\n"
    assert MASKING.for_models(text) == MASKING.for_people(text) == text
