"""The page about an order's life says what the code does."""

from collections import Counter
from pathlib import Path

import draw_orders

from bookshop.orders.states import TRANSITIONS, OrderStatus

ROOT = Path(__file__).parents[2]


def test_the_page_is_current():
    written = (ROOT / draw_orders.FILE).read_text(encoding="utf-8")
    assert written == draw_orders.page(), "draw it anew: make docs"


def test_every_move_is_drawn_once_as_the_table_has_it():
    drawn = Counter(pair for arrow in draw_orders.arrows() for pair in draw_orders.drawn(arrow))
    assert set(drawn) == set(TRANSITIONS)
    assert set(drawn.values()) == {1}
    for arrow in draw_orders.arrows():
        assert {TRANSITIONS[pair] for pair in draw_orders.drawn(arrow)} == {arrow.move}


def test_a_move_that_is_added_is_drawn(monkeypatch):
    added = (OrderStatus.SHIPPED, OrderStatus.DELIVERED)
    move = TRANSITIONS[OrderStatus.PAID, OrderStatus.DELIVERED]
    before = draw_orders.page()
    monkeypatch.setitem(draw_orders.TRANSITIONS, added, move)
    assert "shipped --> delivered: staff" in draw_orders.page()
    assert "        shipped --> delivered: staff" not in before


def test_a_move_of_some_of_a_group_is_drawn_for_those_alone(monkeypatch):
    monkeypatch.delitem(draw_orders.TRANSITIONS, (OrderStatus.EXPIRED, OrderStatus.PAID))
    assert "over --> paid" not in draw_orders.page()
    assert "cancelled --> paid: stripe" in draw_orders.page()
    assert "expired --> paid" not in draw_orders.page()
