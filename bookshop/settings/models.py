"""The settings as frozen, typed objects, one for each prefix of the INI's keys."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

from limits import RateLimitItem
from sqlalchemy.engine import URL

from bookshop.settings.parsers import Secret, is_live

Environment = Literal["development", "staging", "production"]
Security = Literal["starttls", "tls", "none"]
Storage = Literal["memory", "database"]


@dataclass(frozen=True)
class ShopSettings:
    """The shop. `locale` is as in en_GB; `country` is where it sells, an ISO 3166 code.

    `timezone` decides which day it is. `tagline` is a line for customers, `description` a text for
    search engines. `var` is the folder for files that the shop writes. `theme` is a folder whose
    `templates` and `static` take precedence over the shop's own. A session ends `session_lifetime`
    hours after its last use. Orders that were never paid are deleted after `unpaid_retention` days.
    """

    name: str
    tagline: str | None
    description: str | None
    url: str
    locale: str
    country: str
    timezone: ZoneInfo
    currency: str
    email: str
    secret: Secret
    var: Path
    environment: Environment
    session_lifetime: int
    unpaid_retention: int
    theme: Path | None

    @property
    def maintenance(self) -> Path:
        """The file that closes the shop while it exists."""
        return self.var / "maintenance"


@dataclass(frozen=True)
class StripeSettings:
    """The connection to Stripe. `timeout` (seconds) bounds one operation, retries included."""

    secret_key: Secret
    publishable_key: str
    webhook_secrets: tuple[Secret, ...]
    api_base: str
    js_url: str
    timeout: float
    max_network_retries: int
    max_concurrency: int

    @property
    def livemode(self) -> bool:
        """True if real money moves."""
        return is_live(self.secret_key.reveal())


@dataclass(frozen=True)
class MailSettings:
    """The transport of e-mails: files in `folder`, or the mail server `host` if it is None.

    `sender` is the sender's address; `timeout` (seconds) bounds each wait for the server.
    """

    host: str
    port: int
    security: Security
    username: str | None
    password: Secret | None
    sender: str
    folder: Path | None
    timeout: float


@dataclass(frozen=True)
class LimitSettings:
    """The rate limits of one visitor, and where requests are counted.

    `reservations` is the number of orders of one network whose copies may be reserved at a time.
    """

    storage: Storage
    newcomers: RateLimitItem
    checkouts: RateLimitItem
    payments: RateLimitItem
    reservations: int
    order_links: RateLimitItem
    searches: RateLimitItem
    sitemaps: RateLimitItem
    csp_reports: RateLimitItem


@dataclass(frozen=True)
class MetricsSettings:
    """Access to the metrics. If `token` is None, they are available in development only."""

    token: Secret | None


@dataclass(frozen=True)
class Settings:
    """All settings of the shop."""

    shop: ShopSettings
    stripe: StripeSettings
    mail: MailSettings
    limits: LimitSettings
    metrics: MetricsSettings
    database: URL
