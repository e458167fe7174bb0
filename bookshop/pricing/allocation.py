"""Splits an amount into whole minor units, without loss."""

from __future__ import annotations

from collections.abc import Sequence


def allocate(amount: int, weights: Sequence[int]) -> list[int]:
    """Split `amount`, in minor units, in proportion to `weights` by the largest remainder.

    The parts add up to the amount; of equal remainders the first part gets more. Raises ValueError
    for a negative amount or weight, and if all weights are zero while the amount is not.
    """
    total = sum(weights)
    if amount < 0 or any(weight < 0 for weight in weights) or (amount and not total):
        raise ValueError(f"{amount} cannot be split by {list(weights)}")
    if not amount:
        return [0] * len(weights)
    parts = [amount * weight // total for weight in weights]
    by_remainder = sorted(range(len(weights)), key=lambda index: -(amount * weights[index] % total))
    for index in by_remainder[: amount - sum(parts)]:
        parts[index] += 1
    return parts


def cumulative_share(amount: int, whole: int, part: int) -> int:
    """Return the share of `amount` for the first `part` of `whole` equal pieces, half up.

    The difference of two shares is what the pieces between them are worth: all differences add up
    to the amount.
    """
    return (2 * amount * part + whole) // (2 * whole)
