"""Every operation, state and refusal of the sandbox, over HTTP, each exchange held against Stripe's
document and types: the `recorder` fixture checks them all when a test ends.
"""

from concurrent.futures import ThreadPoolExecutor

import pytest
import stripe

from . import exchanges
from .client import INTENTS

CARD = {
    "payment_method_data[type]": "card",
    "payment_method_data[card][exp_month]": "12",
    "payment_method_data[card][exp_year]": "2034",
    "payment_method_data[card][cvc]": "123",
    "payment_method_data[billing_details][address][postal_code]": "SW1A 1AA",
}
BROWSER = {"return_url": "https://shop.example/success", "use_stripe_sdk": "true"}

#: docs.stripe.com/testing: error code and decline code by test payment method.
DECLINES = {
    "pm_card_visa_chargeDeclined": ("card_declined", "generic_decline"),
    "pm_card_visa_chargeDeclinedInsufficientFunds": ("card_declined", "insufficient_funds"),
    "pm_card_visa_chargeDeclinedLostCard": ("card_declined", "lost_card"),
    "pm_card_visa_chargeDeclinedStolenCard": ("card_declined", "stolen_card"),
    "pm_card_visa_chargeDeclinedVelocityLimitExceeded": ("card_declined", "card_velocity_exceeded"),
    "pm_card_chargeDeclinedExpiredCard": ("expired_card", "expired_card"),
    "pm_card_chargeDeclinedIncorrectCvc": ("incorrect_cvc", "incorrect_cvc"),
    "pm_card_chargeDeclinedProcessingError": ("processing_error", "processing_error"),
}
NUMBERS = {
    "4000000000000002": ("card_declined", "generic_decline"),
    "4000000000009995": ("card_declined", "insufficient_funds"),
    "4000000000009987": ("card_declined", "lost_card"),
    "4000000000009979": ("card_declined", "stolen_card"),
    "4000000000006975": ("card_declined", "card_velocity_exceeded"),
    "4000000000000069": ("expired_card", "expired_card"),
    "4000000000000127": ("incorrect_cvc", "incorrect_cvc"),
    "4000000000000119": ("processing_error", "processing_error"),
    "4100000000000019": ("card_declined", "fraudulent"),
    "4242424242424241": ("incorrect_number", None),
}
BANK_DEBITS = {
    "gbp": (
        "bacs_debit",
        {
            "payment_method_data[bacs_debit][sort_code]": "108800",
            "payment_method_data[bacs_debit][account_number]": "00012345",
        },
    ),
    "eur": ("sepa_debit", {"payment_method_data[sepa_debit][iban]": "DE89370400440532013000"}),
    "usd": (
        "us_bank_account",
        {
            "payment_method_data[us_bank_account][routing_number]": "110000000",
            "payment_method_data[us_bank_account][account_number]": "000123456789",
            "payment_method_data[us_bank_account][account_holder_type]": "individual",
        },
    ),
}
WHOLE_REQUEST = {
    "automatic_payment_methods[enabled]": "true",
    "automatic_payment_methods[allow_redirects]": "always",
    "description": "Order B-1 — Ünïcode",
    "metadata[order]": "B-1",
    "receipt_email": "reader@shop.example",
    "statement_descriptor_suffix": "BOOKS",
    "shipping[name]": "Ada Example",
    "shipping[address][line1]": "1 Example Street",
    "shipping[address][country]": "GB",
}


def path_of(intent, action=""):
    return f"{INTENTS}/{intent['id']}{action}"


@pytest.mark.parametrize(
    ("currency", "amount"), [("gbp", 1299), ("eur", 50), ("usd", 99_999_999), ("jpy", 1500)]
)
def test_create_and_retrieve(server_side, currency, amount):
    intent = server_side.create(amount=amount, currency=currency)
    assert (intent["amount"], intent["currency"]) == (amount, currency)
    assert intent["status"] == "requires_payment_method"
    assert server_side.get(path_of(intent)).body == intent


def test_create_with_everything_that_a_shop_sends(server_side):
    intent = server_side.create(**WHOLE_REQUEST)
    assert intent["metadata"] == {"order": "B-1"}
    assert intent["description"] == "Order B-1 — Ünïcode"
    assert intent["receipt_email"] == "reader@shop.example"
    assert intent["shipping"]["address"]["line1"] == "1 Example Street"


@pytest.mark.parametrize(
    "parameter", ["allowed_payment_method_types", "excluded_payment_method_types"]
)
def test_payment_methods_are_narrowed(server_side, parameter):
    intent = server_side.create(**{f"{parameter}[0]": "card"})
    assert ("card" in intent["payment_method_types"]) is parameter.startswith("allowed")


def test_update(server_side):
    intent = server_side.create()
    changed = {"amount": 2598, "description": "Two books", "metadata[order]": "B-2"}
    updated = server_side.post(path_of(intent), changed)
    assert updated.body["amount"] == 2598
    assert updated.body["metadata"] == {"order": "B-2"}
    emptied = server_side.post(path_of(intent), {"metadata": "", "receipt_email": ""})
    assert emptied.body["metadata"] == {}


def test_lists(server_side):
    made = [server_side.create()["id"] for _ in range(3)][::-1]
    newest = server_side.get(INTENTS, {"limit": 2, "expand[]": "data.latest_charge"}).body
    assert [each["id"] for each in newest["data"]] == made[:2]
    assert newest["has_more"]
    after = server_side.get(INTENTS, {"limit": 1, "starting_after": made[1]}).body
    assert [each["id"] for each in after["data"]] == made[2:]
    before = server_side.get(INTENTS, {"ending_before": made[2], "created[gte]": 1_000_000_000})
    assert [each["id"] for each in before.body["data"]] == made[:2]


@pytest.mark.parametrize(
    "method", ["pm_card_visa", "pm_card_mastercard", "pm_card_amex", "pm_card_visa_debit"]
)
def test_payment_succeeds(server_side, method):
    intent = server_side.create(**WHOLE_REQUEST)
    returning = {"return_url": "https://shop.example/success"}
    paid = server_side.confirm(intent, {"payment_method": method, **returning}).body
    assert (paid["status"], paid["amount_received"]) == ("succeeded", 1299)
    expanded = server_side.get(path_of(intent), {"expand[]": "latest_charge"}).body
    charge = expanded["latest_charge"]
    assert (charge["paid"], charge["amount_captured"]) == (True, 1299)
    assert server_side.get(f"/v1/charges/{charge['id']}").body == charge
    listed = server_side.get("/v1/charges", {"payment_intent": intent["id"]}).body
    assert [each["id"] for each in listed["data"]] == [charge["id"]]
    assert server_side.get(f"/v1/payment_methods/{paid['payment_method']}").status == 200


def test_created_and_confirmed_at_once(server_side):
    parameters = {"payment_method": "pm_card_visa", "confirm": "true"}
    never = {"automatic_payment_methods[enabled]": "true"}
    never["automatic_payment_methods[allow_redirects]"] = "never"
    assert server_side.create(**parameters, **never)["status"] == "succeeded"


@pytest.mark.parametrize(("method", "codes"), DECLINES.items())
def test_declined(server_side, method, codes):
    intent = server_side.create(**WHOLE_REQUEST)
    returning = {"return_url": "https://shop.example/success"}
    refused = server_side.confirm(intent, {"payment_method": method, **returning})
    assert refused.status == 402
    assert (refused.error["code"], refused.error["decline_code"]) == codes
    kept = server_side.get(path_of(intent), {"expand[]": "latest_charge"}).body
    assert kept["status"] == "requires_payment_method"
    assert kept["last_payment_error"]["code"] == codes[0]
    assert kept["latest_charge"]["status"] == "failed"
    again = server_side.confirm(intent, {"payment_method": "pm_card_visa", **returning})
    assert again.body["status"] == "succeeded"


@pytest.mark.parametrize(("number", "codes"), NUMBERS.items())
def test_declined_in_the_browser(server_side, browser_side, number, codes):
    intent = server_side.create(**WHOLE_REQUEST)
    card = {**CARD, **BROWSER, "payment_method_data[card][number]": number}
    refused = browser_side.confirm(intent, card)
    assert refused.status == 402
    assert (refused.error["code"], refused.error.get("decline_code")) == codes
    assert number not in str(refused.body)


@pytest.mark.parametrize("number", ["4242424242424242", "5555555555554444", "378282246310005"])
def test_paid_in_the_browser(server_side, browser_side, number):
    intent = server_side.create(**WHOLE_REQUEST)
    secret = {"client_secret": intent["client_secret"]}
    assert browser_side.get(path_of(intent), secret).body["id"] == intent["id"]
    card = {**CARD, **BROWSER, "payment_method_data[card][number]": number}
    if number.startswith("37"):
        card["payment_method_data[card][cvc]"] = "1234"
    paid = browser_side.confirm(intent, card)
    assert paid.body["status"] == "succeeded"
    assert browser_side.get(path_of(intent), secret).body["status"] == "succeeded"


@pytest.mark.parametrize("outcome", ["authorize", "fail"])
@pytest.mark.parametrize("inside_stripe_js", [True, False])
def test_three_d_secure(server_side, browser_side, controls, outcome, inside_stripe_js):
    intent = server_side.create(**WHOLE_REQUEST)
    card = {**CARD, **BROWSER, "payment_method_data[card][number]": "4000002760003184"}
    if not inside_stripe_js:
        del card["use_stripe_sdk"]
    asked = browser_side.confirm(intent, card).body
    assert asked["status"] == "requires_action"
    assert asked["next_action"]["type"] == (
        "use_stripe_sdk" if inside_stripe_js else "redirect_to_url"
    )
    assert server_side.get(path_of(intent)).body["status"] == "requires_action"
    solve(controls, intent, outcome)
    solved = server_side.get(path_of(intent), {"expand[]": "latest_charge"}).body
    if outcome == "authorize":
        assert solved["status"] == "succeeded"
    else:
        assert solved["status"] == "requires_payment_method"
        assert solved["last_payment_error"]["code"] == "payment_intent_authentication_failure"
    secret = {"client_secret": intent["client_secret"]}
    assert browser_side.get(path_of(intent), secret).body["status"] == solved["status"]


@pytest.mark.parametrize("number", ["4000008400001629", "4000008260003178"])
def test_declined_after_three_d_secure(server_side, browser_side, controls, number):
    intent = server_side.create(**WHOLE_REQUEST)
    card = {**CARD, **BROWSER, "payment_method_data[card][number]": number}
    assert browser_side.confirm(intent, card).body["status"] == "requires_action"
    solve(controls, intent, "authorize")
    declined = server_side.get(path_of(intent)).body
    assert declined["status"] == "requires_payment_method"
    assert declined["last_payment_error"]["code"] == "card_declined"


def solve(controls, intent, outcome):
    """What the buttons of the challenge page do; Stripe's own endpoint for it is not public."""
    form = {"client_secret": intent["client_secret"], "key": controls.key, "outcome": outcome}
    assert controls.post(path_of(intent, "/challenge"), form).status == 200


@pytest.mark.parametrize("outcome", ["succeeded", "failed"])
@pytest.mark.parametrize("currency", BANK_DEBITS)
def test_bank_debit(server_side, browser_side, controls, currency, outcome):
    kind, account = BANK_DEBITS[currency]
    intent = server_side.create(currency=currency)
    assert kind in intent["payment_method_types"]
    person = {
        "payment_method_data[billing_details][name]": "Ada Example",
        "payment_method_data[billing_details][email]": "ada@shop.example",
    }
    details = {"payment_method_data[type]": kind, **account, **person, **BROWSER}
    assert browser_side.confirm(intent, details).body["status"] == "processing"
    waiting = server_side.get(path_of(intent), {"expand[]": "latest_charge"}).body
    assert (waiting["status"], waiting["amount_received"]) == ("processing", 0)
    assert waiting["latest_charge"]["status"] == "pending"
    controls.post(f"/_sandbox/payment_intents/{intent['id']}/settle", {"outcome": outcome})
    settled = server_side.get(path_of(intent), {"expand[]": "latest_charge"}).body
    assert settled["latest_charge"]["status"] == outcome
    assert settled["status"] == (
        "succeeded" if outcome == "succeeded" else "requires_payment_method"
    )
    name = "succeeded" if outcome == "succeeded" else "payment_failed"
    events = server_side.get("/v1/events", {"type": f"payment_intent.{name}", "limit": 1}).body
    assert events["data"][0]["data"]["object"]["id"] == intent["id"]


@pytest.mark.parametrize(
    "reason", [None, "abandoned", "duplicate", "fraudulent", "requested_by_customer"]
)
def test_cancel(server_side, reason):
    intent = server_side.create()
    given = {"cancellation_reason": reason} if reason else {}
    canceled = server_side.post(path_of(intent, "/cancel"), given).body
    assert (canceled["status"], canceled["cancellation_reason"]) == ("canceled", reason)
    again = server_side.post(path_of(intent, "/cancel"))
    assert (again.status, again.error["code"]) == (400, "payment_intent_unexpected_state")


def test_payment_method_made_first(server_side, browser_side):
    iban = {"type": "sepa_debit", "sepa_debit[iban]": "DE89370400440532013000"}
    account = server_side.post("/v1/payment_methods", iban).body
    assert server_side.get(f"/v1/payment_methods/{account['id']}").body == account
    card = {"card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": 2034}
    made = browser_side.post("/v1/payment_methods", {"type": "card", **card}).body
    method = {"payment_method": made["id"], "return_url": "https://shop.example/success"}
    assert server_side.confirm(server_side.create(), method).body["status"] == "succeeded"
    listed = server_side.get("/v1/payment_methods", {"type": "card", "limit": 1}).body
    assert [each["id"] for each in listed["data"]] == [made["id"]]


def test_a_server_may_not_send_card_numbers(server_side):
    card = {"card[number]": "4242424242424242", "card[exp_month]": 12, "card[exp_year]": 2034}
    assert server_side.post("/v1/payment_methods", {"type": "card", **card}).status == 402


def test_account(server_side):
    assert server_side.get("/v1/account").body["object"] == "account"


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"amount": "12.99"}, "parameter_invalid_integer"),
        ({"amount": ""}, None),
        ({"amount": None}, "parameter_missing"),
        ({"currency": None}, "parameter_missing"),
        ({"currency": "zzz"}, None),
        ({"colour": "red"}, "parameter_unknown"),
        ({"metadata[a][b]": "c"}, None),
        ({"payment_method_types[0]": "card"}, "payment_method_types_no_longer_supported"),
        ({"amount": "1"}, "amount_too_small"),
        ({"amount": "100000000"}, "amount_too_large"),
        ({"amount": "-5"}, None),
        ({"capture_method": "later"}, None),
        ({"automatic_payment_methods[enabled]": "perhaps"}, None),
        ({"receipt_email": "no address"}, "email_invalid"),
        ({f"metadata[{'k' * 41}]": "v"}, None),
        ({"metadata[k]": "v" * 501}, None),
        ({"description": "x" * 1001}, None),
        ({"shipping[name]": "A"}, "parameter_missing"),
        ({"confirm": "true", "payment_method": "pm_missing"}, "resource_missing"),
        ({"return_url": "https://shop.example/success"}, None),
    ],
)
def test_refused_to_create(server_side, parameters, code):
    sent = {"amount": "1299", "currency": "gbp", **parameters}
    sent = {name: value for name, value in sent.items() if value is not None}
    refused = server_side.post(INTENTS, sent)
    assert refused.status == 400
    assert refused.error["type"] == "invalid_request_error"
    if code:
        assert refused.error["code"] == code


@pytest.mark.parametrize(
    "path",
    [
        f"{INTENTS}/pi_missing",
        "/v1/charges/ch_missing",
        "/v1/payment_methods/pm_missing",
        "/v1/events/evt_missing",
    ],
)
def test_no_such_object(server_side, path):
    refused = server_side.get(path)
    assert (refused.status, refused.error["code"]) == (404, "resource_missing")


def test_requests_that_the_status_forbids_are_refused(server_side):
    paid = server_side.confirm(
        server_side.create(),
        {"payment_method": "pm_card_visa", "return_url": "https://shop.example/success"},
    ).body
    for action, form in [
        ("", {"amount": 1}),
        ("", {"amount": 2598}),
        ("/confirm", {"payment_method": "pm_card_visa"}),
        ("/cancel", {}),
    ]:
        assert server_side.post(path_of(paid, action), form).status == 400


def test_confirm_without_a_payment_method(server_side):
    refused = server_side.confirm(server_side.create(), {})
    assert refused.status == 400


def test_wrong_keys(server_side, browser_side):
    intent = server_side.create()
    server_side.key = "sk_test_another"
    assert server_side.get(path_of(intent)).status == 401
    wrong = {"client_secret": f"{intent['id']}_secret_wrong"}
    assert browser_side.get(path_of(intent), wrong).status in {400, 401, 404}
    assert browser_side.get(path_of(intent)).status in {400, 401, 403}
    assert browser_side.get(INTENTS).status in {401, 403}
    assert browser_side.post(INTENTS, {"amount": 1299, "currency": "gbp"}).status in {401, 403}


def test_idempotency(server_side):
    form = {"amount": 1299, "currency": "gbp"}
    first, replay = (server_side.post(INTENTS, form, idempotency_key="k-1") for _ in range(2))
    assert first.body == replay.body
    mismatch = server_side.post(INTENTS, {**form, "amount": 1300}, idempotency_key="k-1")
    assert (mismatch.status, mismatch.error["type"]) == (400, "idempotency_error")
    too_long = server_side.post(INTENTS, form, idempotency_key="k" * 256)
    assert too_long.status == 400


def test_two_requests_at_once_with_one_idempotency_key(server_side, controls):
    fault = {"method": "POST", "path": INTENTS, "kind": "latency", "seconds": 1, "times": 2}
    assert controls.post_json("/_sandbox/faults", fault).status < 300
    form = {"amount": 1299, "currency": "gbp"}
    with ThreadPoolExecutor(2) as threads:
        calls = [
            threads.submit(server_side.post, INTENTS, form, idempotency_key="at-once")
            for _ in range(2)
        ]
    done, refused = sorted((call.result() for call in calls), key=lambda each: each.status)
    assert (done.status, refused.status) == (200, 409)
    assert refused.error["code"] == "idempotency_key_in_use"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_status_fault_applies_to_one_request(server_side, controls, status):
    fault = {"method": "POST", "path": INTENTS, "kind": "status", "status": status, "times": 1}
    assert controls.post_json("/_sandbox/faults", fault).status < 300
    assert server_side.post(INTENTS, {"amount": 1299, "currency": "gbp"}).status == status
    assert server_side.create()["object"] == "payment_intent"


def test_events_are_delivered_and_listed(server_side, browser_side, receiver):
    declined = server_side.create(**WHOLE_REQUEST)
    returning = {"return_url": "https://shop.example/success"}
    server_side.confirm(declined, {"payment_method": "pm_card_visa_chargeDeclined", **returning})
    server_side.post(path_of(declined, "/cancel"))
    paid = server_side.create(**WHOLE_REQUEST)
    challenged = {**CARD, **BROWSER, "payment_method_data[card][number]": "4000002760003184"}
    browser_side.confirm(paid, challenged)
    server_side.confirm(paid, {"payment_method": "pm_card_visa", **returning})
    for name, intent in [
        ("created", declined),
        ("payment_failed", declined),
        ("canceled", declined),
        ("requires_action", paid),
        ("succeeded", paid),
    ]:
        event = receiver.wait(f"payment_intent.{name}", intent["id"])
        assert server_side.get(f"/v1/events/{event['id']}").body["data"] == event["data"]
    charge = server_side.get(path_of(paid)).body["latest_charge"]
    receiver.wait("charge.succeeded", charge)
    listed = server_side.get("/v1/events", {"limit": 100}).body["data"]
    assert {"payment_intent.created", "charge.failed", "charge.succeeded"} <= {
        each["type"] for each in listed
    }
    assert all(exchanges.event_findings(each) == [] for each in listed)
    only = server_side.get("/v1/events", {"type": "payment_intent.canceled"}).body["data"]
    assert {each["type"] for each in only} == {"payment_intent.canceled"}


def test_stripe_python_drives_it_unmodified(recorder, sandbox):
    client = stripe.StripeClient(
        "sk_test_contract", base_addresses={"api": recorder.url}, max_network_retries=0
    )
    intent = client.v1.payment_intents.create(
        {
            "amount": 1299,
            "currency": "gbp",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {"order": "B-1"},
        },
        {"idempotency_key": "order-B-1"},
    )
    with pytest.raises(stripe.CardError) as declined:
        client.v1.payment_intents.confirm(
            intent.id, {"payment_method": "pm_card_visa_chargeDeclinedLostCard"}
        )
    assert declined.value.code == "card_declined"
    paid = client.v1.payment_intents.confirm(
        intent.id, {"payment_method": "pm_card_visa", "expand": ["latest_charge"]}
    )
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert [each.id for each in client.v1.payment_intents.list({"limit": 1}).data] == [intent.id]
