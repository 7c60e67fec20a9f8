"""Optional attestations of an approval: in git notes and signed."""

import base64
import json
import subprocess

import pytest
from support.checkout import QUIET_GATES
from support.parts import cast

ON = {"REVIEWLOOP_AUDIT__NOTES": "true", "REVIEWLOOP_AUDIT__STATEMENTS": "true"}


def approved(shop, *config):
    checkout = shop(cast(), QUIET_GATES)
    checkout.environ |= ON
    for key, value in config:
        checkout.git("config", key, value)
    assert checkout.run("run", "2.1").code == 4
    said = checkout.run("approve")
    assert said.code == 0, said.err
    return checkout, said


def envelope(checkout):
    (line,) = checkout.run("audit", "--format", "in-toto").out.splitlines()
    return json.loads(line)


def kept(checkout):
    (file,) = checkout.state.rglob("statements/*.json")
    return file


@pytest.fixture
def ssh(tmp_path):
    """Return a key, and the settings of a git that signs with it."""
    key = tmp_path / "key"
    subprocess.run(["ssh-keygen", "-qt", "ed25519", "-N", "", "-f", key], check=True)
    signs = ("gpg.format", "ssh"), ("user.signingkey", str(key)), ("commit.gpgsign", "true")
    return key, signs


def test_a_statement_is_signed_as_git_signs_and_others_can_verify_it(shop, ssh, tmp_path):
    key, signs = ssh
    checkout, _ = approved(shop, *signs)
    found = envelope(checkout)
    payload = base64.b64decode(found["payload"])
    commit = checkout.git("rev-parse", "HEAD")
    assert json.loads(payload)["subject"][0]["digest"] == {"gitCommit": commit}
    kind = found["payloadType"]
    allowed, signature = tmp_path / "allowed", tmp_path / "signature"
    allowed.write_text(f"me@example.com {key.with_suffix('.pub').read_text()}")
    signature.write_bytes(base64.b64decode(found["signatures"][0]["sig"]))
    verify = ["ssh-keygen", "-Y", "verify", "-f", allowed, "-I", "me@example.com"]
    given = b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(payload), payload)
    namespace = ["-n", "reviewloop", "-s", signature]
    assert subprocess.run([*verify, *namespace], input=given, check=False).returncode == 0
    assert checkout.run("audit", "--verify").code == 0


def test_a_changed_statement_is_found(shop, ssh):
    checkout, _ = approved(shop, *ssh[1])
    file, found = kept(checkout), envelope(checkout)
    text = base64.b64decode(found["payload"]).decode()
    found["payload"] = base64.b64encode(text.replace("commit", "commIt", 1).encode()).decode()
    file.write_text(json.dumps(found))
    said = checkout.run("audit", "--verify")
    assert said.code == 1
    assert "is not as it was signed" in said.err
    body = json.loads(text)
    body["predicate"]["hash"] = "0" * 64
    found["payload"] = base64.b64encode(json.dumps(body).encode()).decode()
    file.write_text(json.dumps(found))
    assert "is not about row 1 of the trail" in checkout.run("audit", "--verify").err
    file.write_text("[")
    assert "cannot be read" in checkout.run("audit", "--verify").err


@pytest.mark.parametrize("forged", ["subject", "predicate", "redacted"])
def test_a_statement_that_lost_its_signature_still_has_to_say_what_its_row_says(shop, ssh, forged):
    checkout, _ = approved(shop, *ssh[1])
    file, found = kept(checkout), envelope(checkout)
    body = json.loads(base64.b64decode(found["payload"]))
    if forged == "subject":
        body["subject"][0]["digest"]["gitCommit"] = "0" * 40
    elif forged == "predicate":
        body["predicate"]["by"] = "somebody else"
    else:  # as a secret that this machine held at the approval leaves it
        name = body["subject"][0]["name"]
        body["subject"][0]["name"] = f"{name[:9]}⟦secret:TOKEN:0123ab⟧{name[20:]}"
    found["payload"] = base64.b64encode(json.dumps(body).encode()).decode()
    found["signatures"] = []
    file.write_text(json.dumps(found))
    said = checkout.run("audit", "--verify")
    assert said.code == int(forged != "redacted"), said.err
    assert ("says something else than row 1 of the trail" in said.err) == (forged != "redacted")


def test_where_git_does_not_sign_the_statement_is_not_signed(shop):
    checkout, _ = approved(shop)
    assert envelope(checkout)["signatures"] == []
    assert checkout.run("audit", "--verify").code == 0
    assert checkout.run("audit", "--verify").code == 0


def test_a_key_that_is_missing_is_told_and_the_commit_stays(shop, tmp_path):
    missing = ("user.signingkey", str(tmp_path / "none"))
    signs = ("gpg.format", "ssh"), missing, ("commit.gpgsign", "true")
    checkout, said = approved(shop, *signs)
    assert "was not kept: it could not be signed" in said.err
    assert "_type" in envelope(checkout)
    assert checkout.run("audit", "--verify").code == 0


def test_the_row_is_a_note_of_the_commit_under_our_own_ref(shop):
    checkout, _ = approved(shop)
    note = json.loads(checkout.git("notes", "--ref=reviewloop", "show", "HEAD"))
    (row,) = checkout.json("audit")["rows"]
    assert (note["hash"], note["commit"]) == (row["hash"], checkout.git("rev-parse", "HEAD"))
    assert checkout.git("for-each-ref", "--format=%(refname)", "refs/notes") == (
        "refs/notes/reviewloop"
    )


def refs(checkout):
    return checkout.git("for-each-ref", "--format=%(refname) %(objectname)").splitlines()


def test_without_a_wish_git_holds_no_note_and_with_it_nothing_else(shop):
    checkout = shop(cast(), QUIET_GATES)
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    before, config = refs(checkout), checkout.read(".git/config")
    assert not [line for line in before if line.startswith("refs/notes")]
    assert "1 note written under refs/notes/reviewloop" in checkout.run("audit", "--notes").err
    after = [line for line in refs(checkout) if not line.startswith("refs/notes/reviewloop ")]
    assert (after, checkout.read(".git/config")) == (before, config)
    assert checkout.git("status", "--porcelain") == ""


@pytest.mark.slow
def test_openpgp(shop, tmp_path, monkeypatch):
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    make = ["gpg", "--batch", "--passphrase", "", "--quick-gen-key", "me@example.com", "ed25519"]
    subprocess.run(make, check=True, capture_output=True)
    checkout = shop(cast(), QUIET_GATES)
    checkout.environ |= {**ON, "GNUPGHOME": str(home)}
    checkout.git("config", "commit.gpgsign", "true")
    checkout.git("config", "user.signingkey", "me@example.com")
    assert checkout.run("run", "2.1").code == 4
    assert checkout.run("approve").code == 0
    signature = base64.b64decode(envelope(checkout)["signatures"][0]["sig"])
    assert signature.startswith(b"-----BEGIN PGP SIGNATURE-----")
    assert checkout.run("audit", "--verify").code == 0
    subprocess.run(["gpgconf", "--kill", "all"], check=False)
