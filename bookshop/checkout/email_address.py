"""The customer's e-mail address: what is wrong with it, and the form that Stripe accepts."""

from __future__ import annotations

import re
from typing import Any

from email_validator import EmailNotValidError, validate_email
from translationstring import TranslationString

from bookshop.i18n import _

MAX_LENGTH = 254  # characters: RFC 5321
# Signs that no part of an address has; letters of all scripts are allowed (RFC 6531).
_FORBIDDEN = re.compile(r"[^\w.!#$%&'*+/=?^`{|}~@-]")
_FORBIDDEN_IN_DOMAIN = re.compile(r"[^\w.-]|_")


class InvalidEmailError(ValueError):
    """The text is not an e-mail address. `text`, to be translated, says what is in the way."""

    def __init__(self, text: TranslationString) -> None:
        super().__init__(str(text))
        self.text = text


def read_email(raw: str) -> str:
    """Return the address in its normal form. Raises InvalidEmailError."""
    address = raw.strip()
    try:
        return validate_email(address[: MAX_LENGTH + 1], check_deliverability=False).normalized
    except EmailNotValidError:
        raise InvalidEmailError(_problem(address)) from None


def receipt_address(email: str) -> str:
    """Return the address for Stripe's receipt, in ASCII; empty if it has no such form."""
    checked = validate_email(email, check_deliverability=False, test_environment=True)
    return checked.ascii_email or ""


def _problem(address: str) -> Any:
    """Return what is wrong with an address, for the customer."""
    local, _at, domain = address.rpartition("@")
    match = _FORBIDDEN.search(address) or _FORBIDDEN_IN_DOMAIN.search(domain)
    sign = match[0] if match else ""
    problems = (
        (not address, _("Enter your e-mail address.")),
        ("@" not in address, _("The e-mail address has no @. Write it as name@example.com.")),
        ("@" in local, _("The e-mail address has more than one @.")),
        (sign.isspace(), _("The e-mail address has a space in it.")),
        (sign, _("The e-mail address can’t have a “${sign}”.", mapping={"sign": sign})),
        (".." in address, _("The e-mail address has two dots in a row: “..”.")),
        (
            local.startswith(".") or local.endswith("."),
            _("The part before the @ can’t begin or end with a dot."),
        ),
        (len(address) > MAX_LENGTH, _("The e-mail address is too long.")),
        (
            local and domain,
            _("“${domain}” is not the domain of an e-mail address.", mapping={"domain": domain}),
        ),
    )
    general = _("Enter a valid e-mail address, for example name@example.com.")
    return next((text for applies, text in problems if applies), general)
