"""Counters in the database behave like the library's counters in memory."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from limits.storage import MemoryStorage

from bookshop import clock
from bookshop.db import make_engine
from bookshop.rate_limits.storage import DatabaseStorage


@pytest.fixture
def storage(engine):
    return DatabaseStorage(engine)


@pytest.fixture(params=["memory", "database"])
def each(request, sqlite_url):
    if request.param == "memory":
        yield MemoryStorage()
        return
    engine = make_engine(sqlite_url)
    yield DatabaseStorage(engine)
    engine.dispose()


@pytest.fixture
def later(monkeypatch):
    start, ahead = clock.now, []
    monkeypatch.setattr(clock, "now", lambda: start() + sum(ahead, timedelta()))
    return ahead.append


def test_counts_add_up(each):
    assert each.get("a") == 0
    assert [each.incr("a", 60), each.incr("a", 60, 3), each.incr("b", 60)] == [1, 4, 1]
    assert (each.get("a"), each.get("b")) == (4, 1)
    assert each.check()


def test_a_window_ends_after_its_first_expiry(each):
    before = clock.now().timestamp()
    each.incr("a", 60)
    each.incr("a", 3600)
    assert before + 60 <= each.get_expiry("a") <= clock.now().timestamp() + 60


def test_cleared_keys_start_at_zero(each):
    for key in ("a", "b"):
        each.incr(key, 60, 5)
    each.clear("a")
    assert (each.get("a"), each.get("b")) == (0, 5)
    assert each.reset() == 1
    assert each.get("b") == 0


def test_an_ended_window_counts_as_zero(storage, later):
    storage.incr("a", 60, 5)
    later(timedelta(seconds=60))
    assert storage.get("a") == 0
    assert storage.get_expiry("a") == pytest.approx(clock.now().timestamp(), abs=5)
    assert storage.incr("a", 60) == 1
    assert storage.get_expiry("a") == pytest.approx(clock.now().timestamp() + 60, abs=5)


def test_a_window_begun_while_the_clock_was_ahead_counts_as_ended(storage, later):
    later(timedelta(days=2))
    storage.incr("a", 60, 5)
    later(timedelta(days=-2))
    assert storage.get_all({"a": 60}) == {"a": 0}
    assert storage.incr("a", 60) == 1
    assert storage.get_all({"a": 60}) == {"a": 1}
    assert storage.incr("a", 60) == 2


def test_only_ended_windows_are_deleted(storage, later):
    storage.incr("short", 10)
    storage.incr("long", 100)
    later(timedelta(seconds=50))
    storage.delete_expired()
    assert storage.reset() == 1


def test_concurrent_counts_are_not_lost(storage):
    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(lambda _: storage.incr("a", 60), range(40)))
    assert sorted(counted) == list(range(1, 41))


def test_concurrent_counts_of_several_keys_neither_wait_for_each_other_nor_are_lost(storage):
    keys = [f"key {number}" for number in range(5)]

    def count(number):
        order = keys if number % 2 else reversed(keys)
        return storage.incr_all(dict.fromkeys(order, 60))

    with ThreadPoolExecutor(8) as pool:
        counted = list(pool.map(count, range(40)))
    assert all(set(each) == set(keys) for each in counted)
    found = storage.get_all(dict.fromkeys([*keys, "none"], 60))
    assert found == dict.fromkeys(keys, 40) | {"none": 0}
