"""docs/orders.md matches the table of transitions."""

from collections import Counter
from pathlib import Path

import draw_orders

from bookshop.orders.states import TRANSITIONS, OrderStatus

ROOT = Path(__file__).parents[2]


def test_page_is_current():
    written = (ROOT / draw_orders.FILE).read_text(encoding="utf-8")
    assert written == draw_orders.page(), "run: make docs"


def test_arrows_represent_every_transition_once():
    arrows = draw_orders.arrows()
    drawn = Counter(pair for arrow in arrows for pair in draw_orders.transitions_of(arrow))
    assert set(drawn) == set(TRANSITIONS)
    assert set(drawn.values()) == {1}
    for arrow in arrows:
        represented = {TRANSITIONS[pair] for pair in draw_orders.transitions_of(arrow)}
        assert represented == {arrow.transition}


def test_added_transition_is_drawn(monkeypatch):
    added = (OrderStatus.SHIPPED, OrderStatus.DELIVERED)
    transition = TRANSITIONS[OrderStatus.PAID, OrderStatus.DELIVERED]
    before = draw_orders.page()
    monkeypatch.setitem(draw_orders.TRANSITIONS, added, transition)
    assert "shipped --> delivered: staff" in draw_orders.page()
    assert "        shipped --> delivered: staff" not in before


def test_transition_of_a_part_of_a_group_is_drawn_for_these_states(monkeypatch):
    monkeypatch.delitem(draw_orders.TRANSITIONS, (OrderStatus.EXPIRED, OrderStatus.PAID))
    assert "closed --> paid" not in draw_orders.page()
    assert "cancelled --> paid: stripe" in draw_orders.page()
    assert "expired --> paid" not in draw_orders.page()
