"""How payments end: cards, declines, 3-D Secure, bank debits."""

from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

DECLINES = [
    ("4000000000000002", ("card_declined", "generic_decline")),
    ("4000000000009995", ("card_declined", "insufficient_funds")),
    ("4000000000009987", ("card_declined", "lost_card")),
    ("4000000000009979", ("card_declined", "stolen_card")),
    ("4000000000006975", ("card_declined", "card_velocity_exceeded")),
    ("4000000000000069", ("expired_card", "expired_card")),
    ("4000000000000127", ("incorrect_cvc", "incorrect_cvc")),
    ("4000000000000119", ("processing_error", "processing_error")),
    ("4100000000000019", ("card_declined", "fraudulent")),
    ("4000008400001280", ("card_declined", "generic_decline")),
    ("4111111111111111", ("card_declined", "test_mode_live_card")),
]


@pytest.mark.parametrize(
    ("number", "brand"),
    [
        ("4242424242424242", "visa"),
        ("5555555555554444", "mastercard"),
        ("378282246310005", "amex"),
        ("4000000000000259", "visa"),
    ],
)
def test_a_good_card_pays(client, intent, pay_by_card, number, brand):
    answer = pay_by_card(intent, number)

    assert (answer.status, answer.json["status"]) == (200, "succeeded")
    paid = client.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    card = paid.latest_charge.payment_method_details.card
    assert (paid.amount_received, card.brand, card.last4) == (1299, brand, number[-4:])
    assert paid.latest_charge.captured is True
    assert paid.latest_charge.amount_captured == 1299


@pytest.mark.parametrize(("number", "codes"), DECLINES)
def test_a_decline_leaves_the_intent_open(client, intent, pay_by_card, number, codes):
    answer = pay_by_card(intent, number)

    assert answer.status == 402
    error = answer.error
    assert (error["type"], error["code"], error["decline_code"]) == ("card_error", *codes)
    assert error["payment_intent"]["status"] == "requires_payment_method"
    kept = client.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert kept.last_payment_error.decline_code == codes[1]
    assert kept.last_payment_error.message == error["message"] == kept.latest_charge.failure_message
    assert kept.payment_method is None
    assert (kept.latest_charge.id, kept.latest_charge.status) == (error["charge"], "failed")
    assert (kept.latest_charge.failure_code, kept.latest_charge.paid) == (codes[0], False)


def test_another_card_pays_after_a_decline_with_one_intent(client, intent, pay_by_card):
    pay_by_card(intent, "4000000000009995")
    pay_by_card(intent, "4242424242424242")

    paid = client.payment_intents.retrieve(intent.id)
    assert (paid.status, paid.last_payment_error) == ("succeeded", None)
    charges = client.charges.list({"payment_intent": intent.id}).data
    assert [charge.status for charge in charges] == ["succeeded", "failed"]


@pytest.mark.parametrize(
    ("card", "problem"),
    [
        ({"number": "4242424242424241"}, ("incorrect_number", "number")),
        ({"number": "4242"}, ("incorrect_number", "number")),
        ({"number": "four"}, ("incorrect_number", "number")),
        ({"exp_month": "13"}, ("invalid_expiry_month", "exp_month")),
        ({"exp_year": "2020"}, ("invalid_expiry_year", "exp_year")),
        ({"exp_year": "20"}, ("invalid_expiry_year", "exp_year")),
        ({"cvc": "12"}, ("invalid_cvc", "cvc")),
    ],
)
def test_an_impossible_card_is_no_attempt(client, intent, pay_by_card, card, problem):
    answer = pay_by_card(intent, **{"number": "4242424242424242", **card})

    assert (answer.status, answer.error["code"], answer.error["param"]) == (402, *problem)
    assert client.payment_intents.retrieve(intent.id).latest_charge is None


@pytest.mark.parametrize(
    ("number", "check"),
    [
        ("4000000000000101", {"cvc_check": "fail", "address_postal_code_check": "pass"}),
        ("4000000000000036", {"cvc_check": "pass", "address_postal_code_check": "fail"}),
    ],
)
def test_failed_checks_are_reported(client, from_browser, intent, number, check):
    from_browser(
        "POST",
        "/confirm",
        intent,
        {
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": number,
            "payment_method_data[card][exp_month]": "1",
            "payment_method_data[card][exp_year]": "40",
            "payment_method_data[card][cvc]": "123",
            "payment_method_data[billing_details][address][postal_code]": "SW1A 1AA",
            "return_url": "http://localhost/",
        },
    )

    paid = client.payment_intents.retrieve(intent.id, {"expand": ["payment_method"]})
    checks = paid.payment_method.card.checks.to_dict()
    assert {name: checks[name] for name in check} == check
    assert paid.payment_method.card.exp_year == 2040


def test_an_elevated_risk_is_reported(client, confirm, intent):
    paid = confirm(intent, "pm_card_riskLevelElevated", expand=["latest_charge"])

    assert paid.latest_charge.outcome.risk_level == "elevated"


def test_3d_secure_in_the_page(client, intent, pay_by_card, from_browser):
    answer = pay_by_card(intent, "4000002760003184")

    action = answer.json["next_action"]
    assert (answer.json["status"], action["type"]) == ("requires_action", "use_stripe_sdk")
    page = urlsplit(action["use_stripe_sdk"]["stripe_js"])
    query = parse_qs(page.query)
    assert page.path == f"/challenge/{intent.id}"
    assert query == {"client_secret": [intent.client_secret], "key": ["pk_test_sandbox"]}
    assert client.payment_intents.retrieve(intent.id).latest_charge is None

    done = from_browser("POST", "/challenge", intent, {"outcome": "authorize"})

    assert (done.status, done.json) == (200, {})
    paid = client.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (paid.status, paid.next_action) == ("succeeded", None)
    details = paid.latest_charge.payment_method_details.card.three_d_secure
    assert details.result == "authenticated"


def test_3d_secure_in_a_page_of_the_bank(confirm, intent):
    waiting = confirm(intent, "pm_card_threeDSecure2Required")

    redirect = waiting.next_action.redirect_to_url
    assert (waiting.status, waiting.next_action.type) == ("requires_action", "redirect_to_url")
    assert redirect.return_url == "http://localhost/success"
    assert parse_qs(urlsplit(redirect.url).query)["return_url"] == [redirect.return_url]


def test_a_failed_3d_secure_lets_the_customer_try_again(client, intent, pay_by_card, from_browser):
    pay_by_card(intent, "4000000000003220")

    done = from_browser("POST", "/challenge", intent, {"outcome": "fail"})

    assert (done.status, done.json) == (200, {})
    kept = client.payment_intents.retrieve(intent.id)
    assert kept.status == "requires_payment_method"
    assert kept.last_payment_error.code == "payment_intent_authentication_failure"
    assert (kept.latest_charge, kept.next_action) == (None, None)
    assert pay_by_card(intent, "4242424242424242").json["status"] == "succeeded"


@pytest.mark.parametrize(
    ("number", "decline_code"),
    [("4000008400001629", "generic_decline"), ("4000008260003178", "insufficient_funds")],
)
def test_a_decline_after_3d_secure(intent, pay_by_card, from_browser, number, decline_code):
    pay_by_card(intent, number)
    from_browser("POST", "/challenge", intent, {"outcome": "authorize"})

    kept = from_browser("GET", "", intent).json
    assert kept["status"] == "requires_payment_method"
    assert kept["last_payment_error"]["decline_code"] == decline_code


def test_a_challenge_is_answered_once(intent, pay_by_card, from_browser):
    pay_by_card(intent, "4000002760003184")
    from_browser("POST", "/challenge", intent, {"outcome": "authorize"})

    again = from_browser("POST", "/challenge", intent, {"outcome": "fail"})

    assert (again.status, again.error["code"]) == (400, "payment_intent_unexpected_state")


@pytest.mark.parametrize(
    "debit",
    [
        ("gbp", "bacs_debit", {"sort_code": "108800", "account_number": "00012345"}),
        ("eur", "sepa_debit", {"iban": "DE89370400440532013000"}),
        ("usd", "us_bank_account", {"account_holder_type": "individual"}),
    ],
)
@pytest.mark.parametrize(
    "ending",
    [
        ("succeeded", "succeeded", "succeeded"),
        ("failed", "requires_payment_method", "failed"),
    ],
)
def test_a_bank_debit_is_processing_until_the_bank_answers(
    client, from_browser, send, debit, ending
):
    (currency, kind, details), (outcome, status, charge_status) = debit, ending
    intent = client.payment_intents.create({"amount": 2500, "currency": currency})
    fields = {f"payment_method_data[{kind}][{name}]": each for name, each in details.items()}
    given = {"payment_method_data[type]": kind, "return_url": "http://localhost/", **fields}

    answer = from_browser("POST", "/confirm", intent, given)

    assert (answer.status, answer.json["status"]) == (200, "processing")
    waiting = client.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert waiting.latest_charge.status == "pending"
    with pytest.raises(stripe.InvalidRequestError):
        client.payment_intents.cancel(intent.id)
    settled = send("POST", f"/_sandbox/payment_intents/{intent.id}/settle", {"outcome": outcome})
    assert settled.status == 200
    done = client.payment_intents.retrieve(intent.id, {"expand": ["latest_charge"]})
    assert (done.status, done.latest_charge.status) == (status, charge_status)
    assert (done.last_payment_error is None) == (outcome == "succeeded")


def test_only_processing_payments_can_be_settled(intent, send):
    path = f"/_sandbox/payment_intents/{intent.id}/settle"

    assert send("POST", path, {"outcome": "succeeded"}).error["code"] == (
        "payment_intent_unexpected_state"
    )
    assert send("POST", path, {"outcome": "perhaps"}).status == 400
    assert send("POST", path.replace(intent.id, "pi_unknown"), {"outcome": "failed"}).status == 404


@pytest.mark.parametrize("method", ["pm_bacsDebit_success", "pm_usBankAccount_success"])
def test_a_debit_of_another_currency_is_refused(client, confirm, method):
    intent = client.payment_intents.create({"amount": 2500, "currency": "jpy"})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        confirm(intent, method)

    assert refused.value.code == "payment_intent_incompatible_payment_method"


def test_confirm_needs_a_method_and_a_return_url(client, intent):
    with pytest.raises(stripe.InvalidRequestError) as no_method:
        client.payment_intents.confirm(intent.id, {"return_url": "http://localhost/"})
    assert no_method.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as no_url:
        client.payment_intents.confirm(intent.id, {"payment_method": "pm_card_visa"})
    assert "return_url" in no_url.value.user_message
    with pytest.raises(stripe.InvalidRequestError) as both:
        client.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa", "payment_method_data": {"type": "card"}}
        )
    assert both.value.code == "parameters_exclusive"
    with pytest.raises(stripe.InvalidRequestError) as unknown:
        client.payment_intents.confirm(intent.id, {"payment_method": "pm_unknown"})
    assert (unknown.value.http_status, unknown.value.code) == (400, "resource_missing")


def test_confirm_carries_the_receipt_and_the_parcel(confirm, intent):
    shipping = {"name": "Ada", "address": {"line1": "1 Street"}}
    paid = confirm(intent, "pm_card_visa", receipt_email="ada@example.com", shipping=shipping)

    assert (paid.receipt_email, paid.shipping.name) == ("ada@example.com", "Ada")


def test_the_amount_to_confirm_must_be_the_intents(confirm, intent):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        confirm(intent, "pm_card_visa", amount_to_confirm=1)

    assert refused.value.param == "amount_to_confirm"
    assert confirm(intent, "pm_card_visa", amount_to_confirm=1299).status == "succeeded"


def test_nothing_is_paid_twice(client, confirm, intent):
    confirm(intent, "pm_card_visa")
    with pytest.raises(stripe.InvalidRequestError) as again:
        confirm(intent, "pm_card_visa")
    assert again.value.code == "payment_intent_unexpected_state"
    assert len(client.charges.list({"payment_intent": intent.id}).data) == 1

    other = client.payment_intents.create({"amount": 500, "currency": "gbp"})
    client.payment_intents.cancel(other.id)
    with pytest.raises(stripe.InvalidRequestError) as canceled:
        confirm(other, "pm_card_visa")
    assert canceled.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.InvalidRequestError) as canceled:
        client.payment_intents.cancel(intent.id)
    assert canceled.value.error.payment_intent.status == "succeeded"


def test_a_charge_copies_the_metadata_once(client, confirm):
    intent = client.payment_intents.create(
        {"amount": 500, "currency": "gbp", "metadata": {"order": "1"}}
    )
    paid = confirm(intent, "pm_card_visa")
    client.payment_intents.update(intent.id, {"metadata": {"order": "2"}})

    assert client.charges.retrieve(paid.latest_charge).metadata["order"] == "1"


def test_charges_of_an_unknown_intent(client):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.charges.list({"payment_intent": "pi_unknown"})
    assert refused.value.code == "resource_missing"
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.charges.retrieve("ch_unknown")
    assert missing.value.http_status == 404


def test_payment_methods(client, send):
    made = client.payment_methods.create(
        {"type": "sepa_debit", "sepa_debit": {"iban": "DE89 3704 0044 0532 0130 00"}}
    )
    assert (made.sepa_debit.last4, made.sepa_debit.country) == ("3000", "DE")
    assert client.payment_methods.retrieve(made.id).id == made.id
    assert [each.id for each in client.payment_methods.list({"type": "sepa_debit"})] == [made.id]
    assert client.payment_methods.list({"type": "card"}).data == []


def test_a_card_needs_its_details(send):
    answer = send("POST", "/v1/payment_methods", {"type": "card"}, key="pk_test_sandbox")

    assert (answer.status, answer.error["param"]) == (400, "card")


def test_secret_keys_cannot_send_card_numbers(client, send):
    card = {"number": "4242424242424242", "exp_month": 12, "exp_year": 2040}
    with pytest.raises(stripe.CardError) as refused:
        client.payment_methods.create({"type": "card", "card": card})
    assert "generally unsafe" in refused.value.user_message

    fields = {f"card[{name}]": value for name, value in card.items()}
    made = send("POST", "/v1/payment_methods", {**fields, "type": "card"}, key="pk_test_sandbox")
    assert (made.status, made.json["card"]["last4"]) == (200, "4242")
