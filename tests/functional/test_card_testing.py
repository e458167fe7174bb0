"""Cards that are tried at Stripe with an order's client secret, without the shop's Pay button."""

import pytest

from bookshop.orders.payment.failed_attempts import MAX_ATTEMPTS
from tests.demo_books import EBOOK, MOSS
from tests.shops import intent_of, pay_form

BUY = f"/checkout?item={MOSS}"
DECLINED = "pm_card_visa_chargeDeclined"


@pytest.fixture
def tested(delivering, sandbox):
    """A shop, a visitor, their checkout page, and the id of its intent after ten declined cards."""
    visitor = delivering.visitor()
    visitor.extra_environ["HTTP_HOST"] = delivering.url.removeprefix("http://")
    page = visitor.get(BUY)
    intent = intent_of(page)
    for _card in range(MAX_ATTEMPTS):
        sandbox.confirm(intent, DECLINED)
    sandbox.until_delivered()
    return delivering, visitor, page, intent


def test_bug_12_cards_tried_without_pay_are_counted_and_the_order_is_closed(tested, sandbox):
    shop, _visitor, _page, intent = tested

    (order,) = shop.orders()
    assert (order.status, order.rejection) == ("cancelled", "too_many_failures")
    assert sandbox.api("GET", f"/v1/payment_intents/{intent}")["status"] == "canceled"
    refused = sandbox.confirm(intent, "pm_card_visa")
    assert refused["error"]["code"] == "payment_intent_unexpected_state"
    metrics = shop.visitor().get("/metrics").text
    assert f"bookshop_failed_payment_attempts {MAX_ATTEMPTS}.0" in metrics


def test_bug_12_the_visitor_is_shown_why_an_order_was_closed(tested):
    _shop, visitor, page, intent = tested

    success = visitor.get(f"/success?pi={intent}")
    assert success.html.select_one("[data-outcome]")["data-outcome"] == "too_many_failures"
    form = {**pay_form(page), "email": "ada@reader.example"}
    answer = visitor.post("/checkout", form, status=409)
    assert answer.json["error"]["code"] == "too_many_failures"
    number = pay_form(page)["order"]
    order_page = visitor.get(f"/orders/{number}")
    assert order_page.html.select_one("article.order")["data-status"] == "too_many_failures"


def test_bug_12_a_session_with_too_many_failures_places_no_other_order(tested):
    shop, visitor, _page, _intent = tested

    for address in (BUY, f"/checkout?item={EBOOK}"):
        page = visitor.get(address, status=429)
        error = page.html.select_one("[data-error-code]")["data-error-code"]
        assert error == "too_many_attempts"
        assert 3500 <= int(page.headers["Retry-After"]) <= 3601
    assert len(shop.orders()) == 1
