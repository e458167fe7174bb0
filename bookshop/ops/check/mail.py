"""Checks of e-mail: the mail server accepts the shop, and no e-mail is stuck. None is sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from bookshop import clock
from bookshop.mail.message import domain
from bookshop.mail.models import MailRecord, MailStatus
from bookshop.mail.smtp import Smtp
from bookshop.mail.transport import DeliveryError
from bookshop.ops.check.findings import Finding, error, warning
from bookshop.services import Services
from bookshop.settings import MailSettings

WHY = "customers get neither a confirmation nor the link to their order"
MAX_AGE = timedelta(hours=1)  # of an e-mail that waits
TIMEOUT = 10  # seconds
# SMTP step that failed: code, key, fix
FAILURES = {
    "AUTH": ("mail_login_failed", "mail.password", "mail.username = …, mail.password = …"),
    "STARTTLS": ("mail_starttls_failed", "mail.security", "mail.security = tls, starttls or none"),
}
UNAVAILABLE = ("mail_server_unavailable", "mail.host", "mail.host = …, mail.port = …")


def run_checks(shop: Services) -> Iterator[Finding]:
    """Yield all findings about e-mail."""
    settings = shop.settings.mail
    if settings.folder is None:
        yield from _check_server(settings, domain(shop.settings.shop))
    elif shop.settings.shop.environment == "production":
        problem = "is set, so e-mails are stored in that folder and not sent"
        yield warning("mail_not_sent", "mail.folder", problem, "mail.host = …", WHY)
    try:
        yield from _check_outbox(shop)
    except SQLAlchemyError:
        return  # reported by the checks of the database


def _check_server(settings: MailSettings, helo: str) -> Iterator[Finding]:
    try:
        Smtp(replace(settings, timeout=min(settings.timeout, TIMEOUT)), helo).greet()
    except DeliveryError as err:
        step = err.summary.partition(":")[0]
        code, key, fix = FAILURES.get(step, UNAVAILABLE)
        problem = f"{settings.host}:{settings.port} does not accept e-mail ({err.summary})"
        yield error(code, key, problem, fix, WHY)


def _check_outbox(shop: Services) -> Iterator[Finding]:
    overdue = select(func.count()).where(
        MailRecord.status == MailStatus.WAITING, MailRecord.written_at < clock.now() - MAX_AGE
    )
    with shop.engine.connect() as connection:
        count = connection.scalar(overdue) or 0
    if count:
        problem = f"e-mails that have waited for more than an hour: {count}"
        yield warning("mail_overdue", "mail.host", problem, "bookshop mail list", WHY)
