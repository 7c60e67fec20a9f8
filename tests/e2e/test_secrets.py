"""Secrets in whole runs: held values, secrets in code, and withheld files."""

import random
import sqlite3
import string
import zlib
from pathlib import Path

import pytest
from support.bedrock import Received, calls, reply
from support.checkout import QUIET_GATES, Checkout
from support.encodings import cores, written
from support.parts import CLEAN, cast, finds, found, says
from support.play import TEST, agent_of, done, replace, write

from reviewloop.cli.unexpected_errors import bug_report

# Put together here, so that no scanner takes this file for a leak.
TOKEN = "gh" + "p_" + "aB3dE6gH9jK2mN5pQ8sT1vW4yZ7bC0dF3gH6"
OLD = "gh" + "p_" + "Zx8Cv5Bn2Ma9Sd6Fg3Hj0Kl7Qw4Er1TyUi5O"
NEW = "gh" + "p_" + "Pq7Wo4Ei1Ru8Ty5Al2Sk9Dj6Fh3Gz0XmCn4B"
GATE = {
    **QUIET_GATES,
    "REVIEWLOOP_GATES__BUILD__ENABLED": "true",
    # What commands leave in their own folders must not stay there either.
    "REVIEWLOOP_GATES__BUILD__COMMAND": (
        '["sh", "-c", "cat shop/config.py; for d in $HOME $HOME/../reports; '
        'do cp shop/config.py $d/left && echo left $d; done"]'
    ),
}
_DRAWN = random.Random(4)


def drawn(length: int) -> str:
    return "".join(_DRAWN.choice(string.ascii_letters + string.digits) for _ in range(length))


def everything_in(folder: Path) -> dict[str, str]:
    """Return the text of every file below a folder, with what is compressed in it unpacked."""
    found = {}
    for path in (p for p in folder.rglob("*") if p.is_file() and not p.is_symlink()):
        data = path.read_bytes()
        name = str(path.relative_to(folder))
        if "objects" in path.parts and len(path.name) >= 38:
            data = zlib.decompress(data)
        found[name] = data.decode("utf-8", "replace")
        if data.startswith(b"SQLite format 3"):
            found[f"{name}, rows"] = _rows(path)
    return found


def _rows(path: Path) -> str:
    with sqlite3.connect(path) as database:
        query = "select name from sqlite_master where type='table'"
        tables = [row[0] for row in database.execute(query)]
        rows = [row for table in tables for row in database.execute(f"select * from {table}")]
    return "\n".join(
        _unpacked(value) if isinstance(value, bytes) else str(value)
        for row in rows
        for value in row
    )


def _unpacked(data: bytes) -> str:
    try:
        return zlib.decompress(data).decode("ascii")
    except zlib.error:
        return data.decode("utf-8", "replace")


def leaked(values: dict[str, str], texts: dict[str, str]) -> list[tuple[str, str, str]]:
    """Return (name of the value, encoding, where) of everything that got out."""
    return [
        (name, encoding, place)
        for name, value in values.items()
        for encoding, form in cores(value).items()
        for place, text in texts.items()
        if form in text
    ]


def with_held_values(checkout: Checkout) -> tuple[dict[str, str], str]:
    """Give a machine its secrets; return those no file of the repository holds, and the one."""
    outside = {f"SERVICE_{n}_TOKEN": drawn(12 + 5 * n) for n in range(4)}
    outside["DB_PASSWORD"] = drawn(9) + '!"&/\\+' + drawn(5)
    checkout.environ |= outside
    inside = drawn(24)
    outside |= {"profile": drawn(40), "dotenv": drawn(20), "remote": drawn(22)}
    profile = checkout.home / ".aws/credentials"
    profile.parent.mkdir()
    profile.write_text(f"[work]\naws_secret_access_key = {outside['profile']}\n")
    checkout.environ["AWS_SHARED_CREDENTIALS_FILE"] = str(profile)
    checkout.write(".gitignore", ".env\n__pycache__/\n")
    checkout.write("shop/config.py", f'"""Settings."""\n\nURL = "db://app:{inside}@db.shop.io"\n')
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "config")
    checkout.write(".env", f"# ours\nexport CACHE_DSN='{outside['dotenv']}'\nSTAGE_KEY={inside}\n")
    checkout.git("remote", "add", "origin", f"https://ada:{outside['remote']}@git.shop.io/shop.git")
    return outside, inside


@pytest.mark.slow
def test_no_held_value_gets_out_in_any_encoding_from_a_whole_run(shop, tmp_path):
    checkout = shop(None, GATE)
    outside, inside = with_held_values(checkout)
    values = {**outside, "in the code": inside}
    spoken = "\n".join(form for value in values.values() for form in written(value).values())
    short = " ".join(values.values())
    leaks = [write(f"shop/leak{n}.py", f"X = '''{v}'''\n") for n, v in enumerate(values.values())]
    steps = says(
        calls("fs_read", {"path": "shop/config.py"}),
        reply(spoken, *leaks, write("shop/search.py", CLEAN), write("tests/test_search.py", TEST)),
        calls(values["dotenv"], {values["profile"]: values["remote"], "a": [spoken]}),
        done(f"Added it with {short}.", f"Use {values['dotenv']}"),
    )
    title = f"It is {values['SERVICE_3_TOKEN']}"
    seen = finds(found("nit", title, '"""Search."""', why=spoken, suggestion=short))
    checkout.server.answer = cast(implement=steps, review_security=seen)
    recording = tmp_path / "calls.jsonl"

    said = checkout.run("run", "2.1", "--record", str(recording))
    assert said.code == 4, said.err
    looks = [
        checkout.run(*words)
        for words in (("show", "--json"), ("show", "--diff"), ("status", "--json"), ("logs",))
    ]
    told = {f["title"] for f in checkout.record()["proposal"]["findings"]}
    assert not list(checkout.state.rglob("left"))
    approved = checkout.run("approve", "--with-must-fix")
    assert approved.code == 0, approved.err
    with checkout.inside():
        bug_report(RuntimeError(spoken), [short])

    # Every edit that would have written one was refused, and the run went on.
    refused = checkout.server.of("implement")[2].results
    assert sum("stands for a secret" in result for result in refused) == len(values)
    assert checkout.git("show", "--stat", "--format=", "HEAD").count("leak") == 0
    # The person is told, by code, and the record shows where a value stood.
    assert any("implement wrote a secret of this machine" in one for one in told), told
    assert "⟦secret:DB_PASSWORD:" in recording.read_text("ascii").encode().decode("unicode_escape")

    texts = everything_in(checkout.state)
    texts |= {f"request {r.number}": str(r.body) for r in checkout.server.ledger}
    texts |= {f"screen {n}": one.out + one.err for n, one in enumerate((said, approved, *looks))}
    texts["recording"] = recording.read_text("ascii")
    texts["commit"] = checkout.git("log", "-1", "--format=%B")
    assert any("bug-" in name for name in texts)
    logs = [n for n in texts if "/logs/" in n and "⟦secret:" in texts[n]]
    assert any(texts[n].count("left ") == 2 for n in logs)
    assert leaked(outside, texts) == []
    # The repository's own line is in its objects and in the workspace, and nowhere else.
    own = {n for _, _, n in leaked({"inside": inside}, texts)}
    assert {n for n in own if "/git/objects/" not in n and "/workspace/" not in n} == set()
    assert leaked({"control": "def items_of(db, customer)"}, texts)


def test_a_secret_that_a_model_wrote_is_told_though_nothing_was_reviewed(shop):
    checkout = shop()
    checkout.environ["SERVICE_TOKEN"] = drawn(20)
    leak = write("shop/leak.py", f"X = '{checkout.environ['SERVICE_TOKEN']}'\n")
    checkout.server.answer = cast(implement=says(reply(leak), done("Nothing else.")))
    said = checkout.run("run", "2.1")
    assert said.code == 3, said.err
    assert "Findings: 1 must fix remaining" in said.err
    assert "implement wrote a secret of this machine: the value of SERVICE_TOKEN" in said.err
    assert "tried an edit that was refused: shop/leak.py" in said.err


@pytest.mark.slow
def test_a_review_asks_and_reports_without_secrets_of_any_line(shop):
    checkout = shop(cast(), {})
    context = f'"""Keys."""\n\nA = 1\nKEEP = "{TOKEN}"\nB = 2\nGONE = "{OLD}"\nC = 3\n'
    checkout.write("shop/keys.py", context)
    checkout.write("shop/clean.py", context.replace("C = 3\n", ""))
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "keys")
    changed = context.replace(f'GONE = "{OLD}"\n', f'CAME = "{NEW}"\n')
    checkout.write("shop/keys.py", changed)
    checkout.write("shop/clean.py", context.replace(f'GONE = "{OLD}"\nC = 3\n', ""))
    model = ("--model", "bedrock_converse:test.model")
    for words in (
        ("--json",),
        ("--format", "html"),
        ("--format", "sarif"),
        (),
        ("--model", "none"),
    ):
        said = checkout.run("review", *model, *words)
        assert said.code == 1, said.err
        assert not [token for token in (TOKEN, OLD, NEW) if token in said.out + said.err]
    asked = [str(received.body) for received in checkout.server.ledger]
    assert asked and not [body for body in asked if TOKEN in body or OLD in body or NEW in body]
    assert all(body.count("⟦secret:github-token:") >= 3 for body in asked[:1])
    assert not leaked({"new": NEW, "old": OLD}, everything_in(checkout.state))
    body = checkout.json("review", *model)
    by_code = [
        (f["path"], f["line"]) for f in body["findings"] if f["rule"] == "secret/github-token"
    ]
    assert by_code == [("shop/keys.py", 6)]  # not the line that stayed, not those that went


def shown_line(received: Received) -> str:
    """Return the line with the placeholder as a tool has just shown it."""
    (line,) = [line for result in received.results for line in result.split("\n") if "⟦sec" in line]
    return line.partition("\t")[2]


def edits(received: Received):
    """Keep a secret's line in one edit and move the secret in another."""
    if received.turn == 0:
        return calls("fs_read", {"path": "shop/keys.py"})
    if received.turn == 1:
        line = shown_line(received)
        keeps = replace("shop/keys.py", f"A = 1\n{line}", f"A = 2\n{line}\nB = 3")
        moves = replace("shop/keys.py", "B = 3", f"B = {line.partition(' = ')[2]}")
        return reply(keeps, moves)
    return done("Changed it.") if received.turn > 2 else reply(write("shop/search.py", CLEAN))


@pytest.mark.slow
def test_a_fix_keeps_a_secret_in_its_line_and_can_put_it_nowhere_else(shop):
    checkout = shop(cast(implement=edits))
    checkout.write("shop/keys.py", f'A = 1\nKEEP = "{TOKEN}"\n')
    checkout.git("add", "-A")
    checkout.git("commit", "-q", "-m", "keys")
    assert checkout.run("run", "2.1").code == 4
    kept, moved = checkout.server.of("implement")[2].results
    assert kept.startswith("changed shop/keys.py"), kept
    assert "which stands for a secret" in moved
    assert checkout.run("approve").code == 0
    assert checkout.read("shop/keys.py") == f'A = 2\nKEEP = "{TOKEN}"\nB = 3\n'
    assert not [r for r in checkout.server.ledger if TOKEN in str(r.body)]


HIDDEN = {
    ".env": "STAGE=alpha-only\n",
    "deploy/server.pem": "alpha-only\n",
    "home/id_ed25519": "alpha-only\n",
    ".npmrc": "//registry.shop.io/:_authToken=alpha-only\n",
    "infra/terraform.tfstate": '{"alpha-only": 1}\n',
    "private/notes.md": "alpha-only\n",
}
READABLE = {".env.example": "STAGE=beta\n", "lib/.npmrc": "save-exact=true\n"}


@pytest.mark.slow
def test_withheld_files_are_names_only_in_runs_and_in_reviews(shop):
    reads = [calls("fs_read", {"path": path}) for path in (*HIDDEN, *READABLE)]
    looks = [calls("grep", {"pattern": "alpha"}), calls("glob", {"pattern": "**/*"})]
    tries = [write(path, "x\n") for path in (*HIDDEN, "new.key")]
    part = says(*reads, *looks, reply(*tries), reply(write("shop/search.py", CLEAN)), done("Done."))
    checkout = shop(cast(implement=part))
    for path, text in {**HIDDEN, **READABLE, ".kiroignore": "private/\n"}.items():
        checkout.write(path, text)
    checkout.write(".kiro/steering/all.md", "Read #[[file:private/notes.md]] and #[[file:.env]].\n")
    checkout.git("add", "-A", "-f")
    checkout.git("commit", "-q", "-m", "files")
    assert checkout.run("run", "2.1").code == 4
    results = [request.results for request in checkout.server.of("implement")[1:]]
    for number, path in enumerate(HIDDEN):
        assert "withheld by reviewloop" in results[number][0], path
    assert "beta" in results[len(HIDDEN)][0]
    assert "no match" in results[len(reads)][0]
    assert all(path in results[len(reads) + 1][0] for path in HIDDEN)
    assert len(results[len(reads) + 2]) == len(tries)
    assert not [one for one in results[len(reads) + 2] if one.startswith(("created", "changed"))]
    files = checkout.record()["proposal"]["files"]
    assert [file["path"] for file in files] == ["shop/search.py"]

    checkout.write(".env", "STAGE=alpha-only\nMORE=alpha-only\n")
    checkout.write("shop/more.py", "X = 1\n")
    said = checkout.run("review", "--model", "bedrock_converse:test.model", "--json")
    assert said.code in {0, 1}, said.err
    asked = [r for r in checkout.server.ledger if agent_of(r) == "review-security"][-1]
    assert "-withheld by reviewloop" in asked.said and "+withheld by reviewloop" in asked.said
    sent = [str(r.body) for r in checkout.server.ledger]
    assert not [
        body[max(0, body.find("alpha-only") - 300) :][:400] for body in sent if "alpha-only" in body
    ]
