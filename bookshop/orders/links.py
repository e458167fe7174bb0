"""The signed link to an order's page, as mails carry it. Whoever has it may see that order."""

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
    """Tells the shop's time."""

    def get_timestamp(self) -> int:
        return int(clock.now().timestamp())

    def verify_signature(self, value: str | bytes, sig: str | bytes) -> bool:
        """To the letter, since base64 has several ways to spell the same bytes."""
        return compare_digest(want_bytes(sig), self.get_signature(value))


def order_key(shop: ShopSettings, number: str) -> str:
    """What opens the order of that number from now on, for as long as LIFE."""
    return _signer(shop).sign(number).decode().removeprefix(f"{number}.")


def order_url(shop: ShopSettings, number: str) -> str:
    """The address of the order's page, with a fresh key."""
    return f"{shop.url}/orders/{number}?{urlencode({'key': order_key(shop, number)})}"


def opens(shop: ShopSettings, number: str, key: str) -> bool:
    """Whether `key` was made for that very number, less than LIFE ago, and nobody altered it."""
    try:
        _signer(shop).unsign(f"{number}.{key}", max_age=int(LIFE.total_seconds()))
    except BadSignature:
        return False
    return True


def _signer(shop: ShopSettings) -> _Signer:
    # The salt keeps these signatures apart from those of sessions, which the same secret makes.
    return _Signer(shop.secret.reveal(), salt="bookshop.orders.links", digest_method=sha256)
