"""The built-in hooks in whole runs: edits within their scope stay, all others are reverted."""

import json

import pytest
from support.bedrock import calls, reply
from support.checkout import QUIET_GATES
from support.parts import cast, says, writes
from support.play import done, write
from support.shop import PLAIN_PYTEST

from reviewloop.hooks.shipped_hooks import shipped_hooks

pytestmark = pytest.mark.needs_bubblewrap
SHIPPED = {hook.name: hook for hook in shipped_hooks()}
PLAIN = """def items_of(db, customer):
    rows = db.execute("select item from orders where customer = ?", (customer,))
    found = []
    for row in rows:
        found.append(row[0])
    return found
"""
TESTED = """from shop.search import items_of
from shop.store import add, connect


def test_items_of_a_customer():
    db = connect()
    add(db, "ada", "pen")
    assert items_of(db, "ada") == ["pen"]
"""
DOCUMENTED = PLAIN.replace(":\n", ':\n    """Return the items of a customer."""\n', 1)
LOOP = "    found = []\n    for row in rows:\n        found.append(row[0])\n    return found\n"
SIMPLER = PLAIN.replace(LOOP, "    return [row[0] for row in rows]\n")
TESTS = {**QUIET_GATES, "REVIEWLOOP_GATES__TEST__ENABLED": "true"}


@pytest.fixture
def with_hook(shop):
    def opened(name, written, *answers, settings=QUIET_GATES, repair=None):
        part, asked = says(*answers), []
        play = cast(implement=writes(written), repair=repair or says(done("No.")))

        def answer(received):
            if "finish_hook" in received.tools:
                asked.append(received)
                return part(received)
            return play(received)

        hook = SHIPPED[name]
        checkout = shop(answer, files={hook.path: hook.text, **PLAIN_PYTEST}, settings=settings)
        assert checkout.run("trust", "--yes").code == 0
        return checkout, asked

    return opened


def ended(blocks=False, summary="I looked at it."):
    return calls("finish_hook", {"summary": summary, "blocks": blocks})


def edited(path, text):
    return reply(write(path, text)), ended()


def outcome(checkout):
    """Return how each hook ended, and what the change holds of the file."""
    rows = [(one["exit_code"], one["edited"]) for one in checkout.json("hooks", "logs")["hooks"]]
    return rows, checkout.run("show", "--diff").out.replace("\n+", "\n")


def test_auto_doc_keeps_words(with_hook):
    checkout, asked = with_hook(
        "auto-doc", {"shop/search.py": PLAIN}, *edited("shop/search.py", DOCUMENTED)
    )
    assert checkout.run("run", "next").code == 4
    assert "Read shop/search.py as it was just saved." in asked[0].said
    rows, diff = outcome(checkout)
    assert rows[0] == (0, True)
    assert DOCUMENTED in diff
    proposal = checkout.record()["proposal"]
    said = "the hook auto-doc edited shop/search.py and asks for your approval"
    assert said in json.dumps(proposal["governance"])


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("shop/search.py", SIMPLER, "code changed beside docstrings"),
        ("shop/other.py", "A = 1\n", "it edited shop/other.py, too"),
    ],
)
def test_auto_doc_takes_code_back(with_hook, path, text, why):
    checkout, _ = with_hook("auto-doc", {"shop/search.py": PLAIN}, *edited(path, text))
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    assert f"the edit of the hook auto-doc was taken back: {why}" in said.err.replace(
        "shop/search.py: ", ""
    )
    rows, diff = outcome(checkout)
    assert rows == [(1, False)]
    assert PLAIN in diff
    assert why in json.dumps(checkout.record()["proposal"]["gates"])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["refactor-on-save", "auto-optimize"])
def test_a_refactoring_that_keeps_tests_and_names_stays(with_hook, name):
    files = {"shop/search.py": PLAIN + "\n" * 11_000, "tests/test_search.py": TESTED}
    answers = edited("shop/search.py", SIMPLER)
    checkout, _ = with_hook(name, files, *answers, settings=TESTS)
    assert checkout.run("run", "next").code == 4
    rows, diff = outcome(checkout)
    assert rows[0] == (0, True)
    assert SIMPLER in diff


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize(
    ("path", "text", "why"),
    [
        ("shop/search.py", SIMPLER.replace("row[0]", "row"), "no green tests"),
        ("shop/search.py", SIMPLER.replace("items_of", "items"), "public names changed"),
        ("shop/search.py", PLAIN + "\n\ndef _more(a):\n    return a or 1\n", "its complexity grew"),
        ("tests/test_search.py", "", "it edited the tests"),
    ],
)
def test_a_refactoring_that_changes_more_is_taken_back(with_hook, path, text, why):
    files = {"shop/search.py": PLAIN, "tests/test_search.py": TESTED}
    checkout, _ = with_hook("refactor-on-save", files, *edited(path, text), settings=TESTS)
    said = checkout.run("run", "next")
    assert said.code == 4, said.err
    rows, diff = outcome(checkout)
    assert rows == [(1, False)]
    assert PLAIN in diff
    assert why in json.dumps(checkout.record()["proposal"]["gates"])


def test_swagger_sync_edits_the_contract_only(with_hook):
    route = {"shop/api/orders.py": "def get_orders():\n    return []\n"}
    contract = "openapi: 3.1.0\npaths: {/orders: {get: {}}}\n"
    two = (reply(write("openapi.yaml", contract), write("shop/other.py", "A = 1\n")), ended())
    checkout, _ = with_hook("swagger-sync", route, *two)
    assert checkout.run("run", "next").code == 4
    assert "shop/other.py is none of its files" in json.dumps(
        checkout.record()["proposal"]["gates"]
    )
    assert [one["path"] for one in checkout.record()["proposal"]["files"]] == [*route]


@pytest.mark.slow
def test_aws_tagging_blocks_until_the_tags_are_there(with_hook):
    stack = {"infra/template.yaml": "Resources: {Bucket: {Type: AWS::S3::Bucket}}\n"}
    checkout, asked = with_hook("aws-tagging", stack, ended(True, "Bucket has no Owner."))
    assert checkout.run("run", "next").code == 3
    assert "Bucket has no Owner." in checkout.server.of("repair")[0].said
    assert "Edit this one file" in asked[0].said


@pytest.mark.slow
def test_dependency_check_only_looks_and_only_warns(with_hook):
    checkout, asked = with_hook(
        "dependency-check", {"requirements.txt": "django==2.0.9\n"}, ended(True, "2.0.9 is old.")
    )
    assert checkout.run("run", "next").code == 4
    assert "fs_write" not in asked[0].tools
    assert "2.0.9 is old." in json.dumps(checkout.record()["proposal"]["gates"])


@pytest.mark.slow
def test_pre_commit_review_blocks_what_is_critical(with_hook):
    checkout, _ = with_hook("pre-commit-review", {"a.py": "A = 1\n"}, ended(True, "A key."))
    assert checkout.run("run", "next").code == 3
    assert "A key." in checkout.server.of("repair")[0].said
    assert checkout.server.of("review-security") == []


@pytest.mark.slow
def test_spec_sync_is_green_where_nothing_parts(with_hook):
    checkout, _ = with_hook("spec-sync", {"a.py": "A = 1\n"}, ended())
    assert checkout.run("run", "next").code == 4
    assert outcome(checkout)[0] == [(0, False)]
