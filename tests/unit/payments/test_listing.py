"""Lists of Stripe objects: page by page, with nothing held between pages."""

import itertools
from datetime import UTC, datetime, timedelta, timezone

import pytest

from bookshop import clock
from bookshop.payments.charges import DisputeStatus
from bookshop.payments.errors import StripeUnavailableError
from tests.unit.payments.fake_stripe import answer, refuse
from tests.unit.payments.objects import DISPUTE, REFUND, WARNING, charge, listed, paid

SINCE = datetime(2026, 5, 1, 12, 0, 0, 999_999, tzinfo=UTC)
LISTS = {
    "list_intents": ("/v1/payment_intents", paid()),
    "list_refunds": ("/v1/refunds", REFUND),
    "list_disputes": ("/v1/disputes", DISPUTE),
    "list_fraud_warnings": ("/v1/radar/early_fraud_warnings", WARNING),
}
EACH_LIST = pytest.mark.parametrize(
    ("name", "path", "made"), [(name, *rest) for name, rest in LISTS.items()], ids=LISTS
)


@pytest.fixture
def gateway(make_gateway):
    """A gateway with a single slot and no retries."""
    return make_gateway(max_concurrency=1, max_network_retries=0)


def named(made, *ids):
    return [{**made, "id": each} for each in ids]


@EACH_LIST
def test_each_page_follows_the_one_before(gateway, fake_stripe, name, path, made):
    fake_stripe.reply_with(
        answer(listed(*named(made, "a", "b"), more=True)), answer(listed(*named(made, "c")))
    )
    assert [each.id for each in getattr(gateway, name)(SINCE)] == ["a", "b", "c"]
    first, second = fake_stripe.requests
    assert (first.method, first.path) == (second.method, second.path) == ("GET", path)
    assert first.query["limit"] == second.query["limit"] == "100"
    assert first.query["created[gte]"] == second.query["created[gte]"] == "1777636800"
    assert "starting_after" not in first.query
    assert second.query["starting_after"] == "b"


@EACH_LIST
def test_the_start_of_the_period_is_converted_to_utc(gateway, fake_stripe, name, path, made):
    fake_stripe.reply_with(answer(listed()))
    elsewhere = SINCE.astimezone(timezone(timedelta(hours=9)))
    assert list(getattr(gateway, name)(elsewhere)) == []
    assert fake_stripe.requests[0].query["created[gte]"] == "1777636800"


@EACH_LIST
def test_a_page_is_requested_when_it_is_needed(gateway, fake_stripe, name, path, made):
    fake_stripe.reply_with(answer(listed(made, more=True)))
    objects = getattr(gateway, name)(SINCE)
    assert fake_stripe.requests == []
    next(objects)
    assert len(fake_stripe.requests) == 1


@EACH_LIST
def test_no_slot_is_held_between_pages(gateway, fake_stripe, operations, name, path, made):
    fake_stripe.reply_with(
        answer(listed(*named(made, "a", "b"), more=True)),
        answer(paid()),
        answer(paid()),
        answer(listed(*named(made, "c"))),
        answer(paid()),
    )
    for _each in getattr(gateway, name)(SINCE):
        assert gateway.retrieve_intent("pi_1").id == "pi_1"
    assert len(operations) == len(fake_stripe.requests) == 5


@EACH_LIST
def test_a_page_that_fails_ends_the_list(gateway, fake_stripe, name, path, made):
    fake_stripe.reply_with(answer(listed(made, more=True)), refuse(500, "api_error"))
    objects = getattr(gateway, name)(SINCE)
    next(objects)
    with pytest.raises(StripeUnavailableError):
        next(objects)
    assert gateway.retrieve_intent("pi_1").id == "pi_1"


def test_intents_are_listed_with_their_charges(gateway, fake_stripe):
    refunded = paid(charge(REFUND, review={"id": "prv_1", "object": "review", "open": True}))
    fake_stripe.reply_with(answer(listed(refunded)))
    [intent] = gateway.list_intents(SINCE)
    assert fake_stripe.requests[0].query["expand[0]"] == "data.latest_charge.refunds"
    assert fake_stripe.requests[0].query["expand[1]"] == "data.latest_charge.review"
    assert [refund.id for refund in intent.charge.refunds] == ["re_1"]
    assert intent.charge.under_review
    assert len(fake_stripe.requests) == 1


def test_what_a_page_leaves_out_is_requested_separately(gateway, fake_stripe, operations):
    disputed = paid(charge(disputed=True), id="pi_2")
    many = paid(charge(REFUND, more=True), id="pi_3")
    fake_stripe.reply_with(
        answer(listed(paid(), disputed, many, paid(id="pi_4"))),
        answer(listed({**DISPUTE, "status": "lost"})),
        answer(listed(REFUND, {**REFUND, "id": "re_2"})),
    )
    found = {intent.id: intent.charge for intent in gateway.list_intents(SINCE)}
    assert list(found) == ["pi_1", "pi_2", "pi_3", "pi_4"]
    assert [dispute.status for dispute in found["pi_2"].disputes] == [DisputeStatus.LOST]
    assert [refund.id for refund in found["pi_3"].refunds] == ["re_1", "re_2"]
    assert [request.query.get("payment_intent") for request in fake_stripe.requests] == [
        None,
        "pi_2",
        "pi_3",
    ]
    assert len(operations) == 3


def test_a_listed_intent_has_the_time_of_its_page(gateway, fake_stripe, monkeypatch):
    hours = (datetime(2026, 6, 1, hour, tzinfo=UTC) for hour in itertools.count())
    monkeypatch.setattr(clock, "now", lambda: next(hours))
    disputed = paid(charge(disputed=True))
    fake_stripe.reply_with(
        answer(listed(paid(), disputed, more=True)),  # requested at midnight
        answer(listed(DISPUTE)),  # at one o'clock
        answer(listed(paid())),  # at two
    )
    assert [intent.checked_at.hour for intent in gateway.list_intents(SINCE)] == [0, 0, 2]
