"""A partial review makes no claims that only the whole change can support."""

import json

import pytest
from support.checkout import Checkout

CODE = "".join(f"def named_{n}(value):\n    return value + {n}\n\n\n" for n in range(20))
TOLD = {"tests/no-test-change", "tests/unnamed-function"}


@pytest.fixture
def checkout(tmp_path):
    (tmp_path / "shop").mkdir()
    checkout = Checkout(tmp_path / "shop", tmp_path / "home")
    checkout.git("init", "-q", "-b", "main")
    checkout.write("tests/test_shop.py", "def test_a():\n    assert 1 + 1 == 2\n")
    checkout.write("shop.py", "")
    checkout.git("add", ".")
    author = ("-c", "user.name=a", "-c", "user.email=a@example.com")
    checkout.git(*author, "commit", "-qm", "first")
    checkout.write("shop.py", CODE)
    return checkout


def rules(checkout, *arguments):
    body = json.loads(checkout.run("review", "--json", *arguments).out)
    return {finding["rule"] for finding in body["findings"]}


def test_missing_tests_are_told_of_the_whole_change_only(checkout):
    assert rules(checkout) >= TOLD
    assert not rules(checkout, "--", "shop.py") & TOLD
    assert not rules(checkout, "--files", "shop.py") & TOLD
