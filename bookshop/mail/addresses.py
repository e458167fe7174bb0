"""E-mail addresses as limits compare them: spellings that reach one mailbox are one address."""

from __future__ import annotations

import unicodedata


def mailbox_key(address: str) -> str:
    """Return the same text for all spellings of an address that usually reach one mailbox.

    Case, dots and what follows a plus sign are ignored, since many providers ignore them (RFC 5233,
    subaddressing); the domain is in ASCII. The result is compared and never written to.
    """
    local, _at, domain = unicodedata.normalize("NFKC", address.strip()).casefold().rpartition("@")
    mailbox = local.partition("+")[0].replace(".", "") or local
    try:
        domain = domain.encode("idna").decode()
    except UnicodeError:  # not a domain; compared as it is
        return f"{mailbox}@{domain}"
    return f"{mailbox}@{domain}"
