"""Order numbers: short, easy to read aloud, hard to guess, with a check character.

Eleven random characters of Crockford's base 32, which has no I, L, O and U, and a check character
of the Luhn algorithm over the same alphabet: K7QM-2X9T-4BCD.
"""

from __future__ import annotations

import secrets

from stdnum import luhn

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS = 11  # 55 bits
GROUP = 4
LOOKALIKES = str.maketrans("OIL", "011")


def new_number() -> str:
    """Return a new order number."""
    characters = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return _grouped(characters + luhn.calc_check_digit(characters, ALPHABET))


def is_number(text: str) -> bool:
    """Return True if `text` has the form of an order number and a valid check character."""
    plain = text.replace("-", "")
    return len(plain) == RANDOM_CHARACTERS + 1 and bool(luhn.is_valid(plain, ALPHABET))


def read_number(text: str) -> str | None:
    """Return an order number that a person has typed as it is stored; None if it is invalid.

    Lower case, blanks and missing hyphens are accepted. Letters outside the alphabet are read as
    the digits that they resemble, as Crockford specifies.
    """
    plain = "".join(text.split()).replace("-", "").upper().translate(LOOKALIKES)
    return _grouped(plain) if is_number(plain) else None


def _grouped(plain: str) -> str:
    return "-".join(plain[start : start + GROUP] for start in range(0, len(plain), GROUP))
