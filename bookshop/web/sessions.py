"""Sessions: signed cookies that are always short enough to be sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, cast

from pyramid.interfaces import ISession
from pyramid.request import Request
from pyramid.response import Response
from pyramid.session import SignedCookieSessionFactory

from bookshop.settings import ShopSettings

REISSUE_AFTER = 600  # seconds
COOKIE = "bookshop"
log = logging.getLogger(__name__)


def make_session_factory(shop: ShopSettings) -> Callable[[Request], ISession]:
    """Return the factory of a shop's sessions, which end `bookshop.session_lifetime` after use."""
    https = shop.url.startswith("https://")
    lifetime = shop.session_lifetime * 3600
    signed: Any = SignedCookieSessionFactory(
        shop.secret.reveal(),
        cookie_name=f"__Host-{COOKIE}" if https else COOKIE,
        max_age=lifetime,
        timeout=lifetime,
        reissue_time=REISSUE_AFTER,
        httponly=True,
        secure=https,
        samesite="Lax",
        hashalg="sha256",
    )

    class ShortSession(signed):
        """A session that starts again when it has grown longer than a cookie can be."""

        def _set_cookie(self, response: Response) -> bool:
            try:
                return cast("bool", super()._set_cookie(response))
            except ValueError:
                # It would fail each time: the browser keeps the older cookie, and sends it again.
                log.warning("session_too_long")
                self.clear()
                return cast("bool", super()._set_cookie(response))

    return ShortSession


def has_session_cookie(request: Request) -> bool:
    """True if the browser sent a session cookie, whether it is valid or not."""
    return COOKIE in request.cookies or f"__Host-{COOKIE}" in request.cookies
