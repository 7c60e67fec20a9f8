"""State that an older reviewloop stored: how the fixture was made, and how a test opens it.

    python tests/support/stored.py CHECKOUT

makes tests/data/stored_by_before.tar.xz anew with the code of CHECKOUT, run by the Python of its
.venv. It was made by 5fe1f83, and is of use only as long as an older release made it: to test
another step, add a second file beside it.

Each site is a folder with a person's checkout, their home with the state folder, and the script
that plays the models. All are made below `MADE_AT`. A state folder knows its checkout by these, and
`unpack` moves it by changing them and nothing else: the folder of the repository is named by a hash
of the path of `.git`; the records of runs say where the checkout is; the private repositories of
runs borrow objects from it and from each other (`alternates`) and remember where it was
(`reviewloop.json`); what was promoted says from where to where (`promotion.json`). A store names
the remote, and a hash of its path.

Two things are not as they were stored: the environments of gates are left out, for they name the
machine and are made again where they are missing; and the locks, which nobody holds, name another
host.
"""

import hashlib
import json
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support import postgres
from support.shop import make_shop

ARCHIVE = Path(__file__).resolve().parents[1] / "data" / "stored_by_before.tar.xz"
MADE_AT = "/tmp/stored-by-reviewloop"
KILLED = -9
WAITING = 4
SETTINGS = {
    "REVIEWLOOP_GATES__BUILD__ENABLED": "false",
    "REVIEWLOOP_GATES__COVERAGE__ENABLED": "false",
    "REVIEWLOOP_GATES__TEST__COMMAND": '["python3", "-S", "checks.py"]',
    "REVIEWLOOP_REVIEW__ANALYSERS_OFF": '["*"]',
    "REVIEWLOOP_MODELS__REASONING": "script:../replies.json",
    "REVIEWLOOP_MODELS__GENERATION": "script:../replies.json",
}
CHECKS = """import os, sys
sys.path.insert(0, ".")
for name in sorted(os.listdir("tests")):
    if name.startswith("test_") and name.endswith(".py"):
        module = {}
        exec(open(os.path.join("tests", name)).read(), module)
        for test in [one for one in module if one.startswith("test_")]:
            module[test]()
"""
_LEFT_OUT = {"environment", "__pycache__"}

Reply = dict[str, Any]

HEAD = '"""Search."""\n\n\ndef items_of(db, customer):\n    """Return the items, oldest first."""\n'
INJECTION = (
    "    rows = db.execute(f\"select item from orders where customer = '{customer}' order by id\")"
)
BOUND = (
    '    rows = db.execute("select item from orders where customer = ? order by id", (customer,))'
)
TAIL = "\n    return [item for (item,) in rows]\n"
SEARCH_TEST = """from shop.search import items_of
from shop.store import add, connect


def test_items_come_in_the_order_they_were_stored():
    db = connect()
    for item in ("pen", "ink"):
        add(db, "ada", item)
    assert items_of(db, "ada") == ["pen", "ink"]
"""
REPORT = (
    '"""Report."""\n\n\ndef report(items):\n    """Return a line for each."""\n    return items\n'
)
FINDING = {
    "severity": "must_fix",
    "title": "The customer's name becomes part of the SQL",
    "category": "injection",
    "why": "A name with a quote reads every order.",
    "suggestion": "Bind the name.",
    "path": "shop/search.py",
    "quote": INJECTION,
}
REVIEWERS = ("security", "infrastructure", "maintainability", "performance", "spec", "test-quality")


def replies() -> list[Reply]:
    """Return what the models say: two tasks, one finding and its fix."""
    search = {"shop/search.py": HEAD + INJECTION + TAIL, "tests/test_search.py": SEARCH_TEST}
    bound = {"path": "shop/search.py", "old_str": INJECTION, "new_str": BOUND}
    resolved = {"id": "${finding}", "resolved": True, "quote": BOUND, "reason": "bound"}
    return [
        _writes("## Task 2.1:", "Find the items of a customer", search),
        _writes("## Task 2.2:", "Report items", {"shop/report.py": REPORT}),
        {
            "agent": "fix",
            "turns": [_calls("fs_write", command="str_replace", **bound), _finish("")],
        },
        {
            "agent": "quick-review",
            "capture": {"finding": r"(?m)^id: (\w+)$"},
            **_calls("report_resolution", resolutions=[resolved], new_findings=[]),
        },
        {
            "agent": "review-security",
            "step": "review",
            "when": "execute(f",
            **_calls("report_findings", findings=[FINDING]),
        },
        *(
            {"agent": f"review-{name}", "step": "review", **_calls("report_findings", findings=[])}
            for name in REVIEWERS
        ),
    ]


def without(agent: str) -> list[Reply]:
    """Return what the models say, one of them never asked: it has no reply to give."""
    return [reply for reply in replies() if reply["agent"] != agent]


def unreachable(agent: str) -> list[Reply]:
    """Return what the models say while nobody may ask one of them."""
    return [*without(agent), {"agent": agent, "error": "access"}]


def failing() -> list[Reply]:
    """Return what models say that cannot make the tests pass."""
    search = {"shop/search.py": HEAD + BOUND + "\n", "tests/test_search.py": SEARCH_TEST}
    written = _writes("## Task 2.1:", "Find the items of a customer", search)
    repair: Reply = {"agent": "implement", "when": "# The checks that failed", **_finish("")}
    return [repair, written, *without("implement")]


def _writes(when: str, subject: str, files: Mapping[str, str]) -> Reply:
    writes = [
        _call("fs_write", command="create", path=path, file_text=text)
        for path, text in files.items()
    ]
    turns = [{"tool_calls": writes}, _finish(subject)]
    return {"agent": "implement", "step": "implement", "when": when, "turns": turns}


def _finish(subject: str) -> Reply:
    return _calls("finish", subject=subject, summary="Done.")


def _calls(name: str, **arguments: Any) -> Reply:
    return {"tool_calls": [_call(name, **arguments)]}


def _call(name: str, **arguments: Any) -> Reply:
    return {"name": name, "args": arguments}


class Site:
    """One person's checkout with all that belongs to it, in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.home = folder, folder / "shop", folder / "home"
        self.state = self.home / "state"

    def play(self, script: Sequence[Reply]) -> None:
        """Have the models say this from now on."""
        text = json.dumps({"replies": script}, indent=1)
        (self.folder / "replies.json").write_text(f"{text}\n", encoding="utf-8")


def unpack(name: str, folder: Path, archive: Path = ARCHIVE) -> Site:
    """Return a site as it was stored, standing below `folder`, which is empty."""
    with tarfile.open(archive) as packed:
        members = [each for each in packed if each.name.split("/")[0] == name]
        assert members, f"{archive} holds no {name}"
        packed.extractall(folder, members, filter="tar")
    site = Site(folder.resolve() / name)
    move(site, Path(MADE_AT, name))
    return site


def move(site: Site, made_at: Path) -> None:
    """Say wherever the state names the place of its checkout that this is another one now."""
    moves = moves_of(site, made_at)
    _rewrite(site.root / ".git/config", moves)
    for known in (site.state / "repositories").glob("*"):
        moved = known.rename(known.with_name(moves[known.name]))
        with closing(sqlite3.connect(moved / "runs.sqlite")) as database, database:
            for old, new in moves.items():
                database.execute("UPDATE runs SET record = replace(record, ?, ?)", (old, new))
        for name in ("alternates", "reviewloop.json", "promotion.json"):
            for path in moved.rglob(name):
                _rewrite(path, moves)
    left = {path.name for path in _files(site.home) if str(made_at).encode() in path.read_bytes()}
    # The rows from before stay in SQLite's file until it needs their place; logs are only read.
    assert all(name.startswith("runs.sqlite") or name.endswith(".log") for name in left), left


def moves_of(site: Site, made_at: Path) -> dict[str, str]:
    """Return what stands for what: the folder, and what is a hash of a path in it."""
    moves = {
        str(made_at): str(site.folder),
        _key(f"{made_at}/shop/.git"): _key(f"{site.root}/.git"),
        _key(f"/{made_at}/remote.git"): _key(f"/{site.folder}/remote.git"),  # after an empty host
    }
    assert json.dumps(moves) == json.dumps(moves, ensure_ascii=False), "JSON would escape a path"
    return moves


def store_of(site: Site) -> str:
    """Return the statements that make the database of the site's store anew."""
    text = (site.folder / "store.sql").read_text(encoding="utf-8")
    for old, new in moves_of(site, Path(MADE_AT, site.folder.name)).items():
        text = text.replace(old, new)
    return text


def _rewrite(path: Path, moves: Mapping[str, str]) -> None:
    text = path.read_text()
    for old, new in moves.items():
        text = text.replace(old, new)
    path.write_text(text)


def _key(path: str) -> str:
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:16]


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


class Maker:
    """Makes sites below `MADE_AT` with the command line of a checkout."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        shutil.rmtree(MADE_AT, ignore_errors=True)

    def site(self, name: str, script: Sequence[Reply]) -> Site:
        """Return a new site."""
        site = Site(Path(MADE_AT, name))
        site.home.mkdir(parents=True)
        site.root.mkdir()
        make_shop(site.root, files={"checks.py": CHECKS})
        site.play(script)
        return site

    def call(
        self,
        site: Site,
        *command: str,
        ends: int,
        fault: str = "",
        store: str = "",
        machine: str = "",
    ) -> None:
        """Run a command there, or on another machine; it must end as expected."""
        elsewhere = site.folder / machine
        elsewhere.mkdir(exist_ok=True)
        home = elsewhere / "home" if machine else site.home
        done = subprocess.run(
            [self.checkout / ".venv/bin/python", "-m", "reviewloop", *command],
            cwd=elsewhere if machine else site.root,
            env={
                **SETTINGS,
                "HOME": str(home),
                "REVIEWLOOP_STATE_DIR": str(home / "state"),
                "LANG": "C.UTF-8",
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(self.checkout),
                "PYTHONDONTWRITEBYTECODE": "1",
                **({"REVIEWLOOP_FAULT": fault} if fault else {}),
                **({"REVIEWLOOP_STORE": store} if store else {}),
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode != ends:
            raise SystemExit(f"{site.folder.name}: {command} ended with {done.returncode}:\n"
                             f"{done.stdout}{done.stderr}")  # fmt: skip


def make(checkout: Path) -> None:
    """Make all sites and pack them."""
    maker = Maker(checkout)
    maker.call(maker.site("waiting", replies()), "run", "2.1", ends=WAITING)
    for name, fault in (
        ("killed-implementing", "tool.recorded"),
        ("killed-reviewing", "checkpoint.before:5"),
        ("killed-fixing", "fix.kept"),
    ):
        maker.call(maker.site(name, replies()), "run", "2.1", ends=KILLED, fault=fault)
    site = maker.site("committed", replies())
    maker.call(site, "run", "2.1", ends=WAITING)
    maker.call(site, "approve", ends=0)
    maker.call(maker.site("blocked", failing()), "run", "2.1", ends=3)
    maker.call(maker.site("stopped", unreachable("fix")), "run", "2.1", ends=5)
    batch = ("batch", "--mode", "queue", "--max-parallel", "1")
    maker.call(maker.site("queue", replies()), *batch, ends=WAITING)
    site = maker.site("batch", replies())
    maker.call(site, *batch, ends=KILLED, fault="begin.files:2")
    with postgres.running() as server:
        make_store(maker, server)
    pack()


def make_store(maker: Maker, server: postgres.Postgres) -> None:
    """Make a site with a remote whose batch stands in a database: a worker was killed in it."""
    site, url = maker.site("store", replies()), server.url()
    remote = str(site.folder / "remote.git")
    for command in (
        ("init", "-q", "--bare", remote),
        ("remote", "add", "origin", remote),
        ("push", "-q", "origin", "work"),
    ):
        subprocess.run(["git", *command], cwd=site.root, check=True)
    maker.call(site, "batch", "--mode", "queue", ends=0, store=url)
    worker, second = ("worker", "--once", "--heartbeat", "0.3"), "begin.files:2"
    maker.call(site, *worker, ends=KILLED, fault=second, store=url, machine="worker")
    shutil.rmtree(site.folder / "worker")  # what is only there is lost
    dump = server.dump(url)
    (site.folder / "store.sql").write_text(dump, encoding="utf-8")


def pack() -> None:
    """Write the archive: the same names, owners and times whoever makes it."""
    with tarfile.open(ARCHIVE, "w:xz", preset=9) as packed:
        for path in sorted(Path(MADE_AT).rglob("*")):
            inside = path.relative_to(MADE_AT)
            if path.suffix == ".lock" or path.name == "lock":
                path.write_text(path.read_text().replace(socket.gethostname(), "elsewhere"))
            if _LEFT_OUT.isdisjoint(inside.parts) and path.suffix != ".sample":
                packed.add(path, str(inside), recursive=False, filter=_anybody)
    print(f"{ARCHIVE}: {ARCHIVE.stat().st_size:,} bytes")  # noqa: T201


def _anybody(member: tarfile.TarInfo) -> tarfile.TarInfo:
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member


if __name__ == "__main__":
    make(Path(sys.argv[1]).resolve())
