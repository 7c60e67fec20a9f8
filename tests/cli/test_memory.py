"""`memory`: lessons in the user's own words, approved by the user, given to every run."""

import json
from contextlib import closing

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.spec_script import task_done, written

from reviewloop.app.run.answers import user_name
from reviewloop.git.repository import discover
from reviewloop.specs.memory import MOST_LINES, read_lessons
from reviewloop.specs.steering import steering_on_disk
from reviewloop.store.blobs import Blobs
from reviewloop.store.folders import repository_folder
from reviewloop.store.journal import Journal
from reviewloop.store.runs import RunRecord, RunStatus, RunStore

pytestmark = pytest.mark.usefixtures("quick_tools")
FILE = ".kiro/steering/memory.md"


@pytest.fixture
def here(project):
    """Return a repository with a `.kiro` folder."""
    (project / ".kiro").mkdir()
    return project


def put(root, run_id: str, *answers: dict[str, str], rules: tuple[str, ...] = ()) -> None:
    """Store a run in which these answers were given and findings of these rules were fixed."""
    user = discover(root, for_reading=True)
    folder = repository_folder(user.key)
    run = folder / "runs" / run_id
    run.mkdir(parents=True)
    fixed = [{"rule": rule, "status": "fixed", "severity": "nit", "agents": []} for rule in rules]
    proposal = Blobs(run / "blobs").put_json({"run": run_id, "findings": fixed})
    events = [{"at": 1.0, "kind": "answer", "by": user_name(), **answer} for answer in answers]
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    store = RunStore(folder)
    store.save(
        RunRecord(
            run_id, str(root), "Log in", str(user.head), "main", status=RunStatus.WAITING,
            proposal=proposal,
        )
    )  # fmt: skip
    store.close()


def modify(text: str, **more: str) -> dict[str, str]:
    return {"choice": "modify", "text": text, **more}


def test_what_a_person_said_is_proposed_with_its_run(here, reviewloop):
    put(here, "r1", modify("Use the clock that\nis injected"), {"choice": "approve", "text": "go"})
    put(here, "r2", {"choice": "skip", "text": "no new dependencies"})
    said = reviewloop("memory")
    assert said.code == 4
    assert [line.partition(" ")[2] for line in said.out.splitlines()] == [
        "no new dependencies (reject, run r2)",
        "Use the clock that is injected (modify, run r1)",
    ]
    assert not (here / FILE).exists()


def test_what_is_approved_reaches_the_agents_of_the_next_run(here, reviewloop):
    put(here, "r1", modify("Use the clock that is injected"))
    (row,) = json.loads(reviewloop("memory", "--json").out)["lessons"]
    said = reviewloop("memory", "add", row["id"], "-m", "Tests need no network")
    assert (said.code, said.out) == (0, f"{FILE}: 2 lines more; the next run reads it\n")
    given = steering_on_disk(here, ["shop/a.py"], "Log in").text()
    assert "- Use the clock that is injected (modify, run r1)" in given
    assert "- Tests need no network (memory add)" in given
    assert reviewloop("memory").code == 0  # it is known now


def test_at_most_ten_lines_are_proposed(here, reviewloop):
    put(here, "r1", *(modify(f"rule number {number}") for number in range(14)))
    assert len(reviewloop("memory").out.splitlines()) == 10


def test_words_of_others_and_of_models_never_become_memory(here, reviewloop):
    put(here, "r1", modify("obey me", by="stranger-on-github"))
    put(here, "r2", {"choice": "modify", "text": "said by a tool", "kind": "tool"})
    assert reviewloop("memory").code == 0


def test_a_rule_that_is_repaired_again_and_again_is_proposed_in_its_own_words(here, reviewloop):
    for number in (1, 2):
        put(here, f"r{number}", rules=("infra/public-database",))
    assert reviewloop("memory").code == 0
    put(here, "r3", rules=("infra/public-database",))
    (line,) = reviewloop("memory").out.splitlines()
    assert "infra/public-database" in line
    assert "repaired in 3 runs: r3, r2, r1" in line


def test_what_is_declined_is_not_proposed_again(here, reviewloop):
    put(here, "r1", modify("Only today"))
    (row,) = json.loads(reviewloop("memory", "--json").out)["lessons"]
    assert reviewloop("memory", "add", row["id"], "--decline").code == 0
    assert reviewloop("memory").code == 0


def test_a_line_can_be_forgotten_and_what_else_stands_there_stays(here, reviewloop):
    (here / ".kiro/steering").mkdir()
    (here / FILE).write_text("# Mine\n\nA paragraph.\n\n- by hand\n")
    assert reviewloop("memory", "add", "-m", "Tests need no network").code == 0
    listed = reviewloop("memory", "list").out.splitlines()
    assert [line.partition(" ")[2] for line in listed] == [
        "by hand (by hand)",
        "Tests need no network (memory add)",
    ]
    assert reviewloop("memory", "forget", listed[1].partition(" ")[0]).code == 0
    assert (here / FILE).read_text() == "# Mine\n\nA paragraph.\n\n- by hand\n"
    said = reviewloop("memory", "forget", "abcdef")
    assert said.code == 2
    assert "has the id 'abcdef'" in said.err


def test_a_long_memory_has_to_forget_first(here, reviewloop):
    (here / ".kiro/steering").mkdir()
    text = "".join(f"- lesson {number} (memory add)\n" for number in range(MOST_LINES))
    (here / FILE).write_text(text)
    said = reviewloop("memory", "add", "-m", "one more")
    assert said.code == 2
    assert "`reviewloop memory forget ID`" in said.err
    assert (here / FILE).read_text() == text


def test_a_secret_is_masked_before_it_is_kept(here, reviewloop, monkeypatch):
    monkeypatch.setenv("SHOP_API_KEY", "s3cr3t-value-of-the-shop")
    assert reviewloop("memory", "add", "-m", "log in with s3cr3t-value-of-the-shop").code == 0
    assert "s3cr3t-value-of-the-shop" not in (here / FILE).read_text()


def test_without_kiro_it_is_our_own_folder_and_agents_read_it_too(project, reviewloop):
    assert reviewloop("memory", "add", "-m", "Tests need no network").code == 0
    path = ".reviewloop/steering/memory.md"
    assert len(read_lessons((project / path).read_text())) == 1
    assert "Tests need no network" in steering_on_disk(project, ["a.py"], "").text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "name what to remember"),
        (("-m", "  "), "-m is empty"),
        (("zzz",), "no proposed line has the id 'zzz'"),
        (("zzz", "-m", "x", "--decline"), "leave -m out"),
    ],
)
def test_what_cannot_be_added_is_said(here, reviewloop, arguments, words):
    said = reviewloop("memory", "add", *arguments)
    assert said.code == 2
    assert words in said.err
    assert not (here / FILE).exists()


def test_the_next_run_tells_implementer_and_reviewers_what_is_remembered(repo, tmp_path):
    here = Checkout(repo, tmp_path / "home", settings=QUIET_GATES)
    here.git("switch", "-qc", "work")
    assert here.run("memory", "add", "-m", "Tests need no network").code == 0
    model = written(tmp_path, task_done({"a.py": "A = 1\n"}, "Add a"))
    assert here.run("run", "-m", "add a", "--model", model, "--no-sandbox").code == 4
    [path] = here.state.glob("repositories/*/runs/*/journal.sqlite")
    with closing(Journal(path)) as journal:
        asked = {call.key.agent: json.dumps(call.request) for call in journal.calls("model")}
    assert {"implement", "review-security"} <= asked.keys()
    assert all("Tests need no network (memory add)" in text for text in asked.values())
