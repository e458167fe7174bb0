"""E-mail addresses as they are compared: spellings of one address, and of one mailbox."""

from __future__ import annotations

import unicodedata
from contextlib import suppress

from email_validator import EmailNotValidError, validate_email


def address_key(address: str) -> str:
    """Return the same text for all spellings of one address: case, and the form of its domain.

    An internationalised domain is in ASCII (IDNA 2008), as in the headers of e-mails. The result is
    compared and never written to.
    """
    local, at, domain = unicodedata.normalize("NFC", address.strip()).rpartition("@")
    return f"{local}{at}{_ascii_domain(domain)}".casefold()


def mailbox_key(address: str) -> str:
    """Return the same text for all spellings of an address that usually reach one mailbox.

    Case, dots and what follows a plus sign are ignored, since many providers ignore them (RFC 5233,
    subaddressing); the domain is in ASCII. The result is compared and never written to.
    """
    local, _at, domain = unicodedata.normalize("NFKC", address.strip()).casefold().rpartition("@")
    mailbox = local.partition("+")[0].replace(".", "") or local
    return f"{mailbox}@{_ascii_domain(domain)}"


def _ascii_domain(domain: str) -> str:
    """Return a domain in ASCII; a text that is none as it is."""
    if domain.isascii():
        return domain
    with suppress(EmailNotValidError):
        parts = validate_email(f"any@{domain}", check_deliverability=False, test_environment=True)
        return parts.ascii_domain
    return domain
