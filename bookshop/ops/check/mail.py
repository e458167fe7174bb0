"""Mail: whether its server takes it, and whether any waits. No mail is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from pyramid.registry import Registry
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.mail.message import domain
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.mail.smtp import Smtp
from bookshop.mail.transport import DeliveryError
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.settings import MailSettings

WHY = "customers get no confirmation and no link to their order"
LATE = timedelta(hours=1)
LONGEST = 10  # seconds
STEPS = {
    "AUTH": ("mail.password", "mail.username = …, mail.password = …"),
    "STARTTLS": ("mail.security", "mail.security = tls, starttls or none"),
}


def run_checks(registry: Registry) -> Iterator[Finding]:
    """All that is to be said of mail."""
    settings = registry.bookshop.mail
    if settings.folder is None:
        yield from _server(settings, domain(registry.bookshop.shop))
    elif registry.bookshop.shop.environment == "production":
        problem = "is given, and production's mails stay in that folder"
        yield warning("mail.folder", problem, "mail.host = …", WHY)
    try:
        yield from _outbox(registry)
    except SQLAlchemyError:
        return  # database.py says so


def _server(settings: MailSettings, helo: str) -> Iterator[Finding]:
    where = f"{settings.host}:{settings.port}"
    try:
        Smtp(replace(settings, timeout=min(settings.timeout, LONGEST)), helo).greet()
    except DeliveryError as err:
        step = err.summary.partition(":")[0]
        key, fix = STEPS.get(step, ("mail.host", "mail.host = …, mail.port = …"))
        yield error(key, f"{where} does not take the shop's mail ({err.summary})", fix, WHY)


def _outbox(registry: Registry) -> Iterator[Finding]:
    waiting = select(func.count()).where(
        MailRecord.status == MailStatus.WAITING, MailRecord.written_at < clock.now() - LATE
    )
    with registry.engine.connect() as connection:
        late = connection.scalar(waiting) or 0
    if late:
        problem = f"mails have waited for more than an hour: {late}"
        yield warning("mail.host", problem, "bookshop mail list", WHY)
