"""The limiter that all runs of a user share: its rules on a test clock, its files."""

import itertools
import os
import signal
import subprocess
import sys
from collections import deque
from pathlib import Path

import pytest

import reviewloop.store.rates as rates_file
from reviewloop.store.rates import Ceilings, FileRates, RateBucket

FREE = Ceilings()


class Waits:
    """A clock that moves when somebody waits."""

    seconds = 0.0

    def monotonic(self):
        return self.seconds

    def sleep(self, seconds):
        self.seconds += seconds


NOON = 1_700_000_000.0


def _paced(bucket, ceilings, tokens, *, seconds, now=NOON):
    """Return when requests go out if somebody always wants to send one."""
    times, until = [], now + seconds
    while now < until:
        wait = bucket.take(tokens, ceilings, now)
        if not wait:
            times.append(now)
        now += max(wait, 0.001) if wait else 0.001
    return times


def _most_in_a_minute(times):
    window, most = deque(), 0
    for time_ in times:
        window.append(time_)
        while window[0] <= time_ - 60:
            window.popleft()
        most = max(most, len(window))
    return most


def test_without_ceilings_and_refusals_nobody_ever_waits():
    bucket = RateBucket()
    assert not any(bucket.take(100_000, FREE, NOON + n / 1000) for n in range(5000))


@pytest.mark.parametrize("ceiling", [1, 2, 7, 60, 600])
def test_no_minute_has_more_requests_than_the_ceiling_and_most_of_it_is_used(ceiling):
    times = _paced(RateBucket(), Ceilings(requests=ceiling), 100, seconds=400)
    assert _most_in_a_minute(times) <= ceiling
    assert len(times) >= 400 / 60 * ceiling / 2


def test_no_minute_has_more_tokens_than_the_ceiling_however_large_one_request_is():
    times = _paced(RateBucket(), Ceilings(tokens=10_000), 1000, seconds=400)
    assert _most_in_a_minute(times) * 1000 <= 10_000
    large = _paced(RateBucket(), Ceilings(tokens=10_000), 25_000, seconds=400)
    assert len(large) >= 2
    assert all(b - a >= 150 for a, b in itertools.pairwise(large))


def test_tokens_that_were_not_used_are_given_back():
    bucket, most = RateBucket(), Ceilings(tokens=60_000)
    assert bucket.take(10_000, most, NOON) == 0
    assert bucket.take(10_000, most, NOON) > 5
    bucket.answered(NOON, 9_000, NOON)
    assert bucket.take(9_000, most, NOON) == 0


def test_a_burst_that_is_refused_halves_the_rate_once_and_it_grows_back():
    bucket = RateBucket()
    for _ in range(16):
        assert bucket.take(10, FREE, NOON) == 0
    for _ in range(11):
        bucket.refuse("requests", NOON, None, NOON + 0.1)
    assert bucket.requests.rate == 8
    assert bucket.take(10, FREE, NOON + 0.1) == pytest.approx(1 / 8)
    recovered = bucket.requests.learnt("requests", NOON + 10.1)
    assert recovered == pytest.approx(16)
    assert bucket.requests.learnt("requests", NOON + 20.1) == pytest.approx(24)  # by equal steps
    assert not any(bucket.take(10, FREE, NOON + 400) for _ in range(50))  # forgotten


def test_a_slow_quota_is_found_and_then_rarely_exceeded():
    """Ten requests a minute, thirty waiting: without a limiter each try of each is refused."""
    bucket, now, level, refused, done = RateBucket(), NOON, 10.0, [], 0
    while done < 60:
        wait = bucket.take(10, FREE, now)
        if wait:
            now, level = now + wait, min(10.0, level + wait / 6)
            continue
        if level >= 1:
            level, done = level - 1, done + 1
        else:
            refused.append(now)
            bucket.refuse("requests", now, None, now)
    assert now - NOON < 1.6 * (60 - 10) * 6
    assert len(refused) < 20


def test_a_lone_refusal_costs_seconds_not_a_minute():
    bucket = RateBucket()
    bucket.take(10, FREE, NOON)
    bucket.refuse("requests", NOON, None, NOON + 30)  # after half a minute on the way
    assert bucket.take(10, FREE, NOON + 30) <= 2


def test_tokens_and_requests_are_learnt_apart():
    bucket = RateBucket()
    bucket.take(50_000, FREE, NOON)
    bucket.refuse("tokens", NOON, None, NOON)
    assert bucket.tokens.rate == 25_000
    assert bucket.requests.rate == 0


def test_everybody_waits_as_long_as_the_provider_wishes_within_reason():
    bucket = RateBucket()
    bucket.take(10, FREE, NOON)
    bucket.refuse("requests", NOON, 7.0, NOON)
    assert bucket.take(10, FREE, NOON) == 7.0
    bucket.refuse("requests", NOON, 86_400.0, NOON)
    assert bucket.take(10, FREE, NOON) == 60.0


def test_a_clock_that_was_set_back_makes_nobody_wait(tmp_path):
    times = [NOON + 86_400]
    rates = FileRates(tmp_path, clock=lambda: times[0])
    rates.take("q", 10, FREE)
    rates.refuse("q", "requests", times[0], 50.0)
    assert rates.take("q", 10, FREE) > 0
    times[0] = NOON
    assert rates.take("q", 10, FREE) == 0


def test_files_are_private_and_each_quota_has_its_own(tmp_path):
    rates = FileRates(tmp_path / "rates")
    rates.take("one model (region eu-west-1)", 10, FREE)
    rates.refuse("one model (region eu-west-1)", "requests", rates.now(), 30.0)
    assert FileRates(tmp_path / "rates").take("one model (region eu-west-1)", 10, FREE) > 25
    assert rates.take("one model (region us-east-1)", 10, FREE) == 0
    files = list((tmp_path / "rates").iterdir())
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]


@pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"requests": 1}', b"\xff" * 5000])
def test_a_damaged_file_starts_anew(tmp_path, damage):
    rates = FileRates(tmp_path)
    rates.take("q", 10, FREE)
    rates.refuse("q", "requests", rates.now(), 50.0)
    rates.path("q").write_bytes(damage)
    assert rates.take("q", 10, FREE) == 0
    rates.refuse("q", "requests", rates.now(), 50.0)
    assert rates.take("q", 10, FREE) > 40


def test_a_place_that_cannot_be_written_limits_nobody(tmp_path):
    (tmp_path / "rates").write_text("a file, not a folder")
    rates = FileRates(tmp_path / "rates")
    rates.refuse("q", "requests", 0.0, 50.0)
    rates.answered("q", 0.0, 5)
    assert rates.take("q", 10, Ceilings(requests=1)) == 0


def test_a_process_that_dies_holds_nothing_and_one_that_hangs_delays_for_a_second(
    tmp_path, monkeypatch
):
    rates, waits = FileRates(tmp_path), Waits()
    rates.take("q", 10, FREE)
    holds = f"import fcntl,time;f=open({str(rates.path('q'))!r},'r+');fcntl.flock(f,2)"
    child = subprocess.Popen(
        [sys.executable, "-c", f"{holds};print('held',flush=True);time.sleep(600)"],
        stdout=subprocess.PIPE,
    )
    assert child.stdout is not None
    child.stdout.readline()
    with monkeypatch.context() as patch:
        patch.setattr(rates_file, "time", waits)
        assert rates.take("q", 10, Ceilings(requests=1)) == 0
    assert waits.seconds == pytest.approx(1, abs=0.01)
    os.kill(child.pid, signal.SIGKILL)
    child.wait()
    assert rates.take("q", 10, FREE) == 0


def test_a_look_is_one_small_read_and_write_that_waits_for_no_disk(tmp_path: Path, monkeypatch):
    calls = dict.fromkeys(("pread", "pwrite", "fsync", "fdatasync"), 0)

    def counted(name, own):
        def call(*args):
            calls[name] += 1
            return own(*args)

        return call

    for name in calls:
        monkeypatch.setattr(os, name, counted(name, getattr(os, name)))
    rates = FileRates(tmp_path)
    for _ in range(200):
        rates.take("q", 1000, FREE)
    assert calls == {"pread": 200, "pwrite": 200, "fsync": 0, "fdatasync": 0}
    assert rates.path("q").stat().st_size < 4096  # whatever came before
