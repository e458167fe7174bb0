"""What a customer is told about a failed payment, and what nobody is told."""

import pytest

from bookshop.payments.declines import GENERIC_DECLINE_CODES, message_for_customer
from tests.unit.makers import failure


def test_stripes_words_are_for_customers():
    assert message_for_customer(failure()) == "Your card has insufficient funds."
    assert message_for_customer(failure(type="validation_error")) is not None


@pytest.mark.parametrize("code", ["fraudulent", "lost_card", "merchant_blacklist", "stolen_card"])
def test_a_thief_does_not_learn_what_is_known(code):
    assert code in GENERIC_DECLINE_CODES
    assert message_for_customer(failure(decline_code=code)) is None


@pytest.mark.parametrize("kind", ["api_error", "invalid_request_error", "idempotency_error"])
def test_what_is_said_to_us_is_not_for_customers(kind):
    assert message_for_customer(failure(type=kind)) is None


def test_no_failure_is_no_message():
    assert message_for_customer(None) is None
    assert message_for_customer(failure(message=None)) is None
