"""Pagination (https://docs.stripe.com/api/pagination) and expansion of objects."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import dropwhile, islice
from operator import ge, gt, le, lt
from typing import Any

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid, missing_resource
from bookshop.sandbox.api.forms import Value
from bookshop.sandbox.api.parameters import Parser, hash_of, integer, list_of, text
from bookshop.sandbox.store import Object, Store

DEFAULT_LIMIT, MAX_LIMIT = 10, 100
MAX_EXPANSION_DEPTH = 4
COMPARISONS = {"gt": gt, "gte": ge, "lt": lt, "lte": le}

#: Fields with the id of another object, by object. None: the sandbox never sets the field.
EXPANDABLE: dict[str, dict[str, str | None]] = {
    "payment_intent": {
        "latest_charge": "charge",
        "payment_method": "payment_method",
        "review": "review",
        **dict.fromkeys(("application", "customer", "on_behalf_of", "payment_record")),
    },
    "charge": {
        "payment_intent": "payment_intent",
        "refunds": None,
        "review": "review",
        **dict.fromkeys(("application", "balance_transaction", "customer")),
    },
    "dispute": {"charge": "charge", "payment_intent": "payment_intent"},
    "payment_method": {"customer": None},
    "radar.early_fraud_warning": {"charge": "charge", "payment_intent": "payment_intent"},
    "refund": {
        "charge": "charge",
        "payment_intent": "payment_intent",
        "payment_method": "payment_method",
        **dict.fromkeys(("balance_transaction", "customer", "transfer_reversal")),
    },
    "review": {"charge": "charge", "payment_intent": "payment_intent"},
}
#: Parameters that limit a list to one payment.
PAYMENT_FILTERS = {"charge": text(), "payment_intent": text()}


def created(name: str, value: Value) -> dict[str, int]:
    """Parse a time or a range of times, in seconds since 1970."""
    if isinstance(value, str):
        return {"gte": integer(0)(name, value), "lte": integer(0)(name, value)}
    bounds: dict[str, int] = hash_of(dict.fromkeys(COMPARISONS, integer(0)))(name, value)
    return bounds


def schema(**filters: Parser) -> Parser:
    """Return the parameter schema of a list operation."""
    return hash_of(
        {
            "created": created,
            "ending_before": text(),
            "expand": list_of(text()),
            "limit": integer(1, MAX_LIMIT),
            "starting_after": text(),
            **filters,
        }
    )


def page(call: Call, kind: str, things: Iterable[Object]) -> Object:
    """Return the requested page of `things`, newest first."""
    params = call.params
    bounds = params.get("created", {}).items()
    in_range = (
        each
        for each in things
        if all(COMPARISONS[name](each["created"], bound) for name, bound in bounds)
    )
    size = params.get("limit", DEFAULT_LIMIT)
    if "ending_before" in params:
        newer = list(_newer(call.store, kind, in_range, params["ending_before"]))
        data, has_more = newer[-size:], len(newer) > size
    else:
        older = _older(call.store, kind, in_range, params.get("starting_after"))
        rest = list(islice(older, size + 1))
        data, has_more = rest[:size], len(rest) > size
    return {"object": "list", "data": data, "has_more": has_more, "url": call.path}


def page_of_payment(call: Call, kind: str) -> Object:
    """Return the requested page of all objects of a kind, or of those of one payment."""
    filters = {name: call.params[name] for name in PAYMENT_FILTERS if name in call.params}
    for name, identifier in filters.items():
        if call.store.find(name, identifier) is None:
            raise missing_resource(name, identifier, name)
    return page(call, kind, call.store.select(kind, **filters))


def _older(
    store: Store, kind: str, things: Iterator[Object], after: str | None
) -> Iterator[Object]:
    if after is None:
        return things
    _check_cursor(store, kind, after, "starting_after")
    rest = dropwhile(lambda each: each["id"] != after, things)
    next(rest, None)
    return rest


def _newer(store: Store, kind: str, things: Iterator[Object], before: str) -> Iterator[Object]:
    _check_cursor(store, kind, before, "ending_before")
    for each in things:
        if each["id"] == before:
            return
        yield each


def _check_cursor(store: Store, kind: str, identifier: str, param: str) -> None:
    if store.find(kind, identifier) is None:
        raise missing_resource(kind, identifier, param)


def expand(store: Store, answer: Object, paths: Iterable[str]) -> Object:
    """Replace ids by their objects: https://docs.stripe.com/api/expanding_objects."""
    for path in paths:
        fields = path.split(".")
        if len(fields) > MAX_EXPANSION_DEPTH:
            message = (
                f"You cannot expand more than {MAX_EXPANSION_DEPTH} levels of a property ({path})."
            )
            raise invalid(message, param="expand")
        answer = _expanded(store, answer, fields, path)
    return answer


def _expanded(store: Store, thing: Mapping[str, Any], fields: list[str], path: str) -> Object:
    field, *rest = fields
    if thing.get("object") == "list":
        if field != "data":
            raise _not_expandable(path, hint=f"data.{path}")
        items = [_expanded(store, each, rest, path) if rest else each for each in thing["data"]]
        return {**thing, "data": items}
    kinds = EXPANDABLE.get(thing["object"], {})
    if field not in kinds:
        raise _not_expandable(path)
    kind = kinds[field]
    value = thing[field] if field in thing else _refunds_of(store, thing)
    if isinstance(value, str) and kind:
        value = store.find(kind, value)
    if rest and isinstance(value, dict):
        value = _expanded(store, value, rest, path)
    return {**thing, field: value}


def _refunds_of(store: Store, charge: Mapping[str, Any]) -> Object:
    """Return a charge's newest refunds, which are only included when expanded."""
    newest = list(islice(store.select("refund", charge=charge["id"]), DEFAULT_LIMIT + 1))
    return {
        "object": "list",
        "data": newest[:DEFAULT_LIMIT],
        "has_more": len(newest) > DEFAULT_LIMIT,
        "url": f"/v1/charges/{charge['id']}/refunds",
    }


def _not_expandable(path: str, hint: str = "") -> Exception:
    message = f"This property cannot be expanded ({path})."
    if hint:
        message += f" You may want to try expanding '{hint}' instead."
    return invalid(message, param="expand")
