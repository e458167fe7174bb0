"""Rate limits: per session and per network, counted by all processes together."""

from datetime import timedelta

import pytest
import requests

from bookshop import clock
from tests.demo_books import EBOOK, LAST_COPY, MOSS
from tests.shops import intent_of, pay_form

BUY = f"/checkout?item={MOSS}"
FAR, FARTHER = "198.51.100.7", "203.0.113.9"


@pytest.fixture
def limited(make_each_shop):
    """Shops that count in their database, on SQLite and PostgreSQL."""
    return lambda **changes: make_each_shop(limits__storage="database", **changes)


@pytest.fixture
def later(monkeypatch):
    """Stops the clock, and advances it."""
    start, ahead = clock.now(), []
    monkeypatch.setattr(clock, "now", lambda: start + sum(ahead, timedelta()))
    return ahead.append


def press_pay(visitor, page, status=200):
    form = {**pay_form(page), "email": "ada@reader.example"}
    return visitor.post("/checkout", form, status=status)


def at(visitor, address):
    visitor.extra_environ["REMOTE_ADDR"] = address
    return visitor


def fields(page):
    """Return the hidden fields of the page's form."""
    hidden = page.html.select("main form input[type=hidden]")
    return {field["name"]: field["value"] for field in hidden}


def confirm(visitor, page, status=303):
    return visitor.post("/checkout", {**fields(page), "confirm": "1"}, status=status)


# --- card testing


def test_bug_12_repeated_cards_are_limited_per_session(limited, sandbox):
    shop = limited(limits__payments="4/hour")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page), "pm_card_visa_chargeDeclined")

    answer = press_pay(visitor, page, status=429)

    assert answer.json["error"]["code"] == "too_many_attempts"
    assert 1 <= int(answer.headers["Retry-After"]) <= 5
    another = shop.visitor()
    press_pay(another, another.get(BUY))


def test_bug_12_pauses_double_within_the_hour(limited, later):
    visitor = limited(limits__payments="6/hour").visitor()
    page = visitor.get(BUY)
    pauses = []
    for _press in range(6):
        press_pay(visitor, page)
        pauses.append(int(press_pay(visitor, page, status=429).headers["Retry-After"]))
        later(timedelta(seconds=pauses[-1]))
    assert pauses == [5, 10, 20, 40, 80, 160]

    waited = press_pay(visitor, page, status=429).headers["Retry-After"]
    assert int(waited) == 3600 - sum(pauses)
    later(timedelta(seconds=int(waited)))
    press_pay(visitor, visitor.get(BUY))


def test_bug_12_repeated_orders_are_limited_before_stripe_is_called(limited, sandbox):
    shop = limited(limits__checkouts="2/hour")
    visitor = shop.visitor()
    for sku in (MOSS, EBOOK):
        visitor.get(f"/checkout?item={sku}")
    before = len(sandbox.requests())

    page = visitor.get(f"/checkout?item={LAST_COPY}", status=429)

    assert 3590 <= int(page.headers["Retry-After"]) <= 3600
    assert page.html.select_one("[data-error-code]")["data-error-code"] == "too_many_attempts"
    assert "60 minutes" in page.html.main.get_text()
    assert len(sandbox.requests()) == before
    assert len(shop.orders()) == 2
    visitor.get(BUY)  # the open order can be resumed


def test_bug_12_requests_without_a_cookie_are_limited_per_network(limited, sandbox):
    shop = limited(limits__checkouts="1/hour")
    for _new in range(10):
        at(shop.visitor(), FAR).get(BUY)
    before = len(sandbox.requests())

    at(shop.visitor(), FAR).get(BUY, status=429)

    assert len(sandbox.requests()) == before
    at(shop.visitor(), FARTHER).get(BUY)


def test_the_networks_of_an_ipv6_site_are_limited_together(limited):
    shop = limited(limits__newcomers="1/hour")
    for number in range(4):
        at(shop.visitor(), f"2001:db8:1:{number}00::1").get(BUY)
    page = at(shop.visitor(), "2001:db8:1:ff00::1").get(BUY)
    assert page.html.find(id="confirm-form")
    assert at(shop.visitor(), "2001:db8:2::1").get(BUY).html.find(id="payment-form")


def test_forwarding_headers_are_ignored(limited):
    shop = limited(limits__checkouts="1/hour")
    answers = [
        at(shop.visitor(), FAR)
        .get(
            BUY,
            headers={"X-Forwarded-For": f"192.0.2.{number}", "Forwarded": f"for=192.0.2.{number}"},
            expect_errors=True,
        )
        .status_int
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]


def test_the_server_removes_forwarding_headers(make_shop, serve):
    shop = make_shop(limits__checkouts="1/hour", limits__storage="database")
    url = serve(shop.wsgi)
    answers = [
        requests.get(
            f"{url}{BUY}", headers={"X-Forwarded-For": f"192.0.2.{number}"}, timeout=20
        ).status_code
        for number in range(11)
    ]
    assert answers == [200] * 10 + [429]


# --- before there is a second intent


def test_another_intent_requires_a_session_and_a_confirmation(limited, sandbox):
    shop = limited(limits__newcomers="1/hour")
    shop.visitor().get(BUY)
    before = len(sandbox.requests())
    visitor = shop.visitor()

    page = visitor.get(f"/checkout?item={EBOOK}")

    assert page.html.find(id="payment-form") is None
    assert page.html.find(id="confirm-form")
    assert len(sandbox.requests()) == before
    assert len(shop.orders()) == 1
    asked = confirm(visitor, page).follow()
    assert pay_form(asked)["order"] == shop.orders()[1].number
    assert visitor.get(f"/checkout?item={EBOOK}").html.find(id="payment-form")


def test_a_confirmation_is_valid_in_its_session_only(limited):
    shop = limited(limits__newcomers="1/hour")
    shop.visitor().get(BUY)
    page = shop.visitor().get(f"/checkout?item={EBOOK}")
    confirm(shop.visitor(), page, status=400)
    assert len(shop.orders()) == 1


def test_confirmed_checkouts_are_counted(limited):
    shop = limited(limits__newcomers="1/hour", limits__checkouts="2/hour")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    pages = [visitor.get(f"/checkout?item={sku}") for sku in (EBOOK,)]
    assert pay_form(page)["order"]
    confirm(visitor, pages[0], status=429)


def test_other_networks_need_no_confirmation(limited):
    shop = limited(limits__newcomers="1/hour")
    at(shop.visitor(), FAR).get(BUY)
    assert at(shop.visitor(), FARTHER).get(BUY).html.find(id="payment-form")


# --- the rest


def test_requests_for_order_links_are_limited(limited):
    visitor = limited(limits__order_links="1/hour").visitor()
    page = visitor.get("/orders/")
    form = {**fields(page), "number": "X", "email": "ada@reader.example"}
    visitor.post("/orders/", form)
    refused = visitor.post("/orders/", form, status=429)
    problem = refused.html.select_one("main [role=alert]")
    assert problem["data-error-code"] == "too_many_requests"
    assert 3590 <= int(refused.headers["Retry-After"]) <= 3600


def test_searches_are_limited_and_cached_pages_are_not(limited):
    visitor = limited(limits__searches="2/minute").visitor()
    for text in ("moss", "larch"):
        visitor.get(f"/books/?q={text}")
    refused = visitor.get("/books/?q=lantern", status=429)
    assert 50 <= int(refused.headers["Retry-After"]) <= 60
    assert "no-store" in refused.headers["Cache-Control"]
    visitor.get("/books/?q=moss")  # cached pages are not counted
    visitor.get("/books/")


def test_processes_count_together(limited):
    shops = [limited(limits__checkouts="1/hour") for _process in range(2)]
    for number in range(10):
        at(shops[number % 2].visitor(), FAR).get(BUY)
    for shop in shops:
        at(shop.visitor(), FAR).get(BUY, status=429)


def test_counts_contain_no_addresses(limited):
    shop = limited()
    visitor = at(shop.visitor(), FAR)
    press_pay(visitor, visitor.get(BUY))
    with shop.registry.services.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT * FROM rate_counts").all()
    assert len(rows) > 3
    assert FAR not in str(rows)


def test_expired_counts_are_deleted(limited, later):
    shop = limited()
    shop.visitor().get(BUY)
    later(timedelta(hours=1, seconds=1))
    shop.registry.services.rate_limiter.delete_expired()
    with shop.registry.services.engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM rate_counts").scalar() == 0


def test_the_copies_that_one_network_may_keep_reserved_are_limited(limited):
    shop = limited(limits__reservations="2")
    for _visitor in range(2):
        visitor = at(shop.visitor(), FAR)
        press_pay(visitor, visitor.get(BUY))
    visitor = at(shop.visitor(), FAR)
    page = visitor.get(BUY)

    answer = press_pay(visitor, page, status=429)

    assert answer.json["error"]["code"] == "too_many_attempts"
    assert int(answer.headers["Retry-After"]) == 15 * 60
    press_pay(at(visitor, FARTHER), page)
