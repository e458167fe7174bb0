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


def press(page, label, **fields):
    """Press a button as a person does; the page that they see then."""
    headers = {"Accept": "text/html", "Referer": page.request.url}
    for form in page.forms.values():
        for attributes, text in re.findall(r"<button([^>]*)>([^<]*)</button>", form.text):
            if text == label:
                sent = dict(re.findall(r' (name|value)="([^"]*)"', attributes))
                for field, each in fields.items():
                    form[field] = each
                done = form.submit(sent.get("name"), value=sent.get("value"), headers=headers)
                return done.follow()
    raise AssertionError(f"there is no button {label}")


def pills(page):
    return re.findall(r'class="pill" data-status="([\w ]+)"', page.text)


def test_an_unpaid_payment_offers_nothing(pay):
    page = pay("pm_bacsDebit_success")

    assert "Refunds" not in page.text
    assert "Disputes" not in page.text


def test_a_part_and_then_the_rest_is_refunded(app, pay):
    page = press(pay(), "Refund", amount="450")
    assert "4.50 GBP" in page.text
    assert "at most 2000" in page.text

    page = press(page, "Refund")

    assert "All of it is refunded." in page.text
    assert page.text.count("charge.refunded") == 2
    assert "refunded 24.50 GBP" in app.get("/").text


@pytest.mark.parametrize(
    ("label", "status"), [("Succeed", "succeeded"), ("Fail", "failed"), ("Cancel", "canceled")]
)
def test_a_pending_refund_waits_for_a_button(pay, label, status):
    page = press(pay("pm_card_pendingRefund"), "Refund")
    assert "pending" in pills(page)
    assert "It never happens by itself." in page.text

    page = press(page, label)

    assert status in pills(page)
    assert ("All of it is refunded." in page.text) == (status == "succeeded")


@pytest.mark.parametrize(("label", "status"), [("Win", "won"), ("Lose", "lost")])
def test_a_dispute_is_opened_and_decided(app, pay, label, status):
    page = press(pay(), "Dispute", reason="duplicate")
    assert "needs_response" in pills(page)
    assert "Stripe refunds no more" in page.text
    assert "disputed" in app.get("/").text

    page = press(page, label)

    assert status in pills(page)
    assert ("at most 2450" in page.text) == (status == "won")


def test_an_inquiry_becomes_a_dispute(pay):
    page = press(pay("pm_card_createDisputeInquiry"), "Make a dispute of the inquiry")

    assert "needs_response" in pills(page)


def test_an_inquiry_is_closed(pay):
    page = press(press(pay(), "Only inquire"), "Close")

    assert "warning_closed" in pills(page)


def test_a_warning_and_a_review_are_shown(pay):
    page = press(press(pay(), "Warn of fraud"), "Review")
    assert {"actionable", "under review"} <= set(pills(page))

    page = press(page, "Approve")

    assert "approved" in pills(page)
    for kind in ["radar.early_fraud_warning.created", "review.opened", "review.closed"]:
        assert kind in page.text


def test_a_review_ends_with_a_refund(pay):
    page = press(pay("pm_card_riskLevelElevated"), "Refund as fraud")

    assert "refunded_as_fraud" in pills(page)
    assert "All of it is refunded." in page.text


def test_the_page_holds_no_script_or_style(pay):
    page = pay("pm_card_riskLevelElevated")

    assert not re.search(r"<script|<style|\sstyle=|\son\w+=", page.text)
