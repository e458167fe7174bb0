"""Orders: placement, payment, refunds, fulfilment, and the pages and e-mails about them."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated

from bookshop.mail.worker import make_mail_worker
from bookshop.orders.audit import JOB_WORKER
from bookshop.orders.emails import EmailComposer
from bookshop.orders.jobs import run_order_jobs
from bookshop.orders.pages.forget import forget_token
from bookshop.orders.pages.link_requests import send_requested_links
from bookshop.orders.pages.resources import Orders
from bookshop.orders.payment.retention import delete_unpaid_orders
from bookshop.services import services

JOB_INTERVAL = 30  # seconds
LINK_INTERVAL = 10  # seconds
RETENTION_INTERVAL = 3600  # seconds


def includeme(config: Configurator) -> None:
    """Add `/orders` to the resource tree, run the orders' jobs and deliver their e-mails."""
    config.add_branch("orders", Orders)
    config.add_request_method(forget_token, property=True)
    shop = services(config)
    run = partial(run_order_jobs, shop.sessions, shop.payments, JOB_WORKER)
    config.add_job("orders", JOB_INTERVAL, run)
    config.add_job(
        "send_requested_links", LINK_INTERVAL, partial(send_requested_links, shop.sessions)
    )
    retention = timedelta(days=shop.settings.shop.unpaid_retention)
    delete = partial(delete_unpaid_orders, shop.sessions, retention)
    config.add_job("delete_unpaid_orders", RETENTION_INTERVAL, delete)
    config.add_subscriber(_start_mail_worker, ApplicationCreated)


def _start_mail_worker(event: ApplicationCreated) -> None:
    registry = event.app.registry
    registry.mail_worker = make_mail_worker(registry, EmailComposer(registry))
    registry.mail_worker.start()
