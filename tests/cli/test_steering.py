"""`steering list` and `steering check`: who gets which file, and what is wrong with them."""

import json

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.spec_script import written

RULE = "Sums are made with decimals, never with floats, and are rounded once.\n"
FILES = {
    "always.md": RULE,
    "copy.md": f"---\ninclusion: manual\n---\n{RULE}",
    "web.md": "---\ninclusion: fileMatch\nfileMatchPattern: 'web/**'\n---\nUse rem.\n",
    "digest.md": (
        "---\ninclusion: fileMatch\nfileMatchPattern: 'shop/*digest*.py'\n---\n"
        "A digest is SHA-256. See #[[file:docs/nowhere.md]]\n"
    ),
    "tax.md": "---\ninclusion: auto\ndescription: taxes of countries\n---\nRound up.\n",
}


@pytest.fixture
def checkout(tmp_path):
    root = tmp_path / "project"
    root.mkdir()
    make_shop(root, branch="work")
    folder = root / ".kiro/steering"
    folder.mkdir(parents=True)
    for name, text in FILES.items():
        (folder / name).write_text(text)
    (root / "shop/digest.py").write_text("import hashlib\n")
    found = Checkout(root, tmp_path / "home", settings=QUIET_GATES)
    own = found.home / ".kiro/steering"
    own.mkdir(parents=True)
    (own / "mine.md").write_text("Never touch shop/digest.py.\n")
    found.git("add", "-A")
    found.git("-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-qm", "rules")
    return found


def test_list_says_when_agents_get_each_file(checkout):
    rows = json.loads(checkout.run("steering", "list", "--json").out)["files"]
    assert [(row["path"].rpartition("/")[2], row["given"]) for row in rows] == [
        ("mine.md", "always"),
        ("always.md", "always"),
        ("copy.md", "when asked for: --steering copy"),
        ("digest.md", "with work on, or the first read or write of, shop/*digest*.py"),
        ("tax.md", "when it fits the task: taxes of countries"),
        ("web.md", "with work on, or the first read or write of, web/**"),
    ]


def test_check_names_what_is_wrong_with_files(checkout):
    said = checkout.run("steering", "check", "--json")
    report = json.loads(said.out)
    assert said.code == 1
    assert [(one["path"].rpartition("/")[2], one["kind"]) for one in report["problems"]] == [
        ("mine.md", "foreign"),
        ("copy.md", "copy"),
        ("digest.md", "reference"),
        ("web.md", "pattern"),
    ]
    text = checkout.run("steering", "check").out
    assert "names this one's shop/digest.py" in text
    assert ".kiro/steering/digest.md: #[[file:docs/nowhere.md]] leads nowhere" in text


def test_a_rule_for_a_file_arrives_with_the_first_touch_of_it(checkout):
    read = {"name": "fs_read", "args": {"path": "shop/digest.py"}}
    write = {
        "name": "fs_write",
        "args": {"command": "create", "path": "shop/hello.py", "text": "HELLO = 1\n"},
    }
    done = {"name": "finish", "args": {"summary": "done", "notes": []}}
    about = {"agent": "implement", "step": "implement"}
    calls = [(read, None), (read, "A digest is SHA-256"), (write, None), (done, None)]
    entries = [
        {**about, "turn": turn, "tool_calls": [call], **({"when_last": last} if last else {})}
        for turn, (call, last) in enumerate(calls)
    ]
    model = written(checkout.home, entries)
    said = checkout.run("run", "-m", "say hello", "--model", model, "--no-sandbox", "--json")
    events = [
        json.loads(line)
        for path in checkout.state.glob("repositories/*/runs/*/events.jsonl")
        for line in path.read_text().splitlines()
    ]
    given = [event["text"] for event in events if "is given" in str(event.get("text"))]
    assert given == [
        "steering .kiro/steering/digest.md is given: shop/digest.py matches shop/*digest*.py"
    ], said.err
