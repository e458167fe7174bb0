"""Rates of delivery: zones, methods, and steps by weight, value or number of items.

The operator keeps them in a CSV file with one row for each step; docs/delivery.md describes it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from bookshop.destinations import Area, Destination, specificity


class Basis(StrEnum):
    """What the steps of a rate count: grams, minor units of the goods, or copies."""

    WEIGHT = "weight"
    VALUE = "value"
    ITEMS = "items"


@dataclass(frozen=True)
class Parcel:
    """What is sent: weight in grams, value of the goods in minor units, number of copies."""

    weight: int
    value: int
    items: int

    def measure(self, basis: Basis) -> int:
        """Return what a basis counts."""
        return {Basis.WEIGHT: self.weight, Basis.VALUE: self.value, Basis.ITEMS: self.items}[basis]


@dataclass(frozen=True)
class Step:
    """One row of the file: the price of a method in a zone, up to and including a limit.

    `price` and `free_from` are in minor units, gross or net as the shop's prices. `days` is the
    time of delivery from and to, in working days. `starts` and `ends` are the first and the last
    day of the row. Without a limit `up_to` is None. `line` is the row's line in the file.
    """

    zone: str
    areas: tuple[Area, ...]
    excluded: tuple[Area, ...]
    method: str
    name: str
    basis: Basis
    up_to: int | None
    price: int
    days: tuple[int, int] | None
    free_from: int | None
    starts: date | None
    ends: date | None
    line: int

    def applies_on(self, day: date) -> bool:
        """True if the row is in force on that day of the shop."""
        return (self.starts is None or self.starts <= day) and (
            self.ends is None or day <= self.ends
        )

    def specificity(self, destination: Destination) -> int | None:
        """Return how specific the row's area is for a destination; None outside of it."""
        if specificity(self.excluded, destination) is not None:
            return None
        return specificity(self.areas, destination)


@dataclass(frozen=True)
class DeliveryOption:
    """A method by which a parcel can be sent, its price, and the step that decides it.

    `is_free` is true if the value of the goods makes it free.
    """

    step: Step
    price: int
    is_free: bool

    @property
    def method(self) -> str:
        """The stable name of the method."""
        return self.step.method


class ShippingRates:
    """All rates of a shop."""

    def __init__(self, steps: Iterable[Step]) -> None:
        self._steps = tuple(steps)

    def zone(self, destination: Destination, day: date) -> str | None:
        """Return the zone of a destination: of several the most specific, then the first."""
        best: tuple[int, str] | None = None
        for step in self._steps:
            found = step.specificity(destination) if step.applies_on(day) else None
            if found is not None and (best is None or found > best[0]):
                best = (found, step.zone)
        return best[1] if best else None

    def options(self, destination: Destination, parcel: Parcel, day: date) -> list[DeliveryOption]:
        """Return the methods for a parcel, the cheapest first.

        Empty if the shop does not deliver there, or nothing so heavy.
        """
        zone = self.zone(destination, day)
        steps = [
            step
            for step in self._steps
            if step.zone == zone
            and step.applies_on(day)
            and step.specificity(destination) is not None
        ]
        methods = dict.fromkeys(step.method for step in steps)
        found = (
            _option([step for step in steps if step.method == method], parcel) for method in methods
        )
        return sorted(filter(None, found), key=lambda option: option.price)


def _option(steps: Sequence[Step], parcel: Parcel) -> DeliveryOption | None:
    """Return the option of one method: the step with the lowest limit that the parcel keeps."""
    fitting = [
        step for step in steps if step.up_to is None or parcel.measure(step.basis) <= step.up_to
    ]
    if not fitting:
        return None
    step = min(fitting, key=lambda each: (each.up_to is None, each.up_to or 0))
    is_free = step.free_from is not None and parcel.value >= step.free_from
    return DeliveryOption(step, 0 if is_free else step.price, is_free)
