"""The table of transitions is complete and consistent."""

import pytest

from bookshop.orders.pages.labels import STATUS_MESSAGES
from bookshop.orders.states import (
    CLOSED,
    DISPUTES,
    FULFILMENT,
    MEANINGS,
    MONEY,
    PAID_FOR,
    TRANSITIONS,
    UNPAID,
    Actor,
    Effect,
    OrderStatus,
)


def test_every_status_has_a_meaning_and_a_message_for_the_customer():
    assert set(MEANINGS) == set(OrderStatus)
    assert set(OrderStatus) <= set(STATUS_MESSAGES)
    assert all(MEANINGS.values())


def test_every_status_is_reachable():
    reached, new = set(), {OrderStatus.PLACED}
    while new:
        reached |= new
        new = {target for source, target in TRANSITIONS if source in reached} - reached
    assert reached == set(OrderStatus)


def test_every_effect_and_actor_is_used():
    assert {effect for transition in TRANSITIONS.values() for effect in transition.effects} == set(
        Effect
    )
    assert all(transition.by for transition in TRANSITIONS.values())
    assert {actor for transition in TRANSITIONS.values() for actor in transition.by} == set(Actor)


def test_status_groups_partition_all_statuses():
    groups = [UNPAID, CLOSED, {OrderStatus.PROCESSING}, set(FULFILMENT), set(MONEY)]
    assert sorted(status for group in groups for status in group) == sorted(OrderStatus)
    assert {*FULFILMENT, *MONEY} == PAID_FOR
    assert set(DISPUTES) <= set(MONEY)


@pytest.mark.parametrize("source", sorted(PAID_FOR))
def test_paid_order_never_becomes_unpaid(source):
    assert {target for begin, target in TRANSITIONS if begin is source} <= PAID_FOR


@pytest.mark.parametrize("target", sorted(PAID_FOR))
def test_only_stripe_makes_an_order_paid(target):
    for (source, end), transition in TRANSITIONS.items():
        if end is target and source not in PAID_FOR:
            assert transition.by == {Actor.STRIPE}
            assert target is OrderStatus.PAID


@pytest.mark.parametrize("target", sorted(MONEY))
def test_only_stripe_causes_refund_and_dispute_statuses(target):
    assert all(
        transition.by == {Actor.STRIPE}
        for (_, end), transition in TRANSITIONS.items()
        if end is target
    )


def test_stock_is_sold_once_and_never_released_after_payment():
    for (source, target), transition in TRANSITIONS.items():
        if source in PAID_FOR:
            assert transition.effects == ()
        assert (Effect.SELL_STOCK in transition.effects) == (
            target is OrderStatus.PAID and source not in PAID_FOR
        )
        assert (Effect.RELEASE_STOCK in transition.effects) == (target in CLOSED)


def test_no_transition_keeps_the_status():
    assert all(source is not target for source, target in TRANSITIONS)
