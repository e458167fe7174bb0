"""Draw the life of an order from the table in `bookshop/orders/states.py`: docs/orders.md.

Where every state of a group has the same move it is drawn once, from group to group, so that the
picture stays one that can be read. `drawn` says which moves an arrow stands for; together they
are the table, which a test makes sure of.
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
# The life of an order

<!-- Drawn from bookshop/orders/states.py by tools/draw_orders.py (make docs). Do not edit. -->

An order's status changes in one place, `move` in `bookshop/orders/transitions.py`, and only by
a move of the table in `bookshop/orders/states.py`, from which this page is drawn. A move is made
under the order's row lock, in one transaction with all that it does and with a line of the order's
history: when, from where to where, by whom, and what caused it (an event's id, a command and who
gave it, a page).
"""
PICTURE = """\
Each arrow is named after who may cause it. Not drawn: the states of *{within}* move among each
other as well. Which of them a paid order is in follows from what is known of its money and its
goods (`bookshop/orders/status.py`), so that it does not matter in which order that was heard. An
open dispute counts more than a lost one, that more than a full refund, then a partial one, then a
dispute that was won; last comes how far the goods are.
"""
FACTS = """\
## What is no move

These are written down beside the status, each with a line of the history. The status of a paid
order then follows from them.

| what | written down in | by |
| --- | --- | --- |
| a refund that is asked for | `refunds` | `bookshop refund`, or the move to `paid` without copies |
| a refund as Stripe has it, ours or the dashboard's | `refunds` | stripe |
| a dispute or an inquiry, as Stripe has it | `disputes` | stripe |
| an early fraud warning | `orders.warned_at` | stripe |
| a review of the payment is open | `orders.under_review` | stripe |
| it was paid when its copies had gone to others | `orders.short` | the move to `paid` |
| what was paid is not what was ordered: nothing moves | `orders.contradicted` | stripe |
| copies that were sent, and their tracking | `order_lines.shipped` | `bookshop orders ship` |
| its copies are back on the shelf | `orders.restocked_at` | `bookshop refund --restock` |
"""


@dataclass(frozen=True)
class Group:
    """States that are drawn as one box."""

    name: str
    label: str
    states: tuple[OrderStatus, ...]


@dataclass(frozen=True)
class Arrow:
    """An arrow of the picture: from a state or a group to another."""

    source: OrderStatus | Group
    target: OrderStatus | Group
    move: Transition


GOODS = Group("goods", "how far the goods are", FULFILMENT)
MONEYS = Group("money", "what became of the money", MONEY)
OVER = Group("over", "over, and not paid", tuple(sorted(CLOSED)))
GROUPS = (OVER, GOODS, MONEYS)


def states(end: OrderStatus | Group) -> tuple[OrderStatus, ...]:
    """The states that an end of an arrow stands for."""
    return end.states if isinstance(end, Group) else (end,)


def drawn(arrow: Arrow) -> set[tuple[OrderStatus, OrderStatus]]:
    """The moves that an arrow stands for."""
    return {
        (source, target)
        for source in states(arrow.source)
        for target in states(arrow.target)
        if source is not target
    }


def arrows() -> list[Arrow]:
    """All arrows, as few as possible, by where they lead."""
    left = dict(TRANSITIONS)
    found = []
    ends: list[tuple[OrderStatus | Group, OrderStatus | Group]] = [
        *((source, target) for source in GROUPS for target in GROUPS),
        *((group, state) for group in GROUPS for state in OrderStatus if state not in group.states),
        *((state, group) for group in GROUPS for state in OrderStatus if state not in group.states),
        *((source, target) for source in OrderStatus for target in OrderStatus),
    ]
    for source, target in ends:
        pairs = {(one, other) for one in states(source) for other in states(target)}
        pairs = {(one, other) for one, other in pairs if one is not other}
        moves = {left.get(pair) for pair in pairs}
        (move, *others) = moves or {None}
        if move is not None and not others:
            found.append(Arrow(source, target, move))
            for pair in pairs:
                del left[pair]
    order = list(OrderStatus)

    def place(arrow: Arrow) -> tuple[int, int]:
        # The table itself is put together from sets, which have no order.
        first, second = (min(map(order.index, states(end))) for end in (arrow.target, arrow.source))
        return first, second

    return sorted(found, key=place)


def page() -> str:
    """The whole of docs/orders.md."""
    found = arrows()
    within = [arrow.source for arrow in found if arrow.source is arrow.target]
    names = "* and *".join(end.label for end in within if isinstance(end, Group))
    return "\n".join(
        [
            INTRODUCTION,
            "```mermaid",
            *_picture(found),
            "```",
            "",
            PICTURE.format(within=names),
            "## States",
            "",
            "| state | the order is |",
            "| --- | --- |",
            *(f"| `{status.value}` | {MEANINGS[status]} |" for status in OrderStatus),
            "",
            "## Moves",
            "",
            "| from | to | by | what it does beside |",
            "| --- | --- | --- | --- |",
            *(_row(arrow) for arrow in found),
            "",
            FACTS,
        ]
    )


def _picture(found: list[Arrow]) -> Iterator[str]:
    paid_for = {GOODS, MONEYS}
    inner = [arrow for arrow in found if {arrow.source, arrow.target} <= {*FULFILMENT}]
    across = [arrow for arrow in found if {arrow.source, arrow.target} == paid_for]
    itself = [arrow for arrow in found if arrow.source is arrow.target]
    outer = [arrow for arrow in found if arrow not in [*inner, *across, *itself]]
    yield "stateDiagram-v2"
    yield from (f"    {each.value}: {each.value.replace('_', ' ')}" for each in OrderStatus)
    yield f"    [*] --> {OrderStatus.PLACED.value}"
    yield from _box(OVER, OVER.states)
    yield '    state "paid for" as paid_for {'
    yield from _box(GOODS, map(_drawn, inner))
    yield from _box(MONEYS, MONEYS.states)
    yield from (f"    {_drawn(arrow)}" for arrow in across)
    yield "    }"
    yield from (f"    {_drawn(arrow)}" for arrow in outer)


def _box(group: Group, content: Iterable[str]) -> Iterator[str]:
    yield f'    state "{group.label}" as {group.name} {{'
    yield from (f"        {line}" for line in content)
    yield "    }"


def _drawn(arrow: Arrow) -> str:
    source, target = (
        end.name if isinstance(end, Group) else end.value for end in (arrow.source, arrow.target)
    )
    return f"{source} --> {target}: {_actors(arrow)}"


def _row(arrow: Arrow) -> str:
    source, target = (
        ", ".join(f"`{state.value}`" for state in states(end))
        for end in (arrow.source, arrow.target)
    )
    does = "; ".join(effect.value for effect in arrow.move.effects)
    return f"| {source} | {target} | {_actors(arrow)} | {does} |"


def _actors(arrow: Arrow) -> str:
    return ", ".join(actor.value for actor in Actor if actor in arrow.move.by)


def main() -> None:
    """Write the page."""
    FILE.write_text(page(), encoding="utf-8")
    print(f"{FILE} is drawn.")


if __name__ == "__main__":
    main()
