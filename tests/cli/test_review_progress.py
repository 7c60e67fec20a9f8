"""While a review asks models, each reviewer has a row of its own."""

import io
import re
import time

from rich.console import Console

from reviewloop.cli.review_progress import Shown, progress


def test_each_reviewer_has_a_row_that_says_what_it_does():
    out, now = io.StringIO(), time.time()
    console = Console(
        file=out,
        width=90,
        height=30,
        force_terminal=True,
        color_system=None,
        _environ={"TERM": "xterm"},  # a dumb terminal shows no live table
    )
    shown = Shown(console)
    shown.notify("reading the change")
    shown.notify("asking m")
    assert shown.listener is not None
    for name in ("review-security", "review-performance"):
        shown.listener({"at": now, "kind": "reviewer.start", "agent": name})
    read = {"kind": "tool", "name": "fs_read", "about": "app/db.py"}
    shown.listener({"at": now, "agent": "review-security", **read})
    end = {"kind": "reviewer.end", "status": "failed", "reason": "no answer"}
    shown.listener({"at": now, "agent": "review-performance", **end})
    shown.close()
    screen = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out.getvalue())
    assert "asking m" in screen
    assert re.search(r"review-security .*reads app/db.py", screen)
    assert re.search(r"✗ +review-performance .*failed, no answer", screen)
    assert out.getvalue().rstrip("\r").endswith("\x1b[2K")  # taken away before the report


def test_nothing_is_drawn_where_nobody_looks():
    with progress(show=False) as shown:
        shown.notify("reading the change")
        assert shown.listener is None
