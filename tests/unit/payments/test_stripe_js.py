"""Stripe.js on payment pages: sources, permissions, locale."""

from types import SimpleNamespace

import pytest
from pyramid.testing import DummyRequest

from bookshop.payments.stripe_js import add_payment_sources, payment_locale, payment_sources
from bookshop.settings import STRIPE_API, STRIPE_JS, StripeSettings
from bookshop.settings.parsers import Secret
from bookshop.web.headers import ContentSecurityPolicy


def stripe_settings(api_base=STRIPE_API, js_url=STRIPE_JS):
    return StripeSettings(Secret("sk_test_1"), "pk_test_1", (), api_base, js_url, 8.0, 2, 12)


def test_sources_of_stripe():
    assert payment_sources(stripe_settings()) == {
        "script-src": ("https://js.stripe.com", "https://*.js.stripe.com"),
        "frame-src": (
            "https://js.stripe.com",
            "https://*.js.stripe.com",
            "https://hooks.stripe.com",
        ),
        "connect-src": ("https://api.stripe.com",),
    }


def test_sources_of_the_sandbox():
    found = payment_sources(
        stripe_settings("http://localhost:6544/", "http://localhost:6544/endive/stripe.js")
    )
    assert set(found) == {"script-src", "frame-src", "connect-src"}
    assert set(found.values()) == {("http://localhost:6544",)}


def test_only_the_request_that_takes_payments_allows_stripe():
    request = DummyRequest(content_security_policy=ContentSecurityPolicy())
    settings = SimpleNamespace(stripe=stripe_settings())
    request.registry.services = SimpleNamespace(settings=settings)
    add_payment_sources(request)
    policy = str(request.content_security_policy)
    assert "script-src 'self' https://js.stripe.com https://*.js.stripe.com;" in policy
    assert "frame-src https://js.stripe.com" in policy
    assert "js.stripe.com" not in str(ContentSecurityPolicy())
    headers = request.response.headers
    assert 'payment=(self "https://js.stripe.com")' in headers["Permissions-Policy"]
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin-allow-popups"


@pytest.mark.parametrize(
    ("locale", "form"),
    [
        ("en_GB", "en-GB"),
        ("en_US", "en"),
        ("de_AT", "de"),
        ("de", "de"),
        ("pt_BR", "pt-BR"),
        ("fr_CA", "fr-CA"),
        ("fr_BE", "fr"),
    ],
)
def test_the_form_has_the_nearest_locale(locale, form):
    assert payment_locale(locale) == form
