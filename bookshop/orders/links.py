"""The signed link to an order's page, sent by e-mail. It gives access to that order alone."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from hmac import compare_digest
from urllib.parse import urlencode

from itsdangerous import BadSignature, TimestampSigner
from itsdangerous.encoding import want_bytes

from bookshop import clock
from bookshop.settings import ShopSettings

LIFE = timedelta(days=30)


class _Signer(TimestampSigner):
    """Takes the time from `bookshop.clock`."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """Compare the encoded signatures, since base64 can encode the same bytes differently."""
        return compare_digest(want_bytes(sig), self.get_signature(value))


def order_key(shop: ShopSettings, number: str) -> str:
    """Return a key that gives access to the order until LIFE has passed."""
    return _signer(shop).sign(number).decode().removeprefix(f"{number}.")


def order_url(shop: ShopSettings, number: str) -> str:
    """Return the URL of the order's page with a new key."""
    return f"{shop.url}/orders/{number}?{urlencode({'key': order_key(shop, number)})}"


def is_valid_key(shop: ShopSettings, number: str, key: str) -> bool:
    """Return True if `key` was signed for this number less than LIFE ago.

    A link that was signed while the clock was ahead works at once.
    """
    try:
        _number, signed_at = _signer(shop).unsign(f"{number}.{key}", return_timestamp=True)
    except (BadSignature, UnicodeEncodeError):  # the latter for a lone surrogate
        return False
    return abs(clock.now() - signed_at) <= LIFE


def _signer(shop: ShopSettings) -> _Signer:
    # The salt separates these signatures from those of sessions, which use the same secret.
    return _Signer(shop.secret.reveal(), salt="bookshop.orders.links", digest_method=sha256)
