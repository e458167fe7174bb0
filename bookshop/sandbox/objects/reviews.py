"""Radar reviews: https://docs.stripe.com/radar/reviews."""

from __future__ import annotations

import time

from bookshop.sandbox.api.call import Call
from bookshop.sandbox.api.errors import invalid, missing_resource
from bookshop.sandbox.ids import new_id
from bookshop.sandbox.store import Object, Store


def begin(call: Call, intent: Object, charge: Object, reason: str) -> Object:
    """Open a review; `reason` is `rule` or `manual`.

    `intent` and `charge` are changed; the caller saves them.
    """
    review = {
        "id": new_id("review"),
        "object": "review",
        "billing_zip": charge["billing_details"]["address"]["postal_code"],
        "charge": charge["id"],
        "closed_reason": None,
        "created": int(time.time()),
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": True,
        "opened_reason": reason,
        "payment_intent": intent["id"],
        "reason": reason,
        "session": None,
    }
    intent["review"] = charge["review"] = review["id"]
    call.store.save(review)
    call.emit("review.opened", review)
    return review


def end(call: Call, charge: Object, reason: str) -> None:
    """Close the open review of a charge, if any."""
    review = call.store.find("review", charge["review"])
    if review is not None and review["open"]:
        _close(call, review, reason)


def approve(call: Call) -> Object:
    """POST /v1/reviews/{id}/approve."""
    review = find_open(call.store, call.identifier)
    _close(call, review, "approved")
    return review


def find(store: Store, identifier: str) -> Object:
    """Return the review in the path. Raises ApiError."""
    review = store.find("review", identifier)
    if review is None:
        raise missing_resource("review", identifier, "review", in_path=True)
    return review


def find_open(store: Store, identifier: str) -> Object:
    """Return the open review in the path. Raises ApiError."""
    review = find(store, identifier)
    if not review["open"]:
        raise invalid(f"The review {identifier} is already closed.")
    return review


def _close(call: Call, review: Object, reason: str) -> None:
    review.update(open=False, closed_reason=reason, reason=reason)
    call.store.save(review)
    call.emit("review.closed", review)
