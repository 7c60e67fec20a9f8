"""`quiet`: rules that users keep dismissing are silenced, and nothing else is lost.

The history is real: 60 findings of our analysers on fifteen commits of a git repository.
"""

import json
import subprocess
from pathlib import Path

import pytest
from support.checkout import QUIET_GATES, Checkout
from support.spec_script import task_done, written

from reviewloop.review.quiet import QUIET_FILE

pytestmark = pytest.mark.usefixtures("quick_tools")
PROPOSED = Path(".reviewloop/quiet-proposed.toml")
SETTINGS = """[review]
analysers_off = ["ruff", "bandit", "gitleaks", "semgrep", "shellcheck", "tested", "python*"]
"""
RIGHTS, HOST, ROOT = "sh/open-rights", "sh/any-host-key", "sh/removes-root"
COMMITS = 15


def commit(project: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (project / name).parent.mkdir(parents=True, exist_ok=True)
        (project / name).write_text(text)
    for words in (("add", "-A"), ("commit", "-qm", "work")):
        subprocess.run(["git", *words], cwd=project, check=True)


def scripts(number: int) -> dict[str, str]:
    """Return the files of a commit: four findings, and a mended one of the commit before."""
    deploy = f"chmod 777 /srv/{number}\nssh -o StrictHostKeyChecking=no h{number} true\n"
    root = f'rm -rf "$OUT_{number}/"\n'
    files = {
        f"tools/job_{number}.sh": f"#!/bin/sh\nset -e\nchmod 777 out_{number}\n{root}",
        f"deploy/roll_{number}.sh": f"#!/bin/sh\nset -e\n{deploy}",
    }
    if number:
        mended = f"ssh -o StrictHostKeyChecking=no h{number - 1} true\n"
        files[f"deploy/roll_{number - 1}.sh"] = f"#!/bin/sh\nset -e\n{mended}"
    return files


def history(project, reviewloop, commits: int = COMMITS) -> list[list[tuple[str, str, str]]]:
    """Return the reviews of so many commits, each as lists of (rule, path, id)."""
    commit(project, {"reviewloop.toml": SETTINGS})
    reviews = []
    for number in range(commits):
        commit(project, scripts(number))
        reviews.append(reported(reviewloop, "HEAD"))
    return reviews


def reported(reviewloop, revision: str) -> list[tuple[str, str, str]]:
    said = reviewloop("review", "--commit", revision, "--model", "none", "--json")
    rows = json.loads(said.out)["findings"]
    return [(row["rule"], row["path"], row["id"]) for row in rows]


def dismiss(reviewloop, ids, reason: str) -> None:
    for ident in ids:
        assert reviewloop("dismiss", ident, "-m", reason).code == 0


def of(found, rule: str, folder: str) -> list[str]:
    return [
        ident for rows in found for name, path, ident in rows
        if (name, path.partition("/")[0]) == (rule, folder)
    ]  # fmt: skip


@pytest.mark.slow
def test_of_sixty_findings_repeats_fall_to_none_and_nothing_acted_upon_is_lost(project, reviewloop):
    found = history(project, reviewloop)
    assert sum(map(len, found)) == 60
    dismiss(reviewloop, of(found, RIGHTS, "tools")[:3], "the sandbox is thrown away")
    dismiss(reviewloop, of(found, RIGHTS, "deploy")[-1:], "a mistake: others were mended")
    dismiss(reviewloop, of(found, ROOT, "tools")[:4], "never mind")  # but it must be fixed

    said = reviewloop("quiet", "--json")
    assert said.code == 4
    [rule] = json.loads(said.out)["rules"]
    assert (rule["rule"], rule["paths"]) == (RIGHTS, ["/tools/**"])
    assert rule["reason"] == "the sandbox is thrown away"
    assert [line.split(" in ")[1] for line in rule["evidence"]] == [
        f"tools/job_{number}.sh: the sandbox is thrown away" for number in range(3)
    ]
    assert rule["replay"] == {"findings": 60, "dismissed": 3, "repeats": 12, "lost": 0}
    assert PROPOSED.exists()
    assert not Path(QUIET_FILE).exists()
    kept = [row for row in found[-1] if row[:2] != (RIGHTS, f"deploy/roll_{COMMITS - 1}.sh")]
    assert reported(reviewloop, "HEAD") == kept  # a proposal silences nothing

    said = reviewloop("quiet", "adopt")
    assert (said.code, said.out) == (
        0,
        f"{QUIET_FILE}: 1 rule in force; on 60 past findings: 3 that were dismissed and 12 repeats "
        "are not reported, 0 that were acted upon are lost\n",
    )
    assert not PROPOSED.exists()
    commit(project, {})
    commit(project, scripts(COMMITS))
    later = reported(reviewloop, "HEAD")
    assert sorted((rule, path.partition("/")[0]) for rule, path, _ in later) == [
        (HOST, "deploy"), (RIGHTS, "deploy"), (ROOT, "tools"),
    ]  # fmt: skip
    body = json.loads(reviewloop("review", "--commit", "HEAD", "--model", "none", "--json").out)
    assert [row["note"] for row in body["silenced"]] == [
        f"quiet {rule['id']}: the sandbox is thrown away"
    ]

    assert reviewloop("quiet", "drop", rule["id"]).code == 0
    assert not Path(QUIET_FILE).exists()
    commit(project, {})
    commit(project, scripts(COMMITS + 1))
    assert len(reported(reviewloop, "HEAD")) == 4


def test_a_proposal_that_was_widened_by_hand_and_loses_something_is_refused(project, reviewloop):
    found = history(project, reviewloop, 4)
    dismiss(reviewloop, of(found, RIGHTS, "tools")[:3], "the sandbox is thrown away")
    reviewloop("quiet")
    PROPOSED.write_text(PROPOSED.read_text().replace("/tools/**", "**"))
    said = reviewloop("quiet", "adopt")
    assert said.code == 2
    assert "it would have silenced" in said.err
    assert "which was acted upon (its code is another one now)" in said.err
    assert not Path(QUIET_FILE).exists()
    shown = json.loads(reviewloop("quiet", "show", "--json").out)
    assert (shown["adopted"], [one["paths"] for one in shown["proposed"]]) == ([], [["**"]])


RULE = '[[quiet]]\nrule = "sh/open-rights"\npaths = ["**"]\nreason = "we know"\n'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[quiet]", "is no TOML"),
        (RULE + 'level = "off"\n', "quiet.0.level: Extra inputs are not permitted"),
        (RULE.replace("we know", ""), "a quiet rule needs paths and a reason"),
        (RULE.replace(RIGHTS, ROOT), f"{ROOT} is always reported; take it out"),
        (RULE.replace(RIGHTS, "diff/invisible-text"), "is always reported; take it out"),
        ("#" * 200_001, "at most 200,000 are read"),
    ],
)
def test_a_file_that_is_none_is_one_sentence_and_2(project, reviewloop, text, words):
    Path(".reviewloop").mkdir()
    Path(QUIET_FILE).write_text(text)
    for command in (("quiet", "show"), ("review", "--model", "none")):
        said = reviewloop(*command)
        assert (said.code, said.err.count("\n")) == (2, 1)
        assert words in said.err


def test_an_id_of_none_and_nothing_to_adopt_are_said(project, reviewloop):
    assert "no quiet rule is proposed" in reviewloop("quiet", "adopt").err
    said = reviewloop("quiet", "drop", "abc")
    assert (said.code, "no quiet rule in force has the id 'abc'" in said.err) == (2, True)
    assert reviewloop("quiet", "propose").code == 0
    assert "there is no quiet rule" in reviewloop("quiet", "show").err


def test_what_a_change_adds_does_not_silence_what_others_review(project, reviewloop):
    commit(project, {"reviewloop.toml": SETTINGS})
    commit(project, {**scripts(0), QUIET_FILE: RULE})
    said = reviewloop(
        "review", "--commit", "HEAD", "--model", "none", "--json", "--rules-from", "base"
    )
    assert RIGHTS in {row["rule"] for row in json.loads(said.out)["findings"]}


def test_what_the_base_has_adopted_counts_for_changes_of_others(project, reviewloop):
    commit(project, {"reviewloop.toml": SETTINGS, QUIET_FILE: RULE})
    commit(project, scripts(0))
    of_others = ("--commit", "HEAD", "--model", "none", "--json", "--rules-from", "base")
    body = json.loads(reviewloop("review", *of_others).out)
    assert RIGHTS not in {row["rule"] for row in body["findings"]}
    assert {row["rule"] for row in body["silenced"]} == {RIGHTS}


def test_what_settings_make_a_must_is_reported_whatever_is_quiet(project, reviewloop):
    commit(project, {"reviewloop.toml": SETTINGS, QUIET_FILE: RULE})
    commit(project, scripts(0))
    assert RIGHTS not in {rule for rule, _, _ in reported(reviewloop, "HEAD")}
    commit(project, {"reviewloop.toml": f'{SETTINGS}[rules]\n"{RIGHTS}" = "must"\n'})
    commit(project, {"tools/job_0.sh": "#!/bin/sh\nset -e\nchmod 777 other\n"})
    assert RIGHTS in {rule for rule, _, _ in reported(reviewloop, "HEAD")}


@pytest.mark.slow
def test_a_run_counts_what_its_base_says_is_quiet_as_dismissed(repo, tmp_path):
    commit(repo, {"reviewloop.toml": SETTINGS})
    subprocess.run(["git", "switch", "-qc", "work"], cwd=repo, check=True)
    gates = {name: text for name, text in QUIET_GATES.items() if "ANALYSERS" not in name}
    here = Checkout(repo, tmp_path / "home", settings=gates)
    fix = {"agent": "fix", "step": "fix", "tool_calls": []}
    finish = {"name": "finish", "args": {"summary": "left", "subject": "Leave it"}}
    replies = [*task_done(scripts(0), "Add tools"), {**fix, "tool_calls": [finish]}]
    model = written(tmp_path, replies)
    run = ("run", "-m", "add tools", "--model", model, "--no-sandbox", "--json")

    def statuses() -> dict[tuple[str, str], str]:
        said = here.run(*run)
        assert said.code == 4, said.err
        rows = json.loads(said.out)["proposal"]["findings"]
        return {(row["rule"], row["path"].partition("/")[0]): row["status"] for row in rows}

    before = statuses()
    assert before[RIGHTS, "tools"] != "dismissed"
    assert here.run("reject", "-m", "again").code == 7
    commit(repo, {QUIET_FILE: RULE.replace("**", "/tools/**")})
    after = statuses()
    assert after[RIGHTS, "tools"] == "dismissed"
    assert after == {**before, (RIGHTS, "tools"): "dismissed"}
