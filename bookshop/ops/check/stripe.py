"""Checks at Stripe: account, clock, webhook endpoint, deliveries of events."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from bookshop import clock
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.payments.account import Endpoint, endpoints_at
from bookshop.payments.errors import NotPermittedError, PaymentsError, StripeRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.payments.webhook_signatures import API_VERSION, TOLERANCE
from bookshop.services import Services
from bookshop.settings import STRIPE_API, Settings
from bookshop.webhooks.resources import webhook_url

SECRET_KEY, URL = "stripe.secret_key", "bookshop.url"
SIGNING_KEYS = "stripe.webhook_secrets"
REGISTER = "bookshop webhooks register"
NO_PAYMENTS = "customers cannot pay"
NO_EVENTS = "an order stays unpaid if its customer closes the page right after paying"
REJECTED = "the shop rejects every event as forged"
MAX_CLOCK_SKEW = 30  # seconds
DELIVERY_TIME = timedelta(minutes=10)  # an older event that is not delivered has failed
RETRY_PERIOD = timedelta(days=3)  # how long Stripe retries


def run_checks(shop: Services) -> Iterator[Finding]:
    """Yield all findings about Stripe."""
    settings, gateway = shop.settings, shop.payments
    # A restricted key may have some of these permissions and not the others.
    for resource, checks in (
        ("the account", _check_account(settings, gateway)),
        ("webhook endpoints", _check_endpoints(settings, gateway)),
        ("events", _check_deliveries(settings, gateway)),
    ):
        try:
            yield from checks
        except NotPermittedError as err:
            problem = f"has no permission to read {resource} ({err})"
            fix = f"allow the restricted key to read {resource} in Stripe's dashboard"
            why = "faults there stay undetected"
            yield warning("stripe_permission_missing", SECRET_KEY, problem, fix, why)
        except StripeRefusedError as err:
            problem, fix = f"Stripe refuses the request ({err})", f"{SECRET_KEY} = …"
            yield error("stripe_refused", SECRET_KEY, problem, fix, NO_PAYMENTS)
            return
        except PaymentsError as err:
            problem = f"{settings.stripe.api_base} does not respond ({err})"
            fix = "check this machine's network, and see https://status.stripe.com"
            if settings.stripe.api_base != STRIPE_API:
                fix = "start the shop, which starts the sandbox, or remove stripe.api_base"
            yield error("stripe_unavailable", "stripe.api_base", problem, fix, NO_PAYMENTS)
            return


def _check_account(settings: Settings, gateway: Gateway) -> Iterator[Finding]:
    account = gateway.retrieve_account()
    if not account.charges_enabled:
        yield error(
            "account_not_activated",
            SECRET_KEY,
            f"the account {account.id} may not accept payments yet",
            "complete the account in Stripe's dashboard under Settings, Account",
            NO_PAYMENTS,
        )
    currency = settings.shop.currency
    if account.currency and account.currency != currency:
        yield warning(
            "account_currency_differs",
            "bookshop.currency",
            f"is {currency}, but the account {account.id} is paid out in {account.currency}",
            f"bookshop.currency = {account.currency}",
            "Stripe converts each payment and charges a fee for it",
        )
    offset = account.clock_offset or 0
    if abs(offset) > MAX_CLOCK_SKEW:
        finding = error if abs(offset) > TOLERANCE else warning
        yield finding(
            "clock_skew",
            "clock",
            f"this machine's clock is {abs(offset):.0f} seconds {'slow' if offset > 0 else 'fast'}",
            "timedatectl set-ntp true",
            "the shop may reject Stripe's events as too old, or accept events that are",
        )


def _check_endpoints(settings: Settings, gateway: Gateway) -> Iterator[Finding]:
    url = webhook_url(settings.shop.url)
    endpoints = endpoints_at(url, gateway.list_endpoints(), settings.stripe.webhook_secrets)
    if not endpoints:
        problem = f"Stripe does not send events to {url}"
        yield error("webhook_endpoint_missing", URL, problem, REGISTER, NO_EVENTS)
        return
    enabled = [each.id for each in endpoints if each.enabled]
    if len(enabled) > 1:
        problem = f"several endpoints send events to {url} ({', '.join(enabled)})"
        fix = "delete all but one of them in Stripe's dashboard"
        why = "each event is processed several times"
        yield warning("webhook_endpoint_duplicate", SIGNING_KEYS, problem, fix, why)
    yield from _check_endpoint(settings, endpoints[0])


def _check_endpoint(settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    if not endpoint.enabled:
        problem = f"the endpoint {endpoint.id} is disabled"
        yield error("webhook_endpoint_disabled", SIGNING_KEYS, problem, REGISTER, NO_EVENTS)
    if endpoint.missing_events:
        problem = f"the endpoint {endpoint.id} does not get {', '.join(endpoint.missing_events)}"
        why = "the shop learns about these events late or never"
        yield error("webhook_events_missing", SIGNING_KEYS, problem, REGISTER, why)
    if endpoint.api_version not in {None, API_VERSION}:
        yield warning(
            "webhook_api_version",
            SIGNING_KEYS,
            f"the endpoint {endpoint.id} uses version {endpoint.api_version} of Stripe's API"
            f" instead of {API_VERSION}",
            f"delete it in Stripe's dashboard, then {REGISTER}",
            "events of other versions may have other fields",
        )
    yield from _check_signing_secret(settings, endpoint)


def _check_signing_secret(settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    matches = endpoint.signs_with_one_of(settings.stripe.webhook_secrets)
    if matches is False:
        yield error(
            "webhook_secret_wrong",
            SIGNING_KEYS,
            f"does not hold the signing secret of the endpoint {endpoint.id}",
            f"{SIGNING_KEYS} = … as shown in Stripe's dashboard, then {REGISTER}",
            REJECTED,
        )
    elif matches is None and settings.shop.environment != "development":
        yield warning(
            "webhook_secret_unconfirmed",
            SIGNING_KEYS,
            f"is not confirmed to hold the signing secret of the endpoint {endpoint.id}",
            f"{REGISTER}, which asks for confirmation",
            f"with another secret {REJECTED}",
        )


def _check_deliveries(settings: Settings, gateway: Gateway) -> Iterator[Finding]:
    now = clock.now()
    failing = gateway.undelivered_events(now - RETRY_PERIOD, now - DELIVERY_TIME)
    if failing:
        yield warning(
            "webhook_deliveries_failing",
            SIGNING_KEYS,
            f"events that Stripe could not deliver: {failing.count},"
            f" the oldest of {clock.local_minute(failing.oldest, settings.shop.timezone)}",
            "see the reason in Stripe's dashboard (Developers, Webhooks), then bookshop reconcile",
            NO_EVENTS,
        )
