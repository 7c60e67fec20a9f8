"""A change too large for a prompt is read in parts by every reviewer, and paid once."""

import json
import re
from collections import Counter

import pytest
from support.bedrock import Received, calls
from support.checkout import Checkout
from support.parts import cast, finds, found, writes
from support.play import REVIEWERS, agent_of
from support.processes import until

MODEL = "bedrock_converse:global.anthropic.claude-sonnet-5-5"
SMALL = {"REVIEWLOOP_LIMITS__CONTEXT_TOKENS": "2500"}  # room for some 6,600 characters of diff
CAP = {"REVIEWLOOP_LIMITS__TOKENS": "60000"}
BIG = "shop/big.py"
DATA = "shop/data.py"


def module(name: str, lines: int) -> str:
    """Return a module of about so many lines of forty characters."""
    body = "".join(f"    total_{name}_{n} = {n}  # {'x' * 14}\n" for n in range(lines))
    return f"def {name}(order):\n{body}    return order\n"


FILES = {
    **{f"shop/{name}.py": module(name, 60) for name in ("alpha", "beta", "gamma", "delta")},
    "web/view.py": "from shop.gamma import gamma\n\n" + module("view", 50),
    "tests/test_beta.py": module("test_beta", 20),
    BIG: "\n\n".join(module(f"part_{n}", 50) for n in range(6)),
    DATA: "ROWS = [\n" + "    'a row of a table that a program wrote',\n" * 900 + "]\n",
}
READ = sorted(set(FILES) - {DATA})


def changed(shop, files=FILES, settings=SMALL, **parts) -> Checkout:
    checkout = shop(cast(**parts))
    checkout.environ |= settings
    for path, text in files.items():
        (checkout.root / path).parent.mkdir(exist_ok=True)
        (checkout.root / path).write_text(text)
    return checkout


def reviewed(checkout: Checkout, **environ: str):
    said = checkout.run("review", "--model", MODEL, "--json", **environ)
    assert said.out, said.err
    return said.code, json.loads(said.out)


def part_of(received: Received) -> int:
    found = re.search(r"this is part (\d+)", received.said)
    return int(found[1]) if found else 0


def shown(received: Received) -> list[str]:
    """Return the added lines of a prompt's diffs, with their files."""
    lines, path = [], ""
    for line in received.said.split("\n"):
        if line.startswith("+++ b/"):
            path = line.removeprefix("+++ b/")
        elif line.startswith(("diff --git", ">>>")):
            path = ""
        elif line.startswith("+") and path:
            lines.append(f"{path}: {line[1:]}")
    return lines


def test_every_line_reaches_every_reviewer_once_and_the_rest_is_named(shop):
    last = found("should_fix", "The view adds nothing", "    total_view_49 = 49", "web/view.py")

    def in_its_part(received):
        return finds(*([last] if "total_view_49" in received.said else []))(received)

    checkout = changed(shop, review_performance=in_its_part)
    code, report = reviewed(checkout)
    wanted = Counter(f"{p}: {line}" for p in READ for line in FILES[p].split("\n")[:-1] if line)
    for name in REVIEWERS:
        asked = checkout.server.of(name)
        seen = Counter(line for received in asked for line in shown(received))
        assert {k: n for k, n in seen.items() if not k.endswith(": ")} == wanted
        assert sorted(map(part_of, asked)) == list(range(1, len(asked) + 1))
    prompts = checkout.server.of("review-security")
    assert len(prompts) > 3
    for received in prompts:  # each one within its budget, and with the map of the whole
        shared = sum(len(b["text"]) for b in received.messages[0]["content"][:-1] if "text" in b)
        assert shared < 2500 * 4 * 1.1
        assert "shop/alpha.py (added, +62 -0)" in received.said
        assert "shop/gamma.py: + def gamma(order)" in received.said
    # What imports or tests a file is read with it.
    together = [{line.partition(":")[0] for line in shown(received)} for received in prompts]
    assert any({"web/view.py", "shop/gamma.py"} <= paths for paths in together)
    assert any({"tests/test_beta.py", "shop/beta.py"} <= paths for paths in together)
    # Reviewers share the cached prefix of each part, and all parts share the first one.
    for number in range(1, len(prompts) + 1):
        same = [r for r in checkout.server.ledger if part_of(r) == number]
        starts = {json.dumps(r.messages[0]["content"][:4]) for r in same}
        assert len(starts) == 1
        assert sum("cachePoint" in b for b in same[0].messages[0]["content"]) == 2
    assert len({json.dumps(r.messages[0]["content"][:2]) for r in checkout.server.ledger}) == 1
    # The finding of the last file is there, and what nobody read is said.
    assert [f["title"] for f in report["findings"]] == [last["title"]]
    read = {file["path"]: file for file in report["readership"]["files"]}
    assert read["shop/alpha.py"]["share"] == "whole"
    assert read[BIG]["share"] == "in parts"
    assert len(read[BIG]["parts"]) > 1
    assert sorted(read[BIG]["read_by"]) == sorted(REVIEWERS)
    assert read[DATA]["share"] == "not"
    assert "more than 4 prompts hold" in read[DATA]["reason"]
    assert (code, report["outcome"]) == (5, "incomplete")
    assert DATA in report["summary"]


def test_what_a_budget_did_not_reach_is_told_exactly_and_asked_once(shop):
    few = {path: FILES[path] for path in READ}
    quiet = found("nit", "Named alpha", "def alpha(order):", "shop/alpha.py")
    checkout = changed(shop, few, review_security=finds(quiet))
    capped = reviewed(checkout, **CAP)
    code, report = capped
    asked = len(checkout.server.ledger)
    assert code == 6
    missed = {}
    for part in report["readership"]["parts"]:
        read = {agent_of(r) for r in checkout.server.ledger if part_of(r) == part["number"]}
        assert set(part["read_by"]) == read
        missed |= {(part["number"], m["reviewer"]): m["reason"] for m in part["missed"]}
    parts = len(report["readership"]["parts"])
    assert 0 < asked < parts * len(REVIEWERS)
    assert len(missed) == parts * len(REVIEWERS) - asked
    assert set(missed.values()) == {"over the budget (limits.tokens)"}
    assert [f["title"] for f in report["findings"]] == [quiet["title"]]  # what was read counts
    unread = [f["path"] for f in report["readership"]["files"] if f["share"] in ("not", "partly")]
    for path in unread:
        assert path in READ
    assert [n for n in report["notes"] if "limits.tokens" in n]
    said = checkout.run("review", "--model", MODEL, **CAP)
    assert "over the budget" in said.err + said.out
    assert len(checkout.server.ledger) == asked
    # With more to spend only the rest is asked.
    code, report = reviewed(checkout)
    assert (code, report["outcome"]) == (0, "findings")
    assert len(checkout.server.ledger) == parts * len(REVIEWERS)
    assert checkout.server.paid_twice() == []


@pytest.mark.slow
def test_killed_between_two_parts_it_goes_on_without_paying_twice(shop):
    few = {path: FILES[path] for path in READ}
    checkout = changed(shop, few)
    point = {"REVIEWLOOP_FAULT": "reply.recorded:8=kill"}
    said = checkout.forked("review", "--model", MODEL, "--json", **point)
    assert said.code < 0, said.err
    # What the killed process had sent may still be on its way to the server.
    looks = [-1] * 5

    def is_quiet() -> bool:
        looks.append(len(checkout.server.ledger))
        return len({*looks[-5:]}) == 1 and all(one.ended_at for one in checkout.server.ledger)

    until(is_quiet, "all replies have an end")
    before = len(checkout.server.ledger)
    assert 8 <= before < 20
    code, report = reviewed(checkout)
    assert (code, report["outcome"]) == (0, "clean")
    parts = len(report["readership"]["parts"])
    assert len(checkout.server.ledger) - parts * len(REVIEWERS) <= before - 8
    done = [r for r in checkout.server.ledger if r.number < before]
    assert len(done) == before


def test_a_part_that_fails_costs_only_itself(shop):
    few = {path: FILES[path] for path in READ}

    def fails_once(received):
        if "total_alpha_1 " in received.said:
            return calls("report_findings", {"verdict": "fine"})
        return finds(found("nit", "Big", "def part_0(order):", BIG))(received)

    checkout = changed(shop, few, review_security=fails_once)
    code, report = reviewed(checkout)
    agent = {a["name"]: a for a in report["agents"]}["review-security"]
    assert (code, agent["status"]) == (5, "failed")
    assert re.match(r"did not read part \d+ of \d+: .*no 'findings' list", agent["reason"])
    assert [f["title"] for f in report["findings"]] == ["Big"]
    alpha = next(f for f in report["readership"]["files"] if f["path"] == "shop/alpha.py")
    assert "review-security" not in alpha["read_by"]
    assert len(alpha["read_by"]) == len(REVIEWERS) - 1


@pytest.mark.slow
def test_a_run_reads_its_own_large_change_in_parts_as_well(shop):
    few = {path: FILES[path] for path in READ}
    seen = found("should_fix", "The view adds nothing", "    total_view_49 = 49", "web/view.py")

    def in_its_part(received):
        return finds(*([seen] if "total_view_49" in received.said else []))(received)

    checkout = shop(cast(implement=writes(few), review_security=in_its_part))
    checkout.environ |= SMALL | {"REVIEWLOOP_LIMITS__ROUNDS": "0"}
    said = checkout.run("run", "2.1")
    assert said.code == 4, said.err
    for name in REVIEWERS:
        asked = checkout.server.of(name)
        assert sorted(map(part_of, asked)) == list(range(1, len(asked) + 1))
        assert len(asked) > 3
    assert list(checkout.findings()) == [seen["title"]]
    assert checkout.server.paid_twice() == []


def test_half_of_a_key_is_never_shown(shop):
    body = "\n".join("MIIEpAIBAAKCAQEA" + f"{n:04d}" * 12 for n in range(120))
    mark = " ".join(("RSA", "PRIVATE", "KEY"))  # in pieces, so that no scanner takes it for one
    key = f"-----BEGIN {mark}-----\n{body}\n-----END {mark}-----\n"
    text = "# what follows is long\n" * 200 + f'KEY = """{key}"""\n' + "x = 1\n" * 200
    checkout = changed(shop, {"shop/keys.py": text})
    reviewed(checkout)
    asked = checkout.server.of("review-security")
    assert len(asked) > 1
    assert sum("+x = 1" in received.said for received in asked)
    assert not [received for received in asked if "MIIEpAIBAAKCAQEA" in received.said]
