"""What a page that takes payments loads from Stripe.

https://docs.stripe.com/security/guide?csp=csp-js
"""

from __future__ import annotations

from urllib.parse import urlsplit

from pyramid.request import Request

from bookshop.settings import STRIPE_JS, StripeSettings
from bookshop.web.headers import OPENER, PERMISSIONS, permissions

STRIPES_OWN = {
    "script-src": ("https://js.stripe.com", "https://*.js.stripe.com"),
    "frame-src": ("https://js.stripe.com", "https://*.js.stripe.com", "https://hooks.stripe.com"),
    "connect-src": ("https://api.stripe.com",),
}

# https://docs.stripe.com/js/appendix/supported_locales
LOCALES_WITH_REGION = frozenset({"en-GB", "es-419", "fr-CA", "pt-BR", "zh-HK", "zh-TW"})


def payment_locale(locale: str) -> str:
    """The locale of Stripe's form that is nearest to one such as de_AT."""
    tag = locale.replace("_", "-")
    return tag if tag in LOCALES_WITH_REGION else tag.split("-")[0]


def payment_sources(settings: StripeSettings) -> dict[str, tuple[str, ...]]:
    """The sources that the payment form needs, by Content-Security-Policy directive."""
    script = _origin(settings.js_url)
    if script == _origin(STRIPE_JS):
        return STRIPES_OWN
    return {
        "script-src": (script,),
        "frame-src": (script,),
        "connect-src": (_origin(settings.api_base),),
    }


def add_payment_sources(request: Request) -> None:
    """Let this request's page show the payment form, which may open a wallet's window."""
    found = payment_sources(request.registry.bookshop.stripe)
    for directive, sources in found.items():
        request.content_security_policy.allow(directive, sources)
    headers = request.response.headers
    headers[PERMISSIONS] = permissions(payment=found["frame-src"][:1])
    headers[OPENER] = "same-origin-allow-popups"


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
