"""`steering list` and `steering check`: recipients of each file, and its errors."""

import json
from contextlib import closing

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.shop import make_shop
from support.spec_script import written

from reviewloop.store.journal import Journal

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
    (own / "mine.md").write_text(
        "Never touch shop/digest.py, call db.orders.example.org or fill orders-queue.\n"
        "Push to acme/shop.\n"
        "See https://docs.python.org/3/ and registry.terraform.io, keep logs.\n"
    )
    (root / "infra").mkdir()
    (root / "infra/main.tf").write_text(
        'resource "aws_sqs_queue" "orders-queue" {}\nresource "aws_s3_bucket" "logs" {}\n'
        '# https://registry.terraform.io\nlocals { host = "db.orders.example.org" }\n'
    )
    found.git("remote", "add", "origin", "git@github.com:acme/shop.git")
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


WRONG = [
    ("mine.md", "foreign", "should_fix"),
    ("copy.md", "copy", "should_fix"),
    ("digest.md", "reference", "must_fix"),
    ("web.md", "pattern", "nit"),
]


def test_check_names_what_is_wrong_with_files(checkout):
    said = checkout.run("steering", "check", "--json")
    report = json.loads(said.out)
    assert said.code == 1
    found = [
        (one["path"].rpartition("/")[2], one["kind"], one["severity"]) for one in report["problems"]
    ]
    assert found == WRONG
    text = checkout.run("steering", "check").out
    assert ".kiro/steering/digest.md: #[[file:docs/nowhere.md]] leads nowhere (must fix)" in text


def test_a_file_of_the_home_names_paths_hosts_and_services_of_this_repository(checkout):
    [line, *_] = checkout.run("steering", "check").out.splitlines()
    named = line.partition("names this one's ")[2].removesuffix(" (should fix)")
    assert sorted(named.split(", ")) == [
        "acme/shop (a remote)",
        "db.orders.example.org (infra/main.tf)",
        "orders-queue (infra/main.tf:1)",
        "shop/digest.py",
    ]


@pytest.mark.parametrize(
    ("front", "words"),
    [
        ("inclusion: sometimes", "'sometimes' is none of always, fileMatch, manual, auto"),
        ("inclusion: fileMatch", "fileMatch without a fileMatchPattern, so nobody gets it"),
        ("inclusion: auto", "auto without a description, so it fits no task"),
        ("inclusion: always\n!!! what", "line 3 of its front matter is not understood"),
    ],
)
def test_a_file_of_which_nobody_knows_when_to_give_it_is_named(checkout, front, words):
    (checkout.root / ".kiro/steering/odd.md").write_text(f"---\n{front}\n---\nBe odd.\n")
    said = checkout.run("steering", "check")
    assert [
        line
        for line in said.out.splitlines()
        if ".kiro/steering/odd.md: " in line and words in line
    ]


def test_fail_on_says_from_which_severity_it_ends_with_1(checkout):
    def codes() -> list[int]:
        return [
            checkout.run("steering", "check", "--fail-on", one).code
            for one in ("must", "should", "nit", "never")
        ]

    folder = checkout.root / ".kiro/steering"
    assert codes() == [1, 1, 1, 0]
    (folder / "digest.md").unlink()
    assert codes() == [0, 1, 1, 0]
    (folder / "copy.md").unlink()
    (checkout.home / ".kiro/steering/mine.md").unlink()
    assert codes() == [0, 0, 1, 0]
    (folder / "web.md").unlink()
    assert codes() == [0, 0, 0, 0]
    said = checkout.run("steering", "check", "--fail-on", "blue")
    assert (said.code, "'blue' is not one of 'must', 'should', 'nit', 'never'" in said.err) == (
        2,
        True,
    )


TOUCHES = {
    "read": {"name": "fs_read", "args": {"path": "shop/digest.py"}},
    "write": {
        "name": "fs_write",
        "args": {"command": "create", "path": "shop/hello_digest.py", "file_text": "HELLO = 1\n"},
    },
}
OTHER = {
    "name": "fs_write",
    "args": {"command": "create", "path": "shop/other.py", "file_text": "OTHER = 1\n"},
}
DONE = {"name": "finish", "args": {"summary": "done", "notes": []}}
RULE_OF_DIGESTS = "A digest is SHA-256."


@pytest.mark.parametrize("touch", TOUCHES)
def test_a_rule_for_a_file_arrives_with_the_first_touch_of_it_and_once(checkout, touch):
    again = {**TOUCHES[touch], "args": {**TOUCHES[touch]["args"]}}
    turns = [[OTHER], [TOUCHES[touch]], [again], [TOUCHES["read"]], [DONE]]
    entries = [
        {
            "agent": "implement",
            "step": "implement",
            "turns": [{"tool_calls": calls} for calls in turns],
        },
        {"step": "review", "tool_calls": [{"name": "report_findings", "args": {"findings": []}}]},
    ]
    model = written(checkout.home, entries)
    calls = checkout.home / "calls.jsonl"
    run = ("run", "-m", "say hello", "--model", model, "--no-sandbox", "--record", str(calls))
    assert checkout.run(*run).code == 4

    [path] = checkout.state.glob("repositories/*/runs/*/journal.sqlite")
    with closing(Journal(path)) as journal:
        asked = [call.request for call in journal.calls("model") if call.key.agent == "implement"]
    times = [json.dumps(request).count(RULE_OF_DIGESTS) for request in asked]
    assert times == [0, 0, 1, 1, 1]  # after the touch, and no second time

    [row] = checkout.json("status")["runs"]
    given = checkout.json("steering", "list", "--run", row["run"])["agents"]
    mine = next(one["files"] for one in given if one["agent"] == "implement")
    touched = TOUCHES[touch]["args"]["path"]
    line = f".kiro/steering/digest.md: given, {touched} matches shop/*digest*.py"
    assert mine.count(line) == 1
    text = checkout.run("steering", "list", "--run", row["run"]).out
    assert f"implement: {line}" in text
    assert "the reviewers: .kiro/steering/always.md (project): given, always included" in text


def test_a_run_that_is_not_there_was_given_nothing(checkout):
    said = checkout.run("steering", "list", "--run", "nope")
    assert (said.code, "nope" in said.err) == (2, True)
