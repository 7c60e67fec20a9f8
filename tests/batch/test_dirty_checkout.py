"""Uncommitted changes beside a batch: reported once at its start, and where they conflict."""

import pytest
from support.checkout import Checkout

EDITED = "shop/part4.py is uncommitted, and the run changes it, too: approving is refused until"


@pytest.mark.slow
def test_the_beginning_and_the_screen_tell_of_uncommitted_files(shop):
    checkout: Checkout = shop()
    place = checkout.write("shop/part4.py", '"""My own."""\n')
    checkout.write("notes.txt", "mine\n")
    said = checkout.run("batch", "--tasks", "1,4")
    assert said.code == 4
    (line,) = [line for line in said.err.splitlines() if "notes.txt" in line]
    assert "your uncommitted changes (notes.txt, shop/part4.py) are not part of the runs" in line

    for command in ("show", "queue show"):
        shown = checkout.run(*command.split(), "4").out
        assert EDITED in shown
        assert "1 file was uncommitted (notes.txt): not part of this run; untouched" in shown
    assert EDITED not in checkout.run("show", "1").out
    refused = checkout.run("queue", "approve", "4")
    assert refused.code == 2
    assert "shop/part4.py" in refused.err

    place.unlink()
    assert EDITED not in checkout.run("show", "4").out
    checkout.git("switch", "-qc", "elsewhere")
    place.write_text("mine\n")
    assert EDITED not in checkout.run("show", "4").out  # its branch is not what is checked out
    place.unlink()
    checkout.git("switch", "-q", "work")
    assert checkout.run("queue", "approve", "4").code == 0


def test_a_clean_checkout_is_no_sentence(shop):
    checkout: Checkout = shop()
    assert "uncommitted" not in checkout.run("batch", "--tasks", "4").err


def test_what_a_run_reads_from_disk_is_not_called_left_out(shop):
    checkout: Checkout = shop()
    checkout.write(".kiro/steering/tone.md", "Be brief.\n")
    checkout.write("notes.txt", "mine\n")
    assert checkout.run("batch", "--tasks", "4").code == 4
    shown = checkout.run("show", "4").out
    assert "1 file was uncommitted (notes.txt): not part of this run; untouched" in shown
    assert "tone.md" not in shown.split("Proposed commit message")[0]
