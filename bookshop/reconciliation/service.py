"""Reconciles Stripe with the orders: `bookshop reconcile`.

It may run at any time, beside live traffic. No transaction is open while Stripe is called. Orders
in sync are only read; each repair is a short transaction under the order's lock, so that repairs
made before Stripe stops responding are kept.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from bookshop import clock
from bookshop.payments.errors import PaymentsError, StripeUnavailableError
from bookshop.payments.gateway import Gateway
from bookshop.reconciliation import unfinished_work
from bookshop.reconciliation.findings import Report
from bookshop.reconciliation.run import Databases, Run
from bookshop.reconciliation.stripe_objects import StripeObjects


def reconcile(
    databases: Databases,
    gateway: Gateway,
    since: datetime,
    on_progress: Callable[[str], None],
    *,
    dry_run: bool,
) -> Report:
    """Compare the objects created at `since` (UTC) or later at Stripe and here, and repair them.

    A dry run changes nothing, here or at Stripe. `on_progress` is called with the kind of each
    object that is processed. Errors of Gateway are reported as `unfinished`.
    """
    run = Run(databases, gateway, since, clock.now(), on_progress, dry_run)
    report = run.report
    try:
        StripeObjects(run).compare()
    except PaymentsError as err:
        report.unfinished = str(err)
    # Only after the comparison: a customer who paid in time must not get an e-mail about an expiry.
    unfinished_work.expire_orders(run)
    if report.unfinished is None:
        try:
            unfinished_work.cancel_open_intents(run)
            unfinished_work.execute_refunds(run)
        except StripeUnavailableError as err:
            report.unfinished = str(err)
    unfinished_work.report_failed_refunds(run)
    return report
