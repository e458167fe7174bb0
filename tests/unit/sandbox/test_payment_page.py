"""The dashboard's page of one payment: what came after it was paid, and the buttons for more."""

import re

import pytest
from webtest import TestApp

from bookshop.sandbox.app import make_app
from bookshop.sandbox.state import Sandbox

HOST = "localhost:6544"


@pytest.fixture
def app(options):
    """The application without a server."""
    state = Sandbox.open(options)
    yield TestApp(make_app(state), extra_environ={"HTTP_HOST": HOST})
    state.close()


@pytest.fixture
def pay(app):
    """Pay £24.50 by a test payment method; the payment's page."""

    def with_method(method="pm_card_visa"):
        params = {
            "amount": "2450",
            "currency": "gbp",
            "confirm": "true",
            "payment_method": method,
            "return_url": "http://localhost/",
        }
        headers = {"Authorization": "Bearer sk_test_sandbox"}
        intent = app.post("/v1/payment_intents", params, headers=headers).json
        return app.get(f"/payments/{intent['id']}")

    return with_method


def press(page, action, **fields):
    """Press the button of an action, and return the page that follows."""
    headers = {"Accept": "text/html", "Referer": page.request.url}
    for form in page.forms.values():
        for attributes in re.findall(r"<button([^>]*)>", form.text):
            if f'data-action="{action}"' in attributes:
                sent = dict(re.findall(r' (name|value)="([^"]*)"', attributes))
                for field, each in fields.items():
                    form[field] = each
                done = form.submit(sent.get("name"), value=sent.get("value"), headers=headers)
                return done.follow()
    raise AssertionError(f"there is no button for {action}")


def refundable(page):
    """Return the refundable amount in minor units, and why it is 0."""
    if left := re.search(r'id="amount" name="amount" type="number" min="1" max="(\d+)"', page.text):
        return int(left[1]), None
    none = re.search(r'data-refundable="0" data-reason="(\w+)"', page.text)
    return 0, none[1]


def pills(page):
    return re.findall(r'class="pill" data-status="([\w ]+)"', page.text)


def test_an_unpaid_payment_offers_nothing(pay):
    page = pay("pm_bacsDebit_success")

    assert 'data-action="refund"' not in page.text
    assert 'data-action="dispute"' not in page.text


def test_a_part_and_then_the_rest_is_refunded(app, pay):
    page = press(pay(), "refund", amount="450")
    assert "4.50 GBP" in page.text
    assert refundable(page) == (2000, None)

    page = press(page, "refund")

    assert refundable(page) == (0, "refunded")
    assert page.text.count("charge.refunded") == 2
    assert "refunded 24.50 GBP" in app.get("/").text


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "canceled"])
def test_a_pending_refund_waits_for_a_button(pay, outcome):
    page = press(pay("pm_card_pendingRefund"), "refund")
    assert "pending" in pills(page)

    page = press(page, outcome)

    assert outcome in pills(page)
    assert (refundable(page)[1] == "refunded") == (outcome == "succeeded")


@pytest.mark.parametrize("outcome", ["won", "lost"])
def test_a_dispute_is_opened_and_decided(app, pay, outcome):
    page = press(pay(), "dispute", reason="duplicate")
    assert "needs_response" in pills(page)
    assert refundable(page) == (0, "disputed")
    assert "disputed" in app.get("/").text

    page = press(page, outcome)

    assert outcome in pills(page)
    assert (refundable(page)[0] == 2450) == (outcome == "won")


def test_an_inquiry_becomes_a_dispute(pay):
    page = press(pay("pm_card_createDisputeInquiry"), "escalate")

    assert "needs_response" in pills(page)


def test_an_inquiry_is_closed(pay):
    page = press(press(pay(), "inquire"), "warning_closed")

    assert "warning_closed" in pills(page)


def test_a_warning_and_a_review_are_shown(pay):
    page = press(press(pay(), "warn"), "review")
    assert {"actionable", "under_review"} <= set(pills(page))

    page = press(page, "approved")

    assert "approved" in pills(page)
    for kind in ["radar.early_fraud_warning.created", "review.opened", "review.closed"]:
        assert kind in page.text


def test_a_review_ends_with_a_refund(pay):
    page = press(pay("pm_card_riskLevelElevated"), "refunded_as_fraud")

    assert "refunded_as_fraud" in pills(page)
    assert refundable(page) == (0, "refunded")


def test_the_page_holds_no_script_or_style(pay):
    page = pay("pm_card_riskLevelElevated")

    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
