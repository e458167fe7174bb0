"""The operations of the API: what each is sent, who may call it, and what answers it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from . import (
    account,
    auth,
    confirmation,
    events,
    intent_parameters,
    intents,
    lists,
    parameters,
    payment_methods,
)
from .call import Call
from .errors import ApiError, missing_resource
from .parameters import Parser, choice, hash_of, list_of, text
from .store import Object

RAW_CARD = (
    "Sending credit card numbers directly to the Stripe API is generally unsafe. We suggest you "
    "use test tokens that map to the test card you are using, see https://stripe.com/docs/testing."
)
ONLY_EXPAND = hash_of({"expand": list_of(text())})


@dataclass(frozen=True)
class Endpoint:
    """One operation. `for_browsers`: a publishable key may call it, with the client secret."""

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


def _list_charges(call: Call) -> Object:
    wanted = call.params.get("payment_intent")
    if wanted is not None and call.store.find("payment_intent", wanted) is None:
        raise missing_resource("payment_intent", wanted, "payment_intent")
    found = (
        each for each in call.store.select("charge") if wanted in {None, each["payment_intent"]}
    )
    return lists.page(call, "charge", found)


def _create_method(call: Call) -> Object:
    if "card" in call.params and not call.by_browser:
        raise ApiError(402, "invalid_request_error", RAW_CARD)
    return payment_methods.create(call.store, call.params)


def _retrieve_method(call: Call) -> Object:
    return payment_methods.find(call.store, call.identifier, in_path=True)


def _list_methods(call: Call) -> Object:
    wanted = call.params.get("type")
    found = (each for each in call.store.select("payment_method") if wanted in {None, each["type"]})
    return lists.page(call, "payment_method", found)


def _retrieve_event(call: Call) -> Object:
    return events.as_told(call.store, _retrieve(call, "event", "id"))


def _list_events(call: Call) -> Object:
    one, several = call.params.get("type"), call.params.get("types")

    def wanted() -> Iterator[Object]:
        for each in call.store.select("event"):
            if one in {None, each["type"]} and (several is None or each["type"] in several):
                yield events.as_told(call.store, each)

    return lists.page(call, "event", wanted())


def _retrieve(call: Call, kind: str, param: str) -> Object:
    found = call.store.find(kind, call.identifier)
    if found is None:
        raise missing_resource(kind, call.identifier, param, in_path=True)
    return found


def _with_client_secret(answer: Callable[[Call], Object]) -> Callable[[Call], Object]:
    def checked(call: Call) -> Object:
        intent = intents.find(call.store, call.identifier)
        auth.check_client_secret(intent, call.params.get("client_secret"), needed=call.by_browser)
        return answer(call)

    return checked


def _account(call: Call) -> Object:
    return account.ACCOUNT


_INTENTS = "/v1/payment_intents"
_INTENT = _INTENTS + "/{id}"
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
    Endpoint("GET", "/v1/charges", lists.schema(payment_intent=text()), _list_charges),
    Endpoint("GET", "/v1/charges/{id}", ONLY_EXPAND, _retrieve_charge),
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
        lists.schema(delivery_success=parameters.not_simulated, type=text(), types=list_of(text())),
        _list_events,
    ),
    Endpoint("GET", "/v1/events/{id}", ONLY_EXPAND, _retrieve_event),
    Endpoint("GET", "/v1/account", ONLY_EXPAND, _account),
)
