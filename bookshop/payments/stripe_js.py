"""Stripe.js on payment pages: Content-Security-Policy sources, permissions and locale.

https://docs.stripe.com/security/guide?csp=csp-js
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pyramid.request import Request

from bookshop.services import services
from bookshop.settings import STRIPE_JS, StripeSettings
from bookshop.web.headers import OPENER, PERMISSIONS, permissions

STRIPE_SOURCES = {
    "script-src": ("https://js.stripe.com", "https://*.js.stripe.com"),
    "frame-src": ("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
    "connect-src": ("https://api.stripe.com",),
}

# https://docs.stripe.com/js/appendix/supported_locales
LOCALES_WITH_REGION = frozenset({"en-GB", "es-419", "fr-CA", "pt-BR", "zh-HK", "zh-TW"})


def payment_locale(locale: str) -> str:
    """Return the payment form's locale that is nearest to a locale such as de_AT."""
    tag = locale.replace("_", "-")
    return tag if tag in LOCALES_WITH_REGION else tag.split("-")[0]


def payment_sources(settings: StripeSettings) -> dict[str, tuple[str, ...]]:
    """Return the sources that the payment form needs, by Content-Security-Policy directive."""
    script = _origin(settings.js_url)
    if script == _origin(STRIPE_JS):
        return STRIPE_SOURCES
    return {
        "script-src": (script,),
        "frame-src": (script,),
        "connect-src": (_origin(settings.api_base),),
    }


def add_payment_sources(request: Request) -> None:
    """Allow the response to embed the payment form, which may open a wallet's window."""
    sources = payment_sources(services(request).settings.stripe)
    for directive, origins in sources.items():
        request.content_security_policy.allow(directive, origins)
    headers = request.response.headers
    headers[PERMISSIONS] = permissions(payment=sources["frame-src"][:1])
    headers[OPENER] = "same-origin-allow-popups"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
