"""Four servers on PostgreSQL behind nginx are restarted under load; no request fails."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest
import urllib3

from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.load.fleet import Fleet
from tests.load.people import TIMEOUT, Buyer, read
from tests.load.truth import facts
from tests.nginx import Activated, Nginx
from tests.properties.invariants import ALWAYS, check

COPIES = {MOSS: 10, LAST_COPY: 1, EBOOK: None}
SERVERS, BUYERS, LOOKERS = 4, 4, 2
PAGES = ("/", "/books/", f"/books/{MOSS}", "/orders/", "/health/ready")
NEWCOMERS = 20


@pytest.fixture
def fleet(postgres_url, tmp_path, monkeypatch, request):
    """The shop's servers, and nginx before them."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    nginx = Nginx(tmp_path)
    fleet = Fleet(
        tmp_path / "a shop",
        postgres_url,
        0,
        bookshop__url=nginx.url,
        limits__storage="database",
        **getattr(request, "param", {}),
    )
    fleet.servers = [Activated(fleet.folder) for _server in range(SERVERS)]
    try:
        for server in fleet.servers:
            server.start()
        for server in fleet.servers:
            server.await_()
        nginx.start([server.port for server in fleet.servers])
        fleet.url = nginx.url
        yield fleet
    finally:
        nginx.close()
        for server in fleet.servers:
            server.close()
        fleet.close()


def said(fleet):
    return fleet.errors() + "".join(server.said for server in fleet.servers)


def buy_until(over, fleet):
    """Buy one e-book after the other; what was answered."""
    answers = Counter()
    while not over.is_set():
        with Buyer(fleet.url, fleet.sandbox.url) as buyer:
            page = read(buyer.checkout(EBOOK))
            buyer.press_pay(page, "reader@reader.example")
            buyer.confirm(page)
            buyer.success(page)
            answers += buyer.answers
    return answers


def look_until(over, fleet):
    answers = Counter()
    with urllib3.connection_from_url(fleet.url, retries=False, timeout=TIMEOUT) as pool:
        while not over.is_set():
            for path in PAGES:
                answers[path, pool.request("GET", path).status] += 1
    return answers


def test_a_rolling_restart_under_load_loses_no_request(fleet):
    fleet.stock(COPIES)
    over = threading.Event()
    with ThreadPoolExecutor(BUYERS + LOOKERS) as pool:
        work = [pool.submit(buy_until, over, fleet) for _buyer in range(BUYERS)]
        work += [pool.submit(look_until, over, fleet) for _looker in range(LOOKERS)]
        try:
            for server in fleet.servers:
                assert server.end() == 0, server.said
                server.start()
                server.await_()
        finally:
            over.set()
        answers = sum((each.result(TIMEOUT) for each in work), Counter())

    assert {status for _what, status in answers} == {200}, (answers, said(fleet))
    assert answers["success", 200] > SERVERS
    check(facts(fleet, COPIES), ALWAYS)


@pytest.mark.parametrize(
    "fleet", [{"limits__newcomers": f"{NEWCOMERS}/hour"}], ids=["limited"], indirect=True
)
def test_limits_hold_across_processes_whatever_address_is_made_up(fleet):
    with urllib3.connection_from_url(fleet.url, retries=False, timeout=TIMEOUT) as pool:
        found = [
            b'id="payment-form"'
            in pool.request(
                "GET",
                f"/checkout?item={MOSS}",
                headers={"X-Forwarded-For": f"192.0.2.{number}"},
            ).data
            for number in range(2 * NEWCOMERS)
        ]
    # The others press a button first.
    assert found == [True] * NEWCOMERS + [False] * NEWCOMERS, said(fleet)
