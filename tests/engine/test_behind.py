"""A checkout behind its remote: workers start from the remote, and so do queued tasks."""

from subprocess import CalledProcessError

import pytest
from support.many import SPEC, TASKS
from support.processes import asked
from support.team import Team

pytestmark = pytest.mark.needs_postgresql


def queued(crew: Team) -> list[str]:
    rows = asked(
        crew, "SELECT args->>'task' FROM procrastinate_jobs WHERE status = 'todo' ORDER BY id"
    )
    return [task for (task,) in rows]


def push_from_elsewhere(crew: Team, path: str, text: str) -> str:
    """Push one commit from another clone; return it."""
    other = crew.machine("other", crew.folder / "other")
    if not (other.root / ".git").exists():
        other.git("clone", "-q", "-b", crew.branch, str(crew.remote), ".")
        other.git("config", "user.name", "Somebody")
        other.git("config", "user.email", "somebody@example.org")
    other.git("pull", "-q")
    other.write(path, text)
    other.git("add", path)
    other.git("commit", "-q", "-m", f"Write {path}")
    other.git("push", "-q", "origin", crew.branch)
    return other.git("rev-parse", "HEAD")


@pytest.mark.slow
def test_who_is_only_behind_queues_what_is_open_at_the_remote(team):
    crew = team()
    push_from_elsewhere(crew, "notes.md", "# Notes\n")
    there = push_from_elsewhere(crew, SPEC, TASKS.replace("[ ] 1", "[x] 1"))
    before = crew.person.git("for-each-ref")
    said = crew.enqueue("--tasks", "2,4")
    assert said.code == 0, said.err
    why = f"this checkout is 2 commits behind {crew.branch} of origin; workers start from there"
    assert why in said.err
    assert queued(crew) == ["2", "4"]
    assert f"0 tasks queued for {crew.branch} of {crew.remote} (2 were queued already)" in (
        crew.enqueue("--tasks", "2,4").err
    )
    assert crew.person.git("for-each-ref") == before
    with pytest.raises(CalledProcessError):  # nothing was fetched into the person's repository
        crew.person.git("cat-file", "-e", there)
    machine = crew.machine("one")
    assert crew.work(machine).code == 0
    assert "0 tasks queued" in crew.enqueue("--tasks", "2,4").err
    # Nor does a pull change anything.
    crew.person.git("pull", "-q", "origin", crew.branch)
    said = crew.enqueue("--tasks", "2,4")
    assert ("commits behind" in said.err, "0 tasks queued" in said.err) == (False, True)


def test_what_was_not_pushed_is_asked_for(team):
    crew = team()
    crew.person.write("mine.md", "# Mine\n")
    crew.person.git("add", "mine.md")
    crew.person.git("commit", "-q", "-m", "Mine")
    said = crew.enqueue()
    assert said.code == 2
    assert f"1 commit of {crew.branch} is not at origin: push it first" in said.err
    push_from_elsewhere(crew, "notes.md", "# Notes\n")
    said = crew.enqueue()
    assert said.code == 2
    assert (
        f"1 commit of {crew.branch} is not at origin, which has 1 more: pull and push" in said.err
    )
    crew.person.git("reset", "-q", "--hard", "HEAD~1")
    crew.person.git("switch", "-q", "-c", "other")
    said = crew.enqueue()
    assert said.code == 2
    assert "other is not at origin: push it first" in said.err
    assert asked(crew, "SELECT to_regclass('reviewloop.batches')") == [(None,)]
