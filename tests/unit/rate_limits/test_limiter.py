"""Networks of requests, which requests are counted, and the message for visitors over a limit."""

from dataclasses import fields
from types import SimpleNamespace

import pytest
from limits import parse

from bookshop.db import make_engine
from bookshop.rate_limits import limiter as limiters
from bookshop.rate_limits.limiter import RateLimiter, RateLimitExceededError
from bookshop.rate_limits.messages import retry_message
from bookshop.rate_limits.networks import networks_of
from bookshop.rate_limits.storage import BatchMemoryStorage, DatabaseStorage
from bookshop.settings import LimitSettings
from bookshop.settings.parsers import Secret


@pytest.fixture(params=["memory", "database"])
def storage(request, sqlite_url):
    if request.param == "memory":
        yield BatchMemoryStorage()
        return
    engine = make_engine(sqlite_url)
    yield DatabaseStorage(engine)
    engine.dispose()


@pytest.fixture
def limiter(storage):
    names = [field.name for field in fields(LimitSettings) if field.name != "storage"]
    limits = LimitSettings(storage="memory", **dict.fromkeys(names, parse("1/hour")))
    return RateLimiter(storage, limits, Secret("s" * 32))


def request_from(address, session_id="one"):
    return SimpleNamespace(environ={"REMOTE_ADDR": address}, session_id=session_id)


def accepted(count, addresses):
    """Return how many requests are counted, each from another session."""
    number = 0
    for session, address in enumerate(addresses):
        try:
            count("checkouts", request_from(address, f"session {session}"))
        except RateLimitExceededError:
            continue
        number += 1
    return number


def stored_keys(storage):
    if isinstance(storage, BatchMemoryStorage):
        return len(storage.storage)
    return storage.reset()


@pytest.mark.parametrize(
    ("address", "networks"),
    [
        ("198.51.100.7", ("198.51.100.7",)),
        ("::ffff:198.51.100.7", ("198.51.100.7",)),
        (
            "2001:db8:1:2345::7",
            ("2001:db8:1:2345::/64", "2001:db8:1:2300::/56", "2001:db8:1::/48"),
        ),
        (
            "fe80::1:2%eth0",
            ("fe80::/64", "fe80::/56", "fe80::/48"),
        ),
        ("", ("",)),
        ("unix:", ("unix:",)),
    ],
)
def test_the_networks_of_an_address(address, networks):
    assert networks_of(request_from(address)) == networks


@pytest.mark.parametrize(
    ("method", "addresses", "expected"),
    [
        ("count_network", [f"2001:db8:1:200::{n:x}" for n in range(9)], 1),
        ("count_network", [f"2001:db8:1:2{n:02x}::1" for n in range(9)], 2),
        ("count_network", [f"2001:db8:1:{n:x}00::1" for n in range(9)], 4),
        ("count_network", [f"2001:db8:{n:x}::1" for n in range(9)], 9),
        ("count", [f"2001:db8:1:{n:x}::1" for n in range(0, 0x10000, 0x101)], 40),
    ],
)
def test_an_ipv6_customer_with_many_networks_is_limited(limiter, method, addresses, expected):
    assert accepted(getattr(limiter, method), addresses) == expected


def test_all_networks_together_meet_a_ceiling(limiter, monkeypatch):
    monkeypatch.setattr(limiters, "CEILING_FACTOR", 5)
    assert accepted(limiter.count_network, [f"198.51.100.{n}" for n in range(9)]) == 5


def test_refused_requests_leave_no_key_behind(limiter, storage):
    address = "2001:db8::1"
    assert limiter.within("checkouts", request_from(address, "first"))
    for number in range(20):
        assert not limiter.within("checkouts", request_from(address, f"session {number}"))
        assert not limiter.within("checkouts", request_from(f"2001:db8:0:{number:x}::1", "first"))
        with pytest.raises(RateLimitExceededError):
            limiter.count_with_pauses("checkouts", request_from("2001:db8:9::1", "first"))
    session, networks, ceiling = 1, 3, 1
    assert stored_keys(storage) == session + networks + ceiling


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1, "in 1 seconds"), (60, "in 60 seconds"), (61, "in 2 minutes"), (3600, "in 60 minutes")],
)
def test_the_message_contains_the_time_to_wait(seconds, text):
    assert text in retry_message(seconds).interpolate()


def test_counting_a_network_alone_writes_nothing(limiter, storage):
    counted = accepted(limiter.count_network, ["198.51.100.1"])
    assert counted == 1
    assert stored_keys(storage) == 0
