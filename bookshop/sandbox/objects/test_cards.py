"""Stripe's test cards: https://docs.stripe.com/testing.

Each number has a behaviour. Only the behaviour's name is stored, never the number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DECLINED = "Your card was declined."


@dataclass(frozen=True)
class Decline:
    """A decline code with its message: https://docs.stripe.com/declines/codes."""

    decline_code: str
    message: str = DECLINED
    code: str = "card_declined"
    param: str | None = None
    blocked: bool = False


@dataclass(frozen=True)
class Behaviour:
    """How a card behaves: 3-D Secure, a decline, failing checks, a risk level.

    After payment: a dispute with its reason, or an inquiry; a fraud warning; pending refunds.
    """

    three_d_secure: bool = False
    decline: Decline | None = None
    failing_check: str | None = None
    risk_level: str = "normal"
    dispute: str | None = None
    inquiry: bool = False
    fraud_warning: bool = False
    pending_refunds: bool = False


@dataclass(frozen=True)
class TestCard:
    """A test card: brand, country, funding, and the name of its behaviour."""

    __test__ = False  # not for pytest

    brand: str
    behaviour: str = "succeeds"
    funding: str = "credit"
    country: str = "US"


LIVE_CARD = Decline(
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. For a list "
    "of valid test cards, visit: https://stripe.com/docs/testing.",
)
GENERIC = Decline("generic_decline")
INSUFFICIENT = Decline("insufficient_funds", "Your card has insufficient funds.")
PROCESSING = "An error occurred while processing your card. Try again in a little bit."

BEHAVIOURS = {
    "succeeds": Behaviour(),
    "generic_decline": Behaviour(decline=GENERIC),
    "insufficient_funds": Behaviour(decline=INSUFFICIENT),
    "lost_card": Behaviour(decline=Decline("lost_card")),
    "stolen_card": Behaviour(decline=Decline("stolen_card")),
    "card_velocity_exceeded": Behaviour(
        decline=Decline(
            "card_velocity_exceeded",
            "Your card was declined for making repeated attempts too frequently or exceeding its "
            "amount limit.",
        )
    ),
    "expired_card": Behaviour(
        decline=Decline("expired_card", "Your card has expired.", "expired_card", "exp_month")
    ),
    "incorrect_cvc": Behaviour(
        decline=Decline(
            "incorrect_cvc", "Your card's security code is incorrect.", "incorrect_cvc", "cvc"
        ),
        failing_check="cvc_check",
    ),
    "processing_error": Behaviour(
        decline=Decline("processing_error", PROCESSING, "processing_error")
    ),
    "three_d_secure": Behaviour(three_d_secure=True),
    "three_d_secure_declined": Behaviour(three_d_secure=True, decline=GENERIC),
    "three_d_secure_insufficient_funds": Behaviour(three_d_secure=True, decline=INSUFFICIENT),
    # The lookup fails before the customer is authenticated.
    "three_d_secure_lookup_error": Behaviour(decline=GENERIC),
    "highest_risk": Behaviour(decline=Decline("fraudulent", blocked=True), risk_level="highest"),
    "elevated_risk": Behaviour(risk_level="elevated"),
    "cvc_check_fails": Behaviour(failing_check="cvc_check"),
    "postal_code_check_fails": Behaviour(failing_check="address_postal_code_check"),
    "not_a_test_card": Behaviour(decline=LIVE_CARD),
    "dispute_fraudulent": Behaviour(dispute="fraudulent"),
    "dispute_not_received": Behaviour(dispute="product_not_received"),
    "dispute_inquiry": Behaviour(dispute="general", inquiry=True),
    "early_fraud_warning": Behaviour(fraud_warning=True),
    "refund_pending": Behaviour(pending_refunds=True),
    # Its refunds succeed at first; the sandbox's controls make them fail later.
    "refund_fails": Behaviour(),
}

CARDS = {
    "4242424242424242": TestCard("visa"),
    "4000056655665556": TestCard("visa", funding="debit"),
    "5555555555554444": TestCard("mastercard"),
    "2223003122003222": TestCard("mastercard"),
    "5200828282828210": TestCard("mastercard", funding="debit"),
    "5105105105105100": TestCard("mastercard", funding="prepaid"),
    "378282246310005": TestCard("amex"),
    "371449635398431": TestCard("amex"),
    "6011111111111117": TestCard("discover"),
    "3056930009020004": TestCard("diners"),
    "3566002020360505": TestCard("jcb", country="JP"),
    "6200000000000005": TestCard("unionpay", country="CN"),
    "4000008260000000": TestCard("visa", country="GB"),
    "4000002760000016": TestCard("visa", country="DE"),
    "4000002500000003": TestCard("visa", country="FR"),
    "4000000000000002": TestCard("visa", "generic_decline"),
    "4000000000009995": TestCard("visa", "insufficient_funds"),
    "4000000000009987": TestCard("visa", "lost_card"),
    "4000000000009979": TestCard("visa", "stolen_card"),
    "4000000000006975": TestCard("visa", "card_velocity_exceeded"),
    "4000000000000069": TestCard("visa", "expired_card"),
    "4000000000000127": TestCard("visa", "incorrect_cvc"),
    "4000000000000119": TestCard("visa", "processing_error"),
    "4000000000000341": TestCard("visa", "generic_decline"),
    "4000002760003184": TestCard("visa", "three_d_secure", country="DE"),
    "4000000000003220": TestCard("visa", "three_d_secure"),
    "4000002500003155": TestCard("visa", "three_d_secure", country="FR"),
    "4000008400001629": TestCard("visa", "three_d_secure_declined"),
    "4000008260003178": TestCard("visa", "three_d_secure_insufficient_funds", country="GB"),
    "4000008400001280": TestCard("visa", "three_d_secure_lookup_error"),
    "4100000000000019": TestCard("visa", "highest_risk"),
    "4000000000009235": TestCard("visa", "elevated_risk"),
    "4000000000000101": TestCard("visa", "cvc_check_fails"),
    "4000000000000036": TestCard("visa", "postal_code_check_fails"),
    "4000000000000259": TestCard("visa", "dispute_fraudulent"),
    "4000000000002685": TestCard("visa", "dispute_not_received"),
    "4000000000001976": TestCard("visa", "dispute_inquiry"),
    "4000000000005423": TestCard("visa", "early_fraud_warning"),
    "4000000000007726": TestCard("visa", "refund_pending"),
    "4000000000005126": TestCard("visa", "refund_fails"),
    "4000000000001208": TestCard("visa"),
}

#: Test PaymentMethods that need no card number.
PAYMENT_METHODS = {
    "pm_card_visa": "4242424242424242",
    "pm_card_us": "4242424242424242",
    "pm_card_visa_debit": "4000056655665556",
    "pm_card_mastercard": "5555555555554444",
    "pm_card_mastercard_debit": "5200828282828210",
    "pm_card_mastercard_prepaid": "5105105105105100",
    "pm_card_amex": "378282246310005",
    "pm_card_discover": "6011111111111117",
    "pm_card_diners": "3056930009020004",
    "pm_card_jcb": "3566002020360505",
    "pm_card_unionpay": "6200000000000005",
    "pm_card_gb": "4000008260000000",
    "pm_card_de": "4000002760000016",
    "pm_card_fr": "4000002500000003",
    "pm_card_chargeDeclined": "4000000000000002",
    "pm_card_visa_chargeDeclined": "4000000000000002",
    "pm_card_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedInsufficientFunds": "4000000000009995",
    "pm_card_visa_chargeDeclinedLostCard": "4000000000009987",
    "pm_card_visa_chargeDeclinedStolenCard": "4000000000009979",
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": "4000000000006975",
    "pm_card_chargeDeclinedExpiredCard": "4000000000000069",
    "pm_card_chargeDeclinedIncorrectCvc": "4000000000000127",
    "pm_card_chargeDeclinedProcessingError": "4000000000000119",
    "pm_card_chargeCustomerFail": "4000000000000341",
    "pm_card_authenticationRequired": "4000002760003184",
    "pm_card_authenticationRequiredOnSetup": "4000002500003155",
    "pm_card_authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "pm_card_threeDSecure2Required": "4000000000003220",
    "pm_card_threeDSecureRequired": "4000000000003220",
    "pm_card_threeDSecureRequiredChargeDeclined": "4000008400001629",
    "pm_card_threeDSecureRequiredProcessingError": "4000008400001280",
    "pm_card_radarBlock": "4100000000000019",
    "pm_card_riskLevelElevated": "4000000000009235",
    "pm_card_cvcCheckFail": "4000000000000101",
    "pm_card_avsZipFail": "4000000000000036",
    "pm_card_createDispute": "4000000000000259",
    "pm_card_createDisputeProductNotReceived": "4000000000002685",
    "pm_card_createDisputeInquiry": "4000000000001976",
    "pm_card_createIssuerFraudRecord": "4000000000005423",
    "pm_card_pendingRefund": "4000000000007726",
    "pm_card_refundFail": "4000000000005126",
}

BRANDS = {
    r"4": "visa",
    r"5[1-5]|2[2-7]": "mastercard",
    r"3[47]": "amex",
    r"6011|64|65": "discover",
    r"3[068]": "diners",
    r"35": "jcb",
    r"62": "unionpay",
}


def recognise(number: str) -> TestCard:
    """Return the test card of a number, or one that represents a real card, which is declined."""
    brand = next((name for prefix, name in BRANDS.items() if re.match(prefix, number)), "unknown")
    return CARDS.get(number) or TestCard(brand, "not_a_test_card")


def passes_luhn(number: str) -> bool:
    """Return True if the check digit is correct (ISO/IEC 7812)."""
    digits = [int(digit) for digit in reversed(number)]
    doubled = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]  # noqa: PLR2004
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0
