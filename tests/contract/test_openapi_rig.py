"""The rig itself: it knows Stripe's document, accepts what Stripe sends, and catches mistakes."""

import importlib
import json
import sys
from copy import deepcopy
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from . import endive, exchanges, forms, json_schemas, openapi, sdk_types
from .exchanges import Exchange

SECRET = {"authorization": "Bearer sk_test_rig"}
PUBLISHABLE = {"authorization": "Bearer pk_test_rig"}
CLASSES = {
    "payment_intent": stripe.PaymentIntent,
    "charge": stripe.Charge,
    "refund": stripe.Refund,
    "dispute_evidence_details": stripe.Dispute.EvidenceDetails,
    "dispute_payment_method_details_card": stripe.Dispute.PaymentMethodDetails.Card,
}
MODULES = {
    "/v1/payment_intents": ("create", "Create"),
    "/v1/payment_intents/{intent}": ("modify", "Modify"),
    "/v1/payment_intents/{intent}/confirm": ("confirm", "Confirm"),
}


def intent(**changes: Any) -> dict[str, Any]:
    """A PaymentIntent with every field that Stripe sends for an unpaid one."""
    nothing = dict.fromkeys(
        name
        for name, field in openapi.schema("payment_intent")["properties"].items()
        if field.get("nullable")
    )
    return {
        **nothing,
        "id": "pi_1",
        "object": "payment_intent",
        "amount": 1299,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": "pi_1_secret_2",
        "confirmation_method": "automatic",
        "created": 1_790_000_000,
        "currency": "gbp",
        "last_payment_error": {
            "type": "card_error",
            "code": "card_declined",
            "decline_code": "insufficient_funds",
            "message": "Your card has insufficient funds.",
        },
        "livemode": False,
        "metadata": {"order": "B-1"},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **changes,
    }


def exchange(
    answer: Any,
    form: str = "amount=1299&currency=gbp",
    *,
    path: str = "/v1/payment_intents",
    status: int = 200,
    sent: dict[str, str] | None = None,
) -> Exchange:
    return Exchange(
        method="POST",
        path=path,
        query="",
        form=form,
        request_headers=sent or SECRET,
        status=status,
        headers={"request-id": "req_1", "content-type": "application/json"},
        text=json.dumps(answer),
    )


def public() -> dict[str, Any]:
    return {name: value for name, value in intent().items() if name in exchanges.PUBLIC_FIELDS}


def event(**changes: Any) -> dict[str, Any]:
    return {
        "id": "evt_1",
        "object": "event",
        "api_version": "2026-10-28.endive",
        "created": 1_790_000_000,
        "data": {"object": intent()},
        "livemode": False,
        "pending_webhooks": 1,
        "request": {"id": "req_1", "idempotency_key": None},
        "type": "payment_intent.created",
        **changes,
    }


def problems(found: list[str], *expected: str) -> bool:
    """Whether something was found, and each expected text somewhere in it."""
    return bool(found) and all(any(text in each for each in found) for text in expected)


def test_document_is_read_without_importing_the_package():
    assert openapi.document()["info"]["version"] == "2026-05-27.dahlia"
    assert openapi.PACKAGE not in sys.modules


def test_a_correct_exchange_has_no_findings():
    assert exchanges.findings(exchange(intent())) == []


def test_an_expanded_field_is_held_against_its_own_schema():
    found = exchanges.findings(exchange(intent(latest_charge={"id": "ch_1", "object": "charge"})))
    assert problems(found, "$.latest_charge: 'amount' is a required property")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"amount": "1299"}, "$.amount: '1299' is not of type 'integer'"),
        ({"amount": 1299.0}, "$.amount: 1299.0 is not of type 'integer'"),
        ({"amount": True}, "$.amount: True is not of type 'integer'"),
        ({"livemode": 0}, "$.livemode: 0 is not of type 'boolean'"),
        ({"status": "paid"}, "$.status: 'paid' is not one of"),
        ({"surprise": None}, "$: Additional properties are not allowed ('surprise'"),
        ({"created": 1_790_000_000_000}, "$.created: 1790000000000 is not a 'unix-time'"),
        ({"currency": "GBP"}, "$.currency: 'GBP' is not a 'currency'"),
        ({"metadata": {"order": 1}}, "$.metadata.order: 1 is not of type 'string'"),
        ({"id": None}, "$.id: None is not of type 'string'"),
        ({"shipping": {"adress": {}}}, "$.shipping: Additional properties"),
        (
            {"last_payment_error": {"type": "card_error", "code": "no_money"}},
            "payment_intent.last_payment_error.code: 'no_money'",
        ),
        ({"next_action": {"type": 1}}, "payment_intent.next_action.type: '1' is no str"),
        ({"setup_future_usage": "later"}, "$.setup_future_usage: 'later' is not one of"),
        ({"payment_method_types": "card"}, "$.payment_method_types: 'card' is not of type 'array'"),
        ({"payment_method_types": [1]}, "payment_method_types[0]: '1' is no str"),
    ],
)
def test_a_planted_mistake_in_an_answer_is_found(change, place):
    assert problems(exchanges.findings(exchange(intent(**change))), place)


@pytest.mark.parametrize("name", ["status", "amount", "client_secret", "latest_charge"])
def test_a_field_left_out_of_an_answer_is_found(name):
    answer = intent()
    del answer[name]
    assert problems(exchanges.findings(exchange(answer)), name)


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({"amount": "12.99"}, "form amount: '12.99' does not read as integer"),
        ({"amount": None}, "form amount: required, not sent"),
        ({"currency": "GBP"}, "form currency: 'GBP' is no currency in small letters"),
        ({"colour": "red"}, "form colour: unknown parameter"),
        ({"payment_method_types[0]": "card"}, "form payment_method_types: unknown parameter"),
        ({"capture_method": "later"}, "form capture_method: 'later' is none of"),
        ({"automatic_payment_methods[enabled]": "True"}, "'True' does not read as boolean"),
        ({"automatic_payment_methods": "true"}, "is text, not object"),
        ({"metadata": "order"}, "form metadata: 'order' is text, not object"),
        ({"metadata[a][b]": "1"}, "form metadata[a]: a hash, not string"),
        ({"shipping[name]": "A"}, "form shipping[address]: required, not sent"),
        ({"expand[1]": "latest_charge"}, "form expand: indexes ['1']"),
        ({"description[0]": "x"}, "form description: a hash, not string"),
        ({"statement_descriptor_suffix": "x" * 23}, "longer than 22"),
        ({"payment_method_data[card][number]": "42"}, "payment_method_data[card]: unknown"),
        ({"key": "pk_test_rig"}, "form key: unknown parameter"),
    ],
)
def test_a_planted_mistake_in_a_request_is_found(form, place):
    sent = {"amount": "1299", "currency": "gbp", **form}
    encoded = urlencode({name: value for name, value in sent.items() if value is not None})
    assert problems(exchanges.request_findings(exchange(intent(), encoded)), place)


@pytest.mark.parametrize("encoded", ["a=1&a=2", "a[b=1", "a=1&a[b]=2"])
def test_an_invalid_form_encoding_is_found(encoded):
    assert problems(exchanges.request_findings(exchange(intent(), encoded)), "encoding: ")


def test_a_wrong_request_must_have_been_refused():
    wrong = "amount=1299&currency=gbp&colour=red"
    assert problems(exchanges.findings(exchange(intent(), wrong)), "form colour: unknown")
    error = {"type": "invalid_request_error", "code": "parameter_unknown", "message": "No."}
    assert exchanges.findings(exchange({"error": error}, wrong, status=400)) == []


def test_an_operation_that_stripe_does_not_have_is_found():
    assert problems(exchanges.findings(exchange(intent(), path="/v1/payments")), "Stripe has no")


def test_ids_and_literal_paths_are_distinguished():
    found = [openapi.operation("GET", f"/v1/payment_intents/{last}") for last in ("pi_1", "search")]
    assert [each and each.template for each in found] == [
        "/v1/payment_intents/{intent}",
        "/v1/payment_intents/search",
    ]
    assert openapi.operation("DELETE", "/v1/payment_intents/pi_1") is None


def test_a_missing_request_id_is_found():
    bare = exchange(intent())
    assert problems(exchanges.findings(Exchange(**{**vars(bare), "headers": {}})), "Request-Id")


def test_stripe_js_may_send_a_key_and_a_card():
    form = urlencode(
        {
            "key": "pk_test_rig",
            "client_secret": "pi_1_secret_2",
            "payment_method_data[type]": "card",
            "payment_method_data[card][number]": "4242424242424242",
            "payment_method_data[card][exp_month]": "12",
            "payment_method_data[card][exp_year]": "2034",
        }
    )
    confirm = "/v1/payment_intents/pi_1/confirm"
    assert exchanges.findings(exchange(public(), form, path=confirm, sent={"origin": "x"})) == []
    planted = form.replace("exp_month%5D=12", "exp_month%5D=Dec")
    found = exchanges.findings(exchange(public(), planted, path=confirm, sent={"origin": "x"}))
    assert problems(found, "payment_method_data[card][exp_month]: 'Dec'")


@pytest.mark.parametrize("name", ["metadata", "latest_charge", "amount_received", "customer"])
def test_server_only_fields_are_not_sent_to_browsers(name):
    planted = {**public(), name: intent()[name]}
    form = "client_secret=pi_1_secret_2"
    path = "/v1/payment_intents/pi_1/confirm"
    found = exchanges.findings(exchange(planted, form, path=path, sent=PUBLISHABLE))
    assert found == [f"$.{name}: not for browsers"]
    error = {"type": "card_error", "message": "No.", "payment_intent": planted}
    refused = exchange({"error": error}, form, path=path, sent=PUBLISHABLE, status=402)
    assert problems(exchanges.findings(refused), f"$.error.payment_intent.{name}: not for browsers")


@pytest.mark.parametrize(
    ("change", "status", "place"),
    [
        ({}, 402, "$.error.type: invalid_request_error with HTTP 402"),
        ({"type": "no_error"}, 400, "$.error.type: 'no_error' is not one of"),
        ({"code": "nonsense"}, 400, "error.code: 'nonsense' is no error code"),
        ({"param": 1}, 400, "$.error.param: 1 is not of type 'string'"),
        ({"hint": "?"}, 400, "$.error: Additional properties are not allowed ('hint'"),
        ({"message": ""}, 400, "$.error.message: absent"),
        ({}, 500, "$.error.type: invalid_request_error with HTTP 500"),
    ],
)
def test_a_planted_mistake_in_an_error_is_found(change, status, place):
    error = {"type": "invalid_request_error", "message": "No such thing.", **change}
    if (change, status) == ({}, 402):
        error["type"] = "api_error"
        place = place.replace("invalid_request_error", "api_error")
    assert problems(exchanges.findings(exchange({"error": error}, status=status)), place)


def test_a_correct_error_has_no_findings():
    error = {
        "type": "invalid_request_error",
        "code": "payment_method_types_no_longer_supported",
        "message": "No longer.",
        "param": "payment_method_types",
    }
    assert exchanges.response_findings(exchange({"error": error}, status=400)) == []


def test_a_correct_event_has_no_findings():
    assert exchanges.event_findings(event()) == []


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"type": "payment_intent.paid"}, "event.type: 'payment_intent.paid'"),
        ({"type": "charge.succeeded"}, "$.type: charge.succeeded about a payment_intent"),
        ({"type": "charge.dispute.created"}, "created about a payment_intent"),
        ({"data": {"object": intent(amount="1")}}, "data.object $.amount: '1' is not of type"),
        ({"data": {"object": {"object": "basket"}}}, "'basket' is no resource"),
        ({"data": {"object": {"object": "payment_intent"}}}, "'id' is a required property"),
        ({"data": {"object": intent(), "previous_attributes": {}}}, "belongs to .updated alone"),
        ({"request": "req_1"}, "$.request: 'req_1' is not of type 'object'"),
        ({"pending_webhooks": None}, "$.pending_webhooks: None is not of type 'integer'"),
        ({"created": "now"}, "$.created: 'now' is not of type 'integer'"),
    ],
)
def test_a_planted_mistake_in_an_event_is_found(change, place):
    assert problems(exchanges.event_findings(event(**change)), place)


def test_a_field_left_out_of_an_events_object_is_found():
    sent = event(data={"object": {k: v for k, v in intent().items() if k != "last_payment_error"}})
    found = ["$.data.object.last_payment_error: absent, Stripe sends null"]
    assert exchanges.event_findings(sent) == found


def test_items_of_lists_are_checked():
    page = {"object": "list", "url": "/v1/payment_intents", "has_more": False, "data": [intent()]}
    assert exchanges.response_findings(_listing(page)) == []
    planted = deepcopy(page)
    planted["data"][0]["amount"] = None
    found = exchanges.response_findings(_listing(planted))
    assert problems(found, "$.data[0].amount: None", "data[0].amount: 'None' is no int")


def _listing(page: dict[str, Any]) -> Exchange:
    return Exchange(**{**vars(exchange(page)), "method": "GET", "form": ""})


@pytest.mark.parametrize("name", endive.FIELDS_ADDED)
def test_no_field_is_added_that_stripe_python_does_not_have(name):
    assert set(endive.FIELDS_ADDED[name]) <= set(sdk_types.fields_of(CLASSES[name]))


@pytest.mark.parametrize("path", MODULES)
def test_parameter_differences_agree_with_stripe_python(path):
    module, name = MODULES[path]
    module = importlib.import_module(f"stripe.params._payment_intent_{module}_params")
    known = set(getattr(module, f"PaymentIntent{name}Params").__annotations__)
    assert set(endive.PARAMETERS_ADDED["post", path]) <= known
    assert not endive.PARAMETERS_REMOVED["post", path] & known


def test_a_nested_list_decodes():
    assert forms.decode("a[b][]=1&a[b][]=2&c=%C3%A9") == {
        "a": {"b": {"0": "1", "1": "2"}},
        "c": "é",
    }


def test_the_branch_that_was_meant_is_reported():
    expandable = openapi.schema("payment_intent")["properties"]["latest_charge"]
    assert json_schemas.findings("ch_1", expandable) == []
    assert json_schemas.findings(None, expandable) == []
    assert problems(json_schemas.findings(7, expandable), "7 is not of type")
