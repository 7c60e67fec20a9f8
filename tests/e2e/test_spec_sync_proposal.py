"""`spec sync --propose`: a model proposes spec edits that follow the code, and a user approves."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.drift_projects import files_of, write
from support.iot import proposed
from support.spec_script import written
from support.untouched import photograph

SPEC = ".kiro/specs/invoices"
DESIGN = f"{SPEC}/design.md"
ROUTES = "src/billing/routes/invoices.py"
ADDED = '\n\n@router.delete("/{number}")\ndef drop(number: int) -> None: ...\n'
ROW = "- `DELETE /api/invoices/{number}` drops one"
EDIT = {
    "path": DESIGN,
    "quote": "- `POST /api/payments` takes a payment",
    "text": ROW,
    "below": True,
}


@pytest.fixture
def billing(repo, tmp_path, git):
    """Return a checkout whose code has an endpoint that its spec lacks."""
    files = files_of("kiro-fastapi")
    write(repo, {**files, ROUTES: files[ROUTES] + ADDED})
    git(repo, "switch", "-q", "-c", "work")
    git(repo, "add", ".")
    git(repo, "commit", "-q", "-m", "billing")
    stays = {path: "it is as the spec says then" for path in files if not path.startswith(".kiro")}
    model = written(tmp_path, [proposed([EDIT], stays)])
    named = {f"REVIEWLOOP_MODELS__{kind}": model for kind in ("REASONING", "GENERATION")}
    return Checkout(repo, tmp_path / "home", settings={**QUIET_GATES, **named})


def test_the_proposal_waits_and_approved_it_brings_spec_and_code_in_step(billing):
    before = photograph(billing.root)
    assert billing.run("spec", "sync", "--check").code == 1
    said = billing.run("spec", "sync", "--propose")
    assert said.code == 4, said.err
    assert f"{{+{ROW}+}}" in said.out
    assert photograph(billing.root) == before
    [change] = json.loads(billing.run("change", "list", "--json").out)["changes"]
    assert billing.run("change", "approve", change["name"]).code == 0
    assert billing.git("show", "--format=", "--name-only", "HEAD") == DESIGN
    assert billing.run("spec", "sync", "--check").code == 0
    assert "in step" in billing.run("spec", "sync", "--propose").out


def test_other_documents_keep_every_byte(billing):
    documents = [path for path in files_of("kiro-fastapi") if path.startswith(SPEC)]
    before = {path: (billing.root / path).read_bytes() for path in documents}
    billing.run("spec", "sync", "--propose")
    assert billing.run("change", "approve").code == 0
    after = {path: (billing.root / path).read_bytes() for path in documents}
    assert after.pop(DESIGN) == before.pop(DESIGN).replace(
        EDIT["quote"].encode(), f"{EDIT['quote']}\n{ROW}".encode()
    )
    assert after == before


def test_below_the_threshold_nothing_is_proposed_and_the_check_ends_with_0(billing):
    assert billing.run("spec", "sync", "--check", "--threshold", "0.15").code == 0
    said = billing.run("spec", "sync", "--propose", "--threshold", "0.15")
    assert said.code == 0
    assert "✗ DELETE /api/invoices/{}" in said.out


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--check", "--propose"), "take one of both"),
        (("--model", "script:x"), "only --propose asks a model"),
        (("--threshold", "7"), "7"),
    ],
)
def test_options_that_cannot_be_together_end_with_2(billing, options, words):
    said = billing.run("spec", "sync", *options)
    assert said.code == 2
    assert words in said.err
