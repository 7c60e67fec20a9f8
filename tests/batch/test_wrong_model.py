"""An unusable model has one exit code, whenever it is noticed."""

import json

import pytest
from support.checkout import Checkout


def script(checkout: Checkout) -> str:
    """Write a script of which every reply is missing; return the model that answers from it."""
    return f"script:{checkout.write('replies.json', json.dumps({'replies': []}))}"


@pytest.mark.slow
def test_a_script_that_is_gone_has_the_code_of_a_model_that_cannot_be_asked(shop):
    checkout = shop()
    model = script(checkout)
    batch = ("batch", "--tasks", "1,4")
    cut_off = checkout.forked(*batch, "--model", model, REVIEWLOOP_FAULT="implement.begin:1")
    assert cut_off.code == -9
    (checkout.root / "replies.json").unlink()
    checkout.write("shop/new.py", "NEW = 1\n")
    codes = {
        "before anything": checkout.run(*batch, "--model", model).code,
        "when the run goes on": (said := checkout.run(*batch)).code,
        "in a review": checkout.run("review", "--model", model).code,
    }
    assert codes == dict.fromkeys(codes, 2)
    assert said.err.count("replies.json cannot be read") == 1


def test_a_model_that_is_no_name_of_one_is_said_without_its_price(shop):
    checkout = shop()
    for model, why in (
        ("scrpt:replies.json", "no provider is called 'scrpt' (in 'scrpt:replies.json'); did you"),
        ("scrpt:", "no provider is called 'scrpt' (in 'scrpt:'); did you mean script?"),
        ("anthropic:", "'anthropic:' names no model; write anthropic:MODEL"),
        ("replay:", "'replay:' names no file; write replay:FILE"),
        ("foo", "'foo' names no provider; write provider:model"),
    ):
        said = checkout.run("batch", "--tasks", "4", "--model", model)
        assert (said.code, why in said.err) == (2, True), said.err
        assert "no price is known" not in said.err
        assert why in checkout.run("run", "4", "--model", model).err
