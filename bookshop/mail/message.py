"""A letter in its envelope: the message as mail systems want it (RFC 5322)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any
from urllib.parse import urlsplit

from email_validator import validate_email

from bookshop.mail.models import MailKind
from bookshop.orders.snapshot import OrderSnapshot
from bookshop.settings import Settings, ShopSettings


@dataclass(frozen=True)
class Mail:
    """A row of the outbox outside its transaction, with the order as it is now."""

    kind: MailKind
    recipient: str
    message_id: str
    written_at: datetime
    detail: dict[str, Any]
    order: OrderSnapshot


@dataclass(frozen=True)
class EmailContent:
    """What a mail says: the same as text and as HTML."""

    subject: str
    text: str
    html: str


def domain(shop: ShopSettings) -> str:
    """The shop's domain, in ASCII."""
    return (urlsplit(shop.url).hostname or "").encode("idna").decode()


def message(settings: Settings, mail: Mail, letter: EmailContent) -> EmailMessage:
    """The message, the same in every attempt but for what the letter says.

    A recipient whose address needs it makes it one for SMTPUTF8 (RFC 6531).
    """
    recipient = _written_in_ascii(mail.recipient)
    made = EmailMessage(policy=SMTP.clone(utf8=not recipient.isascii()))
    shop = settings.shop
    made["From"] = Address(_one_line(shop.name), addr_spec=settings.mail.sender)
    made["To"] = recipient
    if settings.mail.sender != shop.email:
        made["Reply-To"] = Address(_one_line(shop.name), addr_spec=shop.email)
    made["Subject"] = _one_line(letter.subject)
    made["Date"] = mail.written_at
    made["Message-ID"] = f"<{mail.message_id}@{domain(shop)}>"
    made["Auto-Submitted"] = "auto-generated"
    # In seven bits, since a server may announce eight and its successor not take them.
    made.set_content(letter.text, cte="quoted-printable")
    made.add_alternative(letter.html, subtype="html", cte="quoted-printable")
    return made


def _written_in_ascii(address: str) -> str:
    """The address with its domain in ASCII; the part before the @ can only stay as it is."""
    parts = validate_email(address, check_deliverability=False, test_environment=True)
    return f"{parts.local_part}@{parts.ascii_domain}"


def _one_line(text: str) -> str:
    """No line breaks, which would begin a header of somebody else's choice."""
    return " ".join(text.split())
