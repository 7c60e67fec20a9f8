"""Pacing by refusals: a quota is found and respected."""

import json

import pytest
from support.callers import NOON, Open, Provider, between, play

from reviewloop.store.rates import Ceilings, RateBucket

FREE = Ceilings()


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
def test_a_provider_that_refuses_at_random_is_not_asked_ever_more_slowly(share):
    most = play(Provider(share), seconds=600, bucket=Open())
    found = play(Provider(share), seconds=600)
    assert len(found.answered) > 0.7 * len(most.answered)


@pytest.mark.parametrize(("a_minute", "at_once"), [(10, 1), (10, 10), (60, 1), (60, 60)])
def test_a_quota_is_used_and_few_requests_are_refused(a_minute, at_once):
    seen = play(Provider(a_minute=a_minute, at_once=at_once), seconds=1200, callers=20)
    assert len(seen.answered) > 0.65 * 1200 / 60 * a_minute
    assert between(seen.refused, 300, 1200) < 0.15 * between(seen.sent, 300, 1200)


def test_callers_who_ask_less_because_they_were_refused_do_not_look_like_a_slower_pace():
    provider = Provider(a_minute=600, at_once=600)
    seen = play(provider, seconds=150, callers=20, reply=0.05)
    assert len(seen.answered) > 0.95 * (600 + 150 * 10)
    assert seen.share_refused < 0.1


@pytest.mark.parametrize("a_minute", [15, 120])
def test_a_quota_that_changes_is_found_again(a_minute):
    provider = Provider(a_minute=60, changes=[(600, {"a_minute": a_minute})])
    seen = play(provider, seconds=1500, callers=20)
    assert between(seen.answered, 900, 1500) > 0.6 * 10 * a_minute
    assert between(seen.refused, 900, 1500) < 0.12 * between(seen.sent, 900, 1500)


@pytest.mark.slow
def test_a_quota_that_comes_after_refusals_at_random_is_found():
    provider = Provider(0.3, changes=[(300, {"share": 0.0, "a_minute": 30.0})])
    seen = play(provider, seconds=1800, callers=20)
    assert between(seen.answered, 900, 1800) > 0.6 * 15 * 30
    assert between(seen.refused, 900, 1800) < 0.12 * between(seen.sent, 900, 1800)


@pytest.mark.slow
def test_a_quota_of_a_provider_that_refuses_at_random_as_well_is_used():
    seen = play(Provider(0.1, a_minute=60, at_once=10), seconds=900, callers=20)
    assert len(seen.answered) > 0.5 * 15 * 60
    assert seen.share_refused < 0.4


@pytest.mark.slow
@pytest.mark.parametrize(("callers", "reply"), [(1, 2.0), (20, 2.0), (5, 20.0)])
def test_when_everything_was_refused_few_ask_and_soon_all_go_on(callers, reply):
    changes = [(60, {"share": 1.0}), (660, {"share": 0.0})]
    seen = play(Provider(changes=changes), seconds=900, callers=callers, reply=reply)
    assert between(seen.sent, 65, 660) < 30
    usual = between(seen.answered, 0, 60) / 60
    assert between(seen.answered, 810, 900) / 90 > usual / 2


def test_the_wish_of_a_provider_holds_where_slowing_down_is_no_help():
    seen = play(Provider(0.3), seconds=300, retry_after=5.0)
    for refused in seen.refused:
        assert not between(seen.sent, refused + 0.001, refused + 4.99)


def test_what_is_kept_of_a_quota_fits_into_its_file():
    bucket = RateBucket()
    for n in range(4000):
        now = NOON + n / 97
        sent = not bucket.take(12_345.678, FREE, now)
        if sent and n % 3 == 0:
            bucket.refuse(("requests", "tokens")[n % 2], now, 7.7, now + 0.0101)
            bucket.not_before = 0.0
    assert len(json.dumps(bucket.plain())) < 3000


def test_what_an_earlier_release_kept_is_still_read():
    meter = {
        "level": 0.0,
        "at": NOON,
        "rate": 2.0,
        "peak": 4.0,
        "since": NOON,
        "seen": [[NOON, 1.0]],
        "doubted": True,  # a field of then
    }
    kept = {"requests": meter, "tokens": {**meter, "rate": 0.0}, "not_before": 0.0}
    bucket = RateBucket.from_plain(kept, NOON + 1)
    assert bucket.requests.learnt("requests", NOON) == 2.0
    assert RateBucket.from_plain(json.loads(json.dumps(bucket.plain())), NOON + 1) == bucket


def test_a_share_learnt_by_a_clock_that_was_set_back_is_forgotten():
    bucket = RateBucket()
    bucket.requests.anyway, bucket.requests.last = 0.3, NOON + 86_400
    assert RateBucket.from_plain(bucket.plain(), NOON).requests.anyway == 0
