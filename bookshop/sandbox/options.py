"""The sandbox's options and their validation."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

DEFAULT_LISTEN = "localhost:6544"
KEYS = {"sandbox.database", "sandbox.listen", "sandbox.mail", "sandbox.webhook_url"}
PORTS = range(65536)


def is_web_address(url: str) -> bool:
    """Return True if events can be posted to the address."""
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


class OptionsError(Exception):
    """The sandbox cannot start. The text names the setting, the problem and what to write."""


@dataclass(frozen=True)
class Options:
    """The configuration of a sandbox. Raises OptionsError for an address of another machine.

    `listen` is `host:port`, port 0 for any free one. `database` is the sandbox's own SQLite file.
    Without a `webhook_url` events are only sent to endpoints created over the API. `mail` is the
    folder whose .eml files the dashboard shows. `currency` is the account's payout currency; None
    for pounds.
    """

    listen: str
    secret_key: str = field(repr=False)
    publishable_key: str
    webhook_url: str | None
    webhook_secret: str = field(repr=False)
    database: Path
    mail: Path | None = None
    currency: str | None = None

    def __post_init__(self) -> None:
        host, colon, port = self.listen.rpartition(":")
        if not colon or not port.isdecimal() or int(port) not in PORTS:
            raise OptionsError(
                f"sandbox.listen: {self.listen!r} is not host:port\n"
                f"    write: sandbox.listen = {DEFAULT_LISTEN}"
            )
        if self.webhook_url is not None and not is_web_address(self.webhook_url):
            raise OptionsError(
                f"sandbox.webhook_url: {self.webhook_url!r} is not a web address\n"
                "    write: sandbox.webhook_url = http://localhost:6543/webhooks/stripe"
            )
        if not _is_loopback(host):
            raise OptionsError(
                f"sandbox.listen: {host!r} can be reached by other machines, and the sandbox moves "
                f"no real money\n    write: sandbox.listen = localhost:{port}"
            )

    @property
    def host(self) -> str:
        """Return the host to listen on, without the brackets of an IPv6 address."""
        return self.listen.rpartition(":")[0].strip("[]")

    @property
    def port(self) -> int:
        """Return the port to listen on."""
        return int(self.listen.rpartition(":")[2])

    @classmethod
    def from_settings(cls, settings: Mapping[str, str]) -> Options:
        """Read the options of an expanded INI section. Raises OptionsError."""
        unknown = {key for key in settings if key.startswith("sandbox.")} - KEYS
        if unknown:
            raise OptionsError(
                f"{min(unknown)}: is not a setting of the sandbox\n"
                f"    write one of: {', '.join(sorted(KEYS))}"
            )
        required = ("stripe.secret_key", "stripe.publishable_key", "stripe.webhook_secrets")
        missing = [key for key in required if not settings.get(key, "").split()]
        if missing:
            raise OptionsError(f"{missing[0]}: is missing; the sandbox requires it, as Stripe does")
        shop = settings.get("bookshop.url", "http://localhost:6543").rstrip("/")
        var = Path(settings.get("bookshop.var", "var"))
        return cls(
            listen=settings.get("sandbox.listen", DEFAULT_LISTEN).strip(),
            secret_key=settings["stripe.secret_key"].strip(),
            publishable_key=settings["stripe.publishable_key"].strip(),
            webhook_url=settings.get("sandbox.webhook_url", f"{shop}/webhooks/stripe").strip()
            or None,
            webhook_secret=settings["stripe.webhook_secrets"].replace(",", " ").split()[0],
            database=Path(settings.get("sandbox.database", var / "sandbox.sqlite")),
            mail=Path(settings.get("sandbox.mail") or settings.get("mail.folder") or var / "mail"),
            currency=settings.get("bookshop.currency", "").strip().lower() or None,
        )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
