"""The table of moves: complete, in words, and without a trap."""

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


def test_every_status_but_the_first_can_be_reached():
    reached, new = set(), {OrderStatus.PLACED}
    while new:
        reached |= new
        new = {target for source, target in TRANSITIONS if source in reached} - reached
    assert reached == set(OrderStatus)


def test_every_effect_belongs_to_a_move_and_every_move_to_somebody():
    assert {effect for move in TRANSITIONS.values() for effect in move.effects} == set(Effect)
    assert all(move.by for move in TRANSITIONS.values())
    assert {actor for move in TRANSITIONS.values() for actor in move.by} == set(Actor)


def test_the_groups_share_the_states_among_them():
    groups = [UNPAID, CLOSED, {OrderStatus.PROCESSING}, set(FULFILMENT), set(MONEY)]
    assert sorted(status for group in groups for status in group) == sorted(OrderStatus)
    assert {*FULFILMENT, *MONEY} == PAID_FOR
    assert set(DISPUTES) <= set(MONEY)


@pytest.mark.parametrize("source", sorted(PAID_FOR))
def test_what_is_paid_for_is_never_unpaid_again(source):
    assert {target for begin, target in TRANSITIONS if begin is source} <= PAID_FOR


@pytest.mark.parametrize("target", sorted(PAID_FOR))
def test_only_stripes_word_and_parcels_make_an_order_one_that_is_paid_for(target):
    for (source, end), move in TRANSITIONS.items():
        if end is target and source not in PAID_FOR:
            assert move.by == {Actor.STRIPE}
            assert target is OrderStatus.PAID


@pytest.mark.parametrize("target", sorted(MONEY))
def test_money_moves_by_stripes_word_alone(target):
    assert all(move.by == {Actor.STRIPE} for (_, end), move in TRANSITIONS.items() if end is target)


def test_nobody_gives_copies_away_that_are_paid_for_and_nobody_sells_them_twice():
    for (source, target), move in TRANSITIONS.items():
        if source in PAID_FOR:
            assert move.effects == ()
        assert (Effect.SELL_STOCK in move.effects) == (
            target is OrderStatus.PAID and source not in PAID_FOR
        )
        assert (Effect.RELEASE_STOCK in move.effects) == (target in CLOSED)


def test_no_move_leads_to_where_it_begins():
    assert all(source is not target for source, target in TRANSITIONS)
