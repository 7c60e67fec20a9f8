"""The ladder of levels: a level counts after a successful trial; its absence is reported."""

import json
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest

from reviewloop.app.run import opening
from reviewloop.app.sandboxing import describe_sandbox, levels_of, require_sandbox, sandbox_finder
from reviewloop.cli import doctor
from reviewloop.domain.errors import UsageError
from reviewloop.loop.nodes import propose
from reviewloop.render.event_lines import describe
from reviewloop.sandbox import choose as ladder
from reviewloop.sandbox import levels, proof
from reviewloop.sandbox import run as sandbox_run
from reviewloop.sandbox.base import Grants, Level, Limits, Sandbox, Started, Unconfined
from reviewloop.sandbox.choose import choose, how_to_improve
from reviewloop.sandbox.proof import escapes
from reviewloop.settings import Settings, load_settings
from reviewloop.store.events import Events

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="these levels are Linux's")


def settings(
    user: str = "", repository: str = "", environ: Mapping[str, str] | None = None
) -> Settings:
    """Return the settings that these layers make."""
    return load_settings(
        user=user.encode(),
        repository=repository.encode(),
        repository_name="reviewloop.toml",
        environ=environ or {},
        flags={},
    ).settings


UID_MAP = "bwrap: setting up uid map: Permission denied"
LOOPBACK = "bwrap: loopback: Failed RTM_NEWADDR: Operation not permitted"


@pytest.fixture
def bwrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return a function that makes a script the only bwrap on PATH; "" for none."""

    def put(script: str) -> None:
        folder = tmp_path / "bin"
        folder.mkdir()
        for program in ("git", "sh"):
            (folder / program).symlink_to(next(Path(p, program) for p in ("/usr/bin", "/bin")))
        if script:
            (folder / "bwrap").write_text(f"#!/bin/sh\n{script}\n")
            (folder / "bwrap").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder))

    return put


@pytest.fixture
def no_landlock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(levels, "kernel_version", lambda: 0)


@pytest.fixture(params=["1", "0"])
def restricted(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> bool:
    """Say for the kernel whether AppArmor restricts name spaces."""
    (tmp_path / "sysctl").write_text(f"{request.param}\n")
    monkeypatch.setattr(ladder, "_RESTRICTION", tmp_path / "sysctl")
    return request.param == "1"


CONFINES_NOTHING = 'while [ "$1" != -- ]; do shift; done; shift; exec "$@"'


@pytest.mark.needs_landlock
def test_a_bwrap_that_confines_nothing_is_rejected_with_what_got_out(
    bwrap: Callable[[str], None],
) -> None:
    bwrap(CONFINES_NOTHING)
    sandbox = choose()
    assert sandbox.level is Level.LANDLOCK
    (problem,) = sandbox.refused
    assert problem.startswith("bubblewrap: a trial command got out of it (write a new file, ")
    for way in ("read a file", "any environment", "a TCP port", "an abstract socket"):
        assert way in problem
    assert sandbox.is_proven
    assert problem in describe_sandbox(sandbox)


@pytest.mark.needs_landlock
@pytest.mark.parametrize("message", [UID_MAP, LOOPBACK])
def test_ubuntus_restriction_is_known_by_name(
    bwrap: Callable[[str], None], restricted: bool, message: str
) -> None:
    bwrap(f"echo '{message}' >&2; exit 1")
    sandbox = choose()
    assert sandbox.level is Level.LANDLOCK
    assert f"bubblewrap: it does not start: {message}" in sandbox.refused[0]
    told = " ".join(how_to_improve(sandbox))
    assert ("AppArmor profile for /usr/bin/bwrap" in told) is restricted
    assert "install bubblewrap" not in told


@pytest.mark.parametrize(
    "script",
    ["exit 0", "sleep 60", "kill -9 $$", "echo inside", "printf 'inside\\nover\\n'"],
    ids=lambda text: text,
)
def test_a_bwrap_that_does_nothing_of_use_is_rejected(
    bwrap: Callable[[str], None],
    no_landlock: None,
    monkeypatch: pytest.MonkeyPatch,
    script: str,
) -> None:
    monkeypatch.setattr(levels, "_HELP_SECONDS", 0.5)
    monkeypatch.setattr(proof, "_SECONDS", 0.5)
    monkeypatch.setattr(sandbox_run, "_GRACE", 0.1)
    bwrap(f"PATH=/usr/bin:/bin; {script}")
    assert choose().level is Level.NONE


def test_what_is_left_when_nothing_holds(
    bwrap: Callable[[str], None], no_landlock: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bwrap("")
    monkeypatch.delenv("CI", raising=False)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    sandbox = choose()
    assert (sandbox.level, len(sandbox.refused)) == (Level.NONE, 2)
    assert next(iter(how_to_improve(sandbox))).startswith("install bubblewrap")

    with pytest.raises(UsageError, match="no sandbox holds here") as refusal:
        require_sandbox(Settings(), "")
    assert refusal.value.exit_code == 2
    assert "bwrap is not installed" in str(refusal.value)
    assert "--no-sandbox" in str(refusal.value)
    assert "\n" not in str(refusal.value)

    assert require_sandbox(Settings(), "accepted").level is Level.NONE
    monkeypatch.setenv("CI", "1")
    with pytest.raises(UsageError, match="--no-sandbox does not count in CI"):
        require_sandbox(Settings(), "accepted")

    with pytest.raises(UsageError) as in_ci:
        require_sandbox(Settings(), "")
    assert "accept it" not in str(in_ci.value)

    declared = settings(environ={"REVIEWLOOP_SANDBOX__EXTERNAL": "true"})
    assert require_sandbox(declared, "").level is Level.EXTERNAL
    assert not require_sandbox(declared, "").is_proven
    assert "not proven" in describe_sandbox(require_sandbox(declared, ""))


def test_a_named_level_is_the_only_one_that_is_tried(bwrap: Callable[[str], None]) -> None:
    bwrap("")
    sandbox = choose(requested="bubblewrap")
    assert sandbox.level is Level.NONE
    assert "sandbox.level is bubblewrap, not auto" in next(iter(how_to_improve(sandbox)))
    assert choose(requested="sandbox-exec").refused == (
        "sandbox-exec: this system does not have it",
    )
    assert sandbox.refused == ("bubblewrap: the program bwrap is not installed",)


@pytest.mark.parametrize("line", ["external = true", 'level = "landlock"', 'read = ["/etc"]'])
def test_a_repository_does_not_choose_its_own_sandbox(line: str) -> None:
    text = f"[sandbox]\n{line}\n"
    assert settings(user=text).sandbox != Settings().sandbox, "the control"
    with pytest.raises(UsageError, match=r"sandbox\.(external|level|read)"):
        settings(repository=text)


@pytest.mark.parametrize("number", ["processes = 2000", "memory_mb = 9000", "file_mb = 5000"])
def test_a_repository_does_not_raise_the_limits(number: str) -> None:
    with pytest.raises(UsageError, match="sandbox"):
        settings(repository=f"[sandbox]\n{number}\n")


@pytest.mark.needs_bubblewrap
@pytest.mark.parametrize("path", [".", "", "bin", "{repo}/bin"])
def test_a_bwrap_of_the_repository_is_not_used(
    repo: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    (repo / "bin").mkdir()
    for place in (repo / "bwrap", repo / "bin/bwrap"):
        place.write_text(f"#!/bin/sh\ntouch {repo}/used\n{CONFINES_NOTHING}\n")
        place.chmod(0o755)
    monkeypatch.chdir(repo)
    monkeypatch.setenv("PATH", os.pathsep.join([path.format(repo=repo), os.environ["PATH"]]))
    assert choose(requested="bubblewrap").level is Level.BUBBLEWRAP
    assert not (repo / "used").exists()


@dataclass(frozen=True)
class OldKernel:
    """Landlock as an older kernel has it: its launcher is told a lower version."""

    script: Path
    version: int
    level: Level = Level.LANDLOCK

    def start(self, argv: Sequence[str], cwd: Path, grants: Grants, limits: Limits) -> Started:
        reading = (*grants.read, self.script, levels.__file__)
        started = levels.Landlock(self.version).start(
            argv, cwd, Grants(grants.work, read=(*reading, Path(__file__).parents[2])), limits
        )
        options = [option for option in started.options if not option.startswith("watch-")]
        python = [sys.executable, "-I", "-S", str(self.script), str(self.version)]
        return Started((*python, *options, "--", *argv))


_OLD = """import os, sys
sys.path.insert(0, {package!r})
from sandbox import confine
confine.landlock_version = lambda: int(sys.argv[1])
end = sys.argv.index("--")
confine.apply(sys.argv[2:end])
os.execv(sys.argv[end + 1], sys.argv[end + 1:])
"""


@pytest.mark.needs_landlock
@pytest.mark.parametrize(
    ("version", "ways"), [(1, "empty a file"), (2, "empty a file"), (3, None), (7, None)]
)
def test_a_kernel_whose_landlock_lets_files_be_emptied_is_rejected(
    tmp_path: Path, version: int, ways: str | None
) -> None:
    script = tmp_path / "old.py"
    script.write_text(_OLD.format(package=str(Path(levels.__file__).parents[1])))
    problem = escapes(Sandbox(OldKernel(script, version)))
    if ways is None:
        assert problem is None
    else:
        assert problem is not None
        assert ways in problem


def test_no_sandbox_at_all_is_seen() -> None:
    problem = escapes(Sandbox(Unconfined()))
    assert problem is not None
    assert problem.count(",") >= 12


@pytest.mark.needs_landlock
def test_doctor_shows_the_level_and_how_to_get_a_better_one(
    bwrap: Callable[[str], None], restricted: bool
) -> None:
    bwrap(f"echo '{UID_MAP}' >&2; exit 1")
    shown = list(doctor._sandbox([]))
    assert shown[0].mark == "ok"
    assert shown[0].text.startswith("landlock, proven by trying to get out (bubblewrap: ")
    notes = [check.text for check in shown[1:]]
    assert any("no local network" in note for note in notes)
    assert any("AppArmor profile" in note for note in notes) is restricted


def test_doctor_says_when_a_run_would_be_refused(
    bwrap: Callable[[str], None], no_landlock: None
) -> None:
    bwrap("")
    shown = list(doctor._sandbox([]))
    assert shown[0].mark == "bad"
    assert "install bubblewrap" in shown[1].text


@pytest.mark.needs_bubblewrap
def test_commands_that_go_on_at_another_level_are_told_of_once(tmp_path: Path) -> None:
    record = SimpleNamespace(options={"sandbox": "landlock", "unsandboxed": ""})
    saved: list[object] = []
    repository = SimpleNamespace(runs=SimpleNamespace(save=saved.append))
    events = Events(tmp_path / "events.jsonl")
    find = sandbox_finder(
        Settings(), record.options, partial(opening._note_level, repository, record, events)
    )
    context = SimpleNamespace(record=record)
    assert propose._other_sandboxes(context) == []
    assert find().level is find().level is Level.BUBBLEWRAP
    assert levels_of(record.options) == ["landlock", "bubblewrap"]
    assert saved == [record]
    (line,) = (tmp_path / "events.jsonl").read_text().splitlines()
    assert "until now it was landlock" in describe(json.loads(line))
    (warning,) = propose._other_sandboxes(context)
    assert "landlock, then bubblewrap" in warning
