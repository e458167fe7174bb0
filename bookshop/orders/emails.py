"""What mails say: the templates in `templates/mail`, in the shop's language, without a request."""

from __future__ import annotations

import re
from datetime import date
from functools import cached_property
from typing import Any
from urllib.parse import urlencode

from jinja2 import Environment
from pyramid.i18n import make_localizer
from pyramid.interfaces import ITranslationDirectories
from pyramid.registry import Registry
from pyramid_jinja2 import IJinja2Environment

from bookshop.mail.message import EmailContent, Mail
from bookshop.mail.models import MailKind
from bookshop.money import Money
from bookshop.orders.fulfilment.preorders import expected_release
from bookshop.orders.links import LIFE, order_url
from bookshop.orders.snapshot import OrderSnapshot

DOMAIN = "bookshop"


class EmailComposer:
    """Writes letters for the shop of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def write(self, mail: Mail) -> EmailContent:
        """The letter of that kind about that order. Raises what a broken template raises."""
        values = self._values(mail)
        text = self._text.get_template(f"mail/{mail.kind.value}.txt.jinja2")
        html = self._html.get_template(f"mail/{mail.kind.value}.html.jinja2")
        subject = "".join(text.blocks["subject"](text.new_context(values))).strip()
        return EmailContent(
            subject=subject,
            # Blocks that a letter leaves empty leave blank lines behind.
            text=re.sub(r"\n{3,}", "\n\n", text.render(values)),
            html=html.render(values, subject=subject),
        )

    def _values(self, mail: Mail) -> dict[str, Any]:
        shop, order = self._registry.bookshop.shop, mail.order
        values = {
            "shop": shop,
            "order": order,
            "order_url": order_url(shop, order.number),
            "days": LIFE.days,
            # Whatever the order was for, it can be bought again.
            "retry_url": f"{shop.url}/checkout?{urlencode({'item': order.lines[0].sku})}",
        }
        if mail.kind is MailKind.PAID:
            values["coming"] = self._coming(order)
        elif mail.kind is MailKind.REFUNDED:
            values["amount"] = Money(mail.detail["amount"], order.total.currency)
        elif mail.kind is MailKind.SHIPPED:
            values["sent"] = mail.detail["lines"]
            values["tracking"] = mail.detail["tracking"]
        return values

    def _coming(self, order: OrderSnapshot) -> list[tuple[str, date]]:
        """The titles that are not out yet, and when they are."""
        shelf = self._registry.shelf
        days = (
            (line.title, expected_release(order, line, shelf.detail(line.sku)))
            for line in order.lines
        )
        return [(title, day) for title, day in days if day is not None]

    @cached_property
    def _html(self) -> Environment:
        return self._environment(autoescape=True)

    @cached_property
    def _text(self) -> Environment:
        return self._environment(autoescape=False)

    def _environment(self, *, autoescape: bool) -> Environment:
        """The pages' own, but translating where there is no request to ask for the language."""
        pages = self._registry.getUtility(IJinja2Environment, name=".jinja2")
        localizer = make_localizer(
            self._registry.bookshop.shop.locale,
            self._registry.queryUtility(ITranslationDirectories, default=[]),
        )

        def gettext(text: str) -> str:
            translated: str = localizer.translate(text, domain=DOMAIN)
            return translated

        def ngettext(singular: str, plural: str, number: int) -> str:
            translated: str = localizer.pluralize(singular, plural, number, domain=DOMAIN)
            return translated

        environment: Environment = pages.overlay(autoescape=autoescape)
        environment.globals = {**pages.globals, "gettext": gettext, "ngettext": ngettext}
        return environment
