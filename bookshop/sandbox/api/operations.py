"""The API's operations: parameters, permitted key, and implementation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase

from bookshop.sandbox.api import auth, lists, parameters
from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import ApiError, invalid, missing_resource
from bookshop.sandbox.api.parameters import Parser, boolean, choice, hash_of, list_of, text
from bookshop.sandbox.objects import (
    account,
    confirmation,
    dispute_parameters,
    disputes,
    intent_parameters,
    intents,
    payment_methods,
    refunds,
    reviews,
)
from bookshop.sandbox.store import Object, Store
from bookshop.sandbox.webhooks import endpoints, events

RAW_CARD = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you "
    "use test tokens that map to the test card you are using, see https://stripe.com/docs/testing."
)
ONLY_EXPAND = hash_of({"expand": list_of(text())})


@dataclass(frozen=True)
class Endpoint:
    """An operation. `for_browsers`: callable with a publishable key and the client secret."""

    method: str
    path: str
    schema: Parser
    answer: Callable[[Call], Object]
    for_browsers: bool = False


def _retrieve_intent(call: Call) -> Object:
    return intents.find(call.store, call.identifier)


def _list_intents(call: Call) -> Object:
    return lists.page(call, "payment_intent", call.store.select("payment_intent"))


def _retrieve_charge(call: Call) -> Object:
    return _retrieve(call, "charge", "charge")


def _list_refunds_of_charge(call: Call) -> Object:
    charge = _retrieve_charge(call)
    return lists.page(call, "refund", call.store.select("refund", charge=charge["id"]))


def _list_by_payment(kind: str) -> Callable[[Call], Object]:
    """Return the operation that lists objects of a kind, on request those of one payment."""
    return lambda call: lists.page_of_payment(call, kind)


def _retrieve_with(find: Callable[[Store, str], Object]) -> Callable[[Call], Object]:
    """Return the operation that retrieves the object that `find` returns for the id in the path."""
    return lambda call: find(call.store, call.identifier)


def _retrieve_warning(call: Call) -> Object:
    return _retrieve(call, "radar.early_fraud_warning", "early_fraud_warning")


def _list_reviews(call: Call) -> Object:
    return lists.page(call, "review", call.store.select("review"))


def _create_method(call: Call) -> Object:
    if "card" in call.params and not call.by_browser:
        raise ApiError(402, "invalid_request_error", RAW_CARD)
    return payment_methods.create(call.store, call.params)


def _retrieve_method(call: Call) -> Object:
    return payment_methods.find(call.store, call.identifier, in_path=True)


def _list_methods(call: Call) -> Object:
    kind = call.params.get("type")
    methods = (each for each in call.store.select("payment_method") if kind in {None, each["type"]})
    return lists.page(call, "payment_method", methods)


def _retrieve_event(call: Call) -> Object:
    return events.with_pending_count(call.store, _retrieve(call, "event", "id"))


def _list_events(call: Call) -> Object:
    params = call.params
    if {"type", "types"} <= set(params):
        raise invalid("You may pass either type or types, but not both.", param="types")
    kinds = params.get("types", [params.get("type", events.ALL_TYPES)])
    success = params.get("delivery_success")

    def matching_events() -> Iterator[Object]:
        for each in call.store.select("event"):
            if any(fnmatchcase(each["type"], kind) for kind in kinds):
                event = events.with_pending_count(call.store, each)
                if success in {None, event["pending_webhooks"] == 0}:
                    yield event

    return lists.page(call, "event", matching_events())


def _list_webhook_endpoints(call: Call) -> Object:
    return lists.page(call, "webhook_endpoint", call.store.select("webhook_endpoint"))


def _retrieve(call: Call, kind: str, param: str) -> Object:
    stored = call.store.find(kind, call.identifier)
    if stored is None:
        raise missing_resource(kind, call.identifier, param, in_path=True)
    return stored


def _with_client_secret(answer: Callable[[Call], Object]) -> Callable[[Call], Object]:
    def checked(call: Call) -> Object:
        intent = intents.find(call.store, call.identifier)
        auth.check_client_secret(intent, call.params.get("client_secret"), required=call.by_browser)
        return answer(call)

    return checked


def _account(call: Call) -> Object:
    currency = {"default_currency": call.currency} if call.currency else {}
    return account.ACCOUNT | currency


_INTENTS = "/v1/payment_intents"
_INTENT = _INTENTS + "/{id}"
_REFUND = "/v1/refunds/{id}"
_DISPUTE = "/v1/disputes/{id}"
_WARNINGS = "/v1/radar/early_fraud_warnings"
_REVIEW = "/v1/reviews/{id}"
_WEBHOOKS = "/v1/webhook_endpoints"
_WEBHOOK = _WEBHOOKS + "/{id}"
_PAYMENT_FILTERS = lists.schema(**lists.PAYMENT_FILTERS)
ENDPOINTS = (
    Endpoint("POST", _INTENTS, intent_parameters.CREATE, confirmation.create),
    Endpoint("GET", _INTENTS, lists.schema(customer=parameters.not_simulated), _list_intents),
    Endpoint(
        "GET",
        _INTENT,
        hash_of({"client_secret": text(), "expand": list_of(text())}),
        _with_client_secret(_retrieve_intent),
        for_browsers=True,
    ),
    Endpoint("POST", _INTENT, intent_parameters.UPDATE, intents.update),
    Endpoint("POST", _INTENT + "/cancel", intent_parameters.CANCEL, intents.cancel),
    Endpoint(
        "POST",
        _INTENT + "/confirm",
        intent_parameters.CONFIRM,
        _with_client_secret(confirmation.confirm),
        for_browsers=True,
    ),
    Endpoint(
        "POST",
        _INTENT + "/challenge",
        intent_parameters.CHALLENGE,
        _with_client_secret(confirmation.challenge),
        for_browsers=True,
    ),
    Endpoint("GET", "/v1/charges", lists.schema(payment_intent=text()), _list_by_payment("charge")),
    Endpoint("GET", "/v1/charges/{id}", ONLY_EXPAND, _retrieve_charge),
    Endpoint("GET", "/v1/charges/{id}/refunds", lists.schema(), _list_refunds_of_charge),
    Endpoint("POST", "/v1/refunds", refunds.CREATE, refunds.create),
    Endpoint("GET", "/v1/refunds", _PAYMENT_FILTERS, _list_by_payment("refund")),
    Endpoint("GET", _REFUND, ONLY_EXPAND, _retrieve_with(refunds.find)),
    Endpoint("POST", _REFUND, refunds.UPDATE, refunds.update),
    Endpoint("POST", _REFUND + "/cancel", ONLY_EXPAND, refunds.cancel),
    Endpoint("GET", "/v1/disputes", _PAYMENT_FILTERS, _list_by_payment("dispute")),
    Endpoint("GET", _DISPUTE, ONLY_EXPAND, _retrieve_with(disputes.find)),
    Endpoint("POST", _DISPUTE, dispute_parameters.UPDATE, disputes.update),
    Endpoint("POST", _DISPUTE + "/close", ONLY_EXPAND, disputes.close),
    Endpoint("GET", _WARNINGS, _PAYMENT_FILTERS, _list_by_payment("radar.early_fraud_warning")),
    Endpoint("GET", _WARNINGS + "/{id}", ONLY_EXPAND, _retrieve_warning),
    Endpoint("GET", "/v1/reviews", lists.schema(), _list_reviews),
    Endpoint("GET", _REVIEW, ONLY_EXPAND, _retrieve_with(reviews.find)),
    Endpoint("POST", _REVIEW + "/approve", ONLY_EXPAND, reviews.approve),
    Endpoint(
        "POST",
        "/v1/payment_methods",
        payment_methods.DATA,
        _create_method,
        for_browsers=True,
    ),
    Endpoint(
        "GET",
        "/v1/payment_methods",
        lists.schema(
            customer=parameters.not_simulated,
            type=choice("card", "bacs_debit", "sepa_debit", "us_bank_account"),
        ),
        _list_methods,
    ),
    Endpoint("GET", "/v1/payment_methods/{id}", ONLY_EXPAND, _retrieve_method),
    Endpoint(
        "GET",
        "/v1/events",
        lists.schema(delivery_success=boolean, type=text(), types=list_of(text())),
        _list_events,
    ),
    Endpoint("GET", "/v1/events/{id}", ONLY_EXPAND, _retrieve_event),
    Endpoint("POST", _WEBHOOKS, endpoints.CREATE, endpoints.create),
    Endpoint("GET", _WEBHOOKS, endpoints.LIST, _list_webhook_endpoints),
    Endpoint("GET", _WEBHOOK, ONLY_EXPAND, endpoints.find),
    Endpoint("POST", _WEBHOOK, endpoints.UPDATE, endpoints.update),
    Endpoint("DELETE", _WEBHOOK, hash_of({}), endpoints.delete),
    Endpoint("GET", "/v1/account", ONLY_EXPAND, _account),
)
