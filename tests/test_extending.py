"""docs/architecture.md is true: its packages, its functions, and its recipes."""

import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from importlib import import_module
from pathlib import Path

import pytest
from support.distributions import Machine, add

import reviewloop
from reviewloop.plugins import OURS, ours

PACKAGE = Path(reviewloop.__file__).parent
ARCHITECTURE = (PACKAGE.parent / "docs" / "architecture.md").read_text("utf-8")
PARTS = ("app", "loop")  # rooms whose folders are told one by one


def section(title: str) -> str:
    return ARCHITECTURE.partition(f"\n## {title}\n")[2].partition("\n## ")[0]


def is_room(path: Path) -> bool:
    return path.suffix == ".py" if path.is_file() else any(path.glob("*.py"))


def test_each_room_is_named_and_each_named_room_exists():
    named = re.findall(r"^\| `([^`]+)` \|", section("The rooms"), re.MULTILINE)
    rooms = {path for path in PACKAGE.iterdir() if is_room(path)}
    rooms |= {path for name in PARTS for path in (PACKAGE / name).iterdir() if path.is_dir()}
    found = {
        path.relative_to(PACKAGE).as_posix() + ("/" if path.is_dir() else "")
        for path in rooms
        if is_room(path) and not path.name.startswith("__")
    }

    assert len(named) == len(set(named))
    assert set(named) == found


@pytest.mark.parametrize(("title", "least"), [("The flow", 20), ("Where to look", 15)])
def test_each_function_that_the_page_names_exists(title, least):
    named = re.findall(r"`((?:[a-z_]+\.)+[A-Za-z_.]+)`", section(title))
    assert len(named) >= least
    assert [name for name in named if not callable(found(name))] == []


def found(name: str) -> object:
    """Return what a dotted name below the package means, None where there is nothing."""
    words = name.split(".")
    for end in range(len(words) - 1, 0, -1):
        try:
            value: object = import_module(".".join(("reviewloop", *words[:end])))
        except ModuleNotFoundError:
            continue
        for word in words[end:]:
            value = getattr(value, word, None)
        return value
    return None


def test_a_function_that_is_gone_is_seen():
    assert found("app.run.start.no_such_function") is None
    assert found("no_such_room.begin") is None


def test_each_file_and_table_to_add_to_exists():
    named = re.findall(r"`(\w+)` (?:in|of) `(\w+/[\w/]+\.py)`", ARCHITECTURE)
    assert len(named) >= 6
    for table, file in named:
        module = file.removesuffix(".py").replace("/", ".")
        assert found(f"{module}.{table}"), f"{table} in {file}"
    for path in re.findall(r"`(rules/[\w/]+\.toml)`", ARCHITECTURE):
        assert (PACKAGE / path).is_file()


FINDINGS = {
    "replies": [
        {
            "agent": "review-acme",
            "step": "review",
            "tool_calls": [
                {
                    "name": "report_findings",
                    "args": {
                        "findings": [
                            {
                                "severity": "should_fix",
                                "title": "Acme forbids prints",
                                "why": "They are lost.",
                                "path": "a.py",
                                "quote": "print(total)",
                            }
                        ]
                    },
                }
            ],
        },
        {
            "step": "review",
            "tool_calls": [{"name": "report_findings", "args": {"findings": []}}],
        },
    ]
}
WORK = {
    "replies": [
        {
            "agent": "implement",
            "turns": [
                {
                    "tool_calls": [
                        {
                            "name": "fs_write",
                            "args": {"command": "create", "path": "x.py", "file_text": "X = 1\n"},
                        }
                    ]
                },
                {
                    "tool_calls": [
                        {"name": "finish", "args": {"summary": "Added X.", "subject": "Add X"}}
                    ]
                },
            ],
        },
        FINDINGS["replies"][1],
    ]
}
REVIEWER = {
    "name": "review-acme",
    "description": "Reads a diff for the rules of Acme.",
    "prompt": "You look at the rules of Acme only.",
    "tools": ["fs_read"],
}
RULE = """\
---
id: acme/print
title: A value is printed.
reviewer: review-maintainability
severity: should_fix
category: leftover
source: https://docs.python.org/3/library/logging.html
languages: [python]
match:
  pattern: print($VALUE)
---

## Why

Nobody reads what a service
prints.

## What to do

Log it.

## Found

```python app.py
print(total)
```

## Not found

```python app.py
log(total)
```
"""
GATE = '''"""Asks Acme's lawyers."""

from reviewloop.domain.gate import GateResult, GateStatus
from reviewloop.guards.registry import Guard


def check(change):
    paths = [file.path for file in change.change.files]
    return GateResult("licence", GateStatus.FAILED, f"nobody asked the lawyers about {paths}")


GATE = Guard("licence", check, runs_code=False)
'''
DIALECT = '''"""Acme's specs: one file, PLAN.txt."""

from reviewloop.domain.task import Spec, SpecRef
from reviewloop.specs.dialect import Dialect
from reviewloop.specs.files import Documents
from reviewloop.specs.tasks import read_tasks


def find(files):
    return [SpecRef("plan", "acme", path, path) for path in files.paths() if path == "PLAN.txt"]


def read(files, ref):
    documents = Documents(files)
    listed = read_tasks(documents.read(ref.tasks_path), ref.tasks_path, "acme")
    return Spec("plan", "acme", ref.path, ref.tasks_path, documents.digests, listed.tasks, {}, "")


DIALECT = Dialect("acme", find, read, "PLAN.txt")
'''
OUTPUT = '''"""One number."""


def render(report, source, rules):
    return f"{len(report.findings)} findings, says Acme"
'''


@pytest.fixture
def machine(repo, tmp_path):
    checkout = Machine(repo, tmp_path)
    checkout.git("switch", "-q", "-c", "work")
    return checkout


def changed(machine: Machine) -> None:
    machine.write("a.py", '"""Say it."""\n\nprint(total)\n')


def test_a_rule_is_one_file_of_a_pack(machine):
    machine.install("rules", "acme_rules", {"acme_rules/__init__.py": ""})
    (machine.packages / "acme_rules/acme").mkdir()
    (machine.packages / "acme_rules/acme/print.md").write_text(RULE)
    changed(machine)
    said = machine.forked(
        "review", "--model", "none", "--json", REVIEWLOOP_REVIEW__ANALYSERS_OFF="[]"
    )

    assert "acme/print" in {one["rule"] for one in json.loads(said.out)["findings"]}


FLOW_ROW = """
[[sink]]
rule = "go/log-injection"
kind = "log-injection"
callees = ["log.Print"]
source = "https://cwe.mitre.org/data/definitions/117.html"
"""
FLOW_RULE = """\
---
id: go/log-injection
title: A log holds what somebody outside wrote.
reviewer: review-security
severity: should_fix
category: injection
source: CWE-117
languages: [go]
message: "{source} is written by {sink}"
check: reviewloop.rules.taint.golang:Go
---

## Why

Line feeds in it forge entries.

## What to do

Quote it.

## Found

```go app.go
package p
```

## Not found

```go app.go
package p
```
"""
FLOW_CODE = """\
package p

import (
	"log"
	"net/http"
)

func direct(w http.ResponseWriter, r *http.Request) {
	log.Print(r.FormValue("name"))
}

func checked(w http.ResponseWriter, r *http.Request) {
	name := r.FormValue("name")
	if !isValid(name) {
		return
	}
	log.Print(name)
}
"""


@pytest.mark.slow
def test_a_rule_that_follows_data_is_its_page_and_a_row_also_for_a_new_kind_of_harm(machine):
    copy = machine.packages / "reviewloop"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(PACKAGE.parent / "agents", machine.packages / "agents")
    (copy / "rules/go/log-injection.md").write_text(FLOW_RULE)
    with (copy / "rules/taint/go.toml").open("a") as table:
        table.write(FLOW_ROW)
    machine.write("app.go", FLOW_CODE)
    said = machine.process(
        "review", "--model", "none", "--json", REVIEWLOOP_REVIEW__ANALYSERS_OFF="[]"
    )

    assert [
        (one["rule"], one["line"])
        for one in json.loads(said.out)["findings"]
        if one["rule"] == "go/log-injection"
    ] == [("go/log-injection", 9)], said


def test_a_reviewer_is_two_files_and_reviews(machine):
    files = {"acme_agents/__init__.py": "", "acme_agents/review-acme.json": json.dumps(REVIEWER)}
    assert machine.install("agents", "acme_agents", files) <= 2
    changed(machine)
    said = machine.forked("review", "--model", machine.script(FINDINGS), "--json")
    report = json.loads(said.out)

    assert [(one["agents"], one["line"]) for one in report["findings"]] == [(["review-acme"], 3)]
    listed = json.loads(machine.forked("agents", "list", "--json").out)["agents"]
    assert ("review-acme", "acme-pack/review-acme.json") in {
        (one["name"], one["file"]) for one in listed
    }


@pytest.mark.slow
def test_a_gate_is_two_files_and_stops_a_run(machine):
    assert machine.install("gates", "acme_gates:GATE", {"acme_gates.py": GATE}) <= 2
    said = machine.forked("run", "-m", "Add X", "--model", machine.script(WORK), "--json")

    assert said.code == 3, said
    gates = {one["name"]: one for one in json.loads(said.out)["proposal"]["gates"]}
    assert gates["licence"]["status"] == "failed"
    assert gates["licence"]["summary"] == "nobody asked the lawyers about ['x.py']"


@pytest.mark.slow
def test_a_gate_that_breaks_is_an_error_and_no_pass(machine):
    broken = GATE.replace("paths = ", "paths = missing or ")
    machine.install("gates", "acme_gates:GATE", {"acme_gates.py": broken})
    said = machine.forked("run", "-m", "Add X", "--model", machine.script(WORK), "--json")

    assert said.code == 3, said
    gates = {one["name"]: one for one in json.loads(said.out)["proposal"]["gates"]}
    assert gates["licence"]["status"] == "error"
    assert "acme-pack 1.0 broke: NameError" in gates["licence"]["summary"]


@pytest.mark.slow
def test_a_dialect_is_two_files_and_its_tasks_are_ticked(machine):
    assert machine.install("dialects", "acme_spec:DIALECT", {"acme_spec.py": DIALECT}) <= 2
    machine.write("PLAN.txt", "Plan\n\n- [ ] 1. Add X\n- [ ] 2. Add Y\n")
    machine.git("add", ".")
    machine.git("commit", "-q", "-m", "plan")
    listed = json.loads(machine.forked("tasks", "--json").out)
    ran = machine.forked("run", "1", "--model", machine.script(WORK))
    said = machine.forked("approve")

    assert listed["spec"]["dialect"] == "acme"
    assert [task["title"] for task in listed["tasks"]] == ["Add X", "Add Y"]
    assert (ran.code, said.code) == (4, 0), (ran, said)
    assert "- [x] 1. Add X\n- [ ] 2. Add Y\n" in machine.git("show", "HEAD:PLAN.txt") + "\n"


@pytest.mark.slow_but(every=6)
@pytest.mark.parametrize(
    ("there", "instead", "why"),
    [
        ("documents.digests", "None", "files maps no texts to texts"),
        ("documents.digests", "{}", "files lacks the digest of PLAN.txt"),
        ("listed.tasks", "list(listed.tasks)", "tasks is no tuple of Task"),
        ("ref.tasks_path, documents", '"", documents', "tasks_path is empty"),
        ('Spec("plan", "acme"', 'Spec("plan", "kiro"', "dialect is 'kiro', not 'acme'"),
        ('{}, ""', "{}", "TypeError: Spec.__init__() missing 1 required"),
    ],
)
def test_a_spec_that_is_not_whole_ends_in_one_sentence(machine, there, instead, why):
    assert there in DIALECT
    broken = DIALECT.replace(there, instead)
    machine.install("dialects", "acme_spec:DIALECT", {"acme_spec.py": broken})
    machine.write("PLAN.txt", "Plan\n\n- [ ] 1. Add X\n")
    said = machine.forked("tasks")

    assert said.code == 2, said
    assert "acme of reviewloop.dialects, which acme-pack 1.0 adds, fails" in said.err
    assert why in said.err


@pytest.mark.slow
def test_an_output_is_two_files_and_a_format_of_review(machine):
    assert machine.install("outputs", "acme_output:render", {"acme_output.py": OUTPUT}) <= 2
    changed(machine)
    asked = ("review", "--model", "none", "--format")

    assert machine.forked(*asked, "acme").out == "0 findings, says Acme\n"
    refused = machine.forked(*asked, "acmee")
    assert refused.code == 2
    assert "'acme'" in refused.err


@pytest.mark.slow_but(every=5)
@pytest.mark.parametrize(
    ("group", "command"),
    [
        ("agents", ("review", "--model", "none")),
        ("gates", ("run", "-m", "Add X", "--model", "script:replies.json")),
        ("dialects", ("tasks",)),
        ("outputs", ("review", "--model", "none", "--format", "acme")),
        ("providers", ("review", "--model", "acme:strict-1")),
    ],
)
def test_what_cannot_be_loaded_stops_the_command_and_names_its_distribution(
    machine, group, command
):
    machine.install(group, "acme_broken", {"acme_broken.py": "import no_such_module\n"})
    machine.write("replies.json", json.dumps(WORK))
    said = machine.forked(*command)

    assert said.code == 2
    assert f"acme of reviewloop.{group}, which acme-pack 1.0 adds, fails" in said.err
    assert "ModuleNotFoundError: No module named 'no_such_module'" in said.err
    assert "Traceback" not in said.err


@pytest.mark.slow
def test_a_module_that_exits_is_no_clean_end(machine):
    machine.install("agents", "acme_exits", {"acme_exits.py": "raise SystemExit(0)\n"})
    said = machine.forked("review", "--model", "none")

    assert said.code == 2
    assert "acme-pack 1.0" in said.err


@pytest.mark.slow_but("src")
@pytest.mark.parametrize("inside", ["", "src"])
def test_a_repository_adds_nothing(machine, inside):
    ran = machine.packages.parent / "ran"
    code = f"open({str(ran)!r}, 'w').close()\n" + OUTPUT
    place = machine.root / inside
    for group in ("agents", "gates", "dialects", "outputs", "rules", "providers"):
        add(place, group, "evil:render", {"evil.py": code}, name=f"evil_{group}")
    path = os.pathsep.join((str(place), machine.environ["PYTHONPATH"]))
    said = machine.process("review", "--model", "none", PYTHONPATH=path)
    refused = machine.process(
        "review", "--model", "none", "--format", "evil_outputs", PYTHONPATH=path
    )

    assert "evil" not in said.err
    assert refused.code == 2
    assert not ran.exists()


@pytest.mark.slow
def test_code_of_the_repository_is_not_run_for_what_is_installed(machine):
    ran = machine.packages.parent / "ran"
    machine.install("outputs", "acme_output:render", {})
    machine.write("src/acme_output.py", f"open({str(ran)!r}, 'w').close()\n" + OUTPUT)
    path = os.pathsep.join((str(machine.root / "src"), machine.environ["PYTHONPATH"]))
    asked = ("review", "--model", "none", "--format", "acme")
    said = machine.process(*asked, PYTHONPATH=path)

    assert said.code == 2
    assert "is code of this repository, and reviewloop runs none of that" in said.err
    assert not ran.exists()


@pytest.mark.slow
def test_nothing_is_looked_for_before_a_command_runs(machine):
    code = (
        "import sys, reviewloop.cli.main as m\n"
        "from reviewloop import plugins\n"
        "m.run(['review', '--help']); m.run(['--help'])\n"
        "print(plugins.others.cache_info().misses, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=machine.environ,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr.strip() == "0"


PROVIDER = '''"""Acme's models, which find the same fault in everything."""

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.outputs import ChatGeneration, ChatResult

FINDING = {"severity": "should_fix", "title": "Acme forbids prints", "why": "They are lost.",
           "path": "a.py", "quote": "print(total)"}


class Chat(BaseChatModel):
    _llm_type = "acme"

    def bind_tools(self, tools, **more):
        return self

    def _generate(self, messages, stop=None, run_manager=None, **more):
        args = {"findings": [FINDING]}
        call = {"name": "report_findings", "args": args, "id": "1", "type": "tool_call"}
        answer = AIMessage("", tool_calls=[call])
        return ChatResult(generations=[ChatGeneration(message=answer)])


def chat_model(model, *, max_tokens, timeout):
    assert model == "strict-1" and max_tokens > 0 and timeout > 0
    return Chat()
'''


@pytest.mark.slow
def test_a_provider_is_two_files_and_its_models_are_asked(machine):
    files = {"acme_models.py": PROVIDER}
    assert machine.install("providers", "acme_models:chat_model", files) <= 2
    changed(machine)
    said = machine.forked("review", "--model", "acme:strict-1", "--json")
    findings = json.loads(said.out)["findings"]

    assert {one["title"] for one in findings} == {"Acme forbids prints"}, said.out
    refused = machine.forked("review", "--model", "acmee:strict-1")
    assert refused.code == 2
    assert "no provider is called 'acmee'" in refused.err


@pytest.mark.slow
def test_doctor_lists_what_others_add(machine):
    machine.install("outputs", "acme_output:render", {"acme_output.py": OUTPUT})
    machine.install("gates", "acme_broken", {"acme_broken.py": "1 / 0\n"}, name="broken")
    said = machine.forked("doctor", "--offline", "--json")
    told = [row for row in json.loads(said.out)["checks"] if row["name"] == "plugins"]

    assert said.code == 2
    assert [row["mark"] for row in told] == ["bad", "ok"]
    assert "broken of reviewloop.gates, which broken-pack 1.0 adds, fails" in told[0]["text"]
    assert told[1]["text"] == "output acme comes from acme-pack 1.0"


def test_ours_is_declared_as_it_is_taken():
    declared = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text("utf-8"))["project"]
    groups = {
        group.removeprefix("reviewloop."): points
        for group, points in declared["entry-points"].items()
    }
    assert groups == OURS
    for group in OURS:
        assert all(plugin.load() for plugin in ours(group))
