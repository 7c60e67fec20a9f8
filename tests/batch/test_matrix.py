"""A wave of tasks as the matrix of a workflow, and a night of workflows/batch.yml job by job."""

import json
import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import yaml
from support.action import ROOT, run_act
from support.checkout import QUIET_GATES, Checkout
from support.hub import Hub
from support.many import SPEC, TASKS

WORKFLOW = yaml.safe_load((ROOT / "workflows/batch.yml").read_text())
HOSTILE = "- [ ] {id}. {title}\n  - _Depends: none_\n"
STORE = "postgresql://reviewloop@db.example.org/reviewloop"
_HEREDOC = re.compile(r"^(\S+)<<(\S+)\n(.*)\n\2$", re.MULTILINE)


def plan(checkout: Checkout, *options: str, **environ: str) -> tuple[list[str], str]:
    """Return the planned tasks and what was said beside them."""
    said = checkout.run("batch", "--plan", "matrix", *options, **environ)
    assert said.code == 0, said.err
    assert said.out.count("\n") == 1
    return [entry["task"] for entry in json.loads(said.out)["include"]], said.err


def tick(checkout: Checkout, *numbers: str) -> None:
    text = checkout.read(SPEC)
    for number in numbers:
        text = text.replace(f"- [ ] {number}.", f"- [x] {number}.")
    checkout.write(SPEC, text)
    checkout.git("commit", "-q", "-am", f"tasks {' '.join(numbers)}")


def test_what_may_start_is_planned_and_what_waits_on_a_branch_is_not(shop, tmp_path):
    checkout = shop()
    before = checkout.bytes()
    said = checkout.run("batch", "--plan", "matrix", GITHUB_OUTPUT=str(tmp_path / "out"))
    entry = {"task": "1", "spec": ".kiro/specs/many", "title": "First number"}
    entry |= {"branch": "reviewloop/many_1", "artifact": "reviewloop-handoff-many_1"}
    assert json.loads(said.out)["include"][0] == entry
    assert outputs_in(tmp_path / "out") == {
        "status": "passed",
        "matrix": said.out.strip(),
        "any": "true",
    }
    assert plan(checkout) == (
        ["1", "4"],
        "note: 4 tasks more of .kiro/specs/many may start once those before them are merged\n",
    )
    tasks, err = plan(checkout, "--max-tasks", "1")
    assert tasks == ["1"]
    assert "1 task more could start, too; a plan holds at most 1" in err
    assert plan(checkout, "--tasks", "4,5")[0] == ["4"]
    assert plan(checkout, "--wave", "1")[0] == ["1", "4"]
    assert checkout.bytes() == before
    assert [path.name for path in checkout.state.rglob("*")] == ["own.key"]

    # Done on a branch of a remote, under another name; one of that name which did another task.
    checkout.git("checkout", "-q", "-b", "aside")
    tick(checkout, "1")
    checkout.git("update-ref", "refs/remotes/origin/reviewloop/First-number", "aside")
    checkout.git("checkout", "-q", "-B", "aside", "work")
    checkout.git("commit", "-q", "--allow-empty", "-m", "2.1 of another spec")
    checkout.git("update-ref", "refs/remotes/origin/reviewloop/4", "aside")
    checkout.git("checkout", "-q", "work")
    tasks, err = plan(checkout)
    assert tasks == ["4"]
    assert "note: task 1 is done on origin/reviewloop/First-number: merge it, or delete" in err
    assert plan(checkout, "--tasks", "1") == ([], f"{err.splitlines()[0]}\nno task may start now\n")

    # What a partial clone left behind is not taken for work that nobody did.
    blob = checkout.git("rev-parse", f"origin/reviewloop/First-number:{SPEC}")
    place = checkout.root / f".git/objects/{blob[:2]}/{blob[2:]}"
    place.rename(tmp_path / "blob")
    said = checkout.run("batch", "--plan", "matrix")
    assert (said.code, said.out) == (2, "")
    assert "the branch origin/reviewloop/First-number is not in this clone" in said.err
    (tmp_path / "blob").rename(place)

    # Merged, also without its branch being deleted; then unticked again by a person.
    checkout.git("merge", "-q", "--no-edit", "origin/reviewloop/First-number")
    assert plan(checkout)[0] == ["2", "4"]
    checkout.write(SPEC, TASKS)
    checkout.git("commit", "-q", "-am", "once more")
    assert plan(checkout)[0] == ["1", "4"]
    tick(checkout, *"123456")
    said = checkout.run("batch", "--plan", "matrix", GITHUB_OUTPUT=str(tmp_path / "out"))
    assert (said.code, said.out) == (0, '{"include": []}\n')
    assert outputs_in(tmp_path / "out")["any"] == "false"


def test_a_plan_fits_a_matrix_and_says_nothing_that_a_runner_would_obey(shop):
    titles = {
        1: "Add `$(touch ran)`; ${{ secrets.TOKEN }} \\\" '|&<b> ::set-output name=x::",
        2: "Größe prüfen \u202e(rechts) ##[add-mask]a",
        3: "word " * 60,
    }
    rows = [HOSTILE.format(id=n, title=titles.get(n, f"Number {n}")) for n in range(1, 301)]
    checkout = shop(**{SPEC: "".join(["# Plan\n\n", *rows])})
    said = checkout.run("batch", "--plan", "matrix")
    include = json.loads(said.out)["include"]
    assert len(include) == 256
    assert said.err == "note: 44 tasks more could start, too; a plan holds at most 256\n"
    assert len(said.out.encode()) < 1024 * 1024  # what the outputs of a job may hold
    for kind in ("branch", "artifact"):
        assert len({entry[kind].casefold() for entry in include}) == 256
    for entry in include:
        assert re.fullmatch(r"[\w .,:/+…-]{1,80}", entry["title"])
        assert re.fullmatch(r"[\w.-]+", entry["artifact"])
    shown = [entry["title"] for entry in include[:3]]
    assert shown[0] == "Add touch ran secrets.TOKEN b ::set-output name x::"
    assert shown[1] == "Größe prüfen U+202E rechts add-mask a"
    assert shown[2].endswith("word…")

    # By numbers a task comes after those above it; marked neighbours stand side by side.
    checkout.write(SPEC, "- [x] 1. A\n- [ ] 2. (P) B\n- [ ] 3. (P) C\n- [ ] 4. D\n")
    assert plan(checkout)[0] == ["2", "3"]
    checkout.write(SPEC, "# Plan\n\n- [ ] 1. A\n  - _Depends: 9_\n")
    said = checkout.run("batch", "--plan", "matrix")
    assert (said.code, said.out) == (2, "")
    assert f"{SPEC}:3" in said.err
    for options, sentence in (
        (("--plan", "matrix", "--mode", "queue"), "leave --mode out"),
        (("--plan", "matrix", "--store", STORE), "leave --store out"),
        (("--max-tasks", "3"), "it needs --plan matrix"),
    ):
        said = checkout.run("batch", *options)
        assert said.code == 2
        assert sentence in said.err

    # The variable of a store changes no plan, and neither does to say that this machine is meant.
    checkout.write(SPEC, "- [x] 1. A\n- [ ] 2. B\n")
    for options in ((), ("--store", "")):
        said = checkout.run("batch", "--plan", "matrix", *options, REVIEWLOOP_STORE=STORE)
        assert [entry["task"] for entry in json.loads(said.out)["include"]] == ["2"]


@pytest.mark.slow
@pytest.mark.timeout(100)
def test_a_night_does_a_wave_and_the_next_one_waits_for_people(shop, tmp_path):
    """The jobs of the workflow, each in a clone of its own, with what `.ci/act` starts."""
    checkout = shop()
    checkout.environ |= QUIET_GATES
    with Hub(checkout, tmp_path) as hub:
        night = Night(hub, tmp_path / "jobs")
        matrix = night.plan()
        assert [entry["task"] for entry in matrix["include"]] == ["1", "4"]
        assert night.finished(matrix, []) == ({"include": []}, "false")
        for entry in matrix["include"]:
            night.act(entry["artifact"], "implement", "Implement the task", entry)
        assert hub.http.received == []
        assert hub.github.state.pulls == {}
        first, second = (entry["artifact"] for entry in matrix["include"])
        assert night.finished(matrix, [first, "other", second]) == (matrix, "true")
        assert night.finished(matrix, [second])[0]["include"] == [matrix["include"][1]]

        hub.github.state.approvals = [("ada", "approved", "reviewloop")]
        for entry in matrix["include"]:
            night.act("push", "push", "Push", entry)
        pulls = {pull.head_ref: pull for pull in hub.github.state.pulls.values()}
        assert set(pulls) == {"reviewloop/many_1", "reviewloop/many_4"}
        assert all(pull.draft for pull in pulls.values())
        for branch in pulls:
            lines = hub.git("log", "-1", "--format=%B", branch).splitlines()
            assert lines[-2] == "Approved-by: ada"
        assert night.plan() == {"include": []}

        hub.git("update-ref", "refs/heads/main", "reviewloop/many_4")
        assert [entry["task"] for entry in night.plan()["include"]] == ["5"]
        assert hub.leaked(night.folder) == []


@pytest.mark.slow
def test_a_task_that_failed_three_times_is_left_out_of_later_nights(tmp_path):
    """Notes of failed nights are artifacts, listed as GitHub lists them."""

    def listed(name: str, *notes: tuple[bool, int]) -> None:
        rows = [
            {"expired": old, "workflow_run": {"repository_id": 1, "head_repository_id": whose}}
            for old, whose in notes
        ]
        (tmp_path / f"{name}-failed").write_text(json.dumps({"artifacts": rows}))

    listed("a_1", *[(False, 1)] * 3)
    listed("a_2", *[(False, 1)] * 2, (True, 1))
    listed("a_3", *[(False, 1)] * 2, *[(False, 9)] * 5)  # left there by a fork
    listed("a_4")
    gh = f'name=${{2#*name=}}; exec jq "$4" "{tmp_path}/${{name%%&*}}"'
    entries = [{"task": name, "artifact": name} for name in ("a_1", "a_2", "a_3", "a_4")]
    rest = step("plan", "Leave out what failed three times")
    left, some, said = sifted(tmp_path, rest, {"include": entries}, gh)
    assert (left, some) == ({"include": entries[1:]}, "true")
    assert said.count("::warning") == 1
    assert "a_1 failed 3 times within two weeks, so it is left out" in said
    assert sifted(tmp_path, rest, {"include": entries[:1]}, gh)[:2] == ({"include": []}, "false")
    # Started by hand nothing is left out, and the plan is what the Action made.
    assert rest["if"].startswith("github.event_name == 'schedule'")
    outputs = WORKFLOW["jobs"]["plan"]["outputs"]
    assert outputs["matrix"] == "${{ steps.rested.outputs.matrix || steps.plan.outputs.matrix }}"
    note = step("implement", "Keep that note for the next nights")["with"]
    assert (note["name"], note["retention-days"]) == ("${{ matrix.artifact }}-failed", 14)


class Night:
    """Runs jobs of the workflow with the inputs that its steps give."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub, self.folder, self.jobs = hub, folder, 0
        folder.mkdir()

    def plan(self) -> dict[str, Any]:
        outputs = self.act("plan", "plan", "Plan what may start now", {})
        assert outputs["any"] == str(outputs["matrix"] != '{"include": []}').lower()
        matrix: dict[str, Any] = json.loads(outputs["matrix"])
        return matrix

    def act(self, name: str, job: str, title: str, entry: Mapping[str, str]) -> dict[str, str]:
        """Do what the Action would do in a step of a job; return its outputs."""
        checkout = self._clone(name)
        known = {f"matrix.{key}": value for key, value in entry.items()}
        known["runner.temp"] = str(self.folder / entry.get("artifact", "none"))
        inputs = {
            key: re.sub(r"\$\{\{ (\S+) \}\}", lambda found: known.get(found[1], ""), value)
            for key, value in step(job, title)["with"].items()
        }
        status, argvs, stderr = run_act(checkout.home, **inputs)
        assert (status, stderr) == (0, "")
        for *argv, token in argvs:
            said = checkout.run(*argv, **({} if token == "given" else {"GITHUB_TOKEN": ""}))
            assert said.code == (4 if argv[0] == "run" else 0), said.err
        return outputs_in(checkout.home / "outputs")

    def finished(self, matrix: Any, made: Sequence[str]) -> tuple[Any, str]:
        """Run the step that looks for artifacts, beside a `gh` that lists what was made."""
        sift = step("finished", "Keep of the plan what left a commit")
        return sifted(self.folder, sift, matrix, f"printf '%s\\n' {' '.join(made)}")[:2]

    def _clone(self, name: str) -> Checkout:
        self.jobs += 1
        folder = self.folder / f"{self.jobs}-{name}"
        start = self.hub.checkout
        start.git("clone", "-q", str(self.hub.bare), str(folder / "project"))
        checkout = Checkout(folder / "project", folder / "home", start.server)
        checkout.environ = {**start.environ, **checkout.environ} | {
            **{"GITHUB_REPOSITORY": "octo/demo", "GITHUB_REF_NAME": "main"},
            **{"GITHUB_SERVER_URL": self.hub.http.url, "GITHUB_RUN_ID": "77"},
            **{"GITHUB_OUTPUT": str(checkout.home / "outputs"), "GITHUB_ACTIONS": "true"},
        }
        return checkout


def sifted(folder: Path, sift: Any, matrix: Any, gh: str) -> tuple[Any, str, str]:
    """Run a step that makes a plan smaller, beside a `gh` that is this line of a shell.

    Returns the plan, whether there is anything in it, and what the step said.
    """
    program, out = folder / "bin/gh", folder / "sifted"
    program.parent.mkdir(exist_ok=True)
    program.write_text(f"#!/bin/sh\n{gh}\n")
    program.chmod(0o755)
    out.write_text("")
    env = {"PATH": f"{program.parent}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(out)}
    env |= {"GH_TOKEN": "x", "PLAN": json.dumps(matrix)}
    assert set(sift["env"]) == {"GH_TOKEN", "PLAN"}
    env |= {"GITHUB_REPOSITORY": "octo/demo", "GITHUB_RUN_ID": "77"}
    command = ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", sift["run"]]
    done = subprocess.run(command, env=env, cwd=folder, check=True, capture_output=True, text=True)
    told = dict(line.split("=", 1) for line in out.read_text().splitlines())
    return json.loads(told["matrix"]), told["any"], done.stdout


def step(job: str, name: str) -> dict[str, Any]:
    [found] = [each for each in WORKFLOW["jobs"][job]["steps"] if each.get("name") == name]
    return cast("dict[str, Any]", found)


def outputs_in(file: Path) -> dict[str, str]:
    return {name: value for name, _, value in _HEREDOC.findall(file.read_text())}
