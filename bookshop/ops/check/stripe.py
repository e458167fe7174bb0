"""The shop at Stripe: account, clock, webhook endpoint, deliveries."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from pyramid.registry import Registry

from bookshop import clock
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.payments.account import Endpoint, at
from bookshop.payments.errors import NotPermittedError, PaymentsError, StripeRefusedError
from bookshop.payments.gateway import Gateway
from bookshop.payments.webhook_signatures import API_VERSION, TOLERANCE
from bookshop.settings import Settings
from bookshop.webhooks.resources import address

SECRET, URL = "stripe.secret_key", "bookshop.url"
HOOKS = "stripe.webhook_secrets"
REGISTER = "bookshop webhooks register"
UNPAID = "customers cannot pay"
UNTOLD = "an order stays unpaid in the shop when its customer does not come back after paying"
ODD = 30  # seconds by which a clock may be wrong
PATIENCE = timedelta(minutes=10)  # after which a delivery has failed, not only been slow
REMEMBERED = timedelta(days=3)  # for as long Stripe tries


def run_checks(registry: Registry) -> Iterator[Finding]:
    """All that is to be said of Stripe."""
    settings, gateway = registry.bookshop, registry.payments
    # A restricted key may read the one and not the other.
    for what, some in (
        ("the account", _account(settings, gateway)),
        ("webhook endpoints", _endpoints(settings, gateway)),
        ("events", _deliveries(gateway)),
    ):
        try:
            yield from some
        except NotPermittedError as err:
            fix = f"let the restricted key read {what} (in Stripe's dashboard), or {SECRET} = …"
            yield warning(SECRET, f"may not read {what}: {err}", fix, "faults there stay unseen")
        except StripeRefusedError as err:
            yield error(SECRET, f"Stripe refuses: {err}", f"{SECRET} = …", UNPAID)
            return
        except PaymentsError as err:
            fix = "see that this machine reaches it, and https://status.stripe.com"
            where = settings.stripe.api_base
            yield error("stripe.api_base", f"{where} does not answer: {err}", fix, UNPAID)
            return


def _account(settings: Settings, gateway: Gateway) -> Iterator[Finding]:
    account = gateway.account()
    if not account.charges_enabled:
        yield error(
            SECRET,
            f"Stripe does not let the account {account.id} take money yet",
            "finish what Stripe's dashboard asks for under Settings, Account",
            UNPAID,
        )
    currency = settings.shop.currency
    if account.currency and account.currency != currency:
        yield warning(
            "bookshop.currency",
            f"is {currency}, and the account {account.id} is paid out in {account.currency}",
            f"bookshop.currency = {account.currency}",
            "Stripe converts each payment, and keeps a part of it",
        )
    ahead = account.ahead or 0
    if abs(ahead) > ODD:
        found = error if abs(ahead) > TOLERANCE else warning
        yield found(
            "clock",
            f"this machine's clock is {abs(ahead):.0f} seconds {'slow' if ahead > 0 else 'fast'}",
            "timedatectl set-ntp true",
            "Stripe's events are refused as too old, or taken when they are",
        )


def _endpoints(settings: Settings, gateway: Gateway) -> Iterator[Finding]:
    url = address(settings.shop.url)
    found = at(url, gateway.endpoints(), settings.stripe.webhook_secrets)
    if not found:
        yield error(URL, f"Stripe does not send events to {url}", REGISTER, UNTOLD)
        return
    sending = [each.id for each in found if each.enabled]
    if len(sending) > 1:
        problem = f"Stripe sends events to {url} more than once ({', '.join(sending)})"
        fix = "delete all but one of them in Stripe's dashboard"
        yield warning(HOOKS, problem, fix, "each event is worked on several times")
    yield from _endpoint(settings, found[0])


def _endpoint(settings: Settings, endpoint: Endpoint) -> Iterator[Finding]:
    if not endpoint.enabled:
        problem = f"the endpoint {endpoint.id} is switched off"
        yield error(HOOKS, problem, REGISTER, UNTOLD)
    if endpoint.missing:
        problem = f"{endpoint.id} is not sent: {', '.join(endpoint.missing)}"
        yield error(HOOKS, problem, REGISTER, "what Stripe does not tell is learnt late, or never")
    if endpoint.api_version not in {None, API_VERSION}:
        yield warning(
            HOOKS,
            f"{endpoint.id} tells events in version {endpoint.api_version} of the API",
            f"delete it in Stripe's dashboard (version {API_VERSION} is wanted), then {REGISTER}",
            "a version that Stripe gives up one day may read otherwise",
        )
    ours = endpoint.signs_with_one_of(settings.stripe.webhook_secrets)
    if ours is False:
        yield error(
            HOOKS,
            f"none is the signing secret of {endpoint.id}",
            f"{HOOKS} = …  (as Stripe's dashboard shows it), then {REGISTER}",
            "every event is refused as a forgery",
        )
    elif ours is None and settings.shop.environment != "development":
        yield warning(
            HOOKS,
            f"nobody has said yet whether one is the signing secret of {endpoint.id}",
            f"{REGISTER}  (it asks)",
            "with another secret every event is refused as a forgery",
        )


def _deliveries(gateway: Gateway) -> Iterator[Finding]:
    now = clock.now()
    failing = gateway.undelivered(now - REMEMBERED, now - PATIENCE)
    if failing:
        yield warning(
            HOOKS,
            f"events that Stripe could not deliver to an endpoint of the account: {failing.count}"
            f" since {failing.oldest:%d %B %H:%M}",
            "see why in Stripe's dashboard (Developers, Webhooks), then bookshop reconcile",
            UNTOLD,
        )
