"""Common kinds of remotes: over HTTP with credentials, over ssh; and refusals."""

import os
from collections.abc import Iterator
from contextlib import closing, contextmanager
from subprocess import run
from types import SimpleNamespace

import psycopg
import pytest
from support.git_http import GitHttp
from support.shop import make_shop
from support.team import Team

from reviewloop.app.fleet.workplace import Pushing
from reviewloop.domain.errors import WorkspaceError
from reviewloop.git.private import PrivateRepo
from reviewloop.git.transfer import push, refresh_clone, remote_head, remote_of

TOKEN = "-".join(("token", "of", "a", "worker", "7c1e" * 4))


@contextmanager
def over_http(crew: Team) -> Iterator[GitHttp]:
    """Serve the remote over HTTP; the person has the token in the address, who else asks for it."""
    with GitHttp(crew.folder, TOKEN) as host:
        place = host.url.removeprefix("http://")
        crew.person.git(
            "remote", "set-url", "origin", f"http://x-access-token:{TOKEN}@{place}/remote.git"
        )
        yield host


def may_log_in(machine, host: GitHttp) -> None:
    place = host.url.removeprefix("http://")
    (machine.home / ".gitconfig").write_text("[credential]\n\thelper = store\n")
    (machine.home / ".git-credentials").write_text(f"http://x-access-token:{TOKEN}@{place}\n")


def everything_in(url: str) -> str:
    """Return all values of all tables of a store as text."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables WHERE schemaname = 'reviewloop'"
        ).fetchall()
        rows = [
            connection.execute(f"SELECT t::text FROM {name} t").fetchall() for (name,) in tables
        ]
    assert sum(map(len, rows)) > 20
    return str(rows)


@pytest.mark.slow
@pytest.mark.needs_postgresql
def test_over_http_with_a_helper_and_a_push_that_is_refused_can_be_approved_again(team):
    crew = team()
    with over_http(crew) as host:
        queued = crew.enqueue("--tasks", "1")
        assert queued.code == 0, queued.err
        machine, elsewhere = crew.machine("one"), crew.machine("elsewhere")
        heard = [queued, crew.work(machine)]
        assert "does not accept these credentials" in heard[-1].err
        may_log_in(machine, host)
        with psycopg.connect(crew.url) as connection:  # it would be tried again in half a minute
            connection.execute("UPDATE reviewloop.procrastinate_jobs SET scheduled_at = NULL")
        heard.append(crew.work(machine))
        [row] = elsewhere.json("queue")["runs"]
        assert row["state"] == "waiting"

        # The host forbids it: the run says so, waits as before, and is committed by the next word.
        hook = crew.remote / "hooks/pre-receive"
        hook.parent.mkdir(exist_ok=True)
        key = "AKIA" + "Q3EGRIT7JZ5PWNXK"
        words = f"No pushes today, says {key}; " + 40 * "come again "
        hook.write_text(f"#!/bin/sh\necho '====='\necho '{words}' >&2\nexit 1\n")
        hook.chmod(0o755)
        for refusal, why in (
            (lambda: None, "the rules of"),
            (lambda: host_allows_no_push(crew), "does not accept these credentials"),
        ):
            refusal()
            assert elsewhere.run("approve", row["run"]).code == 0
            heard.append(crew.work(machine))
            assert crew.history() == []
            [shown] = elsewhere.json("queue")["runs"]
            assert shown["state"] == "waiting"
            assert why in shown["why"]
            assert f"`reviewloop approve {row['run']}` tries it again" in shown["why"]
            heard.append(elsewhere.run("status"))
            assert why in heard[-1].out
            if "rules" in why:
                assert "forbid it (it said: No pushes today, says " in shown["why"]
                assert "come again …)" in shown["why"] or "come …)" in shown["why"]
        crew.person.git("--git-dir", str(crew.remote), "config", "http.receivepack", "true")
        hook.unlink()
        assert elsewhere.run("approve", row["run"]).code == 0
        heard.append(crew.work(machine))
        assert crew.history() == ["Add part 1"]
        assert elsewhere.json("queue")["runs"] == []
        [told] = elsewhere.json("status")["batches"]
        assert [(t["state"], t["why"]) for t in told["tasks"]] == [("committed", "")]
    for secret in (TOKEN, key):
        assert secret not in everything_in(crew.url)
        assert secret not in str(heard)
    kept = [place for place in machine.state.rglob("*") if place.is_file()]
    assert [place for place in kept if TOKEN.encode() in place.read_bytes()] == []


def host_allows_no_push(crew: Team) -> None:
    crew.person.git("--git-dir", str(crew.remote), "config", "http.receivepack", "false")


SSH = """#!/bin/sh
# Does here what it is told to do there; knows one host only.
echo "$@" >> "$HOME/asked"
for last; do :; done
case "$*" in *elsewhere.example*) echo "Host key verification failed." >&2; exit 255;; esac
exec sh -c "$last"
"""


@pytest.mark.slow_but(every=4)
@pytest.mark.parametrize("address", ["ssh://git@build.example{}", "git@build.example:{}"])
@pytest.mark.parametrize("named", ["", "GIT_SSH_COMMAND"])
def test_over_ssh_nothing_is_asked(tmp_path, monkeypatch, address, named):
    root, home, programs = (tmp_path / name for name in ("project", "home", "programs"))
    for folder in (root, home, programs):
        folder.mkdir()
    make_shop(root)
    remote = tmp_path / "remote.git"
    run(["git", "clone", "-q", "--bare", str(root), str(remote)], check=True)
    ssh = programs / ("ssh-of-ours" if named else "ssh")
    ssh.write_text(SSH)
    ssh.chmod(0o755)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    if named:
        monkeypatch.setenv(named, str(ssh))
    place = address.format(remote)

    clone = refresh_clone(tmp_path / "clone", place, "work", identity=("Ada", "ada@example.org"))
    with closing(PrivateRepo.create(tmp_path / "private", clone)) as private:
        who = ("Ada", "ada@example.org")
        tree = private.tree_of(clone.head)
        commit = private.commit(tree, [clone.head], "Add nothing\n", who, who)
        there = remote_of(clone.git_dir, clone.root, place)
        push(private.git, there, commit, "work", clone.head)
        assert remote_head(private.git, there, "work") == commit

        # What is there is not pushed again; where somebody was quicker, nothing is.
        told, about = [], SimpleNamespace(branch="work", address=place)
        run_of_it = SimpleNamespace(run_id="1-x", base_commit=clone.head, evidence={})
        pushing = Pushing(clone, about, told.append)
        pushing.push(private.folder, run_of_it, commit)
        assert run_of_it.evidence == {"pushed": "work"}
        late = private.commit(tree, [clone.head], "Add another\n", who, who)
        with pytest.raises(WorkspaceError, match="has moved on meanwhile; nothing was touched"):
            pushing.push(private.folder, run_of_it, late)
        assert remote_head(private.git, there, "work") == commit
    asked = (home / "asked").read_text()
    assert "git-upload-pack" in asked
    assert "git-receive-pack" in asked
    assert named or asked.count("-o BatchMode=yes") == asked.count("git@build.example")
    unknown = place.replace("build.example", "elsewhere.example")
    with pytest.raises(WorkspaceError, match="known_hosts"):
        refresh_clone(tmp_path / "other", unknown, "work", identity=None)
