"""Lines wrap between words on a terminal; longer words break at a joint."""

from rich.cells import cell_len

from reviewloop.cli.consoles import fold_text


def test_line_breaks_between_words_and_goes_on_indented():
    text = "the model is not known: no AWS region is set; set AWS_REGION or models.region"
    rows = fold_text(text, 30, indent=4)
    assert rows == [
        "the model is not known: no AWS",
        "    region is set; set",
        "    AWS_REGION or",
        "    models.region",
    ]


def test_long_path_breaks_behind_a_slash():
    path = "services/billing/reminders/overdue/generate.py"
    assert fold_text(f"see {path} there", 30) == [
        "see services/billing/",
        "reminders/overdue/generate.py",
        "there",
    ]


def test_no_row_is_wider_than_the_terminal_and_nothing_is_lost():
    text = "  x " + "語" * 40 + " " + "a" * 70 + "\n\n  next  line"
    rows = fold_text(text, 24, indent=2)
    assert all(cell_len(row) <= 24 for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


def test_short_line_stays_as_it_is():
    assert fold_text("task  |  a   b", 40) == ["task  |  a   b"]
