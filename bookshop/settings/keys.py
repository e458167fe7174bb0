"""The keys of the INI: how each is parsed, with an example and a default."""

from __future__ import annotations

from dataclasses import dataclass

from bookshop.settings import parsers
from bookshop.settings.parsers import Secret
from bookshop.settings.timezones import UTC, timezone

STRIPE_API = "https://api.stripe.com"
STRIPE_JS = "https://js.stripe.com/endive/stripe.js"
OWN_PREFIXES = ("bookshop.", "limits.", "mail.", "metrics.", "sqlalchemy.", "stripe.")


@dataclass(frozen=True)
class Key:
    """One key. `parse` raises ValueError with the problem as its text.

    In `example`, `{mode}` is replaced by the Stripe mode that the environment requires. A key
    without a default is required unless it is `optional`. A `secret` key may be given as
    `<key>_file`.
    """

    parse: parsers.Parser
    example: str
    default: str | None = None
    secret: bool = False
    optional: bool = False


KEYS: dict[str, Key] = {
    "bookshop.name": Key(parsers.text, "The Corner Bookshop"),
    "bookshop.tagline": Key(parsers.text, "Independent booksellers since 1974", optional=True),
    "bookshop.description": Key(
        parsers.text, "New and classic books, chosen by booksellers in York.", optional=True
    ),
    "bookshop.url": Key(parsers.web_address, "https://books.example.com"),
    "bookshop.locale": Key(parsers.locale, "en_GB", default="en_GB"),
    "bookshop.country": Key(parsers.country, "GB", optional=True),
    "bookshop.timezone": Key(timezone, "Europe/London", default=UTC),
    "bookshop.currency": Key(parsers.currency, "GBP"),
    "bookshop.email": Key(parsers.email, "hello@books.example.com"),
    "bookshop.secret": Key(parsers.signing_secret, "${BOOKSHOP_SECRET}", secret=True),
    "bookshop.var": Key(parsers.folder, "/var/lib/bookshop"),
    "bookshop.environment": Key(parsers.environment, "production", default="development"),
    "bookshop.session_lifetime": Key(parsers.positive_count, "24", default="24"),
    "bookshop.unpaid_retention": Key(parsers.positive_count, "30", default="30"),
    "bookshop.theme": Key(parsers.existing_folder, "/srv/books/theme", optional=True),
    "sqlalchemy.url": Key(
        parsers.database_url, "postgresql+psycopg://bookshop@localhost/bookshop", secret=True
    ),
    "stripe.secret_key": Key(parsers.stripe_secret_key, "sk_{mode}_…", secret=True),
    "stripe.publishable_key": Key(parsers.stripe_publishable_key, "pk_{mode}_…"),
    "stripe.webhook_secrets": Key(parsers.webhook_secrets, "whsec_…", secret=True),
    "stripe.api_base": Key(parsers.web_address, STRIPE_API, default=STRIPE_API),
    "stripe.js_url": Key(parsers.web_address, STRIPE_JS, default=STRIPE_JS),
    "stripe.timeout": Key(parsers.seconds, "8", default="8"),
    "stripe.max_network_retries": Key(parsers.count, "2", default="2"),
    "stripe.max_concurrency": Key(parsers.positive_count, "12", default="12"),
    "mail.host": Key(parsers.host, "smtp.example.com", optional=True),
    "mail.port": Key(parsers.port, "587", optional=True),
    "mail.security": Key(parsers.mail_security, "starttls", optional=True),
    "mail.username": Key(parsers.text, "hello@books.example.com", optional=True),
    "mail.password": Key(Secret, "${MAIL_PASSWORD}", secret=True, optional=True),
    "mail.from": Key(parsers.email, "hello@books.example.com", optional=True),
    "mail.folder": Key(parsers.folder, "/var/lib/bookshop/mail", optional=True),
    "mail.timeout": Key(parsers.seconds, "30", default="30"),
    "limits.storage": Key(parsers.limit_storage, "database", default="memory"),
    "limits.newcomers": Key(parsers.rate, "3/hour", default="3/hour"),
    "limits.checkouts": Key(parsers.rate, "50/hour", default="50/hour"),
    "limits.payments": Key(parsers.rate, "30/hour", default="30/hour"),
    "limits.reservations": Key(parsers.positive_count, "20", default="20"),
    "limits.order_links": Key(parsers.rate, "10/hour", default="10/hour"),
    "limits.searches": Key(parsers.rate, "60/minute", default="60/minute"),
    "limits.sitemaps": Key(parsers.rate, "60/minute", default="60/minute"),
    "limits.csp_reports": Key(parsers.rate, "20/minute", default="20/minute"),
    "metrics.token": Key(
        parsers.signing_secret, "${BOOKSHOP_METRICS_TOKEN}", secret=True, optional=True
    ),
}
