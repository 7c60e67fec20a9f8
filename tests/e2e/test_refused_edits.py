"""A change that is empty because every edit was refused: the user sees which, everywhere."""

from collections.abc import Callable

from support.bedrock import reply, tool_use
from support.checkout import Checkout
from support.parts import cast, says
from support.play import done, write

WHY = "the change is empty: all its edits were refused: shop/secret.key (guard.secret_files)"


def test_the_reason_names_what_was_refused(shop: Callable[..., Checkout]):
    tries = reply(write("shop/secret.key", "a\n"), write("shop/secret.key", "b\n"))
    checkout = shop(cast(implement=says(tries, done("Wrote it."))))
    said = checkout.run("run", "2.1")
    assert said.code == 3
    assert f"The run is blocked: {WHY}; it said: “Wrote it.”." in said.err
    assert "reviewloop checkout" not in said.err  # there is nothing to save
    assert checkout.json("queue")["runs"][0]["why"].startswith(WHY)


def test_what_was_refused_is_not_taken_for_all_of_it(shop: Callable[..., Checkout]):
    kept = reply(write("shop/more.py", "A = 1\n"), write("shop/secret.key", "a\n"))
    gone = reply(tool_use("fs_write", {"command": "delete", "path": "shop/more.py"}))
    checkout = shop(cast(implement=says(kept, gone, done("Left it."))))
    assert checkout.run("run", "2.1").code == 3
    [row] = checkout.json("queue")["runs"]
    assert row["why"].startswith(WHY.replace("all its edits", "edits"))
