"""The demo of a review: problems that we planted, found and shown as a newcomer sees them."""

import atexit
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
from support.light import make_light
from support.prepared import run_prepared

import reviewloop
from reviewloop.cli.demo import _new_folder
from reviewloop.demo.project import make_planted

ROOT = Path(reviewloop.__file__).parent.parent
PLANTED = {
    (".github/workflows/ci.yml", "zizmor/template-injection"),
    ("Dockerfile", "docker/latest-image"),
    ("infra/backups.tf", "infra/iam-wildcard"),
    ("infra/service.yaml", "infra/unencrypted-at-rest"),
    ("requirements.txt", "deps/unpinned"),
    ("roombook/app.py", "taint/sql-injection"),
    ("roombook/mailing.py", "ruff/ASYNC210"),
    ("roombook/reports.py", "py/execute-in-loop"),
    ("roombook/reports.py", "ruff/B006"),
    ("scripts/clean-reports.sh", "sh/cd-unchecked"),
    ("scripts/clean-reports.sh", "sh/removes-root"),
    ("tests/test_reports.py", "ruff/F631"),
    ("tests/test_reports.py", "tests/skipped-without-reason"),
    ("web/src/report.ts", "js/async-for-each"),
    ("web/src/report.ts", "js/html-assigned"),
}
SAME_PLACE = {"ruff/S608"}  # says of the planted SQL what taint/sql-injection says better


@cache
def programs() -> str:
    """Return a folder with git and a shell: no linter that is installed here adds findings."""
    folder = Path(tempfile.mkdtemp(prefix="reviewloop-programs-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    for name in ("git", "sh"):
        (folder / name).symlink_to(Path(shutil.which(name) or "").resolve())
    return str(folder)


class Shown(NamedTuple):
    """A demo that was played, and where."""

    code: int
    out: str
    err: str
    seconds: float  # of computing, however busy the machine is
    folder: Path


def environ(temporary: Path, package: Path = ROOT) -> dict[str, str]:
    """Return an environment with settings and an agent that the demo must not read."""
    home = temporary / "home"
    agents = home / ".kiro" / "agents"
    agents.mkdir(parents=True, exist_ok=True)
    (agents / "review-own.json").write_text('{"name": "review-own"}')
    settings = home / ".config" / "reviewloop"
    settings.mkdir(parents=True, exist_ok=True)
    (settings / "config.toml").write_text('[rules]\n"sh/*" = "off"\n[review]\nfail_on = "never"\n')
    return {
        "HOME": str(home),
        "PATH": programs(),
        "TMPDIR": str(temporary),
        "COLUMNS": "100",  # as in the README
        "PYTHONPATH": str(package),
        "PYTHONDONTWRITEBYTECODE": "1",
        "REVIEWLOOP_MODELS__REASONING": "bedrock_converse:amazon.nova-pro-v1:0",
        "GIT_AUTHOR_NAME": "Somebody Else",
    }


def run(
    temporary: Path, *words: str, package: Path = ROOT, python: str | Path = sys.executable
) -> Shown:
    """Run reviewloop in a process of its own, in a folder that is no repository."""
    before = computed()
    done = subprocess.run(
        [python, "-m", "reviewloop", *words],
        cwd=temporary,
        env=environ(temporary, package),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=180,
    )
    return Shown(done.returncode, done.stdout, done.stderr, computed() - before, temporary)


def forked(temporary: Path, *words: str) -> Shown:
    """Run reviewloop as `run` does, with its imports behind it; how long it takes is not told."""
    return Shown(*run_prepared(words, temporary, environ(temporary), 180), 0.0, temporary)


def computed() -> float:
    """Return the seconds that processes which this one started have computed."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def review_json(checkout: Path, temporary: Path, *words: str) -> dict[str, list[dict[str, str]]]:
    """Return what a review without a model says about a checkout, as JSON."""
    asked = ["review", *words, "--json", "--model", "none"]
    variables = {"HOME": str(temporary), "PATH": programs()}
    code, out, err = run_prepared(asked, checkout, variables, 180)
    assert code in (0, 1), err
    result: dict[str, list[dict[str, str]]] = json.loads(out)
    return result


def that_matter(report: dict[str, list[dict[str, str]]]) -> set[tuple[str, str]]:
    return {(f["path"], f["rule"]) for f in report["findings"] if f["severity"] != "nit"}


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Shown:
    """Return a demo in a folder that was named, so that it is still there.

    Its Python has no linter beside it but those that come along, whatever this one has.
    """
    python = make_light(tmp_path_factory.mktemp("light") / "env")
    return run(tmp_path_factory.mktemp("demo"), "demo", "--review", "here/planted", python=python)


def checkout_of(shown: Shown) -> Path:
    assert shown.code == 0, shown.err
    return shown.folder / "here" / "planted"


@pytest.mark.slow
def test_the_readme_counts_what_is_found(shown):
    counts = re.compile(r"🔴 \d+ must fix +🟡 \d+ should fix +🟢 \d+ nits")
    assert counts.search(shown.out)[0] in (ROOT / "README.md").read_text("utf-8")


def test_every_reviewer_has_two_findings_or_more(shown):
    assert shown.code == 0, shown.err
    rows = dict(re.findall(r"^(review-\S+) +done +(\d+)", shown.out, re.MULTILINE))
    assert len(rows) == 5  # the agent in the person's home takes no part
    assert {name: count for name, count in rows.items() if int(count) < 2} == {}


def test_demo_shows_the_report_and_says_what_a_review_would_answer(shown):
    assert shown.out.startswith("Reviewed your changes since main")
    assert "roombook/app.py:35" in shown.out
    assert "sh/removes-root" in shown.out  # the person's settings switch it off
    assert "no model is configured" in shown.out  # the person's environment names one
    assert "The exit code of this review would be 1: something must be fixed." in shown.out
    assert "No model is asked, nothing is sent anywhere" in shown.err


def test_demo_is_quick(shown):
    assert shown.seconds < 20  # 2 s on two free cores; the README promises that it is quick


def test_planted_problems_are_found_and_the_code_beside_them_is_not(shown, tmp_path):
    report = review_json(checkout_of(shown), tmp_path)
    found = {(path, rule) for path, rule in that_matter(report) if rule not in SAME_PLACE}
    assert found == PLANTED
    assert len([f for f in report["findings"] if f["severity"] == "nit"]) <= 4
    assert not any(f["path"] == "scripts/backup.sh" for f in report["findings"])


def test_main_is_healthy(shown, tmp_path, git):
    checkout = shutil.copytree(checkout_of(shown), tmp_path / "main")
    git(checkout, "switch", "--quiet", "main")
    assert that_matter(review_json(checkout, tmp_path, "--files", ".")) == set()


def test_repository_in_a_named_folder_is_kept_as_a_person_would_find_it(shown, git):
    checkout = checkout_of(shown)
    assert f"The repository is kept: cd {checkout}" in shown.out
    assert git(checkout, "log", "--format=%an %s") == (
        "Demo Person Add a weekly report\nDemo Person Book rooms and show who has them"
    )
    assert git(checkout, "branch", "--format=%(refname:short)").split() == ["main", "weekly-report"]
    assert git(checkout, "status", "--porcelain") == ""
    assert sorted(p.name for p in shown.folder.iterdir()) == ["here", "home"]


def test_temporary_folder_is_kept_on_request(tmp_path, git):
    done = forked(tmp_path, "demo", "--review", "--keep")
    (folder,) = tmp_path.glob("reviewloop-demo-*")
    assert [path.name for path in folder.iterdir()] == ["roombook"]
    assert f"cd {folder.resolve() / 'roombook'}" in done.out
    assert git(folder / "roombook", "branch", "--show-current") == "weekly-report"


def test_folder_in_use_is_refused_and_left_alone(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        done = forked(tmp_path, "demo", "--review", name)
        assert (done.code, done.out) == (2, "")
        assert done.err == f"reviewloop: {name} is in use; name a folder that is new or empty\n"
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]


def test_empty_folder_is_as_good_as_a_new_one(tmp_path, git):
    (tmp_path / "empty").mkdir()
    assert _new_folder(str(tmp_path / "empty")) == tmp_path / "empty"
    make_planted(tmp_path / "empty")
    assert git(tmp_path / "empty", "branch", "--show-current") == "weekly-report"


def test_folder_without_review_is_refused(tmp_path):
    done = forked(tmp_path, "demo", "somewhere")
    assert done.code == 2
    assert "DIR goes with --review" in done.err


@pytest.mark.slow
def test_ctrl_c_leaves_nothing_behind(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-m", "reviewloop", "demo", "--review"],
        cwd=tmp_path,
        env=environ(tmp_path),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        process.stderr.readline()  # the introduction: the review begins
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130, err
    assert err.endswith("reviewloop: the demo was stopped; its folder is deleted\n")
    assert list(tmp_path.glob("reviewloop-demo-*")) == []


@pytest.mark.slow
def test_demo_works_from_a_wheel_and_leaves_nothing(tmp_path):
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=True,
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    place = tmp_path / "place"
    place.mkdir()
    done = run(place, "demo", "--review", package=tmp_path / "site")
    assert done.code == 0, done.err
    assert "The repository is deleted; --keep keeps it" in done.out
    assert [path.name for path in place.iterdir()] == ["home"]
    assert sorted(path.name for path in (place / "home").iterdir()) == [".config", ".kiro"]
    assert "would be 1: something must be fixed" in done.out
    assert len(re.findall(r"^review-\S+ +done +[1-9]", done.out, re.MULTILINE)) == 5
    assert ".github/workflows/ci.yml:" in done.out


def test_readme_shows_what_the_demo_prints(shown):
    readme = (ROOT / "README.md").read_text("utf-8")
    assert readme.count("```bash\n") == 2
    assert ".venv-demo/bin/reviewloop demo --review\n" in readme
    block = readme.partition("## Review any diff")[2].partition("```text\n")[2].partition("```")[0]
    printed = {without_numbers(line) for line in shown.out.splitlines()}
    told = [line for line in block.splitlines() if not line.startswith("…")]
    assert [line for line in told if without_numbers(line) not in printed] == []
    assert len(told) > 10


def without_numbers(line: str) -> str:
    return re.sub(r"[\d.]+", "#", line.strip())


@pytest.mark.slow
def test_an_analyser_that_fails_fails_the_demo(tmp_path: Path) -> None:
    """The exit code tells whether an installation works."""
    broken = tmp_path / "broken"
    broken.mkdir()
    (broken / "ast_grep_py.py").write_text("class SgNode: ...\nclass SgRoot: ...\n")
    done = run(tmp_path, "demo", "--review", package=Path(f"{broken}{os.pathsep}{ROOT}"))
    assert done.code == 5, done.err
    assert "would be 5" in done.out
