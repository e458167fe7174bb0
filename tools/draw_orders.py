"""Generate docs/orders.md, the states and transitions of orders, from `bookshop/orders/states.py`.

If all states of a group have the same transition, the diagram has one arrow from group to group,
which keeps it readable. `transitions_of` returns the transitions that an arrow represents; a test
checks that the arrows together are the table.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bookshop.orders.states import (
    CLOSED,
    FULFILMENT,
    MEANINGS,
    MONEY,
    TRANSITIONS,
    Actor,
    OrderStatus,
    Transition,
)

FILE = Path("docs/orders.md")
INTRODUCTION = """\
# The states of an order

<!-- Generated from bookshop/orders/states.py by tools/draw_orders.py (make docs). Do not edit. -->

Only `transition` in `bookshop/orders/transitions.py` changes an order's status, and only by a
transition of the table in `bookshop/orders/states.py`, from which this page is generated. It runs
under the order's row lock, in one transaction with all effects and with an audit entry: time, old
and new status, actor, and cause (the id of an event, a page, or a command with its user).
"""
DIAGRAM_NOTE = """\
Each arrow names the actors that may cause the transition. Not shown: the states of *{within}* also
change among each other. The status of a paid order is derived from its refunds, disputes and
shipments (`derive_status` in `bookshop/orders/transitions.py`), so the order in which they are
reported does not matter. Precedence: an open dispute, a lost dispute, a full refund, a partial
refund, a won dispute, and then the shipments.
"""
FACTS = """\
## What does not change the status directly

These facts are recorded with an audit entry. The status of a paid order is derived from them.

| fact | recorded in | by |
| --- | --- | --- |
| a refund was requested | `refunds` | `bookshop refund`, or a payment that is not accepted |
| a refund at Stripe, also one made in the dashboard | `refunds` | stripe |
| a dispute or an inquiry | `disputes` | stripe |
| an early fraud warning | `orders.fraud_warned_at` | stripe |
| Stripe has opened a review of the payment | `orders.under_review` | stripe |
| paid when a book was out of stock | `orders.out_of_stock` | the transition to `paid` |
| paid without a reservation, at an outdated offer | `orders.rejection` | the transition to `paid` |
| the payment contradicts the order; no transition | `orders.payment_mismatch` | stripe |
| shipped copies, and their tracking | `order_lines.shipped` | `bookshop orders ship` |
| copies were returned to stock | `order_lines.restocked` | `bookshop refund --restock` |
"""


@dataclass(frozen=True)
class Group:
    """States that are one box of the diagram."""

    name: str
    label: str
    states: tuple[OrderStatus, ...]


@dataclass(frozen=True)
class Arrow:
    """An arrow of the diagram, from a state or a group to another."""

    source: OrderStatus | Group
    target: OrderStatus | Group
    transition: Transition


FULFILMENT_GROUP = Group("fulfilment", "fulfilment", FULFILMENT)
MONEY_GROUP = Group("money", "refunds and disputes", MONEY)
CLOSED_GROUP = Group("closed", "closed without payment", tuple(sorted(CLOSED)))
GROUPS = (CLOSED_GROUP, FULFILMENT_GROUP, MONEY_GROUP)


def states(end: OrderStatus | Group) -> tuple[OrderStatus, ...]:
    """Return the states at one end of an arrow."""
    return end.states if isinstance(end, Group) else (end,)


def transitions_of(arrow: Arrow) -> set[tuple[OrderStatus, OrderStatus]]:
    """Return the transitions that an arrow represents, as pairs of states."""
    return {
        (source, target)
        for source in states(arrow.source)
        for target in states(arrow.target)
        if source is not target
    }


def arrows() -> list[Arrow]:
    """Return as few arrows as possible for the table, sorted by target."""
    left = dict(TRANSITIONS)
    combined = []
    ends: list[tuple[OrderStatus | Group, OrderStatus | Group]] = [
        *((source, target) for source in GROUPS for target in GROUPS),
        *((group, state) for group in GROUPS for state in OrderStatus if state not in group.states),
        *((state, group) for group in GROUPS for state in OrderStatus if state not in group.states),
        *((source, target) for source in OrderStatus for target in OrderStatus),
    ]
    for source, target in ends:
        pairs = {(one, other) for one in states(source) for other in states(target)}
        pairs = {(one, other) for one, other in pairs if one is not other}
        (transition, *others) = {left.get(pair) for pair in pairs} or {None}
        if transition is not None and not others:
            combined.append(Arrow(source, target, transition))
            for pair in pairs:
                del left[pair]
    order = list(OrderStatus)

    def position(arrow: Arrow) -> tuple[int, int]:
        # The table is built from sets, which have no order.
        first, second = (min(map(order.index, states(end))) for end in (arrow.target, arrow.source))
        return first, second

    return sorted(combined, key=position)


def page() -> str:
    """Return the content of docs/orders.md."""
    all_arrows = arrows()
    within = [arrow.source for arrow in all_arrows if arrow.source is arrow.target]
    names = "* and *".join(end.label for end in within if isinstance(end, Group))
    return "\n".join(
        [
            INTRODUCTION,
            "```mermaid",
            *_diagram(all_arrows),
            "```",
            "",
            DIAGRAM_NOTE.format(within=names),
            "## States",
            "",
            "| state | meaning |",
            "| --- | --- |",
            *(f"| `{status.value}` | {MEANINGS[status]} |" for status in OrderStatus),
            "",
            "## Transitions",
            "",
            "| from | to | by | effects |",
            "| --- | --- | --- | --- |",
            *(_row(arrow) for arrow in all_arrows),
            "",
            FACTS,
        ]
    )


def _diagram(all_arrows: list[Arrow]) -> Iterator[str]:
    paid_for = {FULFILMENT_GROUP, MONEY_GROUP}
    inner = [arrow for arrow in all_arrows if {arrow.source, arrow.target} <= {*FULFILMENT}]
    across = [arrow for arrow in all_arrows if {arrow.source, arrow.target} == paid_for]
    within = [arrow for arrow in all_arrows if arrow.source is arrow.target]
    outer = [arrow for arrow in all_arrows if arrow not in [*inner, *across, *within]]
    yield "stateDiagram-v2"
    yield from (f"    {each.value}: {each.value.replace('_', ' ')}" for each in OrderStatus)
    yield f"    [*] --> {OrderStatus.PLACED.value}"
    yield from _box(CLOSED_GROUP, CLOSED_GROUP.states)
    yield '    state "paid" as paid_for {'
    yield from _box(FULFILMENT_GROUP, map(_arrow_line, inner))
    yield from _box(MONEY_GROUP, MONEY_GROUP.states)
    yield from (f"    {_arrow_line(arrow)}" for arrow in across)
    yield "    }"
    yield from (f"    {_arrow_line(arrow)}" for arrow in outer)


def _box(group: Group, content: Iterable[str]) -> Iterator[str]:
    yield f'    state "{group.label}" as {group.name} {{'
    yield from (f"        {line}" for line in content)
    yield "    }"


def _arrow_line(arrow: Arrow) -> str:
    source, target = (
        end.name if isinstance(end, Group) else end.value for end in (arrow.source, arrow.target)
    )
    return f"{source} --> {target}: {_actors(arrow)}"


def _row(arrow: Arrow) -> str:
    source, target = (
        ", ".join(f"`{state.value}`" for state in states(end))
        for end in (arrow.source, arrow.target)
    )
    effects = "; ".join(effect.value for effect in arrow.transition.effects)
    return f"| {source} | {target} | {_actors(arrow)} | {effects} |"


def _actors(arrow: Arrow) -> str:
    return ", ".join(actor.value for actor in Actor if actor in arrow.transition.by)


def main() -> None:
    """Write docs/orders.md."""
    FILE.write_text(page(), encoding="utf-8")
    print(f"{FILE} written.")


if __name__ == "__main__":
    main()
