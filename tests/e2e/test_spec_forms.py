"""`spec new` in each format: the written files, and a run that accepts them."""

import json
import shutil
import signal

import pytest
from e2e.test_spec_session import Site
from support.spec_script import FORMS, document, of_form, questions, replies, task_done, written

FILES = {
    "kiro": {f".kiro/specs/notify/{name}.md" for name in ("requirements", "design", "tasks")},
    "single-file": {"docs/notify-spec.md"},
    "spec-kit": {f"specs/001-notify/{name}.md" for name in ("spec", "plan", "tasks")},
    "openspec": {
        *(f"openspec/changes/notify/{name}.md" for name in ("proposal", "design", "tasks")),
        "openspec/changes/notify/specs/notices/spec.md",
    },
}
CODE = {"src/store.py": "CHANNELS = {}\n"}


def new_files(site) -> set[str]:
    """Return what git does not know yet."""
    return {
        path.relative_to(site.repo).as_posix()
        for path in site.repo.rglob("*")
        if path.is_file() and ".git" not in path.parts and path.name != "README.md"
    }


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("form", FORMS)
def test_from_a_sentence_to_a_committed_task_in_each_form(repo, tmp_path, git, form):
    site = Site(repo, tmp_path / "home", [*of_form(form), *task_done(CODE, "Keep a channel")])
    codes = [
        site.run("new", "notify", "-m", "tell members", "--model", site.model, "--format", form)
    ]
    codes += [site.run("approve") for _ in range(4)]
    assert [one.returncode for one in codes] == [4, 4, 4, 4, 0], codes[-1].stderr

    assert new_files(site) == FILES[form]
    tasks = json.loads(site.program("tasks", "--json").stdout)
    assert (tasks["problems"], tasks["notices"]) == ([], [])
    assert tasks["spec"]["dialect"] == form
    steps = [step for _, step in site.calls()]
    assert steps == ["questions", "requirements", "high_level", "low_level", "tasks"]

    run = site.program("run", "next", "--model", site.model, "--branch", "notify", "--no-sandbox")
    assert run.returncode == 4, run.stderr
    done = site.program("approve")
    assert done.returncode == 0, done.stderr
    assert git(repo, "log", "-1", "--format=%s", "notify") == "Keep a channel"
    assert json.loads(site.program("tasks", "--json").stdout)["progress"]["done"] == 1, done.stderr


def drive(site, *options, first=(), form="kiro"):
    """Run `spec new` and approve all phases; return the results."""
    said = [
        site.run(
            "new", "notify", "-m", "tell members", "--model", site.model, "--format", form, *options
        )
    ]
    said += [site.run(*command) for command in first]
    while said[-1].returncode == 4:
        said.append(site.run("approve"))
    return said


@pytest.fixture
def there(repo, tmp_path):
    """Return a site on which the spec exists, its first task done."""
    site = Site(repo, tmp_path / "home", of_form("kiro"))
    assert drive(site)[-1].returncode == 0
    tasks = site.repo / ".kiro/specs/notify/tasks.md"
    tasks.write_text(tasks.read_text().replace("- [ ] 1.", "- [x] 1."))
    (site.repo / ".kiro/specs/notify/.config.kiro").write_text("{}")
    (site.repo / ".kiro/specs/notify/tasks.meta.json").write_text("{}")
    return site


@pytest.mark.slow
def test_a_spec_that_exists_needs_a_word_on_what_becomes_of_it(there):
    before = there.files()
    said = there.run("new", "notify", "-m", "tell members", "--model", there.model)
    assert said.returncode == 2
    assert "--revise changes it, --fresh writes it anew" in said.stderr
    assert there.files() == before
    both = there.run("new", "notify", "-m", "tell members", "--revise", "--fresh")
    assert (both.returncode, "give one" in both.stderr) == (2, True)
    none = there.run("new", "other", "-m", "tell members", "--revise", "--model", there.model)
    assert (none.returncode, "no spec other yet" in none.stderr) == (2, True)


@pytest.mark.slow
def test_a_revision_starts_from_the_spec_and_keeps_what_is_done(there):
    kiro = FORMS["kiro"]
    more = kiro[0].replace("SMS.", "SMS and push.")
    again = kiro[3].replace("reply\n", "reply, once\n")
    entries = [
        questions(),
        document("spec-requirements", "requirements", more, when="as it is"),
        document("spec-design", "high_level", kiro[1], when="as it is"),
        document("spec-design", "low_level", kiro[2], when="as it is"),
        document("spec-tasks", "tasks", again, when="as it is", turn=0),
        document("spec-tasks", "tasks", again.replace("[ ] 1.", "[x] 1."), turn=1),
    ]
    written(there.folder, entries)
    begun = there.run("new", "notify", "-m", "no push", "--revise", "--model", there.model)
    assert begun.returncode == 4, begun.stderr
    assert "SMS{+ and push+}." in there.run("show").stdout
    ends = [there.run("approve") for _ in range(4)]

    assert ends[-1].returncode == 0, ends[-1].stderr
    assert there.files() == {
        ".config.kiro": "{}",
        "tasks.meta.json": "{}",
        "requirements.md": more,
        "design.md": f"{kiro[1]}\n{kiro[2]}",
        "tasks.md": again.replace("[ ] 1.", "[x] 1."),
    }
    assert [step for _, step in there.calls()].count("tasks") == 2  # the tick was missing once


@pytest.mark.slow
def test_an_edit_while_a_revision_waits_is_not_written_over(there):
    written(there.folder, of_form("kiro"))
    there.run("new", "notify", "-m", "no push", "--revise", "--model", there.model)
    path = there.repo / ".kiro/specs/notify/requirements.md"
    path.write_text(path.read_text() + "\nmine\n")

    refused = there.run("approve")

    assert refused.returncode == 2
    assert "is not what this spec wrote" in refused.stderr
    assert path.read_text().endswith("\nmine\n")


@pytest.mark.slow
def test_a_fresh_spec_keeps_the_old_one_in_the_archive(there):
    before = there.files()
    assert (
        there.run(
            "new", "notify", "-m", "tell members", "--fresh", "--model", there.model
        ).returncode
        == 4
    )
    assert there.files() == before  # nothing moves before somebody approves
    assert [there.run("approve").returncode for _ in range(4)] == [4, 4, 4, 0]

    archive = there.repo / ".kiro/specs/archive/notify"
    kept = {path.name: path.read_text() for path in archive.iterdir()}
    assert kept | {".config.kiro": "{}", "tasks.meta.json": "{}"} == before
    assert there.files()["tasks.md"] == FORMS["kiro"][3]
    listed = json.loads(there.program("tasks", "--json").stdout)
    assert listed["spec"]["path"] == ".kiro/specs/notify"


@pytest.mark.slow
def test_one_name_in_two_forms_is_refused(there):
    other = there.run(
        "new", "notify", "-m", "tell members", "--format", "openspec", "--model", there.model
    )
    assert other.returncode == 2
    assert "exists already as .kiro/specs/notify (kiro)" in other.stderr
    for name in ("spec", "plan", "tasks"):
        path = there.repo / f"specs/001-notify/{name}.md"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# notify\n")
    (there.repo / "openspec/changes/notify").mkdir(parents=True)
    (there.repo / "openspec/changes/notify/proposal.md").write_text("# notify\n")
    two = there.run("new", "notify", "-m", "tell members", "--revise", "--model", there.model)
    assert two.returncode == 2
    assert "several specs have the name notify" in two.stderr


@pytest.mark.parametrize(
    ("folder", "form"),
    [(".specify/memory/x.md", "spec-kit"), ("openspec/specs/a/spec.md", "openspec")],
)
def test_the_form_is_the_one_that_the_repository_uses(repo, tmp_path, folder, form):
    site = Site(repo, tmp_path / "home", of_form(form))
    (repo / folder).parent.mkdir(parents=True)
    (repo / folder).write_text("x\n")

    said = site.run("new", "notify", "-m", "tell members", "--model", site.model, "--json")

    assert json.loads(said.stdout)["format"] == form


@pytest.mark.slow
def test_a_quick_session_has_one_gate_and_its_record_says_so(repo, tmp_path):
    kiro = FORMS["kiro"]
    push = kiro[0].replace("SMS.", "SMS and push.")
    entries = [
        {**one, "cycle": 0} if one["step"] != "questions" else one for one in of_form("kiro")
    ] + [
        document("spec-requirements", "requirements", push, cycle=1, when="no push"),
        document("spec-design", "high_level", kiro[1], cycle=1, when="no push"),
        document("spec-design", "low_level", kiro[2], cycle=1, when="no push"),
        document("spec-tasks", "tasks", kiro[3], cycle=1, when="no push"),
    ]
    site = Site(repo, tmp_path / "home", entries)
    first = site.run("new", "notify", "-m", "tell members", "--quick", "--model", site.model)
    assert first.stderr.startswith("all phases wait for you: reviewloop spec approve notify\n")
    shown = json.loads(site.run("show", "--json").stdout)
    assert (shown["quick"], shown["waits_for"], site.files()) == (True, "all", {})
    assert [text in shown["document"] for text in kiro] == [True] * 4

    assert site.run("modify", "-m", "no push").returncode == 4
    diff = site.run("show").stdout
    assert "one gate" in diff and "SMS{+ and push+}." in diff
    refused = site.run("edit", "--from", "README.md")
    assert (refused.returncode, "quick session" in refused.stderr) == (2, True)
    end = site.run("approve")

    assert end.returncode == 0, end.stderr
    assert site.files() == {
        "requirements.md": push, "design.md": f"{kiro[1]}\n{kiro[2]}", "tasks.md": kiro[3]
    }  # fmt: skip
    assert json.loads(site.run("show", "notify", "--json").stdout)["quick"] is True


@pytest.mark.slow
def test_an_edited_phase_is_shown_again_and_approved_only_when_it_can_be(repo, tmp_path):
    site = Site(repo, tmp_path / "home", [questions(), *replies()[1:]])
    site.new()
    text = FORMS["kiro"][0]
    (tmp_path / "edited.md").write_text(text.replace("### Requirement 2: Delivery", "### Delivery"))
    site.run("edit", "--from", str(tmp_path / "edited.md"))
    shown = site.run("show")
    assert "### [-Requirement 2: -]Delivery" in shown.stdout

    (tmp_path / "edited.md").write_text("nothing\n")
    assert site.run("edit", "--from", str(tmp_path / "edited.md")).returncode == 4
    refused = site.run("approve")
    assert refused.returncode == 2
    assert "it cannot be approved: no requirement has an id" in refused.stderr
    (tmp_path / "edited.md").write_text(text.replace("300 ms", "200 ms"))
    assert site.run("edit", "--from", str(tmp_path / "edited.md")).returncode == 4
    assert site.run("approve").returncode == 4
    assert "200 ms" in site.files()["requirements.md"]


def test_a_spent_budget_ends_with_6_and_can_be_raised(repo, tmp_path):
    entries = [{**one, "usage": {"input": 900, "output": 200}} for one in of_form("kiro")]
    site = Site(repo, tmp_path / "home", entries)
    capped = ("--budget-tokens", "1500")
    spent = site.run("new", "notify", "-m", "tell members", "--model", site.model, *capped)
    assert spent.returncode == 6, spent.stderr
    assert "go on with `reviewloop spec resume notify --budget-tokens" in spent.stderr
    assert site.files() == {}

    on = site.run("resume", "--budget-tokens", "100000")

    assert on.returncode == 4, on.stderr
    assert [step for _, step in site.calls()] == ["questions", "requirements"]


def test_a_name_is_made_of_the_idea(repo, tmp_path):
    site = Site(repo, tmp_path / "home", of_form("kiro"))
    said = site.run("new", "-m", "Build a blog with comments!", "--model", site.model, "--json")
    assert json.loads(said.stdout)["path"] == ".kiro/specs/blog-comments"
    bill = "split a restaurant bill between the guests of a table"
    cut = site.run("new", "-m", bill, "--model", site.model, "--json")
    assert json.loads(cut.stdout)["name"] == "split-restaurant-bill"
    none = site.run("new", "-m", "...", "--model", site.model)
    assert (none.returncode, "give the spec a name" in none.stderr) == (2, True)


def research(*findings):
    """Return the reply of research."""
    call = {"name": "write_findings", "args": {"findings": [*findings]}}
    return {"agent": "spec-requirements", "step": "research", "tool_calls": [call]}


@pytest.mark.slow
def test_an_idea_about_a_service_is_researched_first(repo, tmp_path):
    facts = [
        {"claim": "aws sqs list-queues lists them", "supported": True, "source": "botocore"},
        {"claim": "the project is new", "supported": True, "source": "README.md:1"},
        {"claim": "queues are free", "supported": True, "source": "https://example.org/prices"},
    ]
    text = FORMS["kiro"][0] + "\n## Constraints\n\n- SQS has no send_messages.\n"
    entries = [one for one in of_form("kiro") if one["step"] != "requirements"]
    entries += [
        research(*facts),
        document("spec-requirements", "requirements", FORMS["kiro"][0], turn=0),
        document("spec-requirements", "requirements", text, turn=1, when="What was found out"),
    ]
    site = Site(repo, tmp_path / "home", entries)
    idea = "send replies with sqs.send_messages"
    said = site.run("new", "notify", "-m", idea, "--model", site.model)
    assert said.returncode == 4, said.stderr
    shown = json.loads(site.run("show", "--json").stdout)["document"]
    section = shown.partition("## Research Findings\n\n")[2]
    assert "- Not supported: sqs has no operation send_messages; did you mean " in section
    assert "- Supported: aws sqs list-queues exists (botocore 1." in section
    assert "- Supported: the project is new (README.md:1)" in section
    assert "- 1 finding without a source that could be checked: left out" in section
    assert "free" not in section
    assert site.run("approve").returncode == 4
    assert "## Research Findings" in site.files()["requirements.md"]
    steps = [step for _, step in site.calls()]
    assert steps[:4] == ["research", "questions", "requirements", "requirements"]


def test_an_idea_that_fills_a_call_is_refused_before_it_is_paid(repo, tmp_path):
    site = Site(repo, tmp_path / "home", of_form("kiro"))
    (tmp_path / "idea.txt").write_text("word " * 300_000)
    said = site.run("new", "notify", "--from", str(tmp_path / "idea.txt"), "--model", site.model)
    assert said.returncode == 2
    assert "what is to be built has about 375,000 tokens, and at most" in said.stderr
    assert site.run("list").stdout == ""


@pytest.mark.slow
def test_answers_are_decisions_and_the_rest_is_marked_as_assumed(repo, tmp_path):
    text = FORMS["kiro"][0]
    decided = text.replace("## Req", '## Decisions\n\n- Volume? "thousands a day"\n\n## Req', 1)
    assumed = decided.replace("SMS.", "SMS (assumed).")
    asked = [{"question": one} for one in ("Volume?", "SMS?")]
    entries = [questions(*asked), *of_form("kiro")[2:]]
    entries += [
        document("spec-requirements", "requirements", text, attempt=0, turn=0),
        document("spec-requirements", "requirements", decided, attempt=0, turn=1),
        document("spec-requirements", "requirements", decided, attempt=1, turn=0),
        document("spec-requirements", "requirements", assumed, attempt=1, turn=1),
    ]
    site = Site(repo, tmp_path / "home", entries)
    site.new()
    failed = site.run("answer", "notify", "1=Thousands a day")
    assert failed.returncode == 5
    assert "nobody answered 'SMS?'" in failed.stderr
    assert site.run("resume").returncode == 4
    shown = json.loads(site.run("show", "--json").stdout)["document"]
    assert shown == assumed


@pytest.mark.slow
def test_a_hand_edit_of_a_single_file_is_kept_between_gates_and_shown_as_it_is(repo, tmp_path):
    site = Site(repo, tmp_path / "home", of_form("single-file"))
    site.run(
        "new", "notify", "-m", "tell members", "--model", site.model, "--format", "single-file"
    )
    site.run("approve")
    path = repo / "docs/notify-spec.md"
    path.write_text(path.read_text().replace("SMS.", "SMS, says a person.") + "\n## Kept\n")
    assert [site.run("approve").returncode for _ in range(3)] == [4, 4, 0]
    text = path.read_text()
    assert "SMS, says a person." in text and "## Kept" in text
    more = ("--revise", "--model", site.model)
    assert site.run("new", "notify", "-m", "tell members all", *more).returncode == 4
    diff = site.run("show").stdout
    assert "[-SMS, says a person.-]\n[-## Kept-]\n{+SMS.+}\n" in diff
    assert diff.count("[-") == 2  # nothing but what is different


@pytest.mark.slow
def test_the_same_idea_again_costs_nothing(repo, tmp_path):
    site = Site(repo, tmp_path / "home", of_form("kiro"))
    assert "spent: $0.00, 5 calls\n" in drive(site)[-1].stderr
    shutil.rmtree(repo / ".kiro")
    again = drive(site)
    assert "spent: $0.00, from the journal\n" in again[-1].stderr
    assert site.calls() == []
    shutil.rmtree(repo / ".kiro")
    other = site.run("new", "notify", "-m", "tell members all", "--model", site.model)
    assert other.returncode == 4
    assert [step for _, step in site.calls()] == ["questions", "requirements"]


@pytest.mark.slow
def test_a_phase_that_a_person_wrote_or_edits_while_it_waits_is_the_base(there):
    more = FORMS["kiro"][0].replace("SMS.", "SMS, said by a person.")
    entries = [{**one, "cycle": 0} for one in of_form("kiro")[1:]]
    for step, text in (("requirements", more), ("high_level", FORMS["kiro"][1])):
        agent = "spec-requirements" if step == "requirements" else "spec-design"
        entries.append(document(agent, step, text, cycle=1, when="said by a person"))
    written(there.folder, [questions(), *entries])
    there.run("new", "notify", "-m", "no push", "--revise", "--model", there.model)
    path = there.repo / ".kiro/specs/notify/requirements.md"
    path.write_text(more)
    refused = there.run("approve")
    assert (refused.returncode, "takes it as the base" in refused.stderr) == (2, True)
    assert there.run("modify", "-m", "shorter").returncode == 4  # else no reply fits
    assert there.run("approve").returncode == 4
    assert path.read_text() == more


@pytest.mark.parametrize("how", ["--fresh", "--revise"])
@pytest.mark.slow
def test_killed_while_a_quick_session_is_written_it_ends_the_same(there, how):
    kiro, before = FORMS["kiro"], there.files()
    ticked = kiro[3].replace("[ ] 1.", "[x] 1.")
    entries = [one for one in of_form("kiro") if one["step"] != "tasks"]
    plan = kiro[3] if how == "--fresh" else ticked
    written(there.folder, [*entries, document("spec-tasks", "tasks", plan)])
    there.run("new", "notify", "-m", "tell members all", how, "--quick", "--model", there.model)

    assert there.run("approve", fault="spec.written").returncode == -signal.SIGKILL
    assert there.run("resume").returncode in (0, 4)
    last = there.run("list").stdout
    assert "it is written" in last or there.run("approve").returncode == 0

    assert there.files() == {
        ".config.kiro": "{}", "tasks.meta.json": "{}", "requirements.md": kiro[0],
        "design.md": f"{kiro[1]}\n{kiro[2]}", "tasks.md": plan,
    }  # fmt: skip
    archive = there.repo / ".kiro/specs/archive/notify"
    kept = {path.name: path.read_text() for path in archive.glob("*")}
    assert kept == ({name: before[name] for name in kept} if how == "--fresh" else {})
    assert len(kept) == (3 if how == "--fresh" else 0)
