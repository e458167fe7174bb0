"""Orders: what somebody wants, what they pay, and which copies are kept for them meanwhile."""

from __future__ import annotations

from pyramid.config import Configurator
from pyramid.events import ApplicationCreated

from bookshop.catalogue.jobs import run_catalogue_jobs
from bookshop.jobs.worker import JobWorker
from bookshop.mail.worker import make_mail_worker
from bookshop.orders.pages.resources import Orders


def includeme(config: Configurator) -> None:
    """Hang `/orders` on the tree; sweep up and deliver mail as long as the application lives."""
    config.add_branch("orders", Orders)
    registry = config.registry

    def upkeep() -> None:
        run_catalogue_jobs(registry.engine, registry.terms)
        registry.limiter.forget_old()

    registry.sweeper = JobWorker(
        registry.sessions, registry.payments, upkeep, registry.read_only.is_on
    )
    config.add_subscriber(_start, ApplicationCreated)


def _start(event: ApplicationCreated) -> None:
    registry = event.app.registry
    registry.sweeper.start()
    registry.postman = make_mail_worker(registry)
    registry.postman.start()
