"""The estimate of a run: a usual and a highest value, from real counts if there are any."""

from reviewloop.agents import build_team, collect_agent_files, prompt_reader
from reviewloop.app.run.estimate import estimate_run
from reviewloop.llm.messages import Usage
from reviewloop.llm.prices import cost
from reviewloop.loop.context import Brief
from reviewloop.settings import Settings
from reviewloop.store.metrics import RunMetrics

MODEL = "anthropic:claude-opus-4-5"
BRIEF = Brief(title="", task="t" * 4000, briefing="b" * 40_000)


def metrics(number, **more):
    values = {"calls": 9, "input": 1000, "output": 2000, "cache_read": 500_000, **more}
    return RunMetrics(f"r{number}", "task", "committed", float(number), 0.0, **values)


def estimated(tmp_path, seen=()):
    team = build_team(collect_agent_files(tmp_path, tmp_path), prompt_reader(tmp_path, tmp_path))
    settings = Settings.model_validate({"models": {"reasoning": MODEL}})
    return estimate_run(BRIEF, team, settings, seen)


def test_a_usual_value_lies_well_below_the_highest(tmp_path):
    found = estimated(tmp_path)
    assert found.usd[0] <= found.usual_usd <= found.usd[1] / 2
    assert found.shown.startswith(f"about ${found.usual_usd:.2f}, up to ${found.usd[1]:.2f} (")
    assert "runs here" not in found.shown


def test_earlier_runs_of_the_repository_say_what_is_usual(tmp_path):
    """Not those that asked no model, and not too few."""
    few = [metrics(1), metrics(2)]
    assert estimated(tmp_path, few) == estimated(tmp_path)
    free = [metrics(n, calls=0, cache_read=0) for n in range(3, 9)]
    found = estimated(tmp_path, [*few, *free, metrics(9, cache_read=900_000)])
    usual = Usage(input=1000, output=2000, cache_read=500_000)
    assert (found.usual_tokens, found.runs) == (usual.total, 3)
    assert found.usual_usd == cost(MODEL, usual)
    assert "the median of 3 runs here" in found.shown
