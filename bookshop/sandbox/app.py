"""The sandbox's WSGI application: its routes and views."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from pyramid.config import Configurator
from pyramid.request import Request
from pyramid.response import Response

from bookshop.sandbox import browser
from bookshop.sandbox.api.dispatch import Exchange, preflight, unknown
from bookshop.sandbox.api.errors import ApiError
from bookshop.sandbox.api.operations import ENDPOINTS, Endpoint
from bookshop.sandbox.control import deliveries as control_deliveries
from bookshop.sandbox.control import money as control_money
from bookshop.sandbox.control import views as control
from bookshop.sandbox.dashboard import deliveries as dashboard_deliveries
from bookshop.sandbox.dashboard import mail as dashboard_mail
from bookshop.sandbox.dashboard import views as dashboard
from bookshop.sandbox.state import Sandbox

DASHBOARD_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; "
        "frame-ancestors 'none'; base-uri 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
CONTROLS = (
    ("GET", "/_sandbox", control.identity),
    ("GET", "/_sandbox/faults", control_deliveries.faults),
    ("POST", "/_sandbox/faults", control_deliveries.add_fault),
    ("DELETE", "/_sandbox/faults", control_deliveries.clear_faults),
    ("POST", "/_sandbox/faults/clear", control_deliveries.clear_faults),
    ("GET", "/_sandbox/requests", control.requests),
    ("GET", "/_sandbox/deliveries", control_deliveries.all_deliveries),
    ("GET", "/_sandbox/deliveries/waiting", control_deliveries.waiting),
    ("POST", "/_sandbox/deliveries/flush", control_deliveries.flush),
    ("POST", "/_sandbox/deliveries/pause", control_deliveries.pause),
    ("POST", "/_sandbox/deliveries/resume", control_deliveries.resume),
    ("POST", "/_sandbox/deliveries/{id}/redeliver", control_deliveries.redeliver),
    ("POST", "/_sandbox/events/{id}/deliver", control_deliveries.deliver_event),
    ("POST", "/_sandbox/payment_intents/{id}/settle", control.settle),
    ("POST", "/_sandbox/charges/{id}/refund", control_money.refund),
    ("POST", "/_sandbox/charges/{id}/dispute", control_money.dispute),
    ("POST", "/_sandbox/charges/{id}/warn", control_money.warn),
    ("POST", "/_sandbox/charges/{id}/review", control_money.review),
    ("POST", "/_sandbox/refunds/{id}/settle", control_money.settle_refund),
    ("POST", "/_sandbox/disputes/{id}/settle", control_money.settle_dispute),
    ("POST", "/_sandbox/reviews/{id}/close", control_money.close_review),
)
PAGES = (
    ("/", dashboard.payments),
    ("/payments/{id}", dashboard.payment),
    ("/requests", dashboard.requests),
    ("/deliveries", dashboard_deliveries.deliveries),
    ("/endpoints", dashboard_deliveries.endpoints),
    ("/faults", dashboard_deliveries.faults),
    ("/mail", dashboard_mail.mails),
    ("/mail/{name}", dashboard_mail.mail),
)
MAIL_PARTS = (
    ("/mail/{name}/html", dashboard_mail.html_part),
    ("/mail/{name}/source", dashboard_mail.source),
)
SOURCES = (
    ("/endive/stripe.js", browser.stripe_js),
    ("/v3/", browser.stripe_js),
    ("/elements/payment", browser.element),
    ("/challenge/{id}", browser.challenge),
    ("/static/{name}", browser.source),
)
View = Callable[[Request], Any]


def make_app(sandbox: Sandbox) -> Any:
    """Return the WSGI application of a sandbox."""
    config = Configurator()
    config.registry.sandbox = sandbox
    config.include("pyramid_jinja2")
    config.add_jinja2_search_path("bookshop.sandbox:templates")
    config.add_tween("bookshop.sandbox.control.views.local_names_tween")
    config.commit()
    filters = {"money": dashboard.money, "moment": dashboard.moment, "json": dashboard.as_json}
    config.get_jinja2_environment().filters.update(filters)
    for endpoint in ENDPOINTS:
        _add(config, endpoint.path, _api_view(endpoint), request_method=endpoint.method)
    _add(config, "/v1*rest", preflight, request_method="OPTIONS")
    _add(config, "/v1*rest", unknown)
    for method, path, view in CONTROLS:
        _add(config, path, _guarded(view), request_method=method, renderer="json")
    for path, view in PAGES:
        template = f"{view.__name__}.jinja2"
        _add(config, path, _page(view), request_method="GET", renderer=template)
    for path, view in MAIL_PARTS:
        _add(config, path, _guarded(view), request_method="GET")
    for path, view in SOURCES:
        _add(config, path, view, request_method="GET")
    config.add_exception_view(control.error_response, context=ApiError)
    return config.make_wsgi_app()


def _add(config: Any, path: str, view: View, **options: Any) -> None:
    """Add a route and its view. A path may have one route per method."""
    name = f"{options.get('request_method', '')} {path}"
    config.add_route(name, path, request_method=options.pop("request_method", None))
    config.add_view(view, route_name=name, **options)


def _api_view(endpoint: Endpoint) -> View:
    def view(request: Request) -> Response:
        return Exchange(endpoint, request).respond()

    return view


def _guarded(view: View) -> View:
    def guarded(request: Request) -> Any:
        control.refuse_cross_site(request)
        return view(request)

    return guarded


def _page(view: View) -> View:
    def page(request: Request) -> Any:
        control.refuse_cross_site(request)
        request.response.headers.update(DASHBOARD_HEADERS)
        return view(request)

    return page
