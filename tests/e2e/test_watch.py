"""`watch`: hooks fire on the user's own edits only; their changes need an approval."""

import signal
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from support.parts import cast

from reviewloop.app.watch import Edit, quiet_moments, watching
from reviewloop.checkout.files import Content, Disk, Kind
from reviewloop.domain.errors import UsageError, WorkspaceError
from reviewloop.git.repository import discover
from reviewloop.hooks.hook import Event

pytestmark = pytest.mark.needs_bubblewrap
HOOKS = """
name: {name}
trigger:
  event: {event}
  filter: ["shop/**/*.py", "!shop/skipped.py"]
action:
  command: {command}
  blocking: false
"""
NOTES = "echo {event} {filename}"
SAVE, CREATE, DELETE = Event.FILE_SAVE, Event.FILE_CREATE, Event.FILE_DELETE


@pytest.fixture
def watched(shop):
    """Return a function: commands by event -> checkout and a watch of it."""
    with ExitStack() as stack:

        def begin(trust=True, **commands):
            files = {
                f".reviewloop/hooks/{name}.yaml": HOOKS.format(
                    name=name, event=f"file.{name}", command=command
                )
                for name, command in commands.items()
            }
            checkout = shop(cast(), files=files)
            if trust:
                assert checkout.run("trust", "--yes").code == 0
            stack.enter_context(checkout.inside())
            watch = stack.enter_context(watching(discover(checkout.root)))
            return checkout, watch

        yield begin


def edits(watch):
    """Return what a look tells, and the second one that a file which is gone needs."""
    return watch.look() or (watch.look() if watch.waits else [])


def test_saving_creating_and_deleting_are_told_once(watched):
    checkout, watch = watched(save=NOTES)
    assert "shop/store.py" in watch.files()
    assert edits(watch) == []
    checkout.write("shop/store.py", "a = 1\n")
    checkout.write("shop/new.py", "b = 1\n")
    (checkout.root / "shop/digest.py").unlink(missing_ok=True)
    found = edits(watch)
    assert Edit(SAVE, "shop/store.py") in found
    assert [one.event for one in found if one.path == "shop/new.py"] == [CREATE, SAVE]
    assert edits(watch) == []


def test_a_save_by_rename_is_a_save_and_its_temporary_file_is_nothing(watched):
    checkout, watch = watched(save=NOTES)
    path = checkout.root / "shop/store.py"
    beside = checkout.write("shop/.store.py.swp", "x = 2\n")
    beside.rename(path)
    checkout.write("shop/4913", "").unlink()
    backup = path.rename(f"{path}~")  # vim with backup: the file is gone for a moment
    assert watch.look() == []
    assert watch.waits
    path.write_text("x = 3\n")
    backup.unlink()
    assert edits(watch) == [Edit(SAVE, "shop/store.py")]


def test_a_deleted_file_is_told_after_a_second_look(watched):
    checkout, watch = watched(delete=NOTES)
    (checkout.root / "shop/store.py").unlink()
    assert watch.look() == []
    [edit] = watch.look()
    assert edit == Edit(DELETE, "shop/store.py")
    [ended] = watch.fire(edit)
    assert (ended.exit_code, ended.output) == (0, "file.delete store.py")


@pytest.mark.slow
def test_what_reviewloop_and_git_write_fires_nothing(watched):
    checkout, watch = watched(save=NOTES)
    disk = Disk(checkout.root)
    disk.write("shop/store.py", Content(Kind.FILE, b"own = 1\n"), ".own")
    assert edits(watch) == []
    checkout.write("shop/store.py", "mine = 1\n")
    assert edits(watch) == [Edit(SAVE, "shop/store.py")]
    checkout.git("commit", "-qam", "mine")
    assert edits(watch) == []
    checkout.git("reset", "-q", "--hard", "HEAD^")
    assert edits(watch) == []
    assert checkout.run("run", "next").code == 4
    assert checkout.run("approve").code == 0
    assert edits(watch) == []


@pytest.mark.slow
def test_what_a_hook_writes_is_proposed_and_written_after_a_yes_only(watched):
    command = "echo '# seen' >> $KIRO_HOOK_FILE; echo x > .env; exit 3"
    checkout, watch = watched(save=f'"{command}"')
    checkout.write("shop/store.py", "mine = 1\n")
    [edit] = edits(watch)
    [ended] = watch.fire(edit)
    assert ended.exit_code == 3
    assert ended.proposal.files == {"shop/store.py": (b"mine = 1\n", b"mine = 1\n# seen\n")}
    assert "not proposed: .env may hold secrets" in ended.output
    assert checkout.read("shop/store.py") == "mine = 1\n"
    watch.write(ended.proposal)
    assert checkout.read("shop/store.py") == "mine = 1\n# seen\n"
    assert edits(watch) == []
    checkout.write("shop/store.py", "other = 1\n")
    with pytest.raises(WorkspaceError, match="edited meanwhile; nothing was written"):
        watch.write(ended.proposal)


@pytest.mark.slow
def test_filters_hold_and_files_that_git_ignores_are_not_watched(watched):
    checkout, watch = watched(save=NOTES)
    checkout.write(".gitignore", "shop/ignored.py\n")
    for name in ("skipped", "ignored"):
        checkout.write(f"shop/{name}.py", "a = 1\n")
    found = edits(watch)
    assert not [one for one in found if "ignored" in one.path]
    assert [ended for edit in found for ended in watch.fire(edit)] == []


def test_a_hook_that_nobody_trusts_does_not_run(watched):
    with pytest.raises(UsageError, match="hook save is not trusted"):
        watched(trust=False, save=NOTES)


@pytest.mark.slow
def test_edits_are_told_when_it_is_quiet(watched):
    checkout, watch = watched(save=NOTES)

    def events():
        yield []
        checkout.write("shop/store.py", "a = 1\n")
        yield ["shop/store.py"]
        checkout.write("shop/store.py", "a = 2\n")
        yield ["shop/store.py"]
        yield []
        yield []

    assert [*quiet_moments(events(), watch)] == [[Edit(SAVE, "shop/store.py")]]


@pytest.mark.slow
def test_without_its_library_the_command_says_how_to_get_it(shop, monkeypatch):
    text = HOOKS.format(name="save", event="file.save", command=NOTES)
    checkout = shop(cast(), files={".reviewloop/hooks/save.yaml": text})
    assert checkout.run("trust", "--yes").code == 0
    monkeypatch.setitem(sys.modules, "watchfiles", None)
    said = checkout.run("watch")
    assert said.code == 2
    assert "watching needs watchfiles; `pip install" in said.err


@pytest.mark.slow
def test_the_command_says_what_it_watches_and_ends_with_ctrl_c(shop):
    text = HOOKS.format(name="save", event="file.save", command=NOTES)
    checkout = shop(cast(), files={".reviewloop/hooks/save.yaml": text})
    assert checkout.run("trust", "--yes").code == 0
    listed = checkout.run("watch", "--files").out.splitlines()
    assert "shop/store.py" in listed
    assert "README.md" not in listed
    process = subprocess.Popen(
        [sys.executable, "-m", "reviewloop", "watch"],
        env=checkout.environ,
        cwd=checkout.root,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stderr is not None
        lines = iter(process.stderr.readline, "")
        assert any("shop/store.py" in line for line in lines)
        beside = checkout.write("shop/.new", "a = 1\n")
        beside.rename(checkout.root / "shop/store.py")
        assert next(line for line in lines if " hook " in line) == (
            "shop/store.py saved: hook save: exit code 0\n"
        )
        process.send_signal(signal.SIGINT)
        assert "no longer watching" in process.stderr.read()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
    assert not [*Path(checkout.state).rglob("watching")]
