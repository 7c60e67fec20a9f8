"""`skills suggest`: repeated actions of a user, as facts with their runs."""

import json

from reviewloop.app.run.answers import user_name
from reviewloop.git.repository import discover
from reviewloop.store.folders import repository_folder
from reviewloop.store.runs import RunRecord, RunStatus, RunStore


def put(here, run_id: str, *answers: dict[str, str], at: float = 2e9) -> None:
    """Store a run in which these answers were given."""
    with here.inside():
        user = discover(here.root, for_reading=True)
        folder = repository_folder(user.key)
    run = folder / "runs" / run_id
    run.mkdir(parents=True)
    events = [{"at": at, "kind": "answer", "by": user_name(), **answer} for answer in answers]
    (run / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
    store = RunStore(folder)
    store.save(
        RunRecord(
            run_id, str(here.root), "x", str(user.head), "main", status=RunStatus.WAITING,
            created_at=at,
        )
    )  # fmt: skip
    store.close()


def modify(text: str, **more: str) -> dict[str, str]:
    return {"choice": "modify", "text": text, **more}


def test_the_same_wish_in_three_runs_is_suggested_with_them(here):
    put(here, "r1", modify("Please use the injected clock"), modify("rename it"))
    put(here, "r2", modify("use the injected clock, not datetime.now"))
    assert json.loads(here.run("skills", "suggest", "--json").out)["suggestions"] == []
    put(here, "r3", modify("the clock is injected: use it"))
    put(here, "r4", modify("use the injected clock", by="a-stranger"))
    [one] = json.loads(here.run("skills", "suggest", "--json").out)["suggestions"]
    assert (one["what"], sorted(one["runs"])) == ("asked", ["r1", "r2", "r3"])
    assert one["command"].startswith("reviewloop skills capture ")
    assert one["command"].endswith(f" --from {','.join(one['runs'])}")
    said = here.run("skills", "suggest")
    assert said.out.splitlines()[0].startswith("you asked for ")


def test_old_runs_are_left_out_and_nothing_is_said_as_nothing(here):
    for number in range(3):
        put(here, f"r{number}", {"choice": "skip", "text": "no new dependencies"}, at=1e9)
    assert here.run("skills", "suggest").out.startswith("you rejected for no new dependencies")
    said = here.run("skills", "suggest", "--since", "30d")
    assert (said.code, said.out) == (0, "")
    assert "nothing was repeated" in said.err
    assert here.run("skills", "suggest", "--since", "soon").code == 2
