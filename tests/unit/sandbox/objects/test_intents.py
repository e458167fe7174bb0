"""Making, changing, calling off and listing PaymentIntents, with the SDK."""

import pytest
import stripe


def test_a_new_intent_is_to_be_paid_by_the_methods_of_its_currency(client):
    intent = client.payment_intents.create(
        {"amount": 1299, "currency": "gbp", "description": "Order 1", "metadata": {"order": "1"}}
    )

    assert intent.status == "requires_payment_method"
    assert (intent.amount, intent.currency, intent.description) == (1299, "gbp", "Order 1")
    assert intent.metadata.to_dict() == {"order": "1"}
    assert intent.client_secret.startswith(f"{intent.id}_secret_")
    assert intent.payment_method_types == ["card", "bacs_debit"]


@pytest.mark.parametrize(
    ("currency", "types"),
    [
        ("eur", ["card", "sepa_debit"]),
        ("usd", ["card", "us_bank_account"]),
        ("jpy", ["card"]),
    ],
)
def test_the_methods_follow_the_currency(client, intent, currency, types):
    changed = client.payment_intents.update(intent.id, {"currency": currency})

    assert changed.payment_method_types == types


def test_methods_can_be_left_out(client):
    made = client.payment_intents.create(
        {"amount": 500, "currency": "gbp", "excluded_payment_method_types": ["bacs_debit"]}
    )

    assert made.payment_method_types == ["card"]
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.create(
            {"amount": 500, "currency": "jpy", "excluded_payment_method_types": ["card"]}
        )
    assert refused.value.code == "payment_intent_invalid_parameter"


def test_without_automatic_methods_there_are_cards(client):
    made = client.payment_intents.create(
        {"amount": 500, "currency": "gbp", "automatic_payment_methods": {"enabled": False}}
    )

    assert made.payment_method_types == ["card"]


@pytest.mark.parametrize(
    ("params", "code", "param"),
    [
        ({"currency": "gbp"}, "parameter_missing", "amount"),
        ({"amount": 1299}, "parameter_missing", "currency"),
        ({"amount": "12.99", "currency": "gbp"}, "parameter_invalid_integer", "amount"),
        ({"amount": 0, "currency": "gbp"}, "parameter_invalid_integer", "amount"),
        ({"amount": "", "currency": "gbp"}, "parameter_invalid_empty", "amount"),
        ({"amount": 29, "currency": "gbp"}, "amount_too_small", "amount"),
        ({"amount": 49, "currency": "jpy"}, "amount_too_small", "amount"),
        ({"amount": 100_000_000, "currency": "gbp"}, "amount_too_large", "amount"),
        ({"amount": 12_345, "currency": "kwd"}, "invalid_charge_amount", "amount"),
        ({"amount": 12_345, "currency": "ugx"}, "invalid_charge_amount", "amount"),
        ({"amount": 1299, "currency": "GBP"}, None, "currency"),
        ({"amount": 1299, "currency": "gbp", "colour": "red"}, "parameter_unknown", "colour"),
        ({"amount": 1299, "currency": "gbp", "customer": "cus_1"}, None, "customer"),
        ({"amount": 1299, "currency": "gbp", "receipt_email": "no-address"}, "email_invalid", None),
        ({"amount": 1299, "currency": "gbp", "description": "x" * 1001}, None, "description"),
        ({"amount": 1299, "currency": "gbp", "return_url": "http://a/"}, None, "return_url"),
        ({"amount": 1299, "currency": "gbp", "confirm": "maybe"}, None, "confirm"),
        ({"amount": 1299, "currency": "gbp", "shipping": {"name": "A"}}, "parameter_missing", None),
        ({"amount": 1299, "currency": "gbp", "metadata": {"k" * 41: "v"}}, None, "metadata"),
        ({"amount": 1299, "currency": "gbp", "metadata": {"k": "v" * 501}}, None, "metadata[k]"),
        (
            {"amount": 1299, "currency": "gbp", "metadata": {f"k{i}": "v" for i in range(51)}},
            None,
            "metadata",
        ),
        (
            {"amount": 1299, "currency": "gbp", "payment_method_types": ["card"]},
            "payment_method_types_no_longer_supported",
            "payment_method_types",
        ),
        (
            {"amount": 1299, "currency": "gbp", "statement_descriptor_suffix": "a * b"},
            None,
            "statement_descriptor_suffix",
        ),
    ],
)
def test_invalid_requests_get_stripes_errors(client, params, code, param):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.create(params)

    assert refused.value.http_status == 400
    assert refused.value.code == code
    assert param in {None, refused.value.param}
    assert client.payment_intents.list().data == []


def test_retrieving_what_does_not_exist(client):
    with pytest.raises(stripe.InvalidRequestError) as missing:
        client.payment_intents.retrieve("pi_unknown")

    assert (missing.value.http_status, missing.value.code) == (404, "resource_missing")
    assert missing.value.user_message == "No such payment_intent: 'pi_unknown'"


def test_an_update_changes_what_it_names(client, intent):
    client.payment_intents.update(intent.id, {"metadata": {"order": "7", "note": "a"}})
    changed = client.payment_intents.update(
        intent.id,
        {
            "amount": 1500,
            "receipt_email": "ada@example.com",
            "metadata": {"note": ""},
            "shipping": {"name": "Ada", "address": {"line1": "1 Street", "country": "GB"}},
        },
    )

    assert (changed.amount, changed.currency, changed.receipt_email) == (
        1500,
        "gbp",
        "ada@example.com",
    )
    assert changed.metadata.to_dict() == {"order": "7"}
    assert (changed.shipping.address.country, changed.shipping.address.city) == ("GB", None)


def test_an_update_takes_away_what_it_empties(client, intent):
    client.payment_intents.update(
        intent.id, {"receipt_email": "a@example.com", "metadata": {"a": "b"}}
    )
    changed = client.payment_intents.update(
        intent.id, {"receipt_email": "", "metadata": "", "shipping": ""}
    )

    assert (changed.receipt_email, changed.metadata.to_dict(), changed.shipping) == (None, {}, None)


def test_metadata_has_bounds_over_all_updates(client, intent):
    client.payment_intents.update(intent.id, {"metadata": {f"a{i}": "v" for i in range(30)}})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.update(intent.id, {"metadata": {f"b{i}": "v" for i in range(30)}})

    assert refused.value.param == "metadata"


def test_statement_descriptor_suffix_follows_the_name(confirm, client, intent):
    client.payment_intents.update(intent.id, {"statement_descriptor_suffix": "BOOKS 12"})

    paid = confirm(intent, "pm_card_visa", expand=["latest_charge"])

    assert paid.latest_charge.calculated_statement_descriptor == "BOOKSHOP SANDBOX* BOOK"


def test_a_paid_intent_keeps_its_amount_and_takes_new_metadata(client, confirm, intent):
    confirm(intent, "pm_card_visa")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.update(intent.id, {"amount": 1})
    assert refused.value.code == "payment_intent_unexpected_state"
    assert refused.value.error.payment_intent.status == "succeeded"
    changed = client.payment_intents.update(intent.id, {"metadata": {"sent": "yes"}})
    assert (changed.amount, changed.metadata["sent"]) == (1299, "yes")


def test_a_new_amount_ends_a_pending_authentication(client, confirm, intent):
    confirm(intent, "pm_card_threeDSecure2Required")

    changed = client.payment_intents.update(intent.id, {"amount": 1500})

    assert (changed.status, changed.next_action) == ("requires_confirmation", None)


def test_cancel(client, intent):
    canceled = client.payment_intents.cancel(intent.id, {"cancellation_reason": "abandoned"})

    assert (canceled.status, canceled.cancellation_reason) == ("canceled", "abandoned")
    assert canceled.canceled_at >= canceled.created
    with pytest.raises(stripe.InvalidRequestError) as again:
        client.payment_intents.cancel(intent.id)
    assert again.value.code == "payment_intent_unexpected_state"


def test_a_list_is_newest_first_and_pages_both_ways(client):
    made = [client.payment_intents.create({"amount": 100, "currency": "eur"}).id for _ in range(5)]
    newest = made[::-1]

    first = client.payment_intents.list({"limit": 2})
    assert ([each.id for each in first.data], first.has_more) == (newest[:2], True)
    assert first.url == "/v1/payment_intents"
    rest = client.payment_intents.list({"limit": 3, "starting_after": newest[1]})
    assert ([each.id for each in rest.data], rest.has_more) == (newest[2:], False)
    before = client.payment_intents.list({"limit": 2, "ending_before": newest[4]})
    assert ([each.id for each in before.data], before.has_more) == (newest[2:4], True)
    none = {"ending_before": newest[4], "created": {"lt": 5}}
    assert client.payment_intents.list(none).data == []
    every = client.payment_intents.list({"limit": 2}).auto_paging_iter()
    assert [each.id for each in every] == newest


def test_a_list_can_be_narrowed_by_time(client, intent):
    def found(**created):
        return [each.id for each in client.payment_intents.list({"created": created}).data]

    assert found(gte=intent.created) == found(lte=intent.created) == [intent.id]
    assert found(gt=intent.created) == found(lt=intent.created) == []
    assert client.payment_intents.list({"created": intent.created}).data[0].id == intent.id


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"starting_after": "pi_unknown"}, "resource_missing"),
        ({"ending_before": "pi_unknown"}, "resource_missing"),
        ({"limit": 101}, "parameter_invalid_integer"),
        ({"limit": 0}, "parameter_invalid_integer"),
        ({"created": {"before": 3}}, "parameter_unknown"),
        ({"expand": ["latest_charge"]}, None),
        ({"expand": ["data.amount"]}, None),
        ({"expand": ["data.latest_charge.payment_intent.latest_charge.customer"]}, None),
    ],
)
def test_a_list_refuses_nonsense(client, intent, params, code):
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.list(params)

    assert (refused.value.http_status, refused.value.code) == (400, code)


def test_charges_expand_in_place(client, confirm, intent):
    confirm(intent, "pm_card_visa")

    paid = client.payment_intents.retrieve(
        intent.id, {"expand": ["latest_charge.payment_intent", "payment_method", "customer"]}
    )
    assert paid.latest_charge.status == "succeeded"
    assert paid.latest_charge.payment_intent.id == intent.id
    assert paid.payment_method.card.last4 == "4242"
    listed = client.payment_intents.list({"expand": ["data.latest_charge"]})
    assert listed.data[0].latest_charge.id == paid.latest_charge.id


def test_an_intent_can_be_made_with_its_method_and_confirmed_at_once(client):
    waiting = client.payment_intents.create(
        {"amount": 500, "currency": "eur", "payment_method": "pm_card_visa"}
    )
    assert waiting.status == "requires_confirmation"
    paid = client.payment_intents.create(
        {
            "amount": 500,
            "currency": "eur",
            "confirm": True,
            "payment_method": "pm_card_visa",
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
        }
    )
    assert paid.status == "succeeded"
    with pytest.raises(stripe.InvalidRequestError) as refused:
        client.payment_intents.create({"amount": 500, "currency": "eur", "confirm": True})
    assert refused.value.code == "payment_intent_unexpected_state"


def test_a_refused_request_stores_nothing(client):
    params = {"amount": 500, "currency": "eur", "confirm": True, "payment_method": "pm_card_visa"}
    with pytest.raises(stripe.InvalidRequestError):
        client.payment_intents.create(params)

    assert client.payment_intents.list().data == []
    assert client.events.list().data == []


def test_an_intent_confirmed_at_once_stays_when_the_card_is_declined(client):
    with pytest.raises(stripe.CardError) as declined:
        client.payment_intents.create(
            {
                "amount": 500,
                "currency": "eur",
                "confirm": True,
                "payment_method": "pm_card_chargeDeclined",
                "return_url": "http://localhost/",
            }
        )

    kept = client.payment_intents.retrieve(declined.value.error.payment_intent.id)
    assert kept.status == "requires_payment_method"


def test_the_account_takes_payments(client):
    account = client.accounts.retrieve_current()

    assert account.charges_enabled is True
