"""Many runs on a few repositories, killed at random; only what holds for all is asserted."""

import os
import random
import signal
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from support import play
from support.crash import KILLED, WAITING, Site
from support.invariants import leftovers, secrets_in

_MOST_KILLS = 4  # of one run: afterwards it is left alone
_LONGEST_WAIT = 6.0  # seconds until a process is killed
_PATIENCE = 300.0  # seconds for a run to come to its commit
_counting = threading.Lock()


@dataclass
class Weather:
    """What a storm was like, and what it broke."""

    runs: int
    repositories: int
    processes: int = 0
    kills: int = 0
    right: int = 0
    asked: int = 0
    journalled: int = 0
    problems: list[str] = field(default_factory=list)


def storm(runs: int, seed: int, repositories: int = 4) -> Weather:
    """Bring `runs` runs to their commits, each on a branch of its own, and kill them on the way."""
    weather = Weather(runs, repositories)
    with tempfile.TemporaryDirectory() as folder:
        sites = [
            Site(Path(folder) / f"site-{number}").__enter__() for number in range(repositories)
        ]
        try:
            before = [_without_branches(site) for site in sites]
            with ThreadPoolExecutor(runs) as threads:
                drives = [
                    threads.submit(
                        _drive, sites[number % repositories], number, seed + number, weather
                    )
                    for number in range(runs)
                ]
            for drive in drives:
                if drive.exception():
                    weather.problems.append(f"a run broke: {drive.exception()}")
            for site, was in zip(sites, before, strict=True):
                _judge(site, was, weather)
        finally:
            for site in sites:
                site.__exit__()
    return weather


def _drive(site: Site, number: int, seed: int, weather: Weather) -> None:
    """Run, resume and approve one run until its branch is there."""
    chance, kills = random.Random(seed), 0
    branch = f"storm/{number}"
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        record = _record(site, branch)
        if record is not None and record["status"] == "committed":
            with _counting:
                weather.right += 1
            return
        if record is None:
            command = ["run", "2.1", "--again", "--branch", branch]
        elif record["status"] == "waiting":
            command = ["approve", record["run_id"]]
        else:
            command = ["resume", record["run_id"]]
        killing = kills < _MOST_KILLS and chance.random() < 0.7
        timers: list[threading.Timer] = []
        delay = chance.uniform(0.05, _LONGEST_WAIT)
        said = site.call(
            *command, "--json", on_start=partial(_kill_later, timers, delay if killing else None)
        )
        for timer in timers:
            timer.cancel()
        code = said.code
        if code not in (0, WAITING, KILLED) and " is in use by process " not in said.err:
            raise AssertionError(f"{command}: {code} {said.err[-500:]}")
        kills += code == KILLED
        with _counting:
            weather.processes += 1
            weather.kills += code == KILLED
    raise AssertionError(f"{branch} did not come to its end")


def _kill_later(timers: list[threading.Timer], delay: float | None, pid: int) -> None:
    if delay is not None:
        timers.append(threading.Timer(delay, os.kill, (pid, signal.SIGKILL)))
        timers[-1].start()


def _judge(site: Site, before: dict[str, str], weather: Weather) -> None:
    """Look at a repository after the storm."""
    git = site.checkout.git
    branches = git("branch", "--list", "storm/*", "--format=%(refname:short)").split()
    base = git("rev-parse", "work")
    trees = {git("rev-parse", f"{branch}^{{tree}}") for branch in branches}
    found = leftovers(site) + secrets_in(site.checkout.state, site.secrets())
    if len(trees) > 1:
        found.append(f"I1 {len(trees)} different trees")
    for branch in branches:
        if git("rev-parse", f"{branch}^") != base:
            found.append(f"I6 {branch} is not one commit on the base")
    if _without_branches(site) != before:
        found.append("I6 the checkout or its .git was touched")
    committed = [run["branch"] for run in site.runs() if run["status"] == "committed"]
    if sorted(committed) != sorted(branches):
        found.append(f"I9 branches {branches}, but records of {committed}")
    weather.asked += len(site.server.ledger)
    weather.journalled += site.journalled()
    lost = len(site.server.ledger) - site.journalled()
    if lost > len(play.REVIEWERS) * weather.kills:
        found.append(f"I3 {lost} calls were cut off")
    weather.problems += found


def _record(site: Site, branch: str) -> dict[str, Any] | None:
    found = [run for run in site.runs() if run["branch"] == branch]
    return found[0] if found else None


def _without_branches(site: Site) -> dict[str, str]:
    """Return what no run may touch: everything but objects, and the refs of its own branch."""
    return {
        name: look
        for name, look in site.checkout.bytes().items()
        if "/storm" not in name and not name.startswith((".git/objects", ".git/logs/refs/heads"))
    }
