"""E-mail messages (RFC 5322), and the interface of the code that composes their content."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Protocol
from urllib.parse import urlsplit

from email_validator import validate_email

from bookshop.mail.headers import HeaderPolicy
from bookshop.settings import Settings, ShopSettings


@dataclass(frozen=True)
class QueuedMail:
    """A row of the outbox outside its transaction; `detail` holds values for the template."""

    kind: str
    order_id: int
    recipient: str
    message_id: str
    written_at: datetime
    detail: Mapping[str, Any]


@dataclass(frozen=True)
class EmailContent:
    """Subject and body of an e-mail; the body once as plain text and once as HTML."""

    subject: str
    text: str
    html: str


class Composer(Protocol):
    """Writes the content of queued e-mails."""

    def compose(self, mail: QueuedMail) -> EmailContent:
        """Return the content of `mail`. After any exception the delivery is retried later."""
        ...


def domain(shop: ShopSettings) -> str:
    """Return the domain of `bookshop.url`, in ASCII (IDNA)."""
    return (urlsplit(shop.url).hostname or "").encode("idna").decode()


def build_message(settings: Settings, mail: QueuedMail, content: EmailContent) -> EmailMessage:
    """Return the message with its headers, which are the same in every delivery attempt.

    If the recipient's local part is not ASCII, the message requires SMTPUTF8 (RFC 6531).
    """
    recipient = _with_ascii_domain(mail.recipient)
    message = EmailMessage(policy=HeaderPolicy(utf8=not recipient.isascii()))
    shop = settings.shop
    message["From"] = Address(
        _one_line(shop.name), addr_spec=_with_ascii_domain(settings.mail.sender)
    )
    message["To"] = recipient
    if settings.mail.sender != shop.email:
        message["Reply-To"] = Address(
            _one_line(shop.name), addr_spec=_with_ascii_domain(shop.email)
        )
    message["Subject"] = _one_line(content.subject)
    message["Date"] = mail.written_at
    message["Message-ID"] = f"<{mail.message_id}@{domain(shop)}>"
    message["Auto-Submitted"] = "auto-generated"
    # Seven bits: a server may announce 8BITMIME and relay to one that does not support it.
    message.set_content(content.text, cte="quoted-printable")
    message.add_alternative(content.html, subtype="html", cte="quoted-printable")
    return message


def _with_ascii_domain(address: str) -> str:
    """Return the address with its domain in ASCII; the local part has no ASCII form."""
    parts = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{parts.local_part}@{parts.ascii_domain}"


def _one_line(text: str) -> str:
    """Replace line breaks, which would allow header injection, by spaces."""
    return " ".join(text.split())
