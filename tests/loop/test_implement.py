"""The implementer's summary becomes the body of the commit."""

from reviewloop.loop.nodes.implement import joined_paragraphs


def test_a_modification_that_repeats_the_first_summary_adds_only_what_is_new():
    first = "Adds `search`: it lists the tools\nby name.\n\nTests cover the order."
    again = (
        "Adds `search`: it lists the tools by name.\r\n\r\nTests cover\nthe order. \n\nIt is found."
    )
    assert joined_paragraphs(first, again) == f"{first}\n\nIt is found."
