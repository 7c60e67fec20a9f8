"""Every test works in an empty home, without credentials, and never leaves this machine."""

import compileall
import gc
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from _pytest.assertion import rewrite
from support import postgres
from support.git_index import refresh_index
from support.prepared import share_prepared
from support.trapped import contents as contents
from support.trapped import private as private
from support.trapped import trapped as trapped
from support.trapped import tripwire as tripwire

import reviewloop
from reviewloop.sandbox import levels

# jsonschema would spend a second or two on building grammars for formats that nothing here uses.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]

_PROGRAMS = {"bubblewrap": "bwrap"}
_LINUX_ONLY = {"bubblewrap", "landlock"}
_OF_LINUX = "a program of Linux"
_LEAKY = (
    *("AWS_", "LANGSMITH_", "LANGCHAIN_", "GIT_", "REVIEWLOOP_", "ANTHROPIC_", "OPENAI_"),
    *("GOOGLE_", "GEMINI_", "GROQ_", "MISTRAL_", "OPENROUTER_", "OLLAMA_"),
)
# What may be left out in CI: nothing else is.
_MAY_LACK = (
    "no control here: ",  # of an attack, where the kernel or the image has nothing to attack
    *(f"{name} is not installed" for name in ("bandit", "biome", "checkov", "hadolint")),
    *(f"{name} is not installed" for name in ("lizard", "oxlint", "shellcheck")),
    "the clients are those of the tests",  # of the Action, where only its installation is tried
    "the installation is the same",
    "only root can give files away",
    "ALL_AGENTS is not set",  # coding agents of hundreds of megabytes, and all of their faults
    "before Linux 6.12 ",
    _OF_LINUX,
)
_LONGEST = 400  # seconds that a slow test may take on a machine that does much else
_MEMORY = Path("/dev/shm")
# Their tests share what takes seconds to make.
_SHARING = (
    *("e2e/test_steered_run.py", "e2e/test_steered_review.py", "e2e/test_steered_stops.py"),
    *("e2e/test_kiro_task.py", "e2e/test_hidden_text.py", "e2e/test_crash.py"),
    *("e2e/test_untouched.py", "e2e/test_bad_answers.py", "test_demo.py", "test_demo_review.py"),
    *("github/test_life.py", "github/test_ends.py", "github/test_fix.py", "github/test_forks.py"),
    *("github/test_attacks.py", "github/test_comment_commands.py", "cli/test_stats.py"),
    *("test_action.py", "test_action_commits.py"),
)
# Each takes so long that the other workers would wait for it at the end.
_LONG = (
    *("acp/test_npm_writers.py", "acp/test_npm_agents.py", "acp/test_kills.py"),
    *("e2e/test_crash.py", "test_api.py", "engine/test_moved_branch.py"),
    *("engine/test_workers.py", "engine/test_answers.py", "e2e/test_projects.py"),
)
_LEFT_OUT = pytest.StashKey[Counter[str]]()  # how many tests of each file
_CASES: Counter[str] = Counter()  # of each test that is `slow_but` a few
_ROOM = 2 * 1024**3  # bytes; several times what all tests together hold at one time


def pytest_configure(config: pytest.Config) -> None:
    """Keep temporary folders in memory where there is room, unless the person names a place.

    The product syncs what it writes, so on a disk the tests wait a third of their time.
    """
    config.stash[_LEFT_OUT] = Counter()
    asked = config.getoption("basetemp") or os.environ.get("PYTEST_DEBUG_TEMPROOT")
    if not asked and os.access(_MEMORY, os.W_OK):
        found = os.statvfs(_MEMORY)
        if found.f_bavail * found.f_frsize > _ROOM and not found.f_flag & os.ST_NOEXEC:
            os.environ["PYTEST_DEBUG_TEMPROOT"] = str(_MEMORY)
    # A shell starts what stands in the background deaf to Ctrl-C, and so would be all it starts.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if "PYTEST_XDIST_WORKER" not in os.environ and config.getoption("numprocesses", None):
        share_prepared()
    gc.disable()  # until all tests are collected; nearly all that is made by then stays
    if not sys.dont_write_bytecode and "PYTEST_XDIST_WORKER" in os.environ:
        _compile_share(config)


def _compile_share(config: pytest.Config) -> None:
    """Compile this worker's share of the files that each worker is about to import.

    They import the same files in the same order: where nothing is compiled yet, as in a fresh
    clone, each of them would compile all, which takes a worker nine seconds. pytest compiles tests
    itself, with an `assert` of its own, and does that nowhere but in the import.
    """
    number, workers = (
        int(os.environ[f"PYTEST_XDIST_WORKER{end}"].lstrip("gw")) for end in ("", "_COUNT")
    )
    here = Path(__file__).parent
    modules = [*Path(reviewloop.__file__).parent.rglob("*.py"), *here.glob("support/**/*.py")]
    for module in sorted(modules)[number::workers]:
        compileall.compile_file(module, quiet=2)
    tests = [path for path in here.rglob("test_*.py") if here / "corpus" not in path.parents]
    for test in sorted(tests)[number::workers]:
        place = rewrite.get_cache_dir(test) / (test.stem + rewrite.PYC_TAIL)
        if not place.exists() and rewrite.try_makedirs(place.parent):
            source, code = rewrite._rewrite_test(test, config)
            rewrite._write_pyc(config.stash[rewrite.assertstate_key], code, source, place)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark as slow the cases that `slow_but` does not name."""
    if few := item.get_closest_marker("slow_but"):
        function, _, case = item.nodeid.removesuffix("]").partition("[")
        every = few.kwargs.get("every", 0)
        if case not in few.args and (not every or _CASES[function] % every):
            item.add_marker(pytest.mark.slow)
        _CASES[function] += 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is slow, unless all has to run, and deal the rest to the workers."""
    if not _runs_slow(config):
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.stash[_LEFT_OUT].update(item.nodeid.partition("::")[0] for item in slow)
        items[:] = [item for item in items if not item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
    _deal(items)


def _deal(items: list[pytest.Item]) -> None:
    """Let each worker begin with some of the longest, then those that share something dear.

    Workers steal from the end: else two of them would get a part of such a module each, and both
    would pay for all of it.
    """
    here = Path(__file__).parent
    first = {here / name: place for place, name in enumerate(_SHARING)}
    items.sort(key=lambda item: first.get(item.path, len(first)))
    for item in items:
        if item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.timeout(_LONGEST))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    hands: list[list[pytest.Item]] = [[] for _ in range(workers)]
    long = {here / name: place for place, name in enumerate(_LONG)}
    for item in items:
        if item.path in long:
            hands[long[item.path] % workers].append(item)
    rest = [item for item in items if item.path not in long]
    dealt: list[pytest.Item] = []
    for number, hand in enumerate(hands):  # as xdist cuts the list: evenly, from its beginning
        count = max(0, (len(items) - len(dealt)) // (workers - number) - len(hand))
        dealt += [*hand, *rest[:count]]
        del rest[:count]
    items[:] = [*dealt, *rest]


def pytest_collection_finish() -> None:
    """Let the garbage collector look only at what tests make from here on.

    Searching thousands of tests and the libraries again and again took a tenth of all the time.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)
    gc.enable()


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Leave out what `needs_<program>` that is not there; in CI all has to run."""
    for mark in item.iter_markers():
        program = mark.name.removeprefix("needs_")
        if program in _LINUX_ONLY and sys.platform != "linux":
            pytest.skip(f"{_OF_LINUX}: {program}")
        if program == mark.name or os.environ.get("CI"):
            continue
        if program == "landlock":
            if levels.kernel_version() < 3:
                pytest.skip("the kernel has no Landlock, or one before Linux 6.2")
        elif program == "postgresql":
            if postgres.programs() is None:
                pytest.skip("PostgreSQL is not installed")
        elif shutil.which(_PROGRAMS.get(program, program)) is None:
            pytest.skip(f"{program} is not installed")


def _runs_slow(config: pytest.Config) -> bool:
    return bool(os.environ.get("CI")) or "slow" in config.option.markexpr


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail in CI when something was left out for a reason that is not named here."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = dict(session.config.stash[_LEFT_OUT])
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if not os.environ.get("CI") or hasattr(session.config, "workerinput") or reporter is None:
        return
    reasons = [(r.nodeid, r.longrepr[2]) for r in reporter.stats.get("skipped", []) if r.longrepr]
    for test, reason in reasons:
        if not reason.removeprefix("Skipped: ").startswith(_MAY_LACK):
            reporter.write_line(f"not run in CI: {test}: {reason}", red=True)
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker what it left out; all of them leave out the same."""
    node.config.stash[_LEFT_OUT] |= Counter(getattr(node, "workeroutput", {}).get("left_out"))


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """List by file what was not run because it is slow."""
    if left_out := config.stash[_LEFT_OUT]:
        how = "`CI=1` or `-m slow` runs them, `.ci/run` always does"
        terminalreporter.section(f"{left_out.total()} not run: slow; {how}")
        for file, count in sorted(left_out.items()):
            terminalreporter.line(f"{count:4} {file}")


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Return paths for homes, numbered here: `mktemp` looks through all homes for its number."""
    folder = tmp_path_factory.mktemp("homes")
    return (folder / str(number) for number in itertools.count())


@pytest.fixture(scope="session")
def of_all_workers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder that all test processes of this run have in common."""
    own = tmp_path_factory.getbasetemp()
    return own.parent if "PYTEST_XDIST_WORKER" in os.environ else own


@pytest.fixture(autouse=True)
def private_home(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give the test an empty home and drop what could spend money or reach another machine."""
    home = next(homes)
    home.mkdir(0o700)
    for name in list(os.environ):
        if name.startswith(_LEAKY) or name in {"VIRTUAL_ENV", "NO_COLOR", "FORCE_COLOR"}:
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(home / ".local/state"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(home / ".cache"))
    monkeypatch.setenv("REVIEWLOOP_STATE_DIR", str(home / "state"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    return home


def _git(folder: Path, *args: str, env: dict[str, str] | None = None) -> str:
    command = ["git", *args]
    done = subprocess.run(
        command, cwd=folder, env=env, check=True, capture_output=True, text=True, errors="replace"
    )
    return done.stdout.strip()


@pytest.fixture
def git() -> Callable[..., str]:
    """Return a function that runs git in a folder and returns what it printed."""
    return _git


@pytest.fixture(scope="session")
def first_commit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the repository that `repo` copies: one copy costs a fifth of making it anew."""
    folder = tmp_path_factory.mktemp("first") / "project"
    folder.mkdir()
    # Made before the first test has its empty home.
    alone = {"PATH": os.environ["PATH"], "HOME": str(folder.parent)}
    _git(folder, "init", "-q", "-b", "main", env=alone)
    for sample in folder.glob(".git/hooks/*.sample"):
        sample.unlink()
    _git(folder, "config", "user.name", "Ada Example", env=alone)
    _git(folder, "config", "user.email", "ada@example.org", env=alone)
    (folder / "README.md").write_text("# project\n")
    _git(folder, "add", "README.md", env=alone)
    _git(folder, "commit", "-q", "-m", "first", env=alone)
    return folder


@pytest.fixture
def repo(tmp_path: Path, first_commit: Path) -> Path:
    """Return a real repository on branch main with one commit and an identity."""
    folder = tmp_path / "project"
    shutil.copytree(first_commit, folder)
    refresh_index(folder)  # the copied file is another one to git
    return folder
