"""Stripe failing: an error page in time, one intent for each order, a working catalogue."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import requests

from bookshop import clock
from bookshop.payments import circuit_breaker
from bookshop.payments.errors import StripeRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.sandbox.objects import currencies
from tests.functional.test_checkout import BUY, MOSS, press_pay
from tests.functional.test_webhooks import event, send
from tests.shops import intent_of
from tests.waiting import until

CREATE = {"method": "POST", "path": "/v1/payment_intents"}


def error_code(page) -> str:
    return page.html.select_one("[data-error-code]")["data-error-code"]


FAULTS = [
    {"kind": "hang", "seconds": 30},
    {"kind": "reset"},
    {"kind": "status", "status": 500},
    {"kind": "status", "status": 409},
    {"kind": "status", "status": 429},
    {"kind": "drop_answer"},
]


@pytest.mark.parametrize(
    "fault", FAULTS, ids=lambda fault: f"{fault['kind']}{fault.get('status', '')}"
)
def test_bug_11_a_failure_is_an_error_page_in_time_and_one_intent_afterwards(
    make_shop, sandbox, fault
):
    shop = make_shop(stripe__timeout="1.5")
    visitor = shop.visitor()
    sandbox.fault(**CREATE, **fault, times=10)

    began = time.monotonic()
    page = visitor.get(BUY, status=503)

    assert time.monotonic() - began < 3
    assert page.headers["Retry-After"]
    assert error_code(page) == "payments_unavailable"
    sandbox.clear()
    again = visitor.get(BUY)
    made = [intent for order in shop.orders() for intent in sandbox.intents(order.number)]
    assert [intent["id"] for intent in made] == [intent_of(again)]
    assert [order.status for order in shop.orders()].count("awaiting_payment") == 1


def test_a_transient_failure_is_retried_unnoticed(shop, sandbox):
    sandbox.fault(**CREATE, kind="drop_answer", times=1)

    page = shop.visitor().get(BUY)

    (order,) = shop.orders()
    assert [intent["id"] for intent in sandbox.intents(order.number)] == [intent_of(page)]


def test_a_changed_price_after_a_lost_response_makes_no_second_intent(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5", stripe__max_network_retries="0")
    visitor = shop.visitor()
    sandbox.fault(**CREATE, kind="drop_answer", times=1)
    visitor.get(BUY, status=503)
    shop.change_book(MOSS, amount=2500)

    page = visitor.get(BUY)

    assert "£25.00" in page
    press_pay(visitor, page)
    (order,) = shop.orders()
    (intent,) = sandbox.intents(order.number)
    assert (intent["id"], intent["amount"]) == (intent_of(page), 2500)


def test_an_order_whose_intent_was_never_confirmed_is_replaced_once_its_key_expires(
    make_shop, sandbox, monkeypatch
):
    shop = make_shop(stripe__timeout="1.5", stripe__max_network_retries="0")
    visitor = shop.visitor()
    sandbox.fault(**CREATE, kind="drop_answer", times=1)
    visitor.get(BUY, status=503)
    tomorrow = clock.now() + timedelta(days=1)  # Stripe has deleted the key by then
    monkeypatch.setattr(clock, "now", lambda: tomorrow)

    page = visitor.get(BUY)

    lost, placed = shop.orders()
    assert (lost.status, placed.status) == ("cancelled", "awaiting_payment")
    assert [intent["id"] for intent in sandbox.intents(placed.number)] == [intent_of(page)]


def test_a_refused_connection_to_stripe(make_shop):
    shop = make_shop(api_base="http://localhost:9")

    page = shop.visitor().get(BUY, status=503)

    assert error_code(page) == "payments_unavailable"


def test_wrong_keys_are_logged_without_the_keys(make_shop, caplog):
    shop = make_shop(stripe__secret_key="sk_test_another")

    page = shop.visitor().get(BUY, status=503)

    assert "sk_test" not in page
    (record,) = (each for each in caplog.records if each.msg == "stripe_request_failed")
    assert "AuthenticationError" in record.error
    assert "sk_test" not in str([vars(each) for each in caplog.records])


def test_an_amount_that_stripe_refuses_is_never_worded_as_a_passing_failure(
    make_shop, sandbox, caplog, monkeypatch
):
    shop = make_shop(bookshop__currency="KWD")
    # In dinars the minimum follows from the exchange rate, which the shop does not know.
    monkeypatch.setitem(currencies.MINIMUM, "kwd", 100_000)

    page = shop.visitor().get(BUY, status=409)

    assert error_code(page) == "amount_refused"
    assert "Retry-After" not in page.headers
    assert page.html.find(href="mailto:hello@bookshop.example")
    (order,) = shop.orders()
    (record,) = (each for each in caplog.records if each.msg == "order_total_refused")
    assert (record.order, record.total) == (order.number, "8.900 KWD")


def test_a_refusal_that_lasts_does_not_invite_to_try_again(make_shop):
    shop = make_shop(stripe__secret_key="sk_test_another")

    page = shop.visitor().get(BUY, status=503)

    assert error_code(page) == "payments_refused"
    assert "Retry-After" not in page.headers
    assert page.html.find(href="mailto:hello@bookshop.example")


def test_a_payment_that_stripe_refuses_to_show_is_not_checked_again_and_again(shop, monkeypatch):
    visitor = shop.visitor()
    page = visitor.get(BUY)

    def refuse(_self, _intent_id):
        raise StripeRefusedError("status=401")

    monkeypatch.setattr(Gateway, "retrieve_intent", refuse)
    outcome = visitor.get(f"/success?pi={intent_of(page)}", status=503)

    assert outcome.html.select_one("[data-outcome]")["data-outcome"] == "payments_refused"
    assert "Retry-After" not in outcome.headers
    assert not outcome.html.find(id="retry")


def test_pay_pressed_while_stripe_fails_can_be_pressed_again(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    sandbox.fault(
        method="POST",
        path=f"/v1/payment_intents/{intent_of(page)}",
        kind="hang",
        seconds=30,
        times=1,
    )

    answer = press_pay(visitor, page, status=503)

    assert answer.json["error"]["code"] == "payments_unavailable"
    sandbox.clear()
    press_pay(visitor, page)
    assert shop.book(MOSS).reserved == 1


def test_the_success_page_without_stripe_is_unconfirmed(make_shop, sandbox):
    shop = make_shop(stripe__timeout="1.5")
    visitor = shop.visitor()
    page = visitor.get(BUY)
    press_pay(visitor, page)
    sandbox.confirm(intent_of(page))
    url = f"/success?pi={intent_of(page)}"
    sandbox.fault(
        method="GET",
        path=f"/v1/payment_intents/{intent_of(page)}",
        kind="hang",
        seconds=30,
        times=5,
    )

    unconfirmed = visitor.get(url, status=503)
    other = shop.visitor().get(url, status=404)

    assert unconfirmed.html.select_one("[data-outcome=unconfirmed]")
    assert "Moss" not in other
    sandbox.clear()
    assert visitor.get(url).html.select_one("[data-outcome=paid]")
    sandbox.fault(
        method="GET", path=f"/v1/payment_intents/{intent_of(page)}", kind="reset", times=50
    )
    assert visitor.get(url).html.select_one("[data-outcome=paid]")  # it is recorded by now


def test_the_index_responds_while_stripe_hangs(make_shop, sandbox, serve):
    shop = make_shop(stripe__timeout="4", stripe__max_concurrency="4")
    url = serve(shop.wsgi, threads=6)
    sandbox.fault(**CREATE, kind="hang", seconds=30, times=50)
    with ThreadPoolExecutor(8) as pool:
        waiting = [pool.submit(requests.get, url + BUY, timeout=20) for _ in range(8)]
        # Once a customer is turned away, all four slots are taken.
        while not any(buyer.done() for buyer in waiting):
            requests.get(url, timeout=20).raise_for_status()
        began = time.monotonic()
        for _ in range(10):
            requests.get(url, timeout=20).raise_for_status()
        took = time.monotonic() - began
        still_waiting = sum(not buyer.done() for buyer in waiting)
        answers = [buyer.result() for buyer in waiting]

    assert still_waiting >= 1
    assert took < 3
    assert {answer.status_code for answer in answers} == {503}
    turned_away = [answer for answer in answers if "payments_busy" in answer.text]
    assert turned_away


@pytest.mark.parametrize("path", ["/success?pi={intent}", "/checkout?order={order}"])
def test_one_visitor_with_24_connections_leaves_places_for_others(make_shop, sandbox, serve, path):
    shop = make_shop(stripe__timeout="60")
    url = serve(shop.wsgi, threads=30)
    attacker, customer = shop.visitor(), shop.visitor()
    intent = intent_of(attacker.get(BUY))
    page = customer.get(BUY)
    order = next(each for each in shop.orders() if each.payment_intent == intent)
    sandbox.fault(path=f"/v1/payment_intents/{intent}", kind="hang", seconds=60, times=50)
    attack = url + path.format(intent=intent, order=order.number)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in attacker.cookies.items())}

    with ThreadPoolExecutor(24) as pool:
        waiting = [
            pool.submit(requests.get, attack, headers=headers, timeout=60) for _ in range(24)
        ]
        until(lambda: sum(request.done() for request in waiting) == 22)
        press_pay(customer, page)
        paid = sandbox.confirm(intent_of(page))
        assert customer.get(f"/success?pi={paid['id']}").html.select_one("[data-outcome=paid]")
        for number in range(10):
            send(shop, event(paid, id=f"evt_{number}"))
            assert intent_of(shop.visitor().get(BUY))
        sandbox.clear()
        statuses = [request.result().status_code for request in waiting]
    assert statuses.count(503) == 22


def test_pages_leave_places_to_pay_and_to_webhooks(make_shop, sandbox, serve):
    shop = make_shop(stripe__timeout="60")
    url = serve(shop.wsgi, threads=30)
    customer = shop.visitor()
    page = customer.get(BUY)
    sandbox.fault(**CREATE, kind="hang", seconds=60, times=50)
    gate = shop.registry.services.payments._gate
    gate._network_limit = gate._places  # many visitors, each from a network of their own

    with ThreadPoolExecutor(24) as pool:
        waiting = [pool.submit(requests.get, url + BUY, timeout=60) for _ in range(24)]
        until(lambda: sum(request.done() for request in waiting) == 16)
        assert press_pay(customer, page).json["order"]
        paid = sandbox.confirm(intent_of(page))
        send(shop, event(paid))
        sandbox.clear()
        statuses = [request.result().status_code for request in waiting]
    assert {order.status for order in shop.orders()} >= {"paid"}
    assert statuses.count(503) == 16


def test_the_circuit_breaker_fails_fast_and_closes_once_stripe_is_back(
    make_shop, sandbox, monkeypatch
):
    monkeypatch.setattr(circuit_breaker, "RECOVERY_TIME", 0.3)
    shop = make_shop(stripe__timeout="1", stripe__max_network_retries="0")
    sandbox.fault(**CREATE, kind="status", status=500, times=1000)
    for _time in range(circuit_breaker.FAILURE_THRESHOLD):
        shop.visitor().get(BUY, status=503)
    asked = len(sandbox.requests())

    page = shop.visitor().get(BUY, status=503)

    assert len(sandbox.requests()) == asked
    assert page.headers["Retry-After"]
    assert error_code(page) == "payments_unavailable"
    shop.visitor().get("/")
    sandbox.clear()
    deadline = time.monotonic() + 60
    while shop.visitor().get(BUY, expect_errors=True).status_int != 200:
        assert time.monotonic() < deadline
    assert shop.registry.services.payments.breaker.state == circuit_breaker.BreakerState.CLOSED
