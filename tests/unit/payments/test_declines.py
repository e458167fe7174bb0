"""Messages about failed payments that customers may read."""

import pytest

from bookshop.payments.declines import GENERIC_DECLINE_CODES, message_for_customer
from tests.unit.makers import failure


def test_messages_of_card_errors_are_shown():
    assert message_for_customer(failure()) == "Your card has insufficient funds."
    assert message_for_customer(failure(type="validation_error")) is not None


@pytest.mark.parametrize("code", ["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"])
def test_messages_about_reported_cards_are_withheld(code):
    assert code in GENERIC_DECLINE_CODES
    assert message_for_customer(failure(decline_code=code)) is None


@pytest.mark.parametrize("kind", ["api_error", "invalid_request_error", "idempotency_error"])
def test_messages_for_developers_are_withheld(kind):
    assert message_for_customer(failure(type=kind)) is None


def test_without_a_failure_there_is_no_message():
    assert message_for_customer(None) is None
    assert message_for_customer(failure(message=None)) is None
