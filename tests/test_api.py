"""The public Python API: its signature, its effects, and what it leaves alone."""

import ast
import inspect
import json
import os
import re
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from support.schemas import check
from support.shop import make_shop
from support.stored import BOUND, CHECKS, SETTINGS, replies, without

import reviewloop
from reviewloop import Decision

ROOT = Path(__file__).parents[1]
EXAMPLES = re.findall(r"```python\n(.*?)```", (ROOT / "docs/api.md").read_text("utf-8"), re.DOTALL)
REVIEW = """(
    path: str | os.PathLike[str] = '.', *, base: str = '', range: str = '', staged: bool = False,
    commit: str = '', patch: bytes | None = None, files: bool = False,
    paths: collections.abc.Sequence[str] = (), agents: collections.abc.Sequence[str] = (),
    spec: str = '',
    model: str = 'none', rules_from: Literal['', 'base', 'change'] = '', again: bool = False,
    settings: collections.abc.Mapping[str, object] | None = None,
    on_event: collections.abc.Callable[[reviewloop.api.Event], None] | None = None
) -> reviewloop.api.Report"""
RUN = """(
    task: str = 'next', *, path: str | os.PathLike[str] = '.', spec: str = '', message: str = '',
    branch: str = '', model: str = '', steering: collections.abc.Sequence[str] = (),
    again: bool = False, sandbox: bool = True, hooks: bool = True,
    settings: collections.abc.Mapping[str, object] | None = None,
    approve: collections.abc.Callable[[reviewloop.api.Proposal],
    reviewloop.app.run_with_callback.Decision] | None = None,
    on_event: collections.abc.Callable[[reviewloop.api.Event], None] | None = None
) -> reviewloop.api.RunResult"""
FIELDS = {
    "Event": "kind at data",
    "Report": "outcome exit_code summary what base head findings silenced reviewed skipped failed "
    "model notes",
    "Proposal": "run_id task title branch message blocked files findings must_fix should_fix diff",
    "RunResult": "run_id status reason exit_code branch commit proposal",
    "Decision": "choice text with_must_fix",
}
UNSAFE = 'import subprocess\n\n\ndef show(name):\n    subprocess.run("ls " + name, shell=True)\n'


@pytest.fixture(autouse=True)
def silent(capfd):
    """Whatever is called prints nothing, and leaves the handlers of signals as they were."""
    kept = (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in kept]
    yield
    assert capfd.readouterr() == ("", "")
    assert [signal.getsignal(number) for number in kept] == before


@pytest.fixture
def changed(repo, monkeypatch):
    """A repository with an unsafe line that is not committed yet; only ruff looks at it."""
    monkeypatch.chdir(repo.parent)
    (repo / "shown.py").write_text(UNSAFE)
    return repo


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A project with a spec, and the settings under which a script plays the models."""
    folder = tmp_path / "site/shop"
    folder.mkdir(parents=True)
    make_shop(folder, files={"checks.py": CHECKS})
    for name, value in SETTINGS.items():
        monkeypatch.setenv(name, value)
    play(folder, replies())
    monkeypatch.chdir(folder)
    return folder


def play(shop, script):
    (shop.parent / "replies.json").write_text(json.dumps({"replies": script}))


def head(git, folder):
    return git(folder, "rev-parse", "HEAD")


def plain(signature):
    """Return a signature with the module names of types, on one line."""
    return " ".join(str(signature).replace("typing.", "").split())


@pytest.mark.parametrize(("function", "text"), [("review", REVIEW), ("run", RUN)])
def test_the_signature_is_the_published_one(function, text):
    wanted = re.sub(r"\(\s", "(", re.sub(r"\s\)", ")", " ".join(text.split())))
    assert plain(inspect.signature(getattr(reviewloop, function))) == wanted


@pytest.mark.parametrize("name", FIELDS)
def test_the_fields_are_the_published_ones(name):
    public = [f for f in inspect.signature(getattr(reviewloop, name)).parameters if f[0] != "_"]
    assert public == FIELDS[name].split()


def test_type_checkers_see_the_names_that_there_are():
    stub = ast.parse((ROOT / "reviewloop/__init__.pyi").read_text("utf-8"))
    values = [node.value for node in stub.body if isinstance(node, ast.Assign)]
    assert [ast.literal_eval(value) for value in values] == [reviewloop.__all__]
    imported = [name.name for node in stub.body if isinstance(node, ast.ImportFrom)
                for name in node.names]  # fmt: skip
    assert {*imported, "__version__"} == set(reviewloop.__all__)
    assert set(reviewloop.__all__) - {"__version__"} == set(reviewloop.api.__all__)
    assert set(reviewloop.__all__) <= set(dir(reviewloop))
    with pytest.raises(AttributeError, match="no attribute 'reveiw'"):
        reviewloop.reveiw  # noqa: B018


@pytest.mark.slow
def test_the_name_review_is_the_function_even_if_the_package_was_imported_first():
    code = (
        "import sys; from reviewloop.review import merging; import reviewloop;"
        "from reviewloop import review, Finding;"
        "assert review is reviewloop.review is reviewloop.api.review;"
        "assert merging is sys.modules['reviewloop.review.merging'];"
        "assert Finding is reviewloop.Finding"
    )
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", code], env=environ, check=True)


def test_importing_the_package_loads_nothing():
    code = "import sys, reviewloop; print([n for n in sys.modules if n.startswith('reviewloop.')])"
    environ = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], env=environ, stdout=subprocess.PIPE)
    assert done.stdout.strip() == b"[]"


def test_a_review_reports_what_it_found(changed):
    heard = []
    report = reviewloop.review(changed, on_event=heard.append)
    assert (report.outcome, report.model, report.reviewed) == ("findings", "none", ("shown.py",))
    [found] = [finding for finding in report.findings if finding.rule == "ruff/S602"]
    assert isinstance(found, reviewloop.Finding)
    assert (found.where, found.severity) == ("shown.py:5", reviewloop.Severity.SHOULD_FIX)
    told = [event.data["text"] for event in heard]
    assert {event.kind for event in heard} == {"progress"}
    assert told[:2] == ["reading the change", "running the analysers"]
    assert "ruff" in told[2:]


@pytest.mark.slow
def test_the_report_is_the_object_of_the_command(changed):
    report = reviewloop.review(changed)
    done = subprocess.run(
        [sys.executable, "-m", "reviewloop", "review", "--json", "--model", "none"],
        cwd=changed, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE,
    )  # fmt: skip
    mine, theirs = json.loads(report.to_json()), json.loads(done.stdout)
    check(mine)
    for one in (mine, theirs):
        for timed in (one, *one["agents"], *one["analysers"]):
            timed["seconds"] = 0
        del one["base"], one["head"]  # the new side is no commit: its id holds the time
    assert mine == theirs


def test_what_is_reviewed_can_be_chosen(changed, git):
    git(changed, "add", "shown.py")
    (changed / "kept.py").write_text("KEPT = 1\n")
    assert reviewloop.review(changed, staged=True).reviewed == ("shown.py",)
    assert reviewloop.review(changed, paths=["kept.py"]).reviewed == ("kept.py",)
    git(changed, "commit", "-qm", "second")
    assert reviewloop.review(changed, commit="HEAD").reviewed == ("shown.py",)
    assert reviewloop.review(changed, range="HEAD~1..HEAD").reviewed == ("shown.py",)
    whole = reviewloop.review(changed, files=True, paths=["shown.py"], agents=["maintainability"])
    assert {agent for finding in whole.findings for agent in finding.agents} == {
        "review-maintainability"
    }
    few = reviewloop.review(changed, commit="HEAD", settings={"review.min_severity": "must"})
    assert few.findings == ()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"staged": True, "commit": "HEAD"}, "staged and commit cannot be combined"),
        ({"files": True}, "needs the paths"),
        ({"base": "nowhere"}, "nowhere"),
        ({"agents": ["nobody"]}, "no reviewer 'nobody'"),
        ({"settings": {"review.no_such": 1}}, "no_such"),
        ({"model": "nosuch:model"}, "nosuch"),
        ({"path": "nowhere"}, "not inside a git repository"),
        ({"path": "."}, "not inside a git repository"),
    ],
)
def test_a_wrong_argument_is_an_expected_error(changed, arguments, words):
    with pytest.raises(reviewloop.ReviewLoopError, match=words):
        reviewloop.review(**{"path": changed, **arguments})


def test_two_reviews_may_run_at_one_time(changed, tmp_path, git):
    other = tmp_path / "other"
    git(tmp_path, "clone", "-q", str(changed), str(other))
    (other / "clean.py").write_text("CLEAN = 1\n")
    with ThreadPoolExecutor(2) as pool:
        one, two = pool.map(reviewloop.review, (changed, other))
    assert (one.reviewed, two.reviewed) == (("shown.py",), ("clean.py",))
    assert (one.outcome, two.outcome) == ("findings", "clean")


def test_what_a_listener_raises_is_raised_at_the_end_of_the_review(changed):
    heard = []

    def listen(event):
        heard.append(event)
        raise LookupError("mine")

    with pytest.raises(LookupError, match="mine"):
        reviewloop.review(changed, on_event=listen)
    assert len(heard) == 1


def test_a_run_commits_what_the_caller_approves(shop, git):
    before, heard, seen = head(git, shop), [], []

    def approve(proposal):
        seen.append(proposal)
        return Decision("approve")

    result = reviewloop.run("2.1", approve=approve, on_event=heard.append)
    [proposal] = seen
    assert (proposal.task, proposal.must_fix, proposal.blocked) == ("2.1", 0, "")
    assert set(proposal.files) == {"shop/search.py", "tests/test_search.py"}
    assert f"+{BOUND}" in proposal.diff
    [found] = proposal.findings
    assert found.status == "fixed"
    assert (result.status, result.exit_code) == ("committed", 0)
    assert result.commit == head(git, shop) != before
    assert git(shop, "log", "-1", "--format=%B") == proposal.message.strip()
    kinds = [event.kind for event in heard]
    order = ["preflight", "step.start", "reviewer.start", "proposed", "run.end", "committed"]
    assert [kinds.index(kind) for kind in order] == sorted(kinds.index(kind) for kind in order)
    assert kinds[-1] == "run.end"
    assert all(isinstance(event.at, float) for event in heard)


def test_without_a_decision_the_run_waits(shop, git):
    before = head(git, shop)
    result = reviewloop.run("2.1")
    assert (result.status, result.exit_code, result.commit) == ("waiting", 4, "")
    assert head(git, shop) == before
    body = json.loads(result.to_json())
    check(body)
    assert (body["kind"], body["run_id"]) == ("run", result.run_id)
    assert body["proposal"]["task"] == "2.1"
    with pytest.raises(reviewloop.UsageError, match="has a run already"):
        reviewloop.run("2.1")


@pytest.mark.slow
def test_a_rejected_proposal_is_kept_and_not_committed(shop, git):
    before = head(git, shop)
    result = reviewloop.run("2.1", approve=lambda proposal: Decision("reject", "not now"))
    assert (result.status, result.exit_code) == ("skipped", 7)
    assert head(git, shop) == before


@pytest.mark.slow
def test_must_fix_findings_are_committed_only_with_the_word_for_it(shop, git):
    give_up = {"agent": "fix", "tool_calls": [{"name": "finish", "args": {
        "subject": "", "summary": "Nothing."}}]}  # fmt: skip
    script = [give_up, *without("fix")]
    stays = {"id": "${finding}", "resolved": False, "quote": "", "reason": "still there"}
    for reply in script:
        if reply["agent"] == "quick-review":
            reply["tool_calls"][0]["args"]["resolutions"] = [stays]
    play(shop, script)
    before = head(git, shop)
    with pytest.raises(reviewloop.UsageError, match="has 1 must fix left"):
        reviewloop.run("2.1", approve=lambda proposal: Decision("approve"))
    assert head(git, shop) == before
    result = reviewloop.run(
        "2.1", again=True, approve=lambda proposal: Decision("approve", with_must_fix=True)
    )
    assert result.status == "committed"
    assert head(git, shop) == result.commit


@pytest.mark.slow
def test_what_the_callback_raises_leaves_the_run_waiting(shop, git):
    before = head(git, shop)
    with pytest.raises(ZeroDivisionError):
        reviewloop.run("2.1", approve=lambda proposal: 1 / 0)
    assert head(git, shop) == before
    with pytest.raises(reviewloop.UsageError, match="waits for you"):
        reviewloop.run("2.1")


@pytest.mark.slow
def test_a_change_below_the_proposal_is_brought_in_before_the_commit(shop, git):
    def approve(proposal):
        (shop / "NOTES.md").write_text("meanwhile\n")
        git(shop, "add", "NOTES.md")
        git(shop, "commit", "-qm", "meanwhile")
        return Decision("approve")

    result = reviewloop.run("2.1", approve=approve)
    assert result.status == "committed", result.reason
    assert git(shop, "log", "-1", "--format=%s", "HEAD~1") == "meanwhile"


def test_wrong_decisions_are_refused():
    with pytest.raises(reviewloop.UsageError, match="no decision 'yes'"):
        Decision("yes")
    with pytest.raises(reviewloop.UsageError, match="needs a text"):
        Decision("modify", " ")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"task": "9.9"}, "9.9"),
        ({"task": "2.1", "message": "both"}, "not both"),
        ({"model": "none"}, "needs a model"),
        ({"message": " "}, "sentence"),
        ({"branch": "no such"}, "no such"),
    ],
)
def test_a_run_that_cannot_begin_is_an_expected_error(shop, arguments, words):
    with pytest.raises(reviewloop.ReviewLoopError, match=words):
        reviewloop.run(**arguments)


def test_an_interrupted_caller_stops_the_run_and_can_resume_it(shop):
    """Ctrl-C stays the caller's: the run stops calmly, and the exception is theirs."""
    begun = threading.Event()

    def interrupt(event):
        if event.kind == "step.start" and not begun.is_set():
            begun.set()
            os.kill(os.getpid(), signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        reviewloop.run("2.1", on_event=interrupt)
    with pytest.raises(reviewloop.UsageError, match="reviewloop resume"):
        reviewloop.run("2.1")


def test_the_example_of_a_review_runs(changed, git, monkeypatch, capfd):
    monkeypatch.chdir(changed)
    git(changed, "switch", "-qc", "work")
    exec(compile(EXAMPLES[0], "docs/api.md", "exec"), {"__name__": "example"})  # noqa: S102
    assert "shown.py:5 should fix" in capfd.readouterr().out


@pytest.mark.slow
def test_the_example_of_a_run_runs(shop, git, capfd):
    exec(compile(EXAMPLES[1], "docs/api.md", "exec"), {"__name__": "example"})  # noqa: S102
    assert capfd.readouterr().out.splitlines()[-1] == f"committed {head(git, shop)[:10]}"


@pytest.mark.slow
def test_a_strict_type_checker_reads_programs_that_use_it(tmp_path):
    program = tmp_path / "program.py"
    lines = [*EXAMPLES, "reveal_type(report.findings[0].severity)", "reveal_type(result.status)"]
    program.write_text("\n".join([*lines, "reviewloop.review(bases='main')", ""]))
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--no-incremental", str(program)],
        cwd=tmp_path, env={**os.environ, "MYPYPATH": str(ROOT)}, capture_output=True, text=True,
    )  # fmt: skip
    said = [line.partition(": ")[2] for line in done.stdout.splitlines()]
    assert said[0] == 'note: Revealed type is "reviewloop.domain.finding.Severity"', done.stdout
    assert "Literal['waiting'] | Literal['blocked']" in said[1].replace("Union[", "")
    assert said[2].startswith('error: Unexpected keyword argument "bases" for "review"')
    assert "\nFound 1 error in 1 file" in done.stdout
