"""The list of events: what it can be narrowed to."""

from dataclasses import replace

import pytest
import stripe


@pytest.fixture
def options(options):
    """A delivery queue that drops everything."""
    return replace(options, webhook_url="http://127.0.0.1:1/webhooks")


@pytest.fixture
def types(client):
    return lambda **params: [event.type for event in client.events.list(params).data]


PAID = ["payment_intent.succeeded", "charge.succeeded", "payment_intent.created"]


def test_events_are_of_one_type_or_of_several(confirm, intent, types):
    confirm(intent, "pm_card_visa")

    assert types() == types(type="*") == PAID
    assert types(type="charge.succeeded") == PAID[1:2]
    assert types(type="payment_intent.*") == PAID[::2]
    assert types(types=PAID[:2]) == PAID[:2]
    with pytest.raises(stripe.InvalidRequestError) as both:
        types(type=PAID[0], types=PAID)
    assert both.value.param == "types"


def test_events_are_of_a_time_and_come_in_pages(client, confirm, intent, types):
    confirm(intent, "pm_card_visa")
    newest = client.events.list({"limit": 1})

    assert newest.has_more
    assert types(limit=2, starting_after=newest.data[0].id) == PAID[1:]
    assert types(created={"gte": newest.data[0].created + 3600}) == []
    assert types(created={"gte": newest.data[0].created - 3600}) == PAID


def test_events_are_filtered_by_delivery_success(intent, types):
    assert types(delivery_success=False) == ["payment_intent.created"]
    assert types(delivery_success=True) == []
