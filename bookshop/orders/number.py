"""Order numbers: short, readable aloud, unguessable, with a check character.

Eleven random characters of Crockford's base 32, which leaves out I, L, O and U, and a check
character by the Luhn algorithm over the same alphabet: K7QM-2X9T-4BCD.
"""

from __future__ import annotations

import secrets

from stdnum import luhn

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
RANDOM_CHARACTERS = 11  # 55 bits
GROUP = 4
LOOKALIKES = str.maketrans("OIL", "011")


def new_number() -> str:
    """A fresh order number."""
    drawn = "".join(secrets.choice(ALPHABET) for _ in range(RANDOM_CHARACTERS))
    return _grouped(drawn + luhn.calc_check_digit(drawn, ALPHABET))


def is_number(text: str) -> bool:
    """Whether `text` has the form of an order number and its check character fits."""
    plain = text.replace("-", "")
    return len(plain) == RANDOM_CHARACTERS + 1 and bool(luhn.is_valid(plain, ALPHABET))


def read_number(text: str) -> str | None:
    """The order number that somebody has written, as it is stored; None where it is none.

    Small letters, blanks and missing hyphens do no harm, and the letters that the alphabet leaves
    out are taken for the digits that they look like, as Crockford has it.
    """
    plain = "".join(text.split()).replace("-", "").upper().translate(LOOKALIKES)
    return _grouped(plain) if is_number(plain) else None


def _grouped(plain: str) -> str:
    return "-".join(plain[start : start + GROUP] for start in range(0, len(plain), GROUP))
